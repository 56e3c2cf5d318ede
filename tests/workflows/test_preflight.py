"""What has to hold before the first change, each gap refused with its remedy and nothing touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.workflows.test_offboarding import KUBE_OVN, make, unmake
from tests.workflows.world import PLATFORM, World, failure, grown, running_world, tenant_document, until
from workflows.face import REFUSED, StepState

Change = Callable[[dict[str, Any]], None]


async def change(world: World, path: str, edit: Change) -> None:
    """Somebody edits an object of the platform."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{world.kube.url}/{path}") as answer:
            thing = await answer.json()
        edit(thing)
        async with session.put(f"{world.kube.url}/{path}", json=thing) as answer:
            assert answer.status == 200, await answer.text()
    await world.settle()


async def config_off(world: World) -> None:
    path = "api/v1/namespaces/kube-system/configmaps/ovn-external-gw-config"
    await change(world, path, lambda thing: thing["data"].update({"enable-external-gw": "false"}))


async def config_gone(world: World) -> None:
    await unmake(world, "api/v1/namespaces/kube-system/configmaps/ovn-external-gw-config")


async def no_gateways(world: World) -> None:
    for node in [key for key in world.kube.dump() if key.startswith("nodes/")]:
        await change(
            world, f"api/v1/{node}", lambda thing: thing["metadata"]["labels"].pop("ovn.kubernetes.io/external-gw", 0)
        )


async def no_chassis(world: World) -> None:
    node = next(key for key in world.kube.dump() if key.startswith("nodes/"))
    await change(world, f"api/v1/{node}", lambda thing: thing["metadata"]["annotations"].clear())


async def foreign_vpc(world: World) -> None:
    await make(
        world, f"{KUBE_OVN}/vpcs", {"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": world.name}}
    )


async def foreign_namespace(world: World) -> None:
    await make(
        world,
        "api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"tenant-{world.name}"}},
    )


async def foreign_eip(world: World) -> None:
    await make(
        world,
        f"{KUBE_OVN}/ovn-eips",
        {
            "apiVersion": "kubeovn.io/v1",
            "kind": "OvnEip",
            "metadata": {"name": f"{world.name}--web", "labels": {"berth.network/tenant": "somebody"}},
            "spec": {"externalSubnet": "external", "type": "nat"},
        },
    )


async def narrow_pool(world: World) -> None:
    await change(
        world,
        f"{KUBE_OVN}/subnets/external",
        lambda thing: thing["spec"].update({"excludeIps": ["203.0.113.1..203.0.113.252"]}),
    )


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (config_off, 'ConfigMap kube-system/ovn-external-gw-config does not say enable-external-gw: "true"'),
        (config_gone, "ConfigMap kube-system/ovn-external-gw-config does not say"),
        (no_gateways, "label at least one ovn.kubernetes.io/external-gw=true"),
        (no_chassis, "has no annotation ovn.kubernetes.io/chassis"),
        (foreign_vpc, "is not Berth's for"),
        (foreign_namespace, "is not Berth's for"),
        (foreign_eip, "berth.network/tenant is somebody"),
        (narrow_pool, "has too few addresses free: 1, and"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_each_gap_is_refused_with_its_remedy_and_nothing_is_touched(
    world: World, gap: Callable[[World], Any], told: str
) -> None:
    await gap(world)
    before = await world.state()

    error = await failure(await world.onboard())

    assert error.type == REFUSED
    assert told in error.message
    assert await world.state() == before


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
    assert f"OvnEip {world.name}--extra" in error.message
    assert await world.state() == before


async def test_what_cannot_be_changed_in_place_is_an_obstacle(world: World) -> None:
    document = tenant_document(world.name)
    await world.onboarded(document)
    document["spec"]["subnets"][1] = {"name": "dev", "cidrs": ["10.0.9.0/24"]}

    error = await failure(await world.onboard(document))

    assert f"Subnet {world.name}--dev cannot be changed in place: cidrBlock is" in error.message


async def test_a_fixed_address_somebody_holds_is_refused_by_its_holder(world: World) -> None:
    document = tenant_document(world.name)
    document["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "fixed", "address": "203.0.113.77"})
    other = tenant_document("other")
    other["spec"]["externalIPs"].append({"use": "loadBalancer", "name": "mine", "address": "203.0.113.77"})
    await (await world.start("OnboardTenant", {"tenant": other}, id="tenant-other")).result()

    message = (await failure(await world.onboard(document))).message

    assert "203.0.113.77 is held by OvnEip other--mine of other" in message
    # Another test of this session may onboard a tenant of that name again.
    await (await world.start("OffboardTenant", {"tenant": "other"}, id="tenant-other")).result()


async def test_a_broken_platform_document_is_waited_for_until_it_is_mended(client: Any, tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("kind: Platform\n")
    async with running_world(client, tmp_path, "mended", platform=file) as world:
        run = await world.onboard()
        await world.strikes.tried("preflight", 2)
        seen = await until(run, lambda now: bool(now.steps), "the board")
        assert seen.steps[0].state is StepState.RUNNING

        file.write_text(PLATFORM.read_text())

        assert (await run.result())["platform"] == "lab"
