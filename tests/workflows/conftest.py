"""A world for each test: a simulated platform of its own, a worker of its own, and one Temporal server for all."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from lab.temporal import start_temporal
from tests.workflows.edge_world import EdgeWorld, one_to_one_nat, running_edge_world, static_routes
from tests.workflows.world import World, running_world
from workflows import sandbox
from workflows.converter import data_converter
from workflows.face import SEARCH_ATTRIBUTES

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real server for the session, run from a thread because each test has an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="temporal", daemon=True)
    thread.start()

    folder = tmp_path_factory.mktemp("temporal")
    server = asyncio.run_coroutine_threadsafe(start_temporal(folder, search_attributes=SEARCH_ATTRIBUTES), loop).result(
        60
    )
    yield server.address
    asyncio.run_coroutine_threadsafe(server.stop(seconds=0), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=data_converter)


@pytest.fixture
def name() -> str:
    """A tenant's name that no other test of the session uses."""
    return f"tenant{next(_numbers):04}"


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[World]:
    """A platform nobody else uses, and a worker for it."""
    async with running_world(client, tmp_path, name) as made:
        yield made


@pytest.fixture
async def edge(client: Client, tmp_path: Path, name: str) -> AsyncIterator[EdgeWorld]:
    """The same with two edge routers and a neighbour."""
    async with running_edge_world(client, tmp_path, name, static_routes(name, routers=2)) as made:
        yield made


@pytest.fixture
async def nat(client: Client, tmp_path: Path, name: str) -> AsyncIterator[EdgeWorld]:
    """The same with a pool of public addresses, a translator, a router and a neighbour."""
    async with running_edge_world(client, tmp_path, name, one_to_one_nat(name)) as made:
        yield made


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at a neighbour follow one another at once; two minutes of them would teach nothing."""
    # Shared with the sandbox, which otherwise loads a module of its own with the constant as it was.
    monkeypatch.setattr("workflows.sandbox.SHARED", (*sandbox.SHARED, "workflows.edge"))
    monkeypatch.setattr("workflows.edge.FIRST_LOOK", timedelta(milliseconds=1))


_clean: list[str] = []


@pytest.fixture
async def clean(client: Client, tmp_path: Path) -> str:
    """What a platform holds once the tests' usual tenant is onboarded and nothing went wrong, as `World.comparable`."""
    if not _clean:
        async with running_world(client, tmp_path, f"tenant{next(_numbers):04}") as model:
            await model.onboarded()
            _clean.append(await model.comparable())
    return _clean[0]
