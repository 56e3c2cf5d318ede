"""What has to be there once before a worker can serve: made where it is missing, left alone where it is right."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import ConflictError
from tenancy.edge import OneToOneNat
from tenancy.kinds import NAMESPACE
from workers.connect import connect_kubernetes, connect_temporal
from workers.observe import platform_of
from workers.settings import ConfigurationError, Settings, UnreachableError
from workflows.face import AUDIT_FLEET, SEARCH_ATTRIBUTES

AUDIT_SCHEDULE = "berth-audit"
"""ID of the Schedule, and the beginning of its runs' IDs."""
LONGEST_AUDIT = timedelta(hours=2)
"""Devices that do not answer hold an audit up for minutes; one that takes longer than this is stuck."""
NEW_NAMESPACE_SECONDS = 30.0
"""Temporal's services take notice of a new namespace one after another; until then they say there is none."""
_ASK_AGAIN_SECONDS = 0.2
_TYPES: Mapping[str, IndexedValueType.ValueType] = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}


class Made(BaseModel):
    """What became of one thing."""

    model_config = ConfigDict(frozen=True)

    subject: str
    outcome: Literal["created", "changed", "there", "by-hand"]
    """By hand: this account may not; the message says what somebody else has to do."""
    message: str = ""


async def set_up_temporal(settings: Settings, *, retention: timedelta, audit_every: timedelta | None) -> list[Made]:
    """Namespace, search attributes and the Schedule of the audit, each as it has to be.

    Args:
        settings: which Temporal, which namespace, which task queue.
        retention: how long a new namespace keeps ended runs; one that is there keeps its own.
        audit_every: between two audits; None for no Schedule.

    Raises ConfigurationError, UnreachableError where Temporal cannot be reached.
    """
    client = await connect_temporal(settings)
    try:
        namespace = await _namespace(client, retention)
        attributes = await _attributes(client, was_made=namespace.outcome == "created")
        return [namespace, attributes, await _schedule(client, settings.task_queue, audit_every)]
    except RPCError as error:
        raise UnreachableError(
            f"Temporal namespace {client.namespace} cannot be set up ({error.message}): see that Temporal is well, and that"
            " this account may administer it, then run it again"
        ) from error


async def _namespace(client: Client, retention: timedelta) -> Made:
    subject = f"Temporal namespace {client.namespace}"
    if await _there(client):
        return Made(subject=subject, outcome="there")
    kept = Duration()
    kept.FromTimedelta(retention)
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=client.namespace,
                workflow_execution_retention_period=kept,
                description="Berth: tenants' networks",
            )
        )
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return Made(subject=subject, outcome="there")
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            raise ConfigurationError(
                f"{subject} does not exist and this account may not make it: have it made, and run it again"
            ) from error
        raise
    return Made(subject=subject, outcome="created", message=f"keeps ended runs for {retention.days} days")


async def _there(client: Client) -> bool:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def _attributes(client: Client, *, was_made: bool) -> Made:
    subject = f"search attributes {', '.join(SEARCH_ATTRIBUTES)}"
    give_up = asyncio.get_running_loop().time() + NEW_NAMESPACE_SECONDS
    while True:
        try:
            return await _attributes_now(client, subject)
        except RPCError as error:
            if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
                wanted = ", ".join(f"{name} ({kind})" for name, kind in SEARCH_ATTRIBUTES.items())
                return Made(
                    subject=subject,
                    outcome="by-hand",
                    message=f"this account may not add them: have these added: {wanted}",
                )
            # A new namespace is not known everywhere at once, and nothing tells when it is.
            if not was_made or asyncio.get_running_loop().time() > give_up:
                raise
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def _attributes_now(client: Client, subject: str) -> Made:
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    wrong = [
        f"{name} is there and not of type {kind}"
        for name, kind in SEARCH_ATTRIBUTES.items()
        if answer.custom_attributes.get(name, _TYPES[kind]) != _TYPES[kind]
    ]
    if wrong:
        raise ConfigurationError(
            f"Temporal namespace {client.namespace}: search attribute {'; '.join(wrong)}: remove it there, or choose another"
            " namespace with BERTH_TEMPORAL_NAMESPACE"
        )
    missing = {name: _TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items() if name not in answer.custom_attributes}
    if not missing:
        return Made(subject=subject, outcome="there")
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    )
    return Made(subject=subject, outcome="created", message=", ".join(missing))


async def _schedule(client: Client, task_queue: str, every: timedelta | None) -> Made:
    subject = f"schedule {AUDIT_SCHEDULE}"
    handle = client.get_schedule_handle(AUDIT_SCHEDULE)
    if every is None:
        try:
            await handle.delete()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Made(subject=subject, outcome="there", message="none, as wished")
        return Made(subject=subject, outcome="changed", message="taken away")
    wanted = _audit(task_queue, every)
    told = f"an audit every {every.total_seconds() / 60:g} minutes on task queue {task_queue}"
    try:
        await client.create_schedule(AUDIT_SCHEDULE, wanted)
        return Made(subject=subject, outcome="created", message=told)
    except ScheduleAlreadyRunningError:
        pass
    found = (await handle.describe()).schedule
    if _meaning(found) == _meaning(wanted):
        return Made(subject=subject, outcome="there", message=told)

    def changed(there: ScheduleUpdateInput) -> ScheduleUpdate:
        # Paused, and why, is somebody's decision.
        wanted.state = there.description.schedule.state
        return ScheduleUpdate(wanted)

    await handle.update(changed)
    return Made(subject=subject, outcome="changed", message=told)


def _audit(task_queue: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            AUDIT_FLEET,
            id=AUDIT_SCHEDULE,
            task_queue=task_queue,
            execution_timeout=LONGEST_AUDIT,
            static_summary="Every tenant held against its recorded document",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=min(every, timedelta(hours=1))),
    )


def _meaning(schedule: Schedule) -> object:
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # noqa: S101  # Temporal knows no other
    intervals = [(one.every, one.offset or timedelta(0)) for one in schedule.spec.intervals]
    return action.workflow, action.id, action.task_queue, action.execution_timeout, intervals, schedule.policy.overlap


async def set_up_platform(settings: Settings) -> list[Made]:
    """With one-to-one NAT the namespace of the public pool's reservations; nothing else of the platform is Berth's to make.

    Raises ConfigurationError, UnreachableError where the Kubernetes API cannot be reached.
    """
    announce = platform_of(settings).spec.announce
    if not isinstance(announce, OneToOneNat):
        return []
    name = announce.pool.namespace
    subject = f"namespace {name} of the public pool's reservations"
    kube = await connect_kubernetes(settings)
    try:
        if await kube.get(NAMESPACE, name) is not None:
            return [Made(subject=subject, outcome="there")]
        await kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return [Made(subject=subject, outcome="created")]
    except ConflictError:
        return [Made(subject=subject, outcome="there")]
    except RefusedError as error:
        return [Made(subject=subject, outcome="by-hand", message=f"{error}: run kubectl create namespace {name}")]
    except UnavailableError as error:
        raise UnreachableError(str(error)) from error
    finally:
        await kube.close()
