"""The doctor's look at Temporal: whether it answers, is prepared, and somebody takes what a run asks for."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from clients.kube_ovn.answers import plain, some
from tenancy import names
from workers.connect import check_namespace, connect_temporal
from workers.doctor.findings import SILENT_MINUTES, Area, Finding
from workers.pollers import ACTIVITY, WORKFLOW, pollers
from workers.settings import ConfigurationError, Settings, UnreachableError
from workflows.face import SEARCH_ATTRIBUTES

AREA = Area.TEMPORAL
CALL_TIMEOUT = timedelta(seconds=10)
CONNECT_SECONDS = 15.0
"""Longer than Temporal's client tries by itself where the address answers nothing."""
SILENT = timedelta(minutes=SILENT_MINUTES)


async def temporal(settings: Settings, *, devices: bool) -> list[Finding]:
    """What was found; `devices`: whether the platform has any, so that their task queue has to be served."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await connect_temporal(settings)
    except ConfigurationError as error:
        return [_failed("server", str(error), answered=not isinstance(error, UnreachableError))]
    except TimeoutError:
        place = settings.temporal_address or "the address of its profile"
        why = f"Temporal at {place} gave no answer in {CONNECT_SECONDS:g} s: see that it is well, or set BERTH_TEMPORAL_ADDRESS"
        return [_failed("server", why, answered=False)]
    found = [await _server(client), await _namespace(client)]
    if found[-1].state == "failed":
        why = f"nobody can tell while namespace {client.namespace} is not as it has to be"
        return [*found, Finding(area=AREA, subject="workers", state="skipped", message=why)]
    looks = [_queue(client, settings.task_queue, {"workflow": WORKFLOW, "activity": ACTIVITY}, "platform")]
    if devices:
        looks.append(_queue(client, names.device_task_queue(settings.task_queue), {"activity": ACTIVITY}, "devices"))
    if settings.deployment is not None:
        looks.append(_deployment(client, settings.deployment, settings.build_id))
    return [*found, *await asyncio.gather(*looks)]


async def _server(client: Client) -> Finding:
    try:
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL_TIMEOUT)
    except RPCError as error:
        return _failed(
            "server", f"Temporal does not tell its version ({_words(error)}): see that it is well", answered=False
        )
    return _passed(
        "server", f"answers at {client.service_client.config.target_host}, version {plain(info.server_version)}"
    )


async def _namespace(client: Client) -> Finding:
    subject = f"namespace {client.namespace}"
    try:
        looked = await check_namespace(client, SEARCH_ATTRIBUTES)
    except ConfigurationError as error:
        return _failed(subject, str(error), answered=not isinstance(error, UnreachableError))
    if not looked:
        why = "Temporal does not let this login see the search attributes, so the first run will show whether they are there:"
        return Finding(
            area=AREA, subject=subject, state="warned", message=f"{why} {', '.join(SEARCH_ATTRIBUTES)}: compare by hand"
        )
    return _passed(subject, f"there, with the search attributes {', '.join(SEARCH_ATTRIBUTES)}")


async def _queue(client: Client, queue: str, kinds: Mapping[str, TaskQueueType.ValueType], serving: str) -> Finding:
    """Whether somebody asks for tasks of each kind there."""
    subject = f"task queue {queue}"
    seen: dict[str, datetime] = {}
    silent = []
    try:
        for work, kind in kinds.items():
            asked = {one.identity: one.seen for one in await pollers(client, queue, kind, within=CALL_TIMEOUT)}
            recent = {who: when for who, when in asked.items() if datetime.now(UTC) - when < SILENT}
            if not recent:
                silent.append((work, max(asked.values(), default=None)))
            seen |= recent
    except RPCError as error:
        why = f"Temporal does not tell who serves it ({_words(error)}): see `temporal task-queue describe --task-queue {queue}`"
        return Finding(area=AREA, subject=subject, state="warned", message=why)
    if silent:
        kinds_told = " and ".join(kind for kind, _ in silent)
        last = max((when for _, when in silent if when is not None), default=None)
        ago = "" if last is None else f"; the last one asked {(datetime.now(UTC) - last).total_seconds():.0f} s ago"
        remedy = f"start `berth worker` with BERTH_SERVES={serving} or everything, or see its log"
        why = f"no worker takes its {kinds_told} tasks{ago}: {remedy}"
        return _failed(subject, why, answered=False)
    return _passed(subject, f"served by {some(plain(who, 60) for who in seen)}")


async def _deployment(client: Client, deployment: str, build: str) -> Finding:
    """Whether the deployment has a current version, without which Temporal gives its workers nothing."""
    subject = f"deployment {deployment}"
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment),
            timeout=CALL_TIMEOUT,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            why = f"Temporal knows no worker deployment {deployment}: start a worker of it, or correct BERTH_DEPLOYMENT"
            return _failed(subject, why)
        why = f"Temporal does not tell of its versions ({_words(error)}): see `temporal worker deployment describe`"
        return Finding(area=AREA, subject=subject, state="warned", message=why)
    current = answer.worker_deployment_info.routing_config.current_deployment_version.build_id
    if not current:
        why = (
            "has no current version, so its workers are given nothing: run `temporal worker deployment set-current-version"
            f" --deployment-name {deployment} --build-id {build}`"
        )
        return _failed(subject, why)
    if current != build:
        why = (
            f"its current version is {plain(current, 60)}, and BERTH_BUILD_ID here is {plain(build, 60)}: new runs begin on the"
            " former; is an upgrade under way?"
        )
        return Finding(area=AREA, subject=subject, state="warned", message=why)
    return _passed(subject, f"its current version is {plain(current, 60)}")


def _passed(subject: str, message: str) -> Finding:
    return Finding(area=AREA, subject=subject, state="passed", message=message)


def _failed(subject: str, message: str, *, answered: bool = True) -> Finding:
    return Finding(area=AREA, subject=subject, state="failed", message=message, answered=answered)


def _words(error: RPCError) -> str:
    return plain(error.message or error.status.name.lower())
