"""The routing table of a simulated FRR router: its own networks, its static routes, what BGP tells it.

As zebra has it, with one simplification: of one network only the route that is used is there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import Literal, TypeAlias

from lab.switches.configuration import Configuration, StaticRoute
from lab.switches.frr_routes import discards

Network: TypeAlias = IPv4Network | IPv6Network
Protocol: TypeAlias = Literal["connected", "static", "bgp"]
_BGP_DISTANCE = 20
_ROUNDS = 16
"""How many next hops may lead to each other."""


@dataclass(frozen=True, slots=True)
class Way:
    """One next hop of a route, or one it was resolved to."""

    address: str | None = None
    interface: str | None = None
    active: bool = True
    recursive: bool = False
    """Whether the ways after it say how it is reached."""
    resolver: bool = False

    @property
    def discards(self) -> bool:
        """Whether it throws away what arrives."""
        return self.address is None and self.interface is None


@dataclass(frozen=True, slots=True)
class Entry:
    """The route that is used for one network."""

    network: Network
    protocol: Protocol
    distance: int
    ways: tuple[Way, ...]
    tag: int = 0


def rib(configuration: Configuration, heard: Mapping[str, str]) -> list[Entry]:
    """What the router does with packets, by network, IPv4 first. `heard` is what BGP says: network to next hop."""
    connected = {entry.network: entry for entry in _connected(configuration)}
    offered = [*_static_paths(configuration.routes), *_bgp(heard)]
    table = connected
    for _ in range(_ROUNDS):
        before, table = table, dict(connected)
        for network, protocol, distance, tag, ways in sorted(offered, key=lambda path: path[2]):
            if network in table:
                continue
            resolved = tuple(step for way in ways for step in _resolved(way, network, before, connected))
            if protocol == "bgp" and network.version == 6:
                # Of the two next hops that BGP is told for IPv6, the link-local one is used.
                resolved = tuple(
                    replace(way, address=link_local(way.address)) if way.address else way for way in resolved
                )
            if any(way.active for way in resolved):
                table[network] = Entry(network, protocol, distance, resolved, tag)
        if table == before:
            break
    return sorted(table.values(), key=lambda entry: _order(entry.network))


def of_version(entries: Iterable[Entry], version: int) -> list[Entry]:
    """Those of one family."""
    return [entry for entry in entries if entry.network.version == version]


def best_for(table: Mapping[Network, Entry], network: Network, *, least: int = 0) -> Entry | None:
    """The entry that what goes there follows, of a prefix at least that long; None where nothing does."""
    lengths = {one.prefixlen for one in table if one.version == network.version}
    for length in sorted(lengths, reverse=True):
        if least <= length <= network.prefixlen and (entry := table.get(network.supernet(new_prefix=length))):
            return entry
    return None


_Path: TypeAlias = tuple[Network, Protocol, int, int, tuple[Way, ...]]


def _connected(configuration: Configuration) -> Iterator[Entry]:
    for port in configuration.ports.values():
        for text in port.addresses:
            yield Entry(ip_interface(text).network, "connected", 0, (Way(interface=port.name),))


def _static_paths(routes: Iterable[StaticRoute]) -> Iterator[_Path]:
    paths: dict[tuple[Network, int], list[StaticRoute]] = {}
    for route in routes:
        paths.setdefault((ip_network(route.destination), route.distance), []).append(route)
    for (network, distance), found in paths.items():
        ordered = sorted(found, key=lambda one: (one.next_hop is not None, int(ip_address(one.next_hop or "0.0.0.0"))))  # noqa: S104
        ways = tuple(
            Way() if discards(one) else Way(address=one.next_hop, interface=one.interface or None) for one in ordered
        )
        yield network, "static", distance, found[0].tag, ways


def _bgp(heard: Mapping[str, str]) -> Iterator[_Path]:
    for text, hop in heard.items():
        yield ip_network(text), "bgp", _BGP_DISTANCE, 0, (Way(address=hop),)


def link_local(address: str) -> str:
    """The link-local address of an interface that has this one, as good as any."""
    return str(ip_network("fe80::/64")[int(ip_address(address)) % 2**16 + 2**16])


def _resolved(
    way: Way, own: Network, table: Mapping[Network, Entry], connected: Mapping[Network, Entry]
) -> tuple[Way, ...]:
    """A next hop with the interface it leaves through; with the ways it leads to, where that is another route's."""
    if way.address is None:
        known = {one.interface for entry in connected.values() for one in entry.ways}
        return (Way(way.address, way.interface, active=way.discards or way.interface in known),)
    host = ip_network(way.address)
    if way.interface is not None:
        through = any(
            _holds(network, host) and entry.ways[0].interface == way.interface for network, entry in connected.items()
        )
        return (Way(way.address, way.interface, active=through),)
    found = best_for(table, host, least=1)
    if found and found.network == own:
        found = best_for(table, own.supernet(), least=1)
    if found is None:
        return (Way(way.address, active=False),)
    if found.protocol == "connected":
        return (Way(way.address, found.ways[0].interface),)
    leads = (one for one in found.ways if one.active and not one.recursive)
    return (
        Way(way.address, recursive=True),
        *(Way(one.address, one.interface, resolver=True) for one in leads),
    )


def _holds(network: Network, other: Network) -> bool:
    return network.version == other.version and other.subnet_of(network)  # type: ignore[arg-type]


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen
