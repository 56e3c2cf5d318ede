"""Simulated routers as a process: who hears whom, and their routes over the control API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab.routers import PEERINGS, ROUTERS
from lab.switches.documents import FabricDocument
from tests.lab.switches.test_process import Process, call, typed

LOGIN = {"username": "berth", "password": "right-one"}
DOCUMENT: dict[str, Any] = {
    "switches": [{"name": "leaf-1", "dialect": "cisco-ios", **LOGIN}, *({**one, **LOGIN} for one in ROUTERS)],
    "peerings": [{**one, "seconds": 0} for one in PEERINGS],
}
ROUTE = "ip route 203.0.113.10/32 203.0.113.2 tag 4200"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    one = Process(tmp_path, DOCUMENT)
    yield one
    await one.kill()


async def test_routes_are_told_over_the_control_api(process: Process) -> None:
    served = await process.start()
    await typed(served, "edge-1", "configure terminal", ROUTE, "end", "exit")
    _, state = await call(served, "GET", "/edge-1/state")
    assert [(one["destination"], one["next_hop"], one["tag"]) for one in state["running"]["routes"]] == [
        ("203.0.113.10/32", "203.0.113.2", 4200)
    ]
    assert state["startup"]["routes"] == []
    _, table = await call(served, "GET", "/fabric-1/table")
    assert [one for one in table if one["protocol"] == "bgp"] == [
        {
            "network": "203.0.113.10/32",
            "protocol": "bgp",
            "tag": 0,
            "next_hops": ["198.51.100.1"],
            "discards": False,
        }
    ]
    assert (await call(served, "POST", "/edge-1/reload"))[0] == 200
    _, table = await call(served, "GET", "/fabric-1/table")
    assert [one["protocol"] for one in table] == ["connected", "connected"]
    status, answer = await call(served, "GET", "/leaf-1/table")
    assert status == 409
    assert answer["error"] == "leaf-1 (cisco-ios) shows no routing table: expected a router that runs frr"


async def test_after_a_power_cut_the_neighbour_hears_what_was_saved(process: Process) -> None:
    before = await process.start()
    await typed(before, "edge-1", "configure terminal", ROUTE, "do write memory", "end", "exit")
    await typed(before, "edge-1", "configure terminal", "ip route 203.0.113.11/32 Null0 tag 4200", "end", "exit")
    await process.kill()
    after = await process.start()
    _, table = await call(after, "GET", "/fabric-1/table")
    assert [one["network"] for one in table if one["protocol"] == "bgp"] == ["203.0.113.10/32"]


def test_a_peering_with_a_router_that_is_not_there_is_refused() -> None:
    peerings = [{"edge": "edge-1", "neighbour": "fabric-9"}]
    with pytest.raises(ValidationError, match="peering with fabric-9: name routers of `switches`"):
        FabricDocument.model_validate({**DOCUMENT, "peerings": peerings})
