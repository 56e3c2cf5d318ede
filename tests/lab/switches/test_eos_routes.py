"""Static routes of the EOS dialect over SSH, where it differs from IOS."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab.switches import StaticRoute, Switch
from tests.lab.switches.client import session
from tests.lab.switches.routers import in_netmiko, router

HOST = "198.51.100.7/32"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with router("arista-eos") as one:
        yield one


async def test_netmiko_commits_a_session_and_reads_back(switch: Switch) -> None:
    def work(connection: Any) -> tuple[str, str]:
        connection.enable()
        connection.config_mode("configure session berth")
        lines = [f"ip route {HOST} 203.0.113.9 tag 4200 name berth-acme", "ipv6 route 2001:db8::7/128 Null0 tag 4200"]
        connection.send_config_set(lines, enter_config_mode=False, exit_config_mode=False, error_pattern="^%")
        diffs: str = connection.send_command("show session-config diffs", expect_string=r"\)#")
        connection.send_command("commit timer 00:05:00", expect_string=r"#")
        connection.send_command("configure session berth commit", expect_string=r"#")
        connection.save_config()
        shown: str = connection.send_command("show running-config section ip route")
        return diffs, shown

    diffs, shown = await asyncio.to_thread(in_netmiko, switch, work)
    assert f"+ip route {HOST} 203.0.113.9 tag 4200 name berth-acme" in diffs
    assert shown == f"ip route {HOST} 203.0.113.9 tag 4200 name berth-acme"
    assert switch.startup.routes == [
        StaticRoute(HOST, "203.0.113.9", 4200, "berth-acme"),
        StaticRoute("2001:db8::7/128", None, 4200),
    ]


async def test_a_commit_with_a_timer_takes_routes_back(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure session berth", f"ip route {HOST} 203.0.113.9 tag 4200", "commit timer 00:05:00")
        assert len(switch.running.routes) == 1
        await client.send("configure session berth abort")
    assert switch.running.routes == []


async def test_the_section_of_routes(switch: Switch) -> None:
    await switch.change(
        f"ip route {HOST} Null0", "ipv6 route 2001:db8::7/128 2001:db8:f::9 200 tag 4200 name x", "ip routing"
    )
    async with session(switch) as client:
        v4 = await client.send("show running-config section ^ip route")
        both = await client.send("show running-config | include ^ip route|^ipv6 route")
    assert v4.splitlines()[1:-1] == [f"ip route {HOST} Null0"]
    assert both.splitlines()[1:-1] == [
        f"ip route {HOST} Null0",
        "ipv6 route 2001:db8::7/128 2001:db8:f::9 200 tag 4200 name x",
    ]


async def test_one_next_hop_with_two_distances_is_two_routes_and_goes_as_one(switch: Switch) -> None:
    await switch.change(f"ip route {HOST} 203.0.113.9", f"ip route {HOST} 203.0.113.9 250")
    assert [route.distance for route in switch.running.routes] == [1, 250]
    await switch.change(f"no ip route {HOST} 203.0.113.9")
    assert switch.running.routes == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ip route 198.51.100.7 255.255.255.255 203.0.113.9", "% Invalid input"),
        (f"ip route {HOST}", "% Incomplete command"),
        (f"ip route {HOST} 203.0.113.9 name two words", "% Invalid input"),
        (f"ip route {HOST} 2001:db8:f::9", "% Invalid input"),
        ("ipv6 route 198.51.100.7/32 203.0.113.9", "% Invalid input"),
    ],
)
async def test_lines_it_refuses(switch: Switch, line: str, told: str) -> None:
    async with session(switch) as client:
        answers = await client.each("configure session berth", line, "commit")
    assert told in answers[1]
    assert switch.running.routes == []


async def test_what_is_not_there_is_removed_without_a_word(switch: Switch) -> None:
    async with session(switch) as client:
        _, answer = await client.each("configure terminal", f"no ip route {HOST}")
    assert "%" not in answer


async def test_the_table(switch: Switch) -> None:
    await switch.change(
        f"ip route {HOST} 203.0.113.9", "ip route 198.51.100.8/32 Null0", "ipv6 route 2001:db8::7/128 Null0"
    )
    switch.hear("192.0.2.0/24", "203.0.113.8")
    async with session(switch) as client:
        table = await client.send("show ip route")
        table6 = await client.send("show ipv6 route 2001:db8::7/128")
        absent = await client.send("show ip route 198.51.100.9/32")
    assert f" S        {HOST} [1/0] via 203.0.113.9, Ethernet1\n" in table
    assert " S        198.51.100.8/32 is directly connected, Null0\n" in table
    assert " C        203.0.113.0/24 is directly connected, Ethernet1\n" in table
    assert " B E      192.0.2.0/24 [20/0] via 203.0.113.8, Ethernet1\n" in table
    assert " S        2001:db8::7/128 [1/0]\n           via Null0, directly connected\n" in table6
    assert "198.51.100.9" not in absent.partition("\n")[2]
