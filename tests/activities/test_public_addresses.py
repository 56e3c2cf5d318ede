"""A public address is one tenant's alone, taken by creating the ConfigMap that bears it; on a simulated platform's real API."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.checks import labelled
from activities.decisions import Pace
from activities.public_addresses import (
    PublicAddresses,
    PublicAddressSteps,
    ReleasePublicAddresses,
    ReservePublicAddresses,
)
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.public_addresses import missing_of_pool
from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from tenancy import names
from tenancy.edge import PublicPool
from tenancy.kinds import CONFIG_MAP, NAMESPACE, Object
from tenancy.manifests import public_address, stamped
from tenancy.public_pool import candidates, size, starting_place
from tests.clients.stand_in import client_of

LABEL = "berth.network/tenant"


def pool(cidrs: Sequence[str] = ("198.51.100.0/29",), **more: Any) -> PublicPool:
    return PublicPool.model_validate({"name": "dc-public", "cidrs": list(cidrs), **more})


EIGHT = pool()
FIFTY = pool(["198.51.100.0/26"], exclude=[{"first": "198.51.100.50", "last": "198.51.100.63"}])
DUAL = pool(["198.51.100.0/29", "2001:db8:100::/64"])


class Platform:
    """The simulated platform and the steps on it."""

    def __init__(self, simulator: KubeSimulator, kube: KubeOvn) -> None:
        self.simulator, self.kube = simulator, kube
        self.steps = PublicAddressSteps(kube, Pace(gone_deadline=5))

    async def reserve(self, tenant: str, *external_ips: str, pool: PublicPool = EIGHT, **more: Any) -> PublicAddresses:
        given = ReservePublicAddresses(
            **{
                "tenant": tenant,
                "run": f"run-of-{tenant}",
                "pool": pool,
                "families": (4,),
                "external_ips": external_ips or ("web",),
            }
            | more
        )
        reserved: PublicAddresses = await ActivityEnvironment().run(self.steps.reserve_public_addresses, given)
        return reserved

    async def one(self, tenant: str, **more: Any) -> str:
        """The one address of the tenant's external IP `web`."""
        (address,) = (await self.reserve(tenant, **more)).addresses["web"]
        return address

    async def release(self, tenant: str, run: str | None = None, external_ips: tuple[str, ...] | None = None) -> bool:
        given = ReleasePublicAddresses(tenant=tenant, run=run, external_ips=external_ips)
        released: bool = await ActivityEnvironment().run(self.steps.release_public_addresses, given)
        return released

    async def taken(self, namespace: str = "berth-system") -> dict[str, str | None]:
        """Each address that is reserved, and whose it is."""
        found = await self.kube.list(CONFIG_MAP, namespace=namespace)
        return {
            str(address): (one["metadata"].get("labels") or {}).get(LABEL)
            for one in found
            if (address := names.reserved_address(one["metadata"]["name"])) is not None
        }

    async def make(self, address: str, tenant: str | None = None, namespace: str = "berth-system") -> Object:
        """A ConfigMap that somebody made by hand."""
        metadata = {
            "name": names.public_address(address),
            "namespace": namespace,
            "labels": {LABEL: tenant} if tenant else {},
        }
        return await self.kube.create({"apiVersion": "v1", "kind": CONFIG_MAP.name, "metadata": metadata})


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as simulator, client_of(simulator.url) as kube:
        await simulator.settled()
        yield Platform(simulator, kube)


async def refused(step: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as failure:
        await step
    assert failure.value.non_retryable
    return failure.value


async def test_an_address_is_taken_by_creating_its_configmap_which_says_whose_it_is_and_what_for(
    platform: Platform,
) -> None:
    address = await platform.one("acme")
    found = await platform.kube.get(CONFIG_MAP, names.public_address(address), "berth-system")
    assert found is not None
    assert found["data"] == {"address": address, "externalIP": "web", "pool": "dc-public"}
    assert found["metadata"]["labels"] == {LABEL: "acme", "berth.network/reserves": "public-address"}
    assert found["metadata"]["annotations"] == {"berth.network/run": "run-of-acme"}


async def test_each_external_ip_gets_an_address_of_each_family_that_it_and_the_pool_have(platform: Platform) -> None:
    both = await platform.reserve("acme", "web", "egress", pool=DUAL, families=(4, 6))
    assert {name: [ip_address(one).version for one in held] for name, held in both.addresses.items()} == {
        "web": [4, 6],
        "egress": [4, 6],
    }
    assert len(await platform.taken()) == 4
    assert [ip_address(one).version for one in (await platform.reserve("globex", pool=DUAL)).addresses["web"]] == [4]
    only = (await platform.reserve("initech", families=(4, 6))).addresses["web"]
    assert [ip_address(one).version for one in only] == [4]


async def test_a_hundred_tenants_at_once_share_a_pool_of_fifty_and_fifty_are_told_its_name(platform: Platform) -> None:
    assert size(FIFTY, 4) == 50
    outcomes = await asyncio.gather(
        *(platform.one(f"tenant{n}", pool=FIFTY) for n in range(100)), return_exceptions=True
    )
    served = {f"tenant{n}": one for n, one in enumerate(outcomes) if isinstance(one, str)}
    dry = [one for one in outcomes if isinstance(one, ApplicationError)]
    assert len(served) == len(dry) == 50
    assert len(set(served.values())) == 50
    assert await platform.taken() == {address: tenant for tenant, address in served.items()}
    assert {one.type for one in dry} == {"pool-dry"}
    assert all(
        one.non_retryable and one.message.startswith("public pool dc-public has no IPv4 addresses") for one in dry
    )
    assert all("50 of its 50 are taken" in one.message and "spec.announce.pool.cidrs" in one.message for one in dry)

    assert all(await asyncio.gather(*(platform.release(tenant) for tenant in served)))
    assert await platform.taken() == {}
    again = await asyncio.gather(*(platform.one(f"later{n}", pool=FIFTY) for n in range(50)))
    assert set(again) == set(served.values())


async def test_a_reservation_whose_answer_was_lost_is_found_again(platform: Platform) -> None:
    platform.simulator.faults.add(Fault(effect="lose-answer", verb="create", plural="configmaps", times=1))
    with pytest.raises(ApplicationError) as lost:
        await platform.reserve("acme")
    assert not lost.value.non_retryable
    (address,) = await platform.taken()
    assert await platform.one("acme") == address
    assert await platform.taken() == {address: "acme"}


async def test_two_tries_of_one_step_at_once_end_with_one_address(platform: Platform) -> None:
    """A worker that Temporal gave up on may go on for a while beside the one that has the step now."""
    first, second = await asyncio.gather(platform.one("acme"), platform.one("acme"))
    assert first == second
    assert await platform.taken() == {first: "acme"}


async def test_what_an_earlier_run_reserved_is_kept_and_not_undone(platform: Platform) -> None:
    address = await platform.one("acme", run="an earlier run")
    assert await platform.one("acme") == address
    assert not await platform.release("acme", run="run-of-acme")
    assert await platform.taken() == {address: "acme"}


async def test_what_a_tenant_has_stays_its_own_when_the_pool_no_longer_gives_it(platform: Platform) -> None:
    address = await platform.one("acme")
    smaller = pool(exclude=[{"first": address, "last": address}])
    assert await platform.one("acme", pool=smaller) == address


async def test_the_address_of_one_family_is_kept_and_the_other_added(platform: Platform) -> None:
    v4 = await platform.one("acme")
    later = (await platform.reserve("acme", pool=DUAL, families=(4, 6), run="a later run")).addresses["web"]
    assert later[0] == v4
    assert ip_address(later[1]).version == 6
    assert await platform.release("acme", run="a later run")
    assert await platform.taken() == {v4: "acme"}


async def test_of_two_addresses_for_one_external_ip_the_earlier_runs_stays_and_the_runs_own_goes(
    platform: Platform,
) -> None:
    first = await platform.one("acme", run="an earlier run")
    other = next(one for one in candidates(pool(), 4) if str(one) != first)
    await platform.kube.create(stamped(public_address("acme", "web", other, pool()), "run-of-acme"))
    assert await platform.one("acme") == first
    assert await platform.taken() == {first: "acme"}
    await platform.kube.create(stamped(public_address("acme", "web", other, pool()), "a third run"))
    failure = await refused(platform.one("acme"))
    assert failure.type == "several-public-addresses"
    assert first in failure.message
    assert str(other) in failure.message


@pytest.mark.parametrize("owner", [None, "globex"])
async def test_a_configmap_that_somebody_else_made_keeps_its_address_from_tenants(
    platform: Platform, owner: str | None
) -> None:
    first = await platform.one("acme")
    await platform.release("acme")
    await platform.make(first, owner)
    assert await platform.one("acme") != first
    assert (await platform.taken())[first] == owner


async def test_a_configmap_made_in_the_same_moment_makes_the_tenant_take_another_address(platform: Platform) -> None:
    create = platform.kube.create
    lost: list[str] = []

    async def create_after_somebody_else(manifest: Object) -> Object:
        if not lost:
            lost.append(manifest["data"]["address"])
            await create({**manifest, "metadata": {**manifest["metadata"], "labels": {}}})
        return await create(manifest)

    platform.kube.create = create_after_somebody_else  # type: ignore[method-assign]
    address = await platform.one("acme")
    assert lost != [address]
    assert await platform.taken() == {lost[0]: None, address: "acme"}


async def test_an_address_reserved_in_a_namespace_the_document_named_before_is_still_taken(platform: Platform) -> None:
    tiny = pool(["198.51.100.0/32"], namespace="default")
    await platform.one("globex", pool=tiny, run="an earlier run")
    failure = await refused(platform.reserve("acme", pool=pool(["198.51.100.0/32"])))
    assert failure.type == "pool-dry"
    moved = await refused(platform.reserve("globex", pool=pool(["198.51.100.0/32"])))
    assert moved.type == "pool-moved"
    assert "globex has ConfigMap default/public-198-51-100-0 reserved" in moved.message
    assert "write that namespace back into spec.announce.pool.namespace" in moved.message
    assert [one["metadata"]["name"] for one in await labelled(platform.kube, "globex")] == ["public-198-51-100-0"]
    assert await platform.release("globex")
    assert await platform.taken("default") == {}


async def test_of_a_pool_that_is_nearly_full_the_last_address_is_found_wherever_a_tenant_begins(
    platform: Platform,
) -> None:
    whole = pool(["198.51.100.0/28"])
    start = starting_place("acme", "web", 4, 16)
    last = list(candidates(whole, 4, start))[-1]
    for address in candidates(whole, 4):
        if address != last:
            await platform.kube.create(stamped(public_address("globex", f"ip{int(address)}", address, whole), "run"))
    assert await platform.one("acme", pool=whole) == str(last)
    assert (await refused(platform.reserve("initech", pool=whole))).type == "pool-dry"


async def test_of_a_pool_too_small_for_all_its_external_ips_a_tenant_keeps_nothing_new(platform: Platform) -> None:
    two = pool(["198.51.100.0/31"])
    before = await platform.one("acme", pool=two, run="an earlier run")
    failure = await refused(platform.reserve("acme", "web", "apps", "more", pool=two))
    assert failure.type == "pool-dry"
    assert "needs 1: 2 of its 2 are taken" in failure.message
    assert await platform.taken() == {before: "acme"}


async def test_where_only_one_family_is_dry_nothing_of_the_other_is_kept(platform: Platform) -> None:
    scarce = pool(["198.51.100.0/29", "2001:db8:100::/128"])
    await platform.reserve("globex", pool=scarce, families=(4, 6))
    failure = await refused(platform.reserve("acme", pool=scarce, families=(4, 6)))
    assert "no IPv6 addresses left" in failure.message
    assert set((await platform.taken()).values()) == {"globex"}


async def test_an_address_is_reserved_in_an_ipv6_network_that_nobody_could_count_through(platform: Platform) -> None:
    vast = pool(["2001:db8::/32"])
    addresses = await asyncio.gather(*(platform.one(f"tenant{n}", pool=vast, families=(6,)) for n in range(20)))
    assert len(set(addresses)) == 20
    assert set(await platform.taken()) == set(addresses)


async def test_only_what_was_asked_for_is_given_back(platform: Platform) -> None:
    held = (await platform.reserve("acme", "web", "apps")).addresses
    other = await platform.one("globex")
    assert await platform.release("acme", external_ips=("web",))
    assert await platform.taken() == {held["apps"][0]: "acme", other: "globex"}
    assert not await platform.release("acme", external_ips=("web",))
    assert await platform.release("acme")
    assert not await platform.release("acme")
    assert await platform.taken() == {other: "globex"}


async def test_an_address_that_became_anothers_since_it_was_looked_for_is_not_given_back(platform: Platform) -> None:
    address = await platform.one("acme")
    look = platform.kube.list

    async def look_before_it_changes_hands(*args: Any, **more: Any) -> list[Object]:
        found = await look(*args, **more)

        def taken_over(actual: Object) -> Object:
            actual["metadata"]["labels"][LABEL] = "globex"
            return actual

        await platform.kube.edit(CONFIG_MAP, names.public_address(address), taken_over, "berth-system")
        return found

    platform.kube.list = look_before_it_changes_hands  # type: ignore[method-assign]
    failure = await refused(platform.release("acme"))
    assert failure.type == "foreign-object"
    platform.kube.list = look  # type: ignore[method-assign]
    assert await platform.taken() == {address: "globex"}


async def test_an_address_whose_run_was_taken_off_it_waits_for_a_person_in_an_undo(platform: Platform) -> None:
    address = await platform.one("acme")

    def unmarked(actual: Object) -> Object:
        del actual["metadata"]["annotations"]
        return actual

    await platform.kube.edit(CONFIG_MAP, names.public_address(address), unmarked, "berth-system")
    assert (await refused(platform.release("acme", run="run-of-acme"))).type == "unmarked"
    assert await platform.release("acme")


async def test_a_namespace_that_is_not_there_is_told_before_and_during(platform: Platform) -> None:
    astray = pool(namespace="nowhere")
    (missing,) = await missing_of_pool(platform.kube, astray, (4,), "acme", ["web"])
    assert "Namespace nowhere does not exist, and public pool dc-public keeps its reservations there" in missing
    assert (await refused(platform.reserve("acme", pool=astray))).type == "namespace-missing"
    await platform.kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": "nowhere"}})
    assert await missing_of_pool(platform.kube, astray, (4,), "acme", ["web"]) == []


async def test_a_pool_that_lacks_what_a_tenant_lacks_is_told_before_its_run(platform: Platform) -> None:
    two = pool(["198.51.100.0/31"])
    assert await missing_of_pool(platform.kube, two, (4,), "acme", ["web", "apps"]) == []
    await platform.reserve("acme", pool=two)
    assert await missing_of_pool(platform.kube, two, (4,), "acme", ["web", "apps"]) == []
    (missing,) = await missing_of_pool(platform.kube, two, (4,), "acme", ["web", "apps", "more"])
    assert missing == (
        "public pool dc-public has only 1 IPv4 address left, and acme needs 2: 1 of its 2 are taken: release external IPs,"
        " or enlarge spec.announce.pool.cidrs of the platform document"
    )
