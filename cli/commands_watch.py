"""The command `watch`: many tenants, who needs somebody first, until Ctrl-C."""

import asyncio
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol

import typer
from rich.live import Live
from temporalio.service import RPCError, RPCStatusCode

from cli.exit_codes import ExitCode
from cli.options import As
from cli.progress import shows_pictures
from cli.session import Session, session
from cli.terminal import say, stdout
from cli.watch import EVERY_SECONDS, Fleet, Row, Wanted
from cli.watch_view import change_json, change_line, fleet_view, shown

REDRAW_SECONDS = 0.5
AWAY = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED})
"""What Temporal answers while it is started again, or has too much to do: looked at again later."""


def watch(
    context: typer.Context,
    by: As,
    tenants: Annotated[
        list[str] | None, typer.Argument(metavar="[TENANT...]", help="Only these; * stands for anything, as in 'eu-*'.")
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only runs that wait for somebody.")] = False,
    needs_me: Annotated[
        bool, typer.Option("--needs-me", help="Only runs that you, or NAME, may decide about.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks.")] = EVERY_SECONDS,
    json: Annotated[bool, typer.Option("--json", help="Print each change as one line of JSON.")] = False,
) -> int:
    """Watch many tenants: where each run is, how long it takes, and whom it waits for, until Ctrl-C.

    On a terminal a table that keeps up to date, those first that need somebody. Anywhere else a line for each change.
    """
    wanted = Wanted(tuple(tenants or ()), waiting=waiting, needs=by if needs_me else None)
    try:
        return asyncio.run(_watch(session(context), wanted, every, json=json))
    except KeyboardInterrupt:
        return ExitCode.OK


class _View(Protocol):
    def at(self, rows: Sequence[Row]) -> Iterable[Row]:
        """Those of the rows that are looked at."""

    def update(self, fleet: Fleet, remark: str | None) -> None:
        """There has been a look."""

    async def rest(self, fleet: Fleet, seconds: float) -> None:
        """Until the next one."""


class _Screen:
    """A table that fills the screen, redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._remark: str | None = None

    def at(self, rows: Sequence[Row]) -> Iterable[Row]:
        return shown(rows, self._live.console)

    def update(self, fleet: Fleet, remark: str | None) -> None:
        self._remark = remark
        view = fleet_view(fleet, fleet.now(), self._live.console, remark)
        self._live.update(view, refresh=True)

    async def rest(self, fleet: Fleet, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(REDRAW_SECONDS, left))
            # Times go on, and the screen may have another size.
            self.update(fleet, self._remark)


class _Lines:
    """A line for each change."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._told: dict[str, tuple[object, ...]] = {}
        self._remarks: tuple[str | None, ...] = ()

    def at(self, rows: Sequence[Row]) -> Iterable[Row]:
        return [row for row in rows if self._is_news(row)]

    def update(self, fleet: Fleet, remark: str | None) -> None:
        now = fleet.now()
        rows = {row.entry.tenant: row for row in fleet.rows}
        # What is not among those to show any more was told before: how it left them is told as well.
        left = {tenant: row for tenant in self._told if tenant not in rows and (row := fleet.row(tenant))}
        for tenant, row in (rows | left).items():
            if self._is_news(row):
                line = change_json(row, now) if self._json else change_line(row, now, fleet.expected(row.entry))
                sys.stdout.write(f"{line}\n")
            self._told[tenant] = _news(row)
        for tenant in left:
            del self._told[tenant]
        sys.stdout.flush()
        for told in (remark, fleet.silence):
            if told and told not in self._remarks:
                say(told)
        self._remarks = (remark, fleet.silence)

    async def rest(self, fleet: Fleet, seconds: float) -> None:
        await asyncio.sleep(seconds)  # a list of runs has no push

    def _is_news(self, row: Row) -> bool:
        return self._told.get(row.entry.tenant) != _news(row)


def _news(row: Row) -> tuple[object, ...]:
    return row.entry.run_id, row.entry.state, row.entry.running


async def _watch(here: Session, wanted: Wanted, every: float, *, json: bool) -> ExitCode:
    console = stdout()
    async with here.temporal() as client:
        fleet = Fleet(client, wanted)
        # A screen has to be left as it was found, whoever ends this.
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for mypy: this is one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            if json or not shows_pictures(console):
                await _look_on(fleet, _Lines(json=json), every)
            with Live(console=console, auto_refresh=False, screen=True) as live:
                await _look_on(fleet, _Screen(live), every)
        except asyncio.CancelledError:
            if not json and shows_pictures(console):
                console.print(fleet_view(fleet, fleet.now(), console))
    return ExitCode.OK


async def _look_on(fleet: Fleet, view: _View, every: float) -> None:
    while True:
        remark = None
        try:
            await fleet.look(view.at)
        except RPCError as error:
            if error.status not in AWAY:
                raise
            remark = f"Temporal does not answer ({error.message}): trying again"
        view.update(fleet, remark)
        await view.rest(fleet, every)
