"""Cancelling a run at any moment, and an operator's decisions, right and wrong ones."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from tests.workflows.world import World, failure, parked, refusal, resolve, status, step_ids, tenant_document, until
from workflows.face import LEFT_BEHIND, Outcome, StepState

SAMPLE = "sample"

HELD_UP = {
    # By step: a call it makes that can be held up until the fault is taken away.
    "preflight": {"verb": "list", "plural": "ovn-eips"},
    "namespace-tenant-sample": {"verb": "create", "plural": "namespaces"},
    "vpc-sample": {"verb": "create", "plural": "vpcs"},
    "subnet-sample--dev": {"verb": "create", "plural": "subnets"},
    "router-port": {"verb": "update", "plural": "vpcs"},
    "external-ip-sample--web": {"verb": "create", "plural": "ovn-eips"},
    "floating-ip-sample--bastion": {"verb": "create", "plural": "ovn-fips"},
    "snat-sample--prod": {"verb": "create", "plural": "ovn-snat-rules"},
    "hand-over": {"verb": "create", "plural": "configmaps"},
}


@pytest.mark.parametrize("step", HELD_UP)
async def test_a_cancel_while_a_step_hangs_undoes_everything(world: World, step: str) -> None:
    before = await world.state()
    name = step.split("-", 1)[1].replace(SAMPLE, world.name) if step.startswith(("sub", "snat")) else "*"
    world.fault(effect="hang", **{**HELD_UP[step], "name": name})
    run = await world.onboard()
    await until(run, lambda now: _state(now, step.replace(SAMPLE, world.name)) is StepState.RUNNING, "the step to run")

    await run.cancel()

    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(run.result(), 30)
    assert isinstance(ended.value.cause, CancelledError)
    world.kube.faults.clear()
    assert (await status(run)).outcome is Outcome.UNDONE
    assert await world.state() == before


async def test_a_second_cancel_during_the_undo_does_not_stop_it(world: World) -> None:
    before = await world.state()
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    await run.cancel()
    del world.strikes.before[f"undo-vpc-{world.name}"]
    await resolve(run, decision="retry")

    # It was refused before anybody cancelled it, and that is what it says.
    await failure(run)
    assert (await status(run)).outcome is Outcome.UNDONE
    assert await world.state() == before


async def test_an_abort_names_everything_that_is_still_there(world: World) -> None:
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-subnet-{world.name}--dev"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    answer = await resolve(run, decision="abort", reason="moving house", by="on call")

    assert "whatever has not been removed yet stays" in answer
    error = await failure(run)
    assert error.type == LEFT_BEHIND
    left = "\n".join(error.details[0])
    for title in (f"Subnet {world.name}--dev", f"Vpc {world.name}", f"Namespace tenant-{world.name}"):
        assert f"{title} (aborted by on call: moving house)" in left
    assert f"OvnEip {world.name}--web" not in left
    held = await world.state()
    assert f"vpcs/{world.name}" in held[0]
    assert f"subnets/{world.name}--dev" in held[0]
    assert not any(key.startswith("ovn-eips/") and world.name in key for key in held[0])


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ({"decision": "skip"}, "needs a reason"),
        ({"decision": "skip", "reason": "  "}, "needs a reason"),
        ({"decision": "retry", "step": "subnet-x"}, "does not wait for a decision"),
        ({"decision": "retry", "step": "a\nb" * 100}, "does not wait for a decision"),
    ],
)
async def test_a_decision_that_cannot_be_taken_is_refused_and_leaves_no_trace(
    world: World, decision: dict[str, str], why: str
) -> None:
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)
    length = (await run.describe()).history_length

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await resolve(run, **decision)

    message = getattr(refused.value.cause, "message", "")
    assert why in message
    assert message.isprintable()
    assert (await run.describe()).history_length <= length + 3  # at most a task that left no event of the update
    await resolve(run, decision="abort")
    await failure(run)


@pytest.mark.parametrize("payload", [None, 7, [], {}, {"decision": "explode"}, {"decision": "retry", "step": 5}])
async def test_a_malformed_decision_is_refused_and_never_wedges_the_run(world: World, payload: object) -> None:
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    with pytest.raises(WorkflowUpdateFailedError):
        await run.execute_update("resolve", payload)

    await resolve(run, decision="abort")
    assert (await failure(run)).type == LEFT_BEHIND


async def test_a_decision_where_nothing_waits_is_refused(world: World) -> None:
    world.fault(effect="hang", verb="create", plural="vpcs")
    run = await world.onboard()
    await until(run, lambda now: _state(now, f"vpc-{world.name}") is StepState.RUNNING, "the VPC's step")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await resolve(run, decision="retry")

    assert "waits for a decision" in getattr(refused.value.cause, "message", "")
    world.kube.faults.clear()
    await run.cancel()
    with pytest.raises(WorkflowFailureError):
        await run.result()


async def test_where_several_steps_wait_one_has_to_be_named(world: World) -> None:
    before = await world.state()
    undos = [f"undo-subnet-{world.name}--{name}" for name in ("prod", "dev")]
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before.update({undo: refusal("held up") for undo in undos})
    run = await world.onboard()
    await until(run, lambda now: len(now.parked) == 2, "two parked steps")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await resolve(run, decision="retry")
    assert "name one of" in getattr(refused.value.cause, "message", "")

    for undo in undos:
        del world.strikes.before[undo]
        await resolve(run, decision="retry", step=undo.removeprefix("undo-"))
    await failure(run)
    assert await world.state() == before


async def test_a_run_that_waits_can_be_found_by_its_search_attributes(world: World) -> None:
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)
    query = f'BerthTenant = "{world.name}" AND BerthStage = "needs-operator" AND BerthMode = "overlay"'

    async def found() -> list[str]:
        return [one.id async for one in world.client.list_workflows(query)]

    # The visibility store follows the history with a delay of its own.
    for _ in range(200):
        if await found():
            break
        await asyncio.sleep(0.05)
    assert await found() == [run.id]
    await resolve(run, decision="abort")
    await failure(run)


def test_every_step_that_can_be_held_up_is_a_step_of_the_code() -> None:
    assert set(HELD_UP) <= set(step_ids(tenant_document(SAMPLE)))


def _state(seen, step: str) -> StepState | None:  # type: ignore[no-untyped-def]  # a Status
    return next((one.state for one in seen.steps if one.id == step), None)
