"""What every tenant with external IPs, or with a VLAN, needs of the platform: each gap in words, with its remedy. Pure.

Kube-OVN says nothing where any of it is missing: router ports and addresses then simply never come.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address

from clients.kube_ovn.answers import plain
from clients.kube_ovn.objects import is_being_deleted
from tenancy.edge import PublicPool
from tenancy.fields import Address, Network, contains, overlap
from tenancy.kinds import Object
from tenancy.meaning import addresses_in, networks_in
from tenancy.plan import addresses_of, owner_of
from tenancy.platform import Platform, ProviderNetwork
from tenancy.rules import unusable
from tenancy.vlans import VlanMode

GATEWAY_LABEL = "ovn.kubernetes.io/external-gw"
CHASSIS_ANNOTATION = "ovn.kubernetes.io/chassis"
GATEWAY_CONFIG = "ovn-external-gw-config"
"""ConfigMap in kube-system (Kube-OVN 1.17 pkg/controller/external_gw.go)."""


def carrying_gaps(vlan: VlanMode, network: Object | None) -> Iterator[str]:
    """Of the ProviderNetwork that carries the tenants' VLANs."""
    if network is None:
        yield (
            f"ProviderNetwork {vlan.provider_network} does not exist, and tenants' VLANs are to be on it: create it, or correct"
            " spec.vlan.providerNetwork in the platform document"
        )


def network_gaps(provider: ProviderNetwork, network: Object | None) -> Iterator[str]:
    """Of the ProviderNetwork that carries external IPs."""
    if network is None:
        yield (
            f"ProviderNetwork {provider.name} does not exist: create it, or correct spec.providerNetwork.name in the"
            " platform document"
        )


def subnet_gaps(provider: ProviderNetwork, subnet: Object | None) -> Iterator[str]:
    """Of the Subnet that external IPs come from."""
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


def free_addresses(subnet: Object | None) -> float | None:
    """How many IPv4 addresses Kube-OVN counts as free in a subnet; None where it does not tell."""
    free = ((subnet or {}).get("status") or {}).get("v4availableIPs")
    return free if isinstance(free, int | float) else None


def open_to_all(
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


def config_gaps(config: Object | None) -> Iterator[str]:
    """Of the ConfigMap that keeps the gateways."""
    if config is None or (config.get("data") or {}).get("enable-external-gw") != "true":
        yield (
            f'ConfigMap kube-system/{GATEWAY_CONFIG} does not say enable-external-gw: "true": set it, for without it the next'
            " restart of kube-ovn-controller takes the gateways away"
        )


def gateway_gaps(nodes: Iterable[Object]) -> Iterator[str]:
    """Of the nodes that are external gateways."""
    nodes = list(nodes)
    if not nodes:
        yield f"no node is an external gateway: label at least one {GATEWAY_LABEL}=true"
    for node in nodes:
        if not (node["metadata"].get("annotations") or {}).get(CHASSIS_ANNOTATION):
            yield (
                f"gateway node {node['metadata']['name']} has no annotation {CHASSIS_ANNOTATION}: see that kube-ovn-cni runs"
                " there"
            )


def pool_gaps(pool: PublicPool, namespace: Object | None) -> Iterator[str]:
    """Of the namespace in which public addresses are reserved."""
    if namespace is None or is_being_deleted(namespace):
        state = "does not exist" if namespace is None else "is being deleted"
        yield (
            f"Namespace {pool.namespace} {state}, and public pool {pool.name} keeps its reservations there: create it, or"
            " correct spec.announce.pool.namespace in the platform document"
        )


def unready(found: Object | None, ready: Callable[[Object], str | None]) -> Iterator[str]:
    """What is there, and Kube-OVN is not done with; `ready` tells why not."""
    if found is not None and (reason := ready(found)):
        yield (
            f"{found['kind']} {found['metadata']['name']} of the platform is not ready ({reason}): see its events, and that"
            " kube-ovn-controller and kube-ovn-cni run"
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
