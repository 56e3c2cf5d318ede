"""Everything an operator can do with nothing but the `temporal` program, and that Berth's own does no more than that."""

import base64
import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from tenancy import names
from tenancy.documents import read_tenant
from tenancy.mistakes import InvalidDocumentError
from tests.durability.outcomes import Run, as_it_is, history, is_now, offboard, refusal, results
from tests.durability.scene import Document, Ran, Scene, eventually, within
from tests.durability.tenants import comparable, created_by, differences, of_tenant, tenant
from workflows.face import INVALID_DOCUMENT, TASK_QUEUE, Outcome, Status

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def start(scene: Scene, name: str, request: object, workflow: str = "OnboardTenant", *more: str) -> Ran:
    """What README tells: the request in a file, and one command."""
    file = scene.folder / f"{name}.json"
    file.write_text(json.dumps(request))
    where = ["--task-queue", TASK_QUEUE, "--workflow-id", names.workflow(name)]
    return await scene.temporal(
        "workflow", "start", "--type", workflow, *where, "--input-file", str(file), "--output", "json", *more
    )


async def started(scene: Scene, document: Document, workflow: str = "OnboardTenant") -> Run:
    """The run that this command started."""
    name = document["metadata"]["name"]
    ran = await start(scene, name, {"tenant": document, "requestedBy": "test"}, workflow)
    return the_run(scene, name, ran.json()["runId"])


def the_run(scene: Scene, name: str, run_id: str) -> Run:
    return scene.client.get_workflow_handle(names.workflow(name), run_id=run_id)


async def on(scene: Scene, run: Run, *command: str) -> Ran:
    """A command on one run."""
    return await scene.temporal("workflow", *command, "--workflow-id", run.id, "--run-id", str(run.run_id))


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(one) for one in node] if isinstance(node, list) else node


async def told(scene: Scene, run: Run) -> Status:
    """The answer to the query, as the program prints it."""
    answer = (await on(scene, run, "query", "--type", "status", "--output", "json")).json()["queryResult"][0]
    # This program prints an empty list as null.
    return Status.model_validate(_without_nulls(answer))


async def parked(scene: Scene, run: Run) -> Status:
    return await eventually(
        lambda: scene.status(run),
        lambda seen: seen.outcome is Outcome.NEEDS_OPERATOR,
        f"{run.id} waits for an operator",
    )


async def work_of(run: Run) -> list[str]:
    """What a run asked of its workers; what is side by side has no order."""
    scheduled = [event.activity_task_scheduled_event_attributes for event in await history(run)]
    return sorted(f"{one.activity_id} {one.activity_type.name}" for one in scheduled if one.activity_id)


async def test_a_run_started_with_temporal_is_one_started_with_berth(served: Scene) -> None:
    document = tenant("twin", subnets=2, floating=True, balancer=True)
    seen: list[Document] = []
    for way in ("temporal", "berth"):
        if way == "temporal":
            run = await started(served, document)
        else:
            file = served.folder / "twin.yaml"
            file.write_text(json.dumps(document))
            (told_by_berth,) = (await served.berth("onboard", str(file), "--as", "test", "--json")).json()["runs"]
            run = the_run(served, "twin", told_by_berth["runId"])
            assert told_by_berth["handOver"] == await run.result()
        (result,) = await results([run])
        status = await served.status(run)
        objects, northbound = await served.dump(), await served.northbound()
        steps = [step.model_dump(exclude={"started", "finished"}) for step in status.steps]
        said: Document = {"result": result, "steps": steps, "plan": status.plan_hash, "outcome": status.outcome}
        said["work"] = await work_of(run)
        seen.append(comparable({**objects, "said": said}, northbound))
        await offboard(served, [document])
    assert list(differences("", seen[0], seen[1])) == []


async def test_malformed_input_ends_the_run_at_once_with_every_mistake(served: Scene) -> None:
    document = tenant("wrong", subnets=2)
    document["spec"]["subnets"][1]["cidrs"] = ["10.0.0.7/24"]
    document["spec"]["externalIPs"][0]["use"] = "magic"
    document["spec"]["colour"] = "blue"
    with pytest.raises(InvalidDocumentError) as refused:
        read_tenant(document)
    expected = [
        {**mistake.model_dump(exclude_none=True), "path": f"tenant.{mistake.path}"}
        for mistake in refused.value.mistakes
    ]
    assert len(expected) >= 3
    calls = len(await served.calls())

    run = the_run(
        served, "wrong", (await start(served, "wrong", {"tenant": document, "requestedBy": "test"})).json()["runId"]
    )

    assert (await refusal(run)).type == INVALID_DOCUMENT
    shown = (await on(served, run, "show", "--output", "json")).json()["events"]
    described = (await on(served, run, "describe", "--output", "json")).json()
    failure = shown[-1]["workflowExecutionFailedEventAttributes"]["failure"]
    assert mistakes_in(failure) == expected
    assert described["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_FAILED"
    assert all(mistake["remedy"] in failure["message"] for mistake in expected)
    assert len(await served.calls()) == calls
    # Berth's own command tells the same, though it never starts a run.
    file = served.folder / "wrong.yaml"
    file.write_text(json.dumps(document))
    ran = await served.berth("onboard", str(file), "--as", "test", "--json")
    found = json.loads(ran.out)["error"]["mistakes"]
    assert [f"tenant.{mistake['path']}: {mistake['problem']}" for mistake in found] == [
        f"{mistake['path']}: {mistake['problem']}" for mistake in expected
    ]


def mistakes_in(failure: Document) -> list[Document]:
    """The details of a failure, as the program prints them: plain or base64, depending on its version."""
    (payload,) = failure["applicationFailureInfo"]["details"]["payloads"]
    decoded = json.loads(base64.b64decode(payload["data"])) if "data" in payload else payload
    found: list[Document] = decoded
    return found


@pytest.mark.parametrize("request_", [None, [], "acme", {}, {"tenant": None}, {"tenant": {"spec": []}, "by": 3}])
async def test_no_input_leaves_a_run_stuck(served: Scene, request_: object) -> None:
    run = the_run(served, "stuck", (await start(served, "stuck", request_)).json()["runId"])
    assert (await refusal(run)).type == INVALID_DOCUMENT
    status = await told(served, run)
    assert (status.tenant, status.outcome, status.steps) == ("stuck", Outcome.UNDONE, ())
    assert "the request has" in (status.failure or "")


async def test_the_status_of_a_run_can_be_asked_and_runs_be_found_by_tenant(served: Scene) -> None:
    held = await served.fault("never-ready", plural="ovn-eips", name="asked--*")
    run = await started(served, tenant("asked"))
    await served.struck(held)

    status = await told(served, run)
    listed = (
        await eventually(
            lambda: served.temporal("workflow", "list", "--query", 'BerthTenant="asked"', "--output", "json"),
            lambda ran: len(ran.json()) == 1,
            "the run is listed",
        )
    ).json()

    assert (status.tenant, status.outcome, status.requested_by) == ("asked", Outcome.RUNNING, "test")
    assert {step.id: step.state for step in status.steps}["vpc-asked"] == "done"
    assert [found["execution"] for found in listed] == [{"workflowId": run.id, "runId": run.run_id}]
    await served.clear_faults()
    await results([run])


async def test_a_second_start_of_a_tenant_is_refused_by_temporal(served: Scene) -> None:
    held = await served.fault("never-ready", plural="vpcs", name="once")
    run = await started(served, tenant("once"))
    await served.struck(held)

    another = {"tenant": tenant("once"), "requestedBy": "another"}
    second = await start(served, "once", another)
    third = await start(served, "once", another, "OnboardTenant", "--fail-existing")
    fourth = await start(served, "once", {"tenant": "once"}, "OffboardTenant", "--fail-existing")

    # Unless told to fail, this program prints the run that is there already, as if it had started it.
    assert second.json()["runId"] == run.run_id
    for refused in (third, fourth):
        assert (refused.code, "already" in refused.err.lower()) == (1, True), refused
    await served.clear_faults()
    await results([run])
    status = await served.status(run)
    assert status.requested_by == "test"


async def test_an_operator_decides_with_temporal_alone(served: Scene) -> None:
    before = await as_it_is(served)
    await served.fault("refuse", verb="create", plural="ovn-snat-rules", name="stuckup--*", message="no")
    await served.fault("refuse", verb="delete", plural="subnets", name="stuckup--*", message="not now")
    run = await started(served, tenant("stuckup"))
    status = await parked(served, run)
    assert [waiting.step for waiting in status.parked] == ["subnet-stuckup--net0"]

    async def resolve(**decision: str) -> Ran:
        return await on(served, run, "update", "execute", "--name", "resolve", "--input", json.dumps(decision))

    unreasoned = await resolve(decision="skip")
    elsewhere = await resolve(decision="retry", step="vpc-stuckup")
    nonsense = await resolve(decision="pray")
    assert (unreasoned.code, "needs a reason" in unreasoned.err) == (1, True), unreasoned
    assert (elsewhere.code, "does not wait for a decision" in elsewhere.err) == (1, True), elsewhere
    assert nonsense.code == 1, nonsense
    assert await told(served, run) == status

    await served.clear_faults()
    accepted = await resolve(decision="retry", by="olga")
    assert "trying again to remove subnet-stuckup--net0" in accepted.good().out
    assert (await refusal(run)).type == "Refused"
    await is_now(served, before)
    assert (await resolve(decision="retry")).code == 1


async def test_cancelling_with_temporal_undoes(served: Scene) -> None:
    before = await as_it_is(served)
    held = await served.fault("never-ready", plural="ovn-eips", name="stop--*")
    run = await started(served, tenant("stop", subnets=2, floating=True))
    await served.struck(held)

    (await on(served, run, "cancel")).good()
    # A second cancel must not stop the undo.
    (await on(served, run, "cancel")).good()

    with pytest.raises(WorkflowFailureError) as ended:
        await within(run.result(), "the cancelled run's end")
    assert isinstance(ended.value.cause, CancelledError)
    assert (await told(served, run)).outcome is Outcome.UNDONE
    await served.clear_faults()
    await is_now(served, before)


async def reset(scene: Scene, run: Run, event: int) -> Run:
    """Resets a run so that it goes on after this event; the run that goes on."""
    ran = await on(scene, run, "reset", "--event-id", str(event), "--reason", "test", "--output", "json")
    return the_run(scene, run.id.removeprefix("tenant-"), ran.json()["runId"])


async def completed(run: Run, activity: str | None) -> int:
    """The event of the workflow task that came after this activity was done; the first one of all without."""
    events = await history(run)
    if activity is None:
        return next(event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes"))
    scheduled = next(
        event.event_id for event in events if event.activity_task_scheduled_event_attributes.activity_id == activity
    )
    done = next(
        event.event_id
        for event in events
        if event.activity_task_completed_event_attributes.scheduled_event_id == scheduled
    )
    return next(
        event.event_id
        for event in events
        if event.event_id > done and event.HasField("workflow_task_completed_event_attributes")
    )


@pytest.mark.parametrize("since", [None, "preflight", "vpc"])
@pytest.mark.parametrize("refused", [False, True], ids=["goes-on", "is-refused"])
async def test_a_run_that_is_reset_comes_to_a_right_end(served: Scene, since: str | None, refused: bool) -> None:
    name = f"again-{(since or 'start').split('-')[0]}-{'no' if refused else 'yes'}"
    document = tenant(name, subnets=2, floating=True)
    before = await as_it_is(served)
    await results([await started(served, document)])
    right = await as_it_is(served)
    await offboard(served, [document])
    held = await served.fault("never-ready", plural="ovn-snat-rules", name=f"{name}--*")
    run = await started(served, document)
    await served.struck(held)
    await served.clear_faults()
    if refused:
        await served.fault("refuse", verb="create", plural="configmaps", namespace=f"tenant-{name}", message="no more")

    new = await reset(served, run, await completed(run, f"vpc-{name}" if since == "vpc" else since))

    if refused:
        assert "no more" in (await refusal(new)).message
        await served.clear_faults()
        await is_now(served, before)
    else:
        await results([new])
        await is_now(served, right)
        objects = await served.dump()
        # The run that was reset made them, and so it is still the same run that would undo them.
        assert created_by(objects, str(run.run_id)) >= {
            f"vpcs/{name}",
            f"subnets/{name}--net0",
            f"ovn-fips/{name}--jump",
        }
        assert created_by(objects, str(new.run_id)) == set()
        await offboard(served, [document])


@pytest.mark.parametrize("next_", ["onboarding", "offboarding"])
async def test_what_a_terminated_run_leaves_is_taken_over(served: Scene, next_: str) -> None:
    name = f"orphan-of-{next_}"
    document = tenant(name, subnets=2, floating=True)
    before = await as_it_is(served)
    held = await served.fault("never-ready", plural="ovn-eips", name=f"{name}--jump")
    run = await started(served, document)
    await served.struck(held)

    (await on(served, run, "terminate", "--reason", "test")).good()

    await served.clear_faults()
    left = of_tenant(await served.dump(), name)
    assert {f"vpcs/{name}", f"subnets/{name}--net0"} <= left
    if next_ == "onboarding":
        again = await started(served, document)
        await results([again])
        notes = {step.id: step.note for step in (await told(served, again)).steps}
        assert notes[f"subnet-{name}--net0"] == "adopted"
        assert created_by(await served.dump(), str(run.run_id)) >= {f"vpcs/{name}"}
    ended = await started(served, document, "OffboardTenant")
    await results([ended])
    await is_now(served, before)
