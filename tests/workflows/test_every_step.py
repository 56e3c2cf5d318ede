"""Every step of an onboarding, failing before it acts, after it acted, and in its undo."""

import pytest

from tests.workflows.world import (
    Document,
    World,
    comparable,
    failure,
    grown,
    hiccup,
    parked,
    refusal,
    resolve,
    status,
    step_ids,
    tenant_document,
    until,
)
from workflows.face import LEFT_BEHIND, REFUSED, Outcome, StepState
from workflows.steps import BLOCK_POLICY, PREFLIGHT, RECORD, VERIFY

SAMPLE = "sample"
STEPS = step_ids(tenant_document(SAMPLE))
CHANGING = [step for step in STEPS if step not in (PREFLIGHT.id, BLOCK_POLICY.id, VERIFY.id, RECORD.id)]
"""The steps with an undo of their own. The record stands on the VPC, and goes or is put back with it."""


def of(world: World, step: str) -> str:
    """A step of the sample, as the world's tenant has it."""
    return step.replace(SAMPLE, world.name)


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_is_refused_before_it_acts_leaves_the_platform_as_it_was(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.before[of(world, step)] = refusal("not today")

    error = await failure(run := await world.onboard())

    assert error.type == REFUSED
    assert "not today" in error.message
    assert await world.state() == before
    seen = await status(run)
    assert seen.outcome is Outcome.UNDONE
    assert {s.id for s in seen.steps if s.state is StepState.FAILED} <= {of(world, step)}


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_acted_before_it_was_refused_is_undone_as_well(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.after[of(world, step)] = refusal()

    error = await failure(await world.onboard())

    assert error.type == REFUSED
    assert await world.state() == before


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_whose_answer_is_lost_is_taken_again_and_nothing_is_made_twice(world: World, step: str) -> None:
    await world.onboarded()
    wanted = await world.state()
    await (await world.offboard()).result()
    world.strikes.once = True
    world.strikes.after[of(world, step)] = hiccup()

    handed_over = await world.onboarded()

    assert handed_over["blockPolicy"] == "realised"
    assert world.strikes.taken.count(of(world, step)) == 3
    assert comparable(await world.state()) == comparable(wanted)


@pytest.mark.parametrize("step", CHANGING)
async def test_an_undo_that_fails_waits_for_an_operator_and_goes_on_once_told(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before[f"undo-{of(world, step)}"] = refusal("held up")

    seen = await parked(run := await world.onboard())

    assert [one.step for one in seen.parked] == [of(world, step)]
    assert seen.parked[0].reason == "held up"
    assert seen.stage == "needs-operator"
    del world.strikes.before[f"undo-{of(world, step)}"]
    await resolve(run, decision="retry", by="on call")
    assert (await failure(run)).type == REFUSED
    assert await world.state() == before


@pytest.mark.parametrize("step", CHANGING)
async def test_a_step_that_is_skipped_is_named_in_the_end_and_nothing_else_stays(world: World, step: str) -> None:
    world.strikes.after["hand-over"] = refusal()
    undo = f"undo-{of(world, step)}"
    world.strikes.before[undo] = refusal("held up")
    world.strikes.taken.clear()

    run = await world.onboard()
    skipped = []
    while (await status(run)).outcome in (Outcome.RUNNING, Outcome.UNDOING, Outcome.NEEDS_OPERATOR):
        seen = await parked_or_ended(run)
        if seen is None:
            break
        # What is left keeps other things from going: those wait for a decision, too, and are left as well.
        skipped.append(seen)
        await resolve(run, decision="skip", step=seen, reason="will be removed by hand")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert skipped[0] == of(world, step)
    named = error.details[0]
    assert len(named) == len(skipped)
    titles = {one.id: one.title for one in (await status(run)).steps}
    assert all(any(title in text for text in named) for title in (titles[one] for one in skipped))


async def parked_or_ended(run) -> str | None:  # type: ignore[no-untyped-def]  # a handle of either workflow
    """The first step that waits for an operator; None once the run has ended."""
    ended = (Outcome.LEFT_BEHIND, Outcome.UNDONE)
    seen = await until(run, lambda now: bool(now.parked) or now.outcome in ended, "a parked step or the end")
    return seen.parked[0].step if seen.parked else None


@pytest.mark.parametrize("step", step_ids(grown(tenant_document(SAMPLE))))
async def test_a_second_onboarding_that_fails_puts_back_what_the_first_one_made(world: World, step: str) -> None:
    document: Document = tenant_document(world.name)
    await world.onboarded(document)
    before = await world.state()
    world.strikes.after[of(world, step)] = refusal()

    assert (await failure(await world.onboard(grown(document)))).type == REFUSED

    assert await world.state() == before
