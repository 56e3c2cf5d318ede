"""The tenant's side of a device's queue: asking, waiting for the last word, taking back."""

import asyncio
import functools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.decisions import UNAVAILABLE
from activities.devices import DeviceSteps, Errand
from tenancy.devices import AnyRequest, DeviceOutcome
from workflows.board import Board
from workflows.face import (
    DEVICE_ANSWERED,
    DEVICE_QUEUE,
    DEVICE_WAITS,
    REQUEST,
    WITHDRAW,
    DeviceAsk,
    DeviceWaits,
    DeviceWithdrawal,
    StepState,
    StepStatus,
)
from workflows.removal import TRIES
from workflows.stepping import carried_out, to_its_end

ASK_AGAIN = timedelta(minutes=10)
"""Until a request that has no answer is sent again: a device's queue that was terminated has forgotten it. Doubled each time."""
LONGEST_WAIT = timedelta(hours=2)
"""Between two times at the most; a run's history is finite."""


@dataclass
class _Open:
    """One request without its last word."""

    step: str
    device: str
    request: AnyRequest
    number: int
    tries: int | None
    """Given up after so many; None for never."""
    outcome: DeviceOutcome | None = None
    waits: DeviceWaits | None = None
    withdrawn: bool = False


class Asking:
    """All that one run asks of devices. It shows on the run's board, where it has one, why an answer is not there yet."""

    def __init__(self, board: Board | None) -> None:
        self._board = board
        self._open: dict[str, _Open] = {}
        self._asked = 0

    def listen(self) -> None:
        """Has the run take the signals by which the devices' queues answer."""

        def answered(outcome: Any = None) -> None:
            self.answered(outcome)

        def waits(waits: Any = None) -> None:
            self.waits(waits)

        workflow.set_signal_handler(DEVICE_ANSWERED, answered)
        workflow.set_signal_handler(DEVICE_WAITS, waits)

    async def take(self, step: StepStatus, device: str, wish: AnyRequest) -> DeviceOutcome:
        """A whole step of a run that is one request to one device: as `take_step`, and with the same errors as `ask`."""
        assert self._board is not None  # noqa: S101  # a run without a board has no steps
        self._board.mark(step.id, StepState.RUNNING, "")
        outcome = await to_its_end(self._board, step, self.ask(step, device, wish))
        self._board.mark(step.id, StepState.DONE, outcome.message)
        return outcome

    async def ask(self, step: StepStatus, device: str, wish: AnyRequest, *, tries: int | None = None) -> DeviceOutcome:
        """What became of it: `done`. The step has to be under way, and stays so; its note tells what is waited for.

        A cancel takes the request back, and is raised once nothing more can be sent to the device for it. With `tries` it
        is given up after so many tries in vain. Raises ApplicationError whose type is the outcome's reason where it is
        refused, UNAVAILABLE where it is given up; both are final.
        """
        self._asked += 1
        # A run that is reset draws the same before the point of the reset, and others after it.
        request = wish.model_copy(update={"id": str(workflow.uuid4())})
        one = self._open[request.id] = _Open(step.id, device, request, self._asked, tries)
        asking = asyncio.create_task(self._until_answered(one))
        cancelled = False
        try:
            while not asking.done():
                try:
                    await asyncio.shield(asking)
                except asyncio.CancelledError:
                    # Not before the last word: undo must not start while something may still be sent to the device.
                    cancelled = one.withdrawn = True
                except Exception:
                    break  # result() raises it
            outcome = asking.result()
        finally:
            del self._open[request.id]
        if one.waits is not None:
            self._show(one.step)
        if cancelled:
            raise asyncio.CancelledError
        if outcome.result == "done":
            return outcome
        raise _failure(one, outcome)

    async def take_back(self, step: StepStatus, device: str, wish: AnyRequest) -> bool:
        """An undo: as `ask`, but given up after a while, so that an operator is asked. For `Removal(by=...)`.

        True where something was sent.
        """
        outcome = await self.ask(step, device, wish, tries=TRIES)
        return bool(outcome.lines)

    def answered(self, outcome: object) -> None:
        """The signal `device_answered`. What is no answer to anything that was asked is passed over."""
        try:
            read = DeviceOutcome.model_validate(outcome)
        except ValidationError:
            workflow.logger.warning("a device's answer cannot be read, and is passed over")
            return
        if (one := self._open.get(read.id)) is not None and one.outcome is None:
            one.outcome = read

    def waits(self, waits: object) -> None:
        """The signal `device_waits`."""
        try:
            read = DeviceWaits.model_validate(waits)
        except ValidationError:
            return
        if (one := self._open.get(read.id)) is None or one.outcome is not None:
            return
        one.waits = read
        if one.tries is not None and read.tries >= one.tries:
            one.withdrawn = True
        self._show(one.step)

    def _show(self, step: str) -> None:
        """Why the step has to wait, device by device, as its note."""
        if self._board is None:
            return
        state = self._board.step(step).state
        if state in (StepState.RUNNING, StepState.UNDOING):
            waiting = [one for one in self._open.values() if one.step == step and one.waits and one.outcome is None]
            notes = [f"{one.device}: {one.waits.reason} (tries: {one.waits.tries})" for one in waiting if one.waits]
            self._board.mark(step, state, "; ".join(notes))

    async def _until_answered(self, one: _Open) -> DeviceOutcome:
        wait = ASK_AGAIN
        while one.outcome is None:
            takes_back = one.withdrawn
            await self._send(one, takes_back)
            try:
                await workflow.wait_condition(
                    functools.partial(_is_over, one, takes_back),
                    timeout=wait,
                    timeout_summary=f"{one.device}: the answer to {one.request.action}",
                )
            except TimeoutError:
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                wait = ASK_AGAIN
        return one.outcome

    async def _send(self, one: _Open, takes_back: bool) -> None:
        info = workflow.info()
        where = {"workflow": info.workflow_id, "run": info.run_id}
        message = (
            DeviceWithdrawal(id=one.request.id, **where)
            if takes_back
            else DeviceAsk(request=one.request, asked=workflow.now(), **where)
        )
        errand = Errand(
            workflow=DEVICE_QUEUE,
            device=one.device,
            signal=WITHDRAW if takes_back else REQUEST,
            message=message.model_dump(mode="json"),
        )
        verb = f"take back {one.request.action}" if takes_back else f"ask for {one.request.action}"
        await carried_out(
            DeviceSteps.ask_device,
            errand,
            id=f"{'withdraw' if takes_back else 'ask'}-{one.device}-{one.number}",
            summary=f"{one.device}: {verb}",
        )


def _is_over(one: _Open, takes_back: bool) -> bool:
    """Whether there is an answer, or something else to be told to the device's queue."""
    return one.outcome is not None or one.withdrawn != takes_back


def _failure(one: _Open, outcome: DeviceOutcome) -> ApplicationError:
    if outcome.result == "refused":
        said = outcome.message or outcome.reason
        told = said if one.device in said else f"{one.device}: {said}"
        return ApplicationError(told, type=outcome.reason or "refused", non_retryable=True)
    why = f"{one.waits.reason} (tries: {one.waits.tries})" if one.waits else outcome.message or "it was taken back"
    return ApplicationError(f"{one.device}: {why}", type=UNAVAILABLE, non_retryable=True)
