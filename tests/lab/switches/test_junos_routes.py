"""Static routes of the Junos dialect over SSH."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab.switches import StaticRoute, Switch
from tests.lab.switches.client import session
from tests.lab.switches.routers import in_netmiko, router

HOST = "198.51.100.7/32"
STATIC, STATIC6 = "routing-options static route", "routing-options rib inet6.0 static route"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with router("juniper-junos", other=["routing-options router-id 192.0.2.1"]) as one:
        yield one


async def test_netmiko_commits_and_reads_back(switch: Switch) -> None:
    def work(connection: Any) -> str:
        connection.config_mode("configure private")
        lines = [
            f"set {STATIC} {HOST} next-hop 203.0.113.9",
            f"set {STATIC} {HOST} tag 4200",
            f"set {STATIC6} 2001:db8::7/128 discard",
            f"set {STATIC6} 2001:db8::7/128 tag 4200",
        ]
        connection.send_config_set(lines, error_pattern="error", exit_config_mode=False)
        assert "commit complete" in connection.commit(and_quit=True)
        text: str = connection.send_command("show configuration routing-options | display set")
        return text

    text = await asyncio.to_thread(in_netmiko, switch, work)
    assert set(text.strip().splitlines()) == {
        "set routing-options router-id 192.0.2.1",
        f"set {STATIC} {HOST} next-hop 203.0.113.9",
        f"set {STATIC} {HOST} tag 4200",
        f"set {STATIC6} 2001:db8::7/128 discard",
        f"set {STATIC6} 2001:db8::7/128 tag 4200",
    }
    assert switch.startup.routes == [
        StaticRoute(HOST, "203.0.113.9", 4200, distance=5),
        StaticRoute("2001:db8::7/128", None, 4200, distance=5),
    ]
    assert "routing-options router-id 192.0.2.1" in switch.running.other


async def test_what_is_compared_is_below_its_place(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {STATIC} {HOST} next-hop 203.0.113.9", f"set {STATIC} {HOST} tag 4200")
        compared = await client.send("show | compare")
        await client.each("commit", f"set {STATIC} {HOST} next-hop 203.0.113.10")
        more = await client.send("show | compare")
        await client.each("commit", f"set {STATIC} 198.51.100.8/32 discard")
        beside = await client.send("show | compare")
    assert (
        "[edit routing-options]\n"
        "+   static {\n"
        f"+       route {HOST} {{\n"
        "+           next-hop 203.0.113.9;\n"
        "+           tag 4200;\n"
        "+       }\n"
        "+   }\n"
    ) in compared
    assert "-   next-hop 203.0.113.9;\n+   next-hop [ 203.0.113.9 203.0.113.10 ];\n" in more
    assert f"static]\n    route {HOST} {{ ... }}\n+   route 198.51.100.8/32 discard;\n" in beside


async def test_a_route_with_one_statement_is_one_line(switch: Switch) -> None:
    await switch.change(f"set {STATIC} {HOST} next-hop 203.0.113.9")
    assert f"    static {{\n        route {HOST} next-hop 203.0.113.9;\n    }}\n" in switch.text("running")


async def test_an_address_alone_is_the_network_of_one_host(switch: Switch) -> None:
    await switch.change(f"set {STATIC} 198.51.100.7 discard", f"set {STATIC6} 2001:DB8::7 discard")
    assert [route.destination for route in switch.running.routes] == [HOST, "2001:db8::7/128"]
    await switch.change(f"delete {STATIC} 198.51.100.7")
    assert [route.destination for route in switch.running.routes] == ["2001:db8::7/128"]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ("discard", "next-hop 203.0.113.9", ["203.0.113.9"]),
        ("next-hop 203.0.113.9", "discard", [None]),
        ("next-hop 203.0.113.9", "next-hop 203.0.113.10", ["203.0.113.9", "203.0.113.10"]),
        ("tag 1", "tag 2", [None]),
    ],
)
async def test_where_a_route_leads_is_one_thing_or_several_next_hops(
    switch: Switch, first: str, second: str, left: list[str | None]
) -> None:
    lines = [f"set {STATIC} {HOST} {what}" for what in (first, second)]
    ways = [] if "tag" not in first else [f"set {STATIC} {HOST} discard"]
    await switch.change(*ways, *lines)
    assert [route.next_hop for route in switch.running.routes] == left
    assert {route.tag for route in switch.running.routes} == {2 if "tag" in first else 0}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"set {STATIC} 198.51.100.300/32 discard", "^\ninvalid value '198.51.100.300/32' in ip address"),
        (f"set {STATIC} 198.51.100.7/24 discard", "host bits are set"),
        (f"set {STATIC} {HOST} next-hop nobody", "^\ninvalid value 'nobody'"),
        (f"set {STATIC} {HOST} tag 4294967296", "Value 4294967296 is not within range (0..4294967295)"),
        (f"set {STATIC} {HOST} name berth-acme", "^\nsyntax error."),
        ("set routing-options rib inet9.0 static route 1.2.3.4/32 discard", "^\nsyntax error."),
        (f"delete {STATIC} {HOST}", "warning: statement not found"),
    ],
)
async def test_lines_it_refuses(switch: Switch, line: str, told: str) -> None:
    async with session(switch) as client:
        _, answer, compared = await client.each("configure", line, "show | compare")
    assert told in answer
    assert "+" not in compared.partition("\n")[2]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([f"set {STATIC} {HOST} tag 4200"], f"'route {HOST}'"),
        ([f"set {STATIC} 2001:db8::7/128 discard"], "address family mismatch"),
        ([f"set {STATIC} {HOST} next-hop 2001:db8:f::9"], "address family mismatch"),
    ],
)
async def test_a_check_finds_routes_that_cannot_be(switch: Switch, lines: list[str], told: str) -> None:
    async with session(switch) as client:
        *_, answer = await client.each("configure private", *lines, "commit check")
    assert told in answer
    assert "error: configuration check-out failed" in answer
    assert switch.running.routes == []


async def test_a_route_of_a_lost_session_stays_in_the_candidate_everybody_shares(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {STATIC} {HOST} discard")
    assert switch.running.routes == []
    async with session(switch) as client:
        await client.each("configure", "commit and-quit")
    assert [route.destination for route in switch.running.routes] == [HOST]


async def test_commits_are_listed_and_the_one_that_waits_to_be_confirmed_says_so(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {STATIC} {HOST} discard", "commit confirmed 2")
        waiting = await client.send("run show system commit")
        await client.send("commit")
        confirmed = await client.send("run show system commit")
    assert "\n0   2026-11-24 09:12:07 UTC by netadmin via cli commit confirmed, rollback in 2mins\n1   " in waiting
    assert "rollback" not in confirmed


async def test_the_table(switch: Switch) -> None:
    await switch.change(
        f"set {STATIC} {HOST} next-hop 203.0.113.9",
        f"set {STATIC} {HOST} tag 4200",
        f"set {STATIC6} 2001:db8::7/128 discard",
    )
    switch.hear("192.0.2.0/24", "203.0.113.8")
    async with session(switch) as client:
        one = await client.send(f"show route {HOST} exact")
        six = await client.send("show route table inet6.0 protocol static")
        bgp = await client.send("show route 192.0.2.77")
        absent = await client.send("show route 198.51.100.8")
    assert (
        "\ninet.0: 4 destinations, 4 routes (4 active, 0 holddown, 0 hidden)\n"
        "+ = Active Route, - = Last Active, * = Both\n\n"
        f"{HOST}    *[Static/5] 00:00:12, tag 4200\n"
        "                    >  to 203.0.113.9 via ge-0/0/0.0\n"
    ) in one
    assert "2001:db8::7/128    *[Static/5] 00:00:12\n                      Discard\n" in six
    assert "*[BGP/170]" in bgp
    assert "inet.0" not in absent
