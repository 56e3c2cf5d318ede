"""Processes die in the middle of many runs, and come back: every tenant is right, and nobody had to do anything."""

import asyncio
import random
from collections.abc import Sequence
from itertools import cycle

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

Place = tuple[str, str, str, str]
"""Where a run can be held: fault, verb, plural and name, `{}` standing for the tenant's."""

BEFORE: Sequence[Place] = (
    ("hang", "create", "namespaces", "tenant-{}"),
    ("hang", "create", "vpcs", "{}"),
    ("hang", "create", "subnets", "{}--*"),
    ("hang", "update", "vpcs", "{}"),
    ("hang", "create", "ovn-eips", "{}--*"),
    ("hang", "create", "ovn-snat-rules", "{}--*"),
)
"""In a call to the platform, before it has acted."""
ACTED: Sequence[Place] = (
    ("never-ready", "*", "vpcs", "{}"),
    ("never-ready", "*", "subnets", "{}--*"),
    ("never-ready", "*", "ovn-eips", "{}--*"),
    ("never-ready", "*", "ovn-snat-rules", "{}--*"),
)
"""With an object that is made, and not ready."""


async def held(
    scene: Scene, documents: Sequence[Document], places: Sequence[Place] = (*BEFORE, *ACTED), *, seed: int
) -> list[str]:
    """Holds each of these tenants somewhere; returns the faults that do it, and fails no call."""
    shuffled = list(places)
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # a test has to repeat
    return [
        await scene.fault(effect, verb=verb, plural=plural, name=name.format(document["metadata"]["name"]))
        for document, (effect, verb, plural, name) in zip(documents, cycle(shuffled), strict=False)
    ]


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
    ("grace", "places", "tried_again"),
    [
        pytest.param("60", ACTED, set(), id="steps-finish-in-the-grace-period"),
        pytest.param("0", (*BEFORE, *ACTED), {"WorkerStopped"}, id="steps-are-cut-short-and-taken-over"),
    ],
)
async def test_a_worker_drains_on_sigterm(
    scene: Scene, grace: str, places: Sequence[Place], tried_again: set[str]
) -> None:
    documents = some_tenants(10, seed=4)
    # The first is alone with the steps that are caught; the second comes before it goes.
    patient = {"BERTH_READY_DEADLINE": "90", "BERTH_KUBE_REQUEST_TIMEOUT": "90"}
    first = await scene.worker(BERTH_SHUTDOWN_GRACE=grace, **patient)
    right = await undisturbed(scene, documents)
    faults = await held(scene, documents, places, seed=4)
    runs = await onboard(scene, documents)
    await scene.struck(*faults)
    second = await scene.worker()

    first.terminate()
    await eventually(first.says, lambda said: "stopping: steps under way get time to finish" in said, "it is stopping")
    await scene.clear_faults()
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
