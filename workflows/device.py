"""One writer per device: what tenants ask of it gathers here, and is done in one session after the other."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as TimedOutError

from activities.decisions import UNAVAILABLE, WORKER_STOPPED
from activities.devices import Batch, DeviceSteps, Worked
from tenancy import names
from tenancy.devices import AnyRequest, DeviceOutcome
from tenancy.fields import NAME_PATTERN
from tenancy.mistakes import shown
from workflows.board import cell
from workflows.face import (
    DEVICE_ANSWERED,
    DEVICE_QUEUE,
    DEVICE_WAITS,
    INVALID_DOCUMENT,
    STAGE,
    Addressee,
    DeviceAsk,
    DeviceStatus,
    DeviceWithdrawal,
    QueuedRequest,
)
from workflows.queueing import HandedOn, Queue, Waiting
from workflows.stepping import carried_out, reason_of

IDLE = timedelta(seconds=60)
"""So long without a request, and the run ends. The next request starts another."""
MARGIN = timedelta(seconds=5)
"""Waited after a worker fell silent. Its fence closed when half of the heartbeat timeout was over; with this, as long
again as that has passed before another session begins, in which a line that was on its way has come to its end."""
TAKEN_WITHIN = timedelta(seconds=30)
"""So long a batch waits for a worker beside the devices, and people are told that none takes it. Longer than a worker that
is replaced is away, as a rule; the batch is handed out anew each time, so nothing is lost by it."""
STALE = timedelta(minutes=10)
"""A request that took longer to arrive is not taken: its run may have given it up and be gone. A run that has not asks again."""
LONGEST_HISTORY = 2000
"""Events, after which the run goes on as a new one."""
TOO_LONG_A_HISTORY = 20_000
"""Events, after which it does so even if not all that waits can be handed on. Temporal ends a run at 51,200."""
LONE_TRIES = 3
"""So often a request that makes a session fail in an unforeseen way is tried alone, before it is refused."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds until the next try, where the failed one does not say; doubled each time."""
ROWS = 50
"""Requests shown in the Temporal UI."""


@dataclass(frozen=True)
class _Setback:
    """A batch that ended without outcomes."""

    reason: str
    """For people."""
    delay: timedelta
    refusal: str | None = None
    """The stable word, where trying again changes nothing."""
    unforeseen: bool = False
    """A mistake of ours, perhaps about one of the requests only."""
    of_worker: bool = False
    """The device is not to blame: its worker was told to stop."""
    untaken: bool = False
    """Nor here: no worker took it, so the device was not even called."""


@workflow.defn(name=DEVICE_QUEUE)
class DeviceQueue:
    """The queue of one device, and its single writer. Workflow ID `device-<name>`; started by its first signal."""

    @workflow.init
    def __init__(self, *given: Any) -> None:
        info = workflow.info()
        self._device = info.workflow_id.removeprefix(names.device_workflow(""))
        # An input is only what an earlier run handed on; nobody else may put requests in that way.
        follows = info.continued_run_id is not None
        kept = HandedOn.model_validate(given[0]) if follows and given else HandedOn()
        self._queue = Queue(kept)
        self._failures, self._reason, self._next_try = kept.failures, kept.reason, kept.next_try
        self._settled = follows
        self._under_way_since: datetime | None = None
        self._cancelled = False
        self._stage: str | None = None

    @workflow.run
    async def run(self, *given: Any) -> None:
        """Works on the device until nothing has been asked for a while."""
        if not re.fullmatch(NAME_PATTERN, self._device) or workflow.info().workflow_id == self._device:
            message = f"workflow ID {shown(workflow.info().workflow_id)} names no device: start it as device-<name>"
            raise ApplicationError(message, type=INVALID_DOCUMENT, non_retryable=True)
        serving = asyncio.create_task(self._serve())
        while not serving.done():
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                # The session under way is brought to its end. Who has no answer then asks again, which starts another run.
                self._cancelled = True
        serving.result()
        if self._cancelled:
            raise asyncio.CancelledError
        if len(self._queue) or self._is_long():
            workflow.continue_as_new(self._handed_on())

    async def _serve(self) -> None:
        """Returns where the run has to end: nothing to do, a long history, or a cancel."""
        await self._settle()
        while True:
            while await self._has_work():
                await self._work_on(self._queue.draw())
            await workflow.wait_condition(workflow.all_handlers_finished)
            # A request may have come while the last answers were on their way.
            if self._cancelled or self._is_long() or not len(self._queue):
                return

    async def _settle(self) -> None:
        """Makes sure that nothing is still at work of a run that was terminated. The usual wait is none at all."""
        if self._settled:
            return
        try:
            answer = await carried_out(
                DeviceSteps.time_to_settle,
                self._device,
                id="time-to-settle",
                summary="Was an earlier run ended by force?",
                retry_policy=RetryPolicy(maximum_attempts=3),
            )
            wait = min(max(float(answer), 0.0), 60.0)
        except (FailureError, TypeError, ValueError):
            wait = 2 * MARGIN.total_seconds()
        if wait:
            await workflow.sleep(
                wait, summary="an earlier run was ended by force: what it had at work comes to its end"
            )
        self._settled = True

    async def _has_work(self) -> bool:
        """Waits until the device is to be worked on. False where the run has to end first."""
        while not self._cancelled and not self._is_long():
            left = self._next_try - workflow.now() if self._next_try is not None else timedelta()
            self._tell_people()
            if left > timedelta():
                # Not cut short by new requests: the device is down, or would lock Berth's account.
                await self._wait(
                    lambda: self._is_long(), left, f"device {self._device} is left alone until the next try"
                )
            elif len(self._queue):
                return True
            elif not await self._wait(lambda: bool(len(self._queue)) or self._is_long(), IDLE, "the next request"):
                return False
        return False

    async def _wait(self, condition: Any, at_most: timedelta, summary: str) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._cancelled or condition(), timeout=at_most, timeout_summary=summary
            )
        except TimeoutError:
            return bool(condition())
        return True

    async def _work_on(self, requests: tuple[AnyRequest, ...]) -> None:
        self._under_way_since = workflow.now()
        self._tell_people()
        ended = await self._session(requests)
        self._under_way_since = None
        if isinstance(ended, _Setback):
            await self._set_back(requests, ended)
        else:
            self._failures, self._reason, self._next_try = 0, "", None
            self._queue.at_most = HandedOn().at_most
            self._reach("running")
            await self._answer(ended)

    async def _session(self, requests: tuple[AnyRequest, ...]) -> Sequence[DeviceOutcome] | _Setback:
        """One try of a batch, at whose end nothing more is sent for it."""
        batch = Batch(device=self._device, requests=requests, attempt=self._failures + 1)
        tenants = len({request.tenant for request in requests})
        try:
            answer = await carried_out(
                DeviceSteps.work_on_device,
                batch,
                id="batch",
                summary=f"{self._device}: {len(requests)} requests of {tenants} tenants",
                # The tries are made here, so that between them requests can drop out and join.
                retry_policy=RetryPolicy(maximum_attempts=1),
                task_queue=(queue := names.device_task_queue(workflow.info().task_queue)),
                taken_within=TAKEN_WITHIN,
            )
            outcomes = Worked.model_validate(answer).outcomes
        except ActivityError as error:
            if isinstance(error.cause, TimedOutError):
                if error.cause.type is TimeoutType.SCHEDULE_TO_START:
                    return _Setback(_untaken(queue), timedelta(), untaken=True)
                await workflow.sleep(MARGIN, summary="the worker fell silent: whatever it had sent comes to its end")
                return _Setback(f"the worker that worked on {self._device} fell silent", timedelta())
            return self._setback(error)
        except ValidationError:
            # Completed by hand, perhaps while a worker is at it: that one hears of it, and stops.
            await workflow.sleep(2 * MARGIN, summary="completed by hand: the worker hears of it, and stops")
            return _Setback("the session was completed by hand with what is no answer of it", self._delay())
        asked = {request.id for request in requests}
        return [outcome for outcome in outcomes if outcome.id in asked] or _Setback("no outcome at all", self._delay())

    def _setback(self, error: ActivityError) -> _Setback:
        cause = error.cause
        if not isinstance(cause, ApplicationError):
            return _Setback(reason_of(error), self._delay())
        if cause.type == WORKER_STOPPED:
            return _Setback(cause.message, timedelta(), of_worker=True)
        delay = cause.next_retry_delay if cause.next_retry_delay is not None else self._delay()
        if cause.non_retryable:
            return _Setback(cause.message, delay, refusal=cause.type or "refused")
        return _Setback(cause.message, delay, unforeseen=cause.type != UNAVAILABLE)

    def _delay(self) -> timedelta:
        return timedelta(seconds=min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._failures, 30)))

    async def _set_back(self, requests: Sequence[AnyRequest], setback: _Setback) -> None:
        if setback.of_worker:
            withdrawn, _ = self._queue.put_back(None)
            await self._answer(withdrawn)
            return
        if not setback.untaken:
            # Counted where the device had its say only: the delay before it is called again grows with it.
            self._failures += 1
        self._reason = setback.reason
        self._next_try = workflow.now() + setback.delay
        workflow.logger.warning("device cannot be worked on", extra={"reason": setback.reason})
        if setback.refusal is not None:
            # Those that waited would be refused the same, and every try counts where accounts are locked.
            self._queue.put_back(None)
            self._reach("refused")
            await self._answer(
                DeviceOutcome(id=one.ask.request.id, result="refused", reason=setback.refusal, message=setback.reason)
                for one in self._queue.all_waiting()
            )
            return
        self._reach("unavailable")
        if setback.unforeseen:
            if len(requests) == 1 and self._failures >= LONE_TRIES:
                self._queue.put_back(None)
                message = f"could not be carried out: {setback.reason}"
                await self._answer(
                    [DeviceOutcome(id=requests[0].id, result="refused", reason="failed", message=message)]
                )
                return
            # One request may be the cause; it must not keep all others from the device.
            self._queue.at_most = max(1, len(requests) // 2)
        withdrawn, news = self._queue.put_back(setback.reason)
        await asyncio.gather(self._answer(withdrawn), *(self._tell_waits(one, waits) for one, waits in news))

    async def _answer(self, outcomes: Iterable[DeviceOutcome]) -> None:
        answered = [(self._queue.answer(outcome, workflow.now()), outcome) for outcome in outcomes]
        await asyncio.gather(
            *(
                self._tell(waited.ask.workflow, waited.ask.run, DEVICE_ANSWERED, outcome)
                for waited, outcome in answered
                if waited is not None
            )
        )

    async def _tell_waits(self, one: Waiting, waits: Any) -> None:
        if not await self._tell(one.ask.workflow, one.ask.run, DEVICE_WAITS, waits):
            self._queue.abandon(one.ask.request.id)

    async def _tell(self, workflow_id: str, run: str, signal: str, message: object) -> bool:
        """Signals whoever asked. False where there is nobody any more."""
        try:
            await workflow.get_external_workflow_handle(workflow_id, run_id=run).signal(signal, message)
        except FailureError:
            return False
        return True

    def _is_long(self) -> bool:
        info = workflow.info()
        length = info.get_current_history_length()
        long = length > LONGEST_HISTORY or info.is_continue_as_new_suggested()
        return long and (self._queue.fits() or length > TOO_LONG_A_HISTORY)

    def _handed_on(self) -> HandedOn:
        return self._queue.handed_on().model_copy(
            update={"failures": self._failures, "reason": self._reason, "next_try": self._next_try}
        )

    def _reach(self, stage: str) -> None:
        if stage != (self._stage or "running"):
            workflow.upsert_search_attributes([STAGE.value_set(stage)])
            self._stage = stage

    def _tell_people(self) -> None:
        workflow.set_current_details(_markdown(self.status()))

    @workflow.signal
    async def request(self, raw: Any = None) -> None:
        """Something to do on the device; its argument is a DeviceAsk."""
        try:
            ask = DeviceAsk.model_validate(raw)
        except ValidationError as error:
            await self._refuse_unreadable(raw, error)
            return
        late = workflow.now() - ask.asked
        if late > STALE and not self._queue.knows(ask.request.id):
            workflow.logger.warning("request came too late, and is not taken", extra={"request": ask.request.id})
            return
        answer = self._queue.ask(ask, workflow.now())
        if answer is not None:
            await self._tell(ask.workflow, ask.run, DEVICE_ANSWERED, answer)

    async def _refuse_unreadable(self, raw: object, error: ValidationError) -> None:
        """Answers a request that cannot be read, where it can be read whom to answer."""
        request = raw.get("request") if isinstance(raw, dict) else None
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        why = f"{'.'.join(map(str, found['loc'])) or 'request'}: {found['msg']}"
        workflow.logger.warning("request cannot be read", extra={"reason": why})
        id = request.get("id") if isinstance(request, dict) else None
        if isinstance(raw, dict) and isinstance(id, str):
            with suppress(ValidationError):  # then it cannot be read whom to answer
                whom = Addressee.model_validate({"workflow": raw.get("workflow"), "run": raw.get("run")})
                outcome = DeviceOutcome(id=id, result="refused", reason="invalid-request", message=why)
                await self._tell(whom.workflow, whom.run, DEVICE_ANSWERED, outcome)

    @workflow.signal
    async def withdraw(self, raw: Any = None) -> None:
        """A request is taken back; its argument is a DeviceWithdrawal."""
        try:
            wish = DeviceWithdrawal.model_validate(raw)
        except ValidationError:
            workflow.logger.warning("withdrawal cannot be read", extra={"withdrawal": shown(raw)})
            return
        if not self._queue.knows(wish.id):
            # An earlier run that was ended by force may have it at work.
            await workflow.wait_condition(lambda: self._settled)
        answer = self._queue.withdraw(wish, workflow.now())
        if answer is not None:
            await self._tell(wish.workflow, wish.run, DEVICE_ANSWERED, answer)

    @workflow.query
    def status(self) -> DeviceStatus:
        """What waits, what is under way, and what stands in the way."""
        return DeviceStatus(
            device=self._device,
            queue=self._queue.rows(),
            under_way_since=self._under_way_since,
            failures=self._failures,
            reason=self._reason,
            next_try=self._next_try,
            answered=self._queue.answers(),
        )


def _untaken(queue: str) -> str:
    return (
        f"no worker took the work from task queue {queue} within {TAKEN_WITHIN.total_seconds():g} s: see that one serves it"
        " (`berth worker` with BERTH_SERVES=devices, where the devices can be reached), and is not busy with others"
    )


def _about(one: QueuedRequest) -> str:
    if one.vlan is not None:
        return f"VLAN {one.vlan}"
    return f"{one.addresses} addresses" if one.addresses else ""


def _markdown(status: DeviceStatus) -> str:
    if status.under_way_since is not None:
        does = f"at work since {status.under_way_since:%H:%M:%S}"
    elif status.next_try is not None:
        does = f"next try at {status.next_try:%H:%M:%S}"
    else:
        does = "waits for requests"
    lines = [f"### Device {status.device}: {does}"]
    if status.reason:
        often = f" ({status.failures} failed tries in a row)" if status.failures else ""
        lines += ["", f"**{cell(status.reason)}**{often}"]
    if status.queue:
        lines += ["", "| Tenant | Asked | About | Since | Tries | |", "|---|---|---|---|---|---|"]
        for one in status.queue[:ROWS]:
            state = "being withdrawn" if one.withdrawn else "under way" if one.under_way else "waits"
            lines.append(
                f"| {cell(one.tenant)} | {one.action} | {_about(one)} | {one.since:%H:%M:%S} | {one.tries} | {state} |"
            )
        if len(status.queue) > ROWS:
            lines += ["", f"and {len(status.queue) - ROWS} more"]
    return "\n".join(lines)
