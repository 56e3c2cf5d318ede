"""Taking things back in reverse: each removal retried, then parked for an operator, and nothing left behind silently."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows.board import Board
from workflows.face import LEFT_BEHIND, REFUSED, UNDO, Outcome, Resolve, StepState, StepStatus
from workflows.stepping import carried_out, is_cancelled, reason_of, side_by_side

TRIES = 8
"""How often a removal is tried before an operator is asked. The activity says how long to wait in between."""
LONGEST_TEXT = 500
"""Characters of an operator's reason or name."""


@dataclass(frozen=True)
class Removal:
    """One thing to take back."""

    step: StepStatus
    activity: Callable[..., Awaitable[Any]] | None = None
    given: object = None
    """The activity's argument."""
    part_of: str | None = None
    """ID of the step whose own removal takes this with it, if there is one."""
    needed: str | None = None
    """Why it cannot be left while the rest goes; None for what an operator may skip."""
    was_there: bool = False
    """It was there before the run: only what the run changed of it is taken back."""
    by: Callable[[], Awaitable[Any]] | None = None
    """In place of an activity: called for each try an operator may ask for. It gives up by itself, with an ApplicationError
    that says why; False where there was nothing to take back, a text how it went."""


class Removals:
    """What a run has to take back, in phases; the last one registered goes first, its members side by side."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._phases: list[list[Removal]] = []
        self._decisions: dict[str, Resolve] = {}
        self._abort: Resolve | None = None

    def new_phase(self) -> None:
        """What is registered from here on is taken back before everything registered so far."""
        self._phases.append([])

    @property
    def none(self) -> bool:
        """Whether nothing was ever registered: the run has changed nothing."""
        return not any(self._phases)

    def register(self, removal: Removal) -> None:
        """To be called before the step itself: a removal has to tolerate that nothing was ever made."""
        self._phases[-1].append(removal)

    def refusal(self, decision: Resolve) -> str | None:
        """Why a decision cannot be taken now; None where it can."""
        # Two decisions may arrive before the first is acted on: the second must not take its place.
        waiting = [one.step for one in self._board.parked if one.step not in self._decisions and self._abort is None]
        if not waiting:
            return f"nothing of tenant {self._board.status().tenant} waits for a decision: see `berth status`"
        if decision.step is None and len(waiting) > 1 and decision.decision != "abort":
            return f"{len(waiting)} steps wait: name one of {', '.join(waiting)}"
        if decision.step is not None and decision.step not in waiting:
            return f"step {decision.step[:60]!r} does not wait for a decision: these do: {', '.join(waiting)}"
        if decision.decision == "skip" and (needed := self._needed(decision.step or waiting[0])):
            return f"step {decision.step or waiting[0]} cannot be skipped, because {needed}: retry, or abort"
        if decision.decision == "skip" and not (decision.reason or "").strip():
            return "to skip needs a reason (--reason): it is kept in the run's history, because something stays behind"
        for field, text in (("reason", decision.reason or ""), ("by", decision.by or "")):
            if not text.isprintable() or len(text) > LONGEST_TEXT:
                return f"{field} is {text[:60]!r}: write one line of {LONGEST_TEXT} characters at the most"
        return None

    def _needed(self, step: str) -> str | None:
        return next((one.needed for phase in self._phases for one in phase if one.step.id == step), None)

    def decide(self, decision: Resolve) -> str:
        """Takes an operator's decision, and says what follows from it."""
        if decision.decision == "abort":
            self._abort = decision
            return "aborting: whatever has not been removed yet stays, and the run ends with its list"
        step = decision.step or next(one.step for one in self._board.parked if one.step not in self._decisions)
        self._decisions[step] = decision
        return f"{'trying again to remove' if decision.decision == 'retry' else 'leaving'} {step}"

    async def carry_out(self) -> None:
        """Takes everything back. Raises ApplicationError of type LEFT_BEHIND, naming it, where something stays."""
        for phase in reversed(self._phases):
            await side_by_side([self._one(removal) for removal in phase])
            if self._abort is not None:
                break
        left = [_named(removal, note) for removal, note in self._left()]
        if left:
            raise ApplicationError(
                f"left behind by an operator's decision: {'; '.join(left)}: remove by hand what was not there before, or"
                " start the run again",
                left,
                type=LEFT_BEHIND,
                non_retryable=True,
            )

    def _left(self) -> list[tuple[Removal, str]]:
        """What stays by an operator's decision, in the order in which it was made, each with who decided so and why."""
        removals = [removal for phase in self._phases for removal in phase]
        if self._abort is not None:
            by = f" by {self._abort.by}" if self._abort.by else ""
            why = f"aborted{by}: {self._abort.reason or 'no reason given'}"
            for removal in removals:
                if self._board.step(removal.step.id).state not in (StepState.UNDONE, StepState.SKIPPED):
                    self._board.mark(removal.step.id, StepState.SKIPPED, why)
        left = []
        for removal in removals:
            step = self._board.step(removal.step.id)
            whole = self._board.step(removal.part_of) if removal.part_of else None
            if step.state is StepState.SKIPPED and whole is not None and whole.state is StepState.UNDONE:
                self._board.mark(step.id, StepState.UNDONE, f"went with {whole.title}")
            elif step.state is StepState.SKIPPED:
                left.append((removal, step.note or ""))
        return left

    async def _one(self, removal: Removal) -> None:
        step = removal.step.id
        try:
            await self._until_gone(removal)
        except asyncio.CancelledError:
            self._board.unpark(step)
            self._board.mark(step, StepState.FAILED, "cancelled")
            raise

    async def _until_gone(self, removal: Removal) -> None:
        step = removal.step.id
        while self._abort is None:
            self._board.mark(step, StepState.UNDOING)
            try:
                done = await _taken_back(removal)
            except (ActivityError, ApplicationError) as error:
                if is_cancelled(error):
                    raise asyncio.CancelledError from error
                decision = await self._ask(step, reason_of(error))
                if decision is None or decision.decision == "retry":
                    continue
                by = f" by {decision.by}" if decision.by else ""
                self._board.mark(step, StepState.SKIPPED, f"left as it is{by}: {decision.reason}")
                return
            note = "nothing to remove" if done is False else done if removal.by and isinstance(done, str) else ""
            self._board.mark(step, StepState.UNDONE, note)
            return

    async def _ask(self, step: str, reason: str) -> Resolve | None:
        """Waits for an operator's decision about a step; None where everything is aborted."""
        self._board.park(step, reason)
        await workflow.wait_condition(
            lambda: self._abort is not None or step in self._decisions, timeout_summary=f"operator's decision on {step}"
        )
        self._board.unpark(step)
        return self._decisions.pop(step, None)


async def _taken_back(removal: Removal) -> Any:
    if removal.by is not None:
        return await removal.by()
    if removal.activity is None:
        raise TypeError(f"step {removal.step.id} has nothing that would take it back")
    return await carried_out(
        removal.activity,
        removal.given,
        id=f"{UNDO}{removal.step.id}",
        summary=f"Remove {removal.step.title}",
        retry_policy=RetryPolicy(maximum_attempts=TRIES),
    )


def _named(removal: Removal, note: str) -> str:
    was_there = "was there before, and may bear this run's changes; " if removal.was_there else ""
    return f"{removal.step.title} ({was_there}{note})"


def stopped(board: Board, what: str, error: BaseException, again: str) -> ApplicationError | None:
    """Says on the board how a run stands that ends in the middle of taking back, and what goes on with it.

    Returns the failure to end with; None where that is the error itself.
    """
    if isinstance(error, ApplicationError) and error.type == LEFT_BEHIND:
        board.become(Outcome.LEFT_BEHIND, failure=error.message)
        return None
    if is_cancelled_exception(error):
        board.become(Outcome.STOPPED, failure=f"cancelled: what is not removed yet stays; {again}")
        return None
    why = reason_of(error)
    board.become(Outcome.STOPPED, failure=why)
    return ApplicationError(f"{what}: {why}", type=REFUSED, non_retryable=True)
