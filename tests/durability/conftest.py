"""Scenes: one of its own for each test that kills something, and one with a worker that the others of a module share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.durability.scene import Scene, a_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path) as here:
        yield here


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path_factory.mktemp("scene")) as here:
        await here.worker()
        yield here


@pytest_asyncio.fixture(loop_scope="module")
async def served(shared_scene: Scene) -> AsyncIterator[Scene]:
    """A scene that a worker serves; each test has tenants of its own, and leaves no fault behind."""
    yield shared_scene
    await shared_scene.clear_faults()
