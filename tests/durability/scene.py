"""A platform of real processes - Temporal, the simulated Kubernetes API, workers - and what a test may do to them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.contrib.pydantic import pydantic_data_converter

import lab
from lab.embedded import Lab
from tenancy import names
from workflows.face import OFFBOARD, ONBOARD, SEARCH_ATTRIBUTES, TASK_QUEUE, Status

Seen = TypeVar("Seen")
Document = dict[str, Any]

PATIENCE = 90.0
"""Seconds after which what has not happened never will."""
EXTERNAL_CIDR = "198.18.0.0/22"

PLATFORM: Document = {
    "apiVersion": "berth.network/v1",
    "kind": "Platform",
    "metadata": {"name": "scene"},
    "spec": {
        "mode": "overlay",
        "block": {"cidrs": ["192.0.2.0/24", "10.96.0.0/12", "10.16.0.0/16", "fd00:10:96::/112"]},
        "reserved": [{"name": "join", "cidrs": ["100.64.0.0/16"]}],
        "providerNetwork": {
            "name": "external",
            "externalSubnet": "external",
            "cidrs": [EXTERNAL_CIDR],
            "gateways": ["198.18.0.1"],
        },
    },
}

QUICK: Mapping[str, str] = {
    "BERTH_RETRY_FIRST_DELAY": "0.05",
    "BERTH_RETRY_LONGEST_DELAY": "0.5",
    "BERTH_READY_DEADLINE": "20",
    "BERTH_GONE_DEADLINE": "20",
    "BERTH_KUBE_REQUEST_TIMEOUT": "5",
    "BERTH_LOG_FORMAT": "json",
}
"""A worker that does not make a test wait."""


async def eventually(
    look: Callable[[], Awaitable[Seen]], wanted: Callable[[Seen], bool], what: str, seconds: float = PATIENCE
) -> Seen:
    """What `look` sees once it is as wanted. Fails with what it saw last."""
    seen: list[Seen] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen[:] = [await look()]
                if wanted(seen[0]):
                    return seen[0]
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:g} s; last seen: {seen or 'no answer at all'}") from None


async def within(work: Awaitable[Seen], what: str, seconds: float = PATIENCE) -> Seen:
    """The result of something that has to end. Fails with what it was."""
    try:
        return await asyncio.wait_for(work, seconds)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:g} s") from None


@dataclass(frozen=True)
class Ran:
    """A program that has ended."""

    command: str
    code: int
    out: str
    err: str

    def good(self) -> "Ran":
        """Itself, where it did what it was asked."""
        assert self.code == 0, f"{self}"
        return self

    def json(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.good().out)


async def run(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Ran:
    """Runs a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        raise AssertionError(f"{' '.join(command)}: still runs after {PATIENCE:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ran(" ".join(command), process.returncode, out.decode(), err.decode())


class WorkerProcess:
    """`berth worker` as a process of its own; its log is what it wrote to stderr."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, ready: Path) -> None:
        self._process = process
        self.log = log
        self._ready = ready

    @classmethod
    async def spawn(cls, folder: Path, name: str, environment: Mapping[str, str]) -> "WorkerProcess":
        """Starts it; it need not serve yet."""
        log, ready = folder / f"{name}.log", folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        # The tether lets it die with the test, however that ends.
        tether = [sys.executable, "-I", "-S", str(Path(lab.__file__).with_name("tether.py")), str(os.getpid())]
        command = [*tether, sys.executable, "-P", "-m", "cli.main", "worker", "--ready-file", str(ready)]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command, env=dict(environment), cwd=folder, stdin=asyncio.subprocess.DEVNULL, stderr=output
            )
        return cls(process, log, ready)

    async def serves(self) -> "WorkerProcess":
        """Itself, once it takes tasks."""

        async def look() -> tuple[bool, int | None]:
            return self._ready.exists(), self._process.returncode

        ready, code = await eventually(look, lambda seen: seen[0] or seen[1] is not None, "the worker serves")
        assert ready, f"the worker ended with {code}: {self.log.read_text()}"
        return self

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    async def kill(self) -> None:
        """SIGKILL, as a crash or a power cut."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM, as Kubernetes does it; or another signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        return await within(self._process.wait(), f"the end of worker {self.pid}, whose log is {self.log}")

    async def says(self) -> str:
        """Its log as it stands, to be waited for."""
        return self.log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Its log, line by line."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@dataclass
class Scene:
    """A running lab, its workers, and every way to look at them or to get at them."""

    lab: Lab
    folder: Path
    client: Client
    http: aiohttp.ClientSession
    workers: list[WorkerProcess] = field(default_factory=list)

    # What there is to do

    async def worker(self, **settings: str | None) -> WorkerProcess:
        """One more worker that serves; a setting that is None is left out."""
        name = f"worker-{len(self.workers)}"
        wanted = {**self.environment(), **QUICK, **settings}
        environment = {key: value for key, value in wanted.items() if value is not None}
        started = await WorkerProcess.spawn(self.folder, name, environment)
        self.workers.append(started)
        return await started.serves()

    async def onboard(self, document: Document, by: str = "test") -> WorkflowHandle[Any, Any]:
        """Starts an onboarding; the handle is of this very run."""
        return await self._start(ONBOARD, document["metadata"]["name"], document, by)

    async def offboard(self, tenant: str, by: str = "test") -> WorkflowHandle[Any, Any]:
        """Starts an offboarding; the handle is of this very run."""
        return await self._start(OFFBOARD, tenant, tenant, by)

    async def _start(self, workflow: str, tenant: str, document: object, by: str) -> WorkflowHandle[Any, Any]:
        handle = await self.client.start_workflow(
            workflow,
            {"tenant": document, "requestedBy": by},
            id=names.workflow(tenant),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        return self.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)

    async def temporal(self, *arguments: str) -> Ran:
        """Runs the plain `temporal` program."""
        programs = self.lab.running.programs
        assert programs is not None
        program = str(programs / "temporal")
        return await run([program, *arguments], environment=self.environment(), folder=self.folder)

    async def berth(self, *arguments: str) -> Ran:
        """Runs `berth`."""
        command = [sys.executable, "-P", "-m", "cli.main", *arguments]
        return await run(command, environment=self.environment(), folder=self.folder)

    def environment(self) -> dict[str, str]:
        """What a program needs to find this lab and no other; without the settings of whoever runs the tests."""
        foreign = ("BERTH_", "TEMPORAL_", "KUBE")
        running = self.lab.running
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "BERTH_TEMPORAL_ADDRESS": running.temporal_address,
            "BERTH_KUBECONFIG": str(running.kubeconfig),
            "BERTH_PLATFORM": str(running.platform),
            "TEMPORAL_ADDRESS": running.temporal_address,
            "TEMPORAL_NAMESPACE": running.temporal_namespace,
        }

    async def fault(self, effect: str, **fields: Any) -> str:
        """Switches a fault of the platform on; its ID."""
        return str((await self._lab("POST", "faults", {"effect": effect, **fields}))["id"])

    async def clear_faults(self) -> None:
        """Switches every fault off."""
        await self._lab("DELETE", "faults")

    async def forget_calls(self) -> None:
        """Starts the record of calls anew."""
        await self._lab("DELETE", "calls")

    async def create(self, collection: str, manifest: Document) -> None:
        """Creates an object as somebody who is not Berth."""
        url = f"{self.lab.running.kubernetes_url}{collection}"
        async with self.http.post(url, json=manifest) as answer:
            assert answer.status == 201, await answer.text()

    # What there is to see

    async def struck(self, *faults: str) -> None:
        """Waits until each of these faults has struck."""

        async def look() -> dict[str, int]:
            return {fault["id"]: fault["struck"] for fault in await self._lab("GET", "faults")}

        await eventually(look, lambda seen: all(seen.get(fault) for fault in faults), f"faults {faults} strike")

    async def dump(self) -> Document:
        """Every object of the platform, comparable."""
        found: Document = await self._lab("GET", "dump")
        return found

    async def northbound(self) -> Document:
        """What OVN was told."""
        found: Document = await self._lab("GET", "northbound")
        return found

    async def calls(self) -> list[Document]:
        """Every call the Kubernetes API was made since it was started."""
        found: list[Document] = await self._lab("GET", "calls")
        return found

    async def status(self, handle: WorkflowHandle[Any, Any]) -> Status:
        """What the run says of itself."""
        answer: Status = await handle.query("status", result_type=Status, rpc_timeout=timedelta(seconds=PATIENCE))
        return answer

    async def _lab(self, method: str, page: str, body: object = None) -> Any:
        async with self.http.request(method, f"{self.lab.running.kubernetes_url}/_lab/{page}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()


@asynccontextmanager
async def a_scene(folder: Path, *, pool_size: int | None = None) -> AsyncIterator[Scene]:
    """A lab in this folder, without a worker yet. Everything of it has ended when the block is left."""
    platform = folder / "platform.yaml"
    platform.write_text(json.dumps(PLATFORM))
    arguments = ["--ready-delay", "0.02", "--cleanup-delay", "0.01", "--external-cidr", EXTERNAL_CIDR]
    arguments += ["--pool-size", str(pool_size)] if pool_size else []
    running = Lab(
        folder / "lab",
        search_attributes=SEARCH_ATTRIBUTES,
        platform=platform,
        kubernetes_arguments=arguments,
        stop_seconds=0,
    )
    async with running, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http:
        client = await Client.connect(running.running.temporal_address, data_converter=pydantic_data_converter)
        scene = Scene(running, folder, client, http)
        await eventually(scene.dump, _is_complete, "the platform itself is ready")
        try:
            yield scene
        finally:
            await asyncio.gather(*(worker.kill() for worker in scene.workers))


def _is_complete(objects: Document) -> bool:
    statuses = [found.get("status", {}) for key, found in objects.items() if key.startswith(("subnets/", "ovn-eips/"))]
    return "ovn-eips/ovn-cluster-external" in objects and all(
        status.get("ready") or any(each["type"] == "Ready" for each in status.get("conditions", ()))
        for status in statuses
    )
