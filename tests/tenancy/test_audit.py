"""The audit's rules: nothing is told of a tenant as it was onboarded, and each way that is open is told."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy import names
from tenancy.audit import AuditFinding, findings
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import CONFIG_MAP, SUBNET, VPC, Object
from tenancy.names import HAND_OVER
from tenancy.plan import plan
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, accepted, raw_platform, raw_tenant
from tests.tenancy.kube_ovn import as_made
from tests.tenancy.vlan_documents import raw_vlan_platform

PLATFORM = read_platform(raw_platform())
TENANT = read_tenant(FULL_TENANT, PLATFORM)
NAME = TENANT.name


def onboarded(tenant: TenantNetwork, platform: Platform) -> list[Object]:
    """What there is once a run has come to its end."""
    made = as_made(plan(tenant, platform, ()), platform)
    labels = copy.deepcopy(made[0]["metadata"]["labels"])
    hand_over = {"kind": CONFIG_MAP.name, "metadata": {"name": HAND_OVER, "labels": labels}}
    return [*made, hand_over]


def of_the_vpc(things: list[Object]) -> list[Any]:
    routes: list[Any] = next(thing for thing in things if thing["kind"] == VPC.name)["spec"]["policyRoutes"]
    return routes


def told(things: list[Object]) -> list[AuditFinding]:
    return findings(NAME, PLATFORM, things, {})


@given(accepted())
def test_nothing_is_told_of_a_tenant_as_it_was_onboarded(pair: tuple[TenantNetwork, Platform]) -> None:
    tenant, platform = pair
    found = findings(tenant.name, platform, onboarded(tenant, platform), {})
    # That nothing is recorded as announced is told where a platform announces: the objects here are those of a plan.
    assert [one for one in found if one.kind != "route-missing"] == []


@given(st.data())
def test_every_drop_that_is_taken_away_is_told(data: st.DataObject) -> None:
    things = onboarded(TENANT, PLATFORM)
    drops = [route for route in of_the_vpc(things) if route["action"] == "drop"]
    gone = data.draw(st.sampled_from(drops))
    of_the_vpc(things).remove(gone)
    (first, *_) = told(things)
    assert first.kind == "block-policy"
    assert gone["match"] in first.message


@pytest.mark.parametrize(
    "hole",
    [
        {"priority": 32767, "action": "allow", "match": "ip4.dst == 10.16.0.0/16"},
        {"priority": 31001, "action": "reroute", "match": "ip4.src == 0.0.0.0/0", "nextHopIP": "10.0.0.1"},
        # As an exception for an own address looks, for one that the tenant does not hold.
        {"priority": 32100, "action": "allow", "match": "ip4.dst == 203.0.113.250"},
    ],
    ids=["a network", "another way", "another's address"],
)
def test_a_route_of_the_band_that_nothing_asks_for_is_told(hole: Object) -> None:
    things = onboarded(TENANT, PLATFORM)
    of_the_vpc(things).append(hole)
    (first, *_) = told(things)
    assert first.kind == "block-policy"
    assert str(hole["match"]) in first.message


def test_a_drop_that_somebody_added_is_no_open_way() -> None:
    things = onboarded(TENANT, PLATFORM)
    of_the_vpc(things).append({"priority": 32500, "action": "drop", "match": "ip4.dst == 192.0.2.0/24"})
    assert [one.kind for one in told(things)] == ["changed"]


def test_an_open_way_is_told_of_a_tenant_without_a_record_as_well() -> None:
    things = onboarded(TENANT, PLATFORM)
    vpc = next(thing for thing in things if thing["kind"] == VPC.name)
    vpc["metadata"]["annotations"] = {}
    vpc["spec"]["policyRoutes"] = []
    assert [one.kind for one in told(things)] == ["block-policy", "unfinished"]


def physical() -> tuple[Platform, list[Object]]:
    """A platform whose gateways are its switches, and a tenant as it was onboarded there."""
    document = raw_vlan_platform(gateway="physical")
    document["spec"].pop("providerNetwork", None)
    platform = read_platform(document)
    tenant = read_tenant(raw_tenant(), platform)
    return platform, onboarded(tenant, platform)


def opened(platform: Platform, things: list[Object]) -> list[tuple[str, str]]:
    return [(one.subject, one.message) for one in findings("acme", platform, things, {}) if one.kind == "block-policy"]


def test_where_a_switch_is_the_gateway_an_open_way_is_one_in_the_acls_of_the_subnet() -> None:
    platform, things = physical()
    assert opened(platform, things) == []
    subnet = next(thing for thing in things if thing["kind"] == SUBNET.name)
    first, *rest = subnet["spec"]["acls"]

    subnet["spec"]["acls"] = rest
    ((subject, message),) = opened(platform, things)
    assert (subject, first["match"] in message) == ("Subnet acme--prod", True)

    hole = {"direction": "from-lport", "priority": 32700, "match": "ip4.dst == 10.16.0.0/16", "action": "allow"}
    into = {**hole, "direction": "to-lport", "match": "ip4.src == 10.16.0.0/16"}
    lower = {**hole, "priority": 1001, "match": "ip4.dst == 10.17.0.0/16"}
    subnet["spec"]["acls"] = [first, *rest, hole, into, lower]
    ((subject, message),) = opened(platform, things)
    assert (subject, message.startswith(f"lets through {hole['match']} (allow, priority 32700), which")) == (
        "Subnet acme--prod",
        True,
    )


def test_a_subnet_of_a_vlan_that_left_the_router_is_an_open_way() -> None:
    platform = read_platform(raw_vlan_platform())
    things = onboarded(read_tenant(raw_tenant(), platform), platform)
    subnet = next(thing for thing in things if thing["kind"] == SUBNET.name)
    subnet["spec"]["vlan"] = "vlan-100"
    assert opened(platform, things) == []

    del subnet["spec"]["logicalGateway"]

    assert [subject for subject, _ in opened(platform, things)] == ["Subnet acme--prod"]


def test_a_record_that_is_nested_too_deeply_is_told_as_any_that_cannot_be_read() -> None:
    things = onboarded(TENANT, PLATFORM)
    vpc = next(thing for thing in things if thing["kind"] == VPC.name)
    vpc["metadata"]["annotations"][names.DOCUMENT_ANNOTATION] = "[" * 100_000
    assert [one.kind for one in told(things)] == ["record"]
