"""What has to hold before the first change, each gap refused with its remedy and nothing touched."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.workflows.others import KUBE_OVN, change, kube_ovn, make, unmake
from tests.workflows.test_lost_answers import pending
from tests.workflows.world import PLATFORM_TEXT, World, failure, grown, running_world, status, tenant_document
from workflows.face import OFFBOARD, ONBOARD, REFUSED, Outcome, StepState

GATEWAY_CONFIG = "api/v1/namespaces/kube-system/configmaps/ovn-external-gw-config"
LABEL = "berth.network/tenant"


async def config_off(world: World) -> None:
    await change(world, GATEWAY_CONFIG, lambda thing: thing["data"].update({"enable-external-gw": "false"}))


async def config_gone(world: World) -> None:
    await unmake(world, GATEWAY_CONFIG)


async def no_gateways(world: World) -> None:
    for node in [key for key in world.kube.dump() if key.startswith("nodes/")]:
        await change(
            world, f"api/v1/{node}", lambda thing: thing["metadata"]["labels"].pop("ovn.kubernetes.io/external-gw", 0)
        )


async def no_chassis(world: World) -> None:
    node = next(key for key in world.kube.dump() if key.startswith("nodes/"))
    await change(world, f"api/v1/{node}", lambda thing: thing["metadata"]["annotations"].clear())


async def foreign_vpc(world: World) -> None:
    await make(world, f"{KUBE_OVN}/vpcs", kube_ovn("Vpc", world.name, {}))


async def foreign_namespace(world: World) -> None:
    metadata = {"name": f"tenant-{world.name}"}
    await make(world, "api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def foreign_subnet(world: World) -> None:
    spec = {"vpc": "ovn-cluster", "cidrBlock": "10.99.0.0/24"}
    await make(world, f"{KUBE_OVN}/subnets", kube_ovn("Subnet", f"{world.name}--dev", spec))


async def foreign_eip(world: World) -> None:
    spec = {"externalSubnet": "external", "type": "nat"}
    await make(world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", f"{world.name}--web", spec, {LABEL: "somebody"}))


async def foreign_rule(world: World) -> None:
    spec = {"ovnEip": "none", "vpcSubnet": "ovn-default"}
    await make(world, f"{KUBE_OVN}/ovn-snat-rules", kube_ovn("OvnSnatRule", f"{world.name}--prod", spec))


async def narrow_pool(world: World) -> None:
    excluded = {"excludeIps": ["203.0.113.1..203.0.113.252"]}
    await change(world, f"{KUBE_OVN}/subnets/external", lambda thing: thing["spec"].update(excluded))


async def another_cidr(world: World) -> None:
    await change(world, f"{KUBE_OVN}/subnets/external", lambda thing: thing["spec"].update({"gateway": "203.0.113.9"}))


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (config_off, 'ConfigMap kube-system/ovn-external-gw-config does not say enable-external-gw: "true"'),
        (config_gone, "ConfigMap kube-system/ovn-external-gw-config does not say"),
        (no_gateways, "label at least one ovn.kubernetes.io/external-gw=true"),
        (no_chassis, "has no annotation ovn.kubernetes.io/chassis"),
        (foreign_vpc, "Vpc {name} exists and is not Berth's for"),
        (foreign_namespace, "Namespace tenant-{name} exists and is not Berth's for"),
        (foreign_subnet, "Subnet {name}--dev exists and is not Berth's for"),
        (foreign_eip, "OvnEip {name}--web exists and is not Berth's for {name} (berth.network/tenant is somebody)"),
        (foreign_rule, "OvnSnatRule {name}--prod exists and is not Berth's for"),
        (narrow_pool, "has too few addresses free: 1, and"),
        (another_cidr, "external Subnet external has gateway 203.0.113.9, the platform document says 203.0.113.1"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_each_gap_is_refused_with_its_remedy_and_nothing_is_touched(
    world: World, gap: Callable[[World], Awaitable[None]], told: str
) -> None:
    await gap(world)
    before = await world.state()
    world.kube.calls.clear()

    error = await failure(run := await world.onboard())

    assert error.type == REFUSED
    assert told.replace("{name}", world.name) in error.message
    assert error.message.isprintable()
    assert await world.state() == before
    assert {call.verb for call in world.kube.calls} <= {"get", "list", "watch"}
    seen = await status(run)
    assert [(one.id, one.state) for one in seen.steps] == [("preflight", StepState.FAILED)]
    assert seen.outcome is Outcome.UNDONE


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("    name: external\n", "    name: absent\n", "ProviderNetwork absent does not exist: create it, or correct"),
        ("externalSubnet: external", "externalSubnet: absent", "external Subnet absent does not exist: create it, or"),
    ],
    ids=["provider-network", "external-subnet"],
)
async def test_a_part_of_the_platform_that_is_not_there_is_named(
    client: Client, tmp_path: Path, name: str, written: str, instead: str, told: str
) -> None:
    text = PLATFORM_TEXT
    assert written in text
    file = tmp_path / "platform.yaml"
    file.write_text(text.replace(written, instead))
    async with running_world(client, tmp_path, name, platform=file) as world:
        before = await world.state()

        error = await failure(await world.onboard())

        assert error.type == REFUSED
        assert told in error.message
        assert await world.state() == before


async def test_a_platform_that_is_not_ready_yet_is_waited_for_and_says_so(
    client: Client, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM_TEXT.replace("    name: external\n", "    name: second\n"))
    async with running_world(client, tmp_path, name, platform=file) as world:
        fault = world.fault(effect="never-ready", plural="provider-networks", name="second")
        await make(
            world, f"{KUBE_OVN}/provider-networks", kube_ovn("ProviderNetwork", "second", {"defaultInterface": "bond1"})
        )
        run = await world.onboard()

        seen = await pending(run, 2)

        assert "ProviderNetwork second of the platform is not ready" in seen.last_failure.message
        world.kube.faults.remove(fault)
        assert (await run.result())["vpc"] == world.name


async def test_all_gaps_are_told_at_once(world: World) -> None:
    for gap in (config_off, foreign_vpc, foreign_namespace):
        await gap(world)

    message = (await failure(await world.onboard())).message

    assert message.count("is not Berth's for") == 2
    assert "enable-external-gw" in message


async def test_what_the_document_no_longer_says_is_an_obstacle_not_silently_kept(world: World) -> None:
    document = tenant_document(world.name)
    await world.onboarded(grown(document))
    before = await world.state()

    error = await failure(await world.onboard(document))

    assert f"Subnet {world.name}--stage belongs to {world.name} and is not in the document" in error.message
    # What is outside would be given back, were it not for the subnet.
    assert f"OvnEip {world.name}--extra" not in error.message
    assert await world.state() == before


async def test_what_cannot_be_changed_in_place_is_an_obstacle(world: World) -> None:
    document = tenant_document(world.name)
    await world.onboarded(document)
    before = await world.state()
    document["spec"]["subnets"][1] = {"name": "dev", "cidrs": ["10.0.9.0/24"]}

    error = await failure(await world.onboard(document))

    assert f"Subnet {world.name}--dev cannot be changed in place: cidrBlock is" in error.message
    assert await world.state() == before


async def test_a_fixed_address_somebody_holds_is_refused_by_its_holder(world: World) -> None:
    document = tenant_document(world.name)
    document["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "fixed", "address": "203.0.113.77"})
    holder = f"{world.name}x"
    other = tenant_document(holder)
    other["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "mine", "address": "203.0.113.77"})
    await (await world.start(ONBOARD, {"tenant": other}, id=f"tenant-{holder}")).result()

    message = (await failure(await world.onboard(document))).message

    assert f"203.0.113.77 is held by OvnEip {holder}--mine of {holder}" in message
    await (await world.start(OFFBOARD, {"tenant": holder}, id=f"tenant-{holder}")).result()
    await world.onboarded(document)


async def test_a_broken_platform_document_is_waited_for_until_it_is_mended(
    client: Client, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("kind: Platform\n")
    async with running_world(client, tmp_path, name, platform=file) as world:
        run = await world.onboard()

        seen = await pending(run, 2)
        assert "mend the platform document" in seen.last_failure.message
        assert (await status(run)).steps[0].state is StepState.RUNNING
        file.write_text(PLATFORM_TEXT)

        assert (await run.result())["platform"] == "lab"


async def test_an_exception_of_the_block_on_the_provider_network_must_be_nobodys_address(
    client: Client, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM_TEXT.replace("- 192.0.2.53/32     # the resolver", "- 203.0.113.64/29"))
    async with running_world(client, tmp_path, name, platform=file) as world:
        narrow = ["203.0.113.70..203.0.113.90", "203.0.113.60..203.0.113.66"]
        for excluded, free in ((["203.0.113.1"], "203.0.113.64"), (narrow, "203.0.113.67")):
            await exclude(world, excluded)
            error = await failure(await world.onboard())
            assert (
                f"so every tenant could reach whoever is given {free}: add 203.0.113.64..203.0.113.71 to"
                in error.message
            )

        await exclude(world, ["203.0.113.1", "203.0.113.64..203.0.113.67", "203.0.113.68..203.0.113.71"])

        await world.onboarded()


async def test_an_exception_of_the_block_for_an_address_that_a_tenant_has_stops_the_next_tenant(
    client: Client, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM_TEXT)
    async with running_world(client, tmp_path, name, platform=file) as world:
        other = tenant_document(f"{name}x")
        started = await world.start(ONBOARD, {"tenant": other}, id=f"tenant-{name}x")
        held = (await started.result())["externalIPs"][0]["addresses"][0]
        file.write_text(PLATFORM_TEXT.replace("192.0.2.53/32", f"{held}/32"))

        error = await failure(await world.onboard())

        assert f"{held}/32 lets every tenant reach OvnEip {name}x--egress of {name}x" in error.message


async def exclude(world: World, addresses: list[str]) -> None:
    """The platform keeps these addresses of the provider network to itself."""
    await change(world, f"{KUBE_OVN}/subnets/external", lambda thing: thing["spec"].update(excludeIps=addresses))
