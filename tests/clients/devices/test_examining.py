"""Looking at a device before anything is asked of it: whether it is what the document says, and has what it needs."""

import re
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
from netmiko import ConnectHandler

from clients.devices.examining import Examined, examine
from clients.devices.identity import IDENTITIES, Identity
from clients.errors import RefusedError
from lab.switches import Login as SimulatedLogin
from lab.switches import Switch as Simulated
from lab.switches.dialects import DialectName
from tenancy.edge import EdgeRouter, RouterPlatform
from tenancy.switches import SwitchPlatform
from tests.clients.devices.scene import ENABLE, PASSWORD, Scene, login_of

# What each answers to its command, by the templates of ntc-templates and the vendors' manuals.
ANSWERS = {
    "cisco-ios": "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(4)E6, RELEASE SOFTWARE (fc4)",
    "cisco-iosxe": "Cisco IOS XE Software, Version 17.03.04a\nCisco IOS Software [Amsterdam], Virtual XE Software",
    "cisco-nxos": "Cisco Nexus Operating System (NX-OS) Software\nTAC support: http://www.cisco.com/tac",
    "arista-eos": "Arista DCS-7050TX-64-R\nHardware version: 01.11\n\nSoftware image version: 4.28.3M",
    "juniper-junos": "Hostname: leaf-4\nModel: ex4300-48t\nJunos: 21.4R3.15\nJUNOS OS Kernel 64-bit [20220809.a6]",
    "dell-os10": "Dell EMC Networking OS10 Enterprise\nCopyright (c) 1999-2021 by Dell Inc.\nOS Version: 10.5.2.3",
    "aruba-aoscx": "-----\nArubaOS-CX\n(c) Copyright 2017-2022 Hewlett Packard Enterprise Development LP\nVersion : GL.10.09",
    "cumulus-nvue": 'NAME="Cumulus Linux"\nVERSION_ID=5.9.1\nPRETTY_NAME="Cumulus Linux"\nID=cumulus-linux',
    "frr": "FRRouting 8.4.4 (edge-1) on Linux(6.1.0-18-amd64).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.",
    "vyos": "Version:          VyOS 1.4.0\nRelease train:    sagitta",
}
ALIKE = {"cisco-ios", "cisco-iosxe"}


def test_each_platform_is_known_by_its_own_words_alone() -> None:
    assert set(IDENTITIES) == {*get_args(SwitchPlatform), *get_args(RouterPlatform)} == set(ANSWERS)
    for platform, identity in IDENTITIES.items():
        known = {other for other, answer in ANSWERS.items() if identity.words.search(answer)}
        assert known == (ALIKE if platform in ALIKE else {platform})


async def examined(scene: Scene) -> Examined:
    return await examine(scene.switch, scene.login, known_hosts=scene.known_hosts, progress=scene.progress.append)


async def test_a_switch_that_is_what_the_document_says_has_its_trunks(any_switch: Scene) -> None:
    assert await examined(any_switch) == Examined(note="2 trunks there")
    assert any_switch.changed() == []


async def test_a_switch_of_another_platform_is_named_by_what_it_is(
    any_switch: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = any_switch.simulated.dialect
    # EOS shakes hands with whoever knows IOS; the others do not know a word by which Netmiko prepares a session with EOS.
    monkeypatch.setattr("clients.devices.connecting.ConnectHandler", partial(ConnectHandler, read_timeout_override=1.0))
    any_switch.platform = wrong = "cisco-nxos" if simulated == "arista-eos" else "arista-eos"
    found = await examined(any_switch)
    where = f"switch leaf-1 ([127.0.0.1]:{any_switch.simulated.port})"
    assert found.gaps == (
        f"{where}: is {simulated}, and the platform document says {wrong}: correct its platform there",
    )
    assert any_switch.changed() == []


async def test_a_wrong_enable_secret_on_the_right_platform_is_told_as_such(ios: Scene) -> None:
    ios.login = login_of(enable="not-the-secret")
    with pytest.raises(RefusedError, match="the enable secret was refused"):
        await examined(ios)


async def test_a_login_that_is_refused_is_not_tried_again(ios: Scene) -> None:
    ios.login = login_of(password="not-the-password")
    with pytest.raises(RefusedError, match="login berth was refused"):
        await examined(ios)
    assert [granted for _, _, granted in ios.simulated.logins] == [False]


async def test_every_trunk_that_is_missing_is_told_at_once(ios: Scene) -> None:
    ios.trunks = (*ios.trunks, "GigabitEthernet1/0/40", "GigabitEthernet1/0/41")
    found = await examined(ios)
    assert [re.findall(r"trunk (\S+):", gap) for gap in found.gaps] == [
        ["GigabitEthernet1/0/40"],
        ["GigabitEthernet1/0/41"],
    ]
    assert all("correct the platform's document, or make the port a trunk" in gap for gap in found.gaps)


async def test_a_device_that_does_not_tell_what_it_is_is_a_doubt_and_its_trunks_are_looked_at_all_the_same(
    ios: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.devices.identity.IDENTITIES", {"cisco-ios": Identity(re.compile("Cisco Dreams"))})
    found = await examined(ios)
    (doubt,) = found.doubts
    assert "`show version` does not tell that it is cisco-ios but 'Cisco IOS Software, C3750E" in doubt
    assert (found.gaps, found.note) == ((), "2 trunks there")


@pytest.mark.parametrize("dialect", ["frr", "vyos", "cisco-iosxe"])
async def test_a_router_is_known_by_what_it_says_and_its_routes_can_be_read(
    dialect: DialectName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.devices.connecting.ConnectHandler", partial(ConnectHandler, read_timeout_override=2.0))
    asks = dialect == "cisco-iosxe"
    login = SimulatedLogin(username="berth", password=PASSWORD, enable_secret=ENABLE if asks else None)
    async with Simulated(dialect, name="edge-1", login=login) as simulated:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{simulated.port} {simulated.host_key}\n")

        async def look(platform: str, *, neighbour: bool = False) -> Examined:
            where = {"host": "127.0.0.1", "port": simulated.port, "credentials": "berth"}
            router = EdgeRouter.model_validate({"name": "edge-1", "platform": platform, **where})
            return await examine(
                router, login_of(), known_hosts=known_hosts, progress=lambda _: None, neighbour=neighbour
            )

        assert await look(dialect) == Examined(note="its static routes can be read")
        assert await look(dialect, neighbour=True) == Examined(note="answers, only read")
        if dialect != "cisco-iosxe":
            (gap,) = (await look("cisco-iosxe")).gaps
            assert f"is {dialect}, and the platform document says cisco-iosxe: correct its platform there" in gap
