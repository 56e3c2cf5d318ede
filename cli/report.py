"""What a command that started or followed runs says in the end, to people and to machines."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from cli.endings import End
from cli.errors import CommandError
from cli.exit_codes import ExitCode, worst
from cli.follow import Watched
from cli.progress import shows_pictures
from cli.show import hand_over_view, parked_view
from cli.terminal import clean, say, show, show_json, stderr
from tenancy import names
from tenancy.handover import HandOver
from workflows.face import Offboarded


def report(watched: Sequence[Watched], *, json: bool) -> ExitCode:
    """Tells how each run ended; returns the exit code of them all."""
    if json:
        show_json({"runs": [plain(one) for one in watched]})
    else:
        for one in watched:
            _tell(one)
    return worst(one.end.code for one in watched if one.end is not None)


def plain(one: Watched) -> dict[str, Any]:
    """One run as JSON says it."""
    return {
        "tenant": one.tenant,
        "workflowId": names.workflow(one.tenant),
        "runId": one.run.run_id if one.run else None,
        "workflow": one.run.workflow if one.run else None,
        **(plain_end(one.end) if one.end else _plain_progress(one)),
        "parked": [parked.model_dump(mode="json", by_alias=True) for parked in one.status.parked] if one.status else [],
    }


def _plain_progress(one: Watched) -> dict[str, Any]:
    return {"outcome": one.status.outcome.value if one.status else "started", "exitCode": 0, "message": None}


def plain_end(end: End) -> dict[str, Any]:
    """The end of a run as JSON says it."""
    told: dict[str, Any] = {"outcome": end.outcome, "exitCode": int(end.code), "message": end.message}
    if isinstance(end.result, HandOver):
        told["handOver"] = end.result.model_dump(mode="json", by_alias=True)
    if isinstance(end.result, Offboarded):
        told["removed"] = list(end.result.removed)
    if end.findings:
        told["mistakes"] = [finding.plain() for finding in end.findings]
    return told


def end_view(tenant: str, end: End) -> RenderableType | None:
    """The result of a run that did what it was asked; None for any other."""
    match end.result:
        case HandOver() as told:
            return hand_over_view(told)
        case Offboarded(removed=removed):
            return clean(f"{tenant}: {len(removed)} objects removed: {', '.join(removed)}")
        case None:
            return None


def complain(error: CommandError) -> None:
    """Why a command could not do what it was asked: one line, and one for each mistake in a document."""
    say(f"berth: {error.message}")
    for finding in error.findings:
        say(f"  {finding}")


def _tell(one: Watched) -> None:
    if one.end is None:
        show(clean(f"{one.tenant}: started; follow it with `berth status {one.tenant} --wait`"))
        return
    if (view := end_view(one.tenant, one.end)) is not None:
        show(view)
    elif one.status is not None and one.status.parked:
        # On a terminal the picture of the run has just told it.
        if not shows_pictures(stderr()):
            show(*(parked_view(one.tenant, parked) for parked in one.status.parked), on=stderr())
    else:
        complain(CommandError(one.end.code, one.end.message or one.end.outcome, findings=one.end.findings))
