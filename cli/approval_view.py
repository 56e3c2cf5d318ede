"""What an approver sees: the list of what waits, and the exact lines of one preview."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.approvals import Pending
from cli.terminal import clean
from cli.times import brief, moment
from tenancy.approval import AnyPreview, Preview, subject
from tenancy.edge_work import EdgePreview
from workflows.face import ApprovalStatus

WIDE = 110
"""Columns from which what waits is a table."""


def pending_view(found: Sequence[Pending], now: datetime, width: int) -> RenderableType:
    """What waits: a table where there is room for one, else a few lines each."""
    if width < WIDE:
        return Group(*(_pending(one, now) for one in found))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("TENANT", "WHAT", "SINCE", "UNTIL"):
        table.add_column(name, no_wrap=True)
    for name in ("REQUESTED BY", "MAY DECIDE"):
        table.add_column(name, overflow="fold")
    for one in found:
        status = one.status
        if status is None or status.preview is None:
            table.add_row(clean(one.run.tenant, "bold"), "", "", "", "", clean(one.silence or "", "yellow"))
            continue
        table.add_row(
            clean(one.run.tenant, "bold"),
            subject(status.preview),
            brief(status.since, now) if status.since else "",
            brief(status.expires, now) if status.expires else "",
            clean(status.preview.requested_by),
            clean(", ".join(status.approvers)),
        )
    return table


def _pending(one: Pending, now: datetime) -> RenderableType:
    status = one.status
    if status is None or status.preview is None:
        silence = Padding(clean(one.silence or "", "yellow"), (0, 0, 0, 2))
        return Group(clean(one.run.tenant, "bold"), silence)
    times = [
        *([f"since {brief(status.since, now)}"] if status.since else []),
        *([f"until {brief(status.expires, now)}"] if status.expires else []),
        f"requested by {status.preview.requested_by or 'nobody named'}",
    ]
    details = Group(clean(", ".join(times), "dim"), Text.assemble("may decide: ", clean(", ".join(status.approvers))))
    head = Text.assemble(clean(one.run.tenant, "bold"), "  ", clean(subject(status.preview)))
    return Group(head, Padding(details, (0, 0, 0, 2)))


def plain_pending(one: Pending) -> dict[str, Any]:
    """One that waits, as JSON says it: with its preview, so that a program can show it and decide."""
    return {
        "tenant": one.run.tenant,
        "runId": one.run.run_id,
        "approval": one.status.model_dump(mode="json", by_alias=True) if one.status else None,
        "message": one.silence,
    }


def preview_view(status: ApprovalStatus, preview: AnyPreview) -> RenderableType:
    """Exactly what would be approved."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    if isinstance(preview, Preview):
        facts.add_row("VLAN", Text(str(preview.vlan), style="bold"))
    else:
        facts.add_row("about", Text(subject(preview), style="bold"))
    facts.add_row("requested by", clean(preview.requested_by or "nobody named"))
    facts.add_row("configured by", _by_whom(preview))
    if status.since and status.expires:
        facts.add_row("waits", f"since {moment(status.since)}, until {moment(status.expires)}")
    facts.add_row("may decide", clean(", ".join(status.approvers)))
    facts.add_row("run", clean(preview.run))
    facts.add_row("plan", clean(status.plan or ""))
    parts: list[RenderableType] = [clean(f"Approval for {preview.tenant}", "bold"), Padding(facts, (0, 0, 0, 2))]
    if isinstance(preview, EdgePreview):
        # As it is, so that it can be copied: no line of it is folded.
        parts.extend(Text(line, no_wrap=True, overflow="ignore") for line in preview.document.as_json().splitlines())
        blocks = [(str(one.platform), one.lines) for one in preview.platforms]
    else:
        blocks = [(switch.switch, switch.lines) for switch in preview.switches]
    for name, lines in blocks:
        sent = f"{len(lines)} lines" if lines else "nothing to send"
        parts.append(Text.assemble(clean(name, "bold"), f": {sent}"))
        parts.extend(Padding(clean(line, "cyan"), (0, 0, 0, 4)) for line in lines)
    return Group(*parts)


def _by_whom(preview: AnyPreview) -> str:
    if isinstance(preview, EdgePreview):
        done = "there" if preview.document.action == "announce" else "gone"
        return f"the edge team, by hand; approve once this is {done} on every edge router"
    return "the network team, by hand" if preview.by_hand else "Berth, once approved"


def difference_view(lines: Sequence[str]) -> RenderableType:
    """What has changed since a preview was shown."""
    styles = {"-": "red", "+": "green"}
    changed = (Padding(clean(line, styles.get(line[:1], "")), (0, 0, 0, 2)) for line in lines)
    return Group(Text("changed since that plan was shown:", style="bold"), *changed)
