"""Why an external IP gets no address: Kube-OVN says nothing, so it is found out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import KubeOvn, wait_for_external_ip
from lab.kube import KubeSimulator, Platform
from tenancy.kinds import SUBNET, Object
from tests.clients.manifests import eip, metadata, vpc
from tests.clients.stand_in import client_of


@pytest.fixture
async def platform() -> AsyncIterator[KubeSimulator]:
    """One with three external addresses to give."""
    async with KubeSimulator(platform=Platform(external_cidrs=("203.0.113.0/24",), pool_size=3)) as simulator:
        await simulator.settled()
        yield simulator


@pytest.fixture
async def kube(platform: KubeSimulator) -> AsyncIterator[KubeOvn]:
    async with client_of(platform.url) as client:
        yield client


async def address_of(kube: KubeOvn, manifest: Object, deadline: float = 30) -> str:
    name = (await kube.create(manifest))["metadata"]["name"]
    found = await wait_for_external_ip(kube, name, "external", deadline=deadline)
    return str(found["status"]["v4Ip"])


async def free(kube: KubeOvn) -> int:
    found = await kube.get(SUBNET, "external")
    assert found is not None
    return int(found["status"]["v4availableIPs"])


async def test_an_external_ip_gets_an_address(kube: KubeOvn) -> None:
    assert (await address_of(kube, eip())).startswith("203.0.113.")


async def test_an_exhausted_pool_is_refused_with_its_numbers(kube: KubeOvn, platform: KubeSimulator) -> None:
    taken = await free(kube)
    for number in range(taken):
        await address_of(kube, eip(f"acme--{number}"))
    await platform.settled()
    with pytest.raises(RefusedError) as caught:
        await address_of(kube, eip("acme--late"), deadline=0.1)
    assert caught.value.reason == "pool-exhausted"
    said = str(caught.value)
    assert said.startswith("OvnEip acme--late: external subnet 'external' (203.0.113.0/24) has no address left")
    assert "in use, 0 available" in said
    assert isinstance(caught.value.__cause__, UnavailableError)


async def test_the_address_of_a_router_port_appears_by_itself(kube: KubeOvn) -> None:
    waits = asyncio.create_task(wait_for_external_ip(kube, "acme-external", "external", deadline=30, appears=True))
    await kube.create(vpc(enableExternal=True))
    assert (await waits)["spec"]["type"] == "lrp"


async def test_a_router_port_that_finds_the_pool_exhausted_is_refused_though_it_never_appears(
    kube: KubeOvn, platform: KubeSimulator
) -> None:
    for number in range(await free(kube)):
        await address_of(kube, eip(f"acme--{number}"))
    await kube.create(vpc(enableExternal=True))
    await platform.settled()
    with pytest.raises(RefusedError, match=r"OvnEip acme-external: .* has no address left") as caught:
        await wait_for_external_ip(kube, "acme-external", "external", deadline=0.1, appears=True)
    assert caught.value.reason == "pool-exhausted"


async def test_a_fixed_address_that_another_holds_is_refused_with_its_holder(kube: KubeOvn) -> None:
    held = await address_of(kube, eip("umbrella--web"))
    with pytest.raises(RefusedError, match=f"{held} is held by OvnEip umbrella--web") as caught:
        await address_of(kube, eip(v4Ip=held), deadline=0.1)
    assert caught.value.reason == "address-taken"


async def test_a_fixed_address_that_a_pod_holds_is_refused_with_its_holder(
    kube: KubeOvn, platform: KubeSimulator
) -> None:
    pod = {"metadata": metadata("pod.default"), "spec": {"subnet": "external", "v4IpAddress": "203.0.113.3"}}
    platform.api.create("ips", {"apiVersion": "kubeovn.io/v1", "kind": "IP", **pod})
    platform.faults.add(effect="never-ready", plural="ovn-eips")
    with pytest.raises(RefusedError, match=r"203\.0\.113\.3 is held by IP pod\.default"):
        await address_of(kube, eip(v4Ip="203.0.113.3"), deadline=0.1)


@pytest.mark.parametrize(
    ("address", "reason", "named"),
    [
        ("203.0.113.1", "address-taken", "the gateway of Subnet external"),
        ("198.51.100.7", "address-outside", r"'external' \(203\.0\.113\.0/24\)"),
    ],
)
async def test_an_address_the_pool_never_gives_is_refused(
    kube: KubeOvn, platform: KubeSimulator, address: str, reason: str, named: str
) -> None:
    platform.faults.add(effect="paused")
    with pytest.raises(RefusedError, match=named) as caught:
        await address_of(kube, eip(v4Ip=address), deadline=0.1)
    assert caught.value.reason == reason


async def test_silence_nothing_explains_is_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="paused")
    with pytest.raises(UnavailableError, match=r"OvnEip acme--web: not ready .*kube-ovn-controller is not running"):
        await address_of(kube, eip(), deadline=0.1)


async def test_two_that_ask_for_one_address_do_not_accuse_each_other(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="paused")
    await kube.create(eip("umbrella--web", v4Ip="203.0.113.3"))
    with pytest.raises(UnavailableError, match="not ready"):
        await address_of(kube, eip(v4Ip="203.0.113.3"), deadline=0.1)
