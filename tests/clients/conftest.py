"""The simulated platform, and a client of it."""

from collections.abc import AsyncIterator

import pytest

from clients.kube_ovn import KubeOvn
from lab.kube import KubeSimulator
from tests.clients.stand_in import client_of


@pytest.fixture
async def platform() -> AsyncIterator[KubeSimulator]:
    async with KubeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def kube(platform: KubeSimulator) -> AsyncIterator[KubeOvn]:
    async with client_of(platform.url) as client:
        yield client
