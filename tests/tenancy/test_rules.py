"""What must hold between the parts of a tenant's document: each rule with the path, the value and the remedy."""

from typing import Any

import pytest

from tenancy.documents import read_tenant
from tests.tenancy.cases import (
    assert_only,
    balancer,
    each,
    floating,
    mistakes_of,
    named,
    snat,
    subnet,
    with_ips,
    with_subnet,
)
from tests.tenancy.documents import raw_tenant

DUAL = ["10.1.0.0/24", "fd00:1::/64"]
CASES = {
    "a subnet's name twice": (
        raw_tenant(subnets=[subnet(), subnet("dev", ["10.2.0.0/24"]), subnet("prod", ["10.3.0.0/24"])]),
        "spec.subnets[2].name",
        "prod",
        "already the name of spec.subnets[0]",
        "give it a name of its own",
    ),
    "an external IP's name twice, of another use": (
        with_ips(balancer("web"), floating("web")),
        "spec.externalIPs[1].name",
        "web",
        "already the name of spec.externalIPs[0]",
        "give it a name of its own",
    ),
    "two CIDRs of one family": (
        with_subnet(cidrs=["10.1.0.0/24", "10.2.0.0/24"]),
        "spec.subnets[0].cidrs",
        "10.1.0.0/24, 10.2.0.0/24",
        "two CIDRs of one family (IPv4)",
        "keep one of each family",
    ),
    "a gateway outside": (
        with_subnet(gateways=["10.2.0.1"]),
        "spec.subnets[0].gateways[0]",
        "10.2.0.1",
        "lies outside the subnet's CIDRs",
        "choose an address inside 10.1.0.0/24",
    ),
    "a gateway of another family": (
        with_subnet(gateways=["fd00::1"]),
        "spec.subnets[0].gateways[0]",
        "fd00::1",
        "lies outside the subnet's CIDRs",
        "choose an address inside 10.1.0.0/24",
    ),
    "the network for a gateway": (
        with_subnet(gateways=["10.1.0.0"]),
        "spec.subnets[0].gateways[0]",
        "10.1.0.0",
        "is the network or broadcast address of 10.1.0.0/24",
        "choose another address, e.g. 10.1.0.1",
    ),
    "the broadcast for a gateway": (
        with_subnet(gateways=["10.1.0.255"]),
        "spec.subnets[0].gateways[0]",
        "10.1.0.255",
        "is the network or broadcast address of 10.1.0.0/24",
        "choose another address, e.g. 10.1.0.1",
    ),
    "the network for a gateway, IPv6": (
        with_subnet(cidrs=DUAL, gateways=["fd00:1::"]),
        "spec.subnets[0].gateways[0]",
        "fd00:1::",
        "is the network or broadcast address of fd00:1::/64",
        "choose another address, e.g. fd00:1::1",
    ),
    "two gateways of one family": (
        with_subnet(gateways=["10.1.0.1", "10.1.0.2"]),
        "spec.subnets[0].gateways[1]",
        "10.1.0.2",
        "a second gateway of its family",
        "keep one",
    ),
    "a range backwards": (
        with_subnet(exclude=[{"first": "10.1.0.9", "last": "10.1.0.8"}]),
        "spec.subnets[0].exclude[0]",
        "10.1.0.9..10.1.0.8",
        "not a range from first to last",
        "write the lower address first",
    ),
    "a range of two families": (
        with_subnet(cidrs=DUAL, exclude=[{"first": "10.1.0.9", "last": "fd00:1::9"}]),
        "spec.subnets[0].exclude[0]",
        "10.1.0.9..fd00:1::9",
        "not a range from first to last",
        "both of one family",
    ),
    "a range that leaves the CIDR": (
        with_subnet(exclude=[{"first": "10.1.0.9", "last": "10.1.1.8"}]),
        "spec.subnets[0].exclude[0]",
        "10.1.0.9..10.1.1.8",
        "does not lie inside the subnet's CIDRs",
        "keep it inside 10.1.0.0/24",
    ),
    "an overlap with another subnet": (
        raw_tenant(subnets=[subnet(), subnet("dev", ["fd00:2::/64", "10.1.0.128/25"])]),
        "spec.subnets[1].cidrs[1]",
        "10.1.0.128/25",
        "overlaps 10.1.0.0/24 at spec.subnets[0].cidrs[0]",
        "choose ranges of one tenant that do not overlap",
    ),
    "an overlap that contains an earlier one": (
        raw_tenant(subnets=[subnet(), subnet("dev", ["10.0.0.0/8"])]),
        "spec.subnets[1].cidrs[0]",
        "10.0.0.0/8",
        "overlaps 10.1.0.0/24 at spec.subnets[0].cidrs[0]",
        "choose ranges",
    ),
    "the same CIDR twice": (
        raw_tenant(subnets=[subnet(cidrs=["fd00:1::/64"]), subnet("dev", ["fd00:1::/64"])]),
        "spec.subnets[1].cidrs[0]",
        "fd00:1::/64",
        "overlaps fd00:1::/64 at spec.subnets[0].cidrs[0]",
        "choose ranges",
    ),
    "an unknown subnet for SNAT": (
        with_ips(snat(subnets=["prod", "dev"])),
        "spec.externalIPs[0].subnets[1]",
        "dev",
        "not a subnet of this document",
        "write one of: prod",
    ),
    "a subnet twice in one SNAT": (
        with_ips(snat(subnets=["prod", "prod"])),
        "spec.externalIPs[0].subnets[1]",
        "prod",
        "already leaves through spec.externalIPs[0].subnets[0]",
        "keep one of the two",
    ),
    "a subnet in two SNATs": (
        with_ips(snat(subnets=["prod"]), snat("other", subnets=["prod"])),
        "spec.externalIPs[1].subnets[0]",
        "prod",
        "already leaves through spec.externalIPs[0].subnets[0]",
        "keep one of the two",
    ),
    "two SNATs for the rest": (
        with_ips(snat(), snat("other")),
        "spec.externalIPs[1]",
        "other",
        "spec.externalIPs[0] already serves all remaining subnets",
        "name the subnets",
    ),
    "a SNAT for a rest that is none": (
        with_ips(snat(), snat("other", subnets=["prod"])),
        "spec.externalIPs[0]",
        None,
        "no subnet is left to leave through this address",
        "remove it",
    ),
    "a target of IPv6": (
        with_ips(floating(target="fd00:1::9"), subnets=[subnet(cidrs=DUAL)]),
        "spec.externalIPs[0].target",
        "fd00:1::9",
        "floating IPs lead to IPv4 addresses",
        "write the workload's IPv4 address",
    ),
    "a target in no subnet": (
        with_ips(floating(target="10.2.0.9")),
        "spec.externalIPs[0].target",
        "10.2.0.9",
        "lies in no subnet of this document",
        "write an address inside",
    ),
    **{
        f"a target that is no workload's, {target}": (
            with_ips(floating(target=target), subnets=[{**subnet(), **more}]),
            "spec.externalIPs[0].target",
            target,
            "is the gateway, network or broadcast address of 10.1.0.0/24",
            "write a workload's address",
        )
        for target, more in {
            "10.1.0.0": {},
            "10.1.0.255": {},
            "10.1.0.1": {},
            "10.1.0.254": {"gateways": ["10.1.0.254"]},
        }.items()
    },
    "two floating IPs of one target": (
        with_ips(floating(), floating("other")),
        "spec.externalIPs[1].target",
        "10.1.0.9",
        "already has a floating IP, spec.externalIPs[0]",
        "keep one of the two",
    ),
    "a fixed address twice": (
        with_ips(balancer(address="203.0.113.9"), snat(address="203.0.113.9")),
        "spec.externalIPs[1].address",
        "203.0.113.9",
        "already the address of spec.externalIPs[0]",
        "choose another, or leave it out",
    ),
    **{
        f"the name {name}": (
            named(name),
            "metadata.name",
            name,
            "is, or could become, a name of Kube-OVN's own",
            "choose another, not join, not beginning with ovn or node",
        )
        for name in ["join", "ovn", "ovn-cluster", "ovn-default", "node", "node-1", "x-ovn-cluster"]
    },
    "a subnet whose port could be another's": (
        with_subnet(name="x-acme-acme"),
        "spec.subnets[0].name",
        "x-acme-acme",
        "a tenant acme-acme may have",
        "choose a name that does not end with -acme-acme",
    ),
}


@each(CASES)
def test_a_broken_rule_is_named_alone(raw: Any, path: str, value: str | None, problem: str, remedy: str) -> None:
    assert_only(mistakes_of(raw), path, value, problem, remedy)


@pytest.mark.parametrize(
    "raw",
    [
        with_subnet(cidrs=["10.1.0.0/30"], gateways=["10.1.0.2"]),
        with_subnet(cidrs=["10.0.0.0/8"]),
        with_subnet(cidrs=["fd00::/126", "10.1.0.0/30"]),
        with_subnet(cidrs=["FD00:0::0/64"], gateways=["fd00::ffff:ffff:ffff:ffff"]),
        with_subnet(exclude=[{"first": "10.1.0.1", "last": "10.1.0.9"}, {"first": "10.1.0.5", "last": "10.1.0.20"}]),
        with_ips(floating(target="10.1.0.5"), subnets=[subnet(exclude=[{"first": "10.1.0.1", "last": "10.1.0.9"}])]),
        with_ips(floating(target="10.1.0.1"), subnets=[subnet(gateways=["10.1.0.2"])]),
        with_ips(balancer("prod"), snat("dev")),
        with_ips(
            snat(subnets=["prod"]), snat("b", subnets=["dev"]), subnets=[subnet(), subnet("dev", ["10.2.0.0/24"])]
        ),
        raw_tenant(subnets=[subnet(), subnet("dev", ["10.1.1.0/24"]), subnet("lab", ["fd00::/64"])]),
        named("a" * 24),
        named("a"),
        with_subnet(mtu=None),
        raw_tenant(externalIPs=[]),
    ],
    ids=[
        "the smallest IPv4 subnet",
        "the largest IPv4 subnet",
        "the smallest of both families",
        "the last address of IPv6 is one like others",
        "ranges that overlap each other and the gateway",
        "a target in an excluded range",
        "the first address where the gateway is another",
        "an external IP named like a subnet",
        "two SNATs for two subnets",
        "neighbours",
        "the longest name",
        "the shortest name",
        "an MTU of null",
        "no external IPs",
    ],
)
def test_what_is_close_to_a_mistake_and_none_is_accepted(raw: Any) -> None:
    read_tenant(raw)


def test_a_remedy_lists_few_of_many_names() -> None:
    subnets = [subnet(f"s{place}", [f"10.1.{place}.0/24"]) for place in range(100)]
    (mistake,) = mistakes_of(with_ips(snat(subnets=["s"]), subnets=subnets))
    assert mistake.remedy == "write one of: s0, s1, s10, s11, s12, s13, s14, s15, ..."
