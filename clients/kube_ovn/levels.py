"""How full the platform's pools are, and how many tenants it has, in one look."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.public_addresses import reservations
from tenancy import names
from tenancy.edge import OneToOneNat, PublicPool
from tenancy.kinds import SUBNET, VLAN, VPC, Object
from tenancy.plan import owner_of
from tenancy.platform import Platform, ProviderNetwork
from tenancy.public_pool import families
from tenancy.vlans import VlanMode, candidates


@dataclass(frozen=True)
class Level:
    """What is given of one pool, and what is left."""

    pool: Literal["external", "public", "vlan"]
    name: str
    family: Literal["4", "6", "none"]
    free: float
    used: float


async def levels(kube: KubeOvn, platform: Platform) -> list[Level]:
    """Every pool of the platform; of one that does not exist or does not say, nothing. Raises what the client raises."""
    provider, vlan, announce = platform.spec.provider_network, platform.spec.vlan, platform.spec.announce
    looks = []
    if provider is not None:
        looks.append(_external(kube, provider))
    if vlan is not None:
        looks.append(_vlans(kube, vlan))
    if isinstance(announce, OneToOneNat):
        looks.append(_public(kube, announce.pool))
    return [level for found in await asyncio.gather(*looks) for level in found]


async def tenants(kube: KubeOvn) -> Mapping[Literal["recorded", "unrecorded"], int]:
    """How many tenants have a VPC, by whether the document that was applied is recorded on it. Raises as the client does."""
    own = [vpc for vpc in await kube.list(VPC) if owner_of(vpc) is not None]
    recorded = sum(names.DOCUMENT_ANNOTATION in (vpc["metadata"].get("annotations") or {}) for vpc in own)
    return {"recorded": recorded, "unrecorded": len(own) - recorded}


async def _external(kube: KubeOvn, provider: ProviderNetwork) -> list[Level]:
    subnet = await kube.get(SUBNET, provider.external_subnet)
    return list(_counted(provider.external_subnet, subnet)) if subnet is not None else []


def _counted(name: str, subnet: Object) -> Iterator[Level]:
    """By Kube-OVN's own count, which it writes as numbers, or as text where an IPv6 subnet has more than a number holds."""
    status = subnet.get("status") or {}
    for family in ("4", "6"):
        free, used = (_number(status.get(f"v{family}{what}IPs")) for what in ("available", "using"))
        if free is not None and used is not None and free + used > 0:
            yield Level("external", name, "4" if family == "4" else "6", free, used)


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


async def _vlans(kube: KubeOvn, vlan: VlanMode) -> list[Level]:
    """An ID is taken by a Vlan object of the provider network, whoever made it, and by its name on any."""
    wanted, found = candidates(vlan), await kube.list(VLAN)
    named = {one["metadata"]["name"] for one in found}
    specs = [one.get("spec") or {} for one in found]
    here = {spec.get("id") for spec in specs if spec.get("provider") == vlan.provider_network}
    used = sum(number in here or names.vlan(number) in named for number in wanted)
    return [Level("vlan", vlan.provider_network, "none", len(wanted) - used, used)]


async def _public(kube: KubeOvn, pool: PublicPool) -> list[Level]:
    found = await reservations(kube, pool)
    return [
        Level("public", pool.name, "4" if family == 4 else "6", found.left(family), found.given(family))
        for family in families(pool)
    ]
