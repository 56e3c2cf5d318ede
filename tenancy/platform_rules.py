"""What must hold inside a platform's document, and between a tenant and its platform."""

from collections.abc import Iterator, Sequence

from tenancy import names
from tenancy.fields import Network, contains, overlap
from tenancy.mistakes import Mistake
from tenancy.platform import Block, Platform, ProviderNetwork, Reserved, collapsed
from tenancy.rules import Numbered, NumberedIPs, at, repeated_names, unusable
from tenancy.salvage import sound, whole
from tenancy.tenant import Snat


def platform_fit(name: str | None, subnets: Numbered, ips: NumberedIPs, platform: Platform) -> Iterator[Mistake]:
    """What is wrong with a tenant on this platform: clashes with what is reserved, and limits."""
    provider = platform.spec.provider_network
    if name is not None and provider is not None:
        yield from _name(name, provider)
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
        for place, network in sound(subnet.cidrs):
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
        yield from _fixed_addresses(ips, platform, provider)
        yield from _families(subnets, ips, provider)


def _name(name: str, provider: ProviderNetwork) -> Iterator[Mistake]:
    if name in (provider.external_subnet, provider.name):
        yield Mistake(
            path="metadata.name",
            value=name,
            problem="is the name of the platform's external subnet or provider network",
            remedy="choose another name",
        )
    elif names.folds_outside(name, provider.external_subnet):
        yield Mistake(
            path="metadata.name",
            value=name,
            problem=f"joined with the external subnet's name, {provider.external_subnet}, it could be a port of another",
            remedy=f"choose a name that does not begin like {provider.external_subnet}",
        )


def _fixed_addresses(ips: NumberedIPs, platform: Platform, provider: ProviderNetwork) -> Iterator[Mistake]:
    pools = [cidr for cidr in provider.cidrs if cidr.version == 4]
    block = platform.spec.block
    parts = [*block.cidrs, *block.exceptions, *(cidr for r in platform.spec.reserved for cidr in r.cidrs)]
    # What the platform names inside its provider network is its own: an API server's address, a resolver's.
    kept = [part for part in parts if not any(contains(part, pool) for pool in pools)]
    for index, ip in ips:
        if ip.address is None:
            continue
        home = next((pool for pool in pools if contains(pool, ip.address)), None)
        if home is None:
            problem = f"not an IPv4 address of the provider network ({', '.join(map(str, pools))})"
        elif ip.address in unusable(home) or ip.address in provider.gateways:
            problem = "is the provider network's gateway, network or broadcast address"
        elif mine := next((part for part in kept if contains(part, ip.address)), None):
            problem = f"lies in {mine}, which platform {platform.metadata.name} keeps for itself"
        else:
            continue
        yield Mistake(
            path=at("externalIPs", index, "address"),
            value=str(ip.address),
            problem=problem,
            remedy="choose another of its addresses, or leave it out to get any free one",
        )


def _families(subnets: Numbered, ips: NumberedIPs, provider: ProviderNetwork) -> Iterator[Mistake]:
    # Kube-OVN reports such a rule ready without translating anything (1.17 pkg/controller/ovn_snat.go).
    outside = {cidr.version for cidr in provider.cidrs}
    foreign = {
        subnet.name
        for _, subnet in subnets
        if whole(subnet.cidrs) and not outside & {cidr.version for cidr in subnet.cidrs}
    }
    for index, ip in ips:
        for place, name in sound((isinstance(ip, Snat) and ip.subnets) or ()):
            if name in foreign:
                yield Mistake(
                    path=at("externalIPs", index, "subnets", place),
                    value=name,
                    problem="the subnet and the provider network have no family in common",
                    remedy="leave the subnet out, or give it an IPv4 CIDR",
                )


def platform_mistakes(
    block: Block, reserved: Sequence[tuple[int, Reserved]], provider: ProviderNetwork | None
) -> Iterator[Mistake]:
    """What is wrong between the parts of a platform's document. Parts may be blank, as `tenancy.salvage` says."""
    yield from _block(block, provider)
    yield from repeated_names("reserved", reserved)
    if provider is not None:
        yield from _provider(provider)


def _block(block: Block, provider: ProviderNetwork | None) -> Iterator[Mistake]:
    entries = [*block.cidrs, *(provider.cidrs if provider else ())]
    if not entries:
        yield Mistake(
            path=at("block", "cidrs"),
            problem="nothing is blocked, so tenants could reach the platform",
            remedy="list the CIDRs of the platform's API server, services and external addresses",
        )
    listed = [cidr for _, cidr in sound(entries)]
    blocked = collapsed(listed)
    # Exceptions may take a blocked CIDR back between them, and neighbours in the list are one when collapsed.
    excepted = collapsed([cidr for _, cidr in sound(block.exceptions)])
    taken_back = [cidr for cidr in listed if any(contains(exception, cidr) for exception in excepted)]
    for place, exception in sound(block.exceptions):
        path = at("block", "exceptions", place)
        if taken := next((cidr for cidr in taken_back if overlap(cidr, exception)), None):
            yield Mistake(
                path=path,
                value=str(exception),
                problem=f"takes back a whole blocked CIDR, {taken}",
                remedy="except a part of it only, or do not block it",
            )
        elif whole(entries) and not any(contains(cidr, exception) for cidr in blocked):
            yield Mistake(
                path=path,
                value=str(exception),
                problem="lies in no blocked CIDR, so it excepts nothing",
                remedy="remove it, or correct it",
            )


def _provider(provider: ProviderNetwork) -> Iterator[Mistake]:
    if not whole(provider.cidrs):
        return
    families = [cidr.version for cidr in provider.cidrs]
    if 4 not in families or len(set(families)) < len(families):
        yield Mistake(
            path=at("providerNetwork", "cidrs"),
            value=", ".join(map(str, provider.cidrs)),
            problem="needs one IPv4 CIDR, and may have one IPv6 CIDR beside it",
            remedy="write the external subnet's CIDRs, one for each family",
        )
    for place, gateway in sound(provider.gateways):
        if not any(contains(cidr, gateway) and gateway not in unusable(cidr) for cidr in provider.cidrs):
            yield Mistake(
                path=at("providerNetwork", "gateways", place),
                value=str(gateway),
                problem="not a usable address of the provider network",
                remedy=f"choose an address inside {' or '.join(map(str, provider.cidrs))}",
            )
    if whole(provider.gateways) and sorted(g.version for g in provider.gateways) != sorted(families):
        yield Mistake(
            path=at("providerNetwork", "gateways"),
            value=", ".join(map(str, provider.gateways)),
            problem="does not match the CIDRs",
            remedy="write one gateway for each CIDR",
        )
