"""What a tenant's document is made of: each key, list and kind of value, with the path, the value and the remedy."""

from typing import Any

from tests.tenancy.cases import (
    assert_only,
    each,
    mistakes_of,
    named,
    snat,
    with_ips,
    with_subnet,
    without,
)
from tests.tenancy.documents import raw_tenant

CASES = {
    "not a mapping": ([], "(document)", "[]", "is not a mapping of keys to values", "write a mapping"),
    "no metadata": (without("metadata"), "metadata", None, "is missing", "add it"),
    "no spec": (without("spec"), "spec", None, "is missing", "add it"),
    "no version": (without("apiVersion"), "apiVersion", None, "is missing", "add it"),
    "another version": (
        {**raw_tenant(), "apiVersion": "berth.network/v2"},
        "apiVersion",
        "'berth.network/v2'",
        "not a value it may have",
        "write 'berth.network/v1'",
    ),
    "another kind": ({**raw_tenant(), "kind": "Tenant"}, "kind", "'Tenant'", "not a value", "write 'TenantNetwork'"),
    "unknown key": (raw_tenant(subnet=1), "spec.subnet", "1", "unknown key", "did you mean subnets?"),
    "far unknown key": (raw_tenant(zzz=None), "spec.zzz", "null", "unknown key", "use one of: subnets, externalIPs"),
    "key spelled as in Python": (
        raw_tenant(external_ips=[]),
        "spec.external_ips",
        "[]",
        "unknown key",
        "did you mean externalIPs?",
    ),
    "a key with a dot": (raw_tenant(**{"a.b": 1}), "spec.'a.b'", "1", "unknown key", "remove it"),
    "a key with a line break": (raw_tenant(**{"a\nb": 1}), "spec.'a\\nb'", "1", "unknown key", "remove it"),
    "a key that looks like a path": (
        raw_tenant(**{"subnets[0]": 1}),
        "spec.'subnets[0]'",
        "1",
        "unknown key",
        "did you",
    ),
    "a key of other letters": (
        {**raw_tenant(), "spec": {**raw_tenant()["spec"], "ѕubnets": 1}},
        "spec.'ѕubnets'",
        "1",
        "unknown key",
        "did you mean subnets?",
    ),
    "a use where none belongs": (with_subnet(snat=1), "spec.subnets[0].snat", "1", "unknown key", "use one of: name"),
    "a use in a range": (
        with_subnet(exclude=[{"first": "10.1.0.9", "last": "10.1.0.9", "snat": 1}]),
        "spec.subnets[0].exclude[0].snat",
        "1",
        "unknown key",
        "use one of: first, last",
    ),
    "a use in a use": (with_ips(snat(snat=1)), "spec.externalIPs[0].snat", "1", "unknown key", "use one of: use"),
    "no subnets": (raw_tenant(subnets=[]), "spec.subnets", "[]", "has too few entries", "write at least 1"),
    "subnets of a mapping": (raw_tenant(subnets={}), "spec.subnets", "{}", "is not a list", "write a list"),
    "a subnet of text": (
        raw_tenant(subnets=["prod"]),
        "spec.subnets[0]",
        "'prod'",
        "is not a mapping",
        "write a mapping",
    ),
    "an external IP of text": (with_ips("web"), "spec.externalIPs[0]", "'web'", "is not a mapping", "write a mapping"),
    "no use": (
        with_ips({"name": "web"}),
        "spec.externalIPs[0].use",
        None,
        "is missing",
        "add one of: snat, floatingIP",
    ),
    "another use": (
        with_ips({"use": "nat", "name": "web"}),
        "spec.externalIPs[0].use",
        "'nat'",
        "not a use of an external IP",
        "write one of: snat, floatingIP, loadBalancer",
    ),
    "no target": (
        with_ips({"use": "floatingIP", "name": "web"}),
        "spec.externalIPs[0].target",
        None,
        "is missing",
        "add it",
    ),
    "three CIDRs": (
        with_subnet(cidrs=["10.1.0.0/24", "10.2.0.0/24", "fd00::/64"]),
        "spec.subnets[0].cidrs",
        '["10.1.0.0/24", "10.2.0.0/24", "fd00::/64"]',
        "has too many entries",
        "write at most 2",
    ),
    "no CIDR": (with_subnet(cidrs=[]), "spec.subnets[0].cidrs", "[]", "has too few entries", "write at least 1"),
    "a SNAT of no subnets": (
        with_ips(snat(subnets=[])),
        "spec.externalIPs[0].subnets",
        "[]",
        "has too few",
        "at least 1",
    ),
    "a number for a name": (named(7), "metadata.name", "7", "is not text", "write text"),
    "no name": (named(None), "metadata.name", "null", "is not text", "write text"),
    "a number for a CIDR": (
        with_subnet(cidrs=[10.1]),
        "spec.subnets[0].cidrs[0]",
        "10.1",
        "is not text",
        "write it as text",
    ),
    "an MTU of text": (
        with_subnet(mtu="1400"),
        "spec.subnets[0].mtu",
        "'1400'",
        "is not a whole number",
        "write a whole",
    ),
    "an MTU of a truth": (
        with_subnet(mtu=True),
        "spec.subnets[0].mtu",
        "true",
        "is not a whole number",
        "write a whole",
    ),
    "an MTU with a fraction": (
        with_subnet(mtu=1400.0),
        "spec.subnets[0].mtu",
        "1400.0",
        "is not a whole number",
        "write a",
    ),
    "an MTU too small": (with_subnet(mtu=1279), "spec.subnets[0].mtu", "1279", "equal to 1280", "within the limits"),
    "an MTU too large": (with_subnet(mtu=9001), "spec.subnets[0].mtu", "9001", "equal to 9000", "within the limits"),
    "a description of two lines": (
        {**raw_tenant(), "metadata": {"name": "acme", "description": "a\nb"}},
        "metadata.description",
        "'a\\nb'",
        "has control characters",
        "one line",
    ),
    "a description without end": (
        {**raw_tenant(), "metadata": {"name": "acme", "description": "a" * 201}},
        "metadata.description",
        repr("a" * 201)[:59] + "…",
        "is 201 characters long",
        "write 200 at the most",
    ),
}


@each(CASES)
def test_a_part_that_is_wrong_is_named_alone(raw: Any, path: str, value: str | None, problem: str, remedy: str) -> None:
    assert_only(mistakes_of(raw), path, value, problem, remedy)
