"""Announcing in the platform's document: each rule with path, value and remedy, and what is no mistake."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.documents import read_platform, to_plain
from tenancy.edge import OneToOneNat
from tenancy.mistakes import InvalidDocumentError, Mistake
from tenancy.public_pool import candidates
from tests.tenancy.cases import assert_only, each
from tests.tenancy.documents import raw_platform
from tests.tenancy.edge_documents import (
    BY_HAND,
    LOGIN,
    NAT,
    NEIGHBOUR,
    POOL,
    ROUTER,
    SHELL,
    STATIC,
    TRANSLATOR,
    by_hand,
    nat,
    pooled,
    static,
)
from tests.tenancy.vlan_documents import SWITCH, VLAN


def routers(*changes: dict[str, Any]) -> Any:
    return static(routers=[{**ROUTER, **change} for change in changes])


def beside_vlan(announce: Any, **vlan: Any) -> Any:
    return raw_platform(mode="vlan", vlan={**VLAN, **vlan}, announce=announce)


PROVIDER = raw_platform()["spec"]["providerNetwork"]
DUAL = {**PROVIDER, "cidrs": ["203.0.113.0/24", "fd00:113::/64"], "gateways": ["203.0.113.1", "fd00:113::1"]}
CIDRS = "spec.announce.pool.cidrs"
MISTAKES = {
    "nothing to announce": (
        static({"providerNetwork": None}),
        "spec.announce",
        None,
        "means nothing without a provider network",
        "add spec.providerNetwork",
    ),
    "gateways on the switches": (
        beside_vlan(STATIC, gateway="physical"),
        "spec.announce",
        None,
        "means nothing where gateways are on the switches",
        "write spec.vlan.gateway: router",
    ),
    "no method": (raw_platform(announce={}), "spec.announce.method", None, "is missing", "add one of: static-route"),
    "an unknown method": (
        static(method="bgp"),
        "spec.announce.method",
        "'bgp'",
        "not a way to announce",
        "write one of: static-route, one-to-one-nat, none",
    ),
    "a misspelt key far inside": (
        nat(pool={**POOL, "excluded": []}),
        "spec.announce.pool.excluded",
        None,
        "unknown key",
        "did you mean exclude?",
    ),
    "a key of another method": (static(pool=POOL), "spec.announce.pool", None, "unknown key", "use one of: "),
    "no router": (static(routers=[]), "spec.announce.routers", None, "has too few entries", "write at least 1"),
    "a tag that is none": (static(tag=0), "spec.announce.tag", "0", "greater than or equal to 1", "within the limits"),
    "a tag of more than 32 bits": (static(tag=2**32), "spec.announce.tag", None, "less than", "within the limits"),
    "two routers of one name": (
        routers({}, {"host": "10.0.0.32"}),
        "spec.announce.routers[1].name",
        "edge-1",
        "already that of spec.announce.routers[0]",
        "it names the device's queue",
    ),
    "a neighbour of a router's name": (
        static(neighbours=[{**NEIGHBOUR, "name": "edge-1"}]),
        "spec.announce.neighbours[0].name",
        "edge-1",
        "already that of spec.announce.routers[0]",
        "a name of its own",
    ),
    "a translator of a router's name": (
        nat(translators=[{**TRANSLATOR, "name": "edge-1"}]),
        "spec.announce.routers[0].name",
        "edge-1",
        "already that of spec.announce.translators[0]",
        "a name of its own",
    ),
    "a router of a switch's name": (
        beside_vlan({**STATIC, "routers": [{**ROUTER, "name": "leaf-1"}]}),
        "spec.announce.routers[0].name",
        "leaf-1",
        "already that of spec.vlan.switches[0]",
        "a name of its own",
    ),
    "one router under two names": (
        routers({}, {"name": "edge-2"}),
        "spec.announce.routers[1].host",
        "10.0.0.31:22",
        "already that of spec.announce.routers[0]",
        "name each machine once",
    ),
    "one router under two names and spellings": (
        routers({"host": "fd00::31"}, {"name": "edge-2", "host": "FD00:0::31"}),
        "spec.announce.routers[1].host",
        "[fd00::31]:22",
        "already that of spec.announce.routers[0]",
        "name each machine once",
    ),
    "a router that is its own neighbour": (
        static(neighbours=[{**NEIGHBOUR, "host": "10.0.0.31"}]),
        "spec.announce.neighbours[0].host",
        "10.0.0.31:22",
        "already that of spec.announce.routers[0]",
        "name each machine once",
    ),
    "one translator under two names": (
        nat(translators=[TRANSLATOR, {**TRANSLATOR, "name": "nat-2"}]),
        "spec.announce.translators[1].host",
        "10.0.0.31:22",
        "already that of spec.announce.translators[0]",
        "name each machine once",
    ),
    "two routers beside a translator": (
        nat(routers=[ROUTER, {**ROUTER, "name": "edge-2"}]),
        "spec.announce.routers[1].host",
        "10.0.0.31:22",
        "already that of spec.announce.routers[0]",
        "name each machine once",
    ),
    "a switch that is a router": (
        beside_vlan({**STATIC, "routers": [{**ROUTER, "host": "192.0.2.21"}]}),
        "spec.announce.routers[0].host",
        "192.0.2.21:22",
        "already that of spec.vlan.switches[0]",
        "name each machine once",
    ),
    "an unknown login": (
        routers({"credentials": "others"}),
        "spec.announce.routers[0].credentials",
        "others",
        "names no entry of spec.announce.credentials",
        "write one of: edge",
    ),
    "an unknown login of a neighbour": (
        static(neighbours=[{**NEIGHBOUR, "credentials": "others"}]),
        "spec.announce.neighbours[0].credentials",
        "others",
        "names no entry of spec.announce.credentials",
        "write one of: edge",
    ),
    "an unknown login of a translator": (
        nat(translators=[{**TRANSLATOR, "credentials": "others"}]),
        "spec.announce.translators[0].credentials",
        "others",
        "names no entry of spec.announce.credentials",
        "write one of: edge, shell",
    ),
    "an unknown login on the way": (
        routers({"jumpHost": {"host": "jump.example.net", "credentials": "others"}}),
        "spec.announce.routers[0].jumpHost.credentials",
        "others",
        "names no entry",
        "write one of: edge",
    ),
    "no login at all": (
        static(credentials=None, neighbours=None),
        "spec.announce.routers[0].credentials",
        "edge",
        "names no entry of spec.announce.credentials",
        "add it there",
    ),
    "nothing to log in with": (
        static(credentials=[{"name": "edge", "username": "berth"}]),
        "spec.announce.credentials[0]",
        "edge",
        "has nothing to log in with",
        "add password or privateKey",
    ),
    "a passphrase without a key": (
        static(credentials=[{**LOGIN, "passphrase": {"environment": "PHRASE"}}]),
        "spec.announce.credentials[0].passphrase",
        None,
        "is that of no key",
        "add privateKey",
    ),
    "two logins of one name": (
        static(credentials=[LOGIN, LOGIN]),
        "spec.announce.credentials[1].name",
        "edge",
        "already that of spec.announce.credentials[0]",
        "a name of its own",
    ),
    "a secret written down": (
        static(credentials=[{**LOGIN, "password": "hunter2"}]),
        "spec.announce.credentials[0].password",
        "'(not shown)'",
        "is not a mapping",
        "write a mapping",
    ),
    "two next hops of one family": (
        static(nextHops=["203.0.113.9", "203.0.113.10"]),
        "spec.announce.nextHops[1]",
        "203.0.113.10",
        "a second next hop of its family",
        "keep one",
    ),
    "a next hop nobody can be found at": (
        static(nextHops=["fe80::1"]),
        "spec.announce.nextHops[0]",
        "fe80::1",
        "lies in fe80::/10",
        "every edge router has a route to",
    ),
    "signing without signers": (
        by_hand(approval={**BY_HAND["approval"], "signing": "ssh"}),
        "spec.announce.approval.allowedSigners",
        None,
        "decisions are to be signed",
        "name OpenSSH's allowed-signers file",
    ),
    "signers without signing": (
        by_hand(approval={**BY_HAND["approval"], "allowedSigners": "/etc/berth/signers"}),
        "spec.announce.approval.allowedSigners",
        "/etc/berth/signers",
        "means nothing",
        "write signing: ssh",
    ),
    "an approver twice": (
        by_hand(approval={"approvers": ["edge@example.com", "Edge@example.com"]}),
        "spec.announce.approval.approvers[1]",
        "edge@example.com",
        "already that of spec.announce.approval.approvers[0]",
        "write each once",
    ),
    "a platform's lines twice": (
        by_hand(linesFor=["frr", "vyos", "frr"]),
        "spec.announce.linesFor[2]",
        "frr",
        "already that of spec.announce.linesFor[0]",
        "write each once",
    ),
    "a pool without IPv4": (
        pooled({"providerNetwork": DUAL}, cidrs=["2001:db8:100::/64"]),
        CIDRS,
        "2001:db8:100::/64",
        "has no IPv4",
        "add an IPv4 CIDR",
    ),
    "a pool with nothing left of its IPv4": (
        pooled(exclude=[{"first": "198.51.100.0", "last": "198.51.100.255"}]),
        CIDRS,
        "198.51.100.0/24",
        "all of its IPv4 addresses are excluded",
        "leave some",
    ),
    "a pool with IPv6 for a provider network without": (
        pooled(cidrs=["198.51.100.0/24", "2001:db8:100::/64"]),
        f"{CIDRS}[1]",
        "2001:db8:100::/64",
        "the provider network has none to translate it to",
        "remove it",
    ),
    "a pool that gives an address twice": (
        pooled(cidrs=["198.51.100.0/24", "198.51.100.128/25"]),
        f"{CIDRS}[1]",
        "198.51.100.128/25",
        "overlaps 198.51.100.0/24 at spec.announce.pool.cidrs[0]",
        "write each address once",
    ),
    "a pool on the provider network": (
        pooled(cidrs=["203.0.112.0/23"]),
        f"{CIDRS}[0]",
        "203.0.112.0/23",
        "a tenant could be given 203.0.113.0, and 203.0.113.0/24 is the provider network's",
        "spec.announce.pool.exclude",
    ),
    "a pool of what is reserved": (
        pooled({"reserved": [{"name": "services", "cidrs": ["198.51.100.64/26"]}]}),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "a tenant could be given 198.51.100.64, and 198.51.100.64/26 is reserved for services",
        "choose a range clear of it",
    ),
    "a pool that holds the platform's API server": (
        pooled({"block": {"cidrs": ["198.51.100.7/32"]}}),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "a tenant could be given 198.51.100.7, and 198.51.100.7/32 is a part that spec.block names",
        "spec.announce.pool.exclude",
    ),
    "a pool that holds the platform's resolver": (
        pooled({"block": {"cidrs": ["198.51.0.0/16"], "exceptions": ["198.51.100.53/32"]}}),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "198.51.100.53/32 is a part that spec.block names",
        "spec.announce.pool.exclude",
    ),
    "a pool that holds a router": (
        nat(routers=[{**ROUTER, "host": "198.51.100.1"}]),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "a tenant could be given 198.51.100.1, and 198.51.100.1/32 is a device of this document",
        "spec.announce.pool.exclude",
    ),
    "a pool that holds the way to a router": (
        nat(routers=[{**ROUTER, "jumpHost": {"host": "198.51.100.2", "credentials": "shell"}}]),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "198.51.100.2/32 is a device of this document",
        "spec.announce.pool.exclude",
    ),
    "a pool that holds a next hop": (
        nat(nextHops=["198.51.100.3"]),
        f"{CIDRS}[0]",
        "198.51.100.0/24",
        "198.51.100.3/32 is a next hop of this document",
        "spec.announce.pool.exclude",
    ),
    "a pool of multicast groups": (
        pooled(cidrs=["232.0.0.0/24"]),
        f"{CIDRS}[0]",
        "232.0.0.0/24",
        "224.0.0.0/4 is where no host can live",
        "choose a range clear of it",
    ),
    "an excluded range backwards": (
        pooled(exclude=[{"first": "198.51.100.9", "last": "198.51.100.1"}]),
        "spec.announce.pool.exclude[0]",
        "198.51.100.9..198.51.100.1",
        "not a range from first to last",
        "lower address first",
    ),
    "an excluded range of two families": (
        pooled(exclude=[{"first": "198.51.100.9", "last": "2001:db8::1"}]),
        "spec.announce.pool.exclude[0]",
        None,
        "not a range from first to last",
        "both of one family",
    ),
    "an excluded range outside": (
        pooled(exclude=[{"first": "198.51.101.1", "last": "198.51.101.9"}]),
        "spec.announce.pool.exclude[0]",
        "198.51.101.1..198.51.101.9",
        "does not lie inside the pool's CIDRs",
        "keep it inside 198.51.100.0/24",
    ),
    "a namespace of a tenant": (
        pooled(namespace="tenant-acme"),
        "spec.announce.pool.namespace",
        "tenant-acme",
        "could be a tenant's namespace, which goes with the tenant",
        "does not begin with tenant-",
    ),
    "a namespace that is none": (
        pooled(namespace="Berth"),
        "spec.announce.pool.namespace",
        None,
        "not a name",
        "lower-case letters",
    ),
}


def mistakes_of_platform(raw: object) -> tuple[Mistake, ...]:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_platform({**raw, "spec": {key: value for key, value in raw["spec"].items() if value is not None}})  # type: ignore[dict-item, index]
    assert "hunter2" not in str(refusal.value)
    return refusal.value.mistakes


@each(MISTAKES)
def test_a_mistake_in_announcing_is_told_and_nothing_else(
    raw: Any, path: str, value: str | None, problem: str, remedy: str
) -> None:
    assert_only(mistakes_of_platform(raw), path, value, problem, remedy)


SOUND = {
    "static routes": static(),
    "static routes with next hops of their own": static(nextHops=["203.0.113.9", "fd00:113::9"], tag=2**32 - 1),
    "one-to-one NAT with a router and a translator on one machine": nat(),
    "a pool that is announced as a whole": nat(routers=None, neighbours=None, credentials=[SHELL]),
    "lines for the edge team": by_hand(),
    "two routers behind one address": routers({}, {"name": "edge-2", "port": 2222}),
    "a fabric switch as neighbour": beside_vlan({**STATIC, "neighbours": [{**NEIGHBOUR, "host": SWITCH["host"]}]}),
    "a translator that is a neighbour, too": nat(neighbours=[{**NEIGHBOUR, "host": TRANSLATOR["host"]}], routers=None),
    "a pool that tenants may not reach": pooled({"block": {"cidrs": ["198.51.100.0/24"]}}),
    "a pool inside what tenants may not reach": pooled({"block": {"cidrs": ["198.51.0.0/16"]}}),
    "a pool that tenants may reach again": pooled(
        {"block": {"cidrs": ["198.51.0.0/16"], "exceptions": ["198.51.100.0/24"]}}
    ),
    "the platform's addresses in the pool's CIDR, excluded": pooled(
        {"block": {"cidrs": ["198.51.100.0/29"]}}, exclude=[{"first": "198.51.100.0", "last": "198.51.100.7"}]
    ),
    "a pool around the provider network, which is excluded": pooled(
        cidrs=["203.0.112.0/23"], exclude=[{"first": "203.0.113.0", "last": "203.0.113.255"}]
    ),
    "a pool of both families": pooled({"providerNetwork": DUAL}, cidrs=["198.51.100.0/24", "2001:db8:100::/64"]),
    "a pool of IPv4 for a provider network of both": pooled({"providerNetwork": DUAL}),
    "a pool of one address": pooled(cidrs=["198.51.100.7/32"]),
}


@pytest.mark.parametrize("raw", SOUND.values(), ids=SOUND.keys())
def test_what_is_no_mistake_is_read_and_written_back_as_it_was(raw: Any) -> None:
    assert to_plain(read_platform(raw)) == raw


def test_mistakes_in_announcing_are_told_beside_those_of_the_rest_of_the_document() -> None:
    raw = nat({"providerNetwork": {**PROVIDER, "gateways": ["nowhere"]}, "subnetMtu": 1}, nextHops=["127.0.0.1"])
    assert {mistake.path for mistake in mistakes_of_platform(raw)} == {
        "spec.providerNetwork.gateways[0]",
        "spec.subnetMtu",
        "spec.announce.nextHops[0]",
    }


def test_a_mistake_far_inside_bears_its_path_as_the_document_has_it() -> None:
    raw = nat(translators=[{**TRANSLATOR, "platform": "frr", "port": 0}], pool={**POOL, "cidrs": ["198.51.100.1/24"]})
    assert {mistake.path for mistake in mistakes_of_platform(raw)} == {
        "spec.announce.translators[0].platform",
        "spec.announce.translators[0].port",
        "spec.announce.pool.cidrs[0]",
    }


PLACES = st.integers(0, 63)
SPANS = st.tuples(PLACES, PLACES).map(
    lambda ends: {"first": f"198.51.100.{min(ends)}", "last": f"198.51.100.{max(ends)}"}
)
PARTS = st.tuples(PLACES, st.integers(27, 32)).map(
    lambda drawn: str(ip_network((f"198.51.100.{drawn[0]}", drawn[1]), strict=False))
)


@given(exclude=st.lists(SPANS, max_size=4), blocked=st.lists(PARTS, max_size=3), reserved=st.lists(PARTS, max_size=3))
def test_a_document_is_accepted_exactly_where_no_tenant_could_be_given_what_others_have(
    exclude: Any, blocked: list[str], reserved: list[str]
) -> None:
    pool = {"name": "dc-public", "cidrs": ["198.51.100.0/26"], "exclude": exclude}
    raw = raw_platform(
        announce={**NAT, "pool": pool},
        block={"cidrs": blocked},
        reserved=[{"name": "services", "cidrs": reserved}] if reserved else [],
    )
    left = set(candidates(OneToOneNat.model_validate({**NAT, "pool": pool}).pool, 4))
    theirs = {address for part in (*blocked, *reserved) for address in ip_network(part)}
    if left and not left & theirs:
        read_platform(raw)
    else:
        assert all(mistake.path.startswith(CIDRS) for mistake in mistakes_of_platform(raw))
