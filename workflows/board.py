"""The board of a run: where each step is, what it waits for and who must act. The one place that tells the outside."""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from temporalio import workflow

from activities.metrics import RUNS_ENDED
from tenancy.handover import HandOver
from tenancy.mistakes import shown
from tenancy.plan import Stage
from workflows.face import (
    MODE,
    OVER,
    STAGE,
    TENANT,
    VLAN,
    Awaited,
    Outcome,
    Parked,
    Status,
    StepState,
    StepStatus,
    is_meant_to_go,
    state_word,
)

ENDED = frozenset({StepState.DONE, StepState.FAILED, StepState.UNDONE, StepState.SKIPPED})


class Board:
    """What a run tells: the query's answer, the search attributes, the details in the Temporal UI."""

    def __init__(self, kind: Literal["OnboardTenant", "OffboardTenant"], tenant: str, requested_by: str) -> None:
        self._status = Status(
            tenant=tenant,
            workflow=kind,
            run=workflow.info().original_execution_run_id,
            requested_by=requested_by,
            outcome=Outcome.RUNNING,
            stage=Outcome.RUNNING,
        )
        self._steps: dict[str, StepStatus] = {}
        self._rows: dict[str, str] = {}
        self._parked: dict[str, Parked] = {}
        self._resumes = Outcome.RUNNING
        self._approval: Sequence[str] = ()
        self._at_stage: str | None = None

    def status(self) -> Status:
        """The answer to the query `status`."""
        return self._status.model_copy(
            update={"steps": tuple(self._steps.values()), "parked": tuple(self._parked.values())}
        )

    def declare(self, steps: Iterable[StepStatus]) -> None:
        """Puts steps on the board that are still to come."""
        for step in steps:
            self._put(step)
        self._tell()

    def mark(self, step: str, state: StepState, note: str | None = None) -> None:
        """Moves one step. Raises KeyError for a step that was never declared."""
        now = workflow.now()
        before = self._steps[step]
        starts = (state is StepState.RUNNING and before.state is not StepState.RUNNING) or (
            state is StepState.UNDOING and before.started is None
        )
        update = {
            "state": state,
            "started": now if starts else before.started,
            "finished": now if state in ENDED else None,
            "note": note if note is not None else before.note,
        }
        self._put(before.model_copy(update=update))
        gets_on = state is StepState.UNDOING and is_meant_to_go(self._status.workflow, before)
        if state is StepState.RUNNING or gets_on:
            self._reach(before.stage)
        self._tell()

    def _put(self, step: StepStatus) -> None:
        self._steps[step.id] = step
        # Of many steps one changes at a time: to write all of them anew each time would keep a worker busy for seconds.
        self._rows[step.id] = self._row(step)

    def park(self, step: str, reason: str) -> None:
        """Says that a step waits for an operator."""
        if not self._parked:
            self._resumes = self._status.outcome
        self._parked[step] = Parked(step=step, title=self._steps[step].title, reason=reason, since=workflow.now())
        self.mark(step, StepState.NEEDS_OPERATOR, reason)
        self.become(Outcome.NEEDS_OPERATOR)

    def unpark(self, step: str) -> None:
        """A step no longer waits for an operator; nothing where it did not."""
        if self._parked.pop(step, None) and not self._parked:
            self.become(self._resumes)

    def await_approval(self, awaited: Awaited | None, details: Sequence[str] = ()) -> None:
        """What waits for an approver, or that nothing does any more; with what people read of it, in Markdown."""
        waited = self._status.approval is not None
        self._status = self._status.model_copy(update={"approval": awaited})
        self._approval = details
        # Wherever a run is when it waits for an approver, it is found as one that does.
        if awaited is not None:
            self._reach(Stage.APPROVAL, keep=False)
        elif waited:
            self._reach(self._stage_of(self._status.outcome), keep=False)
        self._tell()

    @property
    def parked(self) -> tuple[Parked, ...]:
        """The steps that wait for an operator."""
        return tuple(self._parked.values())

    def step(self, step: str) -> StepStatus:
        """One step. Raises KeyError for one that was never declared."""
        return self._steps[step]

    def know(self, *, mode: str, plan_hash: str | None = None) -> None:
        """What the platform and the plan are, once that is known."""
        self._status = self._status.model_copy(update={"mode": mode, "plan_hash": plan_hash})
        workflow.upsert_search_attributes([MODE.value_set(mode)])
        self._tell()

    def know_vlan(self, number: int) -> None:
        """Which VLAN the tenant has, once that is known."""
        self._status = self._status.model_copy(update={"vlan": number})
        workflow.upsert_search_attributes([VLAN.value_set(number)])
        self._tell()

    def become(self, outcome: Outcome, *, failure: str | None = None, hand_over: HandOver | None = None) -> None:
        """Where the run as a whole stands."""
        update: dict[str, object] = {"outcome": outcome}
        if failure is not None:
            update["failure"] = failure
        if hand_over is not None:
            update["hand_over"] = hand_over
        self._status = self._status.model_copy(update=update)
        self._reach(self._stage_of(outcome), keep=False)
        self._tell()
        self._log(outcome, failure)
        if outcome in OVER:
            RUNS_ENDED.record(workflow.metric_meter(), outcome=outcome)

    def _stage_of(self, outcome: Outcome) -> str:
        if outcome is Outcome.NEEDS_OPERATOR:
            return outcome
        if self._status.approval is not None:
            return Stage.APPROVAL
        return self._at_stage or outcome if outcome is Outcome.RUNNING else outcome

    def _log(self, outcome: Outcome, failure: str | None) -> None:
        waits = outcome is Outcome.NEEDS_OPERATOR
        reason = " | ".join(f"{parked.title}: {parked.reason}" for parked in self.parked) if waits else failure
        level = logging.WARNING if waits else logging.INFO
        workflow.logger.log(level, f"the run is {outcome}", extra={"reason": reason} if reason else None)

    def _reach(self, stage: str, *, keep: bool = True) -> None:
        if keep:
            self._at_stage = stage
            stage = Stage.APPROVAL if self._status.approval is not None else stage
        if self._status.stage == stage:
            return
        attributes = [STAGE.value_set(stage)]
        if self._status.stage == Outcome.RUNNING:
            attributes.append(TENANT.value_set(self._status.tenant))
        workflow.upsert_search_attributes(attributes)
        self._status = self._status.model_copy(update={"stage": stage})

    def _tell(self) -> None:
        workflow.set_current_details(self._markdown())

    def _markdown(self) -> str:
        status = self._status
        verb = "Onboarding" if status.workflow == "OnboardTenant" else "Offboarding"
        lines = [f"### {verb} {status.tenant}: {status.outcome}", f"Requested by {cell(status.requested_by)}"]
        if status.failure:
            lines += ["", f"**It could not go on:** {cell(status.failure)}"]
        for parked in self._parked.values():
            lines += [
                "",
                f"**NEEDS OPERATOR** {cell(parked.title)}: {cell(parked.reason)}",
                f"`berth resolve {status.tenant} retry|skip|abort --step {parked.step} --reason ...`",
            ]
        lines += self._approval
        lines += ["", "| Step | State | Started | Seconds | Note |", "|---|---|---|---|---|"]
        lines += self._rows.values()
        return "\n".join(lines)

    def _row(self, step: StepStatus) -> str:
        started = step.started.strftime("%H:%M:%S") if step.started else ""
        seconds = f"{(step.finished - step.started).total_seconds():.1f}" if step.started and step.finished else ""
        state = state_word(self._status.workflow, step)
        return f"| {cell(step.title)} | {state} | {started} | {seconds} | {cell(step.note or '')} |"


def cell(text: str) -> str:
    """Text as a Markdown table's cell, or as a part of a line: from outside, so no line, column or tag of its own."""
    printable = text if text.isprintable() else shown(text)
    escaped = printable.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    # As code, because the Temporal UI makes one long dash of two, and nobody could copy the name.
    return re.sub(r"[a-z0-9-]+--[a-z0-9-]+", r"`\g<0>`", escaped)
