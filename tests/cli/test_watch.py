"""Many tenants at once: who needs somebody first, few questions however many there are, and no screen required."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from cli.commands_watch import _Lines
from cli.watch import ASKED_AT_ONCE, Fleet, Need, Row, Wanted
from cli.watch_view import change_json, fleet_view, shown
from tests.cli.looking import console
from tests.cli.looking import shown as seen
from workflows.face import STAGE, Awaited, Outcome, Parked, Status, StepState, StepStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LONG = "a-tenant-with-24-letters"
State = WorkflowExecutionStatus


class Temporal:
    """What a Fleet asks of Temporal: a list of runs, and accounts of them. Counts how often."""

    def __init__(self) -> None:
        self.runs: dict[str, Any] = {}
        self.calls: Counter[str] = Counter()
        self.asked: list[str] = []
        self.away: set[str] = set()
        self.namespace = "default"
        self.workflow_service = self

    def has(
        self, tenant: str, stage: str, status: State = State.RUNNING, *, ago: float = 60, closed: float = 0
    ) -> None:
        """A tenant's run, started and closed so many seconds ago."""
        ended = None if status is State.RUNNING else NOW - timedelta(seconds=closed)
        self.runs[tenant] = SimpleNamespace(
            id=f"tenant-{tenant}",
            run_id=f"run-{tenant}",
            workflow_type="OnboardTenant",
            task_queue="berth",
            status=status,
            typed_search_attributes={STAGE: stage},
            start_time=NOW - timedelta(seconds=ago),
            close_time=ended,
        )

    async def list_workflows(self, query: str, limit: int | None = None) -> AsyncIterator[Any]:
        if limit is not None:
            return  # no past, so nothing is expected
        self.calls["list"] += 1
        for run in list(self.runs.values()):
            recent = "CloseTime" not in query or run.status is State.RUNNING
            if recent or run.close_time >= NOW - timedelta(seconds=60):
                yield run

    def get_workflow_handle(self, identity: str, *, run_id: str) -> Any:
        tenant = identity.removeprefix("tenant-")
        return SimpleNamespace(run_id=run_id, query=lambda name, **_: self._query(tenant), describe=self._describe)

    async def _describe(self) -> Any:
        self.calls["describe"] += 1
        return SimpleNamespace(raw_description=DescribeWorkflowExecutionResponse())

    async def _query(self, tenant: str) -> Status:
        self.calls["query"] += 1
        self.asked.append(tenant)
        if tenant in self.away or "*" in self.away:
            raise RPCError("nobody", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        return account(tenant, self.runs[tenant].typed_search_attributes[STAGE])

    async def describe_task_queue(self, _: object, **_timeout: object) -> Any:
        self.calls["describe"] += 1
        return SimpleNamespace(pollers=[])


def account(tenant: str, stage: str) -> Status:
    """What a run says of itself."""
    steps = [StepStatus(id="vpc", stage="vpc", title=f"Vpc {tenant}", state=StepState.RUNNING, started=NOW)]
    waits = Awaited(plan="p", vlan=7, approvers=("nadia", "omar"), since=NOW, expires=NOW + timedelta(days=7))
    parked = Parked(step="vpc", title=f"Vpc {tenant}", reason="held", since=NOW)
    return Status(
        tenant=tenant,
        workflow="OnboardTenant",
        run="r",
        requested_by="omar",
        outcome=Outcome.NEEDS_OPERATOR if stage == "needs-operator" else Outcome.RUNNING,
        stage=stage,
        steps=tuple(steps),
        parked=(parked,) if stage == "needs-operator" else (),
        approval=waits if stage == "approval" else None,
    )


def fleet(temporal: Temporal, wanted: Wanted | None = None) -> Fleet:
    return Fleet(temporal, wanted or Wanted(), clock=lambda: NOW)  # type: ignore[arg-type]


def everything(rows: Sequence[Row]) -> Sequence[Row]:
    return rows


def tenants(found: Fleet) -> list[str]:
    return [row.entry.tenant for row in found.rows]


@pytest.fixture
def temporal() -> Temporal:
    """One of each kind."""
    known = Temporal()
    known.has("moves", "subnets", ago=10)
    known.has("moves-long", "subnets", ago=100)
    known.has("asks", "approval")
    known.has("stuck", "needs-operator")
    known.has("killed", "vpc", State.TERMINATED, closed=5000)
    known.has("left", "left-behind", State.FAILED, closed=5000)
    known.has("undone-now", "undone", State.FAILED, closed=5)
    known.has("done-now", "done", State.COMPLETED, closed=50)
    known.has("done-long-ago", "done", State.COMPLETED, closed=5000)
    return known


async def test_who_needs_somebody_comes_first_and_what_ended_long_ago_is_only_counted(temporal: Temporal) -> None:
    found = fleet(temporal)
    await found.look(everything)
    assert tenants(found) == [
        *("stuck", "asks", "killed", "left", "moves-long", "moves", "undone-now", "done-now"),
    ]
    assert found.counts[Need.ENDED] == 3


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(waiting=True), ["stuck", "asks", "killed", "left"]),
        (Wanted(needs="nadia"), ["stuck", "asks", "killed", "left"]),
        (Wanted(needs="omar"), ["stuck", "killed", "left"]),  # who requests a run cannot approve it
        (Wanted(needs="peter"), ["stuck", "killed", "left"]),
        (Wanted(("done-*", "moves")), ["moves", "done-now", "done-long-ago"]),
        (Wanted(("done-*", "asks"), waiting=True), ["asks"]),
    ],
    ids=str,
)
async def test_filters_leave_what_was_asked_for(temporal: Temporal, wanted: Wanted, expected: list[str]) -> None:
    found = fleet(temporal, wanted)
    await found.look(everything)
    assert tenants(found) == expected


async def test_of_a_run_that_has_ended_nothing_is_told_that_was_true_on_its_way(temporal: Temporal) -> None:
    found = fleet(temporal)
    await found.look(everything)
    before = found.row("moves")
    assert before is not None
    assert json.loads(change_json(before, NOW))["underWay"] == ["vpc"]
    temporal.has("moves", "done", State.COMPLETED, ago=10)

    await found.look(everything)

    after = found.row("moves")
    assert after is not None
    told = json.loads(change_json(after, NOW))
    assert (told["state"], told["steps"], told["underWay"]) == ("done", None, None)


async def test_two_hundred_tenants_cost_one_list_and_a_few_questions_a_look_and_none_off_the_screen() -> None:
    temporal = Temporal()
    for number in range(200):
        temporal.has(f"t{number:03}", "subnets", ago=1000 - number)
    found, on = fleet(temporal), console(80, height=24)
    for look in range(1, 11):
        await found.look(lambda rows: shown(rows, on))
        assert temporal.calls["list"] == look
        assert temporal.calls["query"] <= look * ASKED_AT_ONCE
    assert set(temporal.asked) == {f"t{number:03}" for number in range(19)}  # those on the screen, each in its turn
    lines = seen(fleet_view(found, NOW, on), on)
    assert len(lines) < 24
    assert "200 tenants, 200 under way" in lines[0]
    assert "181 more" in lines[-1]


async def test_a_run_that_waits_for_somebody_is_not_asked_again_and_again(temporal: Temporal) -> None:
    found = fleet(temporal, Wanted(("asks", "stuck", "moves")))
    for _ in range(3):
        await found.look(everything)
    assert Counter(temporal.asked) == {"asks": 1, "stuck": 1, "moves": 3}
    temporal.has("asks", "switches")
    await found.look(everything)
    assert temporal.asked.count("asks") == 2


async def test_where_no_worker_answers_one_question_a_look_is_enough_to_notice_when_one_does() -> None:
    temporal = Temporal()
    for number in range(20):
        temporal.has(f"t{number:03}", "subnets")
    temporal.away = {"*"}
    found = fleet(temporal)
    await found.look(everything)
    assert temporal.calls["query"] == ASKED_AT_ONCE
    await found.look(everything)
    assert temporal.calls["query"] == ASKED_AT_ONCE + 1
    on = console(80)
    assert "no worker is serving" in "\n".join(seen(fleet_view(found, NOW, on), on))
    temporal.away = set()
    await found.look(everything)
    await found.look(everything)
    assert found.silence is None
    assert temporal.calls["query"] == 2 * ASKED_AT_ONCE + 2


async def test_a_run_that_ended_is_seen_to_have_ended_and_one_that_was_started_anew_is_another(
    temporal: Temporal,
) -> None:
    found = fleet(temporal, Wanted(("moves",)))
    await found.look(everything)
    assert [row.entry.running for row in found.rows] == [True]
    temporal.has("moves", "done", State.COMPLETED, ago=10, closed=1)
    await found.look(everything)
    assert [(row.entry.running, row.entry.state) for row in found.rows] == [(False, "done")]
    temporal.has("moves", "preflight", ago=0)
    temporal.runs["moves"].run_id = "another"
    await found.look(lambda _: [])
    assert [(row.entry.running, row.status) for row in found.rows] == [(True, None)]
    temporal.has("moves", "done", State.COMPLETED, ago=10, closed=1)  # Temporal's list may be behind
    await found.look(lambda _: [])
    assert [row.entry.run_id for row in found.rows] == ["another"]


async def test_a_run_that_vanished_from_the_list_is_looked_for_in_the_whole_list() -> None:
    temporal, at = Temporal(), NOW
    temporal.has("gone", "subnets")
    found = Fleet(temporal, Wanted(), clock=lambda: at)  # type: ignore[arg-type]
    await found.look(everything)
    temporal.has("gone", "terminated", State.TERMINATED, closed=1000)
    at = NOW + timedelta(seconds=5)
    await found.look(lambda _: [])
    assert temporal.calls["list"] == 2
    at = NOW + timedelta(seconds=20)
    await found.look(lambda _: [])
    assert temporal.calls["list"] == 4
    assert [row.need for row in found.rows] == [Need.SOMEBODY]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
async def test_the_table_fits_and_says_in_words_what_its_colours_say(
    temporal: Temporal, width: int, encoding: str
) -> None:
    temporal.has(LONG, "subnets")
    found, on = fleet(temporal), console(width, encoding=encoding, height=60)
    if encoding == "ascii":
        on.file.reconfigure(errors="replace")  # type: ignore[attr-defined]  # as set_up_streams does
    await found.look(everything)
    lines = seen(fleet_view(found, NOW, on, "\x1b[31mhostile"), on)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert text.isascii() or encoding == "utf-8"
    if width >= 40:
        for word in ("NEEDS OPERATOR", "approval", "terminated", "left behind", "undone", "onboarding"):
            assert word in text
    if width >= 80:
        assert "nadia" in text
        assert "Vpc stuck" in text
    if width >= 120:
        assert "expires Jan  9" in text


async def test_a_pipe_gets_a_line_for_each_change_also_of_what_is_not_shown_any_more(
    temporal: Temporal, capsys: pytest.CaptureFixture[str]
) -> None:
    found, lines = fleet(temporal, Wanted(waiting=True)), _Lines(json=False)

    async def look() -> list[str]:
        await found.look(lines.at)
        lines.update(found, None)
        return capsys.readouterr().out.splitlines()

    first = await look()
    assert [line.split()[1] for line in first] == ["stuck", "asks", "killed", "left"]
    assert "nadia, omar, expires Jan  9" in first[1]
    assert await look() == []
    temporal.has("asks", "switches")
    (changed,) = await look()
    assert changed.split()[1:3] == ["asks", "onboarding"]
    assert await look() == []


async def test_a_program_gets_a_line_of_json_for_each_change(temporal: Temporal) -> None:
    found = fleet(temporal)
    await found.look(everything)
    told = {row.entry.tenant: json.loads(change_json(row, NOW)) for row in found.rows}
    assert told["asks"]["needs"] == "approver"
    assert told["asks"]["approval"]["approvers"] == ["nadia", "omar"]
    assert told["stuck"]["parked"][0]["step"] == "vpc"
    assert told["moves"] | {"at": ""} == {
        "at": "",
        "tenant": "moves",
        "workflow": "OnboardTenant",
        "runId": "run-moves",
        "state": "subnets",
        "running": True,
        "needs": None,
        "started": (NOW - timedelta(seconds=10)).isoformat(),
        "closed": None,
        "steps": {"finished": 0, "all": 1},
        "underWay": ["vpc"],
        "parked": [],
        "approval": None,
    }
    assert (told["killed"]["needs"], told["killed"]["closed"] is not None) == ("somebody", True)
