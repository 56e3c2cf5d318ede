"""A plan says what would be done: the same for the same, another for another, nothing where all is done."""

import copy
import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenancy import manifests
from tenancy.documents import read_platform, read_tenant
from tenancy.edge import PublicPool
from tenancy.kinds import Object
from tenancy.plan import Plan, plan
from tenancy.platform import Platform
from tenancy.release import Released
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, Raw, accepted, raw_platform, raw_tenant
from tests.tenancy.kube_ovn import as_kept, as_made

PLATFORM = read_platform(raw_platform())
TENANT = read_tenant(FULL_TENANT, PLATFORM)


def done(planned: Plan) -> str:
    """What would be done, written out."""
    return json.dumps(planned.model_dump(mode="json", exclude={"obstacles"}), sort_keys=True)


@given(accepted())
def test_a_plan_is_the_same_each_time_and_leaves_its_arguments_alone(pair: tuple[TenantNetwork, Platform]) -> None:
    tenant, platform = pair
    observed = as_made(plan(tenant, platform, ()), platform)
    before = copy.deepcopy((tenant, platform, observed))
    one, two = plan(tenant, platform, observed), plan(tenant, platform, observed)
    assert one == two
    assert one.hash == two.hash
    assert (tenant, platform, observed) == before
    assert Plan.model_validate_json(one.model_dump_json()) == one


@given(accepted(), st.randoms(use_true_random=False))
def test_planning_again_after_a_run_keeps_everything(pair: tuple[TenantNetwork, Platform], order: Any) -> None:
    tenant, platform = pair
    first = plan(tenant, platform, ())
    assert first.obstacles == ()
    assert {planned.action for planned in first.objects} == {"create"}
    made = as_made(first, platform)
    second = plan(tenant, platform, made)
    assert second.obstacles == ()
    assert [(planned.kind, planned.name, planned.action) for planned in second.objects] == [
        (planned.kind, planned.name, "keep") for planned in first.objects
    ]
    assert second.router_port == first.router_port
    order.shuffle(made)
    assert plan(tenant, platform, made).hash == second.hash


@given(accepted())
def test_no_two_objects_of_a_plan_are_one(pair: tuple[TenantNetwork, Platform]) -> None:
    planned = [(thing.kind, thing.name) for thing in plan(*pair, ()).objects]
    assert len(set(planned)) == len(planned)


@settings(max_examples=30)
@given(accepted(), accepted())
def test_the_hash_tells_apart_exactly_what_would_be_done_differently(
    one: tuple[TenantNetwork, Platform], other: tuple[TenantNetwork, Platform]
) -> None:
    plans = [plan(*pair, observed) for pair in (one, other) for observed in ((), as_made(plan(*pair, ()), pair[1]))]
    for first in plans:
        for second in plans:
            assert (first.hash == second.hash) == (done(first) == done(second))


def changed(path: str, value: Any) -> tuple[Raw, Raw]:
    """The example documents with one value replaced."""
    documents = {"tenant": copy.deepcopy(FULL_TENANT), "platform": raw_platform()}
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    holder: Any = documents
    for part in parents:
        holder = holder[part]
    holder[last] = value
    return documents["tenant"], documents["platform"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tenant/metadata/name", "acme-two"),
        ("tenant/spec/subnets/0/name", "production"),
        ("tenant/spec/subnets/0/mtu", 1280),
        ("tenant/spec/subnets/0/cidrs/1", "10.1.0.0/23"),
        ("tenant/spec/subnets/0/gateways", ["10.1.0.253"]),
        ("tenant/spec/subnets/0/exclude/0/first", "10.1.0.202"),
        ("tenant/spec/externalIPs/0/address", "203.0.113.11"),
        ("tenant/spec/externalIPs/1/subnets", ["prod"]),
        ("tenant/spec/externalIPs/2/target", "10.1.0.9"),
        ("tenant/spec/externalIPs/3/use", "snat"),
        ("platform/spec/block/cidrs/0", "192.0.2.0/23"),
        ("platform/spec/block/exceptions", []),
        ("platform/spec/subnetMtu", 1399),
        ("platform/spec/providerNetwork/gateways/0", "203.0.113.2"),
        ("platform/spec/providerNetwork/externalSubnet", "outside"),
    ],
)
def test_the_hash_changes_with_what_would_be_done(path: str, value: Any) -> None:
    raw, raw_of_platform = changed(path, value)
    if value == "snat":
        raw["spec"]["externalIPs"][0]["subnets"] = ["prod"]
    platform = read_platform(raw_of_platform)
    assert plan(read_tenant(raw, platform), platform, ()).hash != plan(TENANT, PLATFORM, ()).hash


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("platform/metadata/name", "other"),
        ("platform/spec/limits/subnets", 9),
        ("platform/spec/reserved", []),
        ("platform/spec/block/cidrs", ["10.96.0.0/12", "192.0.2.128/25", "192.0.2.0/25"]),
    ],
)
def test_the_hash_stays_where_the_same_would_be_done(path: str, value: Any) -> None:
    raw, raw_of_platform = changed(path, value)
    if path.endswith("block/cidrs"):  # told in another order
        assert plan(TENANT, read_platform(raw_of_platform), ()).hash == plan(TENANT, PLATFORM, ()).hash
    platform = read_platform(raw_of_platform)
    assert plan(read_tenant(raw, platform), platform, ()).hash == plan(TENANT, PLATFORM, ()).hash


def test_the_hash_is_not_about_status_nor_other_objects_nor_obstacles() -> None:
    made = as_made(plan(TENANT, PLATFORM, ()), PLATFORM)
    usual = plan(TENANT, PLATFORM, made)
    for thing in made:
        thing["metadata"] |= {"resourceVersion": "999", "annotations": {}}
    stranger = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tenant-other"}}
    left_over = as_kept(next(p.manifest for p in usual.objects if p.kind == "Subnet"))
    left_over["metadata"]["name"] = "acme--old"
    assert plan(TENANT, PLATFORM, [*made, stranger]).hash == usual.hash
    blocked = plan(TENANT, PLATFORM, [*made, left_over])
    assert blocked.hash == usual.hash
    (obstacle,) = blocked.obstacles
    assert obstacle.startswith("Subnet acme--old belongs to acme and is not in the document: ")


@pytest.mark.parametrize("labels", [None, {}, {"berth.network/tenant": "globex"}], ids=["null", "none", "another's"])
def test_what_belongs_to_someone_else_is_an_obstacle(labels: dict[str, str] | None) -> None:
    made = as_made(plan(TENANT, PLATFORM, ()), PLATFORM)
    for thing in made:
        foreign = [{**thing, "metadata": {**thing["metadata"], "labels": labels}}]
        (obstacle,) = plan(TENANT, PLATFORM, foreign).obstacles
        assert obstacle.startswith(f"{thing['kind']} {thing['metadata']['name']} exists and is not Berth's for acme ")


def eip(name: str, owner: str, address: str) -> Object:
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "OvnEip",
        "metadata": {"name": name, "labels": {"berth.network/tenant": owner}},
        "spec": {"externalSubnet": "external", "type": "nat", "v4Ip": address},
        "status": {"ready": True, "v4Ip": address},
    }


@pytest.mark.parametrize(
    ("held", "let_through"),
    [
        (eip("acme--apps", "acme", "203.0.113.77"), True),
        (eip("acme--apps", "globex", "203.0.113.77"), False),
        (eip("globex--apps", "globex", "203.0.113.77"), False),
        (eip("acme--old", "acme", "203.0.113.77"), True),
        (eip("acme--apps", "acme", "8.8.8.8"), False),
    ],
    ids=["its own", "of its name but another's", "another's", "its own until it is given back", "not blocked"],
)
def test_only_an_address_the_tenant_holds_is_let_through(held: Object, let_through: bool) -> None:
    vpc = next(p.manifest for p in plan(TENANT, PLATFORM, [held]).objects if p.kind == "Vpc")
    allowed = {route["match"] for route in vpc["spec"]["policyRoutes"] if route["action"] == "allow"}
    assert allowed == {"ip4.dst == 192.0.2.53/32"} | ({"ip4.dst == 203.0.113.77"} if let_through else set())


def manifest(kind: str, name: str) -> Object:
    return next(p.manifest for p in plan(TENANT, PLATFORM, ()).objects if (p.kind, p.name) == (kind, name))


def test_a_vpc_is_born_with_its_policy_and_without_a_way_out() -> None:
    spec = manifest("Vpc", "acme")["spec"]
    assert spec.keys() == {"namespaces", "policyRoutes"}
    assert spec["namespaces"] == ["tenant-acme"]
    assert {"priority": 32000, "action": "drop", "match": "ip4.dst == 203.0.113.0/24"} in spec["policyRoutes"]


def test_the_ipv4_cidr_of_a_subnet_comes_first_whatever_the_document_says() -> None:
    assert manifest("Subnet", "acme--prod")["spec"] == {
        "vpc": "acme",
        "cidrBlock": "10.1.0.0/24,fd00:1::/64",
        "gateway": "10.1.0.254,fd00:1::1",
        "excludeIps": ["10.1.0.200..10.1.0.254", "fd00:1::1", "fd00:1::5"],
        "provider": "ovn",
        "namespaces": ["tenant-acme"],
        "mtu": 1300,
    }


def test_an_address_the_tenant_chose_is_kept_from_being_freed_in_use() -> None:
    assert manifest("OvnEip", "acme--egress")["metadata"]["finalizers"] == ["kubeovn.io/kube-ovn-controller"]
    assert manifest("OvnEip", "acme--egress")["spec"]["v4Ip"] == "203.0.113.10"
    assert "finalizers" not in manifest("OvnEip", "acme--apps")["metadata"]
    assert "v4Ip" not in manifest("OvnEip", "acme--apps")["spec"]


def test_a_subnet_without_a_family_of_the_outside_gets_no_translation() -> None:
    rules = {p.name: p.manifest["spec"] for p in plan(TENANT, PLATFORM, ()).objects if p.kind == "OvnSnatRule"}
    assert rules == {
        "acme--prod": {"ovnEip": "acme--egress", "vpcSubnet": "acme--prod"},
        "acme--dev": {"ovnEip": "acme--dev", "vpcSubnet": "acme--dev"},
    }


def test_a_tenant_without_external_ips_gets_no_way_out() -> None:
    planned = plan(read_tenant(raw_tenant(), PLATFORM), PLATFORM, ())
    assert planned.router_port is None
    assert {thing.kind for thing in planned.objects} == {"Namespace", "Vpc", "Subnet"}


@pytest.mark.parametrize(("external_ip", "goes"), [(TENANT.spec.external_ips[0].name, False), ("gone", True)])
def test_a_public_address_stays_while_its_external_ip_is_in_the_document(external_ip: str, goes: bool) -> None:
    pool = PublicPool.model_validate({"name": "dc-public", "cidrs": ["198.51.100.0/24"]})
    reserved = manifests.public_address(TENANT.name, external_ip, ip_address("198.51.100.7"), pool)
    planned = plan(TENANT, PLATFORM, [reserved])
    assert planned.obstacles == ()
    assert planned.released == (Released(external_ips=("gone",), public=True) if goes else None)


def test_a_public_address_that_nobody_can_tell_the_external_ip_of_is_in_the_way() -> None:
    pool = PublicPool.model_validate({"name": "dc-public", "cidrs": ["198.51.100.0/24"]})
    reserved = manifests.public_address(TENANT.name, "egress", ip_address("198.51.100.7"), pool)
    del reserved["data"]
    planned = plan(TENANT, PLATFORM, [reserved])
    (obstacle,) = planned.obstacles
    assert obstacle.startswith("ConfigMap public-198-51-100-7 belongs to acme")
    assert planned.released is None
