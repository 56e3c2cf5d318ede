"""The worker process: serves its task queues until it is told to stop, and stops without breaking a run."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from temporalio.client import Client, Plugin
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.runtime import Runtime
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from activities.audit import AuditSteps
from activities.checks import Checks
from activities.decisions import HEARTBEAT_EVERY, Pace
from activities.devices import DeviceSteps, DeviceWork
from activities.edge import EdgeSteps
from activities.notify import NoticeSteps
from activities.objects import ObjectSteps
from activities.platform import read_platform_file
from activities.public_addresses import PublicAddressSteps
from activities.vlans import VlanSteps
from activities.vpc import VpcSteps
from clients.errors import UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.holders import refusals_of_addresses
from clients.kube_ovn.reservations import refusal_of_use
from clients.kube_ovn.secret import secret_reader
from tenancy import names
from workers.connect import check_namespace, connect_kubernetes, connect_temporal
from workers.devices import have_threads, sessions
from workers.gauges import gauges_kept
from workers.health import health_pages, readiness
from workers.logs import StepContext
from workers.measuring import StepMetrics
from workers.settings import ConfigurationError, Settings
from workers.together import together
from workers.traces import traced
from workflows import sandbox
from workflows.audit import AuditFleet
from workflows.device import DeviceQueue
from workflows.face import SEARCH_ATTRIBUTES
from workflows.look import LookAtEdge
from workflows.offboarding import OffboardTenant
from workflows.onboarding import OnboardTenant
from workflows.upgrading import UpgradingDeviceQueue

_log = structlog.get_logger(__name__)

DEVICE_POLLS = 1
"""Questions for work on devices that are open at once. Each that a frozen worker leaves open swallows a batch, which another
worker gets 15 seconds later; the SDK's five would take more than a minute. A session lasts seconds and takes one of its threads,
so one question brings work fast enough."""
WORKFLOWS = (OnboardTenant, OffboardTenant, DeviceQueue, LookAtEdge, AuditFleet)
_VERSIONED = tuple(UpgradingDeviceQueue if one is DeviceQueue else one for one in WORKFLOWS)


def make_worker(
    client: Client,
    kube: KubeOvn,
    settings: Settings,
    *,
    device_work: DeviceWork | None = None,
    interceptors: Sequence[Interceptor] = (),
) -> AbstractAsyncContextManager[None]:
    """A worker over these connections, which serves while it is entered: a Temporal Worker for each of its task queues.

    `device_work` stands in for sessions with the switches.
    """
    pace = Pace(
        ready_deadline=settings.ready_deadline,
        gone_deadline=settings.gone_deadline,
        first_delay=settings.retry_first_delay,
        longest_delay=settings.retry_longest_delay,
        refused_delay=settings.device_refused_delay,
    )
    checks, objects, vpc = Checks(kube, pace, settings.platform), ObjectSteps(kube, pace), VpcSteps(kube, pace)
    vlans, notices = VlanSteps(kube, pace), NoticeSteps(settings.platform, secret_reader(kube), pace)
    audit = AuditSteps(kube, client, pace, settings.platform)
    edge, public = EdgeSteps(kube, pace), PublicAddressSteps(kube, pace)
    devices = DeviceSteps(
        client,
        pace,
        settings.platform,
        device_work or sessions(secret_reader(kube), settings.known_hosts),
        partial(refusal_of_use, kube),
        partial(refusals_of_addresses, kube),
    )
    on_the_platform: list[Callable[..., Any]] = [
        checks.preflight,
        checks.verify,
        checks.verify_gone,
        checks.take_inventory,
        objects.ensure_object,
        objects.remove_object,
        vpc.write_block_policy,
        vpc.withdraw_exceptions,
        vpc.prove_block_policy,
        vpc.open_router_port,
        vpc.close_router_port,
        vpc.record_document,
        vlans.reserve_vlan,
        vlans.release_vlans,
        public.reserve_public_addresses,
        public.release_public_addresses,
        edge.record_announcement,
        edge.edge_instructions,
        notices.notify,
        audit.look_at_platform,
        audit.look_at_reservations,
        audit.changed_since,
        # These two only speak with Temporal.
        devices.ask_device,
        devices.time_to_settle,
    ]
    deployment = _deployment(settings)
    common: dict[str, Any] = {
        "interceptors": [StepContext(), StepMetrics(), *interceptors],
        "max_concurrent_activities": settings.max_concurrent_steps,
        "graceful_shutdown_timeout": timedelta(seconds=settings.shutdown_grace),
        # A cancel reaches a step with the answer to a heartbeat, and its progress reaches people that way: each is sent.
        "max_heartbeat_throttle_interval": timedelta(seconds=HEARTBEAT_EVERY),
        "deployment_config": deployment,
        # Without it the SDK hashes every module of the process: 0.14 s of CPU, and 2 s where there is no bytecode.
        "build_id": settings.build_id if deployment is None else None,
    }
    workers = []
    if settings.serves != "devices":
        workers.append(
            Worker(
                client,
                task_queue=settings.task_queue,
                workflows=WORKFLOWS if deployment is None else _VERSIONED,
                activities=on_the_platform,
                workflow_runner=sandbox.runner(),
                max_cached_workflows=settings.max_cached_runs,
                **common,
            )
        )
    if settings.serves != "platform":
        queue = names.device_task_queue(settings.task_queue)
        workers.append(
            Worker(
                client,
                task_queue=queue,
                activities=[devices.work_on_device],
                max_concurrent_activity_task_polls=DEVICE_POLLS,
                **common,
            )
        )
    return together(workers)


def task_queues(settings: Settings) -> tuple[str, ...]:
    """The task queues that a worker with these settings serves."""
    devices = names.device_task_queue(settings.task_queue)
    match settings.serves:
        case "platform":
            return (settings.task_queue,)
        case "devices":
            return (devices,)
        case "everything":
            return settings.task_queue, devices


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """The version the worker is of; None for a worker without one, which takes whatever its task queues have."""
    if settings.deployment is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, settings.build_id),
        use_worker_versioning=True,
        # A run ends on the version it began with, so what it replays is its own code, and its own rules for documents.
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


@asynccontextmanager
async def running_worker(settings: Settings) -> AsyncIterator[Client]:
    """A worker that serves while the block runs; yields the client of Temporal. Raises ConfigurationError."""
    async with traced(settings) as plugins, _serving(settings, plugins) as client:
        yield client


@asynccontextmanager
async def _serving(settings: Settings, plugins: Sequence[Plugin]) -> AsyncIterator[Client]:
    try:
        # Better now than in the first tenant's preflight.
        read_platform_file(settings.platform)
    except UnavailableError as error:
        raise ConfigurationError(str(error)) from error
    have_threads()
    client = await connect_temporal(settings, plugins)
    await check_namespace(client, SEARCH_ATTRIBUTES)
    kube = await connect_kubernetes(settings)
    queues = task_queues(settings)
    version = None if settings.deployment is None else (settings.deployment, settings.build_id)
    ready = readiness(client, kube, queues, version)
    try:
        # The pages outlive the worker, so that it is seen to drain.
        async with (
            health_pages(settings.health_address, ready),
            make_worker(client, kube, settings),
            gauges_kept(client, kube, settings, Runtime.default().metric_meter),
        ):
            _log.info("serving", task_queues=queues, namespace=client.namespace, version=version)
            try:
                yield client
            finally:
                ready.drain()
                _log.info("stopping: steps under way get time to finish", seconds=settings.shutdown_grace)
    finally:
        await kube.close()


async def serve(settings: Settings, *, ready: Callable[[], None] | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then lets running steps finish. `ready` is called once tasks are taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running_worker(settings):
            if ready is not None:
                ready()
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    # The SDK's own threads may still be ending; leaving the process at once can crash it (measured: SIGABRT).
    await asyncio.sleep(0.2)
