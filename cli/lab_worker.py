"""A lab and a worker in a process of its own, as `berth lab` and `berth demo` need them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.lab_platform import OVERLAY, write_lab_platform
from lab.embedded import Lab
from lab.errors import LabError
from lab.home import RunningLab
from lab.processes import Child
from workflows.face import SEARCH_ATTRIBUTES

WORKER_LOG = "worker.log"
STOP_SECONDS = 20.0
"""How long the worker gets to finish steps under way. More than it needs for the steps of a lab."""


@dataclass(frozen=True)
class Ground:
    """A running lab that a worker serves."""

    lab: RunningLab
    worker_log: Path
    _lab: Lab
    _worker: Child

    async def failed(self, progress: Callable[[str], None]) -> LabError:
        """Waits until a process of it ends by itself and cannot be had again; returns what to say of it.

        A worker that ends is followed by another one, as it would be on a real platform; `progress` is told.
        """
        ends = [asyncio.create_task(self._lab.failed()), asyncio.create_task(self._another_worker(progress))]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in ends:
                task.cancel()

    async def _another_worker(self, progress: Callable[[str], None]) -> LabError:
        while True:
            ended = await self._worker.failed()
            progress(f"{ended}; starting another")
            try:
                await _start(self._worker, self.lab)
            except LabError as error:
                return error
            progress("another worker goes on")


@asynccontextmanager
async def ground(
    home: Path,
    *,
    platform: Path | None = None,
    document: str = OVERLAY,
    ui_port: int | None = None,
    stop_seconds: float = STOP_SECONDS,
    progress: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Ground]:
    """A lab in this folder with a worker on it, both stopped on leaving. Raises CommandError where they cannot start.

    Without a platform's document of its own it is this example, with the lab's switches and routers written into it.
    """
    try:
        lab = Lab(
            home,
            search_attributes=SEARCH_ATTRIBUTES,
            platform=platform or home / document,
            ui_port=ui_port,
            stop_seconds=min(stop_seconds, 5.0),
            progress=progress,
        )
        async with lab:
            running = lab.running
            if platform is None:
                write_lab_platform(running, document, home / document)
            worker = worker_of(running)
            progress("starting a worker")
            await _start(worker, running)
            try:
                yield Ground(running, running.home / WORKER_LOG, lab, worker)
            finally:
                await worker.stop(seconds=stop_seconds)
    except LabError as error:
        raise CommandError(ExitCode.UNREACHABLE, str(error)) from error


async def connect_to(lab: RunningLab) -> Client:
    """A client of this lab's Temporal, whatever else this shell says. Raises CommandError where it does not answer."""
    try:
        return await Client.connect(
            lab.temporal_address, namespace=lab.temporal_namespace, data_converter=pydantic_data_converter
        )
    except RuntimeError as error:
        raise CommandError(
            ExitCode.UNREACHABLE, f"Temporal at {lab.temporal_address} does not answer: {error}"
        ) from error


def worker_of(lab: RunningLab) -> Child:
    """A worker on this lab, not started yet; whatever else the shell says of Temporal and Kubernetes is not meant."""
    # -P: a folder named `cli` where the user happens to be is not ours.
    command = [sys.executable, "-P", "-m", "cli.main", "worker", "--ready-file", str(_ready_file(lab))]
    return Child("the worker", command, folder=lab.home, log=lab.home / WORKER_LOG, environment=worker_environment(lab))


def worker_environment(lab: RunningLab) -> dict[str, str]:
    """The environment in which `berth worker` serves this lab and nothing else."""
    ours = ("BERTH_", "TEMPORAL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        # No certificates and no keys of another Temporal.
        "BERTH_TEMPORAL_CONFIG": os.devnull,
        "BERTH_TEMPORAL_ADDRESS": lab.temporal_address,
        "BERTH_TEMPORAL_NAMESPACE": lab.temporal_namespace,
        "BERTH_KUBECONFIG": str(lab.kubeconfig),
        "BERTH_PLATFORM": str(lab.platform),
        "BERTH_KNOWN_HOSTS": str(lab.known_hosts),
        # Everything here is near and quick; who tries a fault out does not want to wait as long as for real hardware.
        "BERTH_READY_DEADLINE": "5",
        "BERTH_GONE_DEADLINE": "2",
        "BERTH_RETRY_FIRST_DELAY": "0.2",
        "BERTH_RETRY_LONGEST_DELAY": "2",
    }


async def _start(worker: Child, lab: RunningLab) -> None:
    ready = _ready_file(lab)
    ready.unlink(missing_ok=True)
    await worker.start(lambda: _written(ready))


def _ready_file(lab: RunningLab) -> Path:
    return lab.home / "worker.ready"


async def _written(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0  # noqa: ASYNC240  # takes microseconds
