"""Many tenants at once: an overview in one call to Temporal, and a run's own account only of those that are looked at."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from fnmatch import fnmatchcase

from temporalio.client import Client

from cli.expected import Expected, expected
from cli.runs import Entry, NoAnswerError, Run, ask, entries
from tenancy import names
from tenancy.plan import Stage
from workflows.face import Outcome, Status

EVERY_SECONDS = 2.0
"""Between two looks at the list of runs, which has no push."""
ASKED_AT_ONCE = 8
"""Runs whose own account is asked for at one look, at the most. A worker answers each; more of them would keep it from work."""
STILL_SECONDS = 20.0
"""So long the account of a run that waits for somebody is good: nothing happens in it."""
LATE_SECONDS = 60.0
"""Temporal's list may be behind by so much, or this machine's clock."""
WHOLE_EVERY_SECONDS = 10.0
"""The whole list is not read again sooner."""
RECENT = timedelta(minutes=10)
"""A run that ended is shown for so long."""


class Need(IntEnum):
    """Who has to do something about a run, the most urgent first."""

    OPERATOR = 0
    """It waits for an operator's decision."""
    APPROVER = 1
    """It waits for an approver."""
    SOMEBODY = 2
    """It ended and left something, or was ended from outside."""
    NOBODY = 3
    """It is under way."""
    ENDED = 4


LEFT = frozenset({Outcome.LEFT_BEHIND.value, "terminated", "timed-out", "failed"})
"""States of runs that have ended and still need somebody."""


@dataclass(frozen=True)
class Row:
    """One tenant's latest run, with its own account where that was asked for."""

    entry: Entry
    status: Status | None = None
    asked: datetime | None = None
    """When it was asked last, whether it answered or not."""

    @property
    def need(self) -> Need:
        """Who has to do something about it."""
        if not self.entry.running:
            return Need.SOMEBODY if self.entry.state in LEFT else Need.ENDED
        return {Outcome.NEEDS_OPERATOR.value: Need.OPERATOR, Stage.APPROVAL.value: Need.APPROVER}.get(
            self.entry.state, Need.NOBODY
        )

    def needs(self, who: str) -> bool:
        """Whether this person may have to act. Where the run has not been asked yet, it may."""
        if self.need is not Need.APPROVER or self.status is None or self.status.approval is None:
            return self.need <= Need.SOMEBODY
        return who in self.status.approval.approvers and who != self.status.requested_by


@dataclass(frozen=True)
class Wanted:
    """Which tenants to look at."""

    tenants: tuple[str, ...] = ()
    """Names, in which * stands for anything; all of them where there are none."""
    waiting: bool = False
    """Only what waits for somebody."""
    needs: str | None = None
    """Only what needs this person."""

    def covers(self, entry: Entry) -> bool:
        """Whether a tenant is among those named."""
        return not self.tenants or any(fnmatchcase(entry.tenant, name) for name in self.tenants)

    def shows(self, row: Row, now: datetime) -> bool:
        """Whether a run has a row of its own."""
        if self.needs is not None:
            return row.needs(self.needs)
        if row.need is not Need.ENDED or self.tenants:
            return not self.waiting or row.need <= Need.SOMEBODY
        return not self.waiting and row.entry.closed is not None and now - row.entry.closed < RECENT


class Fleet:
    """The latest run of every tenant, kept up to date look by look."""

    def __init__(
        self, client: Client, wanted: Wanted, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = client
        self._wanted = wanted
        self.now = clock
        """The moment until which what is under way is timed."""
        self._rows: dict[str, Row] = {}
        self._looked: datetime | None = None
        self._whole: datetime | None = None
        self._expected: dict[tuple[str, str], Expected] = {}
        self._learning: asyncio.Task[None] | None = None
        self.silence: str | None = None
        """Why runs do not answer, where they do not."""

    @property
    def rows(self) -> Sequence[Row]:
        """Those to show, the most urgent first, and of the same urgency the one that takes longest."""
        now = self.now()
        shown = [row for row in self._rows.values() if self._wanted.shows(row, now)]
        return sorted(shown, key=_urgency)

    def row(self, tenant: str) -> Row | None:
        """One tenant's latest run, whether it is to be shown or not."""
        return self._rows.get(tenant)

    @property
    def counts(self) -> Mapping[Need, int]:
        """How many there are of each need, among the tenants named."""
        needs = [row.need for row in self._rows.values()]
        return {need: needs.count(need) for need in Need}

    def expected(self, entry: Entry) -> Expected | None:
        """What such a run's steps usually take."""
        return self._expected.get((entry.workflow, entry.task_queue))

    async def look(self, at: Callable[[Sequence[Row]], Iterable[Row]]) -> None:
        """Brings the list up to date, then the accounts of those rows that are looked `at`, the most urgent of them.

        Raises RPCError where Temporal does not answer.
        """
        await self._list()
        self._take(await self._ask(list(at(self.rows))))
        if self._learning is None or self._learning.done():
            # Beside it: nobody waits for what is only good to know.
            self._learning = asyncio.create_task(self._learn())

    async def _list(self) -> None:
        now = self.now()
        since = self._looked - timedelta(seconds=LATE_SECONDS) if self._looked is not None else None
        found = await entries(self._client, since)
        listed = {entry.tenant for entry in found}
        lost = any(row.entry.running and name not in listed for name, row in self._rows.items())
        if since is None:
            self._whole = now
        elif lost and self._whole is not None and (now - self._whole).total_seconds() > WHOLE_EVERY_SECONDS:
            # It ended longer ago than clocks and lists are apart, or Temporal has forgotten it.
            found, self._whole = await entries(self._client), now
            self._rows = {entry.tenant: self._rows[entry.tenant] for entry in found if entry.tenant in self._rows}
        for entry in found:
            known = self._rows.get(entry.tenant)
            if not self._wanted.covers(entry) or (known and known.entry.started > entry.started):
                continue
            same = known is not None and known.entry.run_id == entry.run_id
            # Of a run that has ended, what it said on its way is true no more.
            self._rows[entry.tenant] = replace(known, entry=entry) if known and same and entry.running else Row(entry)
        self._looked = now

    async def _ask(self, shown: Sequence[Row]) -> list[Row]:
        now = self.now()
        due = sorted((row for row in shown if _is_due(row, now)), key=lambda row: _age(row, now), reverse=True)
        # Where nobody answers, one question is enough to notice when somebody does again.
        asked = due[: ASKED_AT_ONCE if self.silence is None else 1]
        answers = await asyncio.gather(*(self._answer(row) for row in asked))
        if answers:
            self.silence = next((silence for _, silence in answers if silence), None)
        return [row for row, _ in answers]

    async def _answer(self, row: Row) -> tuple[Row, str | None]:
        """The row with what its run says of itself, or why it says nothing."""
        handle = self._client.get_workflow_handle(names.workflow(row.entry.tenant), run_id=row.entry.run_id)
        run = Run(row.entry.tenant, row.entry.workflow, handle, row.entry.task_queue)
        try:
            return replace(row, status=await ask(self._client, run), asked=self.now()), None
        except NoAnswerError as error:
            return replace(row, asked=self.now()), str(error)

    def _take(self, answered: Iterable[Row]) -> None:
        for row in answered:
            self._rows[row.entry.tenant] = row

    async def _learn(self) -> None:
        """What steps usually take, once for each workflow that runs."""
        for row in list(self._rows.values()):
            key = (row.entry.workflow, row.entry.task_queue)
            if row.entry.running and key not in self._expected:
                self._expected[key] = await expected(self._client, row.entry.workflow, row.entry.task_queue)


def _urgency(row: Row) -> tuple[int, float, str]:
    at = row.entry.started.timestamp()
    if row.need is Need.ENDED:
        at = -(row.entry.closed or row.entry.started).timestamp()  # the latest first
    return row.need, at, row.entry.tenant


def _is_due(row: Row, now: datetime) -> bool:
    if not row.entry.running:
        return False
    if row.asked is None or row.status is None or row.status.stage != row.entry.state:
        return True
    return row.need is Need.NOBODY or _age(row, now) > STILL_SECONDS


def _age(row: Row, now: datetime) -> float:
    """Seconds since it was asked; for ever where it never was."""
    return math.inf if row.asked is None else (now - row.asked).total_seconds()
