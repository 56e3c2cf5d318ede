"""Runs as Temporal knows them: started, found, asked and told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import (
    ApplicationError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError, RPCStatusCode

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.serving import absence, no_worker_beside_devices
from tenancy import names
from workflows.face import (
    OFFBOARD,
    ONBOARD,
    STAGE,
    UNDO,
    Status,
    StepState,
)
from workflows.steps import is_on_a_device

ANSWER_SECONDS = 3.0
"""How long a worker may take to answer a question before it counts as absent."""
DECISION_SECONDS = 15.0
"""How long a worker may take to accept or refuse a decision."""


Answer = TypeVar("Answer", bound=BaseModel)
Workflow = Literal["OnboardTenant", "OffboardTenant"]


class NoAnswerError(Exception):
    """No worker answered a question about a run; the run itself is not affected."""


@dataclass(frozen=True)
class Run:
    """One run of one tenant."""

    tenant: str
    workflow: Workflow
    handle: WorkflowHandle[Any, Any]
    task_queue: str
    """Where a worker has to serve it."""

    @property
    def run_id(self) -> str:
        """The run's ID."""
        return self.handle.run_id or ""


@dataclass(frozen=True)
class Trouble:
    """Why a step that is running does not get on."""

    attempt: int
    """Of the attempt that runs or is waited for, counted from 1."""
    reason: str
    paused: bool = False
    """Whether an operator paused it, with `temporal activity pause`."""


@dataclass(frozen=True)
class Entry:
    """The latest run of a tenant, as Temporal lists it; nobody has to answer for that."""

    tenant: str
    workflow: Workflow
    state: str
    """The stage or outcome the run says of itself, or Temporal's word where it could not say any more."""
    running: bool
    started: datetime
    closed: datetime | None
    run_id: str
    task_queue: str = ""


@asynccontextmanager
async def reaching(client: Client) -> AsyncIterator[None]:
    """Turns what the Temporal client raises into a line for a person. Raises CommandError."""
    try:
        yield
    except RPCError as error:
        address = client.service_client.config.target_host
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
            message = f"Temporal at {address} stopped answering; runs that were started go on once it is back"
            raise CommandError(ExitCode.UNREACHABLE, message) from error
        message = f"Temporal at {address}, namespace {client.namespace}, refused: {error.message}"
        raise CommandError(ExitCode.UNREACHABLE, message) from error


async def start(
    client: Client, task_queue: str, workflow: Workflow, tenant: str, document: object, requested_by: str
) -> Run:
    """Starts a run. Raises CommandError (CONFLICT) while another one of this tenant is under way."""
    try:
        handle = await client.start_workflow(
            workflow,
            {"tenant": document, "requestedBy": requested_by},
            id=names.workflow(tenant),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{'Onboard' if workflow == ONBOARD else 'Offboard'} {tenant}",
        )
    except WorkflowAlreadyStartedError as error:
        message = (
            f"another run of {tenant} is under way ({error.run_id}): look at it with `berth status {tenant}`"
            " and start again when it has ended"
        )
        raise CommandError(ExitCode.CONFLICT, message) from error
    # Bound to this run, so that it is never a later one of this tenant that answers.
    bound = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    return Run(tenant, workflow, bound, task_queue)


async def latest(client: Client, tenant: str) -> tuple[Run, WorkflowExecution]:
    """The latest run of a tenant. Raises CommandError where Temporal remembers none."""
    handle = client.get_workflow_handle(names.workflow(tenant))
    try:
        found = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            message = f"no run of tenant {tenant} is known to Temporal: see `berth list`, or onboard it"
            raise CommandError(ExitCode.NOT_FOUND, message) from error
        raise
    if found.workflow_type not in (ONBOARD, OFFBOARD):
        message = f"workflow {found.id} is a {found.workflow_type}, which is not Berth's"
        raise CommandError(ExitCode.NOT_FOUND, message)
    handle = client.get_workflow_handle(found.id, run_id=found.run_id)
    return Run(tenant, _workflow(found), handle, found.task_queue), found


async def entries(client: Client, since: datetime | None = None) -> list[Entry]:
    """Every tenant's latest run that Temporal still remembers, by name; or only those under way or closed since then."""
    newest: dict[str, WorkflowExecution] = {}
    query = f"WorkflowType IN ('{ONBOARD}', '{OFFBOARD}')"
    if since is not None:
        query += f" AND (ExecutionStatus = 'Running' OR CloseTime > '{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}')"
    async for found in client.list_workflows(query):
        known = newest.get(found.id)
        if known is None or found.start_time > known.start_time:
            newest[found.id] = found
    prefix = names.workflow("")
    listed = [_entry(found, prefix) for found in newest.values() if found.id.startswith(prefix)]
    return sorted(listed, key=lambda entry: entry.tenant)


async def ask(client: Client, run: Run) -> Status:
    """The run's own account of itself. Raises NoAnswerError where no worker gives one."""
    return await answer(client, run, "status", Status)


async def answer(client: Client, run: Run, query: str, model: type[Answer]) -> Answer:
    """A run's answer to one of its queries. Raises NoAnswerError where no worker gives one."""
    try:
        told: Answer = await run.handle.query(query, result_type=model, rpc_timeout=timedelta(seconds=ANSWER_SECONDS))
    except RPCError as error:
        if error.status in _NOBODY_ANSWERED:
            raise NoAnswerError(await absence(client, run.handle, run.task_queue)) from error
        raise
    except WorkflowQueryFailedError as error:
        # A run that has not had its first moment on a worker, or that a worker of another version serves.
        raise NoAnswerError(f"the run cannot say yet how it stands: {error.message}") from error
    except ValidationError as error:
        raise NoAnswerError("the worker's answer is of another version of berth than this one") from error
    return told


_NOBODY_ANSWERED = frozenset(
    {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}
)


async def troubles(client: Client, run: Run) -> Mapping[str, Trouble]:
    """The run's activities that are being retried or are paused, by their ID, which is their step's."""
    found: dict[str, Trouble] = {}
    description = await run.handle.describe()
    for activity in description.raw_description.pending_activities:
        paused = activity.state in (
            PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
            PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
        )
        reason = ""
        if activity.HasField("last_failure"):
            failure = await client.data_converter.decode_failure(activity.last_failure)
            reason = told(failure)
        if paused or activity.attempt > 1:
            found[activity.activity_id.removeprefix(UNDO)] = Trouble(activity.attempt, reason, paused)
    return found


async def missing(client: Client, run: Run, status: Status) -> str | None:
    """Which worker is missing for the run to go on, though one answers for it; None where none is."""
    moving = (step.id for step in status.steps if step.state in (StepState.RUNNING, StepState.UNDOING))
    if not any(map(is_on_a_device, moving)):
        return None
    return await no_worker_beside_devices(client, run.task_queue)


def told(failure: BaseException) -> str:
    """What a failure says in the end: the words of the cause, not of the layers around it."""
    while failure.__cause__ is not None and not isinstance(failure, ApplicationError):
        failure = failure.__cause__
    return getattr(failure, "message", "") or str(failure) or type(failure).__name__


async def tell(client: Client, run: Run, update: str, decision: BaseModel) -> str:
    """Tells a run what was decided, by one of its updates, and returns what follows from it.

    Raises CommandError where the run will not have it.
    """
    try:
        # Without a worker the update would be kept waiting, and may act long after whoever sent it has given up.
        await ask(client, run)
        follows: str = await run.handle.execute_update(
            update, decision, result_type=str, rpc_timeout=timedelta(seconds=DECISION_SECONDS)
        )
    except NoAnswerError as error:
        raise CommandError(ExitCode.UNREACHABLE, f"tenant {run.tenant}: {error}") from error
    except WorkflowUpdateFailedError as error:
        raise CommandError(ExitCode.REFUSED, f"tenant {run.tenant}: {told(error.cause)}") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise CommandError(ExitCode.UNREACHABLE, await absence(client, run.handle, run.task_queue)) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            message = f"tenant {run.tenant}: the run has ended, so nothing waits for a decision"
            raise CommandError(ExitCode.REFUSED, message) from error
        if error.status in _NOBODY_ANSWERED:
            raise CommandError(ExitCode.UNREACHABLE, await absence(client, run.handle, run.task_queue)) from error
        raise
    return follows


def _workflow(found: WorkflowExecution) -> Workflow:
    return "OnboardTenant" if found.workflow_type == ONBOARD else "OffboardTenant"


def _entry(found: WorkflowExecution, prefix: str) -> Entry:
    status = found.status or WorkflowExecutionStatus.RUNNING
    stage = found.typed_search_attributes.get(STAGE)
    # These two end a run from outside, so what it last said of itself is no longer true.
    ended_from_outside = status in (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
    word = status.name.lower().replace("_", "-")
    return Entry(
        tenant=found.id.removeprefix(prefix),
        workflow=_workflow(found),
        state=word if ended_from_outside or not stage else stage,
        running=status is WorkflowExecutionStatus.RUNNING,
        started=found.start_time,
        closed=found.close_time,
        run_id=found.run_id,
        task_queue=found.task_queue,
    )
