"""Runs while they happen: a live picture on a terminal, one line for each change anywhere else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live

from cli.follow import View, Watched
from cli.show import run_line, run_view
from cli.step_line import is_slow, usual
from cli.terminal import clean, is_screen, printable, stderr
from cli.times import took
from workflows.face import Outcome, Status, StepState, state_word

LONGEST = 60
"""Lines a picture that stays may have on a screen that is smaller."""


@contextmanager
def progress(console: Console | None = None) -> Iterator[View]:
    """The view that suits this terminal, by default that of stderr."""
    console = console or stderr()
    if not shows_pictures(console):
        yield Lines(console)
        return
    with Live(console=console, auto_refresh=False) as live:
        view = Picture(live)
        yield view
        view.leave()


def shows_pictures(console: Console) -> bool:
    """Whether runs are shown as a picture there, with everything in it, or as lines of what is new."""
    return is_screen(console) and console.is_interactive and not console.is_dumb_terminal


class Picture:
    """The steps of every run, redrawn in place, as many as fit on the screen; in the end all of them stay."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._watched: Sequence[Watched] = ()

    def update(self, watched: Sequence[Watched]) -> None:
        """Draws what is known now."""
        self._watched = watched
        self._draw(self._live.console.height)

    def leave(self) -> None:
        """Draws what stays."""
        self._draw(max(LONGEST, self._live.console.height))

    def _draw(self, height: int) -> None:
        self._live.update(picture(self._watched, datetime.now(UTC), self._live.console, height), refresh=True)


def picture(watched: Sequence[Watched], now: datetime, console: Console, height: int) -> RenderableType:
    """All runs in `height` lines: with every step, else with those under way, else in one line each."""
    silences = [
        clean(silence, "yellow")
        for silence in sorted({said for one in watched for said in (one.silence, one.missing) if said})
    ]
    for view in (_every_step, _moving_steps):
        whole = Group(*(view(one, one.status, now) if one.status else _unknown(one) for one in watched), *silences)
        if len(console.render_lines(whole, pad=False)) < height:
            return whole
    return Group(
        *(run_line(one.status, now, one.troubles, one.expected) if one.status else _unknown(one) for one in watched),
        *silences,
    )


def _every_step(one: Watched, status: Status, now: datetime) -> RenderableType:
    return run_view(status, now, one.troubles, expected=one.expected)


def _moving_steps(one: Watched, status: Status, now: datetime) -> RenderableType:
    return run_view(status, now, one.troubles, only_moving=True, expected=one.expected)


def _unknown(one: Watched) -> RenderableType:
    return clean(f"{one.tenant}  {'started' if one.end is None else one.end.outcome}")


class Lines:
    """One line for each change of a step, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[tuple[str, str], tuple[object, ...]] = {}

    def update(self, watched: Sequence[Watched]) -> None:
        """Prints what is new."""
        now = datetime.now(UTC)
        for one in watched:
            self._once(one.tenant, "(silence)", one.silence)
            self._once(one.tenant, "(missing)", one.missing)
            if one.status is None:
                continue
            if one.status.failure and one.status.outcome is not Outcome.STOPPED:
                # The step that failed may be undone before anybody looked again; the reason stays.
                self._once(one.tenant, "(failure)", f"could not go on: {one.status.failure}")
            for step in one.status.steps:
                trouble = one.troubles.get(step.id)
                if step.state is StepState.WAITING:
                    continue
                details = [step.note] if step.note else []
                if step.finished is not None:
                    details.append(took(step.started, step.finished))
                text = f"{step.title}: {state_word(one.status.workflow, step)}" + (
                    f" ({', '.join(details)})" if details else ""
                )
                self._once(one.tenant, step.id, text)
                if is_slow(step, now, one.expected):
                    text = f"{step.title}: still {state_word(one.status.workflow, step)}, {usual(step, one.expected)}"
                    self._once(one.tenant, f"{step.id} slow", text)
                if trouble is not None and trouble.reason:
                    told = "paused" if trouble.paused else f"retrying (attempt {trouble.attempt})"
                    text = f"{step.title}: {told}: {trouble.reason}"
                    # The attempt counts on for ever: only another reason is news.
                    self._once(one.tenant, f"{step.id} trouble", text, (trouble.paused, trouble.reason))

    def _once(self, tenant: str, what: str, text: str | None, news: tuple[object, ...] | None = None) -> None:
        key, value = (tenant, what), news or (text,)
        if text is None or self._said.get(key) == value:
            return
        self._said[key] = value
        self._console.print(clean(f"{tenant}: {printable(text)}"), soft_wrap=True)
