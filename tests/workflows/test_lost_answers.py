"""The platform's API at its worst: any answer lost, told to come back later, gone altogether. The outcome is the same."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from activities.decisions import LONGEST_REASON
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.world import Run, World, failure, running_world, status
from workflows.face import REFUSED, StepState
from workflows.steps import HAND_OVER

WRITE_VERBS = ("create", "update", "patch", "delete")
ONBOARDING = {"create": 11, "update": 2}
OFFBOARDING = {"delete": 11, "update": 2}
"""Writes of a run that nothing disturbs; two tests hold these numbers to the truth."""


def places(writes: dict[str, int]) -> list[tuple[str, int]]:
    """Every write of a run: its verb, and how many of that verb come before it."""
    return [(verb, place) for verb, count in writes.items() for place in range(count)]


def written(world: World) -> dict[str, int]:
    """The writes since the calls were last forgotten, by verb."""
    verbs = Counter(call.verb for call in world.kube.calls)
    return {verb: verbs[verb] for verb in WRITE_VERBS if verbs[verb]}


async def pending(run: Run, attempt: int) -> Any:
    """What the run's one step under way looks like from outside, once its tries have come so far."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await run.describe()).raw_description.pending_activities
            if found and found[0].attempt >= attempt and found[0].HasField("last_failure"):
                return found[0]


async def test_an_onboarding_makes_as_many_writes_as_these_tests_know(world: World) -> None:
    world.kube.calls.clear()

    await world.onboarded()

    assert written(world) == ONBOARDING


async def test_an_offboarding_makes_as_many_writes_as_these_tests_know(world: World) -> None:
    await world.onboarded()
    world.kube.calls.clear()

    await world.offboarded()

    assert written(world) == OFFBOARDING


@pytest.mark.parametrize("effect", ["lose-answer", "drop"])
@pytest.mark.parametrize(("verb", "place"), places(ONBOARDING))
async def test_an_onboarding_that_loses_any_one_answer_ends_as_a_clean_one(
    world: World, clean: str, verb: str, place: int, effect: str
) -> None:
    fault = world.fault(effect=effect, verb=verb, skip=place, times=1)

    await world.onboarded()

    assert world.kube.faults.struck(fault) == 1
    assert await world.comparable() == clean


@pytest.mark.parametrize(("verb", "place"), places(OFFBOARDING))
async def test_an_offboarding_that_loses_any_one_answer_leaves_nothing(world: World, verb: str, place: int) -> None:
    before = await world.state()
    await world.onboarded()
    fault = world.fault(effect="lose-answer", verb=verb, skip=place, times=1)

    await world.offboarded()

    assert world.kube.faults.struck(fault) == 1
    assert await world.state() == before


@pytest.mark.parametrize("place", range(OFFBOARDING["delete"]))
async def test_an_undo_that_loses_any_one_answer_leaves_nothing(world: World, place: int) -> None:
    before = await world.state()
    world.strikes.after[HAND_OVER.id] = refusal()
    fault = world.fault(effect="lose-answer", verb="delete", skip=place, times=1)

    assert (await failure(await world.onboard())).type == REFUSED

    assert world.kube.faults.struck(fault) == 1
    assert await world.state() == before


@pytest.mark.parametrize("answer", [429, 500, 503])
async def test_an_api_that_says_later_to_every_kind_of_call_is_asked_again(
    world: World, clean: str, answer: int
) -> None:
    before = await world.state()
    asked = {(call.verb, call.plural) for call in await calls_of_a_clean_life(world)}
    faults = [
        world.fault(effect="error", verb=verb, plural=plural, status=answer, retryAfter=0, times=1)
        for verb, plural in sorted(asked)
    ]

    await world.onboarded()
    assert await world.comparable() == clean
    await world.offboarded()

    assert await world.state() == before
    # A watch is not always needed: what it waits for may be so already.
    assert [world.kube.faults.struck(fault) for fault in faults].count(1) >= 0.8 * len(faults)


async def calls_of_a_clean_life(world: World) -> list[Any]:
    """The calls of an onboarding and an offboarding that nothing disturbs."""
    world.kube.calls.clear()
    await world.onboarded()
    await world.offboarded()
    return list(world.kube.calls)


async def test_a_server_that_names_a_time_is_not_asked_before(world: World) -> None:
    world.fault(effect="error", verb="create", plural="vpcs", status=503, retryAfter=3600)
    run = await world.onboard()

    seen = await pending(run, 1)

    assert seen.activity_id == f"vpc-{world.name}"
    assert 3600 <= seen.current_retry_interval.ToTimedelta().total_seconds() < 3700
    await run.terminate()


async def test_why_a_step_is_tried_again_can_be_seen_while_it_is(world: World) -> None:
    fault = world.fault(effect="error", verb="create", plural="vpcs", status=503, message="etcd is away")
    run = await world.onboard()

    seen = await pending(run, 3)

    assert "etcd is away" in seen.last_failure.message
    assert f"Vpc {world.name}" in seen.last_failure.message
    assert "\n" not in seen.last_failure.message
    world.kube.faults.remove(fault)
    await run.result()
    assert all(one.state is StepState.DONE for one in (await status(run)).steps)


@pytest.mark.parametrize("step", ["preflight", "subnet-{name}--dev", "router-port", "hand-over"])
async def test_a_platform_that_goes_away_during_a_step_and_comes_back_is_waited_for(
    client: Client, tmp_path: Path, name: str, clean: str, step: str
) -> None:
    step = step.replace("{name}", name)
    async with running_world(client, tmp_path, name, state_file=tmp_path / "kubernetes.db") as world:
        world.strikes.on_start[step] = world.lose_platform
        run = await world.onboard()
        await world.strikes.tried(step, 3)

        seen = await pending(run, 2)
        assert "does not answer" in seen.last_failure.message
        assert "\n" not in seen.last_failure.message
        assert seen.last_failure.ByteSize() < 4000 - LONGEST_REASON + len(seen.last_failure.message)
        await world.find_platform_again()

        await run.result()
        assert await world.comparable() == clean


async def test_an_undo_waits_for_a_platform_that_comes_back(client: Client, tmp_path: Path, name: str) -> None:
    file = tmp_path / "kubernetes.db"
    # Eight tries in a row would leave it to an operator: time enough to come back.
    async with running_world(client, tmp_path, name, state_file=file, retry_longest_delay=1.0) as world:
        before = await world.state()
        world.strikes.after[HAND_OVER.id] = refusal("not today")
        undo = f"undo-vpc-{name}"
        world.strikes.on_start[undo] = world.lose_platform
        run = await world.onboard()
        await world.strikes.tried(undo, 2)

        await world.find_platform_again()

        assert "not today" in (await failure(run)).message
        assert await world.state() == before
