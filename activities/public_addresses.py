"""A tenant's public addresses: each taken by creating the ConfigMap that bears it, and given back."""

from collections.abc import Mapping
from contextlib import suppress

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, Progress, deciding
from activities.objects import refuse_if_unmarked
from clients.errors import RefusedError
from clients.kube_ovn.answers import ConflictError, some
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.ensure import run_of
from clients.kube_ovn.public_addresses import (
    Reservations,
    address_of,
    dry,
    external_ip_of,
    moved,
    reservations,
    reservations_of,
)
from tenancy import manifests
from tenancy.edge import PublicPool
from tenancy.fields import Address
from tenancy.kinds import CONFIG_MAP, Object
from tenancy.public_pool import candidates, size, starting_place
from tenancy.public_pool import families as pool_families


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReservePublicAddresses(_Given):
    """What `reserve_public_addresses` is asked."""

    tenant: str
    run: str
    pool: PublicPool
    families: tuple[int, ...]
    """4 and 6: those the external IPs have. An address is reserved for each of them that the pool has, too."""
    external_ips: tuple[str, ...]
    """As the tenant's document calls them."""


class PublicAddresses(_Given):
    """What a tenant has reserved."""

    addresses: dict[str, tuple[str, ...]]
    """By external IP, IPv4 first."""


class ReleasePublicAddresses(_Given):
    """What `release_public_addresses` is asked."""

    tenant: str
    run: str | None = None
    """Only what this run reserved is given back; None gives back whatever the tenant has."""
    external_ips: tuple[str, ...] | None = None
    """Only the addresses of these; None for those of all."""


class PublicAddressSteps:
    """The steps about public addresses, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace) -> None:
        self._kube = kube
        self._pace = pace

    @activity.defn
    async def reserve_public_addresses(self, given: ReservePublicAddresses) -> PublicAddresses:
        """Takes an address of each family for each external IP, and keeps what the tenant has already.

        The API server creates a ConfigMap of one name once, so of two tenants that reach for an address one gets it. What
        cannot be had whole is given back before it is refused: of a pool that is nearly dry nobody keeps what nobody can
        use. Refuses with reason `pool-dry` where nothing is left.
        """
        async with deciding(self._pace) as progress:
            try:
                return await self._reserve(given, progress)
            except RefusedError:
                for one in await reservations_of(self._kube, given.tenant):
                    if run_of(one) == given.run and external_ip_of(one) in given.external_ips:
                        await self._remove(one, given.tenant, given.run, progress)
                raise

    @activity.defn
    async def release_public_addresses(self, given: ReleasePublicAddresses) -> bool:
        """Gives addresses back, in whatever namespace they are reserved, and waits until they are.

        True where there was anything. Whoever asks has them off the edge before: they are anybody's afterwards.
        """
        async with deciding(self._pace) as progress:
            released = False
            for one in await reservations_of(self._kube, given.tenant):
                if given.external_ips is not None and external_ip_of(one) not in given.external_ips:
                    continue
                if given.run is not None and run_of(one) != given.run:
                    refuse_if_unmarked(one, given.tenant, given.run)
                    continue
                released |= await self._remove(one, given.tenant, given.run, progress)
            return released

    async def _reserve(self, given: ReservePublicAddresses, progress: Progress) -> PublicAddresses:
        families = [family for family in pool_families(given.pool) if family in given.families]
        # Family by family, so that the scarcer one decides who is served, and not whoever took one of each first.
        wanted = [(name, family) for family in families for name in given.external_ips]
        while True:
            found = await reservations(self._kube, given.pool)
            if said := moved(found, given.tenant):
                raise RefusedError(said[0], reason="pool-moved")
            held = found.held(given.tenant)
            missing = [one for one in wanted if one not in held]
            if not missing:
                return await self._settled(given, held, progress)
            name, family = missing[0]
            address = _choose(found, given.tenant, name, family)
            if address is None:
                needed = sum(one[1] == family for one in missing)
                raise RefusedError(dry(found, family, given.tenant, needed), reason="pool-dry")
            progress(f"reserving {address} of public pool {given.pool.name} for external IP {name}")
            manifest = manifests.public_address(given.tenant, name, address, given.pool)
            # After a conflict another look says whose it is by now: another's, or our own from a try that was given up.
            with suppress(ConflictError):
                await self._kube.create(manifests.stamped(manifest, given.run))

    async def _settled(
        self, given: ReservePublicAddresses, held: Mapping[tuple[str, int], list[Object]], progress: Progress
    ) -> PublicAddresses:
        """What the tenant has, one each: of several, what it had before the run stays."""
        kept: dict[str, tuple[str, ...]] = {}
        for name in given.external_ips:
            for family in sorted(given.families):
                mine = sorted(held.get((name, family), ()), key=lambda one: (run_of(one) == given.run, _number(one)))
                surplus = [one for one in mine[1:] if run_of(one) != given.run]
                if surplus:
                    raise RefusedError(
                        f"external IP {name} of {given.tenant} has {some(str(address_of(one)) for one in mine)} reserved:"
                        " remove the ConfigMaps of those that nothing at the edge translates",
                        reason="several-public-addresses",
                    )
                for one in mine[1:]:
                    await self._remove(one, given.tenant, given.run, progress)
                kept[name] = (*kept.get(name, ()), *(str(address_of(one)) for one in mine[:1]))
        return PublicAddresses(addresses=kept)

    async def _remove(self, one: Object, tenant: str, run: str | None, progress: Progress) -> bool:
        metadata = one["metadata"]
        return await self._kube.remove(
            CONFIG_MAP,
            metadata["name"],
            namespace=metadata["namespace"],
            tenant=tenant,
            run=run,
            deadline=self._pace.gone_deadline,
            progress=progress,
        )


def _choose(found: Reservations, tenant: str, external_ip: str, family: int) -> Address | None:
    """The address to reach for; None where all are taken."""
    if found.left(family) <= 0:
        return None
    start = starting_place(tenant, external_ip, family, size(found.pool, family))
    return next((one for one in candidates(found.pool, family, start) if one not in found.taken), None)


def _number(reservation: Object) -> int:
    return int(address_of(reservation) or 0)
