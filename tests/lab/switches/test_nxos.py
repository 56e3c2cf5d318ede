"""The NX-OS dialect over SSH, where it differs from IOS."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from netmiko import ConnectHandler

from lab.switches import Port, Switch, trunk
from tests.lab.switches.client import PASSWORD, login, session

ETH1 = "Ethernet1/1"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    ports = [trunk(ETH1, "1,10"), trunk("Ethernet1/2", "ALL"), Port("Ethernet1/3", access=10)]
    async with Switch("cisco-nxos", name="leaf-2", login=login(), ports=ports, vlans={10: "mgmt"}) as one:
        yield one


@pytest.mark.filterwarnings("ignore:path is deprecated")  # textfsm templates' own
async def test_netmiko_configures_reads_back_and_saves(switch: Switch) -> None:
    def work() -> Any:
        with ConnectHandler(
            device_type="cisco_nxos", host="127.0.0.1", port=switch.port, username="berth", password=PASSWORD
        ) as connection:
            connection.enable()
            lines = ["vlan 100", "name berth-blue", f"interface {ETH1}", "switchport trunk allowed vlan add 100"]
            connection.send_config_set(lines, error_pattern=r"^%|^ERROR")
            assert "Copy complete" in connection.save_config()
            return connection.send_command("show vlan", use_textfsm=True, raise_parsing_error=True)

    vlans = await asyncio.to_thread(work)
    assert {row["vlan_id"]: row["vlan_name"] for row in vlans} == {"1": "default", "10": "mgmt", "100": "berth-blue"}
    assert switch.startup == switch.running
    assert switch.startup.vlans[100] == "berth-blue"
    assert switch.startup.ports[ETH1].allowed == frozenset({1, 10, 100})


async def test_a_vlan_is_made_at_once(switch: Switch) -> None:
    async with session(switch) as client:
        answers = await client.each("configure terminal", "vlan 100", "name early")
        assert switch.running.vlans[100] == "early"
    assert answers[-1].endswith("leaf-2(config-vlan)# ")


async def test_commands_of_privileged_mode_work_in_configuration_mode(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100")
        assert "100  VLAN0100" in await client.send("show vlan brief")
        saved = await client.send("copy run start")
        assert saved.endswith("leaf-2(config-vlan)# ")
    assert "[########################################] 100%" in saved
    assert 100 in switch.startup.vlans


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["vlan 100", f"name {'x' * 33}"], "% String exceeded max length of (32) at '^' marker."),
        (["vlan 100", "name mgmt"], "ERROR: VLAN with the same name exists"),
        (["vlan 4000"], "ERROR: VLAN(s) 3968-4094 are reserved"),
        (["vlan 5000"], "% Invalid value/range at '^' marker."),
        (["no vlan 1"], "ERROR: "),
        (["nonsense"], "^\n% Invalid command at '^' marker."),
        (["vlan"], "^\n% Incomplete command at '^' marker."),
        (["interface ethernet 9/9"], "% Invalid interface format"),
        ([f"interface {ETH1}", "s"], "% Ambiguous command at '^' marker."),
    ],
)
async def test_lines_it_refuses(switch: Switch, lines: list[str], told: str) -> None:
    before = switch.running.copy()
    async with session(switch) as client:
        await client.send("configure terminal")
        *_, last = await client.each(*lines)
        assert told in last
        await client.send("end")
    switch.running.vlans.pop(100, None)
    assert switch.running == before
    assert next(one for one in switch.journal if one.line == lines[-1]).accepted is False


async def test_tables_show_vlans_and_trunks(switch: Switch) -> None:
    async with session(switch) as client:
        brief = await client.send("show vlan brief")
        trunks = await client.send("show interface trunk")
        port = await client.send("show interface eth1/1 switchport")
        lines = await client.send("show running-config interface ethernet 1/1")
        vlan = await client.send("show running-config vlan 10")
    assert "10   mgmt                             active    Eth1/1, Eth1/2, Eth1/3\n" in brief
    assert "Vlans Allowed on Trunk\n" + "-" * 80 + "\nEth1/1        1,10\nEth1/2        1-4094\n" in trunks
    assert "Trunking VLANs Allowed: 1,10\n" in port
    assert "interface Ethernet1/1\n  switchport mode trunk\n  switchport trunk allowed vlan 1,10\n" in lines
    assert "vlan 10\nvlan 10\n  name mgmt\n" in vlan


async def test_a_save_that_is_refused(switch: Switch) -> None:
    await switch.change("vlan 100")
    switch.faults.add(effect="deny-save", times=1)
    async with session(switch) as client:
        assert "Configuration update aborted" in await client.send("copy running-config startup-config")
        assert 100 not in switch.startup.vlans


async def test_several_ports_at_once(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "interface ethernet 1/1-2", "switchport trunk allowed vlan add 20")
        await client.send("switchport trunk allowed vlan remove 1")
    assert switch.running.ports[ETH1].allowed == frozenset({10, 20})
    assert switch.running.ports["Ethernet1/2"].allowed == frozenset(range(2, 4095))
