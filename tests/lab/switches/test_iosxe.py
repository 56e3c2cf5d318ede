"""Static routes of the IOS-XE dialect over SSH: what it takes, refuses and prints."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab.switches import StaticRoute, Switch, routed
from tests.lab.switches.client import login, session
from tests.lab.switches.routers import in_netmiko, router

HOST = "198.51.100.7 255.255.255.255"
ONES = "255.255.255.255"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with router("cisco-iosxe") as one:
        yield one


async def configured(switch: Switch, *lines: str) -> list[str]:
    async with session(switch) as client:
        return await client.each("configure terminal", *lines, "end")


@pytest.mark.filterwarnings("ignore:path is deprecated")  # textfsm templates' own
async def test_netmiko_configures_reads_back_and_saves(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        lines = [
            f"ip route {HOST} 203.0.113.9 tag 4200 name berth-acme",
            f"ip route 198.51.100.8 {ONES} Null0 tag 4200",
        ]
        connection.send_config_set(lines, error_pattern="^%")
        assert "[OK]" in connection.save_config()
        assert "CSR1000V" in connection.send_command("show version")
        return connection.send_command("show ip route", use_textfsm=True, raise_parsing_error=True)

    rows = await asyncio.to_thread(in_netmiko, switch, work)
    assert [(row["protocol"], row["network"], row["prefix_length"], row["nexthop_ip"]) for row in rows] == [
        ("S", "198.51.100.7", "32", "203.0.113.9"),
        ("S", "198.51.100.8", "32", ""),
        ("C", "203.0.113.0", "24", ""),
        ("L", "203.0.113.1", "32", ""),
    ]
    assert switch.startup == switch.running


async def test_the_configuration_has_a_line_for_each_route(switch: Switch) -> None:
    await configured(
        switch,
        f"ip route {HOST} 203.0.113.9 name berth-acme tag 4200",
        f"ip route {HOST} 203.0.113.10 250 tag 7",
        f"ip route 198.51.100.8 {ONES} null 0 tag 4200",
        "ip route 192.0.2.0 255.255.255.0 gi1 permanent",
        "ipv6 route 2001:db8::7/128 2001:db8:f::9 tag 4200 name berth-acme",
    )
    async with session(switch) as client:
        lines = await client.send("show running-config | include ^ip route|^ipv6 route")
        section = await client.send("show running-config | section ^ip route 198.51.100.8")
    assert lines.splitlines()[1:-1] == [
        f"ip route {HOST} 203.0.113.9 tag 4200 name berth-acme",
        f"ip route {HOST} 203.0.113.10 250 tag 7",
        f"ip route 198.51.100.8 {ONES} Null0 tag 4200",
        "ip route 192.0.2.0 255.255.255.0 GigabitEthernet1 permanent",
        "ipv6 route 2001:DB8::7/128 2001:DB8:F::9 tag 4200 name berth-acme",
    ]
    assert section.splitlines()[1:-1] == [f"ip route 198.51.100.8 {ONES} Null0 tag 4200"]


async def test_another_tag_takes_the_first_ones_place_and_another_next_hop_does_not(switch: Switch) -> None:
    await configured(
        switch,
        f"ip route {HOST} 203.0.113.9 tag 1 name a",
        f"ip route {HOST} 203.0.113.9 tag 2",
        f"ip route {HOST} 203.0.113.10",
    )
    assert switch.running.routes == [
        StaticRoute("198.51.100.7/32", "203.0.113.9", 2),
        StaticRoute("198.51.100.7/32", "203.0.113.10"),
    ]


async def test_a_route_is_removed_by_its_next_hop_or_with_all_the_others(switch: Switch) -> None:
    both = [f"ip route {HOST} 203.0.113.9 tag 4200 name berth-acme", f"ip route {HOST} 203.0.113.10"]
    await configured(switch, *both, f"no {both[0]}")
    assert [route.next_hop for route in switch.running.routes] == ["203.0.113.10"]
    await configured(switch, *both, f"no ip route {HOST}")
    assert switch.running.routes == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"ip route {HOST} 203.0.113.1", "%Invalid next hop address (it's this router)"),
        ("ip route 198.51.100.7 255.255.255.0 203.0.113.9", "%Inconsistent address and mask"),
        (f"ip route {HOST}", "% Incomplete command."),
        (f"ip route {HOST} 203.0.113.9 tag", "% Incomplete command."),
        ("ip route 198.51.100.7/32 203.0.113.9", "^\n% Invalid input detected at '^' marker."),
        (f"ip route {HOST} 203.0.113.9 name two words", "^\n% Invalid input detected at '^' marker."),
        (f"ip route {HOST} 203.0.113.9 tag 4294967296", "^\n% Invalid input detected at '^' marker."),
        (f"ip route {HOST} 2001:db8:f::9", "^\n% Invalid input detected at '^' marker."),
        (f"ip route {HOST} GigabitEthernet0.0.0x", "^\n% Invalid input detected at '^' marker."),
        (f"no ip route {HOST} 203.0.113.9", "%No matching route to delete"),
        ("ipv6 route 2001:db8::7 2001:db8:f::9", "^\n% Invalid input detected at '^' marker."),
        ("ipv6 route 2001:db8::7/128 203.0.113.9", "^\n% Invalid input detected at '^' marker."),
        ("ipv6 route 2001:db8::7/128 2001:db8:f::1", "%Invalid next hop address (it's this router)"),
        ("vlan 100", "^\n% Invalid input detected at '^' marker."),
    ],
)
async def test_lines_it_refuses(switch: Switch, line: str, told: str) -> None:
    answers = await configured(switch, line)
    assert told in answers[1]
    assert switch.running.routes == []
    assert next(one for one in switch.journal if one.line == line).accepted is False


async def test_the_mark_stands_below_the_word_that_is_wrong(switch: Switch) -> None:
    line = f"ip route {HOST} 203.0.113.9 tag 4200 nonsense"
    answer = (await configured(switch, line))[1]
    assert answer.splitlines()[1].index("^") == len("edge-1(config)#") + line.index("nonsense")


async def test_one_route_is_described(switch: Switch) -> None:
    await configured(
        switch, f"ip route {HOST} 203.0.113.9 tag 4200", "ipv6 route 2001:db8::7/128 2001:db8:f::9 tag 4200"
    )
    async with session(switch) as client:
        found = await client.send("show ip route 198.51.100.7")
        found6 = await client.send("show ipv6 route 2001:db8::7")
        absent = await client.send("show ip route 198.51.100.8")
        unknown = await client.send("show ip route 10.9.9.9")
        absent6 = await client.send("show ipv6 route 2001:db8::8/128")
    assert (
        "\nRouting entry for 198.51.100.7/32\n"
        '  Known via "static", distance 1, metric 0\n'
        "  Tag 4200\n"
        "  Routing Descriptor Blocks:\n"
        "  * 203.0.113.9, via GigabitEthernet1\n"
        "      Route metric is 0, traffic share count is 1\n"
        "      Route tag 4200\n"
    ) in found
    assert "Routing entry for 2001:DB8::7/128\n" in found6
    assert "    2001:DB8:F::9, GigabitEthernet1\n" in found6
    assert "% Subnet not in table" in absent
    assert "% Network not in table" in unknown
    assert "% Route not found" in absent6


async def test_the_tables_of_static_routes(switch: Switch) -> None:
    await configured(switch, f"ip route {HOST} 203.0.113.9", "ipv6 route 2001:db8::7/128 Null0 tag 4200")
    async with session(switch) as client:
        table = await client.send("show ip route static")
        table6 = await client.send("show ipv6 route static")
    assert "      198.51.100.0/32 is subnetted, 1 subnets\n" in table
    assert "S        198.51.100.7 [1/0] via 203.0.113.9, GigabitEthernet1\n" in table
    assert "203.0.113.0" not in table
    assert "S   2001:DB8::7/128 [1/0], tag 4200\n     via Null0, directly connected\n" in table6


async def test_its_own_addresses_are_configured_on_its_ports() -> None:
    async with Switch("cisco-iosxe", name="edge-1", login=login()) as switch:
        answers = await configured(
            switch,
            "interface gi2",
            "ip address 192.0.2.1 255.255.255.0",
            "ipv6 address 2001:db8:2::1/64",
            "exit",
            f"ip route {HOST} 192.0.2.1",
        )
        text = switch.text("running")
        assert switch.running.ports["GigabitEthernet2"] == routed(
            "GigabitEthernet2", "192.0.2.1/24", "2001:db8:2::1/64"
        )
    assert "%Invalid next hop address" in answers[-2]
    assert "interface GigabitEthernet2\n ip address 192.0.2.1 255.255.255.0\n ipv6 address 2001:DB8:2::1/64\n" in text
    assert "interface GigabitEthernet1\n no ip address\n" in text


async def test_a_switch_of_ios_takes_routes_as_a_router_does() -> None:
    async with Switch("cisco-ios", name="leaf-1", login=login()) as switch:
        await configured(switch, f"ip route {HOST} 203.0.113.9 tag 4200")
        assert switch.running.routes == [StaticRoute("198.51.100.7/32", "203.0.113.9", 4200)]
        assert f"\nip route {HOST} 203.0.113.9 tag 4200\n" in switch.text("running")


async def test_what_is_in_a_network_and_a_default_route(switch: Switch) -> None:
    await configured(
        switch,
        f"ip route {HOST} 203.0.113.9",
        "ip route 198.51.101.0 255.255.255.0 Null0",
        "ip route 0.0.0.0 0.0.0.0 203.0.113.254",
        "ipv6 route 2001:db8::7/128 2001:db8:f::9",
    )
    async with session(switch) as client:
        within = await client.send("show ip route 198.51.100.0 255.255.255.0 longer-prefixes")
        within6 = await client.send("show ipv6 route 2001:db8::/64 longer-prefixes")
        table = await client.send("show ip route")
        elsewhere = await client.send("show ip route 9.9.9.9")
    assert "S        198.51.100.7 [1/0] via 203.0.113.9" in within
    assert "198.51.101" not in within
    assert "S   2001:DB8::7/128 [1/0]\n" in within6
    assert "2001:DB8:F::/64" not in within6
    assert (
        "Gateway of last resort is 203.0.113.254 to network 0.0.0.0\n\nS*       0.0.0.0/0 [1/0] via 203.0.113.254"
        in table
    )
    assert "S        198.51.101.0/24 is directly connected, Null0\n" in table
    assert "% Network not in table" in elsewhere
