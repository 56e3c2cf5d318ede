"""No two tenants share a name in Kubernetes or OVN, nor one of Kube-OVN's own, however names are chosen to meet."""

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import assume, given

from tenancy import names
from tenancy.documents import read_platform, read_tenant
from tenancy.mistakes import InvalidDocumentError
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import POOL, accepted, raw_platform, raw_tenant, sound_tenants

WORDS = ["-".join(words) for length in (1, 2, 3) for words in product("ab", repeat=length)]
"""Every name of up to three one-letter words: 14 of them, and 39 pairs joined by a dash read two ways or more."""


def platform_with(external_subnet: str) -> Platform:
    provider = {
        **raw_platform()["spec"]["providerNetwork"],
        "name": "provider-network",
        "externalSubnet": external_subnet,
    }
    return read_platform(raw_platform(providerNetwork=provider, limits={}))


def tenant_with(name: str, subnets: Iterable[str], platform: Platform) -> TenantNetwork | None:
    """The tenant with these subnets, and external IPs of the same names; None where it is refused for a name."""
    listed = list(subnets)
    raw = raw_tenant(
        subnets=[{"name": subnet, "cidrs": [f"10.1.{place}.0/24"]} for place, subnet in enumerate(listed)],
        externalIPs=[{"use": "loadBalancer", "name": subnet} for subnet in listed],
    )
    raw["metadata"]["name"] = name
    try:
        return read_tenant(raw, platform)
    except InvalidDocumentError as error:
        if all(mistake.path.endswith("name") for mistake in error.mistakes):
            return None
        raise


def everything(tenant: TenantNetwork, outside: str) -> set[str]:
    subnets = tuple(subnet.name for subnet in tenant.spec.subnets)
    ips = tuple(ip.name for ip in tenant.spec.external_ips)
    return names.everything_named(tenant.name, subnets, ips, outside)


def as_kube_ovn_makes_them(tenant: TenantNetwork, outside: str) -> list[str]:
    """What Kube-OVN 1.17 names after a VPC and its subnets, by name space (pkg/ovs/util.go, pkg/controller/*.go).

    One entry for each thing, so that a name two things bear stands there twice.
    """
    vpc = tenant.name
    subnets = [f"{vpc}--{subnet.name}" for subnet in tenant.spec.subnets]
    return [
        *(f"vpc-or-subnet:{name}" for name in (vpc, *subnets)),
        # northd keeps the ports of routers and switches in one table, and drops the second of a name.
        *(f"port:{vpc}-{subnet}" for subnet in (*subnets, outside)),
        *(f"port:{subnet}-{vpc}" for subnet in (*subnets, outside)),
        *(f"address-set:{name.replace('-', '.')}" for name in (vpc, *subnets)),
        f"OvnEip:{vpc}-{outside}",
        *(f"OvnEip:{vpc}--{ip.name}" for ip in tenant.spec.external_ips),
    ]


@pytest.mark.parametrize("outside", WORDS)
def test_no_names_of_the_same_few_words_are_shared_by_two_tenants_or_twice_by_one(outside: str) -> None:
    platform = platform_with(outside)
    owner: dict[str, str] = {}
    tenants = 0
    for name in WORDS:
        sound = [subnet for subnet in WORDS if tenant_with(name, [subnet], platform)]
        tenant = tenant_with(name, sound, platform) if sound else None
        if tenant is None:
            continue
        tenants += 1
        made = as_kube_ovn_makes_them(tenant, outside)
        assert len(set(made)) == len(made)
        assert set(made) <= everything(tenant, outside)
        for thing in everything(tenant, outside):
            assert owner.setdefault(thing, name) == name, thing
    # A rule that refuses everything would share nothing too.
    assert tenants >= 7


@given(accepted(), sound_tenants(POOL))
def test_two_accepted_tenants_share_no_name_of_any_kind(pair: tuple[TenantNetwork, Platform], other: object) -> None:
    tenant, platform = pair
    provider = platform.spec.provider_network
    outside = provider.external_subnet if provider else "external"
    assert len(set(as_kube_ovn_makes_them(tenant, outside))) == len(as_kube_ovn_makes_them(tenant, outside))
    try:
        second = read_tenant(other, platform)
    except InvalidDocumentError:
        assume(False)
        raise
    assume(second.name != tenant.name)
    assert not everything(tenant, outside) & everything(second, outside)


@pytest.mark.parametrize(
    ("name", "subnet", "outside"),
    [
        ("ext", "s", "ext"),
        ("provider-network", "s", "ext"),
        ("ext-ext", "s", "ext"),
        ("ext-foo", "s", "ext"),
        ("a", "s", "a-a"),
        ("a-b", "s", "a-b-a"),
        ("a", "x-a-a", "ext"),
        ("join", "s", "ext"),
        ("ovn-cluster", "s", "ext"),
        ("ovn-default", "s", "ext"),
        ("ovn-cluster-x", "s", "ext"),
        ("x-ovn-cluster", "s", "ext"),
        ("node", "s", "ext"),
        ("node-worker", "s", "ext"),
    ],
)
def test_a_name_that_could_meet_another_is_refused(name: str, subnet: str, outside: str) -> None:
    assert tenant_with(name, [subnet], platform_with(outside)) is None


@pytest.mark.parametrize(
    ("name", "subnet", "outside"),
    [
        ("foo-ext", "s", "ext"),
        ("external", "s", "ext"),
        ("a-a", "x", "ext"),
        ("a", "a-a", "ext"),
        ("nodes", "ovn", "ext"),
    ],
)
def test_a_name_that_only_looks_like_one_is_accepted(name: str, subnet: str, outside: str) -> None:
    assert tenant_with(name, [subnet], platform_with(outside)) is not None


def test_objects_of_the_longest_names_fit_into_label_values() -> None:
    longest = "a" * 24
    assert len(names.subnet(longest, longest)) <= 63
    assert len(names.namespace(longest)) <= 63
    assert names.namespace("default") != "default"
