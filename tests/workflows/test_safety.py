"""What must hold at every moment, not only in the end: no way around the block, and no address let go too soon."""

from typing import Any

import pytest

from tests.workflows.strikes import refusal
from tests.workflows.world import World, failure, status
from workflows.face import StepState


def exposed(world: World) -> list[Any]:
    """Every moment a tenant's router carried a subnet or a way out without every drop, from OVN's own log."""
    northbound: dict[str, Any] = world.kube.northbound.dump()
    return list(northbound["exposures"])


async def test_there_is_no_moment_without_the_block(world: World) -> None:
    await world.onboarded()
    await world.onboarded()
    await (await world.offboard()).result()

    assert exposed(world) == []


@pytest.mark.parametrize("step", ["block-policy", "router-port", "verify", "hand-over"])
async def test_there_is_no_moment_without_the_block_when_a_run_is_undone(world: World, step: str) -> None:
    world.strikes.after[step] = refusal()

    await failure(await world.onboard())

    assert exposed(world) == []


async def test_the_simulator_would_have_noticed_a_moment_without_the_block(world: World) -> None:
    from tests.workflows.test_offboarding import KUBE_OVN, make

    bare = {"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": "bare"}, "spec": {}}
    await make(world, f"{KUBE_OVN}/vpcs", bare)
    spec = {"vpc": "bare", "cidrBlock": "10.0.0.0/24"}
    subnet = {"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": "bare-subnet"}, "spec": spec}
    await make(world, f"{KUBE_OVN}/subnets", subnet)

    assert exposed(world) != []


async def test_every_drop_and_every_exception_is_in_ovn(world: World) -> None:
    handed_over = await world.onboarded()

    router = world.kube.northbound.dump()["routers"][world.name]
    policies = {(route["priority"], route["action"], route["match"]) for route in router["policies"]}
    assert (32000, "drop", "ip4.dst == 203.0.113.0/24") in policies
    assert (32000, "drop", "ip4.dst == 10.96.0.0/12") in policies
    assert (32100, "allow", "ip4.dst == 192.0.2.53/32") in policies
    own = {address for ip in handed_over["externalIPs"] for address in ip["addresses"]}
    assert {(32100, "allow", f"ip4.dst == {address}") for address in own} <= policies
    others = [
        match for _, action, match in policies if action == "allow" and match.split()[-1] not in {*own, "192.0.2.53/32"}
    ]
    assert [match for match in others if "203.0.113" in match] == []


async def test_the_exceptions_for_own_addresses_go_before_the_addresses(world: World) -> None:
    await world.onboarded()
    world.kube.calls.clear()

    await (await world.offboard()).result()

    calls = [(call["verb"], call["plural"]) for call in world.kube.calls.listed()]
    assert calls.index(("update", "vpcs")) < calls.index(("delete", "ovn-eips"))


async def test_a_policy_that_was_edited_is_asserted_and_no_longer_called_realised(world: World) -> None:
    from tests.workflows.test_offboarding import KUBE_OVN
    from tests.workflows.test_preflight import change

    await world.onboarded()
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"]["policyRoutes"].pop(0))

    again = await world.onboard()

    assert (await again.result())["blockPolicy"] == "asserted"
    notes = {one.id: (one.state, one.note) for one in (await status(again)).steps}
    assert notes[f"vpc-{world.name}"] == (StepState.DONE, "updated")
