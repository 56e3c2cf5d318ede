"""`berth audit`: every tenant held against its recorded document; and `berth setup`, which has it done on a Schedule."""

import asyncio
from datetime import timedelta
from secrets import token_hex
from typing import Annotated

import typer
from rich.table import Table
from temporalio.client import WorkflowFailureError

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.runs import told
from cli.serving import absence
from cli.session import Session, session
from cli.terminal import clean, say, show, show_json
from workers.settings import ConfigurationError
from workflows.face import AUDIT_FLEET, AuditReport

TELL_AFTER_SECONDS = 3.0
"""Without an answer the command says what it waits for."""
LONG_SECONDS = 20.0
"""And after so many more, who may be missing."""


def audit(
    context: typer.Context,
    tenants: Annotated[
        list[str] | None, typer.Argument(metavar="[TENANT...]", help="These alone; without any, all.")
    ] = None,
    json: Json = False,
) -> int:
    """Hold every tenant against the document it was onboarded with: on the platform, the switches and at the edge.

    Nothing is changed. It finds what a terminated run left, what was changed by hand, and VLANs nobody has reserved.
    """
    report = asyncio.run(_audit(session(context), tenants or []))
    if json:
        show_json(report.model_dump(mode="json", by_alias=True))
    else:
        _show(report)
    if report.findings:
        return ExitCode.NEEDS_OPERATOR
    if (absent := len(set(tenants or ())) - report.tenants) > 0:
        message = (
            f"nothing on this platform bears the label of {absent} of the tenants that were named: check the names"
        )
        raise CommandError(ExitCode.NOT_FOUND, message)
    return ExitCode.OK


async def _audit(here: Session, tenants: list[str]) -> AuditReport:
    async with here.temporal() as client:
        handle = await client.start_workflow(
            AUDIT_FLEET,
            {"tenants": tenants},
            id=f"berth-audit-{token_hex(4)}",
            task_queue=here.settings.task_queue,
            execution_timeout=timedelta(hours=1),
            result_type=AuditReport,
            static_summary="Every tenant held against its recorded document",
        )
        result = asyncio.ensure_future(handle.result())
        try:
            await asyncio.wait([result], timeout=TELL_AFTER_SECONDS)
            if not result.done():
                say(f"auditing, see {handle.id} in the Temporal UI")
                await asyncio.wait([result], timeout=LONG_SECONDS)
            if not result.done():
                say(
                    f"no end yet: devices may be slow to answer, or {await absence(client, handle, here.settings.task_queue)}"
                )
            report: AuditReport = await result
            return report
        except WorkflowFailureError as error:
            raise CommandError(ExitCode.REFUSED, f"the audit came to no end: {told(error.cause)}") from error
        finally:
            result.cancel()


def _show(report: AuditReport) -> None:
    if report.findings:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in ("TENANT", "WHAT", "WHERE", "FOUND"):
            table.add_column(column, overflow="fold")
        for one in report.findings:
            style = "bold red" if one.kind == "block-policy" else "yellow"
            table.add_row(
                clean(one.tenant or "-", "bold"), clean(one.kind, style), clean(one.subject), clean(one.message)
            )
        show(table)
    if report.unsaid:
        say(f"{report.unsaid} more findings are not told: mend these first")
    if report.under_way:
        say(f"of {', '.join(report.under_way)} nothing but missing drops is told: a run was under way meanwhile")
    looked = f"{_counted(report.tenants, 'tenant')} and {_counted(len(report.devices), 'device')} looked at"
    count = len(report.findings) + report.unsaid
    found = "1 finding" if count == 1 else f"{count or 'no'} findings"
    say(f"{looked}: {found}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def setup(
    context: typer.Context,
    retention_days: Annotated[
        int, typer.Option(min=1, max=3650, help="How long a new Temporal namespace keeps ended runs.")
    ] = 30,
    audit_every: Annotated[
        int, typer.Option(min=0, max=10080, metavar="MINUTES", help="Between two audits; 0 for none.")
    ] = 60,
    json: Json = False,
) -> int:
    """Make what has to be there once: Temporal's namespace, search attributes and audit schedule; the public pool's namespace.

    What is right already is left alone, so it may be run again at any time.
    """
    from workers.setup import set_up_platform, set_up_temporal  # the Kubernetes client takes a fifth of a second

    here = session(context)
    every = timedelta(minutes=audit_every) if audit_every else None
    try:
        made = asyncio.run(set_up_temporal(here.settings, retention=timedelta(days=retention_days), audit_every=every))
        # Whoever sets Temporal up may not have the platform's document at hand.
        if here.platform is not None:
            made += asyncio.run(set_up_platform(here.settings))
        else:
            say(f"no platform document at {here.settings.platform}: nothing of the platform was looked at")
    except ConfigurationError as error:
        raise configuration_failure(error) from error
    if json:
        show_json({"made": [one.model_dump(mode="json") for one in made]})
    else:
        for one in made:
            style = {"by-hand": "yellow", "there": "dim"}.get(one.outcome, "green")
            show(clean(f"{one.outcome}  {one.subject}{f': {one.message}' if one.message else ''}", style))
    return ExitCode.REFUSED if any(one.outcome == "by-hand" for one in made) else ExitCode.OK
