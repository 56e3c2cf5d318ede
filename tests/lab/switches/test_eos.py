"""The EOS dialect over SSH: configuration sessions, and where it differs from IOS."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from netmiko import ConnectHandler

from lab.switches import Port, Switch, trunk
from tests.lab.switches.client import PASSWORD, SECRET, login, session

ET1 = "Ethernet1"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    ports = [trunk(ET1, "1,10"), trunk("Ethernet2", "ALL"), Port("Ethernet3", access=10)]
    async with Switch(
        "arista-eos", name="leaf-3", login=login(enable_secret=SECRET), ports=ports, vlans={10: "mgmt"}
    ) as one:
        yield one


def in_netmiko(switch: Switch, work: Any) -> Any:
    with ConnectHandler(
        device_type="arista_eos",
        host="127.0.0.1",
        port=switch.port,
        username="berth",
        password=PASSWORD,
        secret=SECRET,
    ) as connection:
        connection.enable()
        return work(connection)


@pytest.mark.filterwarnings("ignore:path is deprecated")  # textfsm templates' own
async def test_netmiko_configures_reads_back_and_saves(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        lines = ["vlan 100", "name berth-blue", f"interface {ET1}", "switchport trunk allowed vlan add 100"]
        connection.send_config_set(lines, error_pattern=r"^%")
        assert "Copy completed" in connection.save_config()
        return connection.send_command("show vlan", use_textfsm=True, raise_parsing_error=True)

    vlans = await asyncio.to_thread(in_netmiko, switch, work)
    assert {row["vlan_id"]: row["vlan_name"] for row in vlans} == {"1": "default", "10": "mgmt", "100": "berth-blue"}
    assert switch.startup == switch.running
    assert switch.startup.ports[ET1].allowed == frozenset({1, 10, 100})


async def test_netmiko_works_in_a_configuration_session(switch: Switch) -> None:
    def work(connection: Any) -> str:
        connection.config_mode("configure session berth-1")
        connection.send_config_set(["vlan 100", "name berth-blue"], enter_config_mode=False, exit_config_mode=False)
        diffs: str = connection.send_command("show session-config diffs", expect_string=r"\)#")
        connection.send_command("commit", expect_string=r"#")
        return diffs

    diffs = await asyncio.to_thread(in_netmiko, switch, work)
    assert "+vlan 100\n+   name berth-blue" in diffs.replace("\r", "")
    assert switch.running.vlans[100] == "berth-blue"
    assert 100 not in switch.startup.vlans


async def test_a_session_changes_nothing_until_it_is_committed(switch: Switch) -> None:
    async with session(switch) as client:
        answers = await client.each("configure session blue", "vlan 100", "name a", "interface Ethernet1")
        assert answers[0].endswith("leaf-3(config-s-blue)#")
        assert answers[1].endswith("leaf-3(config-s-blue-vlan-100)#")
        assert answers[3].endswith("leaf-3(config-s-blue-if-Et1)#")
        await client.send("switchport trunk allowed vlan add 100")
        assert 100 not in switch.running.vlans
        assert "VLAN0100" not in await client.send("show vlan")
        diffs = await client.send("show session-config diffs")
        assert (await client.send("commit")).endswith("leaf-3#")
        assert "does not exist" in await client.send("configure session blue commit")
    assert "--- system:/running-config\n+++ session:/blue-session-config\n" in diffs
    assert "-   switchport trunk allowed vlan 1,10\n+   switchport trunk allowed vlan 1,10,100\n" in diffs
    assert switch.running.ports[ET1].allowed == frozenset({1, 10, 100})


async def test_an_aborted_session_leaves_nothing(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure session blue", "vlan 100")
        assert (await client.send("abort")).endswith("leaf-3#")
        assert "blue" not in (await client.send("show configuration sessions")).partition("\n")[2]
    assert 100 not in switch.running.vlans


async def test_a_session_that_is_left_waits_and_there_are_five_at_the_most(switch: Switch) -> None:
    async with session(switch) as client:
        for number in range(5):
            await client.each(f"configure session s{number}", f"vlan {100 + number}", "end")
        refused = await client.send("configure session s5")
        assert "% Maximum number of pending sessions has been reached" in refused
        assert "s4" in await client.send("show configuration sessions detail")
    async with session(switch) as client:
        await client.send("configure session s0 commit")
        assert (await client.send("configure session s5")).endswith("(config-s-s5)#")
    assert 100 in switch.running.vlans
    assert 101 not in switch.running.vlans


async def test_a_commit_undoes_what_somebody_changed_since_the_session_began(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure session blue", "vlan 100")
        await switch.change("vlan 77")
        await client.send("commit")
    assert set(switch.running.vlans) == {1, 10, 100}


async def test_a_commit_with_a_timer_is_taken_back_unless_confirmed() -> None:
    async with (
        Switch("arista-eos", name="leaf-3", login=login(), minute_seconds=0.05) as switch,
        session(switch) as client,
    ):
        await client.each("configure session blue", "vlan 100", "commit timer 00:01:00")
        assert 100 in switch.running.vlans
        async with asyncio.timeout(5):
            while 100 in switch.running.vlans:  # noqa: ASYNC110 - the switch tells nobody
                await asyncio.sleep(0.01)


async def test_a_commit_with_a_timer_stays_once_confirmed(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure session blue", "vlan 100", "commit timer 00:10:00")
        assert "pendingCommitTimer" in await client.send("show configuration sessions")
        await client.each("configure session red", "vlan 200")
        assert "% Cannot commit" in await client.send("commit")
        await client.each("end", "configure session blue commit", "configure session red commit")
    assert 100 in switch.running.vlans


async def test_a_commit_with_a_timer_is_taken_back_when_aborted(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure session blue", "vlan 100", "commit timer 00:10:00", "configure session blue abort")
    assert 100 not in switch.running.vlans


async def test_a_commit_that_fails_leaves_the_session(switch: Switch) -> None:
    switch.faults.add(effect="fail-commit", times=1)
    async with session(switch) as client:
        await client.each("configure session blue", "vlan 100")
        assert "% Cannot commit" in await client.send("commit")
        assert 100 not in switch.running.vlans
        await client.send("commit")
    assert 100 in switch.running.vlans


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["vlan 100", f"name {'x' * 33}"], "% Invalid input"),
        (["vlan 5000"], "% Invalid input"),
        (["no vlan 1"], "% Default VLAN 1 cannot be deleted"),
        (["vlan"], "% Incomplete command"),
        (["s"], "% Ambiguous command"),
        (["interface Ethernet9"], "% Invalid input"),
        (["commit"], "% Invalid input"),
    ],
)
async def test_lines_it_refuses(switch: Switch, lines: list[str], told: str) -> None:
    before = switch.running.copy()
    async with session(switch) as client:
        await client.send("configure terminal")
        *_, last = await client.each(*lines)
        assert told in last
    switch.running.vlans.pop(100, None)
    assert switch.running == before
    assert next(one for one in switch.journal if one.line == lines[-1]).accepted is False


async def test_tables_show_vlans_and_trunks(switch: Switch) -> None:
    async with session(switch) as client:
        vlans = await client.send("show vlan")
        trunks = await client.send("show interfaces trunk")
        port = await client.send("show interfaces Et1 switchport")
        lines = await client.send("show running-config interfaces Et1")
    assert "10    mgmt                             active    Et1, Et2, Et3\n" in vlans
    assert "Vlans allowed\nEt1             1,10\nEt2             1-4094\n" in trunks
    assert "Trunking VLANs Enabled: 1,10\n" in port
    assert "interface Ethernet1\n   switchport trunk allowed vlan 1,10\n   switchport mode trunk\n" in lines


async def test_a_save_that_is_refused(switch: Switch) -> None:
    await switch.change("vlan 100")
    switch.faults.add(effect="deny-save", times=1)
    async with session(switch) as client:
        assert "% Error copying" in await client.send("write memory")
    assert 100 not in switch.startup.vlans
