"""What must hold between the parts of a tenant's document."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import Protocol

from tenancy import names
from tenancy.fields import Address, Network, contains, overlap
from tenancy.mistakes import Mistake, path_of
from tenancy.salvage import sound, whole
from tenancy.tenant import ExternalIP, FloatingIP, Snat, Subnet

Numbered = Sequence[tuple[int, Subnet]]
"""Subnets with their place in the document. What is wrong in itself is blank here, as `tenancy.salvage` says."""
NumberedIPs = Sequence[tuple[int, ExternalIP]]


class Named(Protocol):
    """What has a name in a document."""

    @property
    def name(self) -> str:
        """Blank where it is unsound."""


class Range(Protocol):
    """Addresses in a document, first and last included."""

    @property
    def first(self) -> Address:
        """The lowest."""

    @property
    def last(self) -> Address:
        """The highest."""


_BLANK: object = None
_MOST_NAMED = 8
"""How many names a remedy lists to choose from."""


def at(*location: str | int) -> str:
    """The path of something under `spec`."""
    return path_of(("spec", *location))


def tenant_mistakes(subnets: Numbered, ips: NumberedIPs) -> Iterator[Mistake]:
    """What is wrong inside a tenant's document, field by field correct as it may be."""
    yield from repeated_names("subnets", subnets)
    yield from repeated_names("externalIPs", ips)
    for index, subnet in subnets:
        yield from _subnet(index, subnet)
    yield from _overlaps(subnets)
    yield from _snat(subnets, [(index, ip) for index, ip in ips if isinstance(ip, Snat)])
    yield from _floating(subnets, [(index, ip) for index, ip in ips if isinstance(ip, FloatingIP)])
    yield from _fixed_addresses(ips)


def repeated(values: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Of values with their paths those that stood before: the path, the value, and the path it stood at first.

    A blank one repeats nothing.
    """
    first: dict[str, str] = {}
    for path, value in values:
        if value and value in first:
            yield path, value, first[value]
        first.setdefault(value, path)


def repeated_names(key: str, items: Iterable[tuple[int, Named]]) -> Iterator[Mistake]:
    """Names that stand twice in a list of the document."""
    for path, name, before in repeated((at(key, index), item.name) for index, item in items):
        yield Mistake(
            path=f"{path}.name",
            value=name,
            problem=f"already the name of {before}",
            remedy="give it a name of its own",
        )


def _subnet(index: int, subnet: Subnet) -> Iterator[Mistake]:
    cidrs = [network for _, network in sound(subnet.cidrs)]
    families = [network.version for network in cidrs]
    if len(set(families)) < len(families):
        yield Mistake(
            path=at("subnets", index, "cidrs"),
            value=", ".join(map(str, cidrs)),
            problem=f"two CIDRs of one family (IPv{families[0]})",
            remedy="keep one of each family, and put the other into a subnet of its own",
        )
    seen: set[int] = set()
    for place, gateway in sound(subnet.gateways):
        path = at("subnets", index, "gateways", place)
        home = next((network for network in cidrs if contains(network, gateway)), None)
        if gateway.version in seen:
            yield Mistake(path=path, value=str(gateway), problem="a second gateway of its family", remedy="keep one")
        elif home is None and whole(subnet.cidrs):
            yield Mistake(
                path=path,
                value=str(gateway),
                problem="lies outside the subnet's CIDRs",
                remedy=f"choose an address inside {' or '.join(map(str, cidrs))}, or leave gateways out",
            )
        elif home is not None and gateway in unusable(home):
            yield Mistake(
                path=path,
                value=str(gateway),
                problem=f"is the network or broadcast address of {home}",
                remedy=f"choose another address, e.g. {home[1]}",
            )
        seen.add(gateway.version)
    for place, span in sound(subnet.exclude):
        yield from excluded(at("subnets", index, "exclude", place), span, "subnet", subnet.cidrs)


def excluded(path: str, span: Range, what: str, of: Sequence[Network]) -> Iterator[Mistake]:
    """What is wrong with a range of addresses that a subnet or a pool, of these CIDRs, is to leave out."""
    cidrs = [network for _, network in sound(of)]
    if span.first.version != span.last.version or int(span.first) > int(span.last):
        yield Mistake(
            path=path,
            value=f"{span.first}..{span.last}",
            problem="not a range from first to last",
            remedy="write the lower address first, both of one family",
        )
    elif whole(of) and not any(contains(n, span.first) and contains(n, span.last) for n in cidrs):
        yield Mistake(
            path=path,
            value=f"{span.first}..{span.last}",
            problem=f"does not lie inside the {what}'s CIDRs",
            remedy=f"keep it inside {' or '.join(map(str, cidrs))}",
        )


def unusable(network: Network) -> tuple[Address, ...]:
    """Addresses of the network that no host may have: its own, and IPv4's broadcast address."""
    return (network[0], network[-1]) if network.version == 4 else (network[0],)


def _overlaps(subnets: Numbered) -> Iterator[Mistake]:
    # CIDRs lie inside each other or apart, so sorted by first address each can only overlap those still open around it,
    # of which there are no more than prefix lengths. 1,000 subnets need no million pairs.
    places = [(network, index, place) for index, subnet in subnets for place, network in sound(subnet.cidrs)]
    around: list[tuple[Network, int, int]] = []
    for this in sorted(places, key=lambda p: (p[0].version, int(p[0].network_address), p[0].prefixlen, p[1:])):
        while around and not overlap(around[-1][0], this[0]):
            around.pop()
        for one, other in (sorted((open_, this), key=lambda p: p[1:]) for open_ in around):
            yield Mistake(
                path=at("subnets", other[1], "cidrs", other[2]),
                value=str(other[0]),
                problem=f"overlaps {one[0]} at {at('subnets', one[1], 'cidrs', one[2])}",
                remedy="choose ranges of one tenant that do not overlap",
            )
        if not around or around[-1][0] != this[0]:
            around.append(this)


def _snat(subnets: Numbered, snats: Sequence[tuple[int, Snat]]) -> Iterator[Mistake]:
    known = {subnet.name for _, subnet in subnets}
    taken: dict[str, str] = {}
    catch_all: int | None = None
    for index, snat in snats:
        if snat.subnets is None:
            if catch_all is not None:
                yield Mistake(
                    path=at("externalIPs", index),
                    value=snat.name or None,
                    problem=f"{at('externalIPs', catch_all)} already serves all remaining subnets",
                    remedy="name the subnets that leave through this address",
                )
            catch_all = index if catch_all is None else catch_all
            continue
        for place, name in sound(snat.subnets):
            path = at("externalIPs", index, "subnets", place)
            if name in taken:
                yield Mistake(
                    path=path,
                    value=name,
                    problem=f"already leaves through {taken[name]}",
                    remedy="a subnet leaves through one address: keep one of the two",
                )
            elif name not in known and "" not in known:
                yield Mistake(
                    path=path,
                    value=name,
                    problem="not a subnet of this document",
                    remedy=f"write one of: {_some(known)}",
                )
            taken.setdefault(name, path)
    if catch_all is not None and known <= taken.keys():
        yield Mistake(
            path=at("externalIPs", catch_all),
            problem="no subnet is left to leave through this address",
            remedy="remove it, or name fewer subnets at the others",
        )


def _some(known: set[str]) -> str:
    more = ", ..." if len(known) > _MOST_NAMED else ""
    return ", ".join(sorted(known)[:_MOST_NAMED]) + more


def _floating(subnets: Numbered, floating: Sequence[tuple[int, FloatingIP]]) -> Iterator[Mistake]:
    first: dict[Address, str] = {}
    homes = [(subnet, network) for _, subnet in subnets for _, network in sound(subnet.cidrs)]
    all_known = all(whole(subnet.cidrs) for _, subnet in subnets)
    for index, ip in floating:
        if ip.target is _BLANK:
            continue
        path = at("externalIPs", index, "target")
        home = next((home for home in homes if contains(home[1], ip.target)), None)
        if not isinstance(ip.target, IPv4Address):
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem="floating IPs lead to IPv4 addresses",
                remedy="write the workload's IPv4 address",
            )
        elif home is None and all_known:
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem="lies in no subnet of this document",
                remedy="write an address inside one of the tenant's subnets",
            )
        elif home is not None and (ip.target in unusable(home[1]) or ip.target in gateways(home[0])):
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem=f"is the gateway, network or broadcast address of {home[1]}",
                remedy="write a workload's address",
            )
        elif ip.target in first:
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem=f"already has a floating IP, {first[ip.target]}",
                remedy="an address has one floating IP: keep one of the two",
            )
        first.setdefault(ip.target, at("externalIPs", index))


def gateways(subnet: Subnet) -> tuple[Address, ...]:
    """The router's addresses in the subnet, in the order of its CIDRs; the first address where none is given."""
    given = [gateway for _, gateway in sound(subnet.gateways)]
    return tuple(
        next((gateway for gateway in given if contains(network, gateway)), network[1])
        for _, network in sound(subnet.cidrs)
    )


def _fixed_addresses(ips: NumberedIPs) -> Iterator[Mistake]:
    first: dict[Address, str] = {}
    for index, ip in ips:
        if ip.address is None:
            continue
        path = at("externalIPs", index, "address")
        if ip.address in first:
            yield Mistake(
                path=path,
                value=str(ip.address),
                problem=f"already the address of {first[ip.address]}",
                remedy="choose another, or leave it out to get any free one",
            )
        first.setdefault(ip.address, at("externalIPs", index))


def name_mistakes(tenant: str, subnets: Numbered) -> Iterator[Mistake]:
    """Names of a tenant that are Kube-OVN's own, or that Kube-OVN would fold together with another tenant's."""
    if names.is_reserved(tenant):
        yield Mistake(
            path="metadata.name",
            value=tenant,
            problem="is, or could become, a name of Kube-OVN's own",
            remedy="choose another, not join, not beginning with ovn or node, not ending with ovn-cluster",
        )
    for index, subnet in subnets:
        if names.folds_inside(tenant, subnet.name):
            yield Mistake(
                path=at("subnets", index, "name"),
                value=subnet.name,
                problem=f"Kube-OVN would give its port a name that a tenant {tenant}-{tenant} may have",
                remedy=f"choose a name that does not end with -{tenant}-{tenant}",
            )
