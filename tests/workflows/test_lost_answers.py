"""Every single write of a run whose answer is lost, or that is told to come back later: the outcome is the same."""

from collections import Counter

import pytest

from tests.workflows.world import World, status, until
from workflows.face import StepState

WRITES = {"create": 11, "update": 2}
"""Writes of a clean onboarding; the first test holds it to the truth."""
PLACES = [(verb, place) for verb, count in WRITES.items() for place in range(count)]


async def test_an_onboarding_makes_as_many_writes_as_these_tests_know(world: World) -> None:
    world.kube.calls.clear()

    await world.onboarded()

    verbs = Counter(call["verb"] for call in world.kube.calls.listed())
    assert {verb: verbs[verb] for verb in ("create", "update", "patch", "delete") if verbs[verb]} == WRITES


@pytest.mark.parametrize("effect", ["lose-answer", "drop"])
@pytest.mark.parametrize(("verb", "place"), PLACES)
async def test_an_onboarding_that_loses_any_one_answer_ends_as_a_clean_one(
    world: World, verb: str, place: int, effect: str
) -> None:
    await world.onboarded()
    wanted = await world.comparable()
    await (await world.offboard()).result()
    world.fault(effect=effect, verb=verb, skip=place, times=1)

    await world.onboarded()

    assert [one["struck"] for one in world.kube.faults.listed()] in ([], [1])
    assert await world.comparable() == wanted


@pytest.mark.parametrize("place", range(11))
async def test_an_offboarding_that_loses_any_one_answer_leaves_nothing(world: World, place: int) -> None:
    before = await world.state()
    await world.onboarded()
    world.fault(effect="lose-answer", verb="delete", skip=place, times=1)
    world.fault(effect="lose-answer", verb="update", skip=place, times=1)

    await (await world.offboard()).result()

    assert await world.state() == before


@pytest.mark.parametrize("answer", [429, 500, 503])
async def test_an_api_that_says_later_is_asked_again(world: World, answer: int) -> None:
    world.fault(effect="error", verb="create", status=answer, retryAfter=0, times=3)

    assert (await world.onboarded())["vpc"] == world.name


async def test_why_a_step_is_tried_again_can_be_seen_while_it_is(world: World) -> None:
    fault = world.fault(effect="error", verb="create", plural="vpcs", status=503, message="etcd is away")
    run = await world.onboard()
    await until(
        run, lambda now: any(one.id == f"vpc-{world.name}" and one.started for one in now.steps), "the VPC's step"
    )

    pending = None
    while pending is None or pending.attempt < 3:
        description = await run.describe()
        pending = next(iter(description.raw_description.pending_activities), None)

    assert "etcd is away" in pending.last_failure.message
    assert f"Vpc {world.name}" in pending.last_failure.message
    world.kube.faults.remove(fault)
    await run.result()
    assert all(one.state is StepState.DONE for one in (await status(run)).steps)
