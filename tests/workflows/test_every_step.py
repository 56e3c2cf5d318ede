"""Every step of an onboarding, failing before it acts and after it acted, finally and for the time being."""

import pytest

from tests.workflows.strikes import hiccup, refusal
from tests.workflows.world import (
    State,
    World,
    failure,
    grown,
    status,
    step_ids,
    step_titles,
    tenant_document,
)
from workflows.face import REFUSED, Outcome, StepState
from workflows.steps import PREFLIGHT

SAMPLE = "sample"


def without_kube_ovns_own_notes(state: State) -> State:
    """The state without which rule Kube-OVN last saw on an address: its annotation stays with the last one for ever."""
    for thing in state[0].values():
        thing["metadata"].get("annotations", {}).pop("ovn.kubernetes.io/vpc_nat", None)
    return state


STEPS = step_ids(tenant_document(SAMPLE))
GROWN_STEPS = step_ids(grown(tenant_document(SAMPLE)))


def of(world: World, step: str) -> str:
    """A step of the sample, as the world's tenant has it."""
    return step.replace(SAMPLE, world.name)


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_is_refused_before_it_acts_leaves_the_platform_as_it_was(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.before[of(world, step)] = refusal("not today")

    error = await failure(run := await world.onboard())

    assert error.type == REFUSED
    title = step_titles(tenant_document(world.name))[of(world, step)]
    so = "nothing had been changed" if step == PREFLIGHT.id else "everything it did is undone"
    assert error.message == f"onboarding {world.name}: {title}: not today; {so}"
    assert await world.state() == before
    seen = await status(run)
    assert seen.outcome is Outcome.UNDONE
    assert seen.failure == f"{title}: not today"
    assert not seen.parked
    # A step with an undo of its own ends as undone, any other as failed; those not come to still wait.
    struck = next(one for one in seen.steps if one.id == of(world, step))
    assert struck.state in (StepState.FAILED, StepState.UNDONE)
    assert {one.state for one in seen.steps} <= {
        StepState.DONE,
        StepState.FAILED,
        StepState.UNDONE,
        StepState.WAITING,
    }


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_acted_before_it_was_refused_is_undone_as_well(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.after[of(world, step)] = refusal("too late")

    error = await failure(await world.onboard())

    assert error.type == REFUSED
    title = step_titles(tenant_document(world.name))[of(world, step)]
    assert f"{title}: too late" in error.message
    assert await world.state() == before


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_fails_and_then_loses_its_answer_is_taken_again_and_nothing_is_made_twice(
    world: World, clean: str, step: str
) -> None:
    world.strikes.once = True
    world.strikes.before[of(world, step)] = hiccup()
    world.strikes.after[of(world, step)] = hiccup()

    handed_over = await world.onboarded()

    assert handed_over["blockPolicy"] == "realised"
    assert world.strikes.taken.count(of(world, step)) == 3
    assert await world.comparable() == clean


@pytest.mark.parametrize("step", GROWN_STEPS)
async def test_a_second_onboarding_that_fails_puts_back_what_the_first_one_made(world: World, step: str) -> None:
    document = tenant_document(world.name)
    await world.onboarded(document)
    before = without_kube_ovns_own_notes(await world.state())
    world.strikes.after[of(world, step)] = refusal()

    assert (await failure(await world.onboard(grown(document)))).type == REFUSED

    assert without_kube_ovns_own_notes(await world.state()) == before
