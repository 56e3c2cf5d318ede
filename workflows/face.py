"""The workflows' face: what is started, asked and told from outside. Stable: others call it with plain JSON."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from temporalio.common import SearchAttributeKey

from tenancy.announcement import Announcement, EdgeRole
from tenancy.approval import AnyPreview, Confirmation, Decision, Word
from tenancy.audit import AuditFinding
from tenancy.devices import AnyRequest
from tenancy.fields import Name
from tenancy.handover import HandOver
from tenancy.plan import Stage

TASK_QUEUE = "berth"
ONBOARD = "OnboardTenant"
OFFBOARD = "OffboardTenant"
DEVICE_QUEUE = "DeviceQueue"
"""The single writer of one device; its ID is `device-<name>`. It takes the signals REQUEST and WITHDRAW."""
LOOK_AT_EDGE = "LookAtEdge"
"""What is announced of a tenant at this moment; its input is EdgeLook, its result EdgeSeen. It changes nothing."""

AUDIT_FLEET = "AuditFleet"
"""Every tenant held against its recorded document; its input is AuditScope or nothing, its result AuditReport. It changes
nothing."""

REQUEST = "request"
"""Signal to a device's queue, with a DeviceAsk: do this, and tell me what became of it."""
WITHDRAW = "withdraw"
"""Signal to a device's queue, with a DeviceWithdrawal: take a request back, and tell me what became of it."""
DEVICE_ANSWERED = "device_answered"
"""Signal of a device's queue to whoever asked, with a DeviceOutcome: the last word about a request."""
DEVICE_WAITS = "device_waits"
"""Signal of a device's queue to whoever asked, with a DeviceWaits: why there is no answer yet."""

TENANT = SearchAttributeKey.for_keyword("BerthTenant")
STAGE = SearchAttributeKey.for_keyword("BerthStage")
MODE = SearchAttributeKey.for_keyword("BerthMode")
VLAN = SearchAttributeKey.for_int("BerthVlan")

SEARCH_ATTRIBUTES: Mapping[str, Literal["Keyword", "Int"]] = {
    TENANT.name: "Keyword",
    STAGE.name: "Keyword",
    MODE.name: "Keyword",
    VLAN.name: "Int",
}
"""Search attributes a namespace needs before a worker of Berth can serve it, with their types."""

INVALID_DOCUMENT = "InvalidDocument"
"""Type of the failure of a run whose document is refused; its details are the list of mistakes."""
APPROVE: Word = "approve"
REJECT: Word = "reject"
"""Names of the updates, and of the signals, by which an approver decides; their argument is tenancy.approval.Decision.
Onboarding and offboarding take them."""
APPROVAL = "approval"
"""Name of the query about what waits for an approver; its answer is ApprovalStatus."""

REFUSED = "Refused"
"""Type of the failure of a run that could not go on and has undone everything it did."""
LEFT_BEHIND = "LeftBehind"
"""Type of the failure of a run that an operator told to leave something as it is; its details name what."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, serialize_by_alias=True, validate_by_name=True)


class StepState(StrEnum):
    """Where one step is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    NEEDS_OPERATOR = "needs-operator"
    SKIPPED = "skipped"
    """An operator decided to leave it as it is."""


class Outcome(StrEnum):
    """Where a run stands as a whole; also the last value of the search attribute BerthStage."""

    RUNNING = "running"
    UNDOING = "undoing"
    NEEDS_OPERATOR = "needs-operator"
    DONE = "done"
    UNDONE = "undone"
    """It could not go on, or was cancelled, and nothing of it is left."""
    STOPPED = "stopped"
    """It stopped in the middle of taking back, which nothing undoes: its steps say what is gone and what is still there."""
    LEFT_BEHIND = "left-behind"
    """It ended with something left as it was, by an operator's decision."""


class StepStatus(_Told):
    """One step of a run."""

    id: str
    """Also the activity's ID, e.g. `subnet-acme--prod`; `temporal activity` commands take it."""
    stage: str
    title: str
    """For people, e.g. `Subnet acme--prod`."""
    state: StepState = StepState.WAITING
    started: datetime | None = None
    finished: datetime | None = None
    note: str | None = None
    """How it went: `created`, `adopted`, an address, or why it failed."""


class Parked(_Told):
    """A step whose undo (or removal) cannot finish and waits for an operator's decision."""

    step: str
    """The step's ID."""
    title: str
    reason: str
    since: datetime


class Awaited(_Told):
    """The approval that a run waits for, in short; the query `approval` tells all."""

    plan: str
    """The preview's hash."""
    about: str = ""
    """What is to be approved, in a few words."""
    vlan: int | None = None
    """None where it is about routes at the edge."""
    approvers: tuple[str, ...]
    """Who may decide: one of them, but not the one who requested the run."""
    since: datetime
    expires: datetime


class RefusedDecision(_Told):
    """A decision that did not count. Whoever sent a signal is told here only."""

    word: Word
    by: str
    at: datetime
    reason: str


class ApprovalStatus(_Told):
    """The answer to the query `approval`."""

    tenant: str
    state: Literal["none", "waiting", "approved", "rejected", "expired", "withdrawn"] = "none"
    """None: nothing was asked yet. Withdrawn: the run was cancelled while it waited."""
    preview: AnyPreview | None = None
    """Of a VLAN, or, with a `document`, of what the edge team is to do."""
    plan: str | None = None
    """The preview's hash: what a decision has to name."""
    approvers: tuple[str, ...] = ()
    signed: bool = False
    """Whether a decision has to bear an SSH signature."""
    since: datetime | None = None
    expires: datetime | None = None
    earlier: tuple[AnyPreview, ...] = ()
    """What the run showed before, oldest first; a decision about one of them is stale."""
    decision: Decision | None = None
    decided: datetime | None = None
    refused: tuple[RefusedDecision, ...] = ()
    """The last signals that did not count, oldest first."""
    reminders: int = 0
    notice: str | None = None
    """Why somebody could not be notified; None where everybody was, or is still to be."""


class Status(_Told):
    """The answer to the query `status`."""

    tenant: str
    workflow: Literal["OnboardTenant", "OffboardTenant"]
    run: str
    requested_by: str
    outcome: Outcome
    stage: str
    """Of the search attribute BerthStage: the stage of an onboarding, or the outcome."""
    mode: str | None = None
    plan_hash: str | None = None
    vlan: int | None = None
    """The tenant's VLAN ID, in mode vlan, once one is reserved."""
    steps: tuple[StepStatus, ...] = ()
    parked: tuple[Parked, ...] = ()
    """What waits for an operator; empty where no operator has to act."""
    approval: Awaited | None = None
    """What waits for an approver; None where none has to act."""
    failure: str | None = None
    """Why it could not go on; None while it can."""
    hand_over: HandOver | None = None


OVER = frozenset({Outcome.DONE, Outcome.UNDONE, Outcome.STOPPED, Outcome.LEFT_BEHIND})
"""Outcomes after which nothing more comes."""
UNDO = "undo-"
"""In front of the ID of a step: the ID of the activity that takes it back."""


def is_meant_to_go(workflow: str, step: StepStatus) -> bool:
    """Whether to take back is the step's purpose: an offboarding's, and that of what an onboarding gives back."""
    return workflow == OFFBOARD or step.stage == Stage.RELEASE


def state_word(workflow: str, step: StepStatus) -> str:
    """The state of a step in words."""
    if is_meant_to_go(workflow, step) and step.state in (StepState.UNDOING, StepState.UNDONE):
        return "removing" if step.state is StepState.UNDOING else "removed"
    return step.state.value.replace("-", " ")


class Resolve(_Told):
    """The argument of the update `resolve`: what to do about a parked step."""

    # A misspelt key would be a decision about another step than was meant.
    model_config = ConfigDict(extra="forbid")

    decision: Literal["retry", "skip", "abort"]
    """Retry the removal, leave that object and go on, or leave it and everything that has not been removed yet."""
    step: str | None = None
    """The step's ID; may be left out where only one waits."""
    reason: str | None = None
    """Needed to skip; kept in the run's history and in its failure."""
    by: str | None = None
    """Who decides."""


class Offboarded(_Told):
    """The result of an offboarding."""

    tenant: str
    removed: tuple[str, ...]
    """What was removed, in order, e.g. `OvnEip acme--egress`."""
    requested_by: str
    confirmations: tuple[Confirmation, ...] = ()
    """Where the edge team configures its routers itself: that it has withdrawn the routes."""


# Temporal fails the task of a workflow that signals what can be no workflow: again and again, for ever.
WorkflowId: TypeAlias = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
"""Of a workflow that is to be signalled; Temporal itself takes 1000 bytes."""
RunId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""A run, as Temporal names it: a UUID."""


class Addressee(_Told):
    """Who is to be told the outcome of a request, as the signals say it among other things."""

    workflow: WorkflowId
    run: RunId


class DeviceAsk(_Told):
    """The argument of the signal `request`. Sent again, it is the same request; the latest says where to answer."""

    request: AnyRequest
    workflow: WorkflowId
    """ID of the workflow that is told the outcome."""
    run: RunId
    """Its run."""
    asked: AwareDatetime
    """When this was sent. What is not known yet and took too long to arrive is not taken: its run may be long gone."""


class DeviceWithdrawal(_Told):
    """The argument of the signal `withdraw`."""

    id: str
    """The request's ID."""
    workflow: WorkflowId
    run: RunId


class DeviceWaits(_Told):
    """The argument of the signal `device_waits`."""

    id: str
    """The request's ID."""
    reason: str
    """What stands in the way, one line for people."""
    tries: int
    """How often the device was tried in vain since it was asked."""


class QueuedRequest(_Told):
    """One request as the device's queue shows it."""

    id: str
    tenant: str
    action: str
    vlan: int | None = None
    addresses: int = 0
    """Count of the routes and translations it is about, at the edge."""
    workflow: str
    """Who asked."""
    since: datetime
    tries: int = 0
    under_way: bool = False
    withdrawn: bool = False
    """It was taken back while it was under way: it drops out where that fails."""


class DeviceStatus(_Told):
    """The answer to a device's query `status`."""

    device: str
    queue: tuple[QueuedRequest, ...] = ()
    """In the order in which they are taken."""
    under_way_since: datetime | None = None
    """Since when the device is being worked on; None while it is not."""
    failures: int = 0
    """How often in a row it could not be worked on."""
    reason: str = ""
    """Why not, the last time."""
    next_try: datetime | None = None
    """Before this it is left alone; None where nothing is in the way."""
    answered: int = 0
    """Answers that are kept, to be given again."""


class AuditReport(_Told):
    """The result of AuditFleet."""

    tenants: int
    """Count of the tenants that were looked at."""
    devices: tuple[str, ...] = ()
    """Those that were asked."""
    findings: tuple[AuditFinding, ...] = ()
    unsaid: int = 0
    """Count of findings beyond those that are told."""
    under_way: tuple[str, ...] = ()
    """Tenants that a run changed meanwhile: nothing is said of them but drops that they lack."""


class EdgeLook(_Told):
    """The input of LookAtEdge."""

    tenant: Name
    announcement: Announcement


class DeviceSeen(_Told):
    """What one device at the edge holds now of what was announced."""

    device: str
    role: EdgeRole
    in_force: tuple[str, ...] = ()
    """Addresses that are translated, routed or heard of as they were announced."""
    missing: tuple[str, ...] = ()
    """Those that are not."""
    problem: str | None = None
    """Why it could not be asked; None where it was."""


class EdgeSeen(_Told):
    """The result of LookAtEdge, a device each."""

    devices: tuple[DeviceSeen, ...]
