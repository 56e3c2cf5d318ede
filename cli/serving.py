"""Who serves a task queue, as far as Temporal knows: it remembers for five minutes who asked for work."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkerDeploymentVersion

from tenancy import names
from workers.pollers import ACTIVITY, WORKFLOW, Poller, pollers


async def absence(client: Client, handle: WorkflowHandle[Any, Any], task_queue: str) -> str:
    """Why nobody answered for a run."""
    found = await pollers(client, task_queue, WORKFLOW)
    pinned = await _version_of(handle)
    if pinned is not None:
        found = [one for one in found if one.version == pinned]
        whose = f"version {pinned.build_id} of deployment {pinned.deployment_name}, on which this run ends"
        start = (
            f"start one with BERTH_DEPLOYMENT={pinned.deployment_name} BERTH_BUILD_ID={pinned.build_id} `berth worker`"
        )
        if not found:
            return f"no worker of {whose}, serves task queue {task_queue}: {start}"
        return (
            f"no worker of {whose}, answers, the last one was seen {_ago(found)} s ago at task queue {task_queue}:"
            f" if it stopped, {start}"
        )
    if not found:
        return f"no worker is serving task queue {task_queue}: start one with `berth worker`"
    if all(one.version for one in found):
        return (
            f"no worker of task queue {task_queue} answers, the last one was seen {_ago(found)} s ago, and all are of a"
            " version: see with `berth deployments` whether one is current, else nothing new is taken"
        )
    return (
        f"no worker of task queue {task_queue} answers, the last one was seen {_ago(found)} s ago:"
        " if it stopped, start one with `berth worker`"
    )


async def another_version_serves(client: Client, handle: WorkflowHandle[Any, Any], task_queue: str) -> bool:
    """Whether a run without an answer only lacks the workers of its own version, and new runs find others."""
    pinned = await _version_of(handle)
    found = await pollers(client, task_queue, WORKFLOW)
    return pinned is not None and any(one.version not in (None, pinned) for one in found)


async def no_worker_beside_devices(client: Client, task_queue: str) -> str | None:
    """That nobody has asked lately for what runs of this task queue want done on devices; None where somebody has."""
    devices = names.device_task_queue(task_queue)
    if await pollers(client, devices, ACTIVITY):
        return None
    return (
        f"no worker serves {devices}, so nothing is done on devices: start one where they can be reached (`berth worker` with"
        " BERTH_SERVES=devices)"
    )


async def _version_of(handle: WorkflowHandle[Any, Any]) -> WorkerDeploymentVersion | None:
    """The version that a pinned run ends on."""
    told = (await handle.describe()).raw_description.workflow_execution_info.versioning_info.deployment_version
    return WorkerDeploymentVersion(told.deployment_name, told.build_id) if told.deployment_name else None


def _ago(found: Sequence[Poller]) -> int:
    return max(0, round((datetime.now(UTC) - max(one.seen for one in found)).total_seconds()))
