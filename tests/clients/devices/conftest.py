"""Simulated switches to work on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.switches import Switch as Simulated
from lab.switches import trunk
from tenancy.switches import SwitchPlatform
from tests.clients.devices.scene import ENABLE, Scene, switch_login

IOS_TRUNKS = ("GigabitEthernet1/0/1", "GigabitEthernet1/0/2")


@pytest.fixture
async def ios(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Simulated(
        "cisco-ios",
        name="leaf-1",
        login=switch_login(),
        ports=[trunk(IOS_TRUNKS[0], "1,10-20"), trunk(IOS_TRUNKS[1], "1"), trunk("GigabitEthernet1/0/3", "ALL")],
        vlans={10: "office", 20: "voice"},
        other=["ntp server 192.0.2.1"],
    ) as simulated:
        scene = Scene(simulated, "cisco-ios", IOS_TRUNKS, tmp_path / "known_hosts")
        scene.trust()
        yield scene


TRUNKS: dict[SwitchPlatform, tuple[str, ...]] = {
    "cisco-ios": ("GigabitEthernet1/0/1", "GigabitEthernet1/0/2", "GigabitEthernet1/0/3"),
    "cisco-nxos": ("Ethernet1/1", "Ethernet1/2", "Ethernet1/3"),
    "arista-eos": ("Ethernet1", "Ethernet2", "Ethernet3"),
    "juniper-junos": ("ge-0/0/1", "ge-0/0/2", "ge-0/0/3"),
}


@pytest.fixture(params=TRUNKS)
async def any_switch(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    platform = request.param
    first, second, third = TRUNKS[platform]
    async with Simulated(
        platform,
        name="leaf-1",
        login=switch_login(ENABLE if platform in ("cisco-ios", "arista-eos") else None),
        ports=[trunk(first, "10,20"), trunk(second, "10"), trunk(third, "ALL")],
        vlans={10: "office", 20: "voice"},
        minute_seconds=0.5,
    ) as simulated:
        scene = Scene(simulated, platform, (first, second), tmp_path / "known_hosts")
        scene.trust()
        yield scene
