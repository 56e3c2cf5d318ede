"""What must hold between the parts of a tenant's document."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from tenancy import names
from tenancy.fields import Address, Network, contains, overlap
from tenancy.mistakes import Mistake, path_of
from tenancy.tenant import ExternalIP, FloatingIP, Snat, Subnet

Numbered = Sequence[tuple[int, Subnet]]
"""Subnets with their place in the document. A field that is wrong in itself is blank here: "", (), None."""
NumberedIPs = Sequence[tuple[int, ExternalIP]]
_BLANK: object = None


def at(*location: str | int) -> str:
    """The path of something under `spec`."""
    return path_of(("spec", *location))


def tenant_mistakes(subnets: Numbered, ips: NumberedIPs) -> Iterator[Mistake]:
    """What is wrong inside a tenant's document, field by field correct as it may be."""
    yield from _repeated_names("subnets", subnets)
    yield from _repeated_names("externalIPs", ips)
    for index, subnet in subnets:
        yield from _subnet(index, subnet)
    yield from _overlaps(subnets)
    yield from _snat(subnets, [(index, ip) for index, ip in ips if isinstance(ip, Snat)])
    yield from _floating(subnets, [(index, ip) for index, ip in ips if isinstance(ip, FloatingIP)])
    yield from _fixed_addresses(ips)


def _repeated_names(key: str, items: Numbered | NumberedIPs) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, item in items:
        if item.name and item.name in first:
            yield Mistake(
                path=at(key, index, "name"),
                value=item.name,
                problem=f"already the name of {at(key, first[item.name])}",
                remedy="give it a name of its own",
            )
        first.setdefault(item.name, index)


def _subnet(index: int, subnet: Subnet) -> Iterator[Mistake]:
    families = [network.version for network in subnet.cidrs]
    if len(set(families)) < len(families):
        yield Mistake(
            path=at("subnets", index, "cidrs"),
            value=", ".join(map(str, subnet.cidrs)),
            problem=f"two CIDRs of one family (IPv{families[0]})",
            remedy="keep one of each family, and put the other into a subnet of its own",
        )
    seen: set[int] = set()
    for place, gateway in enumerate(subnet.gateways):
        path = at("subnets", index, "gateways", place)
        home = next((network for network in subnet.cidrs if contains(network, gateway)), None)
        if gateway.version in seen:
            yield Mistake(path=path, value=str(gateway), problem="a second gateway of its family", remedy="keep one")
        elif home is None:
            yield Mistake(
                path=path,
                value=str(gateway),
                problem="lies outside the subnet's CIDRs",
                remedy=f"choose an address inside {' or '.join(map(str, subnet.cidrs))}, or leave gateways out",
            )
        elif gateway in unusable(home):
            yield Mistake(
                path=path,
                value=str(gateway),
                problem=f"is the network or broadcast address of {home}",
                remedy=f"choose another address, e.g. {home[1]}",
            )
        seen.add(gateway.version)
    for place, span in enumerate(subnet.exclude):
        path = at("subnets", index, "exclude", place)
        if span.first.version != span.last.version or int(span.first) > int(span.last):
            yield Mistake(
                path=path,
                value=f"{span.first}..{span.last}",
                problem="not a range from first to last",
                remedy="write the lower address first, both of one family",
            )
        elif not any(contains(network, span.first) and contains(network, span.last) for network in subnet.cidrs):
            yield Mistake(
                path=path,
                value=f"{span.first}..{span.last}",
                problem="does not lie inside the subnet's CIDRs",
                remedy=f"keep it inside {' or '.join(map(str, subnet.cidrs))}",
            )


def unusable(network: Network) -> tuple[Address, ...]:
    """Addresses of the network that no host may have: its own, and IPv4's broadcast address."""
    return (network[0], network[-1]) if network.version == 4 else (network[0],)


def _overlaps(subnets: Numbered) -> Iterator[Mistake]:
    # Sorted by first address an overlap can only be with a CIDR still open, so 1,000 subnets need no million pairs.
    places = [(network, index, place) for index, subnet in subnets for place, network in enumerate(subnet.cidrs)]
    for version in (4, 6):
        widest: tuple[Network, int, int] | None = None
        ordered = sorted(
            (p for p in places if p[0].version == version), key=lambda p: (int(p[0][0]), p[0].prefixlen, p[1:])
        )
        for network, index, place in ordered:
            if widest is not None and overlap(widest[0], network):
                one, other = sorted([(widest[1], widest[2], widest[0]), (index, place, network)], key=lambda p: p[:2])
                yield Mistake(
                    path=at("subnets", other[0], "cidrs", other[1]),
                    value=str(other[2]),
                    problem=f"overlaps {one[2]} at {at('subnets', one[0], 'cidrs', one[1])}",
                    remedy="choose ranges of one tenant that do not overlap",
                )
            if widest is None or int(network[-1]) > int(widest[0][-1]):
                widest = (network, index, place)


def _snat(subnets: Numbered, snats: Sequence[tuple[int, Snat]]) -> Iterator[Mistake]:
    known = {subnet.name for _, subnet in subnets}
    taken: dict[str, str] = {}
    catch_all: int | None = None
    for index, snat in snats:
        if snat.subnets is None:
            if catch_all is not None:
                yield Mistake(
                    path=at("externalIPs", index),
                    value=snat.name,
                    problem=f"{at('externalIPs', catch_all)} already serves all remaining subnets",
                    remedy="name the subnets that leave through this address",
                )
            catch_all = index if catch_all is None else catch_all
            continue
        for place, name in enumerate(snat.subnets):
            path = at("externalIPs", index, "subnets", place)
            if name not in known:
                yield Mistake(
                    path=path,
                    value=name,
                    problem="not a subnet of this document",
                    remedy=f"write one of: {', '.join(sorted(known)) or 'none is valid yet'}",
                )
            elif name in taken:
                yield Mistake(
                    path=path,
                    value=name,
                    problem=f"already leaves through {taken[name]}",
                    remedy="a subnet leaves through one address: keep one of the two",
                )
            taken.setdefault(name, path)
    if catch_all is not None and known and known <= taken.keys():
        yield Mistake(
            path=at("externalIPs", catch_all),
            problem="no subnet is left to leave through this address",
            remedy="remove it, or name fewer subnets at the others",
        )


def _floating(subnets: Numbered, floating: Sequence[tuple[int, FloatingIP]]) -> Iterator[Mistake]:
    first: dict[Address, str] = {}
    for index, ip in floating:
        if ip.target is _BLANK:  # the field itself is wrong, and that has been said
            continue
        path = at("externalIPs", index, "target")
        home = next(
            ((subnet, network) for _, subnet in subnets for network in subnet.cidrs if contains(network, ip.target)),
            None,
        )
        if not isinstance(ip.target, IPv4Address):
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem="floating IPs lead to IPv4 addresses",
                remedy="write the workload's IPv4 address",
            )
        elif home is None:
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem="lies in no subnet of this document",
                remedy="write an address inside one of the tenant's subnets",
            )
        elif ip.target in unusable(home[1]) or ip.target in gateways(home[0]):
            yield Mistake(
                path=path,
                value=str(ip.target),
                problem=f"is the gateway, network or broadcast address of subnet {home[0].name}",
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
    return tuple(
        next((gateway for gateway in subnet.gateways if contains(network, gateway)), network[1])
        for network in subnet.cidrs
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


def reserved_name(name: str) -> Mistake | None:
    """The mistake of a tenant that would take a name of Kube-OVN's own, if it would."""
    if name not in names.RESERVED_NAMES:
        return None
    return Mistake(
        path="metadata.name",
        value=name,
        problem="is a name of Kube-OVN's own VPC or subnets",
        remedy="choose another name",
    )
