"""How many tenants look at once: a table on a terminal, a line or a JSON object for each change anywhere else."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from cli.expected import Expected
from cli.show import OUTCOME_STYLE, finished
from cli.step_line import MOVING, NARROW, is_slow, usual
from cli.terminal import clean, printable
from cli.times import about, brief, took
from cli.watch import Fleet, Need, Row
from workflows.face import ONBOARD, Outcome, Status

WIDE = 110
"""Columns from which what is expected, and the bar, have columns of their own."""
GAP, EXPECTED = 2, 26
"""Columns between two columns, and of what is expected."""
BAR = 8
"""Columns of a bar."""
AROUND = 5
"""Lines of a screen that hold no row."""
STYLES = {Need.OPERATOR: "bold red", Need.APPROVER: "bold yellow", Need.SOMEBODY: "bold red"}
SIGNS = {Need.OPERATOR: "!", Need.APPROVER: "?", Need.SOMEBODY: "!", Need.NOBODY: " ", Need.ENDED: " "}
COUNTED = {
    Need.OPERATOR: ("needs an operator", "need an operator"),
    Need.APPROVER: ("waits for approval", "wait for approval"),
    Need.SOMEBODY: ("ended and left something", "ended and left something"),
    Need.NOBODY: ("under way", "under way"),
    Need.ENDED: ("ended", "ended"),
}


def fleet_view(fleet: Fleet, now: datetime, console: Console, remark: str | None = None) -> RenderableType:
    """All that fits on this screen, and how many there are of what."""
    rows = fleet.rows
    room = max(1, console.height - AROUND)
    parts: list[RenderableType] = [_counts(fleet, now)]
    if rows:
        parts.append(_table(fleet, rows[:room], now, console.width))
    else:
        parts.append(Text("nothing to show", style="dim"))
    more = len(rows) - room
    parts.append(Text(f"{more} more below these" if more > 0 else "", style="dim"))
    parts.extend(clean(told, "yellow") for told in (remark, fleet.silence) if told)
    return Group(*parts)


def shown(rows: Sequence[Row], console: Console) -> Sequence[Row]:
    """Those of the rows that are on this screen."""
    return rows[: max(1, console.height - AROUND)]


def _counts(fleet: Fleet, now: datetime) -> RenderableType:
    counts = fleet.counts
    parts = [
        Text(f"{count} {COUNTED[need][count != 1]}", style=STYLES.get(need, ""))
        for need, count in counts.items()
        if count
    ]
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1, overflow="fold")
    line.add_column(justify="right", no_wrap=True)
    total = sum(counts.values())
    head = Text(f"{total} tenant{'s' if total != 1 else ''}", style="bold")
    line.add_row(Text(", ").join([head, *parts]), Text(f"{now.astimezone():%H:%M:%S}", style="dim"))
    return line


def _table(fleet: Fleet, rows: Sequence[Row], now: datetime, width: int) -> Table:
    wide, narrow = width >= WIDE, width < NARROW
    longest = max(len(row.entry.tenant) for row in rows)
    states = max(len(state(row)) for row in rows)
    columns = {"": 1, "TENANT": max(6, min(longest, 14 if narrow else 30 if wide else 20)), "STATE": max(5, states)}
    if not narrow:
        lasted = max(len(_elapsed(row, now)) for row in rows)
        columns |= {"STEPS": BAR + 7 if wide else 6, "ELAPSED": max(7, lasted)}
    room = width - sum(columns.values()) - GAP * len(columns)
    columns |= {"NOW": max(1, room - EXPECTED - GAP), "EXPECTED": EXPECTED} if wide else {"NOW": max(1, room)}
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold", pad_edge=False)
    for name, wide_ in columns.items():
        justify: Literal["left", "right"] = "right" if name == "ELAPSED" else "left"
        table.add_column(name, width=wide_, no_wrap=True, overflow="ellipsis", justify=justify)
    for row in rows:
        known = fleet.expected(row.entry)
        at, pace = _at(row, now, known), _pace(row, now, known)
        cells: list[RenderableType] = [
            Text(SIGNS[row.need], style=STYLES.get(row.need, "")),
            clean(row.entry.tenant, "bold"),
            _state(row),
        ]
        if not narrow:
            cells += [_Steps(row.status, with_bar=wide), Text(_elapsed(row, now), style="dim")]
        # What matters most is what is left of it where there is little room.
        link, both = (", ", (at, pace)) if row.need < Need.NOBODY else (": ", (pace, at))
        cells += [at, pace] if wide else [Text(link).join(part for part in both if part)]
        table.add_row(*cells)
    return table


class _Steps:
    """How many steps are done, with a bar where there is room."""

    def __init__(self, status: Status | None, *, with_bar: bool) -> None:
        self._status, self._with_bar = status, with_bar

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._status is None or not self._status.steps:
            yield Text("")
            return
        done, all_ = finished(self._status), len(self._status.steps)
        count = f"{done}/{all_}"
        if not self._with_bar:
            yield Text(count)
            return
        full = done * BAR // all_
        signs = ("#", "-") if options.ascii_only else ("█", "░")
        yield Text.assemble(Text(signs[0] * full, "cyan"), Text(signs[1] * (BAR - full), "dim"), " ", count)


def state(row: Row) -> str:
    """What a run is at, in a word or two."""
    verb = "onboarding" if row.entry.workflow == ONBOARD else "offboarding"
    if not row.entry.running:
        said = row.entry.state.replace("-", " ")
        return said if row.entry.workflow == ONBOARD or said != "done" else "offboarded"
    if row.need is Need.OPERATOR:
        return "NEEDS OPERATOR"
    if row.need is Need.APPROVER:
        return "approval"
    return "undoing" if row.entry.state == Outcome.UNDOING else verb


def _state(row: Row) -> Text:
    style = STYLES.get(row.need) or OUTCOME_STYLE.get(row.entry.state, "cyan" if row.entry.running else "red")
    return clean(state(row), style)


def now_at(row: Row) -> str:
    """What is under way, or whom it waits for."""
    status = row.status
    if not row.entry.running:
        return f"berth status {row.entry.tenant}" if row.need is Need.SOMEBODY else ""
    if row.need is Need.OPERATOR:
        return "; ".join(parked.title for parked in status.parked) if status else "an operator"
    if row.need is Need.APPROVER:
        return ", ".join(status.approval.approvers) if status and status.approval else "an approver"
    moving = [step.title for step in status.steps if step.state in MOVING] if status else []
    return ", ".join(moving) or row.entry.state.replace("-", " ")


def _at(row: Row, now: datetime, known: Expected | None) -> Text:
    slow = row.status is not None and any(is_slow(step, now, known) for step in row.status.steps)
    return clean(now_at(row), "yellow" if slow else STYLES.get(row.need, ""))


def _pace(row: Row, now: datetime, known: Expected | None) -> Text:
    status = row.status
    if status is None or not row.entry.running:
        return Text("")
    if row.need is Need.APPROVER and status.approval is not None:
        return Text(f"expires {brief(status.approval.expires, now)}")
    if row.need is Need.OPERATOR:
        since = min((parked.since for parked in status.parked), default=None)
        return Text(f"since {brief(since, now)}" if since else "")
    slow = [usual(step, known) for step in status.steps if is_slow(step, now, known)]
    if slow:
        return Text(f"SLOW, {slow[0]}", style="bold yellow")
    left = known.left(status, now) if known is not None else None
    return Text(f"about {about(left)} left" if left is not None else "", style="cyan")


def _elapsed(row: Row, now: datetime) -> str:
    return took(row.entry.started, row.entry.closed or now)


def change_line(row: Row, now: datetime, known: Expected | None) -> str:
    """One change on a line, for logs and pipes."""
    count = f"{finished(row.status)}/{len(row.status.steps)}" if row.status and row.status.steps else "-"
    told = [part for part in (now_at(row), _pace(row, now, known).plain) if part]
    line = (
        f"{now.astimezone():%H:%M:%S}  {row.entry.tenant:<24}  {state(row):<14}  {count:>5}  {_elapsed(row, now):>10}"
    )
    return printable(f"{line}  {', '.join(told)}".rstrip())


def change_json(row: Row, now: datetime) -> str:
    """One change as one line of JSON."""
    entry, status = row.entry, row.status
    told: dict[str, Any] = {
        "at": now.isoformat(),
        "tenant": entry.tenant,
        "workflow": entry.workflow,
        "runId": entry.run_id,
        "state": entry.state,
        "running": entry.running,
        "needs": row.need.name.lower() if row.need <= Need.SOMEBODY else None,
        "started": entry.started.isoformat(),
        "closed": entry.closed.isoformat() if entry.closed else None,
        "steps": {"finished": finished(status), "all": len(status.steps)} if status else None,
        "underWay": [step.id for step in status.steps if step.state in MOVING] if status else None,
        "parked": [one.model_dump(mode="json", by_alias=True) for one in status.parked] if status else None,
        "approval": status.approval.model_dump(mode="json", by_alias=True) if status and status.approval else None,
    }
    return json.dumps(told)
