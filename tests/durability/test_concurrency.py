"""Many at once, and what belongs to others: nobody gets what another has, and nobody loses what was theirs."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.durability.outcomes import addresses_of, as_it_is, is_now, offboard, onboard, refusal, results
from tests.durability.scene import Ran, Scene, a_scene, eventually
from tests.durability.tenants import created_by, made_twice, of_tenant, tenant
from workflows.face import Outcome, StepState

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_of_two_onboardings_of_one_tenant_at_once_one_wins_and_the_other_is_told(served: Scene) -> None:
    file = served.folder / "both.yaml"
    file.write_text(json.dumps(tenant("both")))
    # Whoever comes first goes no further before the other has come, too.
    await served.fault("never-ready", plural="vpcs", name="both")
    ends: list[Ran] = []

    async def berth(by: str) -> None:
        ends.append(await served.berth("onboard", str(file), "--as", by, "--json"))

    commands = [asyncio.create_task(berth(by)) for by in ("ann", "bob")]

    async def ended() -> list[Ran]:
        return list(ends)

    await eventually(ended, bool, "one of the two is told")
    await served.clear_faults()
    await asyncio.gather(*commands)

    loser, winner = ends
    assert (loser.code, winner.code) == (7, 0), ends
    assert "another run of both is under way" in json.loads(loser.out)["runs"][0]["message"]
    assert winner.json()["runs"][0]["outcome"] == "done"
    assert made_twice(call for call in await served.calls() if call["name"].startswith("both")) == []
    await offboard(served, [tenant("both")])


async def test_a_foreign_vpc_of_the_same_name_is_refused_and_left_alone(served: Scene) -> None:
    await served.create(
        "/apis/kubeovn.io/v1/vpcs",
        {"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": "theirs"}, "spec": {"namespaces": ["x"]}},
    )
    await eventually(
        served.dump, lambda seen: seen["vpcs/theirs"].get("status", {}).get("standby") is True, "their VPC is ready"
    )
    before = await as_it_is(served)

    error = await refusal(await served.onboard(tenant("theirs")))

    assert "Vpc theirs exists and is not Berth's" in error.message
    await is_now(served, before)
    changes = [
        call
        for call in await served.calls()
        if call["name"] == "theirs" and call["verb"] in ("update", "patch", "delete")
    ]
    assert changes == []


async def test_what_an_earlier_run_made_is_adopted_and_never_undone(served: Scene) -> None:
    (first,) = await onboard(served, [tenant("grown")])
    await results([first])
    before = await as_it_is(served)
    larger = tenant("grown", subnets=2, floating=True)

    # The step after the last change: everything new has been made by then.
    await served.fault("refuse", verb="create", plural="ovn-fips", name="grown--*", message="no floating IP for you")
    refused = await served.onboard(larger)
    assert "no floating IP for you" in (await refusal(refused)).message
    await is_now(served, before)
    steps = {step.id: step for step in (await served.status(refused)).steps}
    assert steps["subnet-grown--net1"].state is StepState.UNDONE

    await served.clear_faults()
    again = await served.onboard(larger)
    await results([again])
    objects = await served.dump()
    assert {"vpcs/grown", "subnets/grown--net0", "namespaces/tenant-grown"} <= created_by(objects, str(first.run_id))
    assert {"subnets/grown--net1", "ovn-fips/grown--jump"} <= created_by(objects, str(again.run_id))
    await offboard(served, [larger])


async def test_an_external_pool_one_address_too_small_lets_one_of_two_tenants_in(tmp_path: Path) -> None:
    # Each needs two: one for its router, one to leave through.
    async with a_scene(tmp_path, pool_size=3) as scene:
        await scene.worker(BERTH_READY_DEADLINE="3")
        assert await free_addresses(scene) == 3
        # Neither asks for an address before both have been told by preflight that there are enough.
        held = [await scene.fault("never-ready", plural="vpcs", name=name) for name in ("left", "right")]
        runs = await onboard(scene, [tenant("left"), tenant("right")])
        await scene.struck(*held)
        await scene.clear_faults()

        ends = await asyncio.gather(*(run.result() for run in runs), return_exceptions=True)

        statuses = [await scene.status(run) for run in runs]
        assert Counter(status.outcome for status in statuses) == {Outcome.DONE: 1, Outcome.UNDONE: 1}, ends
        (inside,) = [status for status in statuses if status.outcome is Outcome.DONE]
        (outside,) = [status for status in statuses if status.outcome is Outcome.UNDONE]
        assert "external subnet 'external'" in (outside.failure or "")
        assert "no address left" in (outside.failure or "")
        objects = await scene.dump()
        assert of_tenant(objects, outside.tenant) == set()
        assert not [key for key in objects if outside.tenant in key]
        assert await eventually(lambda: free_addresses(scene), lambda free: free == 1, "one address is free") == 1
        await offboard(scene, [tenant(inside.tenant)])
        assert await eventually(lambda: free_addresses(scene), lambda free: free == 3, "all are free") == 3


async def free_addresses(scene: Scene) -> int:
    return int((await scene.dump())["subnets/external"]["status"]["v4availableIPs"])


async def test_a_hundred_tenants_at_once_share_nothing(tmp_path: Path) -> None:
    documents = [tenant(f"t{number}") for number in range(100)]
    async with a_scene(tmp_path) as scene:
        await scene.worker()
        told = await results(await onboard(scene, documents), 150)
        objects, northbound = await scene.dump(), await scene.northbound()

    held = [
        status["v4Ip"] for key, found in objects.items() if key.startswith("ovn-eips/") and (status := found["status"])
    ]
    assert (len(held), len(set(held))) == (201, 201)
    assert northbound["exposures"] == []
    for document, result in zip(documents, told, strict=True):
        name = document["metadata"]["name"]
        assert result["externalIPs"][0]["addresses"] == [addresses_of(objects, name)["egress"]]
        assert of_tenant(objects, name) == everything_of(name)
    ports = [port for router in northbound["routers"].values() for port in router["ports"]]
    assert len(ports) == len(set(ports)) == 203


def everything_of(name: str) -> set[str]:
    return {
        f"namespaces/tenant-{name}",
        f"vpcs/{name}",
        f"subnets/{name}--net0",
        f"ovn-eips/{name}--egress",
        f"ovn-snat-rules/{name}--net0",
        f"configmaps/tenant-{name}/berth-network",
    }
