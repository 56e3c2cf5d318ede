"""Taking a tenant out: what stops it, in which order things go, and what is left in the end."""

import asyncio
from typing import Any

import aiohttp
import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from tests.workflows.strikes import refusal
from tests.workflows.world import World, failure, parked, resolve, status, until
from workflows.face import LEFT_BEHIND, REFUSED, Outcome

KUBE_OVN = "apis/kubeovn.io/v1"


async def make(world: World, path: str, manifest: dict[str, Any]) -> None:
    """Somebody else makes an object on the platform."""
    async with aiohttp.ClientSession() as session, session.post(f"{world.kube.url}/{path}", json=manifest) as answer:
        assert answer.status == 201, await answer.text()
    await world.settle()


async def unmake(world: World, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.delete(f"{world.kube.url}/{path}") as answer:
        assert answer.status in (200, 202), await answer.text()
    await world.settle()


def pod(name: str, subnet: str | None = None) -> dict[str, Any]:
    annotations = {"ovn.kubernetes.io/logical_switch": subnet} if subnet else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }


async def test_offboarding_takes_everything_and_leaves_the_platform_as_it_was(world: World) -> None:
    before = await world.state()
    await world.onboarded()

    result = await (await world.offboard()).result()

    assert await world.state() == before
    assert {f"Vpc {world.name}", f"Subnet {world.name}--dev", f"OvnEip {world.name}--web"} <= set(result["removed"])


async def test_things_go_in_the_order_kube_ovn_needs(world: World) -> None:
    await world.onboarded()
    world.kube.calls.clear()

    await (await world.offboard()).result()

    deletions = [call["plural"] for call in world.kube.calls.listed() if call["verb"] == "delete"]
    order = ["configmaps", "translation", "ovn-eips", "subnets", "vpcs", "namespaces"]
    places = [order.index("translation" if one in ("ovn-fips", "ovn-snat-rules") else one) for one in deletions]
    assert places == sorted(places)
    assert set(places) == set(range(len(order)))


async def test_addresses_in_use_stop_it_by_name_before_anything_is_changed(world: World) -> None:
    await world.onboarded()
    await make(world, f"api/v1/namespaces/tenant-{world.name}/pods", pod("web-0", f"{world.name}--prod"))
    before = await world.state()

    error = await failure(run := await world.offboard())

    assert error.type == REFUSED
    assert f"Subnet {world.name}--prod by 10.0.0." in error.message
    assert f"(pod tenant-{world.name}/web-0)" in error.message
    assert f"Namespace tenant-{world.name} by Pod web-0" in error.message
    assert await world.state() == before
    assert (await status(run)).outcome is Outcome.STOPPED


@pytest.mark.parametrize(
    ("path", "manifest", "named"),
    [
        (
            "api/v1/namespaces/tenant-{name}/services",
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"}, "spec": {"ports": [{"port": 80}]}},
            "Service front",
        ),
        (
            "api/v1/namespaces/tenant-{name}/persistentvolumeclaims",
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"}, "spec": {}},
            "PersistentVolumeClaim disk",
        ),
        (
            f"{KUBE_OVN}/ovn-dnat-rules",
            {
                "apiVersion": "kubeovn.io/v1",
                "kind": "OvnDnatRule",
                "metadata": {"name": "foreign"},
                "spec": {
                    "ovnEip": "{name}--web",
                    "vpc": "{name}",
                    "v4Ip": "10.0.0.9",
                    "protocol": "tcp",
                    "internalPort": "80",
                    "externalPort": "80",
                },
            },
            "OvnDnatRule foreign",
        ),
        (
            f"{KUBE_OVN}/subnets",
            {
                "apiVersion": "kubeovn.io/v1",
                "kind": "Subnet",
                "metadata": {"name": "foreign"},
                "spec": {"vpc": "{name}", "cidrBlock": "10.77.0.0/24", "namespaces": ["tenant-{name}"]},
            },
            "Subnet foreign",
        ),
    ],
    ids=["service", "volume-claim", "dnat-rule", "subnet"],
)
async def test_what_others_made_of_it_stops_it_by_name(
    world: World, path: str, manifest: dict[str, Any], named: str
) -> None:
    await world.onboarded()
    filled = _filled(manifest, world.name)
    await make(world, path.replace("{name}", world.name), filled)
    before = await world.state()

    error = await failure(await world.offboard())

    assert named in error.message
    assert await world.state() == before
    await unmake(world, f"{path.replace('{name}', world.name)}/{manifest['metadata']['name']}")
    await (await world.offboard()).result()


async def test_a_tenant_nobody_knows_is_refused(world: World) -> None:
    error = await failure(await world.offboard())

    assert f"berth.network/tenant={world.name}" in error.message
    assert "check the tenant's name" in error.message


async def test_a_user_that_comes_in_between_is_waited_for_by_an_operator(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before["undo-configmap-berth-network"] = refusal("held up, while somebody makes a pod")
    run = await world.offboard()
    await parked(run)
    await make(world, f"api/v1/namespaces/tenant-{world.name}/pods", pod("late", f"{world.name}--dev"))
    world.strikes.before.clear()

    await resolve(run, decision="retry")
    seen = await until(run, lambda now: any("late" in one.reason for one in now.parked), "the pod to be named")

    assert f"(pod tenant-{world.name}/late)" in seen.parked[0].reason
    await unmake(world, f"api/v1/namespaces/tenant-{world.name}/pods/late")
    await resolve(run, decision="retry")
    await run.result()
    assert await world.state() == before


async def test_a_removal_that_is_held_up_says_what_holds_it_and_goes_on_once_told(world: World) -> None:
    await world.onboarded()
    fault = world.fault(effect="stuck-finalizer", plural="subnets", name=f"{world.name}--dev")
    run = await world.offboard()

    seen = await parked(run)

    assert "finalizers: kubeovn.io/kube-ovn-controller" in seen.parked[0].reason
    world.kube.faults.remove(fault)
    await resolve(run, decision="retry")
    assert f"Vpc {world.name}" in (await run.result())["removed"]


async def test_what_an_operator_leaves_is_named_in_the_end(world: World) -> None:
    await world.onboarded()
    world.strikes.before[f"undo-namespace-tenant-{world.name}"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await resolve(run, decision="skip", reason="other things live there", by="on call")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert error.details[0] == [f"Namespace tenant-{world.name} (left as it is by on call: other things live there)"]


async def test_a_cancel_stops_it_and_another_offboarding_goes_on(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await run.cancel()

    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(run.result(), 20)
    assert isinstance(ended.value.cause, CancelledError)
    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert "offboard again" in (seen.failure or "")
    world.strikes.before.clear()
    await (await world.offboard()).result()
    assert await world.state() == before


@pytest.mark.parametrize("last", ["vpc-{name}", "subnet-{name}--dev", "external-ip-{name}--web", "snat-{name}--prod"])
async def test_what_a_terminated_onboarding_left_is_removed(world: World, last: str) -> None:
    before = await world.state()
    step = last.replace("{name}", world.name)
    world.strikes.after[step] = ValueError("never answers well")
    run = await world.onboard()
    await world.strikes.tried(step, 2)
    await run.terminate("out of patience")
    world.strikes.after.clear()
    await world.settle()

    await (await world.offboard()).result()

    assert await world.state() == before


async def test_what_a_terminated_onboarding_left_is_adopted_by_the_next_one(world: World) -> None:
    step = f"snat-{world.name}--prod"
    world.strikes.after[step] = ValueError("never answers well")
    run = await world.onboard()
    await world.strikes.tried(step, 2)
    await run.terminate("out of patience")
    world.strikes.after.clear()

    await (next_run := await world.onboard()).result()

    notes = {one.id: one.note for one in (await status(next_run)).steps}
    assert notes[f"vpc-{world.name}"] == "adopted"
    assert notes["block-policy"] == "realised"


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, name) for item in value]
    return value.replace("{name}", name) if isinstance(value, str) else value
