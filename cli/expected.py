"""How long steps usually take here: what the latest runs of the same workflow took, as Temporal has recorded them.

A handful of calls to Temporal, none to a worker. Nothing is expected where there is no past.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from cli.history import Recorded, recorded
from cli.runs import Run, Workflow
from cli.times import lasting
from workflows.face import ONBOARD, Outcome, Status, StepState, StepStatus
from workflows.steps import BY_PEOPLE, kind_of

PAST_RUNS = 5
"""So many of the latest runs are read: what they took changes with the platform, and so do their medians."""
MOST_EVENTS = 1000
"""Of one past run. An ordinary one has about two hundred, in one answer of Temporal's."""
WITHIN_SECONDS = 10.0
"""What is not known by then is not shown."""
SLOW_TIMES, SLOW_SECONDS = 3.0, 3.0
"""A step is slow once it takes so many times as long as usual, and so much longer."""
AGREE_SECONDS = 3.0
"""Runs that differ by no more take as long as one another."""


@dataclass(frozen=True)
class Usual:
    """What steps of one kind took."""

    seconds: float
    """The median."""
    count: int
    """Of how many steps."""

    def __str__(self) -> str:
        return f"usually {lasting(self.seconds)}" if self.count > 1 else f"last time {lasting(self.seconds)}"

    def is_exceeded(self, seconds: float) -> bool:
        """Whether that is much longer than usual."""
        return seconds > SLOW_TIMES * self.seconds and seconds > self.seconds + SLOW_SECONDS


@dataclass(frozen=True)
class Expected:
    """What the past says of runs of one workflow, by kind of step."""

    steps: Mapping[str, Usual] = field(default_factory=dict)
    rest: Mapping[str, Usual] = field(default_factory=dict)
    """From the start of such a step to the end of its run, where nobody had to decide anything in between."""

    def of(self, step: StepStatus) -> Usual | None:
        """What such a step usually takes; None where that is not known, or in the hands of people."""
        return self.steps.get(kind_of(step.id))

    def left(self, status: Status, now: datetime) -> float | None:
        """Seconds until the run will have ended, about; None where nothing honest can be said."""
        waits_for_people = any(kind_of(step.id) in BY_PEOPLE and step.finished is None for step in status.steps)
        if status.outcome is not Outcome.RUNNING or waits_for_people:
            return None
        rests: list[float] = []
        for step in status.steps:
            # What an offboarding is there for is called undoing by its steps.
            if step.started is None or step.state not in (StepState.RUNNING, StepState.UNDOING):
                continue
            elapsed, usual, rest = (now - step.started).total_seconds(), self.of(step), self.rest.get(kind_of(step.id))
            if usual is None or rest is None or usual.is_exceeded(elapsed):
                return None
            rests.append(rest.seconds - elapsed)
        return max(rests, default=0.0) if rests and max(rests) > 0 else None


async def expected(client: Client, workflow: Workflow, task_queue: str) -> Expected:
    """What Temporal still knows of the latest such runs that got to their end. Nothing where it does not answer."""
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            runs = [
                _run(client, found)
                async for found in client.list_workflows(_query(workflow, task_queue), limit=PAST_RUNS)
            ]
            told = await asyncio.gather(*(recorded(client, run, MOST_EVENTS) for run in runs))
    except (RPCError, TimeoutError):
        return Expected()
    return of_the_past(workflow, told)


def of_the_past(workflow: Workflow, runs: Iterable[Recorded]) -> Expected:
    """What these runs took, by kind of step."""
    steps: dict[str, list[float]] = defaultdict(list)
    rest: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for step, began, ended in _taken(workflow, run):
            kind = kind_of(step)
            steps[kind].append((ended - began).total_seconds())
            if run.closed is not None and (run.last_word is None or began > run.last_word):
                rest[kind].append((run.closed - began).total_seconds())
    return Expected(_usual(steps), _usual({kind: seconds for kind, seconds in rest.items() if _agree(seconds)}))


def _taken(workflow: Workflow, run: Recorded) -> Iterator[tuple[str, datetime, datetime]]:
    for one in run.tries:
        # What an onboarding took back it was not there for, except what it gives back.
        is_meant = not one.undoes and (not one.takes_back or workflow != ONBOARD or one.step.startswith("release-"))
        if is_meant and one.ended is not None and one.failure is None:
            yield one.step, one.began, one.ended
    asked: dict[str, tuple[datetime, datetime]] = {}
    for session in run.sessions:
        if not session.undoes and session.ended is not None:
            # A neighbour is asked until it knows: all of that is one step.
            began, _ = asked.get(session.step, (session.began, session.ended))
            asked[session.step] = (began, session.ended)
    yield from ((step, began, ended) for step, (began, ended) in asked.items())


def _usual(found: Mapping[str, list[float]]) -> dict[str, Usual]:
    return {kind: Usual(median(seconds), len(seconds)) for kind, seconds in found.items()}


def _agree(seconds: list[float]) -> bool:
    """Whether runs took about the same, but for one or the other that met with trouble: else nothing is told by the past."""
    ordered = sorted(seconds)
    aside = len(ordered) // 4
    return ordered[-1 - aside] <= 2 * ordered[aside] + AGREE_SECONDS


def _query(workflow: Workflow, task_queue: str) -> str:
    # Task queues are named by whoever runs the platform.
    quoted = task_queue.replace("\\", "\\\\").replace("'", "\\'")
    return f"WorkflowType = '{workflow}' AND ExecutionStatus = 'Completed' AND TaskQueue = '{quoted}'"


def _run(client: Client, found: WorkflowExecution) -> Run:
    workflow: Workflow = "OnboardTenant" if found.workflow_type == ONBOARD else "OffboardTenant"
    return Run(found.id, workflow, client.get_workflow_handle(found.id, run_id=found.run_id), found.task_queue)
