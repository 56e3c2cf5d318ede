"""A VyOS configuration: what may stand in it, as far as the lab knows it, and what is there.

The schema of static routes is that of vyos-1x, branch sagitta (1.4): a route has a description; a tag there is on
`blackhole` and `reject` only, a route through a next hop has none. A statement is a tuple of segments, as the braces of a
configuration have them: ("protocols", "static", "route 198.51.100.7/32", "next-hop 203.0.113.9").
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface, ip_network
from typing import Literal, Self, TypeAlias

from lab.switches.configuration import Configuration, Port, StaticRoute
from lab.switches.junos_config import is_below

Statement: TypeAlias = tuple[str, ...]


class PathError(Exception):
    """A path that is none; the message is what VyOS says."""


@dataclass(frozen=True, slots=True)
class Node:
    """One place of the schema: a node, a tag with a name and children, a leaf with one value, or with several (multi).

    What follows a free one is kept word for word.
    """

    kind: Literal["node", "tag", "leaf", "multi", "free"]
    children: Mapping[str, "Node"] = field(default_factory=dict)
    check: Callable[[str], str] = lambda _: ""
    """What it says of a value that may not be."""


def _prefix(version: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            found = ip_network(text).version == version and "/" in text
        except ValueError:
            found = False
        return "" if found else f"Error: {text} is not a valid IPv{version} prefix"

    return check


def _address(version: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            found = ip_address(text).version == version
        except ValueError:
            found = False
        return "" if found else f"Error: {text} is not a valid IPv{version} address"

    return check


def _host(text: str) -> str:
    try:
        ip_interface(text)
    except ValueError:
        return f"Error: {text} is not a valid IP host"
    return "" if "/" in text else f"Error: {text} is not a valid IP host"


def _within(first: int, last: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not (text.isascii() and text.isdigit()):
            return f"Error: {text} is not a valid number"
        return "" if first <= int(text) <= last else f"Error: {text} is not in range {first}-{last}"

    return check


def _description(text: str) -> str:
    return "" if len(text) <= 255 else "Description too long (limit 255 characters)"


_FLAG = Node("node")
_TEXT = Node("leaf")
_FREE = Node("free")
_DISTANCE = Node("leaf", check=_within(1, 255))
_DISCARD = Node("node", {"distance": _DISTANCE, "tag": Node("leaf", check=_within(1, 2**32 - 1))})
_THROUGH = {"disable": _FLAG, "distance": _DISTANCE, "vrf": _TEXT}


def _route(version: int) -> Node:
    return Node(
        "tag",
        {
            "blackhole": _DISCARD,
            "reject": _DISCARD,
            "description": Node("leaf", check=_description),
            "interface": Node("tag", _THROUGH),
            "next-hop": Node("tag", {**_THROUGH, "interface": _TEXT}, check=_address(version)),
            **({"dhcp-interface": _TEXT} if version == 4 else {}),
        },
        check=_prefix(version),
    )


_ETHERNET = Node("tag", {"address": Node("multi", check=_host), "description": _TEXT, "disable": _FLAG, "mtu": _TEXT})
ROOT = Node(
    "node",
    {
        "interfaces": Node("node", {"ethernet": _ETHERNET, "dummy": _ETHERNET, "loopback": _FREE}),
        "policy": _FREE,
        "protocols": Node(
            "node", {"bgp": _FREE, "static": Node("node", {"route": _route(4), "route6": _route(6), "table": _FREE})}
        ),
        "service": _FREE,
        "system": Node("node", {"host-name": _TEXT, "login": _FREE, "config-management": _FREE, "ntp": _FREE}),
    },
)


def words_of(text: str) -> list[str]:
    """The words of a line, without their quotes. Raises PathError where one is not closed."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise PathError(f"Syntax error: {error}") from None


def statement(words: Sequence[str], *, is_place: bool = False) -> Statement:
    """The statement of `set <words>`, or the place of `delete <words>`, which may end in a keyword without its value.

    Raises PathError.
    """
    node, path, left = ROOT, list[str](), list(words)
    while left:
        word = left.pop(0)
        if word not in node.children:
            before = " ".join(words[: len(words) - len(left) - 1])
            raise PathError(f"Configuration path: {before + ' ' if before else ''}[{word}] is not valid")
        node = node.children[word]
        if node.kind == "free":
            return (*path, " ".join([word, *left]))
        if node.kind == "node":
            path.append(word)
        elif left:
            value = left.pop(0)
            if told := node.check(value):
                raise PathError(f"{told}\n  \n  \n  Invalid value\n  Value validation failed")
            path.append(f"{word} {value}")
        elif is_place:
            path.append(word)
        else:
            raise PathError(f"Configuration path: [{' '.join(words)}] requires a value")
    return tuple(path)


def node_of(path: Statement) -> Node:
    """What the schema says of a statement."""
    node = ROOT
    for segment in path:
        node = node.children[segment.partition(" ")[0]]
    return node


@dataclass(frozen=True, slots=True)
class VyosConfiguration:
    """All statements, those above each before it, in the order they were set; two are equal whatever their order."""

    statements: tuple[Statement, ...] = ()

    def set(self, path: Statement) -> Self:
        """With this statement, too, in the place of the value that was there."""
        kept = self
        if node_of(path).kind == "leaf":
            kept = self.delete((*path[:-1], path[-1].partition(" ")[0]))
        there = set(kept.statements)
        added = (path[:length] for length in range(1, len(path) + 1))
        return type(self)((*kept.statements, *(one for one in added if one not in there)))

    def delete(self, place: Statement) -> Self:
        """Without what is at and below this place; what is above it stays, empty or not."""
        return type(self)(tuple(one for one in self.statements if not is_below(one, place)))

    def below(self, place: Statement) -> list[Statement]:
        """The statements at and below a place."""
        return [one for one in self.statements if is_below(one, place)]

    def change(self, before: Self, after: Self) -> Self:
        """With all that happened between two others."""
        kept = self
        was = set(before.statements)
        gone = was - set(after.statements)
        for one in before.statements:
            if one in gone and one[:-1] not in gone:
                kept = kept.delete(one)
        for one in after.statements:
            if one not in was:
                kept = kept.set(one)
        return kept

    def is_as(self, other: Self) -> bool:
        """Whether both say the same."""
        return set(self.statements) == set(other.statements)

    def leaves(self, place: Statement = ()) -> Iterator[Statement]:
        """The statements nothing is below of."""
        below = self.below(place)
        above = {one[:length] for one in below for length in range(len(one))}
        yield from (one for one in below if one not in above)

    def view(self) -> Configuration:
        """The same as the other systems have it."""
        ports = [
            Port(one[1].split()[1], "routed", addresses=tuple(self._values((*one, "address"))))
            for one in self.statements
            if len(one) == 2 and one[0] == "interfaces" and one[1].startswith(("ethernet ", "dummy "))
        ]
        other = [
            " ".join(one) for one in self.leaves() if one[:2] != ("protocols", "static") and one[0] != "interfaces"
        ]
        return Configuration({}, {port.name: port for port in ports}, other, list(self.routes()))

    def routes(self) -> Iterator[StaticRoute]:
        """The static routes that lead somewhere, one for each next hop."""
        for place in self.statements:
            if len(place) != 3 or place[:2] != ("protocols", "static") or not place[2].startswith("route"):
                continue
            destination = str(ip_network(place[2].split()[1]))
            name = next(iter(self._values((*place, "description"))), "")
            for way in dict.fromkeys(one[3] for one in self.below(place) if len(one) > 3):
                keyword, _, value = way.partition(" ")
                at = (*place, way)
                if (
                    keyword not in {"blackhole", "reject", "next-hop", "interface"}
                    or (*at, "disable") in self.statements
                ):
                    continue
                yield StaticRoute(
                    destination,
                    str(ip_address(value)) if keyword == "next-hop" else None,
                    int(next(iter(self._values((*at, "tag"))), 0)),
                    name,
                    int(next(iter(self._values((*at, "distance"))), 1)),
                    value if keyword == "interface" else "",
                )

    def dump(self) -> bytes:
        """As JSON, for the disk."""
        return json.dumps([list(one) for one in self.statements]).encode()

    def _values(self, place: Statement) -> list[str]:
        return [one[-1].partition(" ")[2] for one in self.below(place)]


def load_statements(dumped: bytes) -> VyosConfiguration:
    """What `VyosConfiguration.dump` wrote. Raises ValueError for anything else."""
    try:
        return VyosConfiguration(tuple(tuple(str(word) for word in one) for one in json.loads(dumped)))
    except TypeError as error:
        raise ValueError("not the statements of a configuration") from error


def from_configuration(name: str, configuration: Configuration) -> VyosConfiguration:
    """The statements of a configuration as the other systems have it."""
    lines = [f"system host-name {name}", "service ssh port 22", *configuration.other]
    for port in configuration.ports.values():
        lines += [f"interfaces ethernet {port.name}"]
        lines += [f"interfaces ethernet {port.name} address {one}" for one in port.addresses]
    for route in configuration.routes:
        lines += _route_lines(route)
    found = VyosConfiguration()
    for line in lines:
        found = found.set(statement(words_of(line)))
    return found


def _route_lines(route: StaticRoute) -> Iterable[str]:
    head = f"protocols static route{'6' if ':' in route.destination else ''} {route.destination}"
    if route.next_hop:
        yield f"{head} next-hop {route.next_hop}"
    elif route.interface:
        yield f"{head} interface {route.interface}"
    else:
        yield f"{head} blackhole{f' tag {route.tag}' if route.tag else ''}"
    if route.name:
        yield f"{head} description {shlex.quote(route.name)}"
