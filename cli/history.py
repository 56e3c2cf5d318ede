"""What Temporal has recorded of a run: which step was tried when and how often, what devices were sent, who decided what.

A run's own account of itself is how things stand; this is how they came about. It needs no worker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.converter import DataConverter

from cli.runs import Run, told
from tenancy.devices import TAKES_AWAY, DeviceOutcome
from tenancy.plan import Stage
from workflows.face import (
    DEVICE_ANSWERED,
    DEVICE_WAITS,
    OFFBOARD,
    STAGE,
    UNDO,
    DeviceWaits,
    Outcome,
    Resolve,
)

Model = TypeVar("Model", bound=BaseModel)

MOST_EVENTS = 3000
"""Of one run; what a run that was retried for weeks did after them is not read."""
ASK, RESOLVE = "ask_device", "resolve"
NO_STEP = frozenset({ASK, "notify"})
"""Activities that are no step by themselves."""
STEP_OF_ACTION: Mapping[str, str] = {
    "survey": "survey",
    "preview": "preview",
    "preview-by-hand": "preview",
    "ensure": "switch",
    "absent": "switch",
    "verify": "switch",
    "verify-absent": "switch",
    "announce": "announce",
    "withdraw": "announce",
    "translate": "translate",
    "untranslate": "translate",
    "look": "neighbour",
}
"""By what is asked of a device: how the ID of the step begins that asks it."""


@dataclass
class Try:
    """One activity of a step, with all its attempts."""

    step: str
    """The step's ID."""
    title: str
    stage: str
    """Where the run was: the search attribute BerthStage."""
    takes_back: bool
    undoes: bool
    """Whether it belongs to the undo of the run: what takes back may also be what a step is for."""
    began: datetime
    ended: datetime | None = None
    attempts: int = 1
    trouble: str | None = None
    """Why the attempt before the last one failed."""
    failure: str | None = None
    outcome: str | None = None
    """How it went, in the activity's own words."""


@dataclass
class Session:
    """One request to a device, and what became of it."""

    step: str
    """ID of the step it was asked for."""
    device: str
    action: str
    stage: str
    undoes: bool
    began: datetime
    ended: datetime | None = None
    outcome: DeviceOutcome | None = None
    waits: DeviceWaits | None = None
    """What the device's queue last said of why it takes longer."""


@dataclass(frozen=True)
class Decided:
    """What an operator decided."""

    at: datetime
    resolve: Resolve
    step: str | None
    """ID of the step it was about; None where it was about all, or nobody can tell."""


@dataclass(frozen=True)
class Ended:
    """That somebody from outside wanted the run to end."""

    at: datetime
    how: str
    """`cancel requested` or `terminated`."""
    by: str
    reason: str


@dataclass
class Recorded:
    """All of it, in the order in which it happened."""

    began: datetime | None = None
    closed: datetime | None = None
    tries: list[Try] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    undo_began: datetime | None = None
    last_word: datetime | None = None
    """When somebody last decided something: an operator or an approver."""
    is_whole: bool = True
    """False where there was more than is read of one run."""

    def of(self, step: str, *, undoes: bool = False) -> list[Try]:
        """The tries of one step, or of its undo."""
        return [one for one in self.tries if one.step == step and one.undoes is undoes]

    def sessions_of(self, step: str, *, undoes: bool = False) -> list[Session]:
        """The same of what devices were asked."""
        return [one for one in self.sessions if one.step == step and one.undoes is undoes]


async def recorded(client: Client, run: Run, most: int = MOST_EVENTS) -> Recorded:
    """What Temporal has recorded of a run, of which it reads at most so many events."""
    events: list[HistoryEvent] = []
    is_whole = True
    async for event in run.handle.fetch_history_events():
        if len(events) == most:
            is_whole = False
            break
        events.append(event)
    told = await read(client.data_converter, run.workflow, events)
    told.is_whole = is_whole
    return told


async def read(converter: DataConverter, workflow: str, events: Sequence[HistoryEvent]) -> Recorded:
    """The same from events that are at hand."""
    reader = _Reader(converter, workflow)
    for event in events:
        await reader.take(event)
    return reader.told


class _Reader:
    """Takes one event after the other. What cannot be read is passed over: it is told by the run itself as well."""

    def __init__(self, converter: DataConverter, workflow: str) -> None:
        self.told = Recorded()
        self._converter = converter
        self._is_offboarding = workflow == OFFBOARD
        self._stage = ""
        self._tries: dict[int, Try] = {}
        self._sessions: dict[str, Session] = {}

    async def take(self, event: HistoryEvent) -> None:
        at = event.event_time.ToDatetime(tzinfo=UTC)
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                self.told.began = at
            case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
                self._reach(event, at)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                await self._scheduled(event, at)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                await self._signaled(event, at)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                await self._accepted(event, at)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
                asked = event.workflow_execution_cancel_requested_event_attributes
                self.told.ended.append(Ended(at, "cancel requested", asked.identity, asked.cause))
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
                gone = event.workflow_execution_terminated_event_attributes
                self.told.ended.append(Ended(at, "terminated", gone.identity, gone.reason))
                self.told.closed = at
            case (
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
                | EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
                | EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
                | EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
            ):
                self.told.closed = at
            case _:
                await self._went_on(event, at)

    def _reach(self, event: HistoryEvent, at: datetime) -> None:
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        if STAGE.name not in fields:
            return
        self._stage = fields[STAGE.name].data.decode(errors="replace").strip('"')
        if self._stage == Outcome.UNDOING and self.told.undo_began is None:
            self.told.undo_began = at

    @property
    def _undoes(self) -> bool:
        return self.told.undo_began is not None

    async def _scheduled(self, event: HistoryEvent, at: datetime) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == ASK:
            await self._asked(scheduled.input, at)
        if scheduled.activity_type.name in NO_STEP:
            return
        (title,) = await self._values(Payloads(payloads=[event.user_metadata.summary])) or [""]
        step = scheduled.activity_id.removeprefix(UNDO)
        self._tries[event.event_id] = taken = Try(
            step=step,
            title=str(title or step),
            stage=self._stage,
            takes_back=scheduled.activity_id.startswith(UNDO),
            undoes=self._undoes,
            began=at,
        )
        self.told.tries.append(taken)

    async def _asked(self, given: Payloads, at: datetime) -> None:
        (errand,) = await self._values(given) or [None]
        message = errand.get("message") if isinstance(errand, dict) else None
        request = message.get("request") if isinstance(message, dict) else None
        # What is asked again after a while is the same request.
        if not isinstance(request, dict) or (known := str(request.get("id"))) in self._sessions:
            return
        device, action = str(errand["device"]), str(request.get("action"))
        session = Session(
            step=self._step_of(action, device, request),
            device=device,
            action=action,
            stage=self._stage,
            undoes=self._undoes,
            began=at,
        )
        self._sessions[known] = session
        self.told.sessions.append(session)

    def _step_of(self, action: str, device: str, request: Mapping[str, Any]) -> str:
        kind = STEP_OF_ACTION.get(action, action)
        if action == "look" and not (request.get("routes") or request.get("translations")):
            kind = "answer"
        gives_back = not self._is_offboarding and not self._undoes
        gives_back = gives_back and (action in TAKES_AWAY or self._stage == Stage.RELEASE)
        return f"{'release-' if gives_back else ''}{kind}-{device}"

    async def _signaled(self, event: HistoryEvent, at: datetime) -> None:
        signal = event.workflow_execution_signaled_event_attributes
        if signal.signal_name in ("approve", "reject"):
            self.told.last_word = at
        elif signal.signal_name == DEVICE_ANSWERED:
            outcome = await self._read(signal.input, DeviceOutcome)
            session = self._sessions.get(outcome.id) if outcome else None
            if session is not None and session.ended is None:
                session.outcome, session.ended = outcome, at
        elif signal.signal_name == DEVICE_WAITS:
            waits = await self._read(signal.input, DeviceWaits)
            if waits is not None and waits.id in self._sessions:
                self._sessions[waits.id].waits = waits

    async def _accepted(self, event: HistoryEvent, at: datetime) -> None:
        self.told.last_word = at
        request = event.workflow_execution_update_accepted_event_attributes.accepted_request
        if request.input.name != RESOLVE or (resolve := await self._read(request.input.args, Resolve)) is None:
            return
        step = resolve.step
        if step is None and resolve.decision != "abort":
            # It is about the only one that waits: the last whose removal was given up.
            step = next((one.step for one in reversed(self.told.tries) if one.takes_back and one.failure), None)
        self.told.decisions.append(Decided(at, resolve, step))

    async def _went_on(self, event: HistoryEvent, at: datetime) -> None:
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                started = event.activity_task_started_event_attributes
                if (one := self._tries.get(started.scheduled_event_id)) is not None:
                    one.attempts = max(1, started.attempt)
                    if started.HasField("last_failure"):
                        one.trouble = await self._reason(started.last_failure)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                if (one := self._tries.get(done.scheduled_event_id)) is not None:
                    one.ended, one.outcome = at, _outcome(await self._values(done.result))
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                failed = event.activity_task_failed_event_attributes
                if (one := self._tries.get(failed.scheduled_event_id)) is not None:
                    one.ended, one.failure = at, await self._reason(failed.failure)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                late = event.activity_task_timed_out_event_attributes
                if (one := self._tries.get(late.scheduled_event_id)) is not None:
                    one.ended, one.failure = at, await self._reason(late.failure)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
                ended = event.activity_task_canceled_event_attributes
                if (one := self._tries.get(ended.scheduled_event_id)) is not None:
                    one.ended, one.failure = at, "cancelled"
            case _:
                pass

    async def _reason(self, failure: Any) -> str:
        return told(await self._converter.decode_failure(failure))

    async def _read(self, payloads: Payloads, model: type[Model]) -> Model | None:
        values = await self._values(payloads)
        try:
            return model.model_validate(values[0]) if values else None
        except ValidationError:
            return None

    async def _values(self, payloads: Payloads) -> list[Any]:
        readable: list[Payload] = [one for one in payloads.payloads if one.metadata]
        return await self._converter.decode(readable) if readable else []


def _outcome(values: Sequence[Any]) -> str | None:
    value = values[0] if values else None
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(said := value.get("outcome"), str):
        addresses = value.get("addresses")
        return ", ".join([said, *map(str, addresses if isinstance(addresses, list) else [])])
    return "nothing to remove" if value is False else None


def plain_record(told: Recorded) -> dict[str, Any]:
    """The same as JSON says it."""
    return {
        "began": _plain(told.began),
        "closed": _plain(told.closed),
        "undoBegan": _plain(told.undo_began),
        "whole": told.is_whole,
        "tries": [
            {
                "step": one.step,
                "title": one.title,
                "undoes": one.undoes,
                "began": _plain(one.began),
                "ended": _plain(one.ended),
                "attempts": one.attempts,
                "outcome": one.outcome,
                "failure": one.failure,
                "trouble": one.trouble,
            }
            for one in told.tries
        ],
        "sessions": [
            {
                "step": one.step,
                "device": one.device,
                "action": one.action,
                "undoes": one.undoes,
                "began": _plain(one.began),
                "ended": _plain(one.ended),
                "outcome": one.outcome.model_dump(mode="json") if one.outcome else None,
                "waits": one.waits.model_dump(mode="json", by_alias=True) if one.waits else None,
            }
            for one in told.sessions
        ],
        "decisions": [
            {"at": _plain(one.at), "step": one.step, **one.resolve.model_dump(mode="json", exclude={"step"})}
            for one in told.decisions
        ],
        "ended": [{"at": _plain(one.at), "how": one.how, "by": one.by, "reason": one.reason} for one in told.ended],
    }


def _plain(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
