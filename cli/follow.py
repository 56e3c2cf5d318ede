"""Following runs until each has ended or waits for an operator.

A query has no push, so the run is asked a few times a second while the result is waited for beside it. A run that
waits for an operator is not followed any further: it waits for a person, who may not be the one at this terminal.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from temporalio.client import Client

from cli.endings import End, end
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.expected import Expected, expected
from cli.runs import NoAnswerError, Run, Trouble, ask, missing, reaching, troubles
from workflows.face import OVER, Outcome, Status, StepState

POLL_SECONDS = 0.25
AT_FULL_PACE = 8
"""Runs that are asked so often. Of more of them each is asked less often, so that all together are no burden."""
TROUBLE_EVERY = 4
"""Looks between two at what Temporal itself knows of an activity, which costs another call."""


@dataclass
class Watched:
    """What is known of one run while it is followed."""

    tenant: str
    run: Run | None
    """None for one that could not be started; its end says why."""
    status: Status | None = None
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    silence: str | None = None
    """Why nobody answers for the run at present."""
    missing: str | None = None
    """Which worker is missing for it to go on, though one answers."""
    end: End | None = None
    expected: Expected | None = None
    """What its steps usually take; None while that is not known."""


class View(Protocol):
    """Shows runs to people while they are followed."""

    def update(self, watched: Sequence[Watched]) -> None:
        """Something may have changed."""


async def follow(client: Client, watched: Sequence[Watched], view: View) -> None:
    """Until every run has its `end`. Raises CommandError where Temporal stops answering."""

    def changed() -> None:
        view.update(watched)

    changed()
    under_way = [(one, one.run) for one in watched if one.run is not None and one.end is None]
    pause = POLL_SECONDS * max(1.0, len(under_way) / AT_FULL_PACE)
    # Beside it all: nobody waits for what is only good to know.
    learning = asyncio.create_task(_learn(client, under_way))
    try:
        async with asyncio.TaskGroup() as group:
            for one, run in under_way:
                group.create_task(_follow(client, run, one, changed, pause))
    except* CommandError as errors:
        raise errors.exceptions[0] from None
    finally:
        learning.cancel()
    changed()


async def _learn(client: Client, under_way: Sequence[tuple[Watched, Run]]) -> None:
    """What the steps of these runs usually take, once for each workflow."""
    known: dict[tuple[str, str], Expected] = {}
    for one, run in under_way:
        key = (run.workflow, run.task_queue)
        if key not in known:
            known[key] = await expected(client, run.workflow, run.task_queue)
        one.expected = known[key]


async def _follow(client: Client, run: Run, one: Watched, changed: Callable[[], None], pause: float) -> None:
    async with reaching(client):
        ending = asyncio.create_task(end(run))
        try:
            looks = 0
            while not ending.done():
                await _look(client, run, one, closely=looks % TROUBLE_EVERY == 0)
                looks += 1
                changed()
                if one.status is not None and _only_waits(one.status):
                    one.end = _parked(one.status)
                    return
                await asyncio.wait({ending}, timeout=pause)
                if one.status is not None and one.status.outcome in OVER and not ending.done():
                    # Temporal's long poll may miss that a run has ended, and notices up to 20 seconds later. Asked anew,
                    # it says so at once.
                    ending.cancel()
                    ending = asyncio.create_task(end(run))
            await _look(client, run, one, closely=False)
            one.troubles, one.silence, one.missing = {}, None, None
            one.end = ending.result()
            changed()
        finally:
            ending.cancel()


async def _look(client: Client, run: Run, one: Watched, *, closely: bool) -> None:
    try:
        one.status = await ask(client, run)
    except NoAnswerError as error:
        one.silence = str(error)
        return
    one.silence = None
    if closely:
        one.troubles = await troubles(client, run) if _moves(one.status) else {}
        one.missing = await missing(client, run, one.status)


def _moves(status: Status) -> bool:
    return any(step.state in (StepState.RUNNING, StepState.UNDOING) for step in status.steps)


def _only_waits(status: Status) -> bool:
    """Whether nothing happens any more until an operator decides."""
    return status.outcome is Outcome.NEEDS_OPERATOR and not _moves(status)


def _parked(status: Status) -> End:
    what = "; ".join(f"{parked.title}: {parked.reason}" for parked in status.parked)
    return End(
        ExitCode.NEEDS_OPERATOR,
        Outcome.NEEDS_OPERATOR.value,
        f"{status.tenant} waits for an operator's decision on {what}",
    )
