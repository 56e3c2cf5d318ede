"""What a finished run hands over: all that a tenant's Cluster needs to know of its network."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tenancy import names
from tenancy.announcement import Announced, Announcement, Route, Translation
from tenancy.approval import Approval, Confirmation
from tenancy.platform import Platform
from tenancy.rules import gateways
from tenancy.tenant import FloatingIP, Snat, TenantNetwork, snat_subnets


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, serialize_by_alias=True, validate_by_name=True)


class SubnetHandedOver(_Shown):
    """One subnet a Cluster can live in."""

    name: str
    """As the tenant's document calls it."""
    network_subnet: str
    """The value of the Cluster's variable `network.subnet`."""
    cidrs: tuple[str, ...]
    gateways: tuple[str, ...]
    mtu: int | None = None
    """Bytes; None where Kube-OVN chooses."""


class RouteHandedOver(_Shown):
    """One route to an external IP from outside."""

    prefix: str
    next_hop: str | None
    """None: the edge discards what no translation has taken before."""


class AddressHandedOver(_Shown):
    """One external IP and what it is for."""

    name: str
    use: Literal["snat", "floatingIP", "loadBalancer"]
    addresses: tuple[str, ...]
    serves: tuple[str, ...]
    """SNAT: the subnets that leave through it; floating IP: the address it leads to; load balancer: nothing yet."""
    public: tuple[str, ...] = ()
    """With one-to-one NAT: the addresses the outside knows it by."""
    routes: tuple[RouteHandedOver, ...] = ()


class HandOver(_Shown):
    """The result of an onboarding, also kept in a ConfigMap of the tenant's namespace."""

    tenant: str
    mode: Literal["overlay", "vlan"]
    platform: str
    namespace: str
    vpc: str
    subnets: tuple[SubnetHandedOver, ...]
    external_ips: Annotated[tuple[AddressHandedOver, ...], Field(alias="externalIPs")]
    announce: Literal["static-route", "one-to-one-nat", "none"] | None = None
    """How the external IPs are announced; None where they are not."""
    announced_on: tuple[str, ...] = ()
    """The edge routers that hold every route."""
    translated_on: tuple[str, ...] = ()
    """The devices that translate the public addresses."""
    heard_by: tuple[str, ...] = ()
    """The neighbours that have heard of every route."""
    confirmations: tuple[Confirmation, ...] = ()
    """Where the edge team configures its routers itself: who confirmed which routes, and when."""
    router_addresses: tuple[str, ...]
    """The VPC's own addresses on the provider network: the next hop of routes to its external IPs."""
    block_policy: Literal["realised", "asserted"]
    """Realised: the VPC was born with it, so it is in OVN. Asserted: written later, and Kube-OVN confirms no edit."""
    vlan: int | None = None
    """The tenant's VLAN ID, in mode vlan."""
    approval: Approval | None = None
    """Who approved the VLAN, when and what exactly, in mode vlan."""
    plan_hash: str
    requested_by: str

    def config_map_data(self) -> dict[str, str]:
        """As a ConfigMap holds it: the whole as JSON, and the value most Clusters want under its own key."""
        return {
            "network.subnet": self.subnets[0].network_subnet,
            "hand-over.json": self.model_dump_json(by_alias=True, indent=2),
        }


def hand_over(
    tenant: TenantNetwork,
    platform: Platform,
    eips: Mapping[str, tuple[str, ...]],
    *,
    block_policy: Literal["realised", "asserted"],
    plan_hash: str,
    requested_by: str,
    approval: Approval | None = None,
    vlan: int | None = None,
    announcement: Announcement | None = None,
) -> HandOver:
    """The hand-over of a tenant whose OvnEips, by object name, hold these addresses."""
    announced = {one.name: one for one in announcement.external_ips} if announcement else {}
    provider = platform.spec.provider_network
    return HandOver(
        tenant=tenant.name,
        mode=platform.spec.mode,
        platform=platform.metadata.name,
        namespace=names.namespace(tenant.name),
        vpc=names.vpc(tenant.name),
        subnets=tuple(
            SubnetHandedOver(
                name=subnet.name,
                network_subnet=names.subnet(tenant.name, subnet.name),
                cidrs=tuple(map(str, subnet.cidrs)),
                gateways=tuple(map(str, gateways(subnet))),
                mtu=subnet.mtu or platform.spec.subnet_mtu,
            )
            for subnet in tenant.spec.subnets
        ),
        external_ips=tuple(
            AddressHandedOver(
                name=ip.name,
                use=ip.use,
                addresses=eips.get(names.external_ip(tenant.name, ip.name), ()),
                serves=snat_subnets(tenant, ip)
                if isinstance(ip, Snat)
                else (str(ip.target),)
                if isinstance(ip, FloatingIP)
                else (),
                public=tuple(pair.public for pair in announced[ip.name].translations) if ip.name in announced else (),
                routes=_routes(announced.get(ip.name)),
            )
            for ip in tenant.spec.external_ips
        ),
        announce=announcement.method if announcement else None,
        announced_on=announcement.routers if announcement else (),
        translated_on=announcement.translators if announcement else (),
        heard_by=announcement.neighbours if announcement else (),
        confirmations=announcement.confirmations if announcement else (),
        router_addresses=eips.get(names.router_port_eip(tenant.name, provider.external_subnet), ()) if provider else (),
        block_policy=block_policy,
        vlan=vlan,
        approval=approval,
        plan_hash=plan_hash,
        requested_by=requested_by,
    )


def _routes(announced: Announced | None) -> tuple[RouteHandedOver, ...]:
    routes = announced.routes if announced is not None else ()
    return tuple(RouteHandedOver(prefix=route.prefix, next_hop=route.next_hop) for route in routes)


def announced_in(told: HandOver) -> Announcement | None:
    """What a hand-over says is announced, for whoever wants to see whether it still is; None where nothing is."""
    if told.announce is None:
        return None
    return Announcement(
        method=told.announce,
        external_ips=tuple(
            Announced(
                name=ip.name,
                routes=tuple(
                    Route(address=route.prefix.partition("/")[0], next_hop=route.next_hop) for route in ip.routes
                ),
                translations=tuple(
                    Translation(public=public, external=held)
                    for public in ip.public
                    for held in ip.addresses
                    if ip_address(held).version == ip_address(public).version
                ),
            )
            for ip in told.external_ips
        ),
        routers=told.announced_on,
        translators=told.translated_on,
        neighbours=told.heard_by,
    )
