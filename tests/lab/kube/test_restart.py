"""The simulator as a process, and its state after an orderly end and after a kill."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from lab.kube import KubeSimulator
from tests.lab.kube.caller import DROP, Caller


@asynccontextmanager
async def process(folder: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m lab.kube` on a state in a folder, once it listens; killed when the test forgot it."""
    port_file = folder / "port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "lab.kube", "--port-file", str(port_file), "--state", str(folder / "state.sqlite")]
    child = await asyncio.create_subprocess_exec(*command, "--ready-delay", "0.01", *arguments)
    try:
        async with asyncio.timeout(30):
            while not port_file.exists():
                assert child.returncode is None, "the simulator ended before it listened"
                await asyncio.sleep(0.02)
        yield child, f"http://127.0.0.1:{int(port_file.read_text())}"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _json(http: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    async with http.request(method, url, json=body) as answer:
        return await answer.json()


async def test_the_process_listens_serves_its_platform_and_ends_on_sigterm(tmp_path: Path) -> None:
    cidrs = ("--external-cidr", "198.51.100.0/24", "--external-cidr", "2001:db8::/64", "--pool-size", "5")
    slow = ("--ready-delay-of", "vpcs=60")
    async with process(tmp_path, *cidrs, *slow) as (child, url), aiohttp.ClientSession(url) as http:
        vpc = await _json(http, "GET", "/apis/kubeovn.io/v1/vpcs/ovn-cluster")
        assert "standby" not in (vpc.get("status") or {})  # which the controller may not have written yet
        subnet = await _json(http, "GET", "/apis/kubeovn.io/v1/subnets/external")
        assert subnet["spec"]["cidrBlock"] == "198.51.100.0/24,2001:db8::/64"
        watching = await http.get("/api/v1/namespaces", params={"watch": "true"})
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await child.wait() == 0
        watching.close()


async def test_a_kill_loses_no_write_that_was_answered(tmp_path: Path) -> None:
    created: list[str] = []
    async with process(tmp_path) as (child, url), aiohttp.ClientSession(url) as http:

        async def create_until_killed() -> None:
            for number in range(10_000):
                body = {"metadata": {"name": f"v{number}"}, "spec": {"policyRoutes": [DROP]}}
                answer = await _json(http, "POST", "/apis/kubeovn.io/v1/vpcs", body)
                created.append(json.dumps([answer["metadata"]["name"], answer["metadata"]["uid"]]))
                if number == 40:
                    os.kill(child.pid, signal.SIGKILL)

        await asyncio.gather(create_until_killed(), return_exceptions=True)
        await child.wait()
    assert len(created) > 40
    async with process(tmp_path) as (_, url), aiohttp.ClientSession(url) as http:
        listed = (await _json(http, "GET", "/apis/kubeovn.io/v1/vpcs"))["items"]
        there = {json.dumps([vpc["metadata"]["name"], vpc["metadata"]["uid"]]) for vpc in listed}
        assert there.issuperset(created)


async def test_a_restart_continues_revisions_and_forgets_history(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        await kube.settled()
        kube.api.create("configmaps", {"metadata": {"name": "c"}}, "default")
        kube.api.delete("configmaps", "c", "default")
        last, objects, northbound = kube.api.store.revision, kube.dump(), kube.northbound.dump()
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        assert kube.api.store.revision >= last
        assert kube.api.store.since("configmaps", last) == []
        assert kube.api.store.since("configmaps", last - 1) is None
        await kube.settled()
        assert kube.dump() == objects
        assert kube.northbound.dump() == northbound
        assert kube.api.create("configmaps", {"metadata": {"name": "d"}}, "default").revision > last


async def test_the_controller_takes_up_what_it_left_at_its_end(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    paused = KubeSimulator(state, ready_delay=0.0)
    paused.faults.add(effect="paused")
    async with paused as kube, aiohttp.ClientSession(kube.url) as http:
        caller = Caller(kube, http)
        await caller.tenant("red", enableExternal=True)
        await caller.create("ovn-eips", "e", {"externalSubnet": "external"})
        await caller.create("ovn-snat-rules", "s", {"ovnEip": "e", "vpcSubnet": "red--a"})
        assert "status" not in await caller.get("vpcs", "red")
    async with KubeSimulator(state, ready_delay=0.0) as kube, aiohttp.ClientSession(kube.url) as http:
        await kube.settled()
        assert (await Caller(kube, http).status("ovn-snat-rules", "s"))["ready"] is True
        assert kube.northbound.exposures == []


async def test_addresses_in_use_are_known_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with KubeSimulator(state, ready_delay=0.0) as kube, aiohttp.ClientSession(kube.url) as http:
        await kube.settled()
        caller = Caller(kube, http)
        await caller.tenant()
        await caller.create("pods", "p", {"containers": []}, namespace="red")
        await caller.create("ovn-eips", "e", {"externalSubnet": "external"})
        taken = {(await caller.get("ips", "p.red"))["spec"]["v4IpAddress"]}
        taken.add((await caller.status("ovn-eips", "e"))["v4Ip"])
    async with KubeSimulator(state, ready_delay=0.0) as kube, aiohttp.ClientSession(kube.url) as http:
        await kube.settled()
        caller = Caller(kube, http)
        await caller.create("pods", "q", {"containers": []}, namespace="red")
        await caller.create("ovn-eips", "f", {"externalSubnet": "external"})
        assert (await caller.get("ips", "q.red"))["spec"]["v4IpAddress"] not in taken
        assert (await caller.status("ovn-eips", "f"))["v4Ip"] not in taken
        assert (await caller.status("subnets", "red--a"))["v4usingIPs"] == 2


async def test_what_was_deleted_just_before_the_end_is_cleaned_after_the_start(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with KubeSimulator(state, ready_delay=0.0, cleanup_delay=60.0) as kube:
        gone = asyncio.Event()
        kube.api.create("vpcs", {"metadata": {"name": "red"}, "spec": {"policyRoutes": [DROP]}})
        await kube.settled()
        kube.api.store.listeners.append(lambda change: gone.set() if change.type == "DELETED" else None)
        kube.api.delete("vpcs", "red")
        await gone.wait()
        assert "red" in kube.northbound.routers
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        assert "red" not in kube.northbound.routers


async def test_exposed_moments_are_remembered_over_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with KubeSimulator(state, ready_delay=0.0) as kube, aiohttp.ClientSession(kube.url) as http:
        await Caller(kube, http).tenant("red", policyRoutes=[])
        seen = list(kube.northbound.exposures)
        assert seen
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        assert kube.northbound.exposures[: len(seen)] == seen
