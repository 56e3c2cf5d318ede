"""What stands in the way of one tenant on the platform as it is, before anything is changed for it."""

import asyncio
from collections.abc import Iterator

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.foundation import (
    GATEWAY_CONFIG,
    GATEWAY_LABEL,
    carrying_gaps,
    config_gaps,
    free_addresses,
    gateway_gaps,
    network_gaps,
    open_to_all,
    subnet_gaps,
    unready,
)
from clients.kube_ovn.public_addresses import missing_of_pool
from clients.kube_ovn.readiness import provider_network_ready, subnet_ready
from tenancy import names
from tenancy.edge import OneToOneNat
from tenancy.kinds import CONFIG_MAP, NODE, OVN_EIP, PROVIDER_NETWORK, SUBNET, VPC, Object
from tenancy.plan import owner_of
from tenancy.platform import Platform, ProviderNetwork
from tenancy.public_pool import wanted_families
from tenancy.tenant import TenantNetwork


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
        *network_gaps(provider, network),
        *subnet_gaps(provider, subnet),
        *config_gaps(config),
        *_gateway_gaps(nodes),
        *open_to_all(platform, provider, subnet, eips),
        *_addresses(tenant, provider, subnet, eips),
        *pool,
    ]
    waiting = [*unready(network, provider_network_ready), *unready(subnet, subnet_ready)]
    if waiting and not missing:
        raise UnavailableError(" | ".join(waiting))
    return [*missing, *waiting]


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
    network = await kube.get(PROVIDER_NETWORK, platform.spec.vlan.provider_network)
    if waiting := list(unready(network, provider_network_ready)):
        raise UnavailableError(" | ".join(waiting))
    return list(carrying_gaps(platform.spec.vlan, network))


async def _gateways(kube: KubeOvn) -> list[Object] | RefusedError:
    try:
        return await kube.list(NODE, labels={GATEWAY_LABEL: "true"})
    except RefusedError as refused:
        # Nodes are the one thing here a careful cluster administrator may hide; that is for a person to judge.
        return refused


def _gateway_gaps(nodes: list[Object] | RefusedError) -> Iterator[str]:
    if isinstance(nodes, RefusedError):
        yield f"gateway nodes cannot be read ({nodes})"
    else:
        yield from gateway_gaps(nodes)


def _addresses(
    tenant: TenantNetwork, provider: ProviderNetwork, subnet: Object | None, eips: list[Object]
) -> Iterator[str]:
    here = {eip["metadata"]["name"] for eip in eips}
    wanted = {names.external_ip(tenant.name, ip.name) for ip in tenant.spec.external_ips}
    wanted.add(names.router_port_eip(tenant.name, provider.external_subnet))
    needed = len(wanted - here)
    free = free_addresses(subnet)
    if free is not None and free < needed:
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
