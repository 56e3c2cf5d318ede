"""A scene of its own for each test that kills something."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.durability.scene import Scene, a_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path) as here:
        yield here
