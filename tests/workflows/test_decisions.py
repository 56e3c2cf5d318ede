"""An operator's decisions about what a run cannot finish: taken once, refused in one line, and never a wedged run."""

import asyncio
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowUpdateFailedError

from tests.workflows.strikes import refusal
from tests.workflows.world import Run, World, failure, parked, resolve, running_world, status
from workflows.face import LEFT_BEHIND, REFUSED, StepState
from workflows.steps import HAND_OVER


async def parked_run(world: World, *undos: str) -> Run:
    """An onboarding that is undone, and waits for a decision on these undos; on that of the VPC, if none is named."""
    undos = undos or (f"undo-vpc-{world.name}",)
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before.update({undo: refusal("held up") for undo in undos})
    run = await world.onboard()
    await parked(run, len(undos))
    return run


async def told(run: Run, payload: object, *, id: str | None = None) -> str:
    """Why a decision is refused, as its sender reads it."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await run.execute_update("resolve", payload, id=id)
    return str(getattr(refused.value.cause, "message", ""))


async def accepted(run: Run) -> int:
    """How many decisions a run's history holds."""
    kinds = [event.event_type async for event in run.fetch_history_events()]
    return kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ({"decision": "skip"}, "needs a reason"),
        ({"decision": "skip", "reason": "  "}, "needs a reason"),
        ({"decision": "skip", "reason": "first\nsecond"}, "write one line"),
        ({"decision": "skip", "reason": "x" * 501}, "write one line of 500 characters"),
        ({"decision": "retry", "by": "a\x1b[31mb"}, "write one line"),
        ({"decision": "retry", "step": "subnet-x"}, "does not wait for a decision"),
        ({"decision": "retry", "step": "a\nb" * 100}, "does not wait for a decision"),
        ({"decision": "abort", "step": "preflight"}, "does not wait for a decision"),
        (None, "not a decision: (document) = null"),
        (7, "not a decision: (document) = 7"),
        ("retry", "not a decision: (document) = 'retry'"),
        ([], "not a decision: (document) = []"),
        ({}, "decision: is missing"),
        ({"decision": "explode"}, "decision = 'explode'"),
        ({"decision": None}, "decision = null"),
        ({"decision": "retry", "stpe": "x"}, "stpe = 'x': unknown key; did you mean step?"),
        ({"decision": "retry", "step": 5}, "step = 5: is not text"),
        ({"decision": "retry", "step": {"a\nb": [1]}}, "step = "),
    ],
    ids=repr,
)
async def test_a_decision_that_cannot_be_taken_is_refused_in_one_line_and_leaves_no_trace(
    world: World, decision: object, why: str
) -> None:
    run = await parked_run(world)

    message = await told(run, decision)

    assert message.isprintable()
    assert 0 < len(message) < 400
    assert why in message
    assert await accepted(run) == 0
    assert len((await status(run)).parked) == 1
    await resolve(run, decision="abort")
    assert (await failure(run)).type == LEFT_BEHIND


async def test_an_update_without_any_argument_is_refused_as_well(world: World) -> None:
    run = await parked_run(world)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await run.execute_update("resolve")

    assert "not a decision" in getattr(refused.value.cause, "message", "")
    assert await accepted(run) == 0
    await resolve(run, decision="abort")
    await failure(run)


async def test_a_decision_where_nothing_waits_is_refused(world: World) -> None:
    fault = world.fault(effect="hang", verb="create", plural="vpcs")
    run = await world.onboard()
    await asyncio.wait_for(world.kube.faults.striking(fault), 20)

    assert "nothing of tenant" in await told(run, {"decision": "retry"})

    assert await accepted(run) == 0
    await run.terminate()


async def test_where_several_steps_wait_one_has_to_be_named(world: World) -> None:
    before = await world.state()
    undos = [f"undo-subnet-{world.name}--{name}" for name in ("prod", "dev")]
    run = await parked_run(world, *undos)

    assert "name one of" in await told(run, {"decision": "retry"})

    for undo in undos:
        del world.strikes.before[undo]
        await resolve(run, decision="retry", step=undo.removeprefix("undo-"))
    await failure(run)
    assert await world.state() == before


async def test_an_abort_needs_no_step_where_several_wait(world: World) -> None:
    run = await parked_run(world, *(f"undo-subnet-{world.name}--{name}" for name in ("prod", "dev")))

    await resolve(run, decision="abort")

    assert (await failure(run)).type == LEFT_BEHIND
    assert StepState.NEEDS_OPERATOR not in {one.state for one in (await status(run)).steps}


async def test_a_decision_sent_twice_under_one_id_is_taken_once_and_answered_twice(world: World) -> None:
    run = await parked_run(world)

    first = await resolve(run, id="the-one", decision="retry", by="on call")
    # The undo fails again, and waits for a decision that has not been made yet.
    await parked(run)
    again = await resolve(run, id="the-one", decision="retry", by="on call")

    assert first == again
    assert await accepted(run) == 1
    assert len((await status(run)).parked) == 1
    await resolve(run, decision="abort")
    await failure(run)


async def test_of_two_decisions_that_arrive_together_one_is_taken_and_the_other_refused(
    client: Client, tmp_path: Path, name: str
) -> None:
    async with running_world(client, tmp_path, name, serving=False) as world:
        async with world.serving():
            run = await parked_run(world)
            world.strikes.before.clear()

        # With no worker there, both wait at the server and are handed over in one task.
        decisions = [
            asyncio.create_task(resolve(run, decision="retry", by="one of two")),
            asyncio.create_task(resolve(run, decision="skip", reason="by hand", by="the other")),
        ]
        await asyncio.sleep(0.2)  # until both requests are at the server, which no event tells
        async with world.serving():
            answers = await asyncio.gather(*decisions, return_exceptions=True)
            error = await failure(run)
            taken = await accepted(run)

    refused = [one for one in answers if isinstance(one, WorkflowUpdateFailedError)]
    assert len(refused) == 1
    assert "waits for a decision" in str(getattr(refused[0].cause, "message", ""))
    assert taken == 1
    assert error.type == (REFUSED if isinstance(answers[1], WorkflowUpdateFailedError) else LEFT_BEHIND)
