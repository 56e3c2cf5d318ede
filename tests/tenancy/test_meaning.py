"""Existing objects are compared by meaning, changed only where Berth says something, and never where nobody can."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy import manifests
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import Object
from tenancy.meaning import merge, restored, with_routes, with_spec, without, without_exceptions
from tenancy.names import BORN_WITH_ANNOTATION
from tenancy.plan import plan
from tenancy.platform import Platform
from tenancy.policy import ours
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, accepted, raw_platform
from tests.tenancy.kube_ovn import as_kept

PLATFORM = read_platform(raw_platform())
TENANT = read_tenant(FULL_TENANT, PLATFORM)
OBJECTS = {f"{p.kind} {p.name}": p.manifest for p in plan(TENANT, PLATFORM, ()).objects}
FOREIGN_ROUTE = {"priority": 30000, "match": "ip4.src == 10.0.0.0/8", "action": "reroute", "nextHopIP": "10.0.0.9"}

FIXED = {
    "Subnet": {"vpc": "other", "cidrBlock": "10.9.0.0/24", "provider": "else", "gateway": "10.1.0.9"},
    "OvnEip": {"externalSubnet": "other", "type": "lsp", "v4Ip": "203.0.113.99"},
    "OvnSnatRule": {"ovnEip": "other", "vpcSubnet": "other"},
    "OvnFip": {"ovnEip": "other", "vpc": "other", "v4Ip": "10.1.0.77"},
}
"""By kind: what cannot be changed in place, and a value that differs."""


@st.composite
def drifted(draw: st.DrawFn, desired: Object) -> Object:
    """The object after others had their hands on it: parts of ours gone or changed, parts of theirs added."""
    thing = as_kept(desired)
    spec = thing.get("spec") or {}
    for key in sorted(spec.keys() - FIXED.get(thing["kind"], {}).keys()):
        match draw(st.sampled_from(["leave", "leave", "remove", "change"])):
            case "remove":
                del spec[key]
            case "change":
                spec[key] = {"mtu": 1281, "enableExternal": False}.get(key, [])
    if thing["kind"] == "Vpc":
        spec["policyRoutes"] = [*spec.get("policyRoutes", []), dict(FOREIGN_ROUTE)]
    if "spec" in thing:
        spec["theirs"] = {"a": 1}
    if draw(st.booleans()):
        thing["metadata"].pop("labels")
    elif draw(st.booleans()):
        thing["metadata"]["labels"] = draw(st.sampled_from([None, {"theirs": "yes"}]))
    thing["metadata"].setdefault("annotations", {})["theirs"] = "yes"
    return thing


def test_the_good_example_makes_every_kind() -> None:
    assert {manifest["kind"] for manifest in OBJECTS.values()} == {"Namespace", "Vpc", *FIXED}


@given(st.sampled_from(sorted(OBJECTS)).flatmap(lambda name: st.tuples(st.just(name), drifted(OBJECTS[name]))))
def test_merging_again_changes_nothing(given_: tuple[str, Object]) -> None:
    name, actual = given_
    before = copy.deepcopy(actual)
    merged = merge(actual, OBJECTS[name])
    assert actual == before
    assert merged.conflicts == ()
    if merged.result is not None:
        assert merge(merged.result, OBJECTS[name]).result is None


@given(st.sampled_from(sorted(OBJECTS)).flatmap(lambda name: st.tuples(st.just(name), drifted(OBJECTS[name]))))
def test_what_others_wrote_is_not_touched(given_: tuple[str, Object]) -> None:
    name, actual = given_
    desired = OBJECTS[name]
    result = merge(actual, desired).result or copy.deepcopy(actual)
    assert {key: value for key, value in result.items() if key not in ("metadata", "spec")} == {
        key: value for key, value in actual.items() if key not in ("metadata", "spec")
    }
    labels, annotations = result["metadata"].pop("labels"), result["metadata"].pop("annotations")
    assert labels == {**(actual["metadata"].pop("labels", {}) or {}), **desired["metadata"]["labels"]}
    lost = actual["metadata"].pop("annotations").keys() - annotations.keys()
    assert lost <= {BORN_WITH_ANNOTATION}
    assert result["metadata"] == actual["metadata"]
    owned = desired.get("spec", {}).keys()
    assert {k: v for k, v in result.get("spec", {}).items() if k not in owned} == {
        k: v for k, v in actual.get("spec", {}).items() if k not in owned
    }
    if desired["kind"] == "Vpc":
        routes = result["spec"]["policyRoutes"]
        assert [route for route in routes if not ours(route)] == [FOREIGN_ROUTE]
        # A policy that is edited is no longer known to be in OVN.
        edited = routes != actual["spec"]["policyRoutes"]
        assert (BORN_WITH_ANNOTATION in annotations) != edited


@given(accepted())
def test_what_kube_ovn_fills_in_is_no_difference(pair: tuple[TenantNetwork, Platform]) -> None:
    for planned in plan(*pair, ()).objects:
        merged = merge(as_kept(planned.manifest), planned.manifest)
        assert merged.conflicts == ()
        assert merged.result is None


@given(accepted())
def test_excluded_addresses_are_written_as_kube_ovn_keeps_them(pair: tuple[TenantNetwork, Platform]) -> None:
    for planned in plan(*pair, ()).objects:
        if planned.kind == "Subnet":
            assert as_kept(planned.manifest)["spec"]["excludeIps"] == planned.manifest["spec"]["excludeIps"]


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in FIXED.items() for key in keys])
def test_a_difference_nobody_can_remove_in_place_is_a_conflict(kind: str, key: str) -> None:
    desired = next(m for m in OBJECTS.values() if m["kind"] == kind and key in m["spec"])
    actual = as_kept(desired)
    actual["spec"][key] = FIXED[kind][key]
    merged = merge(actual, desired)
    assert merged.result is None
    (conflict,) = merged.conflicts
    assert conflict.startswith(f"{key} is ")
    assert FIXED[kind][key] in conflict
    assert desired["spec"][key][:40] in conflict


def test_fixed_fields_are_compared_by_meaning() -> None:
    desired = OBJECTS["Subnet acme--prod"]
    actual = as_kept(desired)
    actual["spec"] |= {"cidrBlock": "fd00:0001::1/64, 10.1.0.7/24", "gateway": "FD00:1::1,10.1.0.254"}
    assert merge(actual, desired).result is None


@pytest.mark.parametrize(("key", "value"), [("mtu", 1281), ("namespaces", []), ("excludeIps", ["10.1.0.1"])])
def test_a_field_that_drifted_is_brought_back(key: str, value: Any) -> None:
    desired = OBJECTS["Subnet acme--prod"]
    actual = as_kept(desired)
    actual["spec"][key] = value
    result = merge(actual, desired).result
    assert result is not None
    assert result["spec"][key] == desired["spec"][key]


def test_an_object_without_a_spec_gets_ours() -> None:
    desired = OBJECTS["Vpc acme"]
    for empty in ({}, {"spec": None}):
        actual = {"kind": "Vpc", "metadata": {"name": "acme", "labels": None}, **empty}
        result = merge(actual, desired).result
        assert result is not None
        assert result["spec"] == desired["spec"]


DEFAULT = {"policy": "policyDst", "cidr": "0.0.0.0/0", "nextHopIP": "203.0.113.1"}
ELSEWHERE = {"policy": "policySrc", "cidr": "10.1.0.0/24", "nextHopIP": "10.1.0.9", "ecmpMode": "ecmp_symmetric_reply"}
OTHER_TABLE = {**DEFAULT, "nextHopIP": "203.0.113.2", "routeTable": "theirs"}


@pytest.mark.parametrize(
    ("present", "result"),
    [
        ([], [DEFAULT]),
        ([ELSEWHERE, OTHER_TABLE], [ELSEWHERE, OTHER_TABLE, DEFAULT]),
        ([{**DEFAULT, "policy": "", "routeTable": ""}], None),
        ([{**DEFAULT, "cidr": "0.0.0.0/0", "bfdId": ""}, ELSEWHERE], None),
        ([{**DEFAULT, "nextHopIP": "203.0.113.7"}], [DEFAULT]),
        ([DEFAULT, {**DEFAULT, "nextHopIP": "203.0.113.7"}], [DEFAULT]),
        ([{**DEFAULT, "cidr": "1.2.3.4/0", "nextHopIP": "203.0.113.7"}, ELSEWHERE], [ELSEWHERE, DEFAULT]),
    ],
    ids=["none", "others", "defaults filled", "with more", "another hop", "a second hop beside", "host bits"],
)
def test_the_default_route_is_the_only_one_to_its_destination(
    present: list[Object], result: list[Object] | None
) -> None:
    assert with_routes(present, [DEFAULT]) == (present if result is None else result)


def test_the_way_out_is_opened_once_and_beside_what_is_there() -> None:
    provider = PLATFORM.spec.provider_network
    assert provider is not None
    vpc = as_kept(OBJECTS["Vpc acme"])
    vpc["spec"]["extraExternalSubnets"] = ["theirs"]
    opened = with_spec(vpc, manifests.router_port(provider))
    assert opened["spec"]["extraExternalSubnets"] == ["theirs", "external"]
    assert opened["spec"]["staticRoutes"] == [DEFAULT]
    assert opened["spec"]["enableExternal"] is True
    assert with_spec(opened, manifests.router_port(provider)) == opened


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_what_a_run_changed_is_restored_and_only_that(name: str) -> None:
    before = as_kept(OBJECTS[name])
    before["metadata"]["labels"] = {"theirs": "1"}
    if "mtu" in before.get("spec", {}):
        before["spec"]["mtu"] = 1400
    after = merge(before, OBJECTS[name]).result
    assert after is not None
    after["metadata"] |= {"resourceVersion": "99"}
    after["status"] = {"new": 1}

    back = restored(after, before, OBJECTS[name])

    assert back == {**before, "metadata": {**before["metadata"], "resourceVersion": "99"}, "status": {"new": 1}}
    assert restored(back, before, OBJECTS[name]) is None


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_what_others_changed_meanwhile_is_not_restored(name: str) -> None:
    before = as_kept(OBJECTS[name])
    now = copy.deepcopy(before)
    now["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    now["metadata"]["annotations"]["theirs"] = "1"
    if "spec" in now:
        now["spec"] |= {"v4Ip": "203.0.113.99", "macAddress": "00:00:00:00:00:99", "theirs": True}

    assert restored(now, before, OBJECTS[name]) is None


def test_of_a_list_only_the_entries_of_the_run_are_taken_back() -> None:
    desired = OBJECTS["Vpc acme"]
    own = {"priority": 32100, "action": "allow", "match": "ip4.dst == 203.0.113.9"}
    emergency = {"priority": 30500, "action": "drop", "match": "ip4.dst == 198.51.100.0/24"}
    before = as_kept(desired)
    first = before["spec"]["policyRoutes"].pop(0)
    odd = {"priority": 32500, "action": "reroute", "nextHopIP": "10.0.0.9"}
    before["spec"]["policyRoutes"] += [own, odd]
    after = merge(before, desired).result
    assert after is not None
    assert first["match"] in {route["match"] for route in after["spec"]["policyRoutes"]}
    after["spec"]["policyRoutes"].append(emergency)

    back = restored(after, before, desired)

    assert back is not None
    # Neither the drop the run added, nor an exception for an address that may be another's by now.
    expected = [route for route in before["spec"]["policyRoutes"] if route is not own] + [emergency]
    assert {route.get("match") for route in back["spec"]["policyRoutes"]} == {route.get("match") for route in expected}
    assert odd in back["spec"]["policyRoutes"]


def test_a_policy_that_is_edited_twice_no_longer_counts_as_born() -> None:
    desired = OBJECTS["Vpc acme"]
    before = as_kept(desired)
    before["spec"]["policyRoutes"].pop(0)
    after = merge(before, desired).result
    assert after is not None
    assert BORN_WITH_ANNOTATION not in after["metadata"]["annotations"]

    back = restored(after, before, desired)

    assert back is not None
    present, past = (len(vpc["spec"]["policyRoutes"]) for vpc in (back, before))
    assert present == past
    assert BORN_WITH_ANNOTATION not in back["metadata"]["annotations"]


def test_the_way_out_is_closed_without_what_others_added_to_it() -> None:
    provider = PLATFORM.spec.provider_network
    assert provider is not None
    port = manifests.router_port(provider)
    vpc = as_kept(OBJECTS["Vpc acme"])
    opened = with_spec(vpc, port)
    opened["spec"]["staticRoutes"] = [{**DEFAULT, "ecmpMode": "", "bfdId": "", "routeTable": ""}, ELSEWHERE]

    closed = without(opened, {}, {"spec": port})

    assert closed["spec"] == {**vpc["spec"], "staticRoutes": [ELSEWHERE]}


def test_the_exception_for_one_address_goes_and_nothing_else_of_a_vpc() -> None:
    def route(priority: int, action: str, match: str) -> Object:
        return {"priority": priority, "action": action, "match": match}

    kept = [
        route(32000, "drop", "ip4.dst == 203.0.113.0/24"),
        route(32100, "allow", "ip4.dst == 192.0.2.53/32"),
        route(32100, "allow", "ip4.dst == 203.0.113.10"),
        route(32200, "drop", "ip4.dst == 203.0.113.1"),
        route(31500, "reroute", "ip4.dst == 203.0.113.1") | {"nextHopIP": "10.0.0.9"},
    ]
    born = {BORN_WITH_ANNOTATION: "so"}
    vpc: Object = {"kind": "Vpc", "metadata": {"name": "acme", "annotations": born}, "spec": {"policyRoutes": kept}}
    with_it = copy.deepcopy(vpc)
    with_it["spec"]["policyRoutes"].insert(2, route(32100, "allow", "ip4.dst == 203.0.113.1"))
    assert without_exceptions(with_it, ["203.0.113.1"]) == vpc
    assert without_exceptions(vpc, ["203.0.113.1"]) == vpc
    assert without_exceptions(with_it, []) == with_it
