"""The IOS dialect over SSH, as a client meets it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from netmiko import ConfigInvalidException, ConnectHandler

from lab.switches import Port, Switch, trunk
from tests.lab.switches.client import PASSWORD, SECRET, login, session

GI1 = "GigabitEthernet1/0/1"
GI2 = "GigabitEthernet1/0/2"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    ports = [trunk(GI1, "1,10"), trunk(GI2, "ALL"), Port("GigabitEthernet1/0/3", access=10)]
    other = ["ip domain-name example.net"]
    async with Switch(
        "cisco-ios", name="leaf-1", login=login(enable_secret=SECRET), ports=ports, vlans={10: "mgmt"}, other=other
    ) as one:
        yield one


def in_netmiko(switch: Switch, work: Any) -> Any:
    connection = ConnectHandler(
        device_type="cisco_ios",
        host="127.0.0.1",
        port=switch.port,
        username="berth",
        password=PASSWORD,
        secret=SECRET,
    )
    try:
        connection.enable()
        return work(connection)
    finally:
        connection.disconnect()


@pytest.mark.filterwarnings("ignore:path is deprecated")  # textfsm templates' own
async def test_netmiko_configures_reads_back_and_saves(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        lines = ["vlan 100", "name berth-blue", f"interface {GI1}", "switchport trunk allowed vlan add 100"]
        connection.send_config_set(lines, error_pattern=r"^%|rejected")
        assert "[OK]" in connection.save_config()
        return connection.send_command("show vlan brief", use_textfsm=True, raise_parsing_error=True)

    vlans = await asyncio.to_thread(in_netmiko, switch, work)
    assert {row["vlan_id"]: row["vlan_name"] for row in vlans}["100"] == "berth-blue"
    assert switch.running.vlans == switch.startup.vlans == {1: "default", 10: "mgmt", 100: "berth-blue"}
    assert switch.startup.ports[GI1].allowed == frozenset({1, 10, 100})
    assert switch.running.other == ["ip domain-name example.net"]
    assert switch.journal.lines(configuring=True) == [
        "vlan 100",
        "name berth-blue",
        f"interface {GI1}",
        "switchport trunk allowed vlan add 100",
        "end",
    ]


async def test_clients_in_every_thread_of_the_loop_get_in(switch: Switch) -> None:
    threads = 40  # more than the pool ever has
    switch._doorway.lines = threads
    prompts = await asyncio.gather(
        *(asyncio.to_thread(in_netmiko, switch, lambda connection: connection.find_prompt()) for _ in range(threads))
    )
    assert prompts == ["leaf-1#"] * threads


async def test_netmiko_sees_a_bad_line_and_what_was_before_it_stays(switch: Switch) -> None:
    def work(connection: Any) -> None:
        connection.send_config_set(["vlan 100", "name a", "exit", "nonsense 5"], error_pattern=r"^% Invalid")

    with pytest.raises(ConfigInvalidException):
        await asyncio.to_thread(in_netmiko, switch, work)
    assert 100 in switch.running.vlans
    assert 100 not in switch.startup.vlans


async def test_modes_show_in_the_prompt(switch: Switch) -> None:
    async with session(switch, enable=False) as client:
        assert (await client.send("")).endswith("leaf-1>")
        assert "% Invalid input detected" in await client.send("configure terminal")
        await client.send("en", "Password: $")
        assert (await client.send(SECRET)).endswith("leaf-1#")
        answers = await client.each("conf t", "vlan 5", "exit", "int gi 1/0/1", "vlan 6", "end")
    prompts = [answer.rpartition("\n")[2] for answer in answers]
    assert prompts == [
        *("leaf-1(config)#", "leaf-1(config-vlan)#", "leaf-1(config)#"),
        *("leaf-1(config-if)#", "leaf-1(config-vlan)#", "leaf-1#"),
    ]
    assert {5, 6} <= set(switch.running.vlans)


async def test_a_vlan_is_made_when_its_mode_is_left_and_not_before(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100", "name early")
        assert 100 not in switch.running.vlans
        await client.send("exit")
        assert switch.running.vlans[100] == "early"


async def test_a_session_lost_in_vlan_mode_makes_no_vlan(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100", "name early")
    async with session(switch) as client:
        await client.send("configure terminal")
    assert 100 not in switch.running.vlans


async def test_a_newline_in_a_name_is_a_second_line(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100")
        client.type("name innocent\nno vlan 10\n")
        await client.until(r"leaf-1\(config\)#$")
        await client.send("end")
    assert switch.running.vlans == {1: "default", 100: "innocent"}
    assert "no vlan 10" in switch.journal.lines()


async def test_a_name_that_is_there_already_fails_when_vlan_mode_is_left(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100", "name mgmt")
        assert "have an identical name: mgmt" in await client.send("exit")
    assert switch.running.vlans == {1: "default", 10: "mgmt"}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["vlan 100", f"name {'x' * 33}"], "% Invalid input detected at '^' marker."),
        (["vlan 100", "name two words"], "% Invalid input detected at '^' marker."),
        (["vlan 5000"], "Command rejected: Bad VLAN list"),
        (["vlan"], "% Incomplete command."),
        (["no vlan 1"], "%Default VLAN 1 may not be deleted."),
        (["no vlan 1002"], "%Default VLAN 1002 may not be deleted."),
        (["vlan 1005", "name mine"], "%Default VLAN 1005 may not have its name changed."),
        (["interface GigabitEthernet9/9/9"], "% Invalid input detected at '^' marker."),
        ([f"interface {GI1}", "switchport trunk allowed vlan add 4096"], "Command rejected: Bad VLAN list"),
        ([f"interface {GI1}", "sw t"], "% Incomplete command."),
        (["no v 5", "n"], '% Ambiguous command:  "n"'),
        (["i gi1/0/1", "s"], '% Ambiguous command:  "s"'),
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
    entry = next(one for one in switch.journal if one.line == lines[-1])
    assert (entry.accepted, entry.configuring) == (False, True)


@pytest.mark.parametrize(
    ("port", "words", "allowed"),
    [
        (GI1, "20", {20}),
        (GI1, "add 20,30-31", {1, 10, 20, 30, 31}),
        (GI1, "remove 10", {1}),
        (GI1, "none", set()),
        (GI1, "all", None),
        (GI1, "except 2-4094", {1}),
        (GI2, "add 20", None),
        (GI2, "remove 20", set(range(1, 4095)) - {20}),
        (GI2, "1-4094", None),
    ],
)
async def test_what_a_trunk_lets_through(switch: Switch, port: str, words: str, allowed: set[int] | None) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", f"interface {port}", f"switchport trunk allowed vlan {words}", "end")
        shown = await client.send(f"show running-config interface {port}")
    assert switch.running.ports[port].allowed == allowed
    assert ("allowed vlan" in shown) == (allowed is not None)


async def test_a_long_list_is_continued_with_add(switch: Switch) -> None:
    many = ",".join(str(vlan) for vlan in range(100, 160, 2))
    async with session(switch) as client:
        await client.each("configure terminal", f"interface {GI1}", f"switchport trunk allowed vlan {many}", "end")
        lines = [line for line in (await client.send(f"sh run int {GI1}")).splitlines() if "allowed" in line]
        table = await client.send("show interfaces trunk")
    assert len(lines) == 3
    assert lines[0].startswith(" switchport trunk allowed vlan 100,102,")
    assert lines[1].startswith(" switchport trunk allowed vlan add ")
    assert all(len(line) < 80 for line in lines)
    assert "\n            1" in table


async def test_a_line_longer_than_its_buffer_is_cut(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", f"interface {GI1}")
        await client.send("description " + "x" * 300)
    assert switch.journal.lines()[-1] == "description " + "x" * 242


async def test_tables_show_vlans_and_trunks(switch: Switch) -> None:
    async with session(switch) as client:
        brief = await client.send("show vlan brief")
        trunks = await client.send("show interfaces trunk")
        port = await client.send(f"show interfaces {GI1} switchport")
        section = await client.send("show running-config | section interface GigabitEthernet1/0/1")
    assert "10   mgmt                             active    Gi1/0/3\n" in brief
    assert "1005 trnet-default                    act/unsup" in brief
    assert "Gi1/0/1     1,10\nGi1/0/2     1-4094\n" in trunks
    assert "Trunking VLANs Enabled: 1,10\n" in port
    assert " switchport trunk allowed vlan 1,10\n switchport mode trunk\n" in section


async def test_removing_a_vlan_leaves_it_on_the_trunks(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "no vlan 10", "end")
        trunks = await client.send("show interfaces trunk")
    assert switch.running.ports[GI1].allowed == frozenset({1, 10})
    assert "Gi1/0/1     1,10\n" in trunks.partition("allowed on trunk")[2].partition("management")[0]
    assert "Gi1/0/1     1\n" in trunks.partition("management domain")[2]


async def test_what_was_not_saved_is_gone_after_a_reload(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100", "end")
        await client.send("copy running-config startup-config", r"\? $")
        await client.send("")
        await client.each("configure terminal", "vlan 200", "end")
        switch.reload()
        await client.ended()
    assert set(switch.running.vlans) == {1, 10, 100}


async def test_somebody_else_changes_it_by_hand(switch: Switch) -> None:
    await switch.change("vlan 77", "name someone", f"interface {GI1}", "switchport trunk allowed vlan 77")
    assert switch.running.vlans[77] == "someone"
    assert switch.running.ports[GI1].allowed == frozenset({77})
    assert 77 not in switch.startup.vlans
    assert len(switch.journal) == 0


async def test_pages_unless_it_is_told_not_to(switch: Switch) -> None:
    async with session(switch) as client:
        await client.send("terminal length 10")
        assert "end" not in await client.send("show running-config", "--More-- $")
        client.type("q")
        await client.until("leaf-1#$")


async def test_a_question_mark_helps(switch: Switch) -> None:
    async with session(switch) as client:
        client.type("show vlan ?")
        assert "  brief\n" in await client.until("show vlan $")


async def test_two_sessions_configure_at_once(switch: Switch) -> None:
    async with session(switch) as one, session(switch) as two:
        await one.each("configure terminal", "vlan 100")
        await two.each("configure terminal", "vlan 200", "end")
        await one.send("end")
    assert set(switch.running.vlans) == {1, 10, 100, 200}
    assert switch.sessions.opened == 2
