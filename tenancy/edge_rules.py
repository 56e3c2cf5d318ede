"""What must hold in what a platform's document says of announcing, and between it and the rest of the document.

A public pool may lie in `spec.block.cidrs`, or not: both mean something. The tenant's router drops by destination, after
Kube-OVN has undone its own translation, so it sees the public addresses as they are: the edge translates them later. Blocked,
no tenant reaches another's public address, nor its own, and answers to one that calls from there are dropped as well; traffic
from outside is not touched, because it arrives with the external IP for its destination. Not blocked, tenants reach each
other's public addresses as anybody outside does: through the edge, never past it, since the external IPs behind them are on
the provider network, which is always blocked. So a CIDR that holds a whole CIDR of the pool is no mistake. One that holds a part
of it names something of the platform's own there, an API server or a resolver, that a tenant must never be given the address of.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

from tenancy import names
from tenancy.device_rules import approval_mistakes, credentials_mistakes, login_mistakes, place_of, repeated_in
from tenancy.edge import Announce, ByEdgeTeam, OneToOneNat, PublicPool, edge_devices, routers_of, translators_of
from tenancy.fields import NO_HOSTS, Address, Network, contains, overlap
from tenancy.mistakes import Mistake
from tenancy.platform import Block, ProviderNetwork, Reserved
from tenancy.public_pool import families, first_inside
from tenancy.rules import at, excluded, repeated
from tenancy.salvage import sound, whole
from tenancy.switches import Device
from tenancy.vlans import VlanMode

_BESIDE = ({"translators", "routers"}, {"translators", "neighbours"}, {"switches", "neighbours"})
"""What one machine may be at once: a Linux router has one login for FRR and one for nftables; neighbours are only read."""


def nothing_to_announce(provider: ProviderNetwork | None, gateway: object) -> Iterator[Mistake]:
    """What is wrong with announcing at all; `gateway` is what the document says in `spec.vlan.gateway`."""
    if provider is None:
        yield Mistake(
            path=at("announce"),
            problem="means nothing without a provider network, because tenants have no external IPs",
            remedy="add spec.providerNetwork, or leave this out",
        )
    elif gateway == "physical":
        yield Mistake(
            path=at("announce"),
            problem="means nothing where gateways are on the switches, because tenants have no external IPs",
            remedy="write spec.vlan.gateway: router, or leave this out",
        )


def edge_mistakes(announce: Announce, vlan: VlanMode | None) -> Iterator[Mistake]:
    """What is wrong with the devices at the edge, their logins, and what they are told."""
    switches: list[tuple[str, str, Device]] = [
        (at("vlan", "switches", index), "switches", switch)
        for index, switch in enumerate(vlan.switches if vlan is not None else ())
    ]
    lists: dict[str, Sequence[Device]] = {
        "translators": translators_of(announce),
        "routers": routers_of(announce),
        "neighbours": announce.neighbours,
    }
    devices = [
        (at("announce", key, index), key, device) for key, found in lists.items() for index, device in enumerate(found)
    ]
    own = {path for path, _, _ in devices}
    for path, name, before in repeated((path, device.name) for path, _, device in (*switches, *devices)):
        if path in own:
            yield Mistake(
                path=f"{path}.name",
                value=name,
                problem=f"already that of {before}",
                remedy="give it a name of its own: it names the device's queue",
            )
    yield from _machines(switches, devices)
    known = {one.name for one in announce.credentials}
    for path, _, device in devices:
        yield from login_mistakes("announce", device, path, known)
    yield from credentials_mistakes("announce", announce.credentials)
    yield from _next_hops(announce.next_hops)
    if isinstance(announce, ByEdgeTeam):
        yield from repeated_in("announce", "linesFor", announce.lines_for)
        yield from approval_mistakes("announce", announce.approval)


def _machines(
    switches: Sequence[tuple[str, str, Device]], devices: Sequence[tuple[str, str, Device]]
) -> Iterator[Mistake]:
    """Machines that are named twice: two queues for one would be two writers."""
    there: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, key, device in switches:
        there[place_of(device)].append((path, key))
    for path, key, device in devices:
        place = place_of(device)
        before = next((other for other, its in there[place] if {key, its} not in _BESIDE), None)
        if before is not None:
            yield Mistake(
                path=f"{path}.host",
                value=place,
                problem=f"already that of {before}",
                remedy="name each machine once; only a translator may stand beside a router on one",
            )
        there[place].append((path, key))


def _next_hops(next_hops: Sequence[Address]) -> Iterator[Mistake]:
    seen: set[int] = set()
    for place, hop in enumerate(next_hops):
        path = at("announce", "nextHops", place)
        if hop.version in seen:
            yield Mistake(path=path, value=str(hop), problem="a second next hop of its family", remedy="keep one")
        elif nowhere := next((network for network in NO_HOSTS if contains(network, hop)), None):
            yield Mistake(
                path=path,
                value=str(hop),
                problem=f"lies in {nowhere}, where no router can be found",
                remedy="write an address that every edge router has a route to",
            )
        seen.add(hop.version)


def pool_mistakes(
    announce: OneToOneNat,
    block: Block,
    reserved: Sequence[tuple[int, Reserved]],
    provider: ProviderNetwork | None,
    vlan: VlanMode | None,
) -> Iterator[Mistake]:
    """What is wrong with a public pool. Other parts of the document may be blank, as `tenancy.salvage` says."""
    pool = announce.pool
    yield from _overlaps(pool.cidrs)
    for place, span in enumerate(pool.exclude):
        yield from excluded(at("announce", "pool", "exclude", place), span, "pool", pool.cidrs)
    yield from _families(pool, provider)
    if pool.namespace.startswith(names.namespace("")):
        yield Mistake(
            path=at("announce", "pool", "namespace"),
            value=pool.namespace,
            problem="could be a tenant's namespace, which goes with the tenant",
            remedy=f"choose one that does not begin with {names.namespace('')}",
        )
    hosts = [device.host for device in (*edge_devices(announce), *(vlan.switches if vlan is not None else ()))]
    hosts += [device.jump_host.host for device in edge_devices(announce) if device.jump_host is not None]
    parts = [part for _, part in (*sound(block.cidrs), *sound(block.exceptions))]
    lives: list[tuple[Network, str]] = [
        *((network, "where no host can live") for network in NO_HOSTS),
        *((cidr, "the provider network's") for _, cidr in sound(provider.cidrs if provider is not None else ())),
        *((cidr, f"reserved for {one.name or 'the platform'}") for _, one in reserved for _, cidr in sound(one.cidrs)),
        *((part, "a part that spec.block names") for part in parts if not _holds_a_cidr(part, pool)),
        *((network, "a device of this document") for host in hosts if (network := _host_route(host)) is not None),
        *((ip_network(hop), "a next hop of this document") for hop in announce.next_hops),
    ]
    for network, what in dict.fromkeys(lives):
        near = any(overlap(network, cidr) for cidr in pool.cidrs)
        if near and (address := first_inside(pool, network)) is not None:
            place = next(place for place, cidr in enumerate(pool.cidrs) if contains(cidr, address))
            yield Mistake(
                path=at("announce", "pool", "cidrs", place),
                value=str(pool.cidrs[place]),
                problem=f"a tenant could be given {address}, and {network} is {what}",
                remedy="choose a range clear of it, or write it into spec.announce.pool.exclude",
            )


def _overlaps(cidrs: Sequence[Network]) -> Iterator[Mistake]:
    for place, cidr in enumerate(cidrs):
        before = next((index for index, other in enumerate(cidrs[:place]) if overlap(cidr, other)), None)
        if before is not None:
            yield Mistake(
                path=at("announce", "pool", "cidrs", place),
                value=str(cidr),
                problem=f"overlaps {cidrs[before]} at {at('announce', 'pool', 'cidrs', before)}",
                remedy="write each address once",
            )


def _families(pool: PublicPool, provider: ProviderNetwork | None) -> Iterator[Mistake]:
    path = at("announce", "pool", "cidrs")
    left = families(pool)
    if 4 not in left:
        listed = any(cidr.version == 4 for cidr in pool.cidrs)
        yield Mistake(
            path=path,
            value=", ".join(map(str, pool.cidrs)),
            problem="all of its IPv4 addresses are excluded" if listed else "has no IPv4, which every external IP has",
            remedy="leave some for tenants" if listed else "add an IPv4 CIDR",
        )
    if provider is not None and whole(provider.cidrs) and all(cidr.version == 4 for cidr in provider.cidrs):
        for place, cidr in enumerate(pool.cidrs):
            if cidr.version == 6:
                yield Mistake(
                    path=f"{path}[{place}]",
                    value=str(cidr),
                    problem="is IPv6, and the provider network has none to translate it to",
                    remedy="remove it, or give the provider network an IPv6 CIDR",
                )


def _holds_a_cidr(part: Network, pool: PublicPool) -> bool:
    return any(contains(part, cidr) for cidr in pool.cidrs)


def _host_route(host: str) -> Network | None:
    """A host's address as a network; None where the document has a name."""
    try:
        return ip_network(ip_address(host))
    except ValueError:
        return None
