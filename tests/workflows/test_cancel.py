"""Cancelling a run at any moment: an onboarding is undone to nothing, an offboarding stops and can be started again."""

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType

from clients.kube_ovn.readiness import READINESS
from tenancy import names
from tests.workflows.strikes import PATIENCE, hiccup, refusal
from tests.workflows.world import (
    Run,
    World,
    cancelled,
    failure,
    parked,
    planned,
    resolve,
    status,
    step_ids,
    tenant_document,
)
from workflows.face import REFUSED, Outcome, StepState
from workflows.steps import HAND_OVER, ROUTER_PORT, step_of

SAMPLE = "sample"
STEPS = step_ids(tenant_document(SAMPLE))
WAITING = {
    one.kind: step_of(one.kind, one.name, one.stage).id
    for one in planned(tenant_document(SAMPLE)).objects
    if one.kind in READINESS
}
"""By kind: a step that waits until Kube-OVN reports something."""


async def standstill(world: World, step: str, effect: str) -> asyncio.Event:
    """From the start of a step the platform stands still, until that step has ended. The event says when it started."""
    started = asyncio.Event()

    async def stand_still() -> None:
        world.fault(effect=effect)
        started.set()

    async def go_on() -> None:
        world.kube.faults.clear()

    world.strikes.on_start[step] = stand_still
    world.strikes.on_end[step] = go_on
    return started


@pytest.mark.parametrize(
    ("effect", "step"),
    [*(("hang", step) for step in STEPS), *(("paused", step) for step in (*WAITING.values(), ROUTER_PORT.id))],
)
async def test_a_cancel_while_a_step_gets_nowhere_undoes_everything(world: World, effect: str, step: str) -> None:
    before = await world.state()
    started = await standstill(world, step.replace(SAMPLE, world.name), effect)
    run = await world.onboard()
    await asyncio.wait_for(started.wait(), PATIENCE)

    await run.cancel()

    await cancelled(run)
    seen = await status(run)
    assert (seen.outcome, seen.failure) == (Outcome.UNDONE, "cancelled")
    assert await world.state() == before


@pytest.mark.parametrize("plural", ["vpcs", "ovn-eips", "namespaces"])
async def test_a_cancel_while_a_write_is_on_its_way_waits_for_what_comes_of_it(world: World, plural: str) -> None:
    before = await world.state()
    slow = world.fault(effect="slow", verb="create", plural=plural, seconds=2.5, times=1)
    run = await world.onboard()
    await asyncio.wait_for(world.kube.faults.striking(slow), PATIENCE)

    await run.cancel()

    await cancelled(run)
    assert (await status(run)).outcome is Outcome.UNDONE
    assert await world.state() == before


@pytest.mark.parametrize("error", [None, hiccup("the platform is away")], ids=["acts", "fails"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_cancel_the_step_itself_never_hears_of_is_not_lost(
    world: World, step: str, error: Exception | None
) -> None:
    before = await world.state()
    struck = step.replace(SAMPLE, world.name)

    async def cancel() -> None:
        await cancel_requested(world.client.get_workflow_handle(names.workflow(world.name)))

    world.strikes.on_start[struck] = cancel
    if error is not None:
        world.strikes.before[struck] = error

    run = await world.onboard()

    await cancelled(run)
    seen = await status(run)
    assert (seen.outcome, seen.failure) == (Outcome.UNDONE, "cancelled")
    assert await world.state() == before


@pytest.mark.parametrize("error", [None, hiccup("the platform is away")], ids=["acts", "fails"])
@pytest.mark.parametrize("step", ["inventory", "undo-own-addresses", "undo-subnet-{name}--prod", "gone"])
async def test_an_offboarding_does_not_lose_such_a_cancel_either(
    world: World, step: str, error: Exception | None
) -> None:
    before = await world.state()
    await world.onboarded()
    struck = step.replace("{name}", world.name)

    async def cancel() -> None:
        await cancel_requested(world.client.get_workflow_handle(names.workflow(world.name)))

    world.strikes.on_start[struck] = cancel
    if error is not None:
        world.strikes.before[struck] = error
    run = await world.offboard()

    await cancelled(run)

    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert not seen.parked
    world.strikes.before.clear()
    if step == "gone":
        assert await world.state() == before
        return
    await world.offboarded()
    assert await world.state() == before


async def cancel_requested(run: Run) -> None:
    """Cancels a run, and waits until it has asked a step to stop."""
    await run.cancel()
    async with asyncio.timeout(PATIENCE):
        async for event in run.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
                return
    raise AssertionError("the run ended before it asked any step to stop")


async def test_more_cancels_during_the_undo_do_not_stop_it(world: World) -> None:
    before = await world.state()
    started = await standstill(world, HAND_OVER.id, "hang")
    again: list[str] = []

    async def cancel_again() -> None:
        again.append("cancelled")
        await run.cancel()

    undos = [f"undo-{step.replace(SAMPLE, world.name)}" for step in STEPS]
    world.strikes.on_start.update(dict.fromkeys(undos, cancel_again))
    run = await world.onboard()
    await asyncio.wait_for(started.wait(), PATIENCE)

    await run.cancel()

    await cancelled(run)
    assert len(again) == len([one for one in world.strikes.taken if one.startswith("undo-")]) > 10
    assert (await status(run)).outcome is Outcome.UNDONE
    assert await world.state() == before


async def test_a_cancel_during_the_undo_of_a_refused_run_changes_nothing(world: World) -> None:
    before = await world.state()
    world.strikes.after[HAND_OVER.id] = refusal("not today")

    async def cancel() -> None:
        await run.cancel()

    world.strikes.on_start[f"undo-vpc-{world.name}"] = cancel
    run = await world.onboard()

    # It was refused before anybody cancelled it, and that is what it says.
    error = await failure(run)
    assert error.type == REFUSED
    assert "not today" in error.message
    assert await world.state() == before


async def test_a_cancel_while_an_operator_is_waited_for_does_not_decide_for_them(world: World) -> None:
    before = await world.state()
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    await run.cancel()

    assert [one.step for one in (await status(run)).parked] == [f"vpc-{world.name}"]
    world.strikes.before.clear()
    await resolve(run, decision="retry")
    await failure(run)
    assert (await status(run)).outcome is Outcome.UNDONE
    assert await world.state() == before


@pytest.mark.parametrize(
    "step",
    [
        "configmap-berth-network",
        "own-addresses",
        "external-ip-{name}--web",
        "subnet-{name}--dev",
        "vpc-{name}",
        "namespace-tenant-{name}",
    ],
)
async def test_a_cancelled_offboarding_says_what_is_gone_and_another_one_goes_on(world: World, step: str) -> None:
    before = await world.state()
    await world.onboarded()
    step = step.replace("{name}", world.name)
    started = await standstill(world, f"undo-{step}", "hang")
    run = await world.offboard()
    await asyncio.wait_for(started.wait(), PATIENCE)

    await run.cancel()

    await cancelled(run)
    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert "offboard again" in (seen.failure or "")
    states = {one.id: (one.state, one.note) for one in seen.steps}
    assert states[step] == (StepState.FAILED, "cancelled")
    assert StepState.UNDOING not in {state for state, _ in states.values()}
    await world.offboarded()
    assert await world.state() == before


async def test_an_offboarding_cancelled_while_an_operator_is_waited_for_waits_no_longer(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await run.cancel()

    await cancelled(run)
    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert seen.parked == ()
    assert {one.state for one in seen.steps if one.id == f"vpc-{world.name}"} == {StepState.FAILED}
    world.strikes.before.clear()
    await world.offboarded()
    assert await world.state() == before
