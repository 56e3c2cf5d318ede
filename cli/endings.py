"""What became of a run: its result, or what its failure means for whoever asked for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from temporalio import exceptions
from temporalio.client import WorkflowFailureError

from cli.errors import Finding, counted
from cli.exit_codes import ExitCode
from cli.runs import Run, told
from tenancy.handover import HandOver
from tenancy.mistakes import Mistake
from workflows.face import INVALID_DOCUMENT, LEFT_BEHIND, ONBOARD, REFUSED, Offboarded

ENDED_FROM_OUTSIDE = frozenset({"terminated", "timed-out"})
"""Outcomes of a run that was given no chance to say so itself."""


@dataclass(frozen=True)
class End:
    """What became of a run."""

    code: ExitCode
    outcome: str
    """A word: one of workflows.face.Outcome, or `invalid`, `conflict`, `terminated`, `timed-out`, `failed`."""
    message: str | None = None
    result: HandOver | Offboarded | None = None
    findings: tuple[Finding, ...] = ()


async def end(run: Run) -> End:
    """What became of the run, waiting for it as long as it takes. Needs no worker once it has ended."""
    try:
        raw = await run.handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        return end_of(run, error.cause)
    result = (HandOver if run.workflow == ONBOARD else Offboarded).model_validate(raw)
    return End(ExitCode.OK, "done", result=result)


def end_of(run: Run, cause: BaseException) -> End:
    """What a run's failure means. The message names the tenant."""
    what = f"{'onboarding' if run.workflow == ONBOARD else 'offboarding'} {run.tenant}"
    stopped = "undone" if run.workflow == ONBOARD else "stopped"
    message = told(cause)
    match cause:
        case exceptions.ApplicationError(type=kind) if kind == INVALID_DOCUMENT:
            findings = tuple(Finding(None, mistake) for mistake in _mistakes(cause.details))
            return End(ExitCode.INVALID, "invalid", f"{what}: {counted(findings)}, nothing was done", findings=findings)
        case exceptions.ApplicationError(type=kind) if kind == REFUSED:
            return End(ExitCode.REFUSED, stopped, message)
        case exceptions.ApplicationError(type=kind) if kind == LEFT_BEHIND:
            return End(ExitCode.NEEDS_OPERATOR, "left-behind", message)
        case exceptions.CancelledError():
            how = "everything it did is undone" if run.workflow == ONBOARD else "what it removed stays removed"
            return End(ExitCode.REFUSED, stopped, f"{what}: cancelled; {how}")
        case exceptions.TerminatedError() | exceptions.TimeoutError():
            outcome = "terminated" if isinstance(cause, exceptions.TerminatedError) else "timed-out"
            again = f"onboard it again to adopt what is left, or remove that with `berth offboard {run.tenant}`"
            return End(
                ExitCode.NEEDS_OPERATOR, outcome, f"{what}: {outcome} ({message}), so nothing was undone: {again}"
            )
        case _:
            return End(ExitCode.NEEDS_OPERATOR, "failed", f"{what}: {message}")


def _mistakes(details: Iterable[Any]) -> list[Mistake]:
    flat = [item for detail in details for item in (detail if isinstance(detail, list | tuple) else [detail])]
    return [item if isinstance(item, Mistake) else Mistake.model_validate(item) for item in flat]
