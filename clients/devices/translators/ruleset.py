"""Berth's table in nftables: its rules, its maps, and what stands in them. Pure: nothing is sent from here.

Sources: nft(8), MAPS and NAT STATEMENTS; libnftables-json(5). The forms are those of nftables 1.0.6.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from clients.devices.command_line import UnreadableError
from tenancy.mistakes import shown

TABLE = "inet berth"
PRIORITY = 5
"""How far before the usual place of address translation: the first chain that translates a flow decides, and a masquerade
for everybody must not come before a tenant's own address."""
_FAMILIES = (("4", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr"))

CREATE = (
    f"add table {TABLE}",
    *(
        f"add map {TABLE} {name}{digit} {{ type {kind} : {kind}; }}"
        for name in ("public", "external")
        for digit, _, kind in _FAMILIES
    ),
    f"add chain {TABLE} prerouting {{ type nat hook prerouting priority dstnat - {PRIORITY}; }}",
    f"add chain {TABLE} postrouting {{ type nat hook postrouting priority srcnat - {PRIORITY}; }}",
    *(f"add rule {TABLE} prerouting dnat {ip} to {ip} daddr map @public{digit}" for digit, ip, _ in _FAMILIES),
    *(f"add rule {TABLE} postrouting snat {ip} to {ip} saddr map @external{digit}" for digit, ip, _ in _FAMILIES),
)
"""What makes the table where there is none."""


def _shape() -> list[tuple[str, dict[str, Any]]]:
    """The table as nft lists it, but for handles and elements."""
    berth = {"family": "inet", "table": "berth"}
    maps = [
        ("map", {**berth, "name": f"{name}{digit}", "type": kind, "map": kind})
        for name in ("public", "external")
        for digit, _, kind in _FAMILIES
    ]
    chains = [
        ("chain", {**berth, "name": hook, "type": "nat", "hook": hook, "prio": priority - PRIORITY, "policy": "accept"})
        for hook, priority in (("prerouting", -100), ("postrouting", 100))
    ]
    rules = [
        ("rule", {**berth, "chain": chain, "expr": [{verb: {"family": ip, "addr": {"map": _lookup(ip, side, into)}}}]})
        for chain, verb, side, name in (
            ("prerouting", "dnat", "daddr", "public"),
            ("postrouting", "snat", "saddr", "external"),
        )
        for digit, ip, _ in _FAMILIES
        for into in (f"@{name}{digit}",)
    ]
    return [("table", {"family": "inet", "name": "berth"}), *maps, *chains, *rules]


def _lookup(ip: str, side: str, into: str) -> dict[str, Any]:
    return {"key": {"payload": {"protocol": ip, "field": side}}, "data": into}


class OtherShapeError(ValueError):
    """A table of our name that Berth did not make: what about it is different."""


@dataclass(frozen=True)
class Mapped:
    """What an address is mapped to, and whose that is by its comment."""

    to: str
    owner: str


@dataclass(frozen=True)
class Edit:
    """An element that is added, or deleted."""

    verb: str
    into: str
    """The map."""
    key: str
    mapped: Mapped

    @property
    def line(self) -> str:
        """As nft reads it."""
        if self.verb == "delete":
            return f"delete element {TABLE} {self.into} {{ {self.key} }}"
        return f'add element {TABLE} {self.into} {{ {self.key} comment "{self.mapped.owner}" : {self.mapped.to} }}'


State = Mapping[str, Mapping[str, Mapped]]
"""Map -> address -> what it is mapped to. `public4` and `public6` lead inwards, `external4` and `external6` outwards."""
EMPTY: State = {f"{name}{digit}": {} for name in ("public", "external") for digit, _, _ in _FAMILIES}


def maps_of(address: str) -> tuple[str, str]:
    """The maps of an address's family: from public addresses to external ones, and back."""
    version = ip_address(address).version
    return f"public{version}", f"external{version}"


def edited(state: State, edits: tuple[Edit, ...]) -> State:
    """The state once the edits took effect."""
    maps = {name: dict(elements) for name, elements in state.items()}
    for edit in edits:
        if edit.verb == "delete":
            del maps[edit.into][edit.key]
        else:
            maps[edit.into][edit.key] = edit.mapped
    return maps


def has_table(listing: str) -> bool:
    """Whether our table is in the answer to `nft -j list tables`. Raises UnreadableError."""
    return any(
        kind == "table" and (one.get("family"), one.get("name")) == ("inet", "berth") for kind, one in _objects(listing)
    )


def read_table(listing: str) -> State:
    """The state, from the answer to `nft -j list table`. Raises UnreadableError, or OtherShapeError."""
    found = list(_objects(listing))
    elements = {one["name"]: one.pop("elem", ()) for kind, one in found if kind == "map" and one.get("name") in EMPTY}
    for _, one in found:
        one.pop("handle", None)
    shape = _shape()
    for kind, one in found:
        if (kind, one) not in shape:
            raise OtherShapeError(f"it has a {kind} of another kind, {shown(json.dumps(one))}")
    for expected in shape:
        if found.count(expected) != 1:
            raise OtherShapeError(f"it has {found.count(expected)} times {shown(json.dumps(expected[1]))}")
    return {name: dict(map(_element, listed)) for name, listed in elements.items()}


def _objects(listing: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for item in json.loads(listing)["nftables"]:
            ((kind, one),) = item.items()
            if kind != "metainfo":
                yield kind, {**one}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableError(f"expected nft's JSON, found {shown(listing.strip())}") from None


def _element(element: Any) -> tuple[str, Mapped]:
    """Of a map: `[key, value]`, where the key is an object if there is a comment."""
    try:
        key, value = element
        key, owner = (key["elem"]["val"], key["elem"].get("comment", "")) if isinstance(key, dict) else (key, "")
        return str(ip_address(key)), Mapped(str(ip_address(value)), owner)
    except (ValueError, KeyError, TypeError):
        raise UnreadableError(f"expected an element of a map, found {shown(json.dumps(element))}") from None
