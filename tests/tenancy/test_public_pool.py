"""A public pool's addresses: lazily, each once, in order, whatever is excluded; and the names that reserve them."""

from ipaddress import IPv4Address, ip_address, ip_network
from itertools import islice
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenancy.edge import PublicPool
from tenancy.names import public_address, reserved_address
from tenancy.platform import ProviderNetwork
from tenancy.public_pool import (
    candidates,
    families,
    first_inside,
    reserved_in,
    size,
    starting_place,
    wanted_families,
)

PLACES = st.integers(0, 127)
SPANS = st.tuples(PLACES, PLACES).map(lambda ends: (min(ends), max(ends)))
ADDRESSES = st.ip_addresses()


def pool(*cidrs: str, exclude: Any = ()) -> PublicPool:
    spans = [{"first": str(first), "last": str(last)} for first, last in exclude]
    return PublicPool.model_validate({"name": "dc-public", "cidrs": list(cidrs), "exclude": spans})


@given(
    cidrs=st.lists(
        st.sampled_from(["198.51.100.0/27", "198.51.100.64/26", "198.51.100.32/29"]), min_size=1, unique=True
    ),
    exclude=st.lists(SPANS, max_size=5),
    start=st.integers(0, 200),
)
def test_candidates_are_what_is_not_excluded_each_once_and_round_from_where_one_starts(
    cidrs: list[str], exclude: list[tuple[int, int]], start: int
) -> None:
    base = int(IPv4Address("198.51.100.0"))
    given = pool(*cidrs, exclude=[(IPv4Address(base + low), IPv4Address(base + high)) for low, high in exclude])
    wanted = sorted(
        address
        for cidr in cidrs
        for address in ip_network(cidr)
        if not any(low <= int(address) - base <= high for low, high in exclude)
    )
    assert list(candidates(given, 4)) == wanted
    assert size(given, 4) == len(wanted)
    if wanted:
        place = start % len(wanted)
        assert list(candidates(given, 4, place)) == [*wanted[place:], *wanted[:place]]
    assert families(given) == ((4,) if wanted else ())
    inside = [address for address in wanted if address in ip_network("198.51.100.64/27")]
    assert first_inside(given, ip_network("198.51.100.64/27")) == (inside[0] if inside else None)


def test_the_addresses_of_an_ipv6_network_are_never_counted_through() -> None:
    vast = pool("2001:db8::/32", exclude=[("2001:db8::", "2001:db8::ffff")])
    assert size(vast, 6) == 2**96 - 2**16
    assert list(islice(candidates(vast, 6, 2**95), 2)) == [
        ip_address("2001:db8:8000::1:0"),
        ip_address("2001:db8:8000::1:1"),
    ]
    assert next(candidates(vast, 6, size(vast, 6) - 1)) == ip_address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
    assert reserved_in(vast, [public_address("2001:db8::5"), public_address("2001:db8:1::5")]) == {
        ip_address("2001:db8:1::5")
    }


def test_a_range_of_another_family_or_backwards_excludes_nothing() -> None:
    odd = pool("198.51.100.0/30", exclude=[("198.51.100.2", "198.51.100.1"), ("::", "198.51.100.255"), ("::", "::ff")])
    assert size(odd, 4) == 4


def test_an_external_ip_is_given_the_families_that_the_pool_and_the_provider_network_have() -> None:
    provider = {"name": "a", "externalSubnet": "b", "cidrs": ["203.0.113.0/24"], "gateways": ["203.0.113.1"]}
    both = {**provider, "cidrs": ["203.0.113.0/24", "fd00::/64"]}
    for cidrs, outside, wanted in (
        (["198.51.100.0/30"], provider, (4,)),
        (["198.51.100.0/30"], both, (4,)),
        (["198.51.100.0/30", "2001:db8::/64"], provider, (4,)),
        (["198.51.100.0/30", "2001:db8::/64"], both, (4, 6)),
    ):
        assert wanted_families(pool(*cidrs), ProviderNetwork.model_validate(outside)) == wanted


def test_a_tenant_always_begins_at_the_same_place_and_a_hundred_begin_at_many() -> None:
    places = [starting_place(f"tenant{n}", "web", 4, 1000) for n in range(100)]
    assert places == [starting_place(f"tenant{n}", "web", 4, 1000) for n in range(100)]
    assert all(0 <= place < 1000 for place in places)
    assert len(set(places)) > 80


@given(ADDRESSES)
def test_the_name_of_a_reservation_tells_its_address(address: Any) -> None:
    assert reserved_address(public_address(str(address))) == address


@given(st.text("0123456789abcdef-.:public", max_size=50) | st.builds(lambda a: f"public-{a}", ADDRESSES))
def test_no_other_name_tells_an_address(name: str) -> None:
    found = reserved_address(name)
    assert found is None or public_address(str(found)) == name
