"""The operator's one document of an installation: what is blocked, what is reserved, where the outside begins."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Annotated, Literal

from pydantic import Field

from tenancy.edge import Announce, EdgeDevice, edge_devices
from tenancy.fields import Cidr, Document, IpAddress, Line, Name, Network, ObjectName
from tenancy.switches import Switch
from tenancy.tenant import MOST, Several
from tenancy.vlans import VlanMode


class PlatformMetadata(Document):
    """Which installation this is."""

    name: Name
    description: Line | None = None


class Block(Document):
    """What no tenant may reach: the platform's API server, its services, other tenants' external addresses."""

    cidrs: Annotated[Several[Cidr], Field(max_length=256)] = ()
    """Destinations every tenant's VPC drops. The provider network's own CIDRs always belong to them, listed or not."""
    exceptions: Annotated[Several[Cidr], Field(max_length=256)] = ()
    """Parts of the blocked CIDRs that tenants may reach all the same, e.g. a resolver."""


class Reserved(Document):
    """A range of the platform that tenants' subnets must keep clear of."""

    name: Name
    """What lives there, e.g. `join`, `services`, `pods`."""
    cidrs: Annotated[Several[Cidr], Field(min_length=1)]


class ProviderNetwork(Document):
    """The network that carries egress and the external IPs."""

    name: ObjectName
    """Name of Kube-OVN's ProviderNetwork object."""
    external_subnet: ObjectName
    """Name of the external Subnet object in the default VPC, from which external IPs come."""
    cidrs: Annotated[Several[Cidr], Field(min_length=1, max_length=2)]
    """The external subnet's CIDR, one for each family. An IPv4 one is needed: Kube-OVN's OvnEips have one always."""
    gateways: Annotated[Several[IpAddress], Field(min_length=1, max_length=2)]
    """Next hop of the tenants' default routes, one for each CIDR."""


class Limits(Document):
    """How much one tenant may ask for."""

    subnets: Annotated[int, Field(ge=1, le=MOST)] = 32
    """Count of subnets of a tenant."""
    external_ips: Annotated[int, Field(ge=0, le=MOST, alias="externalIPs")] = 32
    """Count of external IPs of a tenant, its router's own not counted."""


class PlatformSpec(Document):
    """How the platform is laid out."""

    mode: Literal["overlay", "vlan"] = "overlay"
    """How tenant traffic crosses the wire: in Geneve tunnels, or in a VLAN of the tenant's own on the switches."""
    vlan: VlanMode | None = None
    """Needed in mode vlan, and only there."""
    block: Block = Block()
    reserved: Several[Reserved] = ()
    provider_network: ProviderNetwork | None = None
    """Left out: tenants cannot have external IPs."""
    announce: Announce | None = None
    """How the outside reaches external IPs; left out where the provider network is reachable as it is."""
    subnet_mtu: Annotated[int, Field(ge=1280, le=9000)] | None = None
    """Bytes, for tenants' subnets. Set it on every fabric whose MTU is not 1500 (a transport of 9100 leaves 9000)."""
    limits: Limits = Limits()


class Platform(Document):
    """One installation of the platform."""

    api_version: Literal["berth.network/v1"]
    kind: Literal["Platform"]
    metadata: PlatformMetadata
    spec: PlatformSpec


def devices_of(platform: Platform) -> list[tuple[Switch | EdgeDevice, VlanMode | Announce]]:
    """Every switch and every device at the edge, each with the part of the document it stands in."""
    vlan, announce = platform.spec.vlan, platform.spec.announce
    found: list[tuple[Switch | EdgeDevice, VlanMode | Announce]] = []
    if vlan is not None:
        found += [(switch, vlan) for switch in vlan.switches]
    if announce is not None:
        found += [(device, announce) for device in edge_devices(announce)]
    return found


def blocked_cidrs(platform: Platform) -> tuple[Network, ...]:
    """Every destination a tenant's VPC drops, without repetition, IPv4 first."""
    provider = platform.spec.provider_network
    return collapsed([*platform.spec.block.cidrs, *(provider.cidrs if provider else ())])


def collapsed(networks: Sequence[Network]) -> tuple[Network, ...]:
    """The same addresses in as few networks as can be, IPv4 first."""
    v4 = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    v6 = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    return (*v4, *v6)
