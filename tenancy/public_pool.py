"""The addresses of a public pool: which, how many, and in what order they are tried. A pool may be an IPv6 /64."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

from tenancy import names
from tenancy.edge import PublicPool
from tenancy.fields import Address, Network
from tenancy.platform import ProviderNetwork, collapsed

Span = tuple[int, int]
"""Addresses of one family as numbers, first and last included."""


def spans(pool: PublicPool, family: int) -> list[Span]:
    """What can be given of a family, in order, no address twice."""
    kept: list[Span] = [
        (int(network[0]), int(network[-1])) for network in collapsed(pool.cidrs) if network.version == family
    ]
    for out in pool.exclude:
        first, last = int(out.first), int(out.last)
        if out.first.version == out.last.version == family and first <= last:
            around = [part for low, high in kept for part in ((low, min(high, first - 1)), (max(low, last + 1), high))]
            kept = [(low, high) for low, high in around if low <= high]
    return kept


def size(pool: PublicPool, family: int) -> int:
    """How many addresses of a family there are to give."""
    return sum(last - first + 1 for first, last in spans(pool, family))


def families(pool: PublicPool) -> tuple[int, ...]:
    """4, 6 or both: those the pool has an address of."""
    return tuple(family for family in (4, 6) if spans(pool, family))


def wanted_families(pool: PublicPool, provider: ProviderNetwork) -> tuple[int, ...]:
    """Those an external IP is given a public address of: of what the provider network has, what the pool has, too."""
    outside = {cidr.version for cidr in provider.cidrs}
    return tuple(family for family in families(pool) if family in outside)


def candidates(pool: PublicPool, family: int, start: int = 0) -> Iterator[Address]:
    """Every address of a family once, lazily, in order from the one at place `start`, and round from the first."""
    kept = spans(pool, family)
    make = IPv4Address if family == 4 else IPv6Address
    for low, high in [*_dropped(kept, start), *_taken(kept, start)]:
        yield from map(make, range(low, high + 1))


def starting_place(tenant: str, external_ip: str, family: int, among: int) -> int:
    """Where a tenant begins to look: always the same place for it, and another for others, so that few meet."""
    digest = sha256(f"{tenant}/{external_ip}/{family}".encode()).digest()
    return int.from_bytes(digest, "big") % among


def first_inside(pool: PublicPool, network: Network) -> Address | None:
    """The first address of a network that the pool would give; None where it gives none of it."""
    make = IPv4Address if network.version == 4 else IPv6Address
    for low, high in spans(pool, network.version):
        first = max(low, int(network[0]))
        if first <= min(high, int(network[-1])):
            return make(first)
    return None


def reserved_in(pool: PublicPool, config_maps: Iterable[str]) -> set[Address]:
    """The pool's addresses that ConfigMaps of these names reserve."""
    kept = {family: spans(pool, family) for family in (4, 6)}
    found = (names.reserved_address(name) for name in config_maps)
    return {
        address
        for address in found
        if address is not None and any(low <= int(address) <= high for low, high in kept[address.version])
    }


def _dropped(kept: list[Span], count: int) -> Iterator[Span]:
    """The spans without their first `count` addresses."""
    for low, high in kept:
        if count <= high - low:
            yield low + count, high
        count = max(0, count - (high - low + 1))


def _taken(kept: list[Span], count: int) -> Iterator[Span]:
    """The first `count` addresses of the spans."""
    for low, high in kept:
        if count > 0:
            yield low, min(high, low + count - 1)
        count -= high - low + 1
