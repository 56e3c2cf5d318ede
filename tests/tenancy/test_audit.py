"""The audit's rules: nothing is told of a tenant as it was onboarded, and each way that is open is told."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.audit import AuditFinding, findings
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import CONFIG_MAP, VPC, Object
from tenancy.names import HAND_OVER
from tenancy.plan import plan
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, accepted, raw_platform
from tests.tenancy.kube_ovn import as_made

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
