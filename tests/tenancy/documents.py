"""Raw documents for the tests: one good example of each kind, and strategies for sound and for hostile ones."""

import copy
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Any, TypeAlias, TypeVar

from hypothesis import reject
from hypothesis import strategies as st

from tenancy.documents import read_platform, read_tenant
from tenancy.fields import Address, Network
from tenancy.mistakes import InvalidDocumentError
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork

Raw: TypeAlias = dict[str, Any]
Document = TypeVar("Document")


def raw_tenant(**spec: Any) -> Raw:
    """A small good tenant, with parts of its spec replaced."""
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": "acme"},
        "spec": {"subnets": [{"name": "prod", "cidrs": ["10.1.0.0/24"]}], **spec},
    }


def raw_platform(**spec: Any) -> Raw:
    """A good platform with a provider network of one family, with parts of its spec replaced."""
    return {
        "apiVersion": "berth.network/v1",
        "kind": "Platform",
        "metadata": {"name": "lab"},
        "spec": {
            "block": {"cidrs": ["192.0.2.0/24", "10.96.0.0/12"], "exceptions": ["192.0.2.53/32"]},
            "reserved": [{"name": "join", "cidrs": ["100.64.0.0/16", "fd00:100::/64"]}],
            "providerNetwork": {
                "name": "provider",
                "externalSubnet": "external",
                "cidrs": ["203.0.113.0/24"],
                "gateways": ["203.0.113.1"],
            },
            "subnetMtu": 1400,
            "limits": {"subnets": 3, "externalIPs": 4},
            **spec,
        },
    }


FULL_TENANT = raw_tenant(
    subnets=[
        {
            "name": "prod",
            "cidrs": ["fd00:1::/64", "10.1.0.0/24"],
            "gateways": ["10.1.0.254"],
            "exclude": [{"first": "10.1.0.200", "last": "10.1.0.254"}, {"first": "fd00:1::5", "last": "fd00:1::5"}],
            "mtu": 1300,
        },
        {"name": "dev", "cidrs": ["10.2.0.0/24"]},
        {"name": "lab", "cidrs": ["fd00:2::/64"]},
    ],
    externalIPs=[
        {"use": "snat", "name": "egress", "address": "203.0.113.10"},
        {"use": "snat", "name": "dev", "subnets": ["dev"]},
        {"use": "floatingIP", "name": "web", "target": "10.1.0.201"},
        {"use": "loadBalancer", "name": "apps"},
    ],
)
"""A good tenant that uses every field, on the platform of `raw_platform()`."""


# A small alphabet, so that what is joined from names meets as often as it can.
_WORDS = st.lists(st.sampled_from(["a", "b", "ab", "a1"]), min_size=1, max_size=4).map("-".join)
_LONG = st.lists(st.text("abxyz09", min_size=1, max_size=7), min_size=1, max_size=3).map(lambda w: "n" + "-".join(w))
names = _WORDS | _LONG
object_names = _WORDS | st.sampled_from(["external", "0", "a" * 63])


@st.composite
def addresses_in(draw: st.DrawFn, network: Network) -> Address:
    """An address of the network that is neither its first nor its last."""
    return network[draw(st.integers(1, min(network.num_addresses - 2, 1000)))]


@st.composite
def _subnets(draw: st.DrawFn) -> list[Raw]:
    found: list[Raw] = []
    for place in range(draw(st.integers(1, 4))):
        lengths = {4: draw(st.integers(16, 30)), 6: draw(st.integers(33, 126))}
        networks = {4: f"10.{place}.0.0/{lengths[4]}", 6: f"fd00:{place:x}::/{lengths[6]}"}
        families = draw(st.sampled_from([[4], [6], [4, 6], [6, 4]]))
        cidrs = [ip_network(networks[family]) for family in families]
        subnet: Raw = {"name": draw(names), "cidrs": [str(cidr) for cidr in cidrs]}
        if draw(st.booleans()):
            subnet["gateways"] = [str(draw(addresses_in(cidr))) for cidr in cidrs]
        if draw(st.booleans()):
            subnet["exclude"] = [draw(_ranges(draw(st.sampled_from(cidrs)))) for _ in range(draw(st.integers(0, 3)))]
        if draw(st.booleans()):
            subnet["mtu"] = draw(st.sampled_from([1280, 1300, 1400]))
        if subnet["name"] not in {other["name"] for other in found}:
            found.append(subnet)
    return found


@st.composite
def _ranges(draw: st.DrawFn, network: Network) -> Raw:
    ends = sorted((draw(addresses_in(network)), draw(addresses_in(network))), key=int)
    return {"first": str(ends[0]), "last": str(ends[1])}


@st.composite
def _external_ips(draw: st.DrawFn, subnets: Sequence[Raw], pool: Sequence[str]) -> list[Raw]:
    found: list[Raw] = []
    left = [subnet["name"] for subnet in subnets]
    fixed = draw(st.permutations(pool)) if pool else []
    targets = [
        str(network[place])
        for subnet in subnets
        for network in map(ip_network, subnet["cidrs"])
        if network.version == 4 and network.num_addresses > 8
        for place in (3, 5)
        if str(network[place]) not in subnet.get("gateways", ())
    ]
    for name in draw(st.lists(names, max_size=5, unique=True)):
        ip: Raw = {"use": draw(st.sampled_from(["snat", "floatingIP", "loadBalancer"])), "name": name}
        if ip["use"] == "snat":
            if not left:
                continue
            ip["subnets"] = [left.pop()]
        elif ip["use"] == "floatingIP":
            if not targets:
                continue
            ip["target"] = targets.pop()
        if draw(st.booleans()) and fixed:
            ip["address"] = fixed.pop()
        found.append(ip)
    if draw(st.booleans()) and left and "rest" not in {ip["name"] for ip in found}:
        found.append({"use": "snat", "name": "rest"})
    return found


@st.composite
def sound_tenants(draw: st.DrawFn, pool: Sequence[str] = ()) -> Raw:
    """Documents in which little is wrong, if anything; `pool` are fixed addresses to ask for."""
    metadata: Raw = {"name": draw(names)}
    if draw(st.booleans()):
        metadata["description"] = draw(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=20))
    subnets = draw(_subnets())
    raw = raw_tenant(subnets=subnets)
    raw["metadata"] = metadata
    ips = draw(_external_ips(subnets, pool))
    if draw(st.booleans()) or ips:
        raw["spec"]["externalIPs"] = ips
    return raw


_BLOCKED = [
    "192.0.2.0/24",
    "192.0.3.0/24",
    "192.0.2.0/25",
    "10.96.0.0/12",
    "10.96.0.10/32",
    "203.0.113.0/25",
    "fd00:96::/112",
]
_EXCEPTED = [
    "192.0.2.53/32",
    "192.0.2.0/25",
    "192.0.2.128/25",
    "192.0.2.0/24",
    "192.0.2.0/23",
    "203.0.113.53/32",
    "fd00:96::10/128",
]


@st.composite
def sound_platforms(draw: st.DrawFn) -> Raw:
    """Platform documents in which little is wrong, if anything."""
    spec: Raw = {}
    if draw(st.booleans()):
        spec["block"] = {"cidrs": draw(st.lists(st.sampled_from(_BLOCKED), max_size=4))}
        if not draw(st.integers(0, 3)):
            spec["block"]["exceptions"] = draw(st.lists(st.sampled_from(_EXCEPTED), max_size=3))
    if draw(st.booleans()):
        spec["reserved"] = [{"name": draw(names), "cidrs": ["100.64.0.0/16"]}]
    if draw(st.integers(0, 4)):
        dual = draw(st.booleans())
        spec["providerNetwork"] = {
            "name": draw(object_names),
            "externalSubnet": draw(object_names),
            "cidrs": ["203.0.113.0/24", *(["fd00:113::/64"] if dual else [])],
            "gateways": ["203.0.113.1", *(["fd00:113::1"] if dual else [])],
        }
    if draw(st.booleans()):
        spec["subnetMtu"] = draw(st.sampled_from([1400, 9000]))
    if draw(st.booleans()):
        spec["limits"] = {"externalIPs": draw(st.sampled_from([4, 1000]))}
    if draw(st.booleans()):
        spec["mode"] = "overlay"
    raw = raw_platform()
    raw["metadata"]["name"] = draw(names)
    raw["spec"] = spec
    return raw


POOL = [f"203.0.113.{host}" for host in range(2, 12)]
"""Fixed addresses a tenant may ask for on any of `sound_platforms()`."""


@st.composite
def accepted_platforms(draw: st.DrawFn) -> Platform:
    """Platforms that are accepted."""
    return _accepted(read_platform, draw(sound_platforms()))


@st.composite
def accepted(draw: st.DrawFn) -> tuple[TenantNetwork, Platform]:
    """A tenant and a platform that accepts it."""
    platform = draw(accepted_platforms())
    return _accepted(lambda raw: read_tenant(raw, platform), draw(sound_tenants(POOL))), platform


def _accepted(read: Callable[[object], Document], raw: Raw) -> Document:
    try:
        return read(raw)
    except InvalidDocumentError:
        reject()


_KEYS = [
    "apiVersion",
    "metadata",
    "name",
    "spec",
    "subnets",
    "cidrs",
    "externalIPs",
    "external_ips",
    "use",
    "snat",
    "block",
]
_KEYS += [
    "providerNetwork",
    "exceptions",
    "a.b",
    "[0]",
    "spec.subnets[0]",
    "\n",
    "\x1b[31m",
    "",
    "--",
    "ünïcode",
    "\ud800",
    "<<",
]
_VALUES = [
    "10.0.0.0/24",
    "10.0.0.1",
    "010.0.0.0/8",
    "::ffff:10.0.0.0/112",
    "fe80::1%eth0",
    "10.0.0.0/255.0.0.0",
    "0.0.0.0/0",
]
_VALUES += [
    "a--b",
    "A",
    "a-",
    "1a",
    "a" * 25,
    "a\n",
    "é",
    "१",
    "a\u202eb",
    "\x00",
    "\ud800",
    "",
    " ",
    "snat",
    "x" * 5000,
]
hostile_text = st.sampled_from(_KEYS + _VALUES) | st.text(st.characters(), max_size=8)
hostile_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([63, 400, 5000]).map(lambda digits: 10**digits)
    | st.floats()
    | hostile_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile_text, inner, max_size=4),
    max_leaves=12,
)
"""What JSON can hold, and what people and attackers write."""


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[Raw]) -> Any:
    """Sound documents with a few parts replaced, removed, repeated or added."""
    document: list[Any] = [copy.deepcopy(draw(sound))]
    for _ in range(draw(st.integers(1, 4))):
        holder: Any = document
        key: Any = 0
        while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 5)):
            holder = holder[key]
            key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        match draw(st.sampled_from(["replace", "remove", "repeat", "add"])):
            case "remove" if holder is not document:
                del holder[key]
            case "repeat" if isinstance(holder, list) and holder is not document:
                holder.append(copy.deepcopy(holder[key]))
            case "add" if isinstance(holder[key], dict):
                holder[key][draw(hostile_text)] = draw(hostile_json)
            case _:
                holder[key] = draw(hostile_json)
    return document[0]


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value
