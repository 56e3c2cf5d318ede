"""What must hold inside a platform's document, and between a tenant and its platform."""

from collections.abc import Iterator

from tenancy.fields import Network, contains, overlap
from tenancy.mistakes import Mistake
from tenancy.platform import Platform, ProviderNetwork, blocked_cidrs
from tenancy.rules import Numbered, NumberedIPs, at, unusable
from tenancy.tenant import Snat


def platform_fit(name: str | None, subnets: Numbered, ips: NumberedIPs, platform: Platform) -> Iterator[Mistake]:
    """What is wrong with a tenant on this platform: clashes with what is reserved, and limits."""
    provider = platform.spec.provider_network
    if name is not None and provider is not None and name in (provider.external_subnet, provider.name):
        yield Mistake(
            path="metadata.name",
            value=name,
            problem="is the name of the platform's external subnet or provider network",
            remedy="choose another name",
        )
    for key, count, limit in (
        ("subnets", len(subnets), platform.spec.limits.subnets),
        ("externalIPs", len(ips), platform.spec.limits.external_ips),
    ):
        if count > limit:
            yield Mistake(
                path=at(key),
                value=str(count),
                problem=f"more than the {limit} this platform gives a tenant",
                remedy="ask for fewer, or have the platform's limit raised",
            )
    ranges: list[tuple[str, Network]] = [
        *((f"reserved for {r.name}", cidr) for r in platform.spec.reserved for cidr in r.cidrs),
        *(("the provider network's", cidr) for cidr in (provider.cidrs if provider else ())),
        *(("blocked for tenants", cidr) for cidr in platform.spec.block.cidrs),
    ]
    for index, subnet in subnets:
        for place, network in enumerate(subnet.cidrs):
            clash = next(((why, cidr) for why, cidr in ranges if overlap(network, cidr)), None)
            if clash:
                yield Mistake(
                    path=at("subnets", index, "cidrs", place),
                    value=str(network),
                    problem=f"overlaps {clash[1]}, which is {clash[0]} on platform {platform.metadata.name}",
                    remedy="choose a range clear of the platform's",
                )
        if subnet.mtu is not None and platform.spec.subnet_mtu is not None and subnet.mtu > platform.spec.subnet_mtu:
            yield Mistake(
                path=at("subnets", index, "mtu"),
                value=str(subnet.mtu),
                problem=f"larger than the {platform.spec.subnet_mtu} bytes this platform carries",
                remedy="choose a smaller one, or leave it out",
            )
    if ips and provider is None:
        yield Mistake(
            path=at("externalIPs"),
            problem=f"platform {platform.metadata.name} has no provider network",
            remedy="remove the external IPs, or have a provider network added to the platform document",
        )
    if provider is not None:
        yield from _external(subnets, ips, provider)


def _external(subnets: Numbered, ips: NumberedIPs, provider: ProviderNetwork) -> Iterator[Mistake]:
    for index, ip in ips:
        if ip.address is not None:
            path = at("externalIPs", index, "address")
            home = next((cidr for cidr in provider.cidrs if contains(cidr, ip.address)), None)
            if ip.address.version != 4 or home is None:
                pool = ", ".join(str(cidr) for cidr in provider.cidrs if cidr.version == 4)
                yield Mistake(
                    path=path,
                    value=str(ip.address),
                    problem=f"not an IPv4 address of the provider network ({pool})",
                    remedy="choose one of its addresses, or leave it out to get any free one",
                )
            elif ip.address in unusable(home) or ip.address in provider.gateways:
                yield Mistake(
                    path=path,
                    value=str(ip.address),
                    problem="is the provider network's gateway, network or broadcast address",
                    remedy="choose another, or leave it out to get any free one",
                )
        if isinstance(ip, Snat):
            # Kube-OVN reports such a rule ready without translating anything (1.17 pkg/controller/ovn_snat.go).
            families = {cidr.version for cidr in provider.cidrs}
            for _, subnet in subnets:
                if ip.subnets and subnet.name in ip.subnets and not families & {c.version for c in subnet.cidrs}:
                    yield Mistake(
                        path=at("externalIPs", index, "subnets", ip.subnets.index(subnet.name)),
                        value=subnet.name,
                        problem="the subnet and the provider network have no family in common",
                        remedy="leave the subnet out, or give it an IPv4 CIDR",
                    )


def platform_mistakes(platform: Platform) -> Iterator[Mistake]:
    """What is wrong inside a platform document, field by field correct as it may be."""
    spec = platform.spec
    blocked = blocked_cidrs(platform)
    if not blocked:
        yield Mistake(
            path=at("block", "cidrs"),
            problem="nothing is blocked, so tenants could reach the platform",
            remedy="list the CIDRs of the platform's API server, services and external addresses",
        )
    for place, exception in enumerate(spec.block.exceptions):
        if not any(contains(cidr, exception) for cidr in blocked):
            yield Mistake(
                path=at("block", "exceptions", place),
                value=str(exception),
                problem="lies in no blocked CIDR, so it excepts nothing",
                remedy="remove it, or correct it",
            )
        elif exception in blocked:
            yield Mistake(
                path=at("block", "exceptions", place),
                value=str(exception),
                problem="takes back a whole blocked CIDR",
                remedy="except a part of it only, or do not block it",
            )
    first: dict[str, int] = {}
    for index, reserved in enumerate(spec.reserved):
        if reserved.name in first:
            yield Mistake(
                path=at("reserved", index, "name"),
                value=reserved.name,
                problem=f"already the name of {at('reserved', first[reserved.name])}",
                remedy="give it a name of its own",
            )
        first.setdefault(reserved.name, index)
    if spec.provider_network is not None:
        yield from _provider(spec.provider_network)


def _provider(provider: ProviderNetwork) -> Iterator[Mistake]:
    families = [cidr.version for cidr in provider.cidrs]
    if 4 not in families or len(set(families)) < len(families):
        yield Mistake(
            path=at("providerNetwork", "cidrs"),
            value=", ".join(map(str, provider.cidrs)),
            problem="needs one IPv4 CIDR, and may have one IPv6 CIDR beside it",
            remedy="write the external subnet's CIDRs, one for each family",
        )
    for place, gateway in enumerate(provider.gateways):
        if not any(contains(cidr, gateway) and gateway not in unusable(cidr) for cidr in provider.cidrs):
            yield Mistake(
                path=at("providerNetwork", "gateways", place),
                value=str(gateway),
                problem="not a usable address of the provider network",
                remedy=f"choose an address inside {' or '.join(map(str, provider.cidrs))}",
            )
    if sorted(gateway.version for gateway in provider.gateways) != sorted(families):
        yield Mistake(
            path=at("providerNetwork", "gateways"),
            value=", ".join(map(str, provider.gateways)),
            problem="does not match the CIDRs",
            remedy="write one gateway for each CIDR",
        )
