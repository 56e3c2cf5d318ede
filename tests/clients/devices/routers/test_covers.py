"""What a router is asked to list where one looks at addresses: all of them, and little else."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from clients.devices.routers.routes import WIDEST, covers

HOSTS = st.ip_addresses().map(ip_network)


def test_addresses_of_two_pools_are_asked_for_one_by_one_and_not_with_all_between_them() -> None:
    pools = "198.51.100.0/30", "203.0.113.64/30", "2001:db8:1::/126", "2001:db8:9::/126"
    hosts = [ip_network(host) for pool in pools for host in ip_network(pool)]

    assert [str(cover) for cover in covers(hosts)] == list(pools)


@given(st.lists(HOSTS, max_size=30))
def test_every_address_is_covered_once_and_no_cover_is_wider_than_can_be_listed(hosts: list) -> None:  # type: ignore[type-arg]
    found = covers(hosts)

    for host in hosts:
        same = [cover for cover in found if cover.version == host.version]
        assert sum(host.network_address in cover for cover in same) == 1
    assert all(cover.prefixlen >= WIDEST[cover.version] for cover in found)
