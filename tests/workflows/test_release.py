"""A living tenant gives an external IP back: last of all, for good, and nothing else of it is touched."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tenancy import names
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import CONFIG_MAP, OVN_EIP, VPC
from tenancy.plan import Stage, plan
from tests.tenancy.kube_ovn import as_made
from tests.workflows.edge_world import DOWN, EdgeWorld, addresses, one_to_one_nat, record, routes, running_edge_world
from tests.workflows.others import KUBE_OVN, change, kube_ovn, make, unmake
from tests.workflows.strikes import hiccup, refusal
from tests.workflows.test_every_step import without_kube_ovns_own_notes
from tests.workflows.test_safety import allowed
from tests.workflows.world import (
    Document,
    World,
    cancelled,
    failure,
    grown,
    parked,
    platform_document,
    resolve,
    running_world,
    shrunk,
    status,
    tenant_document,
    until,
)
from workflows.face import LEFT_BEHIND, OFFBOARD, ONBOARD, REFUSED, Outcome, StepState
from workflows.steps import PREFLIGHT, steps_of

SAMPLE = "sample"
USES = ["egress", "bastion", "web"]


def of(world: World, step: str) -> str:
    """A step of the sample, as the world's tenant has it."""
    return step.replace(SAMPLE, world.name)


def steps_of_shrinking(document: Document, *gone: str) -> list[str]:
    """The IDs of all steps of a run that gives these back, from the code itself."""
    platform = read_platform(platform_document())
    there = as_made(plan(read_tenant(document, platform), platform, ()), platform)
    return [
        step.id
        for step in (PREFLIGHT, *steps_of(plan(read_tenant(shrunk(document, *gone), platform), platform, there)))
    ]


ONE = steps_of_shrinking(tenant_document(SAMPLE), "egress", "bastion")
ALL = steps_of_shrinking(tenant_document(SAMPLE))
RELEASING = [step for step in dict.fromkeys([*ONE, *ALL]) if step.startswith("release-")]
BEFORE_THAT = [step for step in ONE if not step.startswith("release-")]


async def born(client: Client, tmp_path: Path, like: World, document: Callable[[str], Document]) -> str:
    """What a platform holds of a tenant that was onboarded with this document from the start."""
    async with running_world(client, tmp_path, f"{like.name}b") as model:
        await model.onboarded(document(model.name))
        return await model.comparable()


def test_the_steps_of_giving_back_are_known_and_come_last() -> None:
    assert set(RELEASING) == {
        "release-own-addresses",
        "release-floating-ip-sample--bastion",
        "release-snat-sample--dev",
        "release-snat-sample--prod",
        "release-external-ip-sample--bastion",
        "release-external-ip-sample--egress",
        "release-external-ip-sample--web",
        "release-router-port",
    }
    assert not any(step.startswith("release-") for step in ONE[: len(BEFORE_THAT)])


@pytest.mark.parametrize("gone", [*((use,) for use in USES), ()], ids=[*USES, "all"])
async def test_what_is_left_is_what_a_tenant_has_that_never_had_the_address(
    client: Client, tmp_path: Path, world: World, gone: tuple[str, ...]
) -> None:
    expected = await born(client, tmp_path, world, lambda name: shrunk(tenant_document(name), *gone))
    await world.onboarded()

    told = await world.onboarded(shrunk(tenant_document(world.name), *gone))

    assert [ip["name"] for ip in told["externalIPs"]] == [use for use in USES if gone and use not in gone]
    assert bool(told["routerAddresses"]) == bool(gone)
    assert await world.comparable() == expected


async def test_the_hand_over_and_the_recorded_document_no_longer_name_it(world: World) -> None:
    await world.onboarded()
    document = shrunk(tenant_document(world.name), "web")

    told = await world.onboarded(document)

    kept = await world.api.get(CONFIG_MAP, names.HAND_OVER, names.namespace(world.name))
    vpc = await world.api.get(VPC, world.name)
    assert kept is not None
    assert vpc is not None
    assert json.loads(kept["data"]["hand-over.json"]) == told
    recorded = json.loads(vpc["metadata"]["annotations"][names.DOCUMENT_ANNOTATION])
    assert [ip["name"] for ip in recorded["spec"]["externalIPs"]] == ["egress", "bastion"]


@pytest.mark.parametrize("step", BEFORE_THAT)
async def test_a_run_that_fails_before_it_gives_back_leaves_the_tenant_as_it_was(world: World, step: str) -> None:
    await world.onboarded()
    before = without_kube_ovns_own_notes(await world.state())
    world.strikes.after[of(world, step)] = refusal()

    error = await failure(await world.onboard(shrunk(tenant_document(world.name), "egress", "bastion")))

    assert error.type == REFUSED
    assert not any(taken.startswith("undo-release") for taken in world.strikes.taken)
    assert without_kube_ovns_own_notes(await world.state()) == before


@pytest.mark.parametrize("step", RELEASING)
async def test_a_step_that_fails_and_then_loses_its_answer_is_taken_again(
    client: Client, tmp_path: Path, world: World, step: str
) -> None:
    gone = () if step not in ONE else ("egress", "bastion")
    expected = await born(client, tmp_path, world, lambda name: shrunk(tenant_document(name), *gone))
    await world.onboarded()
    world.strikes.once = True
    world.strikes.before[f"undo-{of(world, step)}"] = hiccup()
    world.strikes.after[f"undo-{of(world, step)}"] = hiccup()

    await world.onboarded(shrunk(tenant_document(world.name), *gone))

    assert world.strikes.taken.count(f"undo-{of(world, step)}") == 3
    assert await world.comparable() == expected


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", RELEASING)
async def test_a_step_that_is_refused_waits_for_an_operator_and_nothing_is_undone(
    client: Client, tmp_path: Path, world: World, step: str, when: str
) -> None:
    gone = () if step not in ONE else ("egress", "bastion")
    expected = await born(client, tmp_path, world, lambda name: shrunk(tenant_document(name), *gone))
    await world.onboarded()
    strikes = getattr(world.strikes, when)
    strikes[f"undo-{of(world, step)}"] = refusal("held up")

    run = await world.onboard(shrunk(tenant_document(world.name), *gone))

    seen = await parked(run)
    assert [(one.step, one.reason) for one in seen.parked] == [(of(world, step), "held up")]
    assert seen.outcome is Outcome.NEEDS_OPERATOR
    strikes.clear()
    await resolve(run, decision="retry", by="on call")
    await run.result()
    assert not [taken for taken in world.strikes.taken if taken.startswith("undo-") and "release" not in taken]
    assert (await status(run)).outcome is Outcome.DONE
    assert await world.comparable() == expected


@pytest.mark.parametrize("step", RELEASING)
async def test_a_run_that_died_in_the_middle_is_gone_on_with_by_the_next_one(
    client: Client, tmp_path: Path, world: World, step: str
) -> None:
    gone = () if step not in ONE else ("egress", "bastion")
    expected = await born(client, tmp_path, world, lambda name: shrunk(tenant_document(name), *gone))
    await world.onboarded()
    document = shrunk(tenant_document(world.name), *gone)
    world.strikes.after[f"undo-{of(world, step)}"] = hiccup()
    run = await world.onboard(document)
    await world.strikes.tried(f"undo-{of(world, step)}", 2)
    await run.terminate("out of patience")
    world.strikes.after.clear()
    await world.settle()

    await world.onboarded(document)

    assert await world.comparable() == expected


async def test_a_worker_that_dies_while_giving_back_is_taken_over_from(
    client: Client, tmp_path: Path, name: str
) -> None:
    async with running_world(client, tmp_path, name, serving=False) as world:
        expected = await _born_served(client, tmp_path, name)
        step = f"undo-release-external-ip-{name}--web"
        async with world.serving():
            await world.onboarded()
            world.strikes.before[step] = hiccup()
            run = await world.onboard(shrunk(tenant_document(name), "web"))
            await world.strikes.tried(step, 1)
        world.strikes.before.clear()
        async with world.serving():
            await run.result()
            assert await world.comparable() == expected


async def _born_served(client: Client, tmp_path: Path, name: str) -> str:
    async with running_world(client, tmp_path, f"{name}b") as model:
        await model.onboarded(shrunk(tenant_document(model.name), "web"))
        return await model.comparable()


async def test_a_cancel_while_giving_back_stops_there_and_another_run_goes_on(world: World) -> None:
    await world.onboarded()
    document = shrunk(tenant_document(world.name), "egress", "bastion")
    world.strikes.before[f"undo-release-external-ip-{world.name}--bastion"] = hiccup()
    run = await world.onboard(document)
    await world.strikes.tried(f"undo-release-external-ip-{world.name}--bastion", 1)

    await run.cancel()

    await cancelled(run)
    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert seen.failure is not None
    assert "onboard again to go on" in seen.failure
    assert f"ovn-fips/{world.name}--bastion" not in (await world.state())[0]
    world.strikes.before.clear()
    told = await world.onboarded(document)
    assert [ip["name"] for ip in told["externalIPs"]] == ["web"]
    assert f"ovn-eips/{world.name}--bastion" not in (await world.state())[0]


async def test_an_abort_names_what_is_still_there_and_another_run_goes_on(world: World) -> None:
    await world.onboarded()
    world.strikes.before[f"undo-release-external-ip-{world.name}--web"] = refusal("held up")
    run = await world.onboard(shrunk(tenant_document(world.name), "web"))
    await parked(run)

    await resolve(run, decision="abort", reason="moving house", by="on call")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert error.details[0] == [f"OvnEip {world.name}--web, given back (aborted by on call: moving house)"]
    state = (await world.state())[0]
    assert {f"ovn-eips/{world.name}--{use}" for use in USES} <= state.keys()
    world.strikes.before.clear()
    await world.onboarded(shrunk(tenant_document(world.name), "web"))
    assert f"ovn-eips/{world.name}--web" not in (await world.state())[0]


async def test_the_exception_cannot_be_left_while_its_address_goes(world: World) -> None:
    await world.onboarded()
    world.strikes.before["undo-release-own-addresses"] = refusal("held up")
    run = await world.onboard(shrunk(tenant_document(world.name), "web"))
    await parked(run)

    with pytest.raises(Exception, match="Workflow update failed") as refused:
        await resolve(run, decision="skip", reason="later", by="on call")

    assert "the next tenant may be given the addresses it excepts" in str(refused.value.__cause__)
    world.strikes.before.clear()
    await resolve(run, decision="retry", by="on call")
    await run.result()


@pytest.mark.parametrize("use", USES)
async def test_whoever_gets_the_address_next_is_not_reached_through_an_exception(world: World, use: str) -> None:
    told = await world.onboarded()
    (address,) = next(ip["addresses"] for ip in told["externalIPs"] if ip["name"] == use)
    seen: list[set[str]] = []

    async def look() -> None:
        await world.settle()
        seen.append(allowed(world))

    # Not even for a moment: it is gone before its address is.
    world.strikes.on_start[f"undo-release-external-ip-{world.name}--{use}"] = look
    await world.onboarded(shrunk(tenant_document(world.name), use))

    other = f"{world.name}x"
    document = tenant_document(other)
    document["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "next", "address": address})
    next_told = await (await world.start(ONBOARD, {"tenant": document}, id=f"tenant-{other}")).result()
    assert address in addresses(next_told)
    kept = {one for one in addresses(told) if one != address}
    expected = {"ip4.dst == 192.0.2.53/32", *(f"ip4.dst == {one}" for one in kept)}
    await world.settle()
    assert allowed(world) == expected
    assert seen == [expected]
    await (await world.start(OFFBOARD, {"tenant": other}, id=f"tenant-{other}")).result()


async def test_its_own_addresses_are_reached_until_they_are_given_back(world: World) -> None:
    told = await world.onboarded()
    seen: list[set[str]] = []

    async def look() -> None:
        await world.settle()
        seen.append(allowed(world))

    world.strikes.on_start["hand-over"] = look
    await world.onboarded(shrunk(tenant_document(world.name)))

    assert seen == [{"ip4.dst == 192.0.2.53/32", *(f"ip4.dst == {one}" for one in addresses(told))}]


async def test_an_address_in_use_refuses_the_run_by_its_user_before_anything_is_changed(world: World) -> None:
    await world.onboarded()
    spec = {"ovnEip": f"{world.name}--web", "vpc": world.name, "v4Ip": "10.0.0.9", "protocol": "tcp"}
    spec |= {"internalPort": "80", "externalPort": "80"}
    await make(world, f"{KUBE_OVN}/ovn-dnat-rules", kube_ovn("OvnDnatRule", "ingress", spec))
    before = await world.state()

    error = await failure(await world.onboard(shrunk(tenant_document(world.name), "web")))

    assert error.type == REFUSED
    assert f"OvnEip {world.name}--web is to be given back and still in use by OvnDnatRule ingress" in error.message
    assert await world.state() == before
    # An address of another use may go meanwhile.
    await world.onboarded(shrunk(tenant_document(world.name), "bastion"))
    await unmake(world, f"{KUBE_OVN}/ovn-dnat-rules/ingress")
    await world.onboarded(shrunk(tenant_document(world.name), "bastion", "web"))


async def test_the_way_out_stays_while_somebody_elses_rule_needs_it(world: World) -> None:
    await world.onboarded()
    await make(
        world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", "theirs", {"externalSubnet": "external", "type": "nat"})
    )
    spec = {"ovnEip": "theirs", "vpc": world.name, "v4Ip": "10.0.0.9"}
    await make(world, f"{KUBE_OVN}/ovn-fips", kube_ovn("OvnFip", "theirs", spec))

    error = await failure(await world.onboard(shrunk(tenant_document(world.name))))

    assert f"the router port of Vpc {world.name} goes with its last external IP and is still in use by" in error.message
    assert "OvnFip theirs" in error.message
    await world.onboarded(shrunk(tenant_document(world.name), "web"))


async def test_a_user_that_comes_in_between_is_waited_for_by_an_operator(world: World) -> None:
    await world.onboarded()

    async def ingress() -> None:
        spec = {"ovnEip": f"{world.name}--web", "vpc": world.name, "v4Ip": "10.0.0.9", "protocol": "tcp"}
        spec |= {"internalPort": "80", "externalPort": "80"}
        await make(world, f"{KUBE_OVN}/ovn-dnat-rules", kube_ovn("OvnDnatRule", "ingress", spec))

    world.strikes.on_start["hand-over"] = ingress
    run = await world.onboard(shrunk(tenant_document(world.name), "web"))

    (waits,) = (await parked(run)).parked
    assert "still in use by OvnDnatRule ingress" in waits.reason
    await unmake(world, f"{KUBE_OVN}/ovn-dnat-rules/ingress")
    await resolve(run, decision="retry", by="on call")
    await run.result()


async def test_an_external_ip_may_come_and_another_go_in_one_run(world: World) -> None:
    await world.onboarded()
    document = shrunk(tenant_document(world.name), "bastion")
    document["spec"]["externalIPs"].append({"use": "floatingIP", "name": "fresh", "target": "10.0.0.20"})

    told = await world.onboarded(document)

    assert [ip["name"] for ip in told["externalIPs"]] == ["egress", "web", "fresh"]
    state = (await world.state())[0]
    assert f"ovn-eips/{world.name}--fresh" in state
    assert f"ovn-eips/{world.name}--bastion" not in state


async def test_a_tenant_comes_and_goes_after_it_gave_an_address_back(world: World) -> None:
    before = await world.state()
    told = await world.onboarded()
    await world.onboarded(shrunk(tenant_document(world.name)))

    again = await world.onboarded()

    assert len(addresses(again)) == len(addresses(told))
    await world.offboarded()
    assert await world.state() == before


async def test_a_floating_ip_that_becomes_a_load_balancers_keeps_its_address(world: World) -> None:
    told = await world.onboarded()
    document = tenant_document(world.name)
    document["spec"]["externalIPs"][1] = {"use": "loadBalancer", "name": "bastion"}

    again = await world.onboarded(document)

    assert addresses(again) == addresses(told)
    assert f"ovn-fips/{world.name}--bastion" not in (await world.state())[0]


async def test_a_floating_ip_gets_another_target_in_two_steps_and_keeps_its_address(world: World) -> None:
    told = await world.onboarded()
    document = tenant_document(world.name)
    document["spec"]["externalIPs"][1]["target"] = "10.0.0.77"
    before = await world.state()

    error = await failure(await world.onboard(document))

    assert (
        "v4Ip is '10.0.0.10', wanted is '10.0.0.77'; onboard first with this external IP for use loadBalancer"
        in error.message
    )
    assert await world.state() == before
    between = copy.deepcopy(document)
    between["spec"]["externalIPs"][1] = {"use": "loadBalancer", "name": "bastion"}
    await world.onboarded(between)
    assert addresses(await world.onboarded(document)) == addresses(told)


async def test_a_subnet_moves_to_another_snat_address_in_two_steps(world: World) -> None:
    await world.onboarded()
    document = tenant_document(world.name)
    document["spec"]["externalIPs"][0]["subnets"] = ["prod"]
    document["spec"]["externalIPs"].append({"use": "snat", "name": "second", "subnets": ["dev"]})
    before = await world.state()

    error = await failure(await world.onboard(document))

    assert (
        f"OvnSnatRule {world.name}--dev cannot be changed in place: ovnEip is '{world.name}--egress'" in error.message
    )
    assert "onboard first with a document in which subnet dev leaves through no external IP" in error.message
    assert await world.state() == before
    await world.onboarded(shrunk(document, "second"))
    told = await world.onboarded(document)
    assert [ip["serves"] for ip in told["externalIPs"] if ip["use"] == "snat"] == [["prod"], ["dev"]]
    nats = world.kube.northbound.dump()["routers"][world.name]["nats"]
    leaves = {one["logical_ip"]: one["external_ip"] for one in nats if one["type"] == "snat"}
    by_name = {ip["name"]: ip["addresses"][0] for ip in told["externalIPs"]}
    assert leaves == {"10.0.0.0/22": by_name["egress"], "10.0.8.0/24": by_name["second"]}


async def test_one_address_takes_no_rule_of_another_kind_while_the_old_one_is_there(world: World) -> None:
    await world.onboarded()
    document = tenant_document(world.name)
    document["spec"]["externalIPs"][0] = {"use": "floatingIP", "name": "egress", "target": "10.0.0.20"}

    error = await failure(await world.onboard(document))

    assert (
        f"OvnEip {world.name}--egress has OvnSnatRule {world.name}--dev, and OvnFip {world.name}--egress"
        in error.message
    )


# With an edge.


def held(world: EdgeWorld, told: dict[str, Any]) -> None:
    """Both routers hold exactly the routes of this hand-over."""
    for router in (1, 2):
        assert world.edge.holds(f"{world.name}-edge-{router}") == routes(world, told)


async def test_the_record_cannot_be_left_while_the_addresses_it_names_go(edge: EdgeWorld) -> None:
    await edge.onboarded()
    edge.strikes.before["undo-release-announcement"] = refusal("held up")
    run = await edge.onboard(shrunk(tenant_document(edge.name), "web"))
    await parked(run)

    with pytest.raises(Exception, match="Workflow update failed") as refused:
        await resolve(run, decision="skip", reason="later", by="on call")

    assert "another tenant may be given the addresses it names" in str(refused.value.__cause__)
    edge.strikes.before.clear()
    await resolve(run, decision="retry", by="on call")
    await run.result()


@pytest.mark.parametrize("gone", [*((use,) for use in USES), ()], ids=[*USES, "all"])
async def test_its_routes_are_withdrawn_everywhere_and_no_other_is_touched(
    edge: EdgeWorld, gone: tuple[str, ...]
) -> None:
    before = await edge.onboarded()
    assert edge.edge.taken_off == set()

    told = await edge.onboarded(shrunk(tenant_document(edge.name), *gone))

    if gone:
        held(edge, told)
    else:
        assert edge.edge.holds(f"{edge.name}-edge-1") == {} == edge.edge.holds(f"{edge.name}-edge-2")
    lost = set(addresses(before)) - set(addresses(told))
    assert {address for _, address in edge.edge.taken_off} == lost
    assert len(edge.edge.taken_off) == 2 * len(lost)
    kept = await record(edge)
    assert [ip["name"] for ip in kept["external_ips"]] if kept else [ip["name"] for ip in told["externalIPs"]] == []
    assert (kept is None) == (not gone)


async def test_routes_go_before_the_addresses_and_a_neighbour_that_does_not_forget_keeps_them_taken(
    hasty: None, edge: EdgeWorld
) -> None:
    told = await edge.onboarded()
    web = next(ip["addresses"][0] for ip in told["externalIPs"] if ip["name"] == "web")
    edge.edge.become_deaf()

    seen = await parked(run := await edge.onboard(shrunk(tenant_document(edge.name), "web")))

    (waits,) = seen.parked
    assert waits.step == f"release-neighbour-{edge.name}-fabric"
    assert f"still has a route to {web}/32" in waits.reason
    state = (await edge.state())[0]
    assert f"ovn-eips/{edge.name}--web" in state
    edge.edge.deaf = False
    await resolve(run, decision="retry", by="on call")
    held(edge, await run.result())
    assert f"ovn-eips/{edge.name}--web" not in (await edge.state())[0]


async def test_a_router_that_is_away_is_waited_for_by_an_operator_and_nothing_is_undone(edge: EdgeWorld) -> None:
    await edge.onboarded()
    document = shrunk(tenant_document(edge.name), "web")
    router = edge.edge.device(f"{edge.name}-edge-2")

    async def goes_away() -> None:
        router.down = DOWN

    edge.strikes.on_end["hand-over"] = goes_away
    run = await edge.onboard(document)

    (waits,) = (await parked(run)).parked
    assert waits.step == f"release-announce-{edge.name}-edge-2"
    assert "connection refused" in waits.reason
    assert f"ovn-eips/{edge.name}--web" in (await edge.state())[0]
    router.down = None
    await resolve(run, decision="retry", by="on call")
    held(edge, await run.result())


async def test_a_router_that_left_the_document_is_asked_about(edge: EdgeWorld) -> None:
    await edge.onboarded()
    document = json.loads(edge.settings.platform.read_text())
    (gone,) = [one for one in document["spec"]["announce"]["routers"] if one["name"].endswith("-2")]
    document["spec"]["announce"]["routers"].remove(gone)
    edge.edge.device(gone["name"]).running.clear()
    edge.settings.platform.write_text(json.dumps(document))

    seen = await parked(run := await edge.onboard(shrunk(tenant_document(edge.name), "web")))

    (waits,) = seen.parked
    assert waits.step == f"release-announce-{edge.name}-edge-2"
    assert "is not in the platform's document" in waits.reason
    await resolve(run, decision="skip", reason="it was scrapped", by="on call")
    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert len(edge.edge.holds(f"{edge.name}-edge-1")) == 2
    assert f"ovn-eips/{edge.name}--web" not in (await edge.state())[0]


@pytest.mark.parametrize("step", ["announcement", "own-addresses", "external-ip-{name}--web"])
async def test_a_run_that_died_after_its_routes_were_withdrawn_is_gone_on_with(edge: EdgeWorld, step: str) -> None:
    await edge.onboarded()
    document = shrunk(tenant_document(edge.name), "web")
    undo = f"undo-release-{step.replace('{name}', edge.name)}"
    edge.strikes.after[undo] = hiccup()
    run = await edge.onboard(document)
    await edge.strikes.tried(undo, 2)
    await run.terminate("out of patience")
    edge.strikes.after.clear()
    await edge.settle()

    held(edge, await edge.onboarded(document))

    kept = await record(edge)
    assert kept is not None
    assert [ip["name"] for ip in kept["external_ips"]] == ["egress", "bastion"]
    assert f"ovn-eips/{edge.name}--web" not in (await edge.state())[0]
    assert "ip4.dst == 203.0.113." in str(allowed(edge))


async def test_a_run_that_fails_before_it_gives_back_touches_no_route(edge: EdgeWorld) -> None:
    told = await edge.onboarded()
    edge.strikes.after["hand-over"] = refusal()

    await failure(await edge.onboard(shrunk(tenant_document(edge.name))))

    held(edge, told)
    assert edge.edge.taken_off == set()
    kept = await record(edge)
    assert kept is not None
    assert len(kept["external_ips"]) == 3


async def test_an_address_somebody_deleted_by_hand_is_no_longer_announced(edge: EdgeWorld) -> None:
    await edge.onboarded()
    await unmake(edge, f"{KUBE_OVN}/ovn-eips/{edge.name}--web")

    told = await edge.onboarded(shrunk(tenant_document(edge.name), "web"))

    held(edge, told)


async def test_routes_are_withdrawn_though_somebody_took_the_record_away(edge: EdgeWorld) -> None:
    await edge.onboarded()
    path = f"{KUBE_OVN}/vpcs/{edge.name}"
    await change(edge, path, lambda vpc: vpc["metadata"]["annotations"].pop(names.ANNOUNCED_ANNOTATION))

    await edge.onboarded(shrunk(tenant_document(edge.name)))

    assert edge.edge.holds(f"{edge.name}-edge-1") == {} == edge.edge.holds(f"{edge.name}-edge-2")


async def test_a_record_that_cannot_be_read_refuses_the_run(edge: EdgeWorld) -> None:
    await edge.onboarded()
    path = f"{KUBE_OVN}/vpcs/{edge.name}"
    await change(edge, path, lambda vpc: vpc["metadata"]["annotations"].update({names.ANNOUNCED_ANNOTATION: "{"}))

    error = await failure(await edge.onboard(shrunk(tenant_document(edge.name), "web")))

    assert f"Vpc {edge.name}: annotation {names.ANNOUNCED_ANNOTATION} cannot be read" in error.message


async def test_the_board_says_that_it_gives_back_and_what_is_gone(world: World) -> None:
    await world.onboarded()
    world.strikes.before[f"undo-release-external-ip-{world.name}--web"] = refusal("held up")
    run = await world.onboard(shrunk(tenant_document(world.name), "web"))
    await parked(run)
    world.strikes.before.clear()
    world.strikes.before[f"undo-release-external-ip-{world.name}--web"] = hiccup()
    await resolve(run, decision="retry", by="on call")

    seen = await until(run, lambda seen: seen.outcome is Outcome.RUNNING, "the next try")

    assert seen.stage == Stage.RELEASE
    world.strikes.before.clear()
    await run.result()
    ended = {one.id: one for one in (await status(run)).steps}[f"release-external-ip-{world.name}--web"]
    assert (ended.state, ended.stage) == (StepState.UNDONE, "release")
    assert ended.title == f"OvnEip {world.name}--web, given back"
    assert await world.api.get(OVN_EIP, f"{world.name}--web") is None


async def test_a_grown_tenant_gives_back_what_it_grew_by(world: World) -> None:
    told = await world.onboarded()
    document = grown(tenant_document(world.name))
    await world.onboarded(document)

    again = await world.onboarded(shrunk(document, "extra"))

    assert addresses(again) == addresses(told)


# With public addresses of its own.


def public(told: dict[str, Any], *names: str) -> set[str]:
    """The public addresses of these external IPs, as a hand-over tells them."""
    return {address for ip in told["externalIPs"] if ip["name"] in names for address in ip["public"]}


@pytest.mark.parametrize("gone", [*((use,) for use in USES), ()], ids=[*USES, "all"])
async def test_its_public_address_is_untranslated_unannounced_and_given_back(
    nat: EdgeWorld, gone: tuple[str, ...]
) -> None:
    before = await nat.onboarded()

    told = await nat.onboarded(shrunk(tenant_document(nat.name), *gone))

    kept = public(before, *(use for use in USES if gone and use not in gone))
    assert public(told, *USES) == kept
    assert set(await nat.reservations()) == kept
    assert set(nat.edge.holds(f"{nat.name}-edge-1")) == set(nat.edge.holds(f"{nat.name}-nat")) == kept
    lost = public(before, *USES) - kept
    assert nat.edge.taken_off == {(f"{nat.name}-{device}", address) for device in ("edge-1", "nat") for address in lost}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["release-announcement", "release-public-addresses"])
async def test_a_run_with_public_addresses_that_died_is_gone_on_with(nat: EdgeWorld, step: str, when: str) -> None:
    told = await nat.onboarded()
    document = shrunk(tenant_document(nat.name))
    strikes = getattr(nat.strikes, when)
    strikes[f"undo-{step}"] = hiccup()
    run = await nat.onboard(document)
    await nat.strikes.tried(f"undo-{step}", 2)
    await run.terminate("out of patience")
    strikes.clear()
    await nat.settle()

    await nat.onboarded(document)

    assert await nat.reservations() == {}
    assert nat.edge.holds(f"{nat.name}-edge-1") == {} == nat.edge.holds(f"{nat.name}-nat")
    assert {address for _, address in nat.edge.taken_off} == public(told, *USES)
    assert not [key for key in (await nat.state())[0] if key.startswith(f"ovn-eips/{nat.name}")]


async def test_a_public_address_that_alone_was_left_is_given_back(nat: EdgeWorld) -> None:
    await nat.onboarded()
    document = shrunk(tenant_document(nat.name), "web")
    nat.strikes.before["undo-release-public-addresses"] = refusal("held up")
    run = await nat.onboard(document)
    await parked(run)
    await resolve(run, decision="skip", reason="later", by="on call")
    assert (await failure(run)).type == LEFT_BEHIND
    assert len(await nat.reservations()) == 3
    nat.strikes.before.clear()

    await nat.onboarded(document)

    assert len(await nat.reservations()) == 2


async def test_a_public_address_goes_to_the_next_tenant_and_leads_there(
    client: Client, tmp_path: Path, name: str
) -> None:
    pool = {"name": "public", "cidrs": ["198.51.100.0/31"]}
    async with running_edge_world(client, tmp_path, name, one_to_one_nat(name, pool=pool)) as nat:
        document = shrunk(tenant_document(name), "web")
        before = await nat.onboarded(document)
        other, theirs = f"{name}x", tenant_document(f"{name}x")
        theirs["spec"]["externalIPs"] = [{"use": "loadBalancer", "name": "next"}]
        ask = {"tenant": theirs, "requestedBy": "a test"}
        dry = await failure(await nat.start(ONBOARD, ask, id=f"tenant-{other}"))
        assert "public" in dry.message

        await nat.onboarded(shrunk(document, "bastion"))
        told = await (await nat.start(ONBOARD, ask, id=f"tenant-{other}")).result()

        (address,) = public(before, "bastion")
        assert public(told, "next") == {address}
        assert nat.edge.holds(f"{name}-nat")[address] == (addresses(told)[0], other)
        # The first tenant's record no longer names it: what happens to that tenant does not touch it.
        await nat.offboarded()
        assert set(nat.edge.holds(f"{name}-nat")) == {address} == set(nat.edge.holds(f"{name}-edge-1"))
        await (await nat.start(OFFBOARD, {"tenant": other}, id=f"tenant-{other}")).result()
