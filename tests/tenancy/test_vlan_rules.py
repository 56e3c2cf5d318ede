"""VLAN mode in the platform's document, and a tenant against it: each rule with path, value and remedy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.documents import read_platform, read_tenant, to_plain
from tenancy.mistakes import InvalidDocumentError
from tenancy.vlans import RESERVED_IDS, VlanMode, as_ranges, candidates, in_ranges
from tests.tenancy.cases import assert_only, each, mistakes_of, snat, with_ips
from tests.tenancy.documents import raw_platform, raw_tenant
from tests.tenancy.vlan_documents import APPROVAL, LOGIN, SWITCH, VLAN, raw_vlan_platform


def switches(*changes: dict[str, Any]) -> Any:
    return raw_vlan_platform(switches=[{**SWITCH, **change} for change in changes])


def logins(*changes: dict[str, Any]) -> Any:
    return raw_vlan_platform(credentials=[{**LOGIN, **change} for change in changes])


SWITCHES = "spec.vlan.switches"
PLATFORMS = {
    "no VLAN part": (raw_platform(mode="vlan"), "spec.vlan", None, "is missing in mode vlan", "add the range"),
    "a VLAN part in mode overlay": (raw_platform(vlan=VLAN), "spec.vlan", None, "means nothing", "write mode: vlan"),
    "a range backwards": (
        raw_vlan_platform(range={"first": 20, "last": 10}),
        "spec.vlan.range",
        "20 to 10",
        "not a range",
        "lower ID first",
    ),
    "nothing left of the range": (
        raw_vlan_platform(range={"first": 1002, "last": 1005}),
        "spec.vlan.range",
        "1002 to 1005",
        "all of it is excluded or reserved",
        "leave tenants some IDs",
    ),
    "everything excluded": (
        raw_vlan_platform(exclude=[{"first": 1, "last": 4094}]),
        "spec.vlan.range",
        None,
        "all of it is excluded",
        "leave tenants some IDs",
    ),
    "an ID beyond 802.1Q": (
        raw_vlan_platform(range={"first": 2000, "last": 4095}),
        "spec.vlan.range.last",
        "4095",
        "less than or equal to 4094",
        "within the limits",
    ),
    "two switches of one name": (
        switches({}, {"host": "192.0.2.22"}),
        f"{SWITCHES}[1].name",
        "leaf-1",
        "already that of spec.vlan.switches[0]",
        "a name of its own",
    ),
    "one switch under two names": (
        switches({}, {"name": "leaf-2"}),
        f"{SWITCHES}[1].host",
        "192.0.2.21:22",
        "already that of spec.vlan.switches[0]",
        "a host of its own",
    ),
    "an unknown login": (
        switches({"credentials": "others"}),
        f"{SWITCHES}[0].credentials",
        "others",
        "names no entry of spec.vlan.credentials",
        "write one of: switches",
    ),
    "an unknown login on the way": (
        switches({"jumpHost": {"host": "jump.example.net", "credentials": "others"}}),
        f"{SWITCHES}[0].jumpHost.credentials",
        "others",
        "names no entry",
        "write one of: switches",
    ),
    "a port of another platform": (
        switches({"trunks": ["xe-0/0/1"]}),
        f"{SWITCHES}[0].trunks[0]",
        "xe-0/0/1",
        "not a port as cisco-ios writes it",
        "write its full name",
    ),
    "a port with a command behind it": (
        switches({"trunks": ["GigabitEthernet1/0/1\nno vlan 2"]}),
        f"{SWITCHES}[0].trunks[0]",
        None,
        "not a port as a switch writes it",
        "write its full name",
    ),
    "a port twice": (
        switches({"trunks": ["GigabitEthernet1/0/1", "GigabitEthernet1/0/1"]}),
        f"{SWITCHES}[0].trunks[0]",
        None,
        "stands there twice",
        "write each port once",
    ),
    "a host with a command behind it": (
        switches({"host": "192.0.2.1 -oProxyCommand=x"}),
        f"{SWITCHES}[0].host",
        None,
        "neither an IP address nor a host's name",
        "write e.g.",
    ),
    "nothing to log in with": (
        logins({"password": None}),
        "spec.vlan.credentials[0]",
        "switches",
        "has nothing to log in with",
        "add password or privateKey",
    ),
    "a secret in two places": (
        logins({"password": {"environment": "A", "file": "/b"}}),
        "spec.vlan.credentials[0].password",
        None,
        "names no place of a secret, or several",
        "name one of",
    ),
    "a secret written down": (
        logins({"password": "hunter2"}),
        "spec.vlan.credentials[0].password",
        None,
        "is not a mapping",
        "write a mapping",
    ),
    "signing without signers": (
        raw_vlan_platform(approval={**APPROVAL, "signing": "ssh"}),
        "spec.vlan.approval.allowedSigners",
        None,
        "decisions are to be signed",
        "name OpenSSH's allowed-signers file",
    ),
    "signers without signing": (
        raw_vlan_platform(approval={**APPROVAL, "allowedSigners": "/etc/berth/signers"}),
        "spec.vlan.approval.allowedSigners",
        "/etc/berth/signers",
        "means nothing",
        "write signing: ssh",
    ),
    "an approver twice": (
        raw_vlan_platform(approval={"approvers": ["nadia@example.com", "Nadia@example.com"]}),
        "spec.vlan.approval.approvers[1]",
        "nadia@example.com",
        "already that of",
        "write each once",
    ),
    "a misspelt key far inside": (
        switches({"trunk": ["x"]}),
        f"{SWITCHES}[0].trunk",
        None,
        "unknown key",
        "did you mean trunks?",
    ),
}


@each(PLATFORMS)
def test_a_mistake_of_the_vlan_part_is_named_alone(
    raw: Any, path: str, value: str | None, problem: str, remedy: str
) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_platform(raw)
    told = [mistake for mistake in refusal.value.mistakes if mistake.path == path][:1]
    assert_only(told, path, value, problem, remedy)
    assert "hunter2" not in str(refusal.value)


def test_the_vlan_part_is_read_and_written_back_as_it_was() -> None:
    raw = raw_vlan_platform(exclude=[{"first": 2003, "last": 2004}], configure="by-hand")
    assert to_plain(read_platform(raw)) == raw


TENANTS = {
    "a wish on an overlay": (
        raw_tenant(vlan=2001),
        raw_platform(),
        "spec.vlan",
        "is in mode overlay",
        "leave it out",
    ),
    "a wish outside the range": (
        raw_tenant(vlan=3000),
        raw_vlan_platform(),
        "spec.vlan",
        "not among the IDs",
        "choose one of 2000-2009",
    ),
    "a wish for an excluded ID": (
        raw_tenant(vlan=2003),
        raw_vlan_platform(exclude=[{"first": 2002, "last": 2004}]),
        "spec.vlan",
        "not among the IDs",
        "choose one of 2000-2001,2005-2009",
    ),
    "external IPs behind a physical gateway": (
        with_ips(snat()),
        raw_vlan_platform(gateway="physical"),
        "spec.externalIPs",
        "no router translates",
        "remove the external IPs",
    ),
}


@pytest.mark.parametrize(("raw", "platform", "path", "problem", "remedy"), TENANTS.values(), ids=TENANTS.keys())
def test_a_tenant_that_does_not_fit_the_vlan_mode_is_told(
    raw: Any, platform: Any, path: str, problem: str, remedy: str
) -> None:
    assert_only(mistakes_of(raw, read_platform(platform)), path, None, problem, remedy)


def test_a_wish_that_fits_is_accepted() -> None:
    assert read_tenant(raw_tenant(vlan=2001), read_platform(raw_vlan_platform())).spec.vlan == 2001


IDS = st.integers(1, 4094)
SPAN = st.tuples(IDS, IDS).map(lambda ends: {"first": min(ends), "last": max(ends)})


@given(span=SPAN, exclude=st.lists(SPAN, max_size=5))
def test_candidates_are_the_range_without_what_is_excluded_or_reserved(span: Any, exclude: Any) -> None:
    vlan = VlanMode.model_validate({**VLAN, "range": span, "exclude": exclude})
    wanted = {
        number
        for number in range(span["first"], span["last"] + 1)
        if number not in RESERVED_IDS and not any(one["first"] <= number <= one["last"] for one in exclude)
    }
    assert candidates(vlan) == sorted(wanted)


@given(st.sets(IDS))
def test_ranges_say_the_same_as_the_numbers(numbers: set[int]) -> None:
    assert in_ranges(as_ranges(numbers)) == numbers
