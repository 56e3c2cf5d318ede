"""What Temporal has recorded of runs: the recorded histories that every version replays are read here as well."""

import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from cli.expected import Expected, Usual, of_the_past
from cli.history import Recorded, plain_record, read
from cli.runs import Workflow
from workflows.converter import data_converter
from workflows.face import OFFBOARD, Outcome, Status, StepState, StepStatus
from workflows.steps import (
    BY_PEOPLE,
    INVENTORY,
    PREFLIGHT,
    given_back,
    kind_of,
    routes_on,
    step_of,
    survey_of,
)

FOLDER = Path(__file__).parents[1] / "workflows" / "histories"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def workflow_of(history: WorkflowHistory) -> Workflow:
    kind = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
    return "OffboardTenant" if kind == OFFBOARD else "OnboardTenant"


async def record(scene: str) -> tuple[Workflow, Recorded]:
    history = WorkflowHistory.from_json(scene, (FOLDER / f"{scene}.json").read_text())
    workflow = workflow_of(history)
    return workflow, await read(data_converter, workflow, history.events)


async def test_the_undo_of_a_step_is_told_apart_from_the_step_with_how_each_went() -> None:
    _, told = await record("parked_and_resolved")
    (made,) = told.of("subnet-parked-and-resolved--dev")
    assert (made.outcome, made.attempts, made.takes_back, made.stage) == ("created", 1, False, "subnets")
    first, again = told.of("subnet-parked-and-resolved--dev", undoes=True)
    assert (first.failure, again.failure) == ("held up", None)
    (failed,) = told.of("hand-over")
    assert failed.failure == "struck on purpose"
    (vpc,) = told.of("vpc-parked-and-resolved", undoes=True)
    assert vpc.attempts == 8
    assert "still there" in (vpc.trouble or "")
    assert told.undo_began is not None
    assert told.began is not None
    assert told.began < told.undo_began < again.began


async def test_what_operators_decided_is_known_with_the_step_it_was_about() -> None:
    _, told = await record("parked_and_resolved")
    assert [(one.resolve.decision, one.step, one.resolve.by) for one in told.decisions] == [
        ("retry", "subnet-parked-and-resolved--dev", "on call"),
        ("skip", "subnet-parked-and-resolved--prod", "on call"),
        ("abort", None, "on call"),
    ]


async def test_what_was_sent_to_devices_stands_with_the_step_that_sent_it() -> None:
    _, told = await record("vlan_undone")
    for leaf in ("vlan-undone-leaf1", "vlan-undone-leaf2"):
        (sent,) = told.sessions_of(f"switch-{leaf}")
        (taken,) = told.sessions_of(f"switch-{leaf}", undoes=True)
        assert sent.outcome is not None
        assert taken.outcome is not None
        assert (sent.action, len(sent.outcome.lines)) == ("ensure", 9)
        assert (taken.action, len(taken.outcome.lines)) == ("absent", 7)
        assert told.sessions_of(f"survey-{leaf}")
        assert told.sessions_of(f"preview-{leaf}")


async def test_what_an_onboarding_gives_back_belongs_to_no_undo() -> None:
    _, told = await record("given_back")
    assert told.undo_began is None
    withdrawn, again = told.sessions_of("release-announce-given-back-edge-1")
    assert withdrawn.outcome is not None
    assert again.outcome is not None
    assert (withdrawn.outcome.result, again.outcome.result) == ("withdrawn", "done")
    assert told.sessions_of("answer-given-back-edge-1")
    assert told.sessions_of("neighbour-given-back-fabric")
    assert told.sessions_of("release-neighbour-given-back-fabric")
    assert told.of("release-external-ip-given-back--web")[0].takes_back


async def test_what_a_device_is_asked_again_is_the_same_request() -> None:
    history = WorkflowHistory.from_json("vlan_undone", (FOLDER / "vlan_undone.json").read_text())
    asked = [
        event
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "ask_device"
    ]
    told = await read(data_converter, workflow_of(history), [*history.events, *asked])
    assert len(told.sessions) == len(asked)
    assert all(one.ended for one in told.sessions)


async def test_that_a_cancel_was_asked_for_is_known_and_when() -> None:
    _, told = await record("cancelled")
    (end,) = told.ended
    assert end.how == "cancel requested"
    assert told.undo_began is not None
    assert end.at <= told.undo_began


async def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    history = WorkflowHistory.from_json("vlan_undone", (FOLDER / "vlan_undone.json").read_text())
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            event.workflow_execution_signaled_event_attributes.input.payloads[0].data = b'{"id": 1}'
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            del event.activity_task_completed_event_attributes.result.payloads[:]
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            event.activity_task_scheduled_event_attributes.input.payloads[0].data = b"{"
    told = await read(data_converter, workflow_of(history), history.events)
    assert told.sessions == []
    assert {one.outcome for one in told.tries} == {None}
    assert plain_record(told)["tries"]


def test_a_kind_of_step_names_no_tenant_and_no_device() -> None:
    steps = [
        step_of("Subnet", "acme--prod", "subnets"),
        step_of("OvnEip", "acme--prod", "external-ips"),
        step_of("OvnFip", "block--policy", "translation"),
        step_of("Vpc", "edge-team", "vpc"),
        survey_of("leaf-1"),
        routes_on("edge-1"),
        given_back(routes_on("edge-1")),
        PREFLIGHT,
        INVENTORY,
    ]
    assert [kind_of(step.id) for step in steps] == [
        *("subnet", "external-ip", "floating-ip", "vpc", "survey", "announce", "release-announce"),
        *("preflight", "inventory"),
    ]


@pytest.mark.parametrize("scene", ["vlan_onboarded", "given_back", "onboarded", "offboarded", "nat_offboarded"])
async def test_every_step_of_a_run_that_was_done_has_a_usual_time_unless_people_take_it(scene: str) -> None:
    workflow, told = await record(scene)
    expected = of_the_past(workflow, [told])
    for step in {one.step for one in told.tries} | {one.step for one in told.sessions}:
        assert kind_of(step) in expected.steps, step
        assert scene.replace("_", "-") not in kind_of(step)
    assert not BY_PEOPLE & set(expected.steps)


async def test_the_usual_time_is_the_median_of_all_such_steps_of_the_runs() -> None:
    told = [await record(scene) for scene in ("onboarded", "grown_later")]
    expected = of_the_past("OnboardTenant", [one for _, one in told])
    times = sorted(
        (one.ended - one.began).total_seconds()
        for _, run in told
        for one in run.tries
        if one.step.startswith("subnet-") and one.ended
    )
    assert times[0] < times[-1]
    assert expected.steps["subnet"] == Usual(statistics.median(times), len(times))
    assert of_the_past("OnboardTenant", []) == Expected()


async def test_an_undo_says_nothing_about_how_long_steps_take_and_a_removal_is_what_an_offboarding_is_for() -> None:
    workflow, told = await record("parked_and_resolved")
    assert of_the_past(workflow, [told]).steps["vpc"].seconds < 1  # to take it back took five
    workflow, told = await record("vlan_undone")
    assert of_the_past(workflow, [told]).steps["switch"].seconds < 1  # the undo ended two seconds later
    workflow, told = await record("edge_undone")
    assert "unconfirmed" not in of_the_past(workflow, [told]).steps
    workflow, told = await record("offboarded")
    assert of_the_past(workflow, [told]).steps["vpc"].count == 1


async def test_what_comes_before_a_decision_of_people_says_nothing_about_when_a_run_ends() -> None:
    workflow, told = await record("vlan_onboarded")
    expected = of_the_past(workflow, [told])
    assert "survey" in expected.steps
    assert "survey" not in expected.rest
    assert expected.rest["vpc"].seconds > expected.rest["verify"].seconds


@pytest.mark.parametrize(
    ("seconds", "known"),
    [([5], True), ([5, 6, 7], True), ([5, 600], False), ([5, 6, 600], False), ([5] * 4 + [600], True)],
)
async def test_runs_that_took_very_different_times_tell_nothing_about_when_a_run_ends(
    seconds: list[float], known: bool
) -> None:
    runs = []
    for lasted in seconds:
        _, told = await record("onboarded")
        told.closed = max(one.ended for one in told.tries if one.ended) + timedelta(seconds=lasted)
        runs.append(told)
    expected = of_the_past("OnboardTenant", runs)
    assert ("hand-over" in expected.rest) is known
    assert "hand-over" in expected.steps


def _running(identity: str, **more: object) -> StepStatus:
    return StepStatus.model_validate(
        {"id": identity, "stage": "subnets", "title": identity, "state": "running", "started": BEGAN, **more}
    )


def _status(*steps: StepStatus, outcome: Outcome = Outcome.RUNNING) -> Status:
    return Status(
        tenant="acme",
        workflow="OnboardTenant",
        run="r",
        requested_by="me",
        outcome=outcome,
        stage="subnets",
        steps=steps,
    )


KNOWN = Expected(
    steps={"subnet": Usual(2.0, 5), "vpc": Usual(1.0, 5)}, rest={"subnet": Usual(9.0, 5), "vpc": Usual(20.0, 5)}
)
WAITS = StepStatus(id="approval", stage="approval", title="Approval", state=StepState.WAITING)


@pytest.mark.parametrize(
    ("status", "after", "left"),
    [
        (_status(_running("subnet-a")), 3.0, 6.0),
        (_status(_running("subnet-a"), _running("vpc-a")), 3.0, 17.0),
        (_status(_running("subnet-a"), _running("never-seen")), 3.0, None),
        (_status(_running("subnet-a")), 7.0, None),  # far slower than usual: nobody knows
        (_status(_running("subnet-a"), WAITS), 3.0, None),  # people take the time they take
        (_status(_running("subnet-a"), outcome=Outcome.UNDOING), 3.0, None),
        (_status(), 3.0, None),
    ],
    ids=["one", "the-longest", "unknown", "slow", "people", "undoing", "nothing"],
)
def test_the_time_that_is_left_is_told_only_where_the_past_can_tell(
    status: Status, after: float, left: float | None
) -> None:
    assert KNOWN.left(status, BEGAN + timedelta(seconds=after)) == left
