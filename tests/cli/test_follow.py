"""Following runs: the end is noticed whatever Temporal's long poll misses, and nobody waits for what is good to know."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from cli.follow import Watched, follow
from cli.runs import Run
from workflows.face import Outcome, Status, StepState, StepStatus

DONE = Status(
    tenant="acme",
    workflow="OffboardTenant",
    run="r",
    requested_by="me",
    outcome=Outcome.DONE,
    stage="done",
    steps=(StepStatus(id="gone", stage="removal", title="Gone", state=StepState.DONE, started=datetime.now(UTC)),),
)
RESULT = {"tenant": "acme", "removed": [], "requestedBy": "me"}


class _Handle:
    """A run whose end the first long poll misses, as Temporal's do at times."""

    run_id = "r"

    def __init__(self, missed: int) -> None:
        self.polls = 0
        self._missed = missed

    async def result(self, *, follow_runs: bool) -> dict[str, Any]:
        self.polls += 1
        if self.polls <= self._missed:
            await asyncio.Event().wait()
        return RESULT

    async def query(self, name: str, **_: object) -> Status:
        return DONE


class _Client:
    """Temporal, whose list of past runs never comes."""

    def list_workflows(self, query: str, limit: int) -> AsyncIterator[Any]:
        return self._never()

    async def _never(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


class _View:
    def update(self, watched: Any) -> None:
        pass


@pytest.mark.parametrize("missed", [0, 1, 2])
async def test_a_run_that_says_it_is_done_is_not_waited_for_though_the_notice_was_missed(missed: int) -> None:
    handle = _Handle(missed)
    one = Watched("acme", Run("acme", "OffboardTenant", handle, "berth"))  # type: ignore[arg-type]
    await asyncio.wait_for(follow(_Client(), [one], _View()), 5.0)  # type: ignore[arg-type]
    assert one.end is not None
    assert (one.end.code, one.end.outcome) == (ExitCode.OK, "done")
    assert handle.polls == missed + 1
    assert one.expected is None
