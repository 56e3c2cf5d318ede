"""What a router's BGP neighbour hears: exactly the tagged static routes that are in use, a moment later."""

import asyncio
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import LabError
from lab.switches import Switch
from lab.switches.configuration import routed
from lab.switches.peering import Peering
from tests.lab.switches.client import login, session
from tests.lab.switches.frr_pair import routers

ROUTE = "ip route 203.0.113.10/32 203.0.113.2 tag 4200"
HEARD = "203.0.113.10/32"


async def test_a_route_is_heard_a_moment_later_and_not_at_once() -> None:
    async with routers(seconds=0.05) as pair:
        assert await pair.heard() == set()
        await pair.edge.change(ROUTE)
        assert pair.fabric.table()[-1]["network"] != HEARD
        assert await pair.heard() == {HEARD}
        await pair.edge.change(f"no {ROUTE}")
        assert HEARD in {route["network"] for route in pair.fabric.table()}
        assert await pair.heard() == set()


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ("ip route 203.0.113.11/32 Null0 tag 4200", {"203.0.113.11/32"}),
        ("ipv6 route 2001:db8:113::11/128 2001:db8:113::2 tag 4200", {"2001:db8:113::11/128"}),
        ("ip route 203.0.113.11/32 203.0.113.2", set()),
        ("ip route 203.0.113.11/32 203.0.113.2 tag 4201", set()),
        ("ip route 203.0.113.11/32 10.99.99.99 tag 4200", set()),
        ("ip route 203.0.113.11/32 no-such-port tag 4200", set()),
    ],
)
async def test_only_tagged_routes_that_lead_somewhere_are_announced(line: str, heard: set[str]) -> None:
    async with routers() as pair:
        await pair.edge.change(line)
        assert await pair.heard() == heard


async def test_another_line_without_the_tag_takes_the_announcement_away() -> None:
    async with routers() as pair:
        await pair.edge.change(ROUTE, "ip route 203.0.113.10/32 203.0.113.3")
        assert await pair.heard() == set()


async def test_what_was_not_saved_vanishes_at_the_neighbour_with_a_restart() -> None:
    async with routers() as pair:
        async with session(pair.edge) as client:
            await client.each("configure terminal", ROUTE, "do write memory")
            await client.send("ip route 203.0.113.11/32 203.0.113.2 tag 4200")
        assert await pair.heard() == {HEARD, "203.0.113.11/32"}
        pair.edge.reload()
        assert await pair.heard() == {HEARD}


async def test_nothing_is_heard_while_the_edge_is_down() -> None:
    async with routers(boot_seconds=0.2) as pair:
        async with session(pair.edge) as client:
            await client.each("configure terminal", ROUTE, "do write memory")
        assert await pair.heard() == {HEARD}
        pair.edge.reload()
        assert not pair.edge.is_up
        assert [route["protocol"] for route in pair.fabric.table()] == ["connected", "connected"]
        with pytest.raises(ConnectionRefusedError):
            async with session(pair.edge):
                pass
        await pair.edge.up()
        assert await pair.heard() == {HEARD}
        async with session(pair.edge):
            pass


async def test_a_neighbour_that_restarts_hears_everything_again() -> None:
    async with routers() as pair:
        await pair.edge.change(ROUTE)
        assert await pair.heard() == {HEARD}
        pair.fabric.reload()
        assert await pair.heard() == {HEARD}


async def test_an_edge_that_stops_is_forgotten(tmp_path: Path) -> None:
    async with routers(state_file=tmp_path / "edge-1.json") as pair:
        async with session(pair.edge) as client:
            await client.each("configure terminal", ROUTE, "do write memory")
        assert await pair.heard() == {HEARD}
        await pair.edge.__aexit__(None, None, None)
        assert HEARD not in {route["network"] for route in pair.fabric.table()}
        await pair.edge.__aenter__()
        assert await pair.heard() == {HEARD}


async def test_a_line_that_is_ignored_is_not_announced() -> None:
    async with routers() as pair:
        pair.edge.faults.add(effect="ignore", line="^ip route")
        async with session(pair.edge) as client:
            await client.each("configure terminal", ROUTE)
        assert await pair.heard() == set()
        assert pair.edge.running.routes == []


async def test_two_sessions_at_once_see_each_others_lines() -> None:
    async with routers() as pair, session(pair.edge) as one, session(pair.edge) as other:
        await one.each("configure terminal", ROUTE)
        await other.send("configure terminal")
        assert ROUTE in await other.send("do show running-config staticd")
        await other.send(f"no {ROUTE}")
        assert "% Refusing to remove a non-existent route" in await one.send(f"no {ROUTE}")


async def test_a_connection_cut_after_a_line_leaves_it_announced_and_unsaved() -> None:
    async with routers() as pair:
        pair.edge.faults.add(effect="lose-answer", line="^ip route", times=1)
        async with session(pair.edge) as client:
            await client.send("configure terminal")
            with pytest.raises((EOFError, asyncssh.Error, OSError)):
                await client.send(ROUTE)
        assert await pair.heard() == {HEARD}
        assert pair.edge.startup.routes == []


async def test_routers_on_no_common_network_are_no_neighbours() -> None:
    lonely = Switch("frr", name="far-1", login=login(), ports=[routed("eth0", "192.0.2.1/24")])
    async with routers() as pair, lonely:
        with pytest.raises(LabError, match="edge-1 and far-1 are on no network together"):
            async with Peering(pair.edge, lonely):
                pass


ADDRESSES = st.integers(10, 14).map(lambda number: f"203.0.113.{number}/32")
HOPS = st.sampled_from(["203.0.113.2", "203.0.113.3", "Null0", "10.9.9.9"])
TAGS = st.sampled_from(["", " tag 4200", " tag 7"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["", "no "]), ADDRESSES, HOPS, TAGS).map(
        lambda step: f"{step[0]}ip route {step[1]} {step[2]}{step[3]}"
    ),
    st.sampled_from(["save", "reload"]),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=st.lists(STEPS, max_size=12))
def test_whatever_happens_the_neighbour_knows_what_the_running_edge_announces(steps: list[str]) -> None:
    asyncio.run(_follows(steps))


async def _follows(steps: list[str]) -> None:
    async with routers() as pair:
        for step in steps:
            if step == "reload":
                pair.edge.reload()
                assert pair.edge.running == pair.edge.startup
            elif step == "save":
                await pair.edge.change("do write memory")
            else:
                # What FRR refuses changes nothing.
                before = [*pair.edge.running.routes]
                try:
                    await pair.edge.change(step)
                except LabError:
                    assert pair.edge.running.routes == before
        assert await pair.heard() == {
            route.destination
            for route in pair.edge.running.routes
            if route.tag == 4200 and route.next_hop != "10.9.9.9"
        }
