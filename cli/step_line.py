"""How one step looks on a line: its sign, its title, how it goes, how long it has taken and usually takes."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from cli.expected import Expected, Usual
from cli.runs import Trouble
from cli.terminal import clean
from cli.times import brief, took
from workflows.face import Status, StepState, StepStatus, is_meant_to_go, state_word
from workflows.steps import BY_PEOPLE, kind_of

LOOK: Mapping[StepState, tuple[str, str, str]] = {
    StepState.WAITING: ("·", ".", "dim"),
    StepState.RUNNING: ("▸", ">", "cyan"),
    StepState.DONE: ("✓", "+", "green"),
    StepState.FAILED: ("✗", "x", "bold red"),
    StepState.UNDOING: ("↺", "<", "yellow"),
    StepState.UNDONE: ("○", "o", "yellow"),
    StepState.NEEDS_OPERATOR: ("!", "!", "bold red"),
    StepState.SKIPPED: ("–", "-", "yellow"),
}
"""By state: its sign, the sign where the terminal knows ASCII only, and its style."""

SAID_BELOW = frozenset({StepState.FAILED, StepState.NEEDS_OPERATOR})
"""States whose note is a reason: a line of its own below the step, in full."""
MOVING = frozenset({StepState.RUNNING, StepState.UNDOING})
"""States of steps that are under way."""
NARROW = 60
"""Columns below which title and remark share one column."""


class Sign:
    """The sign of a step's state, in what the terminal can show."""

    def __init__(self, state: StepState) -> None:
        self._fancy, self._plain, self._style = LOOK[state]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._plain if options.ascii_only else self._fancy, style=self._style)


class Line:
    """A sign, a title, a remark and a time, on one line of any width."""

    def __init__(self, sign: RenderableType, title: Text, remark: Text, time: Text, *, indent: bool = True) -> None:
        self._sign, self._title, self._remark, self._time = sign, title, remark, time
        self._indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Table.grid(expand=True, padding=(0, 1))
        cells: list[RenderableType] = ["", self._sign] if self._indent else [self._sign]
        for _ in cells:
            line.add_column(width=1)
        narrow = options.max_width < NARROW
        time = max(0 if narrow else 8, self._time.cell_len)
        if not self._remark or narrow:
            line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
            cells.append(Text("  ").join(part for part in (self._title, self._remark) if part))
        else:
            room = options.max_width - 2 * len(cells) - 2 - time
            for width in _shared(room, self._title.cell_len, self._remark.cell_len):
                line.add_column(width=width, no_wrap=True, overflow="ellipsis")
            cells += [self._title, self._remark]
        line.add_column(width=time, justify="right", no_wrap=True)
        line.add_row(*cells, self._time)
        yield line


def _shared(room: int, title: int, remark: int) -> tuple[int, int]:
    """Columns for a title and a remark: three parts and two, so that lines are alike, unless one has what the other needs."""
    wide = room * 3 // 5
    if remark > room - wide:
        wide = max(min(title, wide), room - remark)
    elif title > wide:
        wide = min(title, room - remark)
    return wide, room - wide


def step_line(
    status: Status, step: StepStatus, now: datetime, trouble: Trouble | None = None, expected: Expected | None = None
) -> RenderableType:
    """One step. One that is under way is timed until `now`, and held against what such steps usually take."""
    waits = step.state is StepState.WAITING
    slow = is_slow(step, now, expected)
    return Line(
        Sign(as_done(status, step)),
        clean(step.title, "dim" if waits else ""),
        _remark(status, step, now, trouble, expected),
        Text("" if waits else took(step.started, step.finished or now), style="bold yellow" if slow else "dim"),
    )


def usual(step: StepStatus, expected: Expected | None) -> Usual | None:
    """What a step under way usually takes; None where that is not known or makes no sense."""
    if expected is None or step.state not in MOVING or step.started is None:
        return None
    return expected.of(step)


def is_slow(step: StepStatus, now: datetime, expected: Expected | None) -> bool:
    """Whether a step under way takes much longer than it usually does."""
    known = usual(step, expected)
    return known is not None and step.started is not None and known.is_exceeded((now - step.started).total_seconds())


def _remark(
    status: Status, step: StepStatus, now: datetime, trouble: Trouble | None, expected: Expected | None
) -> Text:
    if trouble is not None and trouble.paused:
        return Text("paused", style="yellow")
    if trouble is not None:
        known = usual(step, expected)
        told = f", {known}" if known else ""
        return Text(f"retrying (attempt {trouble.attempt}){told}", style="yellow")
    if step.state is StepState.WAITING:
        return Text("")
    if step.state is StepState.DONE:
        return clean(step.note or "", "dim")
    pace = _pace(status, step, now, expected)
    if step.state is StepState.RUNNING:
        return pace
    word = Text(state_word(status.workflow, step), style=LOOK[as_done(status, step)][2])
    if pace:
        return Text.assemble(word, ", ", pace)
    return word if step.state in SAID_BELOW or not step.note else Text.assemble(word, clean(f" ({step.note})", "dim"))


def _pace(status: Status, step: StepStatus, now: datetime, expected: Expected | None) -> Text:
    """How a step under way gets on: what such steps take, or until when people have time."""
    if step.state in MOVING and kind_of(step.id) in BY_PEOPLE:
        return Text(f"expires {brief(status.approval.expires, now)}" if status.approval else "", style="dim")
    if (known := usual(step, expected)) is None:
        return Text("")
    return Text(f"SLOW, {known}", style="bold yellow") if is_slow(step, now, expected) else Text(str(known), "dim")


def step_reason(step: StepStatus, trouble: Trouble | None = None) -> Text | None:
    """Why a step failed, waits or is retried: in full, for below it."""
    if trouble is not None and trouble.paused:
        resume = f"`temporal activity unpause --activity-id {step.id}`"
        return clean(f"paused by an operator, go on with {resume} {trouble.reason}", "yellow")
    if trouble is not None:
        return clean(trouble.reason, "yellow")
    if step.state in SAID_BELOW and step.note:
        return clean(step.note, LOOK[step.state][2])
    if step.state is StepState.RUNNING and step.note:
        return clean(step.note, "yellow")
    return None


def as_done(status: Status, step: StepStatus) -> StepState:
    """The state to show: what was meant to go and is gone, is done."""
    gone = step.state is StepState.UNDONE and is_meant_to_go(status.workflow, step)
    return StepState.DONE if gone else step.state
