"""The platform's document, and a tenant against it: each rule with the path, the value and the remedy."""

import copy
from typing import Any

import pytest

from tenancy.documents import read_platform, read_tenant
from tenancy.mistakes import InvalidDocumentError, Mistake
from tests.tenancy.cases import assert_only, balancer, each, mistakes_of, named, snat, subnet, with_ips, with_subnet
from tests.tenancy.documents import raw_platform, raw_tenant

PROVIDER = raw_platform()["spec"]["providerNetwork"]


def mistakes_of_platform(raw: object) -> tuple[Mistake, ...]:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_platform(raw)
    return refusal.value.mistakes


def blocking(*cidrs: str, exceptions: Any = ()) -> Any:
    return raw_platform(block={"cidrs": list(cidrs), "exceptions": list(exceptions)})


def providing(**changes: Any) -> Any:
    return raw_platform(providerNetwork={**PROVIDER, **changes})


def only(**spec: Any) -> Any:
    return {**raw_platform(), "spec": spec}


PLATFORMS = {
    "a key spelled as in Python": (
        only(provider_network=PROVIDER, block={"cidrs": ["192.0.2.0/24"]}),
        "spec.provider_network",
        None,
        "unknown key",
        "did you mean providerNetwork?",
    ),
    "nothing blocked": (
        only(),
        "spec.block.cidrs",
        None,
        "nothing is blocked, so tenants could reach the platform",
        "list the CIDRs of the platform's API server",
    ),
    "another mode": (raw_platform(mode="vxlan"), "spec.mode", "'vxlan'", "not a value it may have", "write 'overlay'"),
    "an MTU too large": (raw_platform(subnetMtu=9001), "spec.subnetMtu", "9001", "equal to 9000", "within the limits"),
    "no subnet at all": (
        raw_platform(limits={"subnets": 0}),
        "spec.limits.subnets",
        "0",
        "equal to 1",
        "within the limits",
    ),
    "a mapped CIDR": (
        blocking("::ffff:10.0.0.0/104"),
        "spec.block.cidrs[0]",
        "'::ffff:10.0.0.0/104'",
        "is an IPv4 address written as IPv6",
        "write it as IPv4",
    ),
    "a blocked CIDR with host bits": (
        blocking("192.0.2.7/24"),
        "spec.block.cidrs[0]",
        "'192.0.2.7/24'",
        "has bits set beyond its prefix",
        "write 192.0.2.0/24",
    ),
    "an exception outside": (
        blocking("192.0.2.0/24", exceptions=["192.0.3.1/32"]),
        "spec.block.exceptions[0]",
        "192.0.3.1/32",
        "lies in no blocked CIDR",
        "remove it, or correct it",
    ),
    "an exception wider than what is blocked": (
        blocking("192.0.2.0/24", exceptions=["192.0.0.0/16"]),
        "spec.block.exceptions[0]",
        "192.0.0.0/16",
        "takes back a whole blocked CIDR, 192.0.2.0/24",
        "except a part of it only",
    ),
    "an exception for all of a blocked CIDR": (
        blocking("10.96.0.0/12", "192.0.2.0/24", exceptions=["10.96.0.10/32", "192.0.2.0/24"]),
        "spec.block.exceptions[1]",
        "192.0.2.0/24",
        "takes back a whole blocked CIDR, 192.0.2.0/24",
        "except a part of it only",
    ),
    "an exception for a blocked CIDR inside another": (
        blocking("10.0.0.0/8", "10.96.0.0/12", exceptions=["10.96.0.0/12"]),
        "spec.block.exceptions[0]",
        "10.96.0.0/12",
        "takes back a whole blocked CIDR, 10.96.0.0/12",
        "except a part of it only",
    ),
    "an exception for one of two neighbours": (
        blocking("192.0.2.0/25", "192.0.2.128/25", exceptions=["192.0.2.0/25"]),
        "spec.block.exceptions[0]",
        "192.0.2.0/25",
        "takes back a whole blocked CIDR, 192.0.2.0/25",
        "except a part of it only",
    ),
    "an exception for a part that holds a blocked CIDR": (
        blocking("10.0.0.0/8", "10.1.1.0/24", exceptions=["10.1.0.0/16"]),
        "spec.block.exceptions[0]",
        "10.1.0.0/16",
        "takes back a whole blocked CIDR, 10.1.1.0/24",
        "except a part of it only",
    ),
    "an exception for the provider network": (
        raw_platform(block={"cidrs": ["203.0.0.0/8"], "exceptions": ["203.0.113.0/24"]}),
        "spec.block.exceptions[0]",
        "203.0.113.0/24",
        "takes back a whole blocked CIDR, 203.0.113.0/24",
        "except a part of it only",
    ),
    "a reservation's name twice": (
        raw_platform(reserved=[{"name": name, "cidrs": ["100.64.0.0/16"]} for name in ("join", "pods", "join")]),
        "spec.reserved[2].name",
        "join",
        "already the name of spec.reserved[0]",
        "give it a name of its own",
    ),
    "a provider network without IPv4": (
        providing(cidrs=["fd00:113::/64"], gateways=["fd00:113::1"]),
        "spec.providerNetwork.cidrs",
        "fd00:113::/64",
        "needs one IPv4 CIDR",
        "one for each family",
    ),
    "a provider network of two IPv4 CIDRs": (
        providing(cidrs=["203.0.113.0/24", "203.0.114.0/24"], gateways=["203.0.113.1", "203.0.114.1"]),
        "spec.providerNetwork.cidrs",
        "203.0.113.0/24, 203.0.114.0/24",
        "needs one IPv4 CIDR",
        "one for each family",
    ),
    **{
        f"the gateway {gateway}": (
            providing(gateways=[gateway]),
            "spec.providerNetwork.gateways[0]",
            gateway,
            "not a usable address of the provider network",
            "choose an address inside 203.0.113.0/24",
        )
        for gateway in ["203.0.114.1", "203.0.113.0", "203.0.113.255"]
    },
    "a gateway too many": (
        providing(gateways=["203.0.113.1", "203.0.113.2"]),
        "spec.providerNetwork.gateways",
        "203.0.113.1, 203.0.113.2",
        "does not match the CIDRs",
        "write one gateway for each CIDR",
    ),
    "a gateway too few": (
        providing(cidrs=["203.0.113.0/24", "fd00:113::/64"]),
        "spec.providerNetwork.gateways",
        "203.0.113.1",
        "does not match the CIDRs",
        "write one gateway for each CIDR",
    ),
    "an external subnet of two dashes": (
        providing(externalSubnet="a--b"),
        "spec.providerNetwork.externalSubnet",
        "'a--b'",
        "not a name this platform's objects can have",
        "single dashes",
    ),
}

KEPT = raw_platform(
    block={"cidrs": ["192.0.2.0/24", "203.0.113.10/32"], "exceptions": ["203.0.113.53/32"]},
    reserved=[{"name": "api", "cidrs": ["203.0.113.128/25"]}, {"name": "outside", "cidrs": ["203.0.112.0/22"]}],
)
DUAL = providing(cidrs=["203.0.113.0/24", "fd00:113::/64"], gateways=["203.0.113.1", "fd00:113::1"])
NONE = only(block={"cidrs": ["192.0.2.0/24"]})
OTHER = "choose another of its addresses, or leave it out"
TENANTS = {
    "named like the external subnet": (
        raw_platform(),
        named("external"),
        "metadata.name",
        "external",
        "is the name of the platform's external subnet or provider network",
        "choose another name",
    ),
    "named like the provider network": (
        raw_platform(),
        named("provider"),
        "metadata.name",
        "provider",
        "is the name of the platform's external subnet or provider network",
        "choose another name",
    ),
    "named so that its port could be another's": (
        raw_platform(),
        named("external-foo"),
        "metadata.name",
        "external-foo",
        "joined with the external subnet's name, external, it could be a port of another",
        "choose a name that does not begin like external",
    ),
    "too many subnets": (
        raw_platform(),
        raw_tenant(subnets=[subnet(f"s{place}", [f"10.1.{place}.0/24"]) for place in range(4)]),
        "spec.subnets",
        "4",
        "more than the 3 this platform gives a tenant",
        "have the platform's limit raised",
    ),
    "too many external IPs": (
        raw_platform(),
        with_ips(*(balancer(f"b{place}") for place in range(5))),
        "spec.externalIPs",
        "5",
        "more than the 4 this platform gives a tenant",
        "have the platform's limit raised",
    ),
    "on a reserved range": (
        raw_platform(),
        with_subnet(cidrs=["100.64.1.0/24"]),
        "spec.subnets[0].cidrs[0]",
        "100.64.1.0/24",
        "overlaps 100.64.0.0/16, which is reserved for join on platform lab",
        "choose a range clear of the platform's",
    ),
    "on a reserved range of IPv6": (
        raw_platform(),
        with_subnet(cidrs=["10.1.0.0/24", "fd00:100::/64"]),
        "spec.subnets[0].cidrs[1]",
        "fd00:100::/64",
        "overlaps fd00:100::/64, which is reserved for join on platform lab",
        "choose a range clear of the platform's",
    ),
    "around the provider network": (
        raw_platform(),
        with_subnet(cidrs=["203.0.0.0/16"]),
        "spec.subnets[0].cidrs[0]",
        "203.0.0.0/16",
        "overlaps 203.0.113.0/24, which is the provider network's on platform lab",
        "choose a range clear of the platform's",
    ),
    "in a blocked CIDR": (
        raw_platform(),
        with_subnet(cidrs=["10.100.0.0/24"]),
        "spec.subnets[0].cidrs[0]",
        "10.100.0.0/24",
        "overlaps 10.96.0.0/12, which is blocked for tenants on platform lab",
        "choose a range clear of the platform's",
    ),
    "an MTU the platform does not carry": (
        raw_platform(),
        with_subnet(mtu=1401),
        "spec.subnets[0].mtu",
        "1401",
        "larger than the 1400 bytes this platform carries",
        "choose a smaller one",
    ),
    "external IPs without a provider network": (
        NONE,
        with_ips(balancer(address="203.0.113.9")),
        "spec.externalIPs",
        None,
        "platform lab has no provider network",
        "have a provider network added",
    ),
    **{
        f"the fixed address {address}": (
            document,
            with_ips(balancer(address=address)),
            "spec.externalIPs[0].address",
            address,
            problem,
            OTHER,
        )
        for document, address, problem in [
            (raw_platform(), "203.0.114.9", "not an IPv4 address of the provider network (203.0.113.0/24)"),
            (DUAL, "fd00:113::9", "not an IPv4 address of the provider network (203.0.113.0/24)"),
            (raw_platform(), "203.0.113.1", "is the provider network's gateway, network or broadcast address"),
            (raw_platform(), "203.0.113.0", "is the provider network's gateway, network or broadcast address"),
            (raw_platform(), "203.0.113.255", "is the provider network's gateway, network or broadcast address"),
            (KEPT, "203.0.113.10", "lies in 203.0.113.10/32, which platform lab keeps for itself"),
            (KEPT, "203.0.113.53", "lies in 203.0.113.53/32, which platform lab keeps for itself"),
            (KEPT, "203.0.113.200", "lies in 203.0.113.128/25, which platform lab keeps for itself"),
        ]
    },
    "a SNAT without a family of the outside": (
        raw_platform(),
        with_ips(snat(subnets=["prod", "six"]), subnets=[subnet(), subnet("six", ["fd00:1::/64"])]),
        "spec.externalIPs[0].subnets[1]",
        "six",
        "the subnet and the provider network have no family in common",
        "give it an IPv4 CIDR",
    ),
}


@each(PLATFORMS)
def test_a_mistake_of_a_platform_is_named_alone(
    raw: Any, path: str, value: str | None, problem: str, remedy: str
) -> None:
    assert_only(mistakes_of_platform(raw), path, value, problem, remedy)


@pytest.mark.parametrize(("platform", "case"), [(c[0], c[1:]) for c in TENANTS.values()], ids=TENANTS.keys())
def test_a_tenant_that_does_not_fit_is_told_so_alone(platform: Any, case: Any) -> None:
    raw, *expected = case
    assert_only(mistakes_of(raw, read_platform(platform)), *expected)


@pytest.mark.parametrize(
    ("platform", "raw"),
    [
        (KEPT, with_ips(balancer(address="203.0.113.11"))),
        (raw_platform(), with_ips(balancer(address="203.0.113.254"))),
        (DUAL, with_ips(snat(subnets=["six"]), subnets=[subnet("six", ["fd00:1::/64"])])),
        (raw_platform(), with_subnet(mtu=1400)),
        (raw_platform(), with_subnet(cidrs=["100.65.0.0/16", "fd00:101::/64"])),
        (raw_platform(), named("external1")),
        (NONE, named("external")),
        (blocking("0.0.0.0/0", "::/0", exceptions=["10.96.0.10/32"]), None),
        (blocking(exceptions=["203.0.113.53/32"]), None),
        (providing(externalSubnet="0-external"), None),
    ],
    ids=[
        "an address beside what is kept",
        "the last address",
        "SNAT of IPv6 where the outside has it",
        "the platform's own MTU",
        "neighbours of what is reserved",
        "a name that only begins with the letters",
        "any name without a provider network",
        "everything blocked but a resolver",
        "an exception inside the provider network",
        "an external subnet that begins with a digit",
    ],
)
def test_what_is_close_to_a_mistake_and_none_is_accepted(platform: Any, raw: Any) -> None:
    document = read_platform(platform)
    if raw is not None:
        read_tenant(raw, document)


def test_two_exceptions_that_take_a_cidr_back_between_them_are_both_named() -> None:
    halves = ["192.0.2.0/25", "192.0.2.128/25"]
    found = mistakes_of_platform(blocking("192.0.2.0/24", "10.96.0.0/12", exceptions=["10.96.0.10/32", *halves]))
    assert [(mistake.path, mistake.value) for mistake in found] == [
        ("spec.block.exceptions[1]", halves[0]),
        ("spec.block.exceptions[2]", halves[1]),
    ]
    assert all("takes back a whole blocked CIDR, 192.0.2.0/24" in mistake.problem for mistake in found)


def test_reading_a_platform_leaves_it_as_it_was() -> None:
    raw = raw_platform()
    before = copy.deepcopy(raw)
    read_platform(raw)
    assert raw == before
