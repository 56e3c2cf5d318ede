"""What every simulated edge router does with static routes, whatever it runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncssh
import pytest

from lab.switches import StaticRoute, Switch
from lab.switches.dialects import DialectName
from tests.lab.switches.client import session
from tests.lab.switches.routers import FIRST_PORTS, router

ADDRESS, NETWORK, HOP = "198.51.100.7", "198.51.100.7/32", "203.0.113.9"
ADDRESS6, NETWORK6, HOP6 = "2001:db8::7", "2001:db8::7/128", "2001:db8:f::9"
JUNOS, JUNOS6 = "routing-options static route", "routing-options rib inet6.0 static route"


@dataclass(frozen=True)
class Told:
    """How one system is told what the tests do."""

    enter: str
    through: Sequence[str]
    """A route through a next hop, tagged and named as far as it can be."""
    through6: Sequence[str]
    discard: Sequence[str]
    undo: Sequence[str]
    """Of all routes to the address."""
    take: Sequence[str]
    """What makes the lines active, and leaves configuration mode."""
    save: Sequence[str]
    look: str
    look6: str
    within: str
    """What shows all routes in 198.51.100.0/24."""
    tag: int = 4200
    name: str = "berth-acme"
    distance: int = 1


TOLD: dict[DialectName, Told] = {
    "cisco-iosxe": Told(
        "configure terminal",
        [f"ip route {ADDRESS} 255.255.255.255 {HOP} tag 4200 name berth-acme"],
        [f"ipv6 route {NETWORK6} {HOP6} tag 4200 name berth-acme"],
        [f"ip route {ADDRESS} 255.255.255.255 Null0 tag 4200 name berth-acme"],
        [f"no ip route {ADDRESS} 255.255.255.255"],
        ["end"],
        ["write memory"],
        f"show ip route {ADDRESS} 255.255.255.255",
        f"show ipv6 route {NETWORK6}",
        "show ip route 198.51.100.0 255.255.255.0 longer-prefixes",
    ),
    "arista-eos": Told(
        "configure session berth",
        [f"ip route {NETWORK} {HOP} tag 4200 name berth-acme"],
        [f"ipv6 route {NETWORK6} {HOP6} tag 4200 name berth-acme"],
        [f"ip route {NETWORK} Null0 tag 4200 name berth-acme"],
        [f"no ip route {NETWORK}"],
        ["commit"],
        ["write memory"],
        f"show ip route {NETWORK}",
        f"show ipv6 route {NETWORK6}",
        "show ip route 198.51.100.0/24 longer-prefixes",
    ),
    "juniper-junos": Told(
        "configure private",
        [f"set {JUNOS} {NETWORK} next-hop {HOP}", f"set {JUNOS} {NETWORK} tag 4200"],
        [f"set {JUNOS6} {NETWORK6} next-hop {HOP6}", f"set {JUNOS6} {NETWORK6} tag 4200"],
        [f"set {JUNOS} {NETWORK} discard", f"set {JUNOS} {NETWORK} tag 4200"],
        [f"delete {JUNOS} {NETWORK}"],
        ["commit and-quit"],
        [],
        f"show route {NETWORK}",
        f"show route {NETWORK6}",
        "show route 198.51.100.0/24",
        name="",
        distance=5,
    ),
    "vyos": Told(
        "configure",
        [f"set protocols static route {NETWORK} {rest}" for rest in (f"next-hop {HOP}", "description berth-acme")],
        [f"set protocols static route6 {NETWORK6} {rest}" for rest in (f"next-hop {HOP6}", "description berth-acme")],
        [f"set protocols static route {NETWORK} {rest}" for rest in ("blackhole tag 4200", "description berth-acme")],
        [f"delete protocols static route {NETWORK}"],
        ["commit", "exit"],
        ["configure", "save", "exit"],
        f"show ip route {NETWORK}",
        f"show ipv6 route {NETWORK6}",
        "show ip route 198.51.100.0/24 longer-prefixes",
        tag=0,
    ),
}


WITH_CANDIDATES = [dialect for dialect in TOLD if dialect != "cisco-iosxe"]
MERGING = [dialect for dialect in TOLD if dialect != "arista-eos"]
"""On EOS a commit puts a whole candidate in the place of what runs, and with it undoes what came in between."""


@pytest.fixture(params=TOLD)
async def switch(request: pytest.FixtureRequest) -> AsyncIterator[Switch]:
    async with router(request.param) as one:
        yield one


@pytest.fixture
def told(switch: Switch) -> Told:
    return TOLD[switch.dialect]


async def sent(switch: Switch, *lines: str) -> list[str]:
    async with session(switch) as client:
        return await client.each(*lines)


def refusals(switch: Switch) -> list[str]:
    return [entry.line for entry in switch.journal if not entry.accepted]


async def test_a_route_of_each_family_is_active_at_once_and_saved_by_a_save(switch: Switch, told: Told) -> None:
    lines = [told.enter, *told.through, *told.through6, *told.take]
    await sent(switch, *lines)
    expected = [
        StaticRoute(network, hop, told.tag, told.name, told.distance)
        for network, hop in ((NETWORK, HOP), (NETWORK6, HOP6))
    ]
    assert switch.running.routes == expected
    assert switch.startup.routes == ([] if told.save else expected)
    found, found6 = await sent(switch, told.look, told.look6)
    assert f"{HOP}" in found.partition("\n")[2]
    assert FIRST_PORTS[switch.dialect] in found
    assert HOP6 in found6.lower().partition("\n")[2]
    await sent(switch, *told.save)
    switch.reload()
    assert switch.running.routes == expected
    assert refusals(switch) == []


async def test_a_route_that_discards(switch: Switch, told: Told) -> None:
    await sent(switch, told.enter, *told.discard, *told.take)
    route = StaticRoute(NETWORK, None, 4200, told.name, told.distance)
    assert switch.running.routes == [route]
    (found,) = await sent(switch, told.look)
    assert any(word in found for word in ("Null0", "Discard", "blackhole"))


async def test_a_route_that_is_taken_back_is_gone_and_its_neighbour_stays(switch: Switch, told: Told) -> None:
    await sent(switch, told.enter, *told.through, *told.through6, *told.take)
    await sent(switch, told.enter, *told.undo, *told.take)
    assert [route.destination for route in switch.running.routes] == [NETWORK6]
    (found,) = await sent(switch, told.look)
    assert HOP not in found.partition("\n")[2]


async def test_what_the_router_wrote_it_takes_again(switch: Switch, told: Told) -> None:
    await sent(switch, told.enter, *told.through, *told.through6, *told.take)
    text = switch.text("running")
    given = switch.running.routes
    async with router(switch.dialect, routes=given) as other:
        assert other.running.routes == given
        assert other.text("running") == text


@pytest.mark.parametrize("switch", WITH_CANDIDATES, indirect=True)
async def test_nothing_is_left_of_lines_that_were_never_made_active(switch: Switch, told: Told) -> None:
    await sent(switch, told.enter, *told.through)
    assert switch.running.routes == []
    assert HOP not in switch.text("running")


@pytest.mark.parametrize("switch", WITH_CANDIDATES, indirect=True)
async def test_a_commit_that_fails_changes_nothing(switch: Switch, told: Told) -> None:
    switch.faults.add(effect="fail-commit")
    await sent(switch, told.enter, *told.through, told.take[0])
    assert switch.running.routes == []
    assert refusals(switch) == [told.take[0]]


async def test_a_save_that_is_refused_keeps_nothing(switch: Switch, told: Told) -> None:
    switch.faults.add(effect="deny-save")
    lines = [told.enter, *told.through, *told.take]
    await sent(switch, *lines, *told.save)
    assert switch.startup.routes == []
    switch.reload()
    assert switch.running.routes == []


@pytest.mark.parametrize("effect", ["drop", "lose-answer"])
async def test_a_session_lost_around_the_last_line_leaves_what_had_taken_effect(
    switch: Switch, told: Told, effect: str
) -> None:
    switch.faults.add(effect=effect, line=f"^{told.through[-1]}$")
    async with session(switch) as client:
        with pytest.raises((EOFError, asyncssh.Error)):
            await client.each(told.enter, *told.through)
    is_there = "terminal" in told.enter and effect == "lose-answer"
    assert bool(switch.running.routes) == is_there


async def test_somebody_changes_routes_by_hand_while_a_session_is_open(switch: Switch, told: Told) -> None:
    async with session(switch) as client:
        await client.each(told.enter, *told.through)
        await switch.change(*(line.replace("::7", "::8") for line in told.through6))
        assert "2001:db8::8/128" in [route.destination for route in switch.running.routes]


async def test_a_route_whose_next_hop_nothing_leads_to_is_configured_and_in_no_table(
    switch: Switch, told: Told
) -> None:
    await sent(switch, told.enter, *(line.replace(HOP, "192.0.2.9") for line in told.through), *told.take)
    assert [route.next_hop for route in switch.running.routes] == ["192.0.2.9"]
    (found,) = await sent(switch, told.look)
    assert "192.0.2.9" not in found


async def test_what_bgp_neighbours_announce_is_in_the_table_and_in_no_configuration(switch: Switch, told: Told) -> None:
    switch.hear(NETWORK, HOP)
    (found,) = await sent(switch, told.look)
    assert HOP in found
    assert NETWORK not in switch.text("running")
    switch.unhear(NETWORK)
    (found,) = await sent(switch, told.look)
    assert HOP not in found


async def test_what_leads_to_the_routers_own_address_or_to_itself_is_in_no_table(switch: Switch, told: Told) -> None:
    routes = [StaticRoute(NETWORK, "203.0.113.1"), StaticRoute("192.0.2.0/24", "192.0.2.9")]
    async with router(switch.dialect, routes=routes) as one:
        found, _ = await sent(one, told.within, told.look)
    assert ADDRESS not in found.partition("\n")[2]


async def test_all_that_is_routed_in_a_network_is_shown_at_once(switch: Switch, told: Told) -> None:
    await sent(switch, told.enter, *told.through, *told.take)
    switch.hear("198.51.100.64/26", HOP)
    switch.hear("198.51.101.0/24", HOP)
    (found,) = await sent(switch, told.within)
    shown = found.partition("\n")[2]
    assert ADDRESS in shown
    assert "198.51.100.64/26" in shown
    assert "198.51.101.0" not in shown


@pytest.mark.parametrize("switch", MERGING, indirect=True)
async def test_many_sessions_at_once_lose_no_route(switch: Switch, told: Told) -> None:
    async def one(number: int) -> None:
        lines = [line.replace(ADDRESS, f"198.51.100.{number}") for line in told.through]
        await sent(switch, told.enter, *lines, *told.take)

    await asyncio.gather(*(one(number) for number in range(1, 9)))
    assert len(switch.running.routes) == 8
