"""Whose an address at the edge is: what is refused beside the device, whoever asks."""

from typing import Any, cast

import pytest

from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.holders import refusals_of_addresses
from tenancy import names
from tenancy.announcement import Route, Translation
from tenancy.devices import EdgeAction, EdgeRequest
from tenancy.edge import OneToOneNat, StaticRoutes
from tenancy.kinds import OVN_EIP, Kind, Object

ROUTER = {"name": "edge-1", "platform": "frr", "host": "192.0.2.1", "credentials": "edge"}
STATIC = StaticRoutes.model_validate({"method": "static-route", "routers": [ROUTER], "nextHops": ["192.0.2.9"]})
NAT = OneToOneNat.model_validate(
    {
        "method": "one-to-one-nat",
        "routers": [ROUTER],
        "translators": [{**ROUTER, "name": "nat-1", "platform": "linux-nftables"}],
        "pool": {"name": "public", "cidrs": ["198.51.100.0/28"]},
    }
)


class Platform:
    """Only lists."""

    def __init__(self, *objects: Object) -> None:
        self._objects = objects

    async def list(self, kind: Kind, **_: Any) -> list[Object]:
        return [one for one in self._objects if one["kind"] == kind.name]


def eip(name: str, tenant: str | None, *, holds: str = "", wishes: str = "") -> Object:
    labels = {names.LABEL: tenant} if tenant else {}
    return {
        "kind": OVN_EIP.name,
        "metadata": {"name": name, "labels": labels},
        "spec": {"externalSubnet": "external", "v4Ip": wishes},
        "status": {"v4Ip": holds},
    }


def reservation(address: str, tenant: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": names.public_address(address), "labels": {names.LABEL: tenant}}}


async def refused(
    action: EdgeAction, address: str, next_hop: str | None, *objects: Object, announce: Any = STATIC
) -> str | None:
    """Why acme's request is refused."""
    request = EdgeRequest(id="one", tenant="acme", action=action, routes=(Route(address=address, next_hop=next_hop),))
    return (await refusals_of_addresses(cast(KubeOvn, Platform(*objects)), [request], announce)).get("one")


WEB = eip("acme--web", "acme", holds="203.0.113.5")
PORT = eip("acme-external", None, holds="203.0.113.3")


@pytest.mark.parametrize("hop", ["203.0.113.3", "192.0.2.9"])
async def test_a_route_leads_to_the_tenants_router_or_where_the_document_says(hop: str) -> None:
    assert await refused("announce", "203.0.113.5", hop, WEB, PORT) is None


@pytest.mark.parametrize("hop", ["203.0.113.4", "192.0.2.66", None])
async def test_nobody_has_a_tenants_address_routed_to_somewhere_else(hop: str | None) -> None:
    other = eip("other-external", None, holds="203.0.113.4")

    why = await refused("announce", "203.0.113.5", hop, WEB, PORT, other)

    assert why is not None
    assert f"is to lead to {hop or 'nowhere'}, expected one of 192.0.2.9, 203.0.113.3" in why


async def test_behind_a_translation_a_route_may_discard_and_leads_to_no_router_of_a_tenants() -> None:
    held = reservation("198.51.100.1", "acme")

    assert await refused("announce", "198.51.100.1", None, PORT, held, announce=NAT) is None
    assert await refused("announce", "198.51.100.1", "203.0.113.3", PORT, held, announce=NAT) is not None


@pytest.mark.parametrize("names_of_eips", [("acme--web", "other--web"), ("zeta--web", "alpha--web")])
async def test_who_only_wishes_for_an_address_does_not_hold_it(names_of_eips: tuple[str, str]) -> None:
    mine, others = names_of_eips
    wish = eip(others, "other", wishes="203.0.113.5")
    held = eip(mine, "acme", holds="203.0.113.5", wishes="203.0.113.5")

    for objects in ((held, wish, PORT), (wish, held, PORT)):
        assert await refused("announce", "203.0.113.5", "203.0.113.3", *objects) is None
        assert await refused("withdraw", "203.0.113.5", "203.0.113.3", *objects) is None


async def test_a_wish_for_an_address_makes_no_route_to_it_and_takes_none_away() -> None:
    wish, held = eip("acme--web", "acme", wishes="203.0.113.5"), eip("other--web", "other", holds="203.0.113.5")

    assert await refused("announce", "203.0.113.5", "203.0.113.3", wish, PORT) == (
        "external IP 203.0.113.5 is nobody's, not acme's: nothing was changed"
    )
    for objects in ((wish, held, PORT), (held, wish, PORT)):
        assert await refused("withdraw", "203.0.113.5", None, *objects) is not None


@pytest.mark.parametrize("announce", [STATIC, NAT])
async def test_what_another_was_announced_by_before_the_document_changed_stays_its(announce: Any) -> None:
    others = eip("other--web", "other", holds="203.0.113.7"), reservation("198.51.100.2", "other")

    for address in ("203.0.113.7", "198.51.100.2"):
        assert await refused("withdraw", address, None, *others, announce=announce) is not None


@pytest.mark.parametrize(
    ("objects", "may"),
    [
        ((WEB, reservation("198.51.100.5", "acme")), True),
        ((WEB,), True),
        ((reservation("198.51.100.5", "acme"),), True),
        ((), False),
        ((WEB, reservation("198.51.100.5", "globex")), False),
    ],
    ids=["both-its-own", "one-left", "the-other-left", "neither", "one-is-another's"],
)
async def test_a_translation_is_taken_away_where_a_side_of_it_is_the_tenants_still_and_none_is_anothers(
    objects: tuple[Object, ...], may: bool
) -> None:
    pair = Translation(public="198.51.100.5", external="203.0.113.5")
    request = EdgeRequest(id="one", tenant="acme", action="untranslate", translations=(pair,))
    refusals = await refusals_of_addresses(cast(KubeOvn, Platform(*objects)), [request], NAT)
    assert (refusals == {}) is may, refusals
