"""Gauges that no single step knows: a worker looks at Temporal and at Kubernetes every so often, and tells Prometheus."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, get_args

import structlog
from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecution, WorkflowQueryFailedError
from temporalio.common import MetricMeter
from temporalio.service import RPCError

from activities.metrics import (
    APPROVAL_AGE,
    APPROVAL_EXPIRY,
    APPROVALS,
    AUDIT_FINDINGS,
    AUDIT_TIMESTAMP,
    DEVICES_UNUSABLE,
    LOOK_FAILURES,
    LOOK_TIMESTAMP,
    OPERATOR,
    OPERATOR_AGE,
    POOL_FREE,
    POOL_USED,
    PROBLEMS,
    RUN_AGE,
    RUNS,
    TENANTS,
    Metric,
)
from activities.platform import read_platform_file
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.levels import levels, tenants
from tenancy import names
from tenancy.audit import FindingKind
from tenancy.plan import Stage
from tenancy.platform import devices_of
from workers.settings import Settings
from workers.setup import AUDIT_SCHEDULE
from workflows.face import AUDIT_FLEET, DEVICE_QUEUE, OFFBOARD, ONBOARD, STAGE, AuditReport, Outcome, Status

_log = structlog.get_logger(__name__)

UNDER_WAY = f"ExecutionStatus = 'Running' AND WorkflowType IN ('{ONBOARD}', '{OFFBOARD}', '{DEVICE_QUEUE}')"
"""One list for all gauges of runs: Temporal 1.32 counts by group for ExecutionStatus only, none of our attributes."""
AUDITED = (
    f"ExecutionStatus = 'Completed' AND WorkflowType = '{AUDIT_FLEET}' AND TemporalScheduledById = '{AUDIT_SCHEDULE}'"
)
"""Not those that somebody started: they may have been about a few tenants only. Temporal lists the latest first."""
STAGES = frozenset({*Stage, Outcome.RUNNING, Outcome.UNDOING, Outcome.NEEDS_OPERATOR})
"""Where a run under way may be."""
REPORTED_PROBLEMS = "TemporalReportedProblems"
"""Set by Temporal's server on a run whose workflow task failed several times."""
CALL_TIMEOUT = timedelta(seconds=10)
"""For one call of Temporal."""
ASKED_AT_ONCE = 20
"""Waiting runs that are asked since when they wait, in one look; the others follow in the next ones."""
ASKED_AGAIN = 600.0
"""Seconds until a run is asked again. To answer, a worker may have to replay it."""


class _Waits(NamedTuple):
    """What a run said of its waiting."""

    asked: float
    """When, by the monotonic clock."""
    stage: str
    since: datetime
    expires: datetime | None


@dataclass
class Gauges:
    """The gauges of one worker."""

    client: Client
    kube: KubeOvn
    settings: Settings
    meter: MetricMeter
    _shown: dict[str, dict[tuple[tuple[str, str], ...], float]] = field(default_factory=dict)
    _waits: dict[str, _Waits] = field(default_factory=dict)
    _audit: str | None = None
    """Run ID of the audit whose findings are shown."""

    async def keep(self) -> None:
        """Looks again and again; for ever."""
        for look in ("temporal", "kubernetes"):
            # That of which nothing was counted yet is not there, and an increase from there to 1 goes unnoticed.
            LOOK_FAILURES.record(self.meter, 0, look=look)
            # And of what was never seen nobody would notice that it is old.
            LOOK_TIMESTAMP.record(self.meter, 0, look=look)
        while True:
            await asyncio.gather(self.look("temporal"), self.look("kubernetes"))
            await asyncio.sleep(self.settings.metrics_every)

    async def look(self, at: str) -> None:
        """One look. What goes wrong is counted and logged, and the gauges stay as they were."""
        try:
            async with asyncio.timeout(max(self.settings.metrics_every, 4 * CALL_TIMEOUT.total_seconds())):
                with _untraced(self.settings):
                    await (self.look_at_temporal() if at == "temporal" else self.look_at_kubernetes())
        except Exception as error:  # whatever it is: nobody's run may suffer from a gauge
            LOOK_FAILURES.record(self.meter, look=at)
            _log.warning(
                "the gauges could not be brought up to date", look=at, reason=str(error) or type(error).__name__
            )
        else:
            LOOK_TIMESTAMP.record(self.meter, time.time(), look=at)

    async def look_at_kubernetes(self) -> None:
        """Pools and tenants. Raises what the client raises."""
        platform = read_platform_file(self.settings.platform)
        found, count = await asyncio.gather(levels(self.kube, platform), tenants(self.kube))
        pools = [({"pool": one.pool, "name": one.name, "family": one.family}, one) for one in found]
        self._show(POOL_FREE, [(labels, one.free) for labels, one in pools])
        self._show(POOL_USED, [(labels, one.used) for labels, one in pools])
        self._show(TENANTS, [({"state": state}, number) for state, number in count.items()])

    async def look_at_temporal(self) -> None:
        """Runs under way, who waits for whom, and devices that cannot be worked on. Raises RPCError."""
        runs: list[WorkflowExecution] = []
        queues: list[WorkflowExecution] = []
        problems = 0
        async for found in self.client.list_workflows(UNDER_WAY, rpc_timeout=CALL_TIMEOUT):
            problems += REPORTED_PROBLEMS in found.search_attributes
            (queues if found.workflow_type == DEVICE_QUEUE else runs).append(found)
        self._show(PROBLEMS, [({}, problems)])
        self._show_runs(runs)
        self._show_devices(queues)
        await self._show_waiting(runs)
        await self._show_audit()

    async def _show_audit(self) -> None:
        found = [one async for one in self.client.list_workflows(AUDITED, limit=1, rpc_timeout=CALL_TIMEOUT)]
        for audit in found:
            if audit.run_id == self._audit:
                return
            handle = self.client.get_workflow_handle(audit.id, run_id=audit.run_id, result_type=AuditReport)
            report: AuditReport = await handle.result(rpc_timeout=CALL_TIMEOUT)
            count = Counter(one.kind for one in report.findings)
            self._show(AUDIT_FINDINGS, [({"finding": kind}, count[kind]) for kind in get_args(FindingKind)])
            self._audit = audit.run_id
        ended = found[0].close_time if found else None
        self._show(AUDIT_TIMESTAMP, [({}, ended.timestamp() if ended is not None else 0.0)])

    def _show_runs(self, runs: Iterable[WorkflowExecution]) -> None:
        count: Counter[tuple[str, str]] = Counter()
        oldest: dict[tuple[str, str], float] = {}
        for run in runs:
            key = ("onboard" if run.workflow_type == ONBOARD else "offboard", _stage(run))
            count[key] += 1
            oldest[key] = max(oldest.get(key, 0.0), _age(run.start_time))
        keys = [(key, {"workflow": key[0], "stage": key[1]}) for key in count]
        self._show(RUNS, [(labels, count[key]) for key, labels in keys])
        self._show(RUN_AGE, [(labels, oldest[key]) for key, labels in keys])

    def _show_devices(self, queues: Iterable[WorkflowExecution]) -> None:
        # Others may start a workflow of any name; only what the document names becomes a label.
        devices = {device.name for device, _ in devices_of(read_platform_file(self.settings.platform))}
        unusable = []
        for queue in queues:
            device, stage = queue.id.removeprefix(names.device_workflow("")), queue.typed_search_attributes.get(STAGE)
            if device in devices and stage in ("unavailable", "refused"):
                unusable.append(({"device": device, "why": stage}, 1.0))
        self._show(DEVICES_UNUSABLE, unusable)

    async def _show_waiting(self, runs: Iterable[WorkflowExecution]) -> None:
        approvals = [run for run in runs if _stage(run) == Stage.APPROVAL]
        parked = [run for run in runs if _stage(run) == Outcome.NEEDS_OPERATOR]
        # Told before anybody is asked: how many wait is known, however slowly they answer.
        self._show(APPROVALS, [({}, len(approvals))])
        self._show(OPERATOR, [({}, len(parked))])
        await self._ask([*approvals, *parked])
        self._show(APPROVAL_AGE, [({}, max((self._waiting(run) for run in approvals), default=0.0))])
        self._show(OPERATOR_AGE, [({}, max((self._waiting(run) for run in parked), default=0.0))])
        said = [self._waits[run.run_id] for run in approvals if run.run_id in self._waits]
        expiries = [one.expires.timestamp() for one in said if one.expires is not None]
        self._show(APPROVAL_EXPIRY, [({}, min(expiries, default=0.0))])

    def _waiting(self, run: WorkflowExecution) -> float:
        said = self._waits.get(run.run_id)
        return _age(said.since if said is not None and said.stage == _stage(run) else run.start_time)

    async def _ask(self, waiting: Iterable[WorkflowExecution]) -> None:
        """Asks those that wait since when, the longest unasked first; one that does not answer is left as it was."""
        by_run = {run.run_id: run for run in waiting}
        self._waits = {run: said for run, said in self._waits.items() if run in by_run}
        due = [run for run in by_run.values() if self._is_due(run)]
        due.sort(key=lambda run: (said.asked if (said := self._waits.get(run.run_id)) else 0.0, run.start_time))
        await asyncio.gather(*(self._ask_one(run) for run in due[:ASKED_AT_ONCE]))

    def _is_due(self, run: WorkflowExecution) -> bool:
        said = self._waits.get(run.run_id)
        return said is None or said.stage != _stage(run) or time.monotonic() - said.asked > ASKED_AGAIN

    async def _ask_one(self, run: WorkflowExecution) -> None:
        handle = self.client.get_workflow_handle(run.id, run_id=run.run_id)
        with suppress(RPCError, WorkflowQueryFailedError, ValidationError):
            told: Status = await handle.query("status", result_type=Status, rpc_timeout=CALL_TIMEOUT)
            moments = [one.since for one in told.parked]
            if _stage(run) == Stage.APPROVAL:
                moments = [told.approval.since] if told.approval is not None else []
            if moments:
                expires = told.approval.expires if told.approval is not None else None
                self._waits[run.run_id] = _Waits(time.monotonic(), _stage(run), min(moments), expires)

    def _show(self, metric: Metric, values: Iterable[tuple[Mapping[str, str], float]]) -> None:
        """Sets a gauge for each set of labels; one that was there before and is not any more goes to 0.

        Temporal's runtime would show its last value for ever.
        """
        now = {tuple(labels.items()): float(value) for labels, value in values}
        before = self._shown.get(metric.name, {})
        for labels in before.keys() | now.keys():
            metric.record(self.meter, now.get(labels, 0.0), **dict(labels))
        self._shown[metric.name] = {**dict.fromkeys(before, 0.0), **now}


@asynccontextmanager
async def gauges_kept(client: Client, kube: KubeOvn, settings: Settings, meter: MetricMeter) -> AsyncIterator[None]:
    """The gauges are kept while the block runs, where metrics are; a worker that only serves devices has none of them."""
    if settings.metrics_address is None or settings.serves == "devices":
        yield
        return
    keeping = asyncio.create_task(Gauges(client, kube, settings, meter).keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


def _untraced(settings: Settings) -> AbstractContextManager[None]:
    """A look is no part of a run: each would be a trace of its own."""
    if settings.traces_endpoint is None:
        return nullcontext()
    # A tenth of a second to load, for those who trace only.
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    return suppress_instrumentation()


def _stage(run: WorkflowExecution) -> str:
    stage = run.typed_search_attributes.get(STAGE) or Outcome.RUNNING
    return str(stage) if stage in STAGES else "other"


def _age(moment: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())
