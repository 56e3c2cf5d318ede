"""Routes at the edge, from the whole run: when they are made, who has to have heard of them, and how they go."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from clients.errors import RefusedError
from tenancy import names
from tenancy.handover import HandOver, announced_in
from tenancy.kinds import VPC
from tests.workflows.edge_world import (
    DOWN,
    EdgeWorld,
    addresses,
    one_to_one_nat,
    record,
    routes,
    running_edge_world,
    static_routes,
    write_announce,
)
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.world import (
    DUAL_STACK,
    EXTERNAL,
    EXTERNAL_V6,
    Run,
    cancelled,
    failure,
    grown,
    one_address,
    parked,
    resolve,
    status,
    tenant_document,
    until,
)
from workflows.face import INVALID_DOCUMENT, LEFT_BEHIND, LOOK_AT_EDGE, OFFBOARD, ONBOARD, EdgeSeen, Outcome, StepState


@pytest.fixture
def world(edge: EdgeWorld) -> EdgeWorld:
    """Two edge routers and a neighbour."""
    return edge


async def ended(run: Run) -> None:
    """Waits until a run that was ended from outside is over."""
    with pytest.raises(WorkflowFailureError):
        await run.result()


async def test_every_external_ip_is_announced_on_every_router_with_the_tenants_router_as_next_hop(
    world: EdgeWorld,
) -> None:
    told = await world.onboarded()

    assert len(addresses(told)) == 3
    for router in (f"{world.name}-edge-1", f"{world.name}-edge-2"):
        assert world.edge.holds(router) == routes(world, told)
    (hop,) = told["routerAddresses"]
    assert told["externalIPs"][0]["routes"] == [{"prefix": f"{addresses(told)[0]}/32", "nextHop": hop}]
    assert told["announcedOn"] == [f"{world.name}-edge-1", f"{world.name}-edge-2"]
    assert told["heardBy"] == [f"{world.name}-fabric"]
    kept = await record(world)
    assert kept is not None
    assert [ip["name"] for ip in kept["external_ips"]] == ["egress", "bastion", "web"]


async def test_offboarding_withdraws_every_route(world: EdgeWorld) -> None:
    await world.onboarded()

    told = await world.offboarded()

    assert world.edge.holds(f"{world.name}-edge-1") == {} == world.edge.holds(f"{world.name}-edge-2")
    assert f"Routes on edge router {world.name}-edge-1" in told["removed"]
    # The routes go before anything of the tenant's does.
    assert told["removed"].index(f"Routes as {world.name}-fabric knows them") < told["removed"].index(
        f"OvnEip {world.name}--egress"
    )


async def test_a_run_is_not_done_before_the_neighbour_has_heard_of_every_route(world: EdgeWorld) -> None:
    world.edge.become_deaf()
    run = await world.onboard()

    step = f"neighbour-{world.name}-fabric"
    seen = await until(run, lambda seen: any(one.id == step and one.note for one in seen.steps), "a look in vain")

    (waits,) = [one for one in seen.steps if one.id == step]
    assert waits.state is StepState.RUNNING
    assert waits.note is not None
    assert waits.note.startswith(f"{world.name}-fabric has not heard of 203.0.113.")
    world.edge.deaf = False
    assert (await run.result())["heardBy"] == [f"{world.name}-fabric"]


async def test_a_run_that_waits_for_a_neighbour_is_undone_before_temporal_ends_it(
    hasty: None, monkeypatch: pytest.MonkeyPatch, world: EdgeWorld
) -> None:
    monkeypatch.setattr("workflows.edge.LONGEST_HISTORY", 1)
    before = await world.state()
    world.edge.become_deaf()

    error = await failure(await world.onboard())

    assert f"{world.name}-fabric has not heard of 203.0.113." in error.message
    assert "the history of this run is nearly full" in error.message
    assert world.edge.holds(f"{world.name}-edge-1") == {}
    assert await world.state() == before


@pytest.mark.parametrize("router", [1, 2])
async def test_routes_that_one_router_does_not_take_are_on_none_and_the_run_is_undone(
    world: EdgeWorld, router: int
) -> None:
    before = await world.state()
    world.edge.device(f"{world.name}-edge-{router}").rejects.add(world.name)

    error = await failure(await world.onboard())

    assert f"Routes on edge router {world.name}-edge-{router}" in error.message
    assert "'% Malformed address'" in error.message
    assert world.edge.holds(f"{world.name}-edge-1") == {} == world.edge.holds(f"{world.name}-edge-2")
    assert await world.state() == before


async def test_a_run_that_fails_after_its_routes_withdraws_them_and_waits_until_they_are_forgotten(
    world: EdgeWorld,
) -> None:
    before = await world.state()
    world.strikes.after["hand-over"] = refusal()
    world.edge.become_deaf()
    run = await world.onboard()
    await until(run, lambda seen: world.edge.looks > 0, "a look")
    world.edge.deaf = False

    await failure(run)

    assert world.edge.holds(f"{world.name}-edge-1") == {}
    assert await world.state() == before
    fabric = f"neighbour-{world.name}-fabric"
    assert {one.id: one.state for one in (await status(run)).steps}[fabric] is StepState.UNDONE


async def test_a_cancel_while_the_neighbour_has_not_heard_yet_withdraws_the_routes(world: EdgeWorld) -> None:
    before = await world.state()
    world.edge.become_deaf()
    run = await world.onboard()
    await until(run, lambda seen: world.edge.looks > 0, "a look")

    await run.cancel()

    await cancelled(run)
    assert world.edge.holds(f"{world.name}-edge-1") == {}
    assert await world.state() == before


async def test_a_router_that_refuses_the_login_refuses_the_run_before_anything_is_made(world: EdgeWorld) -> None:
    before = await world.state()
    world.edge.device(f"{world.name}-edge-2").down = RefusedError("login berth was refused", reason="login-refused")

    error = await failure(run := await world.onboard())

    assert error.message == (
        f"onboarding {world.name}: {world.name}-edge-2 answers: {world.name}-edge-2: login berth was refused;"
        " nothing had been changed"
    )
    assert await world.state() == before
    assert (await status(run)).outcome is Outcome.UNDONE


async def test_a_router_that_is_away_holds_the_run_up_and_its_reason_is_seen(world: EdgeWorld) -> None:
    router = world.edge.device(f"{world.name}-edge-1")

    async def goes_away() -> None:
        router.down = DOWN

    world.strikes.on_start["announcement"] = goes_away
    run = await world.onboard()

    step = f"announce-{world.name}-edge-1"
    seen = await until(run, lambda seen: any(one.id == step and one.note for one in seen.steps), "why it waits")

    (waits,) = [one for one in seen.steps if one.id == step]
    assert waits.note is not None
    assert "connection refused" in waits.note
    router.down = None
    told = await run.result()
    assert world.edge.holds(f"{world.name}-edge-1") == routes(world, told)


async def test_a_run_that_finds_a_half_done_tenant_withdraws_what_was_never_announced_before(world: EdgeWorld) -> None:
    async def dies() -> None:
        await run.terminate("on purpose")

    world.strikes.on_start["own-addresses"] = dies
    run = await world.onboard()
    await ended(run)
    world.strikes.after["hand-over"] = refusal()

    await failure(await world.onboard())

    # The OvnEips were there before the second run and stay; no route was.
    assert f"ovn-eips/{world.name}--egress" in (await world.state())[0]
    assert world.edge.holds(f"{world.name}-edge-1") == {}
    assert await record(world) is None


async def test_a_tenant_that_grows_in_vain_keeps_the_routes_it_had(world: EdgeWorld) -> None:
    told = await world.onboarded()
    before, kept = await world.state(), await record(world)
    world.strikes.after["hand-over"] = refusal()

    await failure(await world.onboard(grown(tenant_document(world.name))))

    assert world.edge.holds(f"{world.name}-edge-1") == routes(world, told)
    assert await record(world) == kept
    assert (await world.state())[0].keys() == before[0].keys()


async def test_what_came_onto_a_new_router_goes_again_where_the_run_fails(world: EdgeWorld) -> None:
    announce = static_routes(world.name, routers=2)
    write_announce(world, {**announce, "routers": announce["routers"][:1]})
    told = await world.onboarded()
    before, kept = await world.state(), await record(world)
    write_announce(world, announce)
    world.strikes.after["hand-over"] = refusal()

    await failure(await world.onboard())

    # The record names the first router alone again: nobody would ever take the routes off the second.
    assert await record(world) == kept
    assert world.edge.holds(f"{world.name}-edge-2") == {}
    assert world.edge.holds(f"{world.name}-edge-1") == routes(world, told)
    assert (await world.state())[0].keys() == before[0].keys()


async def test_another_next_hop_goes_back_to_the_one_there_was_where_the_run_fails(world: EdgeWorld) -> None:
    told = await world.onboarded()
    kept = await record(world)
    write_announce(world, static_routes(world.name, routers=2, nextHops=["192.0.2.77"]))
    world.strikes.after["hand-over"] = refusal()

    await failure(await world.onboard())

    assert await record(world) == kept
    assert world.edge.holds(f"{world.name}-edge-1") == routes(world, told) == world.edge.holds(f"{world.name}-edge-2")


async def test_a_tenant_that_grows_is_announced_with_what_is_new(world: EdgeWorld) -> None:
    await world.onboarded()

    told = await world.onboarded(grown(tenant_document(world.name)))

    assert len(addresses(told)) == 4
    assert world.edge.holds(f"{world.name}-edge-2") == routes(world, told)


async def test_routes_that_a_neighbour_does_not_forget_wait_for_an_operator_and_the_addresses_stay_taken(
    hasty: None, world: EdgeWorld
) -> None:
    told = await world.onboarded()
    world.edge.become_deaf()

    seen = await parked(run := await world.offboard())

    (waits,) = seen.parked
    assert waits.step == f"neighbour-{world.name}-fabric"
    assert f"still has a route to {addresses(told)[0]}/32" in waits.reason
    assert f"ovn-eips/{world.name}--egress" in (await world.state())[0]
    world.edge.deaf = False
    await resolve(run, decision="retry", by="on call")
    await run.result()
    assert world.edge.holds(f"{world.name}-edge-1") == {}


async def test_a_router_that_left_the_document_is_asked_about_and_not_forgotten(world: EdgeWorld) -> None:
    await world.onboarded()
    document = json.loads(world.settings.platform.read_text())
    (gone,) = [one for one in document["spec"]["announce"]["routers"] if one["name"].endswith("-2")]
    document["spec"]["announce"]["routers"].remove(gone)
    world.edge.device(gone["name"]).running.clear()
    world.settings.platform.write_text(json.dumps(document))

    seen = await parked(run := await world.offboard())

    (waits,) = seen.parked
    assert waits.step == f"announce-{world.name}-edge-2"
    assert "is not in the platform's document" in waits.reason
    await resolve(run, decision="skip", reason="it was scrapped", by="on call")
    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert f"Routes on edge router {world.name}-edge-2" in error.message
    assert world.edge.holds(f"{world.name}-edge-1") == {}


async def test_the_record_of_what_is_announced_cannot_be_left_as_it_is(world: EdgeWorld) -> None:
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before["undo-announcement"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await resolve(run, decision="skip", reason="later", by="on call")

    assert "nobody would know any more what is announced where" in str(refused.value.cause)
    world.strikes.before.clear()
    await resolve(run, decision="retry", by="on call")
    await failure(run)


async def test_routes_are_withdrawn_though_somebody_took_the_record_away(world: EdgeWorld) -> None:
    await world.onboarded()

    def without_record(vpc: Any) -> Any:
        annotations = {**vpc["metadata"]["annotations"]}
        del annotations[names.ANNOUNCED_ANNOTATION]
        return {**vpc, "metadata": {**vpc["metadata"], "annotations": annotations}}

    await world.api.edit(VPC, world.name, without_record)
    await world.offboarded()

    assert world.edge.holds(f"{world.name}-edge-1") == {} == world.edge.holds(f"{world.name}-edge-2")


async def test_what_is_announced_now_is_asked_of_every_device(world: EdgeWorld) -> None:
    told = await world.onboarded()
    one, other, web = addresses(told)
    world.edge.device(f"{world.name}-edge-1").running.pop(one)
    world.edge.device(f"{world.name}-edge-2").down = RefusedError("login berth was refused", reason="login-refused")

    announced = announced_in(HandOver.model_validate(told))
    assert announced is not None
    assert announced.model_dump(mode="json") == await record(world)
    look = {"tenant": world.name, "announcement": announced}
    seen = EdgeSeen.model_validate(
        await world.client.execute_workflow(
            LOOK_AT_EDGE, look, id=names.look_workflow(world.name), task_queue=world.settings.task_queue
        )
    )

    first, second, fabric = seen.devices
    assert (first.device, first.role, first.missing) == (f"{world.name}-edge-1", "router", (one,))
    assert first.in_force == (other, web)
    assert second.problem == f"{world.name}-edge-2: login berth was refused"
    # The other router still announces it.
    assert fabric.missing == ()


@pytest.mark.parametrize(
    "given", [(), ("nonsense",), ({"tenant": "acme"},), ({"tenant": "acme; reboot", "announcement": None},)]
)
async def test_a_look_at_what_is_no_announcement_fails_at_once(world: EdgeWorld, given: tuple[Any, ...]) -> None:
    run = await world.client.start_workflow(
        LOOK_AT_EDGE, args=given, id=names.look_workflow(world.name), task_queue=world.settings.task_queue
    )

    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(run.result(), PATIENCE)
    assert getattr(error.value.cause, "type", "") == INVALID_DOCUMENT


async def test_nobody_has_a_route_made_to_an_address_that_is_not_the_tenants(world: EdgeWorld) -> None:
    await world.onboarded()
    held = world.edge.holds(f"{world.name}-edge-1")

    outcome = await world.signalled(f"{world.name}-edge-1", "announce", "203.0.113.250", "203.0.113.251")

    assert outcome == ("refused", "not-reserved")
    assert world.edge.holds(f"{world.name}-edge-1") == held


async def test_nobody_takes_away_the_route_to_another_tenants_address(world: EdgeWorld) -> None:
    told = await world.onboarded()

    outcome = await world.signalled(
        f"{world.name}-edge-1", "withdraw", addresses(told)[0], "203.0.113.251", tenant="mallory"
    )

    assert outcome == ("refused", "not-reserved")
    assert world.edge.holds(f"{world.name}-edge-1") == routes(world, told)


async def test_a_neighbour_is_only_ever_read(world: EdgeWorld) -> None:
    told = await world.onboarded()

    outcome = await world.signalled(f"{world.name}-fabric", "announce", addresses(told)[0], "203.0.113.251")

    assert outcome == ("refused", "invalid-request")
    assert world.edge.holds(f"{world.name}-fabric") == {}


async def test_with_nat_each_external_ip_has_a_public_address_translated_before_it_is_announced(nat: EdgeWorld) -> None:
    told = await nat.onboarded()

    public = {address: ip["addresses"][0] for ip in told["externalIPs"] for address in ip["public"]}
    assert len(public) == 3
    assert nat.edge.holds(f"{nat.name}-nat") == {address: (held, nat.name) for address, held in public.items()}
    # The router discards what no translation has taken before.
    assert nat.edge.holds(f"{nat.name}-edge-1") == dict.fromkeys(public, (None, nat.name))
    assert await nat.reservations() == dict.fromkeys(public, nat.name)
    assert told["translatedOn"] == [f"{nat.name}-nat"]
    assert [action for _, action, _ in nat.edge.journal] == ["translate", "announce"]


async def test_with_nat_offboarding_withdraws_then_ends_the_translation_then_gives_the_address_back(
    nat: EdgeWorld,
) -> None:
    await nat.onboarded()

    told = await nat.offboarded()

    assert [action for _, action, _ in nat.edge.journal] == ["translate", "announce", "withdraw", "untranslate"]
    assert await nat.reservations() == {}
    order = [
        next(place for place, one in enumerate(told["removed"]) if one.startswith(what))
        for what in ("Routes on", "Routes as", "Translations on", "OvnEip", "ConfigMap public-")
    ]
    assert order == sorted(order)


async def test_with_nat_a_run_that_fails_at_its_end_leaves_nothing_at_the_edge_and_nothing_reserved(
    nat: EdgeWorld,
) -> None:
    before = await nat.state()
    nat.strikes.after["hand-over"] = refusal()

    await failure(await nat.onboard())

    assert nat.edge.holds(f"{nat.name}-nat") == {} == nat.edge.holds(f"{nat.name}-edge-1")
    assert await nat.state() == before


async def test_with_nat_a_translator_that_takes_no_line_refuses_the_run_before_anything_is_announced(
    nat: EdgeWorld,
) -> None:
    before = await nat.state()
    nat.edge.device(f"{nat.name}-nat").rejects.add(nat.name)

    await failure(await nat.onboard())

    assert nat.edge.journal == []
    assert await nat.state() == before


async def test_with_nat_a_tenant_that_grows_in_vain_keeps_its_public_addresses_and_translations(nat: EdgeWorld) -> None:
    await nat.onboarded()
    kept = (await nat.reservations(), nat.edge.holds(f"{nat.name}-nat"), nat.edge.holds(f"{nat.name}-edge-1"))
    nat.strikes.after["hand-over"] = refusal()

    await failure(await nat.onboard(grown(tenant_document(nat.name))))

    assert kept == (await nat.reservations(), nat.edge.holds(f"{nat.name}-nat"), nat.edge.holds(f"{nat.name}-edge-1"))


async def test_of_a_hundred_tenants_on_a_pool_of_fifty_fifty_are_served_and_none_gets_what_another_has(
    client: Client, tmp_path: Path, name: str
) -> None:
    half, wanted = 50, 100
    exclude = [{"first": "198.51.100.50", "last": "198.51.100.63"}]
    pool = {"name": "edge-pool", "cidrs": ["198.51.100.0/26"], "exclude": exclude}
    async with running_edge_world(client, tmp_path, name, one_to_one_nat(name, pool=pool)) as world:
        tenants = [f"{name}-{number:03}" for number in range(wanted)]
        runs = [
            await world.start(ONBOARD, {"tenant": one_address(one), "requestedBy": "a test"}, id=f"tenant-{one}")
            for one in tenants
        ]

        ends = await asyncio.gather(*(run.result() for run in runs), return_exceptions=True)

        served = [end for end in ends if not isinstance(end, BaseException)]
        refused = [str(end.cause) for end in ends if isinstance(end, WorkflowFailureError)]
        assert (len(served), len(refused)) == (half, half)
        assert all("edge-pool" in words for words in refused), refused
        public = [address for told in served for ip in told["externalIPs"] for address in ip["public"]]
        assert len(set(public)) == half
        assert set(await world.reservations()) == set(public) == set(world.edge.holds(f"{name}-edge-1"))
        gone = [
            await world.start(
                OFFBOARD, {"tenant": told["tenant"], "requestedBy": "a test"}, id=f"tenant-{told['tenant']}"
            )
            for told in served
        ]
        await asyncio.gather(*(run.result() for run in gone))
        assert await world.reservations() == {}
        assert world.edge.holds(f"{name}-nat") == {} == world.edge.holds(f"{name}-edge-1")


async def test_on_a_dual_stack_provider_network_both_addresses_are_announced_each_by_the_router_of_its_family(
    client: Client, tmp_path: Path, name: str
) -> None:
    spec = {"providerNetwork": DUAL_STACK}
    both = (EXTERNAL, EXTERNAL_V6)
    async with running_edge_world(client, tmp_path, name, static_routes(name), spec=spec, external_cidrs=both) as world:
        told = await world.onboarded(one_address(name))

        v4, v6 = addresses(told)
        hop4, hop6 = told["routerAddresses"]
        assert (":" in v4, ":" in v6, ":" in hop4, ":" in hop6) == (False, True, False, True)
        assert world.edge.holds(f"{name}-edge-1") == {v4: (hop4, name), v6: (hop6, name)}
        assert [route["prefix"] for route in told["externalIPs"][0]["routes"]] == [f"{v4}/32", f"{v6}/128"]
        await world.offboarded()
        assert world.edge.holds(f"{name}-edge-1") == {}


async def test_with_nat_on_a_dual_stack_provider_network_each_family_has_a_public_address_of_its_own(
    client: Client, tmp_path: Path, name: str
) -> None:
    spec = {"providerNetwork": DUAL_STACK}
    pool = {"name": "public", "cidrs": ["198.51.100.0/28", "2001:db8:51::/120"]}
    both = (EXTERNAL, EXTERNAL_V6)
    async with running_edge_world(
        client, tmp_path, name, one_to_one_nat(name, pool=pool), spec=spec, external_cidrs=both
    ) as world:
        told = await world.onboarded(one_address(name))

        public4, public6 = told["externalIPs"][0]["public"]
        held4, held6 = addresses(told)
        assert world.edge.holds(f"{name}-nat") == {public4: (held4, name), public6: (held6, name)}
        assert set(world.edge.holds(f"{name}-edge-1")) == {public4, public6}
        await world.offboarded()
        assert await world.reservations() == {}
        assert world.edge.holds(f"{name}-nat") == {}


async def test_with_nat_what_came_onto_a_new_translator_goes_again_where_the_run_fails(nat: EdgeWorld) -> None:
    await nat.onboarded()
    kept, there = await record(nat), dict(nat.edge.holds(f"{nat.name}-nat"))
    announce = one_to_one_nat(nat.name)
    (translator,) = announce["translators"]
    second = {**translator, "name": f"{nat.name}-second-nat", "host": "192.0.2.201"}
    write_announce(nat, {**announce, "translators": [translator, second]})
    nat.strikes.after["hand-over"] = refusal()

    await failure(await nat.onboard())

    assert ("translate", nat.name) in [one[1:] for one in nat.edge.journal if one[0] == second["name"]]
    assert nat.edge.holds(second["name"]) == {}
    assert nat.edge.holds(f"{nat.name}-nat") == there
    assert await record(nat) == kept


async def test_with_nat_nothing_stays_translated_though_somebody_took_the_record_away(nat: EdgeWorld) -> None:
    await nat.onboarded()

    def without_record(vpc: Any) -> Any:
        annotations = {**vpc["metadata"]["annotations"]}
        del annotations[names.ANNOUNCED_ANNOTATION]
        return {**vpc, "metadata": {**vpc["metadata"], "annotations": annotations}}

    await nat.api.edit(VPC, nat.name, without_record)
    await nat.offboarded()

    assert nat.edge.holds(f"{nat.name}-edge-1") == {} == nat.edge.holds(f"{nat.name}-nat")
    assert await nat.reservations() == {}
