"""The one document of a tenant: the YAML file, the workflow's input, and the record kept on the VPC."""

from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, Strict

from tenancy.fields import AddressRange, Document, IpAddress, Line, Name, SubnetCidr
from tenancy.mistakes import wrong

MOST = 128
"""Subnets, or external IPs, of one tenant: as many as a run has been tried with."""


def _list(value: object) -> object:
    # Pydantic's lenient tuples would also be made of sets, whose order is anyone's, and of what can be read only once.
    if not isinstance(value, list | tuple):
        raise wrong("is not a list", "write a list")
    return value


Item = TypeVar("Item")
Several: TypeAlias = Annotated[tuple[Item, ...], Strict(False), BeforeValidator(_list)]
"""A list in the document. Not strict about the container, because JSON knows lists only; its items stay strict."""


class Metadata(Document):
    """Who the tenant is."""

    name: Name
    """Names the VPC; also part of every other object's name."""
    description: Line | None = None
    """For people."""


class Subnet(Document):
    """IP space inside the VPC; one tenant cluster lives in one subnet."""

    name: Name
    """What a Cluster says in `network.subnet`, after the tenant's name: `<tenant>--<name>`."""
    cidrs: Annotated[Several[SubnetCidr], Field(min_length=1, max_length=2)]
    """One CIDR, or one of each family for dual stack. Other tenants may use the same."""
    gateways: Annotated[Several[IpAddress], Field(max_length=2)] = ()
    """The router's address, one for each CIDR at the most; the first address of the CIDR where none is given."""
    exclude: Annotated[Several[AddressRange], Field(max_length=32)] = ()
    """Addresses workloads never get."""
    mtu: Annotated[int, Field(ge=1280, le=9000)] | None = None
    """Bytes. The platform's `subnetMtu` where it is left out."""


class Snat(Document):
    """An external IP that subnets use to reach the outside."""

    use: Literal["snat"]
    name: Name
    subnets: Annotated[Several[Name], Field(min_length=1, max_length=MOST)] | None = None
    """The subnets that leave through this address; left out: all that no other address names."""
    address: IpAddress | None = None
    """A fixed IPv4 address of the provider network; any free one where it is left out."""


class FloatingIP(Document):
    """An external IP that leads to one address inside the tenant's network, and back."""

    use: Literal["floatingIP"]
    name: Name
    target: IpAddress
    """The workload's IPv4 address inside one of the tenant's subnets."""
    address: IpAddress | None = None
    """A fixed IPv4 address of the provider network; any free one where it is left out."""


class LoadBalancer(Document):
    """An external IP kept for the tenant's LoadBalancer services."""

    use: Literal["loadBalancer"]
    name: Name
    address: IpAddress | None = None
    """A fixed IPv4 address of the provider network; any free one where it is left out."""


ExternalIP = Annotated[Snat | FloatingIP | LoadBalancer, Field(discriminator="use")]


class TenantSpec(Document):
    """What the tenant gets."""

    subnets: Annotated[Several[Subnet], Field(min_length=1, max_length=MOST)]
    external_ips: Annotated[Several[ExternalIP], Field(alias="externalIPs", max_length=MOST)] = ()
    """One that is left out when a living tenant is onboarded again is given back, for good."""
    vlan: Annotated[int, Field(ge=1, le=4094)] | None = None
    """The VLAN ID the tenant wishes for, on a platform in mode vlan; any free one where it is left out."""


class TenantNetwork(Document):
    """A tenant's network on the platform."""

    api_version: Literal["berth.network/v1"]
    kind: Literal["TenantNetwork"]
    metadata: Metadata
    spec: TenantSpec

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.metadata.name


def snat_subnets(tenant: TenantNetwork, snat: Snat) -> tuple[str, ...]:
    """The subnets that leave through this address: those it names, or all that no other address names."""
    if snat.subnets is not None:
        return snat.subnets
    named = {name for ip in tenant.spec.external_ips if isinstance(ip, Snat) and ip.subnets for name in ip.subnets}
    return tuple(subnet.name for subnet in tenant.spec.subnets if subnet.name not in named)
