"""Nothing counts before it was read back: what somebody changed under a run is noticed before the run reports anything."""

import json
from collections.abc import Awaitable, Callable

import pytest

from tests.workflows.others import KUBE_OVN, change, kube_ovn, make, unmake
from tests.workflows.world import World, failure, grown, status, tenant_document
from workflows.face import REFUSED, Outcome
from workflows.steps import GONE, VERIFY

LABEL = "berth.network/tenant"


async def gone(world: World) -> None:
    await unmake(world, f"{KUBE_OVN}/ovn-fips/{world.name}--bastion")


async def changed(world: World) -> None:
    await change(world, f"{KUBE_OVN}/subnets/{world.name}--dev", lambda thing: thing["spec"].update(mtu=1400))


async def without_a_drop(world: World) -> None:
    def drop(vpc: dict[str, dict[str, list[object]]]) -> None:
        vpc["spec"]["policyRoutes"].pop(0)

    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", drop)
    # The test itself took it away, for a moment.
    world.kube.northbound.exposures.clear()


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (gone, "OvnFip {name}--bastion is gone"),
        (changed, "Subnet {name}--dev is not what was written (changed since)"),
        (without_a_drop, "Vpc {name} is not what was written"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_what_somebody_changed_before_the_end_undoes_the_run(
    world: World, meddle: Callable[[World], Awaitable[None]], told: str
) -> None:
    before = await world.state()
    world.strikes.on_start[VERIFY.id] = lambda: meddle(world)

    error = await failure(await world.onboard())

    assert error.type == REFUSED
    assert told.format(name=world.name) in error.message
    assert "find out who changed it" in error.message
    assert await world.state() == before


async def test_a_label_that_was_taken_off_is_noticed(world: World) -> None:
    path = f"{KUBE_OVN}/ovn-eips/{world.name}--web"
    before = await world.state()

    async def meddle() -> None:
        await change(world, path, lambda thing: thing["metadata"]["labels"].pop(LABEL))

    async def mend() -> None:
        # Or the undo would ask an operator about a thing that is nobody's.
        await change(world, path, lambda thing: thing["metadata"]["labels"].update({LABEL: world.name}))

    world.strikes.on_start[VERIFY.id] = meddle
    world.strikes.on_end[VERIFY.id] = mend

    error = await failure(await world.onboard())

    assert f"OvnEip {world.name}--web is no longer labelled {LABEL}={world.name}" in error.message
    assert await world.state() == before


async def test_a_subnet_that_somebody_put_into_the_vpc_is_noticed(world: World) -> None:
    before = await world.state()

    async def meddle() -> None:
        spec = {"vpc": world.name, "cidrBlock": "10.77.0.0/24"}
        await make(world, f"{KUBE_OVN}/subnets", kube_ovn("Subnet", "foreign", spec))

    async def mend() -> None:
        await unmake(world, f"{KUBE_OVN}/subnets/foreign")

    world.strikes.on_start[VERIFY.id] = meddle
    world.strikes.on_end[VERIFY.id] = mend

    error = await failure(await world.onboard())

    assert f"Vpc {world.name} also holds Subnet foreign, not Berth's" in error.message
    assert await world.state() == before


@pytest.mark.parametrize(
    ("thing", "labels", "told"),
    [
        ("other", {LABEL: "{name}"}, "OvnEip other bears the label"),
        ("{name}--late", {}, "OvnEip {name}--late has the name of a thing of {name}'s and not its label"),
    ],
    ids=["by its label", "by its name"],
)
async def test_an_offboarding_is_not_done_while_something_of_the_tenant_is_there(
    world: World, thing: str, labels: dict[str, str], told: str
) -> None:
    await world.onboarded()
    called = thing.format(name=world.name)
    bears = {key: value.format(name=world.name) for key, value in labels.items()}

    async def meddle() -> None:
        spec = {"externalSubnet": "external", "type": "nat"}
        await make(world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", called, spec, bears))

    world.strikes.on_start[GONE.id] = meddle

    error = await failure(run := await world.offboard())

    assert told.format(name=world.name) in error.message
    assert (await status(run)).outcome is Outcome.STOPPED
    await unmake(world, f"{KUBE_OVN}/ovn-eips/{called}")


async def test_the_vpc_carries_the_document_that_was_applied_last(world: World) -> None:
    document = tenant_document(world.name)
    for applied in (document, grown(document)):
        await world.onboarded(applied)

        vpc = world.kube.dump()[f"vpcs/{world.name}"]
        assert json.loads(vpc["metadata"]["annotations"]["berth.network/document"]) == applied
