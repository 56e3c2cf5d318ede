"""Versions of the worker as Temporal knows them: which one new runs go to, which ones still end runs, and changing that."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from temporalio.api.enums.v1 import TaskQueueType, WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from clients.kube_ovn.answers import plain
from tenancy import names
from workers.pollers import ACTIVITY, WORKFLOW, pollers
from workers.settings import ConfigurationError, UnreachableError

LOOK_EVERY = 0.5
"""Seconds between two looks whether a version's workers have come."""
_STATES: Mapping[int, Literal["waiting", "current", "ramping", "draining", "drained"]] = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED: "waiting",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE: "waiting",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "current",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}


@dataclass(frozen=True)
class Version:
    """One version of the worker."""

    build_id: str
    state: Literal["waiting", "current", "ramping", "draining", "drained", "unknown"]
    """Waiting: never current yet, or not for long. Draining: runs may still end on it. Drained: none does."""
    since: datetime | None
    runs: int
    """Runs under way that end on it."""
    platform_workers: int
    """Workers of it that asked for work of the runs' task queue within the last five minutes."""
    device_workers: int
    """The same for the devices' task queue."""

    @property
    def needed(self) -> bool:
        """Whether its workers must not be stopped."""
        return self.state not in ("drained", "waiting") or self.runs > 0


async def versions(client: Client, deployment: str, task_queue: str) -> list[Version]:
    """Every version of the deployment, newest first; none where no worker of it was ever seen. Raises ConfigurationError."""
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise _failure(error, deployment) from error
    platform, devices = [await _workers(client, deployment, *queue) for queue in _queues(task_queue)]
    found = []
    for one in sorted(
        answer.worker_deployment_info.version_summaries, key=lambda one: one.create_time.ToDatetime(), reverse=True
    ):
        build_id = one.deployment_version.build_id
        changed = one.routing_update_time if one.HasField("routing_update_time") else one.create_time
        found.append(
            Version(
                build_id,
                _STATES.get(one.status, "unknown"),
                changed.ToDatetime(tzinfo=UTC),
                await _runs(client, deployment, build_id),
                platform.get(build_id, 0),
                devices.get(build_id, 0),
            )
        )
    return found


async def make_current(
    client: Client, deployment: str, build_id: str, task_queue: str, *, wait: timedelta = timedelta(seconds=10)
) -> bool:
    """Sends new runs, and the queues of devices, to this version. False where they went there already.

    Temporal hears of a version from its workers, a moment after they have started: for so long it is waited. Raises
    ConfigurationError where it does not come, or where no worker of it serves a task queue that the current one serves.
    """
    until = asyncio.get_running_loop().time() + wait.total_seconds()
    while True:
        try:
            return await _make_current(client, deployment, build_id, task_queue)
        except ConfigurationError as error:
            if isinstance(error, UnreachableError) or asyncio.get_running_loop().time() >= until:
                raise
        await asyncio.sleep(LOOK_EVERY)


async def _make_current(client: Client, deployment: str, build_id: str, task_queue: str) -> bool:
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
        )
    except RPCError as error:
        raise _failure(error, deployment) from error
    info = answer.worker_deployment_info
    current = info.routing_config.current_deployment_version.build_id
    if current == build_id:
        return False
    known = [one.deployment_version.build_id for one in info.version_summaries]
    if build_id not in known:
        raise ConfigurationError(
            f"deployment {deployment} has no version {build_id}, but {', '.join(known) or 'none'}: start workers with"
            f" BERTH_DEPLOYMENT={deployment} BERTH_BUILD_ID={build_id} first"
        )
    # Temporal itself refuses only where it knows of work for the queue, which the devices' own rarely has (measured).
    for queue, kind in _queues(task_queue):
        workers = await _workers(client, deployment, queue, kind)
        if build_id not in workers and (current in workers or queue == task_queue):
            raise ConfigurationError(
                f"version {build_id} of deployment {deployment} has no worker that serves {queue}, so it would get nothing"
                f" done there: start one with BERTH_DEPLOYMENT={deployment} BERTH_BUILD_ID={build_id} first"
            )
    try:
        await client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment,
                build_id=build_id,
                # Whoever changed it since that look has had the last word.
                conflict_token=answer.conflict_token,
                identity=client.identity,
            )
        )
    except RPCError as error:
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise ConfigurationError(
                f"version {build_id} of deployment {deployment} cannot be made current ({plain(error.message)}): start its"
                " workers for every task queue that the current version serves, the devices' own too, and try again"
            ) from error
        raise _failure(error, deployment) from error
    return True


def _failure(error: RPCError, deployment: str) -> ConfigurationError:
    if error.status is RPCStatusCode.NOT_FOUND:
        return ConfigurationError(
            f"Temporal has no worker deployment {deployment}: start a worker with BERTH_DEPLOYMENT={deployment} first"
        )
    if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
        return UnreachableError(
            f"worker deployment {deployment}: Temporal does not answer ({plain(error.message)}): try again"
        )
    return ConfigurationError(
        f"worker deployment {deployment}: Temporal refused ({error.status.name.lower()}: {plain(error.message)}): see that"
        " it knows worker deployments (server 1.28 or later) and that this account may change them"
    )


async def _runs(client: Client, deployment: str, build_id: str) -> int:
    version = f"{deployment}:{build_id}"
    counted = await client.count_workflows(
        f"TemporalWorkerDeploymentVersion = {_quoted(version)} AND TemporalWorkflowVersioningBehavior = 'Pinned'"
        " AND ExecutionStatus = 'Running'"
    )
    return counted.count


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _queues(task_queue: str) -> Sequence[tuple[str, TaskQueueType.ValueType]]:
    """The runs' task queue and the devices', each with what a worker asks it for."""
    return (
        (task_queue, WORKFLOW),
        (names.device_task_queue(task_queue), ACTIVITY),
    )


async def _workers(
    client: Client, deployment: str, task_queue: str, kind: TaskQueueType.ValueType
) -> Mapping[str, int]:
    """How many workers of each version ask for work of a task queue."""
    asking: dict[str, set[str]] = {}
    for one in await pollers(client, task_queue, kind):
        if one.version is not None and one.version.deployment_name == deployment:
            asking.setdefault(one.version.build_id, set()).add(one.identity)
    return {build_id: len(identities) for build_id, identities in asking.items()}
