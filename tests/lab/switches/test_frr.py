"""FRR beyond what was recorded: Netmiko, saving, faults, help."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from netmiko import ConnectHandler

from lab.switches import Switch
from lab.switches.configuration import StaticRoute
from tests.lab.switches.client import PASSWORD, session
from tests.lab.switches.frr_pair import router

ROUTE = "ip route 203.0.113.10/32 203.0.113.2 tag 4200"
SAVED = StaticRoute("203.0.113.10/32", "203.0.113.2", 4200)


@pytest.fixture
async def edge() -> AsyncIterator[Switch]:
    async with router("edge-1") as one:
        yield one


async def test_netmiko_configures_reads_back_and_saves(edge: Switch) -> None:
    def work() -> str:
        with ConnectHandler(
            device_type="cisco_ios", host="127.0.0.1", port=edge.port, username="berth", password=PASSWORD
        ) as connection:
            connection.enable()
            connection.send_config_set([ROUTE], error_pattern=r"^%")
            assert "[OK]" in connection.send_command("write memory", expect_string=r"#")
            return str(connection.send_command("show running-config staticd"))

    assert ROUTE in await asyncio.to_thread(work)
    assert edge.startup.routes == edge.running.routes == [SAVED]


async def test_a_save_that_is_refused_says_so_and_keeps_nothing(edge: Switch) -> None:
    await edge.change(ROUTE)
    edge.faults.add(effect="deny-save", times=1)
    async with session(edge) as client:
        refused = await client.send("write memory")
        assert "% Configuration write failed." in refused
        assert "[OK]" not in refused
        assert edge.startup.routes == []
        assert "[OK]" in await client.send("write memory")
    assert edge.startup.routes == [SAVED]


async def test_a_slow_save_is_not_done_before_its_time() -> None:
    async with router("edge-1", save_seconds=0.05) as edge:
        await edge.change(ROUTE)
        async with session(edge) as client:
            await client.send("write memory", "Building Configuration")
            assert edge.startup.routes == []
            assert "[OK]" in await client.until()
        assert edge.startup.routes == [SAVED]


async def test_what_was_saved_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "edge-1.json"
    async with router("edge-1", state_file=file) as edge:
        await edge.change(ROUTE, "do write memory", "ip route 203.0.113.11/32 Null0 tag 4200")
    async with router("edge-1", state_file=file) as edge:
        assert edge.running.routes == [SAVED]
        assert "redistribute static route-map berth" in edge.text("running")


async def test_a_line_answered_with_an_error_has_no_effect(edge: Switch) -> None:
    edge.faults.add(effect="error", line="^ip route", message="% Configuration failed.")
    async with session(edge) as client:
        await client.send("configure terminal")
        assert "% Configuration failed." in await client.send(ROUTE)
    assert edge.running.routes == []
    assert [entry.accepted for entry in edge.journal if entry.line == ROUTE] == [False]


async def test_a_restart_before_a_line_loses_the_lines_before_it(edge: Switch) -> None:
    edge.faults.add(effect="reload", line="^write", times=1)
    async with session(edge) as client:
        await client.each("configure terminal", ROUTE, "end")
        client.type("write memory\n")
        await client.ended()
    assert edge.running.routes == []


async def test_a_question_mark_lists_what_may_follow(edge: Switch) -> None:
    async with session(edge) as client:
        client.type("show ip ?")
        assert "  route\n" in await client.until("show ip $")
        client.type("\x15")


async def test_paging_asks_only_where_it_was_switched_on(edge: Switch) -> None:
    async with session(edge, paging=True) as client:
        assert (await client.send("show running-config")).endswith("end\nedge-1# ")
        await client.send("terminal paginate")
        assert "match tag" not in await client.send("show running-config", "^:|\n:")
        client.type("q")
        await client.until("edge-1# $")


async def test_a_hundred_routes_are_shown_and_looked_up() -> None:
    async with router("edge-1") as edge:
        lines = [f"ip route 198.51.{number}.7/32 203.0.113.{number} tag 4200" for number in range(2, 102)]
        await edge.change(*lines)
        assert len(edge.announced) == 100
        assert edge.text("running").count("tag 4200\n") == 101


async def test_a_router_without_bgp_announces_nothing() -> None:
    async with router("edge-1", other=()) as edge:
        await edge.change(ROUTE)
        assert edge.announced == frozenset()
        assert "router bgp" not in edge.text("running")
