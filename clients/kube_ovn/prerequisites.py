"""What a platform must have before a tenant can be given external IPs, each gap with its remedy.

Kube-OVN says nothing where any of it is missing: router ports and addresses then simply never come.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.public_addresses import missing_of_pool
from clients.kube_ovn.readiness import provider_network_ready, subnet_ready
from tenancy import names
from tenancy.edge import OneToOneNat
from tenancy.fields import Address, Network, contains, overlap
from tenancy.kinds import CONFIG_MAP, NODE, OVN_EIP, PROVIDER_NETWORK, SUBNET, VPC, Object
from tenancy.meaning import addresses_in, networks_in
from tenancy.plan import addresses_of, owner_of
from tenancy.platform import Platform, ProviderNetwork
from tenancy.public_pool import wanted_families
from tenancy.rules import unusable
from tenancy.tenant import TenantNetwork

GATEWAY_LABEL = "ovn.kubernetes.io/external-gw"
CHASSIS_ANNOTATION = "ovn.kubernetes.io/chassis"
GATEWAY_CONFIG = "ovn-external-gw-config"
"""ConfigMap in kube-system (Kube-OVN 1.17 pkg/controller/external_gw.go)."""


async def missing_prerequisites(kube: KubeOvn, platform: Platform, tenant: TenantNetwork) -> list[str]:
    """What stands in the way of this tenant on this platform, in words; empty where nothing does.

    Raises what the client raises: RefusedError too where Kube-OVN is not installed at all, UnavailableError too where all
    is there and Kube-OVN is not done with it yet.
    """
    carrying = await _carrying_network(kube, platform)
    provider = platform.spec.provider_network
    if provider is None or not tenant.spec.external_ips:
        # The least that must be there: the API server answers, and knows what a VPC is.
        await kube.get(VPC, names.vpc(tenant.name))
        return carrying
    network, subnet, config, nodes, eips, pool = await asyncio.gather(
        kube.get(PROVIDER_NETWORK, provider.name),
        kube.get(SUBNET, provider.external_subnet),
        kube.get(CONFIG_MAP, GATEWAY_CONFIG, "kube-system"),
        _gateways(kube),
        kube.list(OVN_EIP),
        _public_pool(kube, platform, provider, tenant),
    )
    missing = [
        *carrying,
        *_network(provider, network),
        *_subnet(provider, subnet),
        *_gateway(config, nodes),
        *_open_to_all(platform, provider, subnet, eips),
        *_addresses(tenant, provider, subnet, eips),
        *pool,
    ]
    unready = [*_unready(network, provider_network_ready), *_unready(subnet, subnet_ready)]
    if unready and not missing:
        raise UnavailableError(" | ".join(unready))
    return [*missing, *unready]


async def _public_pool(
    kube: KubeOvn, platform: Platform, provider: ProviderNetwork, tenant: TenantNetwork
) -> list[str]:
    """What is missing of the pool that the tenant's public addresses come from."""
    announce = platform.spec.announce
    if not isinstance(announce, OneToOneNat):
        return []
    families = wanted_families(announce.pool, provider)
    external_ips = [ip.name for ip in tenant.spec.external_ips]
    return await missing_of_pool(kube, announce.pool, families, tenant.name, external_ips)


async def _carrying_network(kube: KubeOvn, platform: Platform) -> list[str]:
    """What is missing of the network that carries the tenants' VLANs. Raises UnavailableError while it is unready."""
    if platform.spec.vlan is None:
        return []
    name = platform.spec.vlan.provider_network
    network = await kube.get(PROVIDER_NETWORK, name)
    if network is None:
        return [
            f"ProviderNetwork {name} does not exist, and tenants' VLANs are to be on it: create it, or correct"
            " spec.vlan.providerNetwork in the platform document"
        ]
    if unready := list(_unready(network, provider_network_ready)):
        raise UnavailableError(" | ".join(unready))
    return []


def _unready(found: Object | None, ready: Callable[[Object], str | None]) -> Iterator[str]:
    if found is not None and (reason := ready(found)):
        yield (
            f"{found['kind']} {found['metadata']['name']} of the platform is not ready ({reason}): see its events, and that"
            " kube-ovn-controller and kube-ovn-cni run"
        )


async def _gateways(kube: KubeOvn) -> list[Object] | RefusedError:
    try:
        return await kube.list(NODE, labels={GATEWAY_LABEL: "true"})
    except RefusedError as refused:
        # Nodes are the one thing here a careful cluster administrator may hide; that is for a person to judge.
        return refused


def _network(provider: ProviderNetwork, network: Object | None) -> Iterator[str]:
    if network is None:
        yield (
            f"ProviderNetwork {provider.name} does not exist: create it, or correct spec.providerNetwork.name in the"
            " platform document"
        )


def _subnet(provider: ProviderNetwork, subnet: Object | None) -> Iterator[str]:
    name = provider.external_subnet
    if subnet is None:
        yield (
            f"external Subnet {name} does not exist: create it, or correct spec.providerNetwork.externalSubnet in the"
            " platform document"
        )
        return
    spec = subnet.get("spec") or {}
    for field, parsed, wanted in (
        ("cidrBlock", networks_in, provider.cidrs),
        ("gateway", addresses_in, provider.gateways),
    ):
        if parsed(spec.get(field)) != frozenset[object](wanted):
            yield (
                f"external Subnet {name} has {field} {plain(spec.get(field), 60)}, the platform document says"
                f" {', '.join(sorted(map(str, wanted)))}: correct the document"
            )


def _open_to_all(
    platform: Platform, provider: ProviderNetwork, subnet: Object | None, eips: list[Object]
) -> Iterator[str]:
    """Exceptions of the block on the provider network: what they let through must never be a tenant's address."""
    excluded = list(_spans(((subnet or {}).get("spec") or {}).get("excludeIps") or ()))
    for exception in platform.spec.block.exceptions:
        for network in provider.cidrs:
            if subnet is not None and overlap(network, exception):
                inside = exception if exception.prefixlen >= network.prefixlen else network
                free = _first_outside(inside, network, [(a, b) for v, a, b in excluded if v == network.version])
                if free is not None:
                    yield (
                        f"spec.block.exceptions: {exception} lies on the provider network, so every tenant could reach whoever"
                        f" is given {free}: add {inside[0]}..{inside[-1]} to spec.excludeIps of Subnet"
                        f" {provider.external_subnet}, or narrow the exception in the platform document"
                    )
        for eip in eips:
            if (owner := owner_of(eip)) and any(contains(exception, address) for address in addresses_of(eip)):
                yield (
                    f"spec.block.exceptions: {exception} lets every tenant reach OvnEip {eip['metadata']['name']} of {owner}:"
                    " give that tenant another address, or narrow the exception in the platform document"
                )


def _spans(excluded: Iterable[object]) -> Iterator[tuple[int, int, int]]:
    """Family, first and last address of each entry of `excludeIps`; what nobody can read excludes nothing."""
    for entry in excluded:
        first, _, last = str(entry).partition("..")
        with suppress(ValueError):
            one, other = ip_address(first), ip_address(last or first)
            yield one.version, int(one), int(other)


def _first_outside(inside: Network, network: Network, excluded: list[tuple[int, int]]) -> Address | None:
    """The first address inside that Kube-OVN could give to somebody; None where all are excluded."""
    never = [(int(address), int(address)) for address in unusable(network)]
    candidate = int(inside[0])
    for first, last in sorted([*excluded, *never]):
        if first <= candidate <= last:
            candidate = last + 1
    return None if candidate > int(inside[-1]) else inside[candidate - int(inside[0])]


def _gateway(config: Object | None, nodes: list[Object] | RefusedError) -> Iterator[str]:
    if config is None or (config.get("data") or {}).get("enable-external-gw") != "true":
        yield (
            f'ConfigMap kube-system/{GATEWAY_CONFIG} does not say enable-external-gw: "true": without it the next restart of'
            " kube-ovn-controller takes the gateways away"
        )
    if isinstance(nodes, RefusedError):
        yield f"gateway nodes cannot be read ({nodes})"
        return
    if not nodes:
        yield f"no node is an external gateway: label at least one {GATEWAY_LABEL}=true"
    for node in nodes:
        if not (node["metadata"].get("annotations") or {}).get(CHASSIS_ANNOTATION):
            yield (
                f"gateway node {node['metadata']['name']} has no annotation {CHASSIS_ANNOTATION}: see that kube-ovn-cni runs"
                " there"
            )


def _addresses(
    tenant: TenantNetwork, provider: ProviderNetwork, subnet: Object | None, eips: list[Object]
) -> Iterator[str]:
    here = {eip["metadata"]["name"] for eip in eips}
    wanted = {names.external_ip(tenant.name, ip.name) for ip in tenant.spec.external_ips}
    wanted.add(names.router_port_eip(tenant.name, provider.external_subnet))
    needed = len(wanted - here)
    free = ((subnet or {}).get("status") or {}).get("v4availableIPs")
    if isinstance(free, int | float) and free < needed:
        yield (
            f"external Subnet {provider.external_subnet} has too few addresses free: {free:.0f}, and {tenant.name} needs"
            f" {needed} (one of them for its router): release external IPs, or enlarge the subnet"
        )
    for ip in tenant.spec.external_ips:
        for eip in eips if ip.address is not None else ():
            held = {(eip.get("spec") or {}).get("v4Ip"), (eip.get("status") or {}).get("v4Ip")}
            if str(ip.address) in held and eip["metadata"]["name"] != names.external_ip(tenant.name, ip.name):
                owner = owner_of(eip)
                remedy = "choose another address, or leave it out"
                if owner == tenant.name:
                    remedy = "onboard first with a document without either, which gives it back, then with this one"
                yield (
                    f"external IP {ip.name}: {ip.address} is held by OvnEip {eip['metadata']['name']} of"
                    f" {owner or 'nobody of Berth'}: {remedy}"
                )
