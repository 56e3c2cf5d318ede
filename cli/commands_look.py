"""The commands that only look: `status` and `list`."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from temporalio.client import Client, WorkflowExecutionStatus

from cli.commands_change import watch
from cli.edge_now import edge_now
from cli.endings import ENDED_FROM_OUTSIDE, end
from cli.errors import CommandError
from cli.exit_codes import ExitCode, worst
from cli.expected import expected
from cli.follow import Watched
from cli.history import plain_record, recorded
from cli.options import Json, Tenant
from cli.report import complain, end_view, plain, report
from cli.runs import Entry, NoAnswerError, ask, entries, latest, missing, troubles
from cli.serving import another_version_serves
from cli.session import Session, session
from cli.show import OUTCOME_STYLE, edge_now_view, run_view
from cli.step_line import NARROW
from cli.terminal import clean, say, show, show_json, stdout
from cli.times import brief, moment, took
from cli.tree import status_of_record, tree_view
from tenancy.handover import HandOver
from workflows.face import ONBOARD, EdgeSeen

ROOMY = 100
"""Columns from which moments are told in full."""
LEARN_SECONDS = 1.0
"""Longer nobody is kept waiting for what steps usually take."""


def status(
    context: typer.Context,
    tenant: Tenant,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run until it has ended.")] = False,
    tree: Annotated[
        bool,
        typer.Option("--tree", help="What the run did: every try, what devices were sent, what was undone and why."),
    ] = False,
    json: Json = False,
) -> int:
    """Show a tenant's latest run: its steps, what it waits for, its hand-over, and whether it is announced now.

    Exits 0 whatever the run's fate; with --wait the exit code is the run's.

    With --tree it tells how things came about, from what Temporal has recorded, also where no worker answers.
    """
    if tree:
        return asyncio.run(_tree(session(context), tenant, wait=wait, json=json))
    return asyncio.run(_status(session(context), tenant, wait=wait, json=json))


def list_tenants(context: typer.Context, json: Json = False) -> int:
    """List tenants by their latest run, as far back as Temporal keeps runs."""
    found = asyncio.run(_list(session(context)))
    if json:
        show_json({"tenants": [_plain_entry(entry) for entry in found]})
    elif found:
        show(list_view(found, datetime.now(UTC), stdout().width))
    else:
        say("no tenant's run is known to Temporal: start with `berth onboard FILE`")
    return ExitCode.OK


async def _status(here: Session, tenant: str, *, wait: bool, json: bool) -> ExitCode:
    async with here.temporal() as client:
        run, found = await latest(client, tenant)
        one = Watched(tenant, run)
        if wait:
            await watch(client, [one])
            if json:
                show_json(_plain_status(one))
                return worst([one.end.code] if one.end else [])
            return report([one], json=False)
        await _look(client, one, ended=found.status is not WorkflowExecutionStatus.RUNNING)
        seen, unseen = await _edge_now(client, one)
    if json:
        now = {"announcedNow": seen.model_dump(mode="json", by_alias=True)["devices"]} if seen else {}
        show_json({**_plain_status(one), **now, **({"announcedNowUnknown": unseen} if unseen else {})})
        return ExitCode.OK
    ended = one.end.outcome if one.end and one.end.outcome in ENDED_FROM_OUTSIDE else None
    if one.status is not None:
        show(
            run_view(
                one.status, found.close_time or datetime.now(UTC), one.troubles, ended=ended, expected=one.expected
            )
        )
    else:
        say(f"{one.silence}; shown is what Temporal itself knows")
    if one.missing:
        say(one.missing)
    if one.end is None:
        return ExitCode.OK
    if (view := end_view(tenant, one.end)) is not None:
        show(view)
        if seen is not None:
            show(edge_now_view(seen))
        elif unseen is not None:
            say(f"whether it is announced now is unknown: {unseen}")
    elif one.status is None or one.end.findings or ended:
        complain(CommandError(one.end.code, one.end.message or one.end.outcome, findings=one.end.findings))
    return ExitCode.OK


async def _tree(here: Session, tenant: str, *, wait: bool, json: bool) -> ExitCode:
    async with here.temporal() as client:
        run, found = await latest(client, tenant)
        one = Watched(tenant, run)
        code = ExitCode.OK
        if wait:
            await watch(client, [one])
            code = one.end.code if one.end else code
            found = await run.handle.describe()
        told = await recorded(client, run)
        ended = found.status is not WorkflowExecutionStatus.RUNNING
        try:
            await _look(client, one, ended=ended)
        except CommandError as error:
            code = worst([code, error.code])
    if json:
        show_json({**_plain_status(one), "record": plain_record(told)})
        return code
    if one.silence:
        say(f"{one.silence}; shown is what Temporal itself has recorded")
    from_outside = one.end.outcome if one.end and one.end.outcome in ENDED_FROM_OUTSIDE else None
    word = one.end.outcome if one.end and one.status is None else from_outside
    status = one.status or status_of_record(run, told)
    show(tree_view(status, told, found.close_time or datetime.now(UTC), ended=word))
    return code


async def _edge_now(client: Client, one: Watched) -> tuple[EdgeSeen | None, str | None]:
    """What is announced of the tenant now, or why that is unknown; neither where nothing should be."""
    handed_over = one.end.result if one.end is not None else None
    if one.run is None or not isinstance(handed_over, HandOver):
        return None, None
    if one.silence and not await another_version_serves(client, one.run.handle, one.run.task_queue):
        return None, one.silence
    try:
        return await edge_now(client, one.run, handed_over), None
    except NoAnswerError as error:
        return None, str(error)


def _plain_status(one: Watched) -> dict[str, Any]:
    """One run as JSON says it, with its own account of itself."""
    answer = one.status.model_dump(mode="json", by_alias=True) if one.status else None
    if answer is not None and one.end is not None and one.end.outcome in ENDED_FROM_OUTSIDE:
        answer |= {"outcome": one.end.outcome, "stage": one.end.outcome}
    return {**plain(one), "status": answer, **({"missing": one.missing} if one.missing else {})}


async def _look(client: Client, one: Watched, *, ended: bool) -> None:
    """All there is to know now. A run that has ended is known without a worker, but not step by step."""
    assert one.run is not None  # noqa: S101  # for mypy: the run was just found
    if ended:
        one.end = one.end or await end(one.run)
    learning = None if ended else asyncio.create_task(expected(client, one.run.workflow, one.run.task_queue))
    try:
        one.status = await ask(client, one.run)
    except NoAnswerError as error:
        if learning is not None:
            learning.cancel()
        one.silence = str(error)
        if not ended:
            raise CommandError(ExitCode.UNREACHABLE, f"tenant {one.tenant}: {error}") from error
    else:
        if not ended:
            one.troubles = await troubles(client, one.run)
            one.missing = await missing(client, one.run, one.status)
        if learning is not None and (await asyncio.wait({learning}, timeout=LEARN_SECONDS))[0]:
            one.expected = learning.result()


async def _list(here: Session) -> list[Entry]:
    async with here.temporal() as client:
        return await entries(client)


def list_view(found: list[Entry], now: datetime, width: int) -> Table:
    """A line for each tenant, with as much in it as there is room for."""
    narrow = width < NARROW
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in ("TENANT", "STATE", "STARTED") if narrow else ("TENANT", "LATEST RUN", "STATE", "STARTED", "TOOK"):
        table.add_column(
            name, no_wrap=True, overflow="ellipsis", justify="right" if name == "TOOK" else "left", min_width=6
        )
    for entry in found:
        at = moment(entry.started) if width >= ROOMY else brief(entry.started, now)
        state = clean(entry.state, OUTCOME_STYLE.get(entry.state, "cyan" if entry.running else "red"))
        verb = "onboarding" if entry.workflow == ONBOARD else "offboarding"
        lasted = Text(took(entry.started, entry.closed or now), style="dim")
        tenant = clean(entry.tenant, "bold")
        cells: list[Text | str] = [tenant, state, at] if narrow else [tenant, verb, state, at, lasted]
        table.add_row(*cells)
    return table


def _plain_entry(entry: Entry) -> dict[str, object]:
    return {
        "tenant": entry.tenant,
        "workflow": entry.workflow,
        "runId": entry.run_id,
        "state": entry.state,
        "running": entry.running,
        "started": entry.started.isoformat(),
        "closed": entry.closed.isoformat() if entry.closed else None,
    }
