"""The block policy drops what the platform lists, lets through what it excepts, and OVN can read every word of it."""

import re
from collections.abc import Iterable
from ipaddress import collapse_addresses, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from tenancy.documents import read_platform
from tenancy.fields import Address, Network, contains
from tenancy.platform import Platform
from tenancy.policy import PolicyRoute, block_policy, born_policy, digest, ours, own_exceptions, with_policy
from tests.tenancy.documents import accepted_platforms, raw_platform

V4 = r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}"
V6 = r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}"
GRAMMAR = re.compile(rf"ip4\.dst == (?P<v4>{V4}(?:/\d\d?)?)|ip6\.dst == (?P<v6>{V6}(?:/\d{{1,3}})?)")
"""All a match of ours may be. What OVN cannot read it accepts, and it then does nothing."""

destinations = st.one_of(
    st.sampled_from(
        ["192.0.2.53", "192.0.2.200", "192.0.3.1", "10.96.0.10", "203.0.113.53", "203.0.113.9", "fd00:96::10"]
    ),
    st.integers(0, 2**10).map(lambda host: str(ip_address("192.0.2.0") + host)),
    st.integers(0, 2**8).map(lambda host: str(ip_address("203.0.113.0") + host)),
    st.ip_addresses().map(str),
).map(ip_address)


def listed(platform: Platform) -> list[Network]:
    provider = platform.spec.provider_network
    return [*platform.spec.block.cidrs, *(provider.cidrs if provider else ())]


def destination(route: PolicyRoute) -> Network:
    match = GRAMMAR.fullmatch(route.match)
    assert match is not None, route.match
    network = ip_network(match["v4"] or match["v6"])
    assert (network.version == 4) == bool(match["v4"])
    return network


def verdict(policy: Iterable[PolicyRoute], address: Address) -> str:
    """As OVN decides: the route of the highest priority that matches."""
    matching = [route for route in policy if contains(destination(route), address)]
    return max(matching, key=lambda route: route.priority).action if matching else "pass"


def inside(address: Address, networks: Iterable[Network]) -> bool:
    return any(contains(network, address) for network in networks)


@given(accepted_platforms())
def test_every_route_is_in_our_band_and_in_words_ovn_can_read(platform: Platform) -> None:
    for route in (*block_policy(platform), *own_exceptions(platform, map(ip_address, ["203.0.113.9", "fd00:113::9"]))):
        assert 31001 <= route.priority <= 32767
        assert route.action in ("drop", "allow")
        assert destination(route)
        assert set(route.manifest()) == {"priority", "action", "match"}


@given(accepted_platforms())
def test_every_listed_cidr_is_dropped_and_none_is_taken_back_as_a_whole(platform: Platform) -> None:
    policy = block_policy(platform)
    drops = [destination(route) for route in policy if route.action == "drop"]
    allows = [destination(route) for route in policy if route.action == "allow"]
    assert listed(platform)
    for cidr in listed(platform):
        assert any(contains(drop, cidr) for drop in drops)
        together = collapse_addresses([allow for allow in allows if allow.version == cidr.version])  # type: ignore[type-var]  # one family
        assert not any(contains(whole, cidr) for whole in together)
    for allow in allows:
        assert any(contains(drop, allow) and drop != allow for drop in drops)


@given(accepted_platforms(), destinations, st.lists(destinations, max_size=3))
def test_a_tenant_reaches_what_is_excepted_and_its_own_addresses_and_nothing_else_that_is_blocked(
    platform: Platform, address: Address, own: list[Address]
) -> None:
    policy = (*block_policy(platform), *own_exceptions(platform, own))
    reached = address in own or inside(address, platform.spec.block.exceptions)
    expected = "pass" if not inside(address, listed(platform)) else "allow" if reached else "drop"
    assert verdict(policy, address) == expected


@given(accepted_platforms(), st.lists(destinations, max_size=5))
def test_own_exceptions_are_for_single_own_addresses_that_are_blocked(platform: Platform, own: list[Address]) -> None:
    excepted = [destination(route) for route in own_exceptions(platform, own)]
    assert all(network.num_addresses == 1 for network in excepted)
    assert {network.network_address for network in excepted} == {a for a in own if inside(a, listed(platform))}
    assert own_exceptions(platform, reversed(own)) == own_exceptions(platform, own)


@given(accepted_platforms(), st.lists(destinations, max_size=3))
def test_own_addresses_are_no_part_of_what_a_vpc_is_born_with(platform: Platform, own: list[Address]) -> None:
    born = block_policy(platform)
    routes = [route.manifest() for route in (*reversed(born), *own_exceptions(platform, own))]
    routes.append({"priority": 30000, "action": "reroute", "match": "ip4.dst == 1.0.0.0/8", "nextHopIP": "10.0.0.1"})
    assert digest(born_policy(routes)) == digest(born)


def test_the_bands_edges_are_ours_and_what_lies_beyond_is_not() -> None:
    assert [ours({"priority": priority}) for priority in (31000, 31001, 32767, 32768)] == [False, True, True, False]
    assert not ours({})
    assert not ours({"priority": "32000"})


def test_a_foreign_route_in_our_band_goes_and_one_outside_it_stays() -> None:
    wanted = block_policy(read_platform(raw_platform()))
    hole = {"priority": 32767, "action": "allow", "match": "ip4.dst == 0.0.0.0/0"}
    elsewhere = {"priority": 31000, "action": "allow", "match": "ip4.dst == 10.1.0.0/24", "extra": 1}
    merged = with_policy([hole, elsewhere], wanted)
    assert hole not in merged
    assert elsewhere in merged
    assert with_policy(merged, wanted) == merged
    assert with_policy(list(reversed(merged)), wanted) == list(reversed(merged))


def test_the_provider_network_is_blocked_without_being_listed_and_neighbours_are_one_drop() -> None:
    platform = read_platform(raw_platform(block={"cidrs": ["203.0.112.0/24", "192.0.2.0/25", "192.0.2.0/24"]}))
    assert [route.match for route in block_policy(platform)] == ["ip4.dst == 192.0.2.0/24", "ip4.dst == 203.0.112.0/23"]
