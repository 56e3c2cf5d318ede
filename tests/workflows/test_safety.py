"""What must hold at every moment, not only in the end: no way around the block, and no address let go too soon.

Every test of these workflows is held to the first of the two: `running_world` asks OVN's own log in its end.
"""

import pytest

from tests.workflows.others import KUBE_OVN, change, kube_ovn, make
from tests.workflows.strikes import refusal
from tests.workflows.world import World, failure, status
from workflows.face import StepState


def allowed(world: World) -> set[str]:
    """What the tenant's router lets through before any drop, as OVN has it."""
    router = world.kube.northbound.dump()["routers"].get(world.name, {"policies": ()})
    return {one["match"] for one in router["policies"] if one["action"] == "allow" and one["priority"] >= 32000}


async def test_there_is_no_moment_without_the_block(world: World) -> None:
    await world.onboarded()
    await world.onboarded()
    await world.offboarded()

    assert world.kube.northbound.dump()["exposures"] == []


async def test_the_simulator_would_have_noticed_a_moment_without_the_block(world: World) -> None:
    await make(world, f"{KUBE_OVN}/vpcs", kube_ovn("Vpc", "bare", {}))
    await make(world, f"{KUBE_OVN}/subnets", kube_ovn("Subnet", "other", {"vpc": "bare", "cidrBlock": "10.0.0.0/24"}))

    assert {one["router"] for one in world.kube.northbound.dump()["exposures"]} == {"bare"}


async def test_every_drop_and_every_exception_is_in_ovn_and_nothing_else(world: World) -> None:
    handed_over = await world.onboarded()

    router = world.kube.northbound.dump()["routers"][world.name]
    drops = {one["match"] for one in router["policies"] if (one["priority"], one["action"]) == (32000, "drop")}
    assert drops == {
        "ip4.dst == 192.0.2.0/24",
        "ip4.dst == 10.96.0.0/12",
        "ip4.dst == 10.16.0.0/16",
        "ip4.dst == 100.64.0.0/16",
        "ip4.dst == 203.0.113.0/24",
        "ip6.dst == fd00:10:96::/112",
    }
    own = {address for ip in handed_over["externalIPs"] for address in ip["addresses"]}
    assert len(own) == 3
    assert allowed(world) == {"ip4.dst == 192.0.2.53/32", *(f"ip4.dst == {address}" for address in own)}
    assert all(one["effective"] for one in router["policies"])


@pytest.mark.parametrize("way", ["offboarding", "undo"])
async def test_the_exceptions_for_own_addresses_are_gone_before_any_address_is(world: World, way: str) -> None:
    seen: list[set[str]] = []

    async def look() -> None:
        await world.settle()
        seen.append(allowed(world))

    eips = [f"undo-external-ip-{world.name}--{ip}" for ip in ("egress", "bastion", "web")]
    if way == "offboarding":
        await world.onboarded()
        world.strikes.on_start.update(dict.fromkeys(eips, look))
        await world.offboarded()
    else:
        world.strikes.after["hand-over"] = refusal()
        world.strikes.on_start.update(dict.fromkeys(eips, look))
        await failure(await world.onboard())

    assert seen == [{"ip4.dst == 192.0.2.53/32"}] * 3


async def test_no_exception_is_made_for_an_address_the_tenant_does_not_hold_yet(world: World) -> None:
    seen: list[set[str]] = []

    async def look() -> None:
        await world.settle()
        seen.append(allowed(world))

    world.strikes.on_start["own-addresses"] = look

    await world.onboarded()

    assert seen == [{"ip4.dst == 192.0.2.53/32"}]


async def test_a_policy_that_was_edited_is_asserted_and_no_longer_called_realised(world: World) -> None:
    await world.onboarded()
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"]["policyRoutes"].pop(0))
    # That moment was somebody else's doing, and OVN's log rightly tells of it.
    world.kube.northbound.exposures.clear()

    again = await world.onboard()

    assert (await again.result())["blockPolicy"] == "asserted"
    notes = {one.id: (one.state, one.note) for one in (await status(again)).steps}
    assert notes[f"vpc-{world.name}"] == (StepState.DONE, "updated")
