"""What holds for every document, whatever people write: tried with thousands of them, the same ones each time."""

import json
import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tenancy import names
from tenancy.documents import read_platform, read_tenant, to_plain
from tenancy.fields import contains
from tenancy.mistakes import InvalidDocumentError, Mistake
from tenancy.plan import plan
from tenancy.platform import Platform, blocked_cidrs
from tenancy.policy import block_policy, own_exceptions
from tenancy.tenant import TenantNetwork
from tenancy.yaml_text import read_yaml

settings.register_profile("the same each time", derandomize=True, deadline=None, max_examples=300)
settings.load_profile("the same each time")

GRAMMAR = re.compile(r"ip([46])\.dst == ([0-9a-f.:]+(?:/\d{1,3})?)")
"""All a match may be. Kube-OVN accepts anything, and what OVN cannot read then does nothing."""

LETTERS = "abcx-0"
name_texts = st.one_of(
    st.text(LETTERS, min_size=1, max_size=8),
    st.sampled_from(
        ["a", "a-a", "a-b", "b", "ext", "ext-a", "external", "join", "ovn", "node-1", "x-ovn-cluster", "A", "é", ""]
    ),
)
cidr_texts = st.one_of(
    st.builds("10.{}.{}.0/{}".format, st.integers(0, 255), st.integers(0, 255), st.integers(8, 32)),
    st.builds("fd00:{:x}::/{}".format, st.integers(0, 65535), st.integers(30, 128)),
    st.sampled_from(
        ["203.0.113.0/25", "10.96.1.0/24", "224.0.0.0/4", "0.0.0.0/0", "10.0.0.1/24", "::ffff:10.0.0.0/112", "x"]
    ),
)
address_texts = st.one_of(
    st.builds("10.{}.{}.{}".format, *[st.integers(0, 255)] * 3),
    st.sampled_from(["203.0.113.9", "203.0.113.1", "fd00:1::9", "10.0.0.0", "1.2.3", ""]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def some_of(required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


subnets = some_of(
    {"name": name_texts, "cidrs": st.lists(cidr_texts, min_size=1, max_size=2)},
    {"gateways": st.lists(address_texts, max_size=1), "mtu": st.integers(1000, 9500)},
)
external_ips = st.one_of(
    some_of({"use": st.just("snat"), "name": name_texts}, {"subnets": st.lists(name_texts, min_size=1, max_size=2)}),
    some_of({"use": st.just("floatingIP"), "name": name_texts, "target": address_texts}, {"address": address_texts}),
    some_of({"use": st.just("loadBalancer"), "name": name_texts}, {"address": address_texts}),
)
tenants = st.fixed_dictionaries(
    {
        "apiVersion": st.just("berth.network/v1"),
        "kind": st.just("TenantNetwork"),
        "metadata": st.fixed_dictionaries({"name": name_texts}),
        "spec": some_of(
            {"subnets": st.lists(subnets, min_size=1, max_size=3)}, {"externalIPs": st.lists(external_ips, max_size=3)}
        ),
    }
)
platforms = st.fixed_dictionaries(
    {
        "apiVersion": st.just("berth.network/v1"),
        "kind": st.just("Platform"),
        "metadata": st.just({"name": "lab"}),
        "spec": some_of(
            {
                "block": some_of(
                    {"cidrs": st.lists(cidr_texts, min_size=1, max_size=4)},
                    {"exceptions": st.lists(cidr_texts, max_size=3)},
                )
            },
            {
                "reserved": st.lists(
                    st.fixed_dictionaries({"name": name_texts, "cidrs": st.lists(cidr_texts, min_size=1, max_size=2)}),
                    max_size=2,
                ),
                "providerNetwork": st.fixed_dictionaries(
                    {
                        "name": name_texts,
                        "externalSubnet": name_texts,
                        "cidrs": st.just(["203.0.113.0/24"]),
                        "gateways": st.just(["203.0.113.1"]),
                    }
                ),
            },
        ),
    }
)

PLATFORM: dict[str, Any] = {
    "apiVersion": "berth.network/v1",
    "kind": "Platform",
    "metadata": {"name": "lab"},
    "spec": {
        "block": {"cidrs": ["10.96.0.0/12", "fd00:10:96::/112"], "exceptions": ["10.96.0.10/32"]},
        "providerNetwork": {
            "name": "ext",
            "externalSubnet": "ext",
            "cidrs": ["203.0.113.0/24"],
            "gateways": ["203.0.113.1"],
        },
    },
}


likely_names = st.from_regex(r"[abx]([abx0-]{0,6}[abx])?", fullmatch=True).filter(lambda text: "--" not in text)


@st.composite
def likely_tenants(draw: st.DrawFn) -> Any:
    """Tenants that are mostly right: the rules still refuse some."""
    subnet_names = draw(st.lists(likely_names, min_size=1, max_size=4, unique=True))
    ip_names = draw(st.lists(likely_names, max_size=3, unique=True))
    subnets = []
    for number, name in enumerate(subnet_names):
        cidrs = [f"10.{number}.{draw(st.integers(0, 63)) * 4}.0/{draw(st.integers(22, 30))}"]
        if draw(st.booleans()):
            cidrs.append(f"fd00:{number}::/{draw(st.integers(48, 120))}")
        subnets.append({"name": name, "cidrs": cidrs})
    uses: dict[str, Callable[[], dict[str, Any]]] = {
        "snat": lambda: {"subnets": [draw(st.sampled_from(subnet_names))]} if draw(st.booleans()) else {},
        "floatingIP": lambda: {"target": draw(st.sampled_from(subnets))["cidrs"][0].split("/")[0][:-1] + "2"},
        "loadBalancer": lambda: {"address": f"203.0.113.{draw(st.integers(2, 254))}"} if draw(st.booleans()) else {},
    }
    ips = []
    for name in ip_names:
        use = draw(st.sampled_from(list(uses)))
        ips.append({"use": use, "name": name, **uses[use]()})
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": draw(likely_names)},
        "spec": {"subnets": subnets, **({"externalIPs": ips} if ips else {})},
    }


def accepted(raw: Any, platform: Platform | None = None) -> TenantNetwork | None:
    try:
        return read_tenant(raw, platform)
    except InvalidDocumentError:
        return None


def mistakes(read: Callable[[], object]) -> tuple[Mistake, ...]:
    """What is wrong with what is read: nothing, or at least one mistake. Any other error fails the test."""
    try:
        read()
    except InvalidDocumentError as error:
        return error.mistakes or (Mistake(path="", problem="refused without a mistake", remedy=""),)
    return ()


def everything(tenant: TenantNetwork, outside: str) -> set[str]:
    subnet_names = tuple(subnet.name for subnet in tenant.spec.subnets)
    ip_names = tuple(ip.name for ip in tenant.spec.external_ips)
    return names.everything_named(tenant.name, subnet_names, ip_names, outside)


def simple(tenant: str, subnet_names: list[str]) -> dict[str, Any]:
    """A tenant right in all but, perhaps, its names."""
    numbered = [{"name": name, "cidrs": [f"10.0.{number}.0/24"]} for number, name in enumerate(subnet_names)]
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": tenant},
        "spec": {"subnets": numbered, "externalIPs": [{"use": "loadBalancer", "name": name} for name in subnet_names]},
    }


few_names = st.lists(likely_names, min_size=1, max_size=3, unique=True)


@given(likely_names, few_names, likely_names, few_names)
@settings(max_examples=1500)
def test_two_accepted_tenants_never_share_a_name_of_any_kind(
    one: str, one_subnets: list[str], other: str, other_subnets: list[str]
) -> None:
    platform = read_platform(PLATFORM)
    first, second = accepted(simple(one, one_subnets), platform), accepted(simple(other, other_subnets), platform)
    assume(first is not None and second is not None and one != other)
    assert first is not None
    assert second is not None

    assert not everything(first, "ext") & everything(second, "ext")


@given(likely_tenants(), likely_tenants())
def test_two_accepted_tenants_of_any_shape_never_share_a_name(one: Any, other: Any) -> None:
    platform = read_platform(PLATFORM)
    first, second = accepted(one, platform), accepted(other, platform)
    assume(first is not None and second is not None and first.name != second.name)
    assert first is not None
    assert second is not None

    assert not everything(first, "ext") & everything(second, "ext")


@given(platforms, st.lists(address_texts, max_size=3))
def test_an_accepted_platform_yields_only_policies_ovn_can_read_within_its_range(raw: Any, own: list[str]) -> None:
    try:
        platform = read_platform(raw)
    except InvalidDocumentError:
        assume(False)
        raise
    addresses = [ip_network(text).network_address for text in own if re.fullmatch(r"(\d+\.){3}\d+", text)]
    policy = [*block_policy(platform), *own_exceptions(platform, addresses)]

    drops = [route for route in policy if route.action == "drop"]
    assert len(drops) == len(blocked_cidrs(platform)) > 0
    for route in policy:
        assert route.action in ("drop", "allow")
        assert 31001 <= route.priority <= 32767
        match = GRAMMAR.fullmatch(route.match)
        assert match is not None
        assert ip_network(match[2]).version == int(match[1])
    allows = [route for route in policy if route.action == "allow"]
    assert all(allow.priority > drop.priority for allow in allows for drop in drops)
    for allow in allows:
        excepted = ip_network(allow.match.split()[-1])
        assert any(contains(blocked, excepted) and blocked != excepted for blocked in blocked_cidrs(platform))


@given(likely_tenants())
def test_an_accepted_tenant_has_its_block_in_the_first_manifest_and_keeps_clear_of_the_platform(raw: Any) -> None:
    platform = read_platform(PLATFORM)
    tenant = accepted(raw, platform)
    assume(tenant is not None)
    assert tenant is not None
    (vpc,) = (planned.manifest for planned in plan(tenant, platform, ()).objects if planned.kind == "Vpc")

    routes = vpc["spec"]["policyRoutes"]
    assert {route["match"] for route in routes if route["action"] == "drop"} == {
        f"ip{cidr.version}.dst == {cidr}" for cidr in blocked_cidrs(platform)
    }
    assert vpc["spec"]["namespaces"] == [f"tenant-{tenant.name}"]
    assert "enableExternal" not in vpc["spec"]
    cidrs = [cidr for subnet in tenant.spec.subnets for cidr in subnet.cidrs]
    for place, cidr in enumerate(cidrs):
        assert not any(
            cidr.version == blocked.version and cidr.overlaps(blocked) for blocked in blocked_cidrs(platform)
        )
        assert not any(cidr.version == other.version and cidr.overlaps(other) for other in cidrs[place + 1 :])


@given(st.one_of(tenants, json_values, st.fixed_dictionaries({"spec": json_values, "metadata": json_values})))
def test_a_rejected_tenant_names_a_path_for_every_mistake_on_one_printable_line(raw: Any) -> None:
    for mistake in mistakes(lambda: read_tenant(raw, read_platform(PLATFORM))):
        assert mistake.path
        assert mistake.remedy
        assert str(mistake).isprintable()


@given(st.one_of(platforms, json_values))
def test_a_rejected_platform_names_a_path_for_every_mistake_on_one_printable_line(raw: Any) -> None:
    for mistake in mistakes(lambda: read_platform(raw)):
        assert mistake.path
        assert mistake.remedy
        assert str(mistake).isprintable()


@given(st.one_of(st.text(max_size=200), st.text("ab:-[]{}&*!|> \n\t'\"#", max_size=60)))
def test_any_text_is_read_as_yaml_or_refused_as_a_document(text: str) -> None:
    for mistake in mistakes(lambda: read_yaml(text, "file.yaml")):
        assert str(mistake).isprintable()


@given(likely_tenants())
def test_a_document_survives_the_record_and_the_wire(raw: Any) -> None:
    tenant = accepted(raw)
    assume(tenant is not None)
    assert tenant is not None

    assert read_tenant(json.loads(json.dumps(to_plain(tenant)))) == tenant
    assert TenantNetwork.model_validate_json(tenant.model_dump_json()) == tenant


@given(likely_tenants())
def test_what_a_plan_made_is_kept_by_the_next_one(raw: Any) -> None:
    platform = read_platform(PLATFORM)
    tenant = accepted(raw, platform)
    assume(tenant is not None)
    assert tenant is not None
    first = plan(tenant, platform, ())
    made = [as_kube_ovn_keeps_it(planned.manifest) for planned in first.objects]

    second = plan(tenant, platform, made)

    assert second.obstacles == ()
    assert {planned.action for planned in first.objects} == {"create"}
    assert {planned.action for planned in second.objects} == {"keep"}
    assert first.hash == plan(tenant, platform, ()).hash != second.hash


def as_kube_ovn_keeps_it(manifest: Any) -> Any:
    """The object with what Kube-OVN writes into it."""
    kept = json.loads(json.dumps(manifest))
    kept["metadata"]["finalizers"] = ["kubeovn.io/kube-ovn-controller"]
    match kept["kind"]:
        case "Subnet":
            kept["spec"] |= {"protocol": "Dual" if "," in kept["spec"]["cidrBlock"] else "IPv4", "enableLb": True}
            kept["spec"]["excludeIps"].reverse()
        case "OvnEip":
            kept["spec"] |= {"macAddress": "00:00:00:00:00:01", "v6Ip": ""}
            kept["spec"].setdefault("v4Ip", "203.0.113.200")
        case "Vpc":
            kept["spec"]["policyRoutes"] = [{**route, "nextHopIP": ""} for route in kept["spec"]["policyRoutes"]]
            kept["spec"]["policyRoutes"].reverse()
    return kept


port_names = st.lists(st.sampled_from(["a", "b", "ext", "external"]), min_size=1, max_size=3).map("-".join)


@pytest.mark.parametrize("outside", ["ext", "external", "a-b"])
@given(port_names, port_names)
@settings(max_examples=400)
def test_router_ports_on_the_external_subnet_never_meet(outside: str, one: str, other: str) -> None:
    provider = {**PLATFORM["spec"]["providerNetwork"], "externalSubnet": outside}
    platform = read_platform({**PLATFORM, "spec": {**PLATFORM["spec"], "providerNetwork": provider}})
    first, second = accepted(simple(one, ["s"]), platform), accepted(simple(other, ["s"]), platform)
    assume(first is not None and second is not None and one != other)
    assert first is not None
    assert second is not None

    assert not everything(first, outside) & everything(second, outside)
