"""A document with many mistakes is told all of them at once: none hides another, and none follows from another."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.documents import read_platform, read_tenant
from tenancy.mistakes import InvalidDocumentError
from tenancy.yaml_text import read_yaml
from tests.tenancy.cases import balancer, floating, mistakes_of, snat, subnet, with_ips
from tests.tenancy.documents import raw_platform, raw_tenant

TENANT = """\
apiVersion: berth.network/v2
kind: TenantNetwork
metadata:
  name: External
  descripton: a letter is missing
spec:
  subnets:
    - name: prod
      cidrs: [10.1.0.7/24]
      gateways: [10.1.0.1]
      mtu: 9001
    - name: prod
      cidrs: [10.97.0.0/24, 10.2.0.0/24]
      gateways: [10.2.0.999, 10.2.0.255]
      exclude:
        - {first: 10.2.0.9, last: nowhere}
        - {first: 10.2.0.9, last: 10.2.0.1}
    - cidrs: [10.2.0.128/25]
      mtu: 8000
    - name: lab--1
      cidrs: ["::ffff:10.1.0.0/112", 100.64.1.0/24]
      size: 3
  externalIPs:
    - use: snat
      name: egress
      address: 203.0.113.1
    - use: snat
      name: other
      address: 203.0.113.1
    - use: masquerade
      name: web
      address: 8.8.8.8
    - use: floatingIP
      name: web
      target: fd00::9
    - {use: floatingIP, name: Apps, target: 10.2.0.255, address: 203.0.114.9}
"""
EXPECTED = [
    (1, "apiVersion", "not a value it may have"),
    (4, "metadata.name", "not a usable name"),
    (5, "metadata.descripton", "unknown key"),
    (7, "spec.subnets", "more than the 3 this platform gives a tenant"),
    (9, "spec.subnets[0].cidrs[0]", "has bits set beyond its prefix"),
    (11, "spec.subnets[0].mtu", "should be less than or equal to 9000"),
    (12, "spec.subnets[1].name", "already the name of spec.subnets[0]"),
    (13, "spec.subnets[1].cidrs", "two CIDRs of one family (IPv4)"),
    (13, "spec.subnets[1].cidrs[0]", "overlaps 10.96.0.0/12"),
    (14, "spec.subnets[1].gateways[0]", "not an IP address"),
    (14, "spec.subnets[1].gateways[1]", "is the network or broadcast address of 10.2.0.0/24"),
    (16, "spec.subnets[1].exclude[0].last", "not an IP address"),
    (17, "spec.subnets[1].exclude[1]", "not a range from first to last"),
    (18, "spec.subnets[2].name", "is missing"),
    (18, "spec.subnets[2].cidrs[0]", "overlaps 10.2.0.0/24 at spec.subnets[1].cidrs[1]"),
    (19, "spec.subnets[2].mtu", "larger than the 1400 bytes this platform carries"),
    (20, "spec.subnets[3].name", "two dashes in a row"),
    (21, "spec.subnets[3].cidrs[0]", "is an IPv4 address written as IPv6"),
    (21, "spec.subnets[3].cidrs[1]", "overlaps 100.64.0.0/16"),
    (22, "spec.subnets[3].size", "unknown key"),
    (23, "spec.externalIPs", "more than the 4 this platform gives a tenant"),
    (26, "spec.externalIPs[0].address", "is the provider network's gateway"),
    (27, "spec.externalIPs[1]", "spec.externalIPs[0] already serves all remaining subnets"),
    (29, "spec.externalIPs[1].address", "already the address of spec.externalIPs[0]"),
    (29, "spec.externalIPs[1].address", "is the provider network's gateway"),
    (30, "spec.externalIPs[2].use", "not a use of an external IP"),
    (32, "spec.externalIPs[2].address", "not an IPv4 address of the provider network"),
    (34, "spec.externalIPs[3].name", "already the name of spec.externalIPs[2]"),
    (35, "spec.externalIPs[3].target", "floating IPs lead to IPv4 addresses"),
    (36, "spec.externalIPs[4].address", "not an IPv4 address of the provider network"),
    (36, "spec.externalIPs[4].name", "not a usable name"),
    (36, "spec.externalIPs[4].target", "is the gateway, network or broadcast address of 10.2.0.0/24"),
]


def test_all_mistakes_of_a_tenant_are_told_at_once_in_the_order_of_the_file() -> None:
    (text,) = read_yaml(TENANT, "tenant.yaml")
    with pytest.raises(InvalidDocumentError) as refusal:
        read_tenant(text.data, read_platform(raw_platform()))
    placed = text.placed(refusal.value, "tenant.yaml")

    found = [(mistake.line, mistake.path, mistake.problem) for mistake in placed.mistakes]
    told = sorted((line or 0, path) for line, path, _ in found)
    assert told == sorted((line, path) for line, path, _ in EXPECTED)
    for line, path, problem in EXPECTED:
        assert any((line, path) == (at, where) and problem in what for at, where, what in found), (path, problem)
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in EXPECTED)
    assert str(placed).startswith("tenant.yaml: TenantNetwork 'External' has 32 mistakes: line 1: apiVersion = ")


def test_all_mistakes_of_a_platform_are_told_at_once() -> None:
    raw = {
        "kind": "Platform",
        "metadata": {"name": "lab"},
        "spec": {
            "mode": "vxlan",
            "block": {"cidrs": ["192.0.2.0/24", "10.96.0.0"], "exceptions": ["x", "192.0.2.0/24"], "more": 1},
            "reserved": [{"name": "join", "cidrs": []}, {"name": "join", "cidrs": ["100.64.0.0/16"]}, 3],
            "providerNetwork": {
                "name": "a--b",
                "cidrs": ["203.0.113.0/24"],
                "gateways": ["203.0.113.255", "203.0.114.1"],
            },
            "limits": {"subnets": 1001},
        },
    }
    with pytest.raises(InvalidDocumentError) as refusal:
        read_platform(raw)
    assert sorted(mistake.path for mistake in refusal.value.mistakes) == [
        "apiVersion",
        "spec.block.cidrs[1]",
        "spec.block.exceptions[0]",
        "spec.block.exceptions[1]",
        "spec.block.more",
        "spec.limits.subnets",
        "spec.mode",
        "spec.providerNetwork.externalSubnet",
        "spec.providerNetwork.gateways",
        "spec.providerNetwork.gateways[0]",
        "spec.providerNetwork.gateways[1]",
        "spec.providerNetwork.name",
        "spec.reserved[0].cidrs",
        "spec.reserved[1].name",
        "spec.reserved[2]",
    ]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (raw_tenant(subnets=[subnet(cidrs=["10.1.0.7/24"], gateways=["10.1.0.9"])]), "spec.subnets[0].cidrs[0]"),
        (
            raw_tenant(subnets=[subnet(cidrs=["x"], exclude=[{"first": "10.1.0.9", "last": "10.1.0.9"}])]),
            "spec.subnets[0].cidrs[0]",
        ),
        (with_ips(floating(), subnets=[subnet(cidrs=["10.1.0.0"])]), "spec.subnets[0].cidrs[0]"),
        (with_ips(floating(), subnets=[{"name": "prod"}]), "spec.subnets[0].cidrs"),
        (with_ips(floating(), subnets=["prod"]), "spec.subnets[0]"),
        ({**raw_tenant(), "spec": {"externalIPs": [floating(), snat(subnets=["prod"])]}}, "spec.subnets"),
        (with_ips(snat(subnets=["prod"]), subnets=[subnet("Prod")]), "spec.subnets[0].name"),
        (with_ips(snat(), snat("b", subnets="prod")), "spec.externalIPs[1].subnets"),
        (with_ips(snat(), snat("b", subnets=[])), "spec.externalIPs[1].subnets"),
        (with_ips(snat(), snat("b", subnets=["Prod"])), "spec.externalIPs[1].subnets[0]"),
        (with_ips(floating(target="x"), floating("b", target="10.1.0.9")), "spec.externalIPs[0].target"),
        (with_ips(balancer(address="x"), balancer("b", address="203.0.113.9")), "spec.externalIPs[0].address"),
    ],
)
def test_what_a_mistake_leaves_unknown_is_not_held_against_the_rest(raw: Any, path: str) -> None:
    (mistake,) = mistakes_of(raw, read_platform(raw_platform()))
    assert mistake.path == path


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"block": {"cidrs": ["192.0.2.0"], "exceptions": ["192.0.2.1/32"]}}, "spec.block.cidrs[0]"),
        ({"block": []}, "spec.block"),
        ({"providerNetwork": "provider"}, "spec.providerNetwork"),
        (
            {"providerNetwork": {**raw_platform()["spec"]["providerNetwork"], "cidrs": ["203.0.113.1/24"]}},
            "spec.providerNetwork.cidrs[0]",
        ),
        (
            {"providerNetwork": {**raw_platform()["spec"]["providerNetwork"], "gateways": ["x"]}},
            "spec.providerNetwork.gateways[0]",
        ),
    ],
)
def test_what_a_platforms_mistake_leaves_unknown_is_not_held_against_the_rest(spec: Any, path: str) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_platform({**raw_platform(), "spec": spec})
    (mistake,) = refusal.value.mistakes
    assert mistake.path == path


cidrs = st.tuples(st.integers(0, 15), st.integers(20, 24)).map(
    lambda at: ip_network(f"10.1.{at[0]}.0/{at[1]}", strict=False)
)


@given(st.lists(cidrs, min_size=1, max_size=8))
def test_every_cidr_that_overlaps_an_earlier_one_is_named_and_no_other(networks: list[Any]) -> None:
    raw = raw_tenant(subnets=[subnet(f"s{place}", [str(network)]) for place, network in enumerate(networks)])
    late = {
        f"spec.subnets[{place}].cidrs[0]"
        for place, network in enumerate(networks)
        if any(network.overlaps(earlier) for earlier in networks[:place])
    }
    assert named_in(raw) == late


def named_in(raw: object) -> set[str]:
    try:
        read_tenant(raw)
    except InvalidDocumentError as error:
        return {mistake.path for mistake in error.mistakes}
    return set()
