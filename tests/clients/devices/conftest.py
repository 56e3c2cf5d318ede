"""Simulated switches to work on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.switches import Switch as Simulated
from lab.switches import trunk
from tests.clients.devices.scene import Scene, switch_login

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
