"""A tenant's public addresses: each taken by creating the ConfigMap that bears it, and given back."""

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace
from clients.kube_ovn.client import KubeOvn
from tenancy.edge import PublicPool


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
        """Takes an address of each family for each external IP, and keeps what the tenant has already."""
        raise NotImplementedError

    @activity.defn
    async def release_public_addresses(self, given: ReleasePublicAddresses) -> bool:
        """Gives the addresses back, and waits until they are gone. True where there was anything."""
        raise NotImplementedError
