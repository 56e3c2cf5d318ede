"""Static routes of a simulated router, and the routing table that comes of them: which are active, and what one looks up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address, ip_interface, ip_network
from typing import Literal, TypeAlias

from lab.switches.configuration import Configuration, StaticRoute

Network: TypeAlias = IPv4Network | IPv6Network
Interface: TypeAlias = IPv4Interface | IPv6Interface
_BGP_DISTANCE = 20
DISCARDED = "Null0"


@dataclass(frozen=True, slots=True)
class Hop:
    """One way of an entry."""

    address: str | None = None
    interface: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of the routing table."""

    network: Network
    source: Literal["connected", "local", "static", "bgp"]
    distance: int
    hops: tuple[Hop, ...]
    tag: int = 0


def own_addresses(configuration: Configuration) -> dict[str, list[Interface]]:
    """What each of the router's ports that has addresses has."""
    return {
        port.name: [ip_interface(one) for one in port.addresses]
        for port in configuration.ports.values()
        if port.addresses
    }


def is_own(configuration: Configuration, address: str) -> bool:
    """Whether an address is the router's."""
    return any(one.ip == ip_address(address) for found in own_addresses(configuration).values() for one in found)


def table(configuration: Configuration, heard: Mapping[str, str], version: int) -> list[Entry]:
    """The active routes of IPv4 (4) or IPv6 (6), by network.

    `heard` is what BGP says, network to next hop. A route whose next hop nothing leads to is in no table; a router without
    a single address of the family is taken to reach every next hop.
    """
    found: dict[Network, Entry] = {}
    for port, addresses in own_addresses(configuration).items():
        for one in addresses:
            if one.version == version:
                found[one.network] = Entry(one.network, "connected", 0, (Hop(interface=port),))
                host = ip_network(one.ip)
                found.setdefault(host, Entry(host, "local", 0, (Hop(interface=port),)))
    reaches_all = not found
    waiting = sorted(_offered(configuration, heard, version), key=lambda entry: entry.distance)
    changed = True
    while changed:
        changed = False
        for entry in list(waiting):
            hops = tuple(_resolved(hop, found) for hop in entry.hops if reaches_all or _is_reached(hop, entry, found))
            there = found.get(entry.network)
            if not hops or (there and there.distance <= entry.distance):
                continue
            found[entry.network] = Entry(entry.network, entry.source, entry.distance, hops, entry.tag)
            waiting.remove(entry)
            changed = True
    return [found[network] for network in sorted(found, key=lambda one: (int(one.network_address), one.prefixlen))]


def exact(entries: list[Entry], network: Network) -> Entry | None:
    """The entry of this very network."""
    return next((entry for entry in entries if entry.network == network), None)


def longest(entries: list[Entry], network: Network, *, by_default: bool = True) -> Entry | None:
    """The entry that what goes there follows; with `by_default` the default route, where there is no other."""
    return max(
        (entry for entry in entries if (by_default or entry.network.prefixlen) and _holds(entry.network, network)),
        key=lambda entry: entry.network.prefixlen,
        default=None,
    )


def within(entries: list[Entry], network: Network) -> list[Entry]:
    """The entries of a network and of all that are in it."""
    return [entry for entry in entries if _holds(network, entry.network)]


def _offered(configuration: Configuration, heard: Mapping[str, str], version: int) -> Iterator[Entry]:
    """What there would be if every next hop were reached: the best static routes of each network, and what BGP says."""
    static: dict[Network, list[StaticRoute]] = {}
    for route in configuration.routes:
        network = ip_network(route.destination)
        if network.version == version:
            static.setdefault(network, []).append(route)
    for network, routes in static.items():
        for distance in {route.distance for route in routes}:
            best = [route for route in routes if route.distance == distance]
            hops = tuple(Hop(route.next_hop, route.interface or _discarded(route)) for route in best)
            yield Entry(network, "static", distance, hops, best[0].tag)
    for text, hop in heard.items():
        network = ip_network(text)
        if network.version == version:
            yield Entry(network, "bgp", _BGP_DISTANCE, (Hop(hop),))


def _discarded(route: StaticRoute) -> str:
    return DISCARDED if route.next_hop is None else ""


def _is_reached(hop: Hop, entry: Entry, found: Mapping[Network, Entry]) -> bool:
    """Whether something else than the route itself leads there; nothing does to the router's own address."""
    if hop.address is None:
        return True
    host = ip_network(hop.address)
    own = found.get(host)
    if own and own.source == "local":
        return False
    return any(network != entry.network and _holds(network, host) for network in found)


def _resolved(hop: Hop, found: Mapping[Network, Entry]) -> Hop:
    """With the port it leaves through, where the next hop is on one of the router's own networks."""
    if hop.address is None or hop.interface:
        return hop
    host = ip_network(hop.address)
    through = (entry for network, entry in found.items() if entry.source == "connected" and _holds(network, host))
    entry = next(through, None)
    return Hop(hop.address, entry.hops[0].interface) if entry else hop


def _holds(network: Network, other: Network) -> bool:
    return network.version == other.version and other.subnet_of(network)  # type: ignore[arg-type]
