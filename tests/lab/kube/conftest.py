"""A simulator for each test, on a port of its own, and a caller of it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from lab.kube import KubeSimulator, Platform
from tests.lab.kube.caller import Caller


@pytest.fixture
async def kube(request: pytest.FixtureRequest) -> AsyncIterator[KubeSimulator]:
    """A simulator whose platform stands; a test parametrises it indirectly with another platform."""
    platform: Platform = getattr(request, "param", Platform())
    async with KubeSimulator(platform=platform, ready_delay=0.005, cleanup_delay=0.002) as simulator:
        await simulator.settled()
        yield simulator


@pytest.fixture
async def caller(kube: KubeSimulator) -> AsyncIterator[Caller]:
    """A client of the simulator."""
    async with aiohttp.ClientSession(kube.url) as http:
        yield Caller(kube, http)
