"""Simulated routers to work on."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.devices import Login, work
from lab.switches import Login as RouterLogin
from lab.switches import Switch as Simulated
from lab.switches import routed
from tenancy.devices import DeviceOutcome, EdgeAction, EdgeRequest
from tenancy.edge import EdgeRouter, RouterPlatform
from tests.clients.devices.routers.wishes import TAG, Wish, Wishes
from tests.clients.devices.scene import ENABLE, PASSWORD

PORTS: dict[RouterPlatform, str] = {
    "cisco-iosxe": "GigabitEthernet1",
    "arista-eos": "Ethernet1",
    "juniper-junos": "ge-0/0/0",
    "vyos": "eth0",
}
"""The port of each that is on the provider network."""


@dataclass
class RouterScene(Wishes):
    """One simulated router, and what is asked of it."""

    simulated: Simulated
    platform: RouterPlatform
    known_hosts: Path
    alive: Callable[[], bool] = lambda: True

    async def work(self, *requests: EdgeRequest, neighbour: bool = False) -> list[DeviceOutcome]:
        router = EdgeRouter(
            name="edge-1",
            platform=self.platform,
            host="127.0.0.1",
            port=self.simulated.port,
            credentials="berth",
        )
        return await work(
            router,
            Login(username="berth", password=PASSWORD, enable_secret=ENABLE),
            requests,
            known_hosts=self.known_hosts,
            alive=self.alive,
            progress=lambda _: None,
            tag=TAG,
            neighbour=neighbour,
        )

    async def ask(
        self, action: EdgeAction, wish: Wish, tenant: str = "acme", *, neighbour: bool = False
    ) -> DeviceOutcome:
        (outcome,) = await self.work(self.request(action, wish, tenant), neighbour=neighbour)
        return outcome

    async def done(self, action: EdgeAction, wish: Wish, *, neighbour: bool = False) -> DeviceOutcome:
        outcome = await self.ask(action, wish, neighbour=neighbour)
        assert outcome.result == "done", outcome.message
        return outcome

    def statics(self, which: str = "running") -> set[tuple[str, str | None]]:
        """Destinations and next hops, as it runs or as it starts."""
        configuration = self.simulated.running if which == "running" else self.simulated.startup
        return {(route.destination, route.next_hop) for route in configuration.routes}


@pytest.fixture(params=PORTS)
async def router(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RouterScene]:
    platform = request.param
    asks = platform in ("cisco-iosxe", "arista-eos")
    async with Simulated(
        platform,
        name="edge-1",
        login=RouterLogin(username="berth", password=PASSWORD, enable_secret=ENABLE if asks else None),
        ports=[routed(PORTS[platform], "192.0.2.1/24", "2001:db8:ff::1/64")],
        minute_seconds=0.5,
    ) as simulated:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{simulated.port} {simulated.host_key}\n")
        yield RouterScene(simulated, platform, known_hosts)
