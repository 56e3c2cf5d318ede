"""Who asks for work of a task queue, as far as Temporal knows: it remembers that for five minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
"""Kinds of work."""


@dataclass(frozen=True)
class Poller:
    """One worker that asked for work."""

    identity: str
    seen: datetime
    version: WorkerDeploymentVersion | None
    """None for a worker without one."""


async def pollers(
    client: Client, task_queue: str, kind: TaskQueueType.ValueType, *, within: timedelta | None = None
) -> Sequence[Poller]:
    """Those that asked for work of this kind. Raises RPCError, also where Temporal does not answer `within` that time."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        ),
        timeout=within,
    )
    return [
        Poller(
            one.identity,
            one.last_access_time.ToDatetime(tzinfo=UTC),
            WorkerDeploymentVersion(one.deployment_options.deployment_name, one.deployment_options.build_id)
            if one.deployment_options.deployment_name
            else None,
        )
        for one in answer.pollers
    ]
