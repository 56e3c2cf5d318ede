"""The routing table that comes of a configuration, and what one looks up in it."""

from ipaddress import IPv4Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from lab.switches import StaticRoute, routed
from lab.switches.configuration import Configuration
from lab.switches.routes import Entry, Hop, exact, longest, table, within

NETWORKS = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.integers(0x0A000000, 0x0A0000FF),
    st.integers(20, 32),
)


def configuration(*routes: StaticRoute, addresses: tuple[str, ...] = ("203.0.113.1/24",)) -> Configuration:
    return Configuration(ports={"eth0": routed("eth0", *addresses)}, routes=list(routes))


def networks(entries: list[Entry]) -> list[str]:
    return [str(entry.network) for entry in entries if entry.source in {"static", "bgp"}]


def test_a_next_hop_may_be_reached_through_another_route() -> None:
    routes = [StaticRoute("10.0.0.0/24", "192.0.2.9"), StaticRoute("192.0.2.0/24", "203.0.113.9")]
    assert networks(table(configuration(*routes), {}, 4)) == ["10.0.0.0/24", "192.0.2.0/24"]
    assert networks(table(configuration(routes[0]), {}, 4)) == []


def test_the_smaller_distance_is_in_the_table_and_bgp_is_twenty() -> None:
    routes = [StaticRoute("10.0.0.0/24", "203.0.113.9", distance=250), StaticRoute("10.0.0.0/24", "203.0.113.8")]
    (entry,) = [one for one in table(configuration(*routes), {}, 4) if one.source == "static"]
    assert entry.hops == (Hop("203.0.113.8", "eth0"),)
    heard = {"10.0.0.0/24": "203.0.113.7"}
    assert [one.source for one in table(configuration(routes[0]), heard, 4) if networks([one])] == ["bgp"]
    assert [one.source for one in table(configuration(routes[1]), heard, 4) if networks([one])] == ["static"]


def test_a_worse_route_takes_over_where_nothing_leads_to_the_better_ones_next_hop() -> None:
    routes = [StaticRoute("10.0.0.0/24", "192.0.2.9"), StaticRoute("10.0.0.0/24", "203.0.113.9", distance=250)]
    (entry,) = [one for one in table(configuration(*routes), {}, 4) if one.source == "static"]
    assert entry.distance == 250


def test_a_router_without_addresses_reaches_every_next_hop() -> None:
    found = table(configuration(StaticRoute("2001:db8::7/128", "2001:db8:f::9")), {}, 6)
    assert found == [Entry(ip_network("2001:db8::7/128"), "static", 1, (Hop("2001:db8:f::9"),))]


@given(st.lists(NETWORKS, unique=True), NETWORKS)
def test_the_longest_is_the_narrowest_that_holds_it_and_within_are_all_it_holds(
    held: list[IPv4Network], asked: IPv4Network
) -> None:
    entries = table(configuration(*(StaticRoute(str(network)) for network in held), addresses=()), {}, 4)
    assert [entry.network for entry in entries] == sorted(
        held, key=lambda one: (int(one.network_address), one.prefixlen)
    )
    found = longest(entries, asked)
    holding = [network for network in held if asked.subnet_of(network)]
    assert (found.network if found else None) == max(holding, key=lambda one: one.prefixlen, default=None)
    assert {entry.network for entry in within(entries, asked)} == {one for one in held if one.subnet_of(asked)}
    assert (exact(entries, asked) is not None) == (asked in held)
