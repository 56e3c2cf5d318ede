"""Which public addresses are given, and to whom, as the platform's own objects tell."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.foundation import pool_gaps
from clients.kube_ovn.objects import is_being_deleted
from tenancy import names
from tenancy.edge import PublicPool
from tenancy.fields import Address
from tenancy.kinds import CONFIG_MAP, NAMESPACE, Object
from tenancy.plan import owner_of
from tenancy.public_pool import reserved_in, size

RESERVING = {names.RESERVES_LABEL: names.PUBLIC_ADDRESS}
"""Labels of every reservation."""


@dataclass(frozen=True)
class Reservations:
    """What is given of a pool."""

    pool: PublicPool
    taken: frozenset[Address]
    """Addresses of the pool that cannot be given, whoever has them."""
    made: Sequence[Object]
    """Reservations of Berth's, of whatever tenant and in whatever namespace."""

    def held(self, tenant: str) -> dict[tuple[str, int], list[Object]]:
        """The tenant's in the pool's namespace, by external IP and family. There is one each, unless people meddle."""
        found: dict[tuple[str, int], list[Object]] = {}
        for one in self.made:
            address = address_of(one)
            if (
                owner_of(one) == tenant
                and not is_being_deleted(one)
                and address is not None
                and not self._is_moved(one)
            ):
                found.setdefault((external_ip_of(one), address.version), []).append(one)
        return found

    def elsewhere(self, tenant: str) -> list[str]:
        """The tenant's in another namespace than the pool's, each as namespace/name."""
        moved = (one["metadata"] for one in self.made if owner_of(one) == tenant and self._is_moved(one))
        return [f"{metadata['namespace']}/{metadata['name']}" for metadata in moved]

    def left(self, family: int) -> int:
        """How many addresses of a family can still be given."""
        return size(self.pool, family) - self.given(family)

    def given(self, family: int) -> int:
        """How many of the pool's addresses of a family are taken."""
        return sum(address.version == family for address in self.taken)

    def _is_moved(self, one: Object) -> bool:
        return bool(one["metadata"].get("namespace") != self.pool.namespace)


async def reservations(kube: KubeOvn, pool: PublicPool) -> Reservations:
    """What is given of a pool now. Raises what the client raises.

    Every namespace is looked at: an address that was given before the document named another namespace is still
    somebody's. In the pool's own namespace a ConfigMap takes an address by its name alone, whoever made it.
    """
    here, made = await asyncio.gather(
        kube.list(CONFIG_MAP, namespace=pool.namespace), kube.list(CONFIG_MAP, labels=RESERVING)
    )
    taken = reserved_in(pool, (str(one["metadata"]["name"]) for one in (*here, *made)))
    return Reservations(pool=pool, taken=frozenset(taken), made=made)


async def reservations_of(kube: KubeOvn, tenant: str) -> list[Object]:
    """A tenant's reservations, in whatever namespace: the document may name another by now, or no pool at all."""
    return await kube.list(CONFIG_MAP, labels={names.LABEL: tenant, **RESERVING})


def external_ip_of(reservation: Object) -> str:
    """The external IP an address is reserved for; empty where somebody took that out."""
    return str((reservation.get("data") or {}).get("externalIP", ""))


def address_of(reservation: Object) -> Address | None:
    """The address, which the name tells: the API server keeps that unique, and nobody can edit it."""
    return names.reserved_address(str(reservation["metadata"]["name"]))


async def missing_of_pool(
    kube: KubeOvn, pool: PublicPool, families: Sequence[int], tenant: str, external_ips: Sequence[str]
) -> list[str]:
    """What stands in the way of public addresses for these external IPs, in words. Raises what the client raises."""
    namespace, found = await asyncio.gather(kube.get(NAMESPACE, pool.namespace), reservations(kube, pool))
    if gaps := list(pool_gaps(pool, namespace)):
        return gaps
    held = found.held(tenant)
    lacking = {family: [name for name in external_ips if (name, family) not in held] for family in families}
    return [*moved(found, tenant), *_dry(found, tenant, lacking)]


def moved(found: Reservations, tenant: str) -> list[str]:
    """What is said of a tenant whose reservations are not in the pool's namespace."""
    elsewhere = found.elsewhere(tenant)
    return [
        f"{tenant} has ConfigMap {one} reserved, and public pool {found.pool.name} keeps its reservations in namespace"
        f" {found.pool.namespace}: write that namespace back into spec.announce.pool.namespace of the platform document, or"
        f" offboard {tenant} first"
        for one in elsewhere[:1]
    ]


def dry(found: Reservations, family: int, tenant: str, needed: int) -> str:
    """What is said where a pool has not enough left."""
    pool = found.pool
    left = found.left(family)
    return (
        f"public pool {pool.name} has {'no' if left <= 0 else f'only {left}'} IPv{family} address{'' if left == 1 else 'es'}"
        f" left, and {tenant} needs {needed}: {found.given(family)} of its {size(pool, family)} are taken: release external"
        " IPs, or enlarge spec.announce.pool.cidrs of the platform document"
    )


def _dry(found: Reservations, tenant: str, lacking: Mapping[int, Sequence[str]]) -> Iterator[str]:
    for family, external_ips in lacking.items():
        if len(external_ips) > found.left(family):
            yield dry(found, family, tenant, len(external_ips))
