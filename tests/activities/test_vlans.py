"""A VLAN ID is one tenant's alone, taken by creating the object that bears it; on a simulated platform's real API."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.decisions import Pace
from activities.vlans import ReleaseVlans, Reserved, ReserveVlan, VlanSteps
from clients.kube_ovn.client import KubeOvn
from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from tenancy.kinds import VLAN, Object
from tests.clients.stand_in import client_of


class Platform:
    """The simulated platform and the steps on it."""

    def __init__(self, simulator: KubeSimulator, kube: KubeOvn) -> None:
        self.simulator, self.kube = simulator, kube
        self._steps = VlanSteps(kube, Pace(gone_deadline=5))

    async def reserve(self, tenant: str, candidates: str = "2000-2009", **more: Any) -> Reserved:
        given = ReserveVlan(
            **{"tenant": tenant, "run": f"run-of-{tenant}", "provider_network": "external", "candidates": candidates}
            | more
        )
        reserved: Reserved = await ActivityEnvironment().run(self._steps.reserve_vlan, given)
        return reserved

    async def release(self, tenant: str) -> bool:
        given = ReleaseVlans(tenant=tenant, run=f"run-of-{tenant}")
        released: bool = await ActivityEnvironment().run(self._steps.release_vlans, given)
        return released

    async def taken(self) -> dict[str, str | None]:
        """Name of each Vlan object but the platform's own, and whose it is."""
        return {
            one["metadata"]["name"]: (one["metadata"].get("labels") or {}).get("berth.network/tenant")
            for one in await self.kube.list(VLAN)
            if one["metadata"]["name"] != "external"
        }

    async def make(self, name: str, id: int, provider: str = "external", tenant: str | None = None) -> Object:
        metadata = {"name": name, "labels": {"berth.network/tenant": tenant} if tenant else {}}
        spec = {"id": id, "provider": provider}
        return await self.kube.create(
            {"apiVersion": VLAN.api_version, "kind": VLAN.name, "metadata": metadata, "spec": spec}
        )


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as simulator, client_of(simulator.url) as kube:
        await simulator.settled()
        yield Platform(simulator, kube)


async def refused(reserving: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as failure:
        await reserving
    assert failure.value.non_retryable
    return failure.value


async def test_the_lowest_free_id_is_taken_by_creating_its_object(platform: Platform) -> None:
    assert await platform.reserve("acme") == Reserved(vlan=2000)
    assert await platform.reserve("globex") == Reserved(vlan=2001)
    assert await platform.taken() == {"vlan-2000": "acme", "vlan-2001": "globex"}


async def test_a_hundred_tenants_at_once_never_share_an_id(platform: Platform) -> None:
    reserved = await asyncio.gather(*(platform.reserve(f"tenant{n}", "2000-2099") for n in range(100)))
    assert {one.vlan for one in reserved} == set(range(2000, 2100))
    assert await platform.taken() == {f"vlan-{one.vlan}": f"tenant{n}" for n, one in enumerate(reserved)}


async def test_an_id_that_somebody_elses_vlan_bears_is_not_taken_whatever_its_name(platform: Platform) -> None:
    await platform.make("storage", 2000)
    await platform.make("vlan-2001", 777)
    await platform.make("elsewhere", 2002, provider="another")
    assert (await platform.reserve("acme")).vlan == 2002


async def test_an_id_a_switch_knows_under_a_foreign_name_is_passed_over_and_told(platform: Platform) -> None:
    reserved = await platform.reserve("acme", foreign={"leaf-1": "1,1990-2000", "leaf-2": "2000-2001"})
    assert reserved.vlan == 2002
    told = " ".join(reserved.passed_over)
    assert "VLAN 2000 is known to leaf-1, leaf-2 under a name" in told
    assert "VLAN 2001 is known to leaf-2" in told


async def test_a_twin_made_in_the_same_moment_makes_the_tenant_take_the_next(platform: Platform) -> None:
    """Kube-OVN serves none of two Vlans with one ID on one provider network."""
    create = platform.kube.create

    async def create_after_somebody_else(manifest: Object) -> Object:
        if manifest["spec"]["id"] == 2000:
            await create({**manifest, "metadata": {"name": "storage"}})
        return await create(manifest)

    platform.kube.create = create_after_somebody_else  # type: ignore[method-assign]
    assert (await platform.reserve("acme")).vlan == 2001
    assert await platform.taken() == {"storage": None, "vlan-2001": "acme"}


async def test_a_wish_is_honoured(platform: Platform) -> None:
    assert (await platform.reserve("acme", wished=2005)).vlan == 2005


@pytest.mark.parametrize(
    ("holder", "said"), [("globex", "taken by globex"), (None, "taken by Vlan vlan-2005, not Berth's")]
)
async def test_a_wish_for_what_another_has_is_refused_with_its_holder(
    platform: Platform, holder: str | None, said: str
) -> None:
    await platform.make("vlan-2005", 2005, tenant=holder)
    failure = await refused(platform.reserve("acme", wished=2005))
    assert failure.type == "vlan-taken"
    assert said in failure.message


async def test_a_wish_for_what_a_switch_knows_is_refused_with_the_switch(platform: Platform) -> None:
    failure = await refused(platform.reserve("acme", wished=2005, foreign={"leaf-2": "2005"}))
    assert failure.type == "vlan-taken"
    assert "VLAN 2005 is known to leaf-2" in failure.message
    assert await platform.taken() == {}


async def test_a_dry_range_is_refused_with_its_name(platform: Platform) -> None:
    await platform.reserve("globex", "2000")
    failure = await refused(platform.reserve("acme", "2000-2001", foreign={"leaf-1": "2001"}))
    assert failure.type == "no-vlan-free"
    assert "no VLAN ID of 2000-2001 is free" in failure.message
    assert "VLAN 2001 is known to leaf-1" in failure.message


async def test_a_reservation_whose_answer_was_lost_is_found_again(platform: Platform) -> None:
    platform.simulator.faults.add(Fault(effect="lose-answer", verb="create", plural="vlans", times=1))
    with pytest.raises(ApplicationError) as lost:
        await platform.reserve("acme")
    assert not lost.value.non_retryable
    assert await platform.reserve("acme") == Reserved(vlan=2000)
    assert await platform.taken() == {"vlan-2000": "acme"}


async def test_what_an_earlier_run_reserved_is_kept_and_another_wish_is_refused(platform: Platform) -> None:
    await platform.reserve("acme", run="an earlier run")
    assert await platform.reserve("acme") == Reserved(vlan=2000, adopted=True)
    failure = await refused(platform.reserve("acme", wished=2001))
    assert "tenant acme has VLAN 2000, wished is 2001" in failure.message


async def test_only_what_the_run_reserved_is_given_back(platform: Platform) -> None:
    await platform.reserve("acme", run="an earlier run")
    await platform.reserve("globex")
    assert not await platform.release("acme")
    assert await platform.release("globex")
    assert not await platform.release("globex")
    assert await platform.taken() == {"vlan-2000": "acme"}


async def test_a_vlan_that_somebody_elses_subnet_is_bound_to_is_not_given_back(platform: Platform) -> None:
    await platform.reserve("acme")
    spec = {"vpc": "ovn-cluster", "cidrBlock": "10.9.0.0/24", "vlan": "vlan-2000"}
    metadata = {"name": "theirs"}
    await platform.kube.create({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": metadata, "spec": spec})
    failure = await refused(platform.release("acme"))
    assert failure.type == "in-use"
    assert "Subnet theirs" in failure.message


async def test_another_id_is_taken_before_the_first_is_given_back(platform: Platform) -> None:
    await platform.reserve("acme")
    await platform.reserve("globex")
    failure = await refused(platform.reserve("acme", wished=2001, instead_of=2000))
    assert failure.type == "vlan-taken"
    assert await platform.taken() == {"vlan-2000": "acme", "vlan-2001": "globex"}
    for _ in range(2):
        assert (await platform.reserve("acme", wished=2004, instead_of=2000)).vlan == 2004
        assert await platform.taken() == {"vlan-2004": "acme", "vlan-2001": "globex"}
