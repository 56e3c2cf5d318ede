"""What is announced of a tenant, worked out from the addresses it holds."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tenancy.announcement import Announced, Announcement, Route, Translation, announcement, joined, recorded
from tenancy.edge import EdgeRouter, OneToOneNat, PublicPool, StaticRoutes, Translator
from tenancy.fields import Address
from tenancy.names import ANNOUNCED_ANNOTATION

V4, V6 = ip_address("203.0.113.4"), ip_address("2001:db8:113::4")
HOP4, HOP6 = ip_address("203.0.113.3"), ip_address("2001:db8:113::3")
PUBLIC4, PUBLIC6 = ip_address("198.51.100.4"), ip_address("2001:db8:51::4")


def static(*next_hops: Address) -> StaticRoutes:
    router = EdgeRouter(name="edge-1", host="192.0.2.1", credentials="edge", platform="frr")
    return StaticRoutes.model_construct(
        method="static-route", routers=(router,), neighbours=(), next_hops=next_hops, tag=4200
    )


def nat(*next_hops: Address) -> OneToOneNat:
    translator = Translator(name="nat-1", host="192.0.2.1", credentials="edge", platform="linux-nftables")
    pool = PublicPool.model_validate({"name": "public", "cidrs": ["198.51.100.0/28"]})
    return OneToOneNat.model_construct(
        method="one-to-one-nat",
        routers=(),
        translators=(translator,),
        neighbours=(),
        next_hops=next_hops,
        tag=4200,
        pool=pool,
    )


def test_a_static_route_leads_to_the_tenants_router_of_its_family() -> None:
    told = announcement(static(), {"egress": [V4, V6]}, [HOP4, HOP6], {})
    assert told.routes == (
        Route(address=str(V4), next_hop=str(HOP4)),
        Route(address=str(V6), next_hop=str(HOP6)),
    )
    assert [route.prefix for route in told.routes] == ["203.0.113.4/32", "2001:db8:113::4/128"]


def test_a_next_hop_of_the_document_is_taken_before_the_tenants_router() -> None:
    other = ip_address("203.0.113.9")
    told = announcement(static(other), {"egress": [V4, V6]}, [HOP4, HOP6], {})
    assert [route.next_hop for route in told.routes] == [str(other), str(HOP6)]


def test_a_static_route_without_a_next_hop_is_refused_and_never_a_discard() -> None:
    with pytest.raises(ValueError, match=r"external IP egress: no next hop for 2001:db8:113::4"):
        announcement(static(), {"egress": [V4, V6]}, [HOP4], {})


def test_with_nat_public_addresses_are_routed_and_translated_family_by_family() -> None:
    told = announcement(nat(), {"egress": [V4, V6]}, [HOP4, HOP6], {"egress": [PUBLIC4, PUBLIC6]})
    assert told.routes == (Route(address=str(PUBLIC4)), Route(address=str(PUBLIC6)))
    assert told.translations == (
        Translation(public=str(PUBLIC4), external=str(V4)),
        Translation(public=str(PUBLIC6), external=str(V6)),
    )


def test_with_nat_a_family_the_pool_has_not_is_neither_routed_nor_translated() -> None:
    told = announcement(nat(), {"egress": [V4, V6]}, [HOP4, HOP6], {"egress": [PUBLIC4]})
    assert [route.address for route in told.routes] == [str(PUBLIC4)]
    assert [pair.external for pair in told.translations] == [str(V4)]


@pytest.mark.parametrize(
    "text", ["fe80::1%eth0", "fe80::1%;reboot", "2001:DB8::1", "010.0.0.1", "1.2.3.4 ", "1.2.3.4/32", "", "a"]
)
def test_an_address_that_is_not_in_its_one_spelling_never_reaches_a_command_line(text: str) -> None:
    with pytest.raises(ValidationError):
        Route(address=text)
    with pytest.raises(ValidationError):
        Route(address="203.0.113.4", next_hop=text)
    with pytest.raises(ValidationError):
        Translation(public=text, external="203.0.113.4")


def told(ips: Sequence[tuple[str, int]]) -> Announcement:
    """One route for each external IP, by name and the last number of its address."""
    return Announcement(
        method="static-route",
        external_ips=tuple(
            Announced(name=name, routes=(Route(address=f"203.0.113.{number}", next_hop=str(HOP4)),))
            for name, number in dict(ips).items()
        ),
    )


IPS = st.lists(st.tuples(st.sampled_from(["egress", "web", "bastion"]), st.integers(4, 9)), max_size=3)


@given(IPS, IPS)
def test_what_is_joined_has_every_address_of_both_once(
    one: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    both = joined(told(one), told(other))
    found = [(ip.name, route.address) for ip in both.external_ips for route in ip.routes]
    wanted = {(name, f"203.0.113.{number}") for part in (dict(one), dict(other)) for name, number in part.items()}
    assert sorted(found) == sorted(wanted)


@given(IPS)
def test_a_record_is_read_back_as_it_was_written(ips: list[tuple[str, int]]) -> None:
    text = told(ips).model_dump_json()
    assert recorded({"metadata": {"annotations": {ANNOUNCED_ANNOTATION: text}}}) == told(ips)


@pytest.mark.parametrize("vpc", [None, {}, {"metadata": {}}, {"metadata": {"annotations": None}}])
def test_a_vpc_without_a_record_announces_nothing(vpc: dict[str, object] | None) -> None:
    assert recorded(vpc) is None


def test_a_record_that_cannot_be_read_is_an_error_and_not_nothing() -> None:
    with pytest.raises(ValueError, match="Vpc acme"):
        recorded({"metadata": {"name": "acme", "annotations": {ANNOUNCED_ANNOTATION: "{}"}}})
