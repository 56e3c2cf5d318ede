"""External IPs by use, as OVN translates them; fixed addresses; and a pool that is dry, counted before the run starts."""

from typing import Any

import pytest

from tests.workflows.others import KUBE_OVN, change, kube_ovn, make
from tests.workflows.world import Document, World, failure, shrunk, status, tenant_document
from workflows.face import REFUSED, StepState


def with_ips(world: World, *ips: Document) -> Document:
    """The usual tenant with these external IPs."""
    document = tenant_document(world.name)
    document["spec"]["externalIPs"] = list(ips)
    return document


def nats(world: World) -> set[tuple[str, str, str]]:
    """What the tenant's router translates, as OVN has it: type, inside, outside."""
    rows = world.kube.northbound.dump()["routers"][world.name]["nats"]
    return {(row["type"], row["logical_ip"], row["external_ip"]) for row in rows}


def address(told: Any, name: str) -> str:
    """The one address of an external IP, as a hand-over tells it."""
    (only,) = next(ip["addresses"] for ip in told["externalIPs"] if ip["name"] == name)
    return str(only)


async def leave(world: World, free: int) -> None:
    """Excludes so much of the external subnet that this many addresses are free; one in use is the platform's own."""
    excluded = {"excludeIps": [f"203.0.113.1..203.0.113.{253 - free}"]}
    await change(world, f"{KUBE_OVN}/subnets/external", lambda thing: thing["spec"].update(excluded))
    subnet = world.kube.dump()["subnets/external"]
    assert subnet["status"]["v4availableIPs"] == free


async def test_all_subnets_leave_through_a_snat_address_that_names_none(world: World) -> None:
    told = await world.onboarded(with_ips(world, {"use": "snat", "name": "egress"}))

    out = address(told, "egress")
    await world.settle()
    assert nats(world) == {("snat", "10.0.0.0/22", out), ("snat", "10.0.8.0/24", out)}
    assert told["externalIPs"][0]["serves"] == ["prod", "dev"]


async def test_only_the_subnets_it_names_leave_through_a_snat_address(world: World) -> None:
    told = await world.onboarded(with_ips(world, {"use": "snat", "name": "egress", "subnets": ["dev"]}))

    await world.settle()
    assert nats(world) == {("snat", "10.0.8.0/24", address(told, "egress"))}
    assert told["externalIPs"][0]["serves"] == ["dev"]


async def test_the_other_subnets_leave_through_the_address_that_names_none(world: World) -> None:
    told = await world.onboarded(
        with_ips(world, {"use": "snat", "name": "rest"}, {"use": "snat", "name": "dev", "subnets": ["dev"]})
    )

    await world.settle()
    assert nats(world) == {
        ("snat", "10.0.0.0/22", address(told, "rest")),
        ("snat", "10.0.8.0/24", address(told, "dev")),
    }


async def test_a_floating_ip_leads_to_its_workload_and_back(world: World) -> None:
    told = await world.onboarded(with_ips(world, {"use": "floatingIP", "name": "bastion", "target": "10.0.0.10"}))

    await world.settle()
    assert nats(world) == {("dnat_and_snat", "10.0.0.10", address(told, "bastion"))}


async def test_an_address_for_load_balancers_is_kept_and_translates_nothing(world: World) -> None:
    told = await world.onboarded(with_ips(world, {"use": "loadBalancer", "name": "web"}))

    await world.settle()
    assert nats(world) == set()
    assert world.kube.dump()[f"ovn-eips/{world.name}--web"]["status"]["v4Ip"] == address(told, "web")


@pytest.mark.parametrize("use", ["snat", "floatingIP", "loadBalancer"])
async def test_a_fixed_address_is_had_and_comes_back_after_it_was_given_back(world: World, use: str) -> None:
    ip = {"use": use, "name": "fixed", "address": "203.0.113.77"}
    ip |= {"target": "10.0.0.10"} if use == "floatingIP" else {}
    document = with_ips(world, ip, {"use": "loadBalancer", "name": "other"})

    assert address(await world.onboarded(document), "fixed") == "203.0.113.77"

    await world.onboarded(shrunk(document, "fixed"))
    assert f"ovn-eips/{world.name}--fixed" not in (await world.state())[0]
    assert address(await world.onboarded(document), "fixed") == "203.0.113.77"


async def test_a_fixed_address_moves_to_another_external_ip_in_two_steps(world: World) -> None:
    document = with_ips(world, {"use": "loadBalancer", "name": "old", "address": "203.0.113.77"})
    await world.onboarded(document)
    moved = with_ips(world, {"use": "loadBalancer", "name": "new", "address": "203.0.113.77"})

    error = await failure(await world.onboard(moved))

    assert f"external IP new: 203.0.113.77 is held by OvnEip {world.name}--old of {world.name}" in error.message
    assert "onboard first with a document without either, which gives it back" in error.message
    await world.onboarded(shrunk(document))
    assert address(await world.onboarded(moved), "new") == "203.0.113.77"


async def test_the_last_free_addresses_are_enough_and_one_less_is_not(world: World) -> None:
    await leave(world, 3)
    before = await world.state()

    # Three external IPs, and the router's own.
    error = await failure(run := await world.onboard())

    assert error.type == REFUSED
    assert (
        f"external Subnet external has too few addresses free: 3, and {world.name} needs 4 (one of them for its router):"
        " release external IPs, or enlarge the subnet"
    ) in error.message
    assert [(one.id, one.state) for one in (await status(run)).steps] == [("preflight", StepState.FAILED)]
    assert await world.state() == before
    await world.onboarded(shrunk(tenant_document(world.name), "web"))


async def test_a_living_tenant_needs_of_the_pool_only_what_is_new(world: World) -> None:
    document = shrunk(tenant_document(world.name), "web")
    await world.onboarded(document)
    held = {eip["status"]["v4Ip"] for key, eip in world.kube.dump().items() if key.startswith("ovn-eips/")}
    used = sorted(int(one.rpartition(".")[2]) for one in held)
    excluded = {"excludeIps": ["203.0.113.1", f"203.0.113.{used[-1] + 2}..203.0.113.254"]}
    await change(world, f"{KUBE_OVN}/subnets/external", lambda thing: thing["spec"].update(excluded))
    assert world.kube.dump()["subnets/external"]["status"]["v4availableIPs"] == 1

    await world.onboarded()

    document = tenant_document(world.name)
    document["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "more"})
    message = (await failure(await world.onboard(document))).message
    assert f"too few addresses free: 0, and {world.name} needs 1" in message
    # One that is given back is free for the next run.
    await world.onboarded(shrunk(tenant_document(world.name), "web"))
    await world.onboarded(shrunk(document, "web"))


async def test_a_pool_that_somebody_else_empties_during_the_run_undoes_it_and_is_named(world: World) -> None:
    await leave(world, 4)
    before = await world.state()
    theirs = [f"theirs-{number}" for number in range(4)]

    async def somebody_else() -> None:
        for name in theirs:
            spec = {"externalSubnet": "external", "type": "nat"}
            await make(world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", name, spec))

    world.strikes.on_start["block-policy"] = somebody_else

    error = await failure(await world.onboard())

    assert error.type == REFUSED
    assert "external subnet 'external' (203.0.113.0/24) has no address left" in error.message
    assert "release external IPs or enlarge the subnet" in error.message
    after = await world.state()
    assert {key for key in after[0] if key not in before[0]} == {f"ovn-eips/{name}" for name in theirs}
    assert after[1]["routers"] == before[1]["routers"]
