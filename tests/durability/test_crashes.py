"""Processes die in the middle of many runs, and come back: every tenant is right, and nobody had to do anything."""

import asyncio
import random
from collections.abc import Iterator, Sequence

import pytest
from temporalio.api.enums.v1 import EventType

from tests.durability.outcomes import (
    Run,
    all_is_right,
    as_it_is,
    history,
    is_now,
    onboard,
    refusal,
    undisturbed,
)
from tests.durability.scene import Document, Scene, eventually
from tests.durability.tenants import some_tenants, tenant
from workflows.face import Outcome

AT = (
    # Before the platform acted ...
    ("hang", "create", "namespaces", "tenant-{}"),
    ("hang", "create", "vpcs", "{}"),
    ("hang", "create", "subnets", "{}--*"),
    ("hang", "update", "vpcs", "{}"),
    ("hang", "create", "ovn-eips", "{}--*"),
    ("hang", "create", "ovn-snat-rules", "{}--*"),
    # ... and after it acted, before the step could know.
    ("never-ready", "*", "vpcs", "{}"),
    ("never-ready", "*", "subnets", "{}--*"),
    ("never-ready", "*", "ovn-eips", "{}--*"),
    ("never-ready", "*", "ovn-snat-rules", "{}--*"),
)
"""Where a run can be held: in which call to the platform, or with which object made and not ready."""


async def held(scene: Scene, documents: Sequence[Document], seed: int) -> list[str]:
    """Holds each of these tenants somewhere else; returns the faults that do it."""
    places = list(AT)
    random.Random(seed).shuffle(places)  # noqa: S311  # a test has to repeat
    return [
        await scene.fault(effect, verb=verb, plural=plural, name=name.format(document["metadata"]["name"]))
        for document, (effect, verb, plural, name) in zip(documents, _round(places), strict=False)
    ]


def _round(places: Sequence[tuple[str, str, str, str]]) -> Iterator[tuple[str, str, str, str]]:
    while True:
        yield from places


async def test_worker_and_temporal_killed_amid_ten_onboardings(scene: Scene) -> None:
    documents = some_tenants(10, seed=1)
    worker = await scene.worker()
    right = await undisturbed(scene, documents)
    faults = await held(scene, documents, seed=1)
    runs = await onboard(scene, documents)
    await scene.struck(*faults)

    await asyncio.gather(worker.kill(), scene.lab.kill_temporal())
    await scene.clear_faults()
    await scene.lab.restart_temporal()
    await scene.worker()

    await all_is_right(scene, runs, right)


async def test_temporal_killed_under_a_worker_that_lives_on(scene: Scene) -> None:
    documents = some_tenants(10, seed=2)
    worker = await scene.worker()
    right = await undisturbed(scene, documents)
    faults = await held(scene, documents, seed=2)
    runs = await onboard(scene, documents)
    await scene.struck(*faults)

    await scene.lab.kill_temporal()
    await scene.clear_faults()
    await scene.lab.restart_temporal()

    await all_is_right(scene, runs, right)
    worker.terminate()
    assert await worker.ended() == 0


async def test_kubernetes_killed_amid_ten_onboardings(scene: Scene) -> None:
    documents = some_tenants(10, seed=3)
    await scene.worker()
    right = await undisturbed(scene, documents)
    faults = await held(scene, documents, seed=3)
    runs = await onboard(scene, documents)
    await scene.struck(*faults)

    await scene.lab.kill_kubernetes()
    # It stays away until the steps have found out.
    await asyncio.gather(*(a_step_is_tried_again(run) for run in runs))
    await scene.lab.restart_kubernetes()

    await all_is_right(scene, runs, right)


async def test_a_worker_killed_while_it_undoes(scene: Scene) -> None:
    documents = [tenant(f"t{number}", subnets=2, floating=True) for number in range(4)]
    worker = await scene.worker()
    empty = await as_it_is(scene)
    await scene.fault("refuse", verb="create", plural="ovn-fips", message="no floating IP for you")
    caught = [
        # Before the platform acted, and after.
        await scene.fault("hang", verb="delete", plural="ovn-eips", name="t0--egress"),
        await scene.fault("hang", verb="delete", plural="vpcs", name="t1"),
        await scene.fault("stuck-finalizer", plural="subnets", name="t2--net0"),
        await scene.fault("stuck-finalizer", plural="ovn-eips", name="t3--jump"),
    ]
    runs = await onboard(scene, documents)
    await scene.struck(*caught)

    await worker.kill()
    await scene.clear_faults()
    await scene.worker()

    for run in runs:
        refused = await refusal(run)
        assert (refused.type, "no floating IP for you" in refused.message) == ("Refused", True)
        status = await scene.status(run)
        assert (status.outcome, status.parked) == (Outcome.UNDONE, ())
    await is_now(scene, empty)


@pytest.mark.parametrize(
    ("grace", "effect", "tried_again"),
    [
        pytest.param("20", "slow", set(), id="steps-finish-in-the-grace-period"),
        pytest.param("0", "hang", {"WorkerStopped"}, id="steps-are-cut-short-and-taken-over"),
    ],
)
async def test_a_worker_drains_on_sigterm(scene: Scene, grace: str, effect: str, tried_again: set[str]) -> None:
    documents = some_tenants(10, seed=4)
    # The first is alone with the steps that are caught; the second comes before it goes.
    first = await scene.worker(BERTH_SHUTDOWN_GRACE=grace)
    right = await undisturbed(scene, documents)
    plurals = ("namespaces", "vpcs", "subnets", "ovn-eips", "ovn-snat-rules")
    caught = [
        await scene.fault(
            effect, verb="create", plural=plurals[number % len(plurals)], name=f"*t{number}*", seconds=2, times=1
        )
        for number in range(len(documents))
    ]
    runs = await onboard(scene, documents)
    await scene.struck(*caught)
    second = await scene.worker()

    first.terminate()
    code = await first.ended()

    assert code == 0, first.log.read_text()
    await all_is_right(scene, runs, right)
    events = [event for run in runs for event in await history(run)]
    assert not [event for event in events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED]
    assert {
        event.activity_task_started_event_attributes.last_failure.application_failure_info.type
        for event in events
        if event.activity_task_started_event_attributes.HasField("last_failure")
    } == tried_again
    lines = first.lines() + second.lines()
    assert [line for line in lines if line["level"] in ("error", "critical") or "exception" in line] == []


async def a_step_is_tried_again(run: Run) -> None:
    async def attempts() -> list[int]:
        described = await run.describe()
        return [pending.attempt for pending in described.raw_description.pending_activities]

    await eventually(attempts, lambda seen: any(attempt > 1 for attempt in seen), f"a step of {run.id} is tried again")
