"""The whole lab: up and found, alone in its folder, the same after a crash, and gone without a trace of processes."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import aiohttp
import asyncssh
import pytest
from temporalio.client import Client

from lab.embedded import Lab
from lab.errors import LabError
from lab.home import RunningLab, StaleLabError, find_lab
from lab.processes import ProcessId

ATTRIBUTES = {"BerthTenant": "Keyword", "BerthVlan": "Int"}
NOWHERE: dict[str, str] = {}


def lab_in(folder: Path, **options: object) -> Lab:
    return Lab(folder / ".berth", search_attributes=ATTRIBUTES, stop_seconds=0, **options)  # type: ignore[arg-type]


async def create_namespace(lab: RunningLab, name: str) -> None:
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    url = f"{lab.kubernetes_url}/api/v1/namespaces"
    async with aiohttp.ClientSession() as session, session.post(url, json=manifest) as answer:
        assert answer.status == 201


async def namespace_status(lab: RunningLab, name: str) -> int:
    async with (
        aiohttp.ClientSession(lab.kubernetes_url) as session,
        session.get(f"/api/v1/namespaces/{name}") as answer,
    ):
        return answer.status


async def workflow_ids(lab: RunningLab) -> set[str]:
    client = await Client.connect(lab.temporal_address, namespace=lab.temporal_namespace)
    return {run.id async for run in client.list_workflows()}


async def test_a_lab_is_found_while_it_runs_and_not_after(tmp_path: Path) -> None:
    said: list[str] = []
    async with lab_in(tmp_path, platform=tmp_path / "platform.yaml", progress=said.append) as lab:
        found = find_lab(tmp_path, NOWHERE)
        assert found == lab.running
        assert found.platform == tmp_path / "platform.yaml"
        assert found.programs is not None
        assert (found.programs / "temporal").exists()
        assert await namespace_status(found, "kube-system") == 200
        assert await workflow_ids(found) == set()
    assert find_lab(tmp_path, NOWHERE) is None
    assert found.temporal is not None
    assert not found.temporal.runs()
    assert not found.kubernetes.runs()
    assert not found.fabric.runs()
    with pytest.raises(LabError, match="is not running"):
        _ = lab.running
    assert f"starting Temporal at {found.temporal_address}" in said
    assert f"starting the simulated Kubernetes API at {found.kubernetes_url}" in said
    assert [stage.split(" after ")[0] for stage in said[-2:]] == ["the lab is ready", "stopping the lab"]


async def test_a_lab_asked_to_stop_in_its_own_time_stops_too(tmp_path: Path) -> None:
    async with Lab(tmp_path / ".berth", search_attributes=ATTRIBUTES) as lab:
        running = lab.running
    assert running.temporal is not None
    assert not running.temporal.runs()
    assert not running.kubernetes.runs()


async def test_a_second_lab_in_the_folder_is_refused_and_leaves_the_first_alone(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        with pytest.raises(LabError, match=f"already runs in .* as process {os.getpid()}"):
            async with lab_in(tmp_path):
                pass
        assert find_lab(tmp_path, NOWHERE) == lab.running
        assert await namespace_status(lab.running, "kube-system") == 200


async def test_two_labs_side_by_side_know_nothing_of_each_other(tmp_path: Path) -> None:
    (tmp_path / "green").mkdir()
    (tmp_path / "blue").mkdir()
    async with lab_in(tmp_path / "green") as green, lab_in(tmp_path / "blue") as blue:
        await create_namespace(green.running, "only-green")
        assert await namespace_status(blue.running, "only-green") == 404
        assert await namespace_status(green.running, "only-green") == 200
        assert find_lab(tmp_path / "green", NOWHERE) == green.running
        assert find_lab(tmp_path / "blue", NOWHERE) == blue.running


async def test_both_servers_come_back_from_kill_9_where_they_were_with_what_they_knew(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        before = lab.running
        client = await Client.connect(before.temporal_address)
        await client.start_workflow("any", id="tenant-green", task_queue="none")
        await create_namespace(before, "tenant-green")
        await lab.kill_temporal()
        await lab.kill_kubernetes()
        assert before.temporal is not None
        assert not before.temporal.runs()
        assert not before.kubernetes.runs()
        await lab.restart_temporal()
        await lab.restart_kubernetes()
        after = lab.running
        assert after.temporal != before.temporal
        assert after.kubernetes != before.kubernetes
        assert (after.temporal_address, after.kubernetes_url) == (before.temporal_address, before.kubernetes_url)
        assert find_lab(tmp_path, NOWHERE) == after
        await client.get_workflow_handle("tenant-green").describe()
        assert await namespace_status(after, "tenant-green") == 200


async def switch_text(lab: RunningLab, name: str, which: str) -> str:
    async with aiohttp.ClientSession(lab.switches_url) as session, session.get(f"/switches/{name}/{which}") as answer:
        return await answer.text()


async def type_on(lab: RunningLab, name: str, *lines: str) -> None:
    port = next(device.port for device in (*lab.switches, *lab.routers) if device.name == name)
    password = lab.password_file.read_text().strip()
    async with asyncssh.connect(
        "127.0.0.1", port, known_hosts=str(lab.known_hosts), username=lab.username, password=password, config=None
    ) as connection:
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("".join(f"{line}\n" for line in lines))
        await process.wait()


async def test_switches_are_reached_by_what_the_lab_says_and_lose_what_they_did_not_save(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        before = lab.running
        assert [(switch.name, switch.dialect) for switch in before.switches] == [
            ("leaf-1", "cisco-ios"),
            ("leaf-2", "cisco-nxos"),
            ("leaf-3", "arista-eos"),
            ("leaf-4", "juniper-junos"),
        ]
        assert stat.S_IMODE(before.password_file.stat().st_mode) == 0o600
        for name in ("leaf-1", "leaf-2", "leaf-3"):
            save = ("copy running-config startup-config", "" if name == "leaf-1" else "show version")
            await type_on(before, name, "conf t", "vlan 100", "end", *save, "conf t", "vlan 200", "end", "exit")
        await type_on(before, "leaf-4", "configure", "set vlans a vlan-id 100", "commit and-quit", "exit")
        assert "200" in await switch_text(before, "leaf-1", "running")
        await lab.kill_switches()
        assert not before.fabric.runs()
        await lab.restart_switches()
        after = lab.running
        assert after.switches == before.switches
        assert find_lab(tmp_path, NOWHERE) == after
        for switch in after.switches:
            running = await switch_text(after, switch.name, "running")
            assert "100" in running
            assert "200" not in running
        await type_on(after, "leaf-1", "exit")
    async with lab_in(tmp_path) as lab:
        assert lab.running.switches == before.switches
        await type_on(lab.running, "leaf-1", "exit")
        assert "100" in await switch_text(lab.running, "leaf-4", "running")


async def heard(lab: RunningLab) -> list[str]:
    """What the edge's neighbour has heard of."""
    async with aiohttp.ClientSession(lab.switches_url) as session, session.get("/switches/fabric-1/table") as answer:
        return [route["network"] for route in await answer.json() if route["protocol"] == "bgp"]


async def hears(lab: RunningLab, *networks: str) -> None:
    """Wait until it knows exactly these."""
    async with asyncio.timeout(20):
        while await heard(lab) != [*networks]:  # noqa: ASYNC110 - a router's table tells nobody
            await asyncio.sleep(0.02)


async def test_the_edge_announces_to_its_neighbour_and_after_a_power_cut_what_it_had_saved(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        before = lab.running
        assert [(router.name, router.dialect) for router in before.routers] == [("edge-1", "frr"), ("fabric-1", "frr")]
        kept, lost = (f"ip route 203.0.113.{number}/32 203.0.113.2 tag 4200" for number in (10, 11))
        await type_on(before, "edge-1", "configure terminal", kept, "do write memory", lost, "end", "exit")
        await hears(before, "203.0.113.10/32", "203.0.113.11/32")
        await lab.kill_switches()
        await lab.restart_switches()
        assert lab.running.routers == before.routers
        await hears(lab.running, "203.0.113.10/32")
        assert lost not in await switch_text(lab.running, "edge-1", "running")
        # Its host key is a known one as well.
        await type_on(lab.running, "fabric-1", "exit")
    async with lab_in(tmp_path) as lab:
        assert lab.running.routers == before.routers
        await hears(lab.running, "203.0.113.10/32")


async def test_a_later_lab_in_the_folder_goes_on_with_its_state(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        client = await Client.connect(lab.running.temporal_address)
        await client.start_workflow("any", id="tenant-green", task_queue="none")
        await create_namespace(lab.running, "tenant-green")
    async with lab_in(tmp_path) as lab:
        client = await Client.connect(lab.running.temporal_address)
        await client.get_workflow_handle("tenant-green").describe()
        assert await namespace_status(lab.running, "tenant-green") == 200


async def test_a_lab_that_cannot_start_leaves_nothing_running_and_the_folder_free(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"the Kubernetes API ended with exit code 2: .*--no-such-option"):
        async with lab_in(tmp_path, kubernetes_arguments=["--no-such-option"]):
            pass
    assert find_lab(tmp_path, NOWHERE) is None
    async with lab_in(tmp_path):
        pass


async def test_a_server_that_dies_by_itself_is_reported(tmp_path: Path) -> None:
    async with lab_in(tmp_path) as lab:
        failed = asyncio.create_task(lab.failed())
        await lab.kill_temporal()
        await lab.restart_temporal()
        assert not failed.done()
        os.kill(lab.running.kubernetes.pid, signal.SIGKILL)
        assert str(await failed).startswith("the Kubernetes API was killed by SIGKILL: read ")


ALONE = """
import asyncio, sys
from pathlib import Path
from lab.embedded import Lab

async def main():
    async with Lab(Path(".berth"), search_attributes={}):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_lab_takes_its_servers_along_and_the_next_one_starts(tmp_path: Path) -> None:
    alone = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ALONE, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert alone.stdout
    assert await alone.stdout.readline() == b"ready\n"
    killed = find_lab(tmp_path, NOWHERE)
    assert killed
    assert killed.lab == ProcessId.of(alone.pid)
    alone.kill()
    await alone.communicate()
    with pytest.raises(StaleLabError, match=f"its process {alone.pid} ended"):
        find_lab(tmp_path, NOWHERE)
    async with lab_in(tmp_path) as lab:
        assert killed.temporal is not None
        assert not killed.temporal.runs()
        assert not killed.kubernetes.runs()
        assert not killed.fabric.runs()
        assert find_lab(tmp_path, NOWHERE) == lab.running
