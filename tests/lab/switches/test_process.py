"""Simulated switches as a process: the control API, and what is left after a power cut."""

import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest

from lab.errors import LabError
from lab.fabric import LOG, start_fabric
from lab.ports import reserve
from lab.switches.documents import Served

DOCUMENT = {
    "switches": [
        {
            "name": "leaf-1",
            "dialect": "cisco-ios",
            "username": "berth",
            "password": "right-one",
            "vlans": {"10": "mgmt"},
            "ports": [{"name": "GigabitEthernet1/0/1", "allowed": "1,10"}],
        },
        {"name": "leaf-4", "dialect": "juniper-junos", "username": "berth", "password": "right-one"},
        {
            "name": "edge-1",
            "dialect": "vyos",
            "username": "berth",
            "password": "right-one",
            "ports": [{"name": "eth0", "mode": "routed", "addresses": ["203.0.113.1/24"]}],
            "routes": [{"destination": "192.0.2.0/24", "next_hop": "203.0.113.9", "name": "core"}],
        },
    ]
}


class Process:
    def __init__(self, folder: Path, document: object = DOCUMENT) -> None:
        self._folder = folder
        self._document = document
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Served:
        config, port_file = self._folder / "config.json", self._folder / "ports.json"
        config.write_text(json.dumps(self._document))
        port_file.unlink(missing_ok=True)
        arguments = ["--config", config, "--state", self._folder / "state", "--port-file", port_file]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lab.switches", *(str(one) for one in arguments)
        )
        async with asyncio.timeout(20):
            while not port_file.exists():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)
        return Served.model_validate_json(port_file.read_bytes())

    async def kill(self) -> None:
        assert self._process
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        assert self._process
        self._process.terminate()
        return await self._process.wait()


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    one = Process(tmp_path)
    yield one
    if one._process and one._process.returncode is None:
        await one.kill()


async def call(served: Served, method: str, path: str, body: Any = None) -> Any:
    url = f"http://127.0.0.1:{served.control}/switches{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
        return answer.status, (await answer.json() if "json" in answer.content_type else await answer.text())


async def typed(served: Served, name: str, *lines: str) -> None:
    one = next(switch for switch in served.switches if switch.name == name)
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{one.port} {one.host_key}\n")
    async with asyncssh.connect(
        "127.0.0.1", one.port, known_hosts=known, username="berth", password="right-one", config=None
    ) as connection:
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("".join(f"{line}\n" for line in lines))
        await process.wait()


async def test_after_a_power_cut_a_switch_has_what_it_saved_and_shows_the_same_key(process: Process) -> None:
    before = await process.start()
    await typed(before, "leaf-1", "conf t", "vlan 100", "end", "write", "conf t", "vlan 200", "end", "exit")
    await typed(before, "leaf-4", "configure", "set vlans blue vlan-id 100", "commit and-quit", "exit")
    _, state = await call(before, "GET", "/leaf-1/state")
    assert set(state["running"]["vlans"]) == {"1", "10", "100", "200"}
    await process.kill()
    after = await process.start()
    assert [one.host_key for one in after.switches] == [one.host_key for one in before.switches]
    _, state = await call(after, "GET", "/leaf-1/state")
    assert state["running"] == state["startup"]
    assert state["running"]["vlans"] == {"1": "default", "10": "mgmt", "100": "VLAN0100"}
    assert state["running"]["ports"]["GigabitEthernet1/0/1"]["allowed"] == [1, 10]
    _, text = await call(after, "GET", "/leaf-4/running")
    assert "blue {" in text
    assert await process.stop() == 0


async def test_an_edge_routers_routes_are_told_and_kept(process: Process) -> None:
    served = await process.start()
    route = "set protocols static route 198.51.100.7/32 blackhole tag 4200"
    await typed(served, "edge-1", "configure", route, "commit", "save", "exit", "exit")
    assert (await call(served, "PUT", "/edge-1/heard", {"network": "10.0.0.0/8", "next_hop": "203.0.113.8"}))[0] == 200
    await process.kill()
    served = await process.start()
    _, state = await call(served, "GET", "/edge-1/state")
    assert [(one["destination"], one["next_hop"], one["tag"], one["name"]) for one in state["running"]["routes"]] == [
        ("192.0.2.0/24", "203.0.113.9", 0, "core"),
        ("198.51.100.7/32", None, 4200, ""),
    ]
    assert (await call(served, "PUT", "/edge-1/heard", {"network": "10.0.0.0/33", "next_hop": None}))[0] == 400


async def test_the_control_api_tells_and_breaks(process: Process, tmp_path: Path) -> None:
    served = await process.start()
    _, listed = await call(served, "GET", "")
    assert [(one["name"], one["port"]) for one in listed] == [(one.name, one.port) for one in served.switches]
    await typed(served, "leaf-1", "conf t", "vlan 100", "end", "exit")
    _, journal = await call(served, "GET", "/leaf-1/journal")
    assert [entry["line"] for entry in journal] == ["conf t", "vlan 100", "end", "exit"]
    status, added = await call(served, "POST", "/leaf-1/faults", {"effect": "error", "line": "^vlan", "message": "%no"})
    assert status == 201
    await typed(served, "leaf-1", "conf t", "vlan 200", "end", "exit")
    _, faults = await call(served, "GET", "/leaf-1/faults")
    assert [(fault["effect"], fault["struck"]) for fault in faults] == [("error", 1)]
    assert (await call(served, "DELETE", f"/leaf-1/faults/{added['id']}"))[0] == 200
    assert (await call(served, "DELETE", f"/leaf-1/faults/{added['id']}"))[0] == 404
    assert (await call(served, "POST", "/leaf-1/change", {"lines": ["vlan 77", "name someone"]}))[0] == 200
    assert "vlan 77\n name someone" in (await call(served, "GET", "/leaf-1/running"))[1]
    assert (await call(served, "POST", "/leaf-1/change", {"lines": ["nonsense"]}))[0] == 409
    assert (await call(served, "POST", "/leaf-1/reload"))[0] == 200
    assert "vlan 77" not in (await call(served, "GET", "/leaf-1/running"))[1]
    assert (await call(served, "POST", "/leaf-1/faults", {"effect": "nonsense"}))[0] == 400
    assert (await call(served, "POST", "/leaf-1/faults", {"effect": "drop", "line": "("}))[0] == 400
    assert (await call(served, "GET", "/leaf-9/running"))[0] == 404
    assert (await call(served, "DELETE", "/leaf-1/journal"))[0] == 200
    assert (await call(served, "GET", "/leaf-1/journal"))[1] == []
    await call(served, "POST", "/leaf-1/password", {"password": "another"})
    with pytest.raises(asyncssh.PermissionDenied):
        await typed(served, "leaf-1", "exit")
    assert stat.S_IMODE((tmp_path / "state" / "leaf-1.key").stat().st_mode) == 0o600


async def test_connections_refused_over_the_control_api_come_back_with_its_answer(process: Process) -> None:
    served = await process.start()
    await call(served, "POST", "/leaf-1/faults", {"effect": "refuse"})
    with pytest.raises(ConnectionRefusedError):
        await typed(served, "leaf-1", "exit")
    await call(served, "DELETE", "/leaf-1/faults")
    await typed(served, "leaf-1", "exit")


async def test_the_labs_switches_that_cannot_start_leave_nothing_behind(tmp_path: Path) -> None:
    taken = reserve()
    (tmp_path / "switches").write_text("not a folder")
    with pytest.raises(LabError, match=f"the simulated switches ended with exit code 1: read .*{LOG}"):
        await start_fabric(tmp_path, control_port=None, ports={"leaf-1": None})
    taken.release()
