"""The doctor's look at what a platform has to have before any tenant: the preflight's own words, and what it does not ask."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import foundation, installation
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.foundation import GATEWAY_CONFIG, GATEWAY_LABEL
from clients.kube_ovn.installation import Found
from clients.kube_ovn.public_addresses import reservations
from clients.kube_ovn.readiness import provider_network_ready, subnet_ready
from tenancy.edge import OneToOneNat, PublicPool
from tenancy.kinds import CONFIG_MAP, NAMESPACE, NODE, OVN_EIP, POD, PROVIDER_NETWORK, SUBNET, Object
from tenancy.platform import Platform, ProviderNetwork
from tenancy.public_pool import size, wanted_families
from tenancy.vlans import VlanMode
from workers.doctor.findings import FEW, Area, Finding, findings

AREA = Area.PLATFORM


async def prerequisites(kube: KubeOvn, platform: Platform) -> list[Finding]:
    """What was found, in the order in which people mend it."""
    spec = platform.spec
    looks: list[tuple[str, Awaitable[Iterable[Finding]]]] = [("Kube-OVN", _controller(kube))]
    if spec.vlan is not None:
        looks.append((f"ProviderNetwork {spec.vlan.provider_network} (VLANs)", _carrying(kube, spec.vlan)))
    if (provider := spec.provider_network) is not None:
        looks += [
            (f"ProviderNetwork {provider.name}", _network(kube, provider)),
            (f"Subnet {provider.external_subnet}", _external(kube, provider)),
            ("exceptions of the block", _exceptions(kube, platform, provider)),
            ("gateway ConfigMap", _config(kube)),
            ("gateway nodes", _gateways(kube)),
        ]
        if isinstance(spec.announce, OneToOneNat):
            looks.append((f"public pool {spec.announce.pool.name}", _pool(kube, spec.announce.pool, provider)))
    mtu = "MTU of the tunnels" if spec.vlan is None else f"MTU of ProviderNetwork {spec.vlan.provider_network}"
    looks += [("range of the cluster", _ranges(kube, platform)), (mtu, _mtu(kube, platform))]
    found = await asyncio.gather(*(_told(subject, look) for subject, look in looks))
    return [finding for part in found for finding in part]


async def _told(subject: str, look: Awaitable[Iterable[Finding]]) -> list[Finding]:
    """What a look found; where it could not look, why."""
    try:
        return list(await look)
    except (RefusedError, UnavailableError) as error:
        return [Finding(area=AREA, subject=subject, state="failed", message=str(error))]


async def _controller(kube: KubeOvn) -> list[Finding]:
    return [_of("Kube-OVN", installation.controller(await _pods(kube, installation.CONTROLLER)))]


async def _pods(kube: KubeOvn, labels: dict[str, str]) -> list[Object]:
    return await kube.list(POD, namespace=installation.NAMESPACE, labels=labels)


async def _carrying(kube: KubeOvn, vlan: VlanMode) -> list[Finding]:
    network = await kube.get(PROVIDER_NETWORK, vlan.provider_network)
    gaps = [*foundation.carrying_gaps(vlan, network), *foundation.unready(network, provider_network_ready)]
    return findings(AREA, f"ProviderNetwork {vlan.provider_network} (VLANs)", gaps=gaps, well=_ready_nodes(network))


async def _network(kube: KubeOvn, provider: ProviderNetwork) -> list[Finding]:
    network = await kube.get(PROVIDER_NETWORK, provider.name)
    gaps = [*foundation.network_gaps(provider, network), *foundation.unready(network, provider_network_ready)]
    return findings(AREA, f"ProviderNetwork {provider.name}", gaps=gaps, well=_ready_nodes(network))


def _ready_nodes(network: Object | None) -> str:
    nodes = ((network or {}).get("status") or {}).get("readyNodes") or ()
    return f"ready on {len(nodes)} nodes" if nodes else "ready"


async def _external(kube: KubeOvn, provider: ProviderNetwork) -> list[Finding]:
    subnet = await kube.get(SUBNET, provider.external_subnet)
    gaps = [*foundation.subnet_gaps(provider, subnet), *foundation.unready(subnet, subnet_ready)]
    free = foundation.free_addresses(subnet)
    doubts: list[str] = []
    if free is not None and free < 1:
        gaps.append("no address is free: release external IPs, or enlarge the subnet")
    elif free is not None and free < FEW:
        doubts.append(
            f"only {free:.0f} addresses are free, and a tenant takes one for its router beside those it asks for: enlarge the"
            " subnet, or release external IPs"
        )
    told = f"{free:.0f} addresses free" if free is not None else "Kube-OVN does not tell how many are free"
    return findings(AREA, f"Subnet {provider.external_subnet}", gaps=gaps, doubts=doubts, well=f"ready, {told}")


async def _exceptions(kube: KubeOvn, platform: Platform, provider: ProviderNetwork) -> list[Finding]:
    subnet, eips = await asyncio.gather(kube.get(SUBNET, provider.external_subnet), kube.list(OVN_EIP))
    gaps = foundation.open_to_all(platform, provider, subnet, eips)
    return findings(
        AREA, "exceptions of the block", gaps=gaps, well="none leads to an address a tenant has or could get"
    )


async def _config(kube: KubeOvn) -> list[Finding]:
    config = await kube.get(CONFIG_MAP, GATEWAY_CONFIG, "kube-system")
    return findings(
        AREA,
        "gateway ConfigMap",
        gaps=foundation.config_gaps(config),
        well=f"kube-system/{GATEWAY_CONFIG} keeps the gateways",
    )


async def _gateways(kube: KubeOvn) -> list[Finding]:
    nodes = await kube.list(NODE, labels={GATEWAY_LABEL: "true"})
    names = ", ".join(str(node["metadata"]["name"]) for node in nodes[:3]) + (" ..." if len(nodes) > 3 else "")
    well = f"{len(nodes)} with a chassis: {names}"
    return findings(AREA, "gateway nodes", gaps=foundation.gateway_gaps(nodes), well=well)


async def _pool(kube: KubeOvn, pool: PublicPool, provider: ProviderNetwork) -> list[Finding]:
    subject = f"public pool {pool.name}"
    gaps = list(foundation.pool_gaps(pool, await kube.get(NAMESPACE, pool.namespace)))
    if gaps:
        return findings(AREA, subject, gaps=gaps, well="")
    found = await reservations(kube, pool)
    left = {family: found.left(family) for family in wanted_families(pool, provider)}
    enlarge = "release external IPs, or enlarge spec.announce.pool.cidrs of the platform document"
    gaps = [f"no IPv{family} address is left of {size(pool, family)}: {enlarge}" for family, n in left.items() if n < 1]
    doubts = [f"only {n} IPv{family} addresses are left: {enlarge}" for family, n in left.items() if 0 < n < FEW]
    told = ", ".join(f"{n} IPv{family} addresses left" for family, n in left.items())
    return findings(AREA, subject, gaps=gaps, doubts=doubts, well=f"namespace {pool.namespace} is there, {told}")


async def _ranges(kube: KubeOvn, platform: Platform) -> Iterator[Finding]:
    subnets, controllers = await asyncio.gather(kube.list(SUBNET), _pods(kube, installation.CONTROLLER))
    return (_of(f"range of {what}", found) for what, found in installation.ranges(platform, subnets, controllers))


async def _mtu(kube: KubeOvn, platform: Platform) -> list[Finding]:
    try:
        nodes = await kube.list(NODE)
    except RefusedError:
        nodes = []  # a worker without a provider network need not see them; what else tells is enough, or a doubt
    if platform.spec.vlan is not None:
        network = platform.spec.vlan.provider_network
        if await kube.get(PROVIDER_NETWORK, network) is None:
            return []  # which is said already
        subject, found = f"MTU of ProviderNetwork {network}", installation.vlan_mtu(platform, network, nodes)
    else:
        agents = await _pods(kube, installation.AGENT)
        subject, found = "MTU of the tunnels", installation.tunnel_mtu(platform, nodes, agents)
    return [_of(subject, one) for one in found]


def _of(subject: str, found: Found) -> Finding:
    return Finding(area=AREA, subject=subject, state=found.state, message=found.message)
