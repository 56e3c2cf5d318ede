"""What a plan says of external IPs that the document no longer names; every other plan stays what it was, hash included."""

import copy
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.announcement import Announced, Announcement, Route
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import Object
from tenancy.names import ANNOUNCED_ANNOTATION
from tenancy.plan import Plan, plan
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, Raw, accepted, raw_platform
from tests.tenancy.kube_ovn import as_kept, as_made

PLATFORM = read_platform(raw_platform())
EDGE = {
    "method": "static-route",
    "credentials": [{"name": "edge", "username": "berth", "password": {"environment": "EDGE"}}],
    "routers": [{"name": "edge-1", "platform": "frr", "host": "192.0.2.1", "credentials": "edge"}],
}
ANNOUNCING = read_platform(raw_platform(announce=EDGE))


def raw_without(*gone: str) -> Raw:
    """The full tenant's document without these external IPs; without any where none is named."""
    less = copy.deepcopy(FULL_TENANT)
    less["spec"]["externalIPs"] = [ip for ip in less["spec"]["externalIPs"] if gone and ip["name"] not in gone]
    return less


def there(platform: Platform = PLATFORM, announced: Announcement | None = None) -> list[Object]:
    """All that the full tenant has."""
    made = as_made(plan(read_tenant(FULL_TENANT, platform), platform, ()), platform)
    if announced is not None:
        vpc_of(made)["metadata"].setdefault("annotations", {})[ANNOUNCED_ANNOTATION] = announced.model_dump_json()
    return made


def vpc_of(made: list[Object]) -> Object:
    return next(thing for thing in made if thing["kind"] == "Vpc")


def replanned(raw: Raw, made: list[Object], platform: Platform = PLATFORM) -> Plan:
    return plan(read_tenant(raw, platform), platform, made)


def objects(planned: Plan) -> list[tuple[str, str]]:
    """What goes, by kind and name."""
    assert planned.released is not None
    return [(one.kind, one.name) for one in planned.released.objects]


def address(made: list[Object], name: str) -> str:
    (held,) = [
        thing["status"]["v4Ip"] for thing in made if thing["kind"] == "OvnEip" and thing["metadata"]["name"] == name
    ]
    return str(held)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("apps", [("OvnEip", "acme--apps")]),
        ("web", [("OvnEip", "acme--web"), ("OvnFip", "acme--web")]),
        ("egress", [("OvnEip", "acme--egress"), ("OvnSnatRule", "acme--prod")]),
    ],
)
def test_an_external_ip_that_is_left_out_goes_with_its_rules_and_nothing_else(
    gone: str, expected: list[tuple[str, str]]
) -> None:
    made = there()
    planned = replanned(raw_without(gone), made)
    assert planned.obstacles == ()
    assert planned.released is not None
    assert objects(planned) == expected
    assert planned.released.external_ips == (gone,)
    assert planned.released.addresses == (address(made, f"acme--{gone}"),)
    assert planned.released.announcement is None
    assert planned.released.router_port is None
    assert {one.action for one in planned.objects} == {"keep"}


def test_the_way_out_goes_with_the_last_external_ip() -> None:
    planned = replanned(raw_without(), there())
    assert planned.released is not None
    assert planned.router_port is None
    assert planned.released.router_port == plan(read_tenant(FULL_TENANT, PLATFORM), PLATFORM, ()).router_port
    assert planned.obstacles == ()


def test_a_way_out_that_was_left_open_goes_though_no_external_ip_is_there_any_more() -> None:
    made = [thing for thing in there() if not thing["kind"].startswith("Ovn")]
    planned = replanned(raw_without(), made)
    assert planned.released is not None
    assert (planned.released.objects, planned.released.external_ips) == ((), ())
    assert planned.released.router_port is not None
    assert replanned(raw_without("apps"), made).released is None


def test_a_way_out_that_somebody_else_uses_as_well_is_an_obstacle() -> None:
    made = there()
    vpc_of(made)["spec"]["extraExternalSubnets"].append("theirs")
    (obstacle,) = replanned(raw_without(), made).obstacles
    assert "port on external subnet theirs, not Berth's" in obstacle
    assert replanned(raw_without("apps"), made).obstacles == ()


def test_a_rule_goes_alone_where_its_external_ip_is_put_to_another_use() -> None:
    raw = copy.deepcopy(FULL_TENANT)
    raw["spec"]["externalIPs"][2] = {"use": "loadBalancer", "name": "web"}
    planned = replanned(raw, there())
    assert planned.released is not None
    assert objects(planned) == [("OvnFip", "acme--web")]
    assert (planned.released.external_ips, planned.released.addresses) == ((), ())


def test_its_exception_stands_until_it_is_given_back() -> None:
    made = there()
    planned = replanned(raw_without("apps"), made)
    vpc = next(one for one in planned.objects if one.kind == "Vpc")
    assert f"ip4.dst == {address(made, 'acme--apps')}" in {one["match"] for one in vpc.manifest["spec"]["policyRoutes"]}


ROUTE = Route(address="203.0.113.103", next_hop="203.0.113.2")


def announced_of(*names: str) -> Announcement:
    ips = tuple(Announced(name=name, routes=(ROUTE,)) for name in names)
    return Announcement(method="static-route", external_ips=ips, routers=("edge-1", "scrapped"))


def test_what_the_record_says_is_withdrawn_where_the_record_says() -> None:
    made = there(ANNOUNCING, announced_of("egress", "apps"))
    planned = replanned(raw_without("apps"), made, ANNOUNCING)
    assert planned.released is not None
    assert planned.released.announcement == announced_of("apps")
    # Also on a platform that announces nothing any more.
    assert replanned(raw_without("apps"), made).released == planned.released


def test_what_is_announced_and_held_no_longer_is_withdrawn_as_well() -> None:
    made = [thing for thing in there(ANNOUNCING, announced_of("apps")) if thing["metadata"]["name"] != "acme--apps"]
    planned = replanned(raw_without("apps"), made, ANNOUNCING)
    assert planned.released is not None
    assert planned.released.announcement == announced_of("apps")
    assert (planned.released.external_ips, planned.released.objects) == (("apps",), ())


def test_without_a_record_a_route_is_looked_for_on_every_router_of_the_platform() -> None:
    made = there(ANNOUNCING)
    planned = replanned(raw_without("apps"), made, ANNOUNCING)
    assert planned.released is not None
    route = Route(address=address(made, "acme--apps"))
    assert planned.released.announcement == Announcement(
        method="static-route", external_ips=(Announced(name="apps", routes=(route,)),), routers=("edge-1",)
    )
    assert replanned(FULL_TENANT, made, ANNOUNCING).released is None


def test_a_record_that_cannot_be_read_is_an_obstacle() -> None:
    made = there(ANNOUNCING)
    vpc_of(made)["metadata"].setdefault("annotations", {})[ANNOUNCED_ANNOTATION] = "{}"
    planned = replanned(raw_without("apps"), made, ANNOUNCING)
    (obstacle,) = planned.obstacles
    assert obstacle.startswith(f"Vpc acme: annotation {ANNOUNCED_ANNOTATION} cannot be read")
    assert planned.released is None


@pytest.mark.parametrize("kind", ["Subnet", "OvnDnatRule", "OvnEip"])
def test_nothing_else_that_is_left_over_goes(kind: str) -> None:
    name = "stray" if kind == "OvnEip" else "acme--stray"
    metadata = {"name": name, "labels": {"berth.network/tenant": "acme"}}
    stray = {"apiVersion": "kubeovn.io/v1", "kind": kind, "metadata": metadata, "spec": {}}
    planned = replanned(FULL_TENANT, [*there(), stray])
    (obstacle,) = planned.obstacles
    assert obstacle.startswith(f"{kind} {name} belongs to acme and is not in the document: ")
    assert planned.released is None


def changed(place: int, **fields: Any) -> Raw:
    raw = copy.deepcopy(FULL_TENANT)
    raw["spec"]["externalIPs"][place] |= fields
    return raw


@pytest.mark.parametrize(
    ("raw", "obstacle", "remedy"),
    [
        (changed(0, address="203.0.113.11"), "OvnEip acme--egress", "a document without this external IP, which gives"),
        (changed(2, target="10.1.0.9"), "OvnFip acme--web", "this external IP for use loadBalancer, which keeps"),
        (changed(1, subnets=["prod"]), "OvnSnatRule acme--prod", "in which subnet prod leaves through no external IP"),
    ],
    ids=["address", "target", "subnet"],
)
def test_what_cannot_be_changed_in_one_step_says_in_which_two_it_can(raw: Raw, obstacle: str, remedy: str) -> None:
    (told,) = [one for one in replanned(raw, there()).obstacles if one.startswith(obstacle)]
    assert "cannot be changed in place" in told
    assert remedy in told


def test_no_rule_takes_the_place_of_one_of_another_kind() -> None:
    raw = copy.deepcopy(FULL_TENANT)
    raw["spec"]["externalIPs"][0] = {
        "use": "floatingIP",
        "name": "egress",
        "target": "10.1.0.9",
        "address": "203.0.113.10",
    }
    (obstacle,) = replanned(raw, there()).obstacles
    assert obstacle.startswith("OvnEip acme--egress has OvnSnatRule acme--prod, and OvnFip acme--egress is to take its")


@given(accepted())
def test_a_plan_that_gives_nothing_back_has_the_hash_it_always_had(pair: tuple[TenantNetwork, Platform]) -> None:
    tenant, platform = pair
    for observed in ((), as_made(plan(tenant, platform, ()), platform)):
        planned = plan(tenant, platform, observed)
        assert planned.released is None
        absent = {"obstacles", "released"} | ({"edge"} if planned.edge is None else set())
        shown = planned.model_dump(mode="json", exclude=absent)
        assert planned.hash == sha256(json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@given(accepted(), st.data())
def test_what_goes_and_what_stays_is_all_there_is(pair: tuple[TenantNetwork, Platform], data: Any) -> None:
    tenant, platform = pair
    if platform.spec.provider_network is None:
        return
    made = as_made(plan(tenant, platform, ()), platform)
    kept = tuple(ip for ip in tenant.spec.external_ips if data.draw(st.booleans()))
    if any(ip.use == "snat" for ip in tenant.spec.external_ips if ip not in kept):
        # A subnet without an address of its own would leave through another that stays: that takes two steps.
        kept = tuple(ip for ip in kept if ip.use != "snat")
    spec = tenant.spec.model_copy(update={"external_ips": kept})
    less = tenant.model_copy(update={"spec": spec})
    planned = plan(less, platform, made)
    assert planned.obstacles == ()
    gone = {(one.kind, one.name) for one in planned.released.objects} if planned.released is not None else set()
    assert gone | {(one.kind, one.name) for one in planned.objects} == {
        (thing["kind"], thing["metadata"]["name"]) for thing in made
    }
    assert {one.action for one in planned.objects} == {"keep"}
    assert (planned.released is not None) == (len(kept) < len(tenant.spec.external_ips))
    # Once all of it is gone there is nothing to do any more.
    left = [thing for thing in made if (thing["kind"], thing["metadata"]["name"]) not in gone]
    data.draw(st.randoms(use_true_random=False)).shuffle(made)
    assert plan(less, platform, made).hash == planned.hash
    if planned.released is not None and planned.released.router_port is None:
        assert plan(less, platform, left).released is None


def test_the_hash_tells_what_is_given_back() -> None:
    made = there()
    hashes = {
        replanned(raw, made).hash for raw in (FULL_TENANT, raw_without("apps"), raw_without("web"), raw_without())
    }
    assert len(hashes) == 4


def test_an_address_without_a_platform_network_to_be_of_stays_an_obstacle() -> None:
    less = read_platform(_without_provider())
    stray = as_kept(
        next(
            one.manifest
            for one in plan(read_tenant(FULL_TENANT, PLATFORM), PLATFORM, ()).objects
            if one.kind == "OvnEip"
        )
    )
    (obstacle,) = plan(read_tenant(raw_without(), less), less, [stray]).obstacles
    assert obstacle.startswith("OvnEip acme--egress belongs to acme and is not in the document: ")


def _without_provider() -> Raw:
    raw = raw_platform()
    del raw["spec"]["providerNetwork"]
    return raw
