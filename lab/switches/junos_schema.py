"""What may stand in a Junos configuration, as far as the lab knows it, and how a path's words become a statement.

A statement is a tuple of segments, as the braces of a configuration have them: `set interfaces ge-0/0/1 unit 0 disable` is
("interfaces", "ge-0/0/1", "unit 0", "disable").
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface, ip_network
from typing import Literal, TypeAlias

Statement: TypeAlias = tuple[str, ...]


class PathError(Exception):
    """A path that is none; `offset` is where in the text, the message what Junos says."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Node:
    """One place of the schema.

    A container holds children and things with names. A keyed one is a keyword with a name, `unit 0`; a prefix is written
    on one line with its child, `family ethernet-switching`. A value is a keyword with one value, `values` with several, a
    flag stands alone, and what follows a free one is kept word for word.
    """

    kind: Literal["container", "keyed", "prefix", "value", "values", "flag", "free"]
    children: Mapping[str, "Node"] = field(default_factory=dict)
    named: "Node | None" = None
    check: Callable[[str], str] = lambda _: ""
    """What it says of a name or value that may not be; nothing of one that may."""
    kept_as: Callable[[str], str] = lambda text: text
    """How a name is kept that was written otherwise."""


def _within(first: int, last: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch("[0-9]{1,10}", text):
            return f"invalid value '{text}'"
        return "" if first <= int(text) <= last else f"Value {text} is not within range ({first}..{last})"

    return check


def _one_of(*words: str) -> Callable[[str], str]:
    return lambda text: "" if text in words else "syntax error."


def _vlan_name(text: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", text) else "invalid value for vlan name"


def _port(text: str) -> str:
    return (
        "" if re.fullmatch(r"(ge|xe|et|mge)-\d+/\d+/\d+(:\d+)?|ae\d+|irb|me0|vme", text) else "invalid interface name"
    )


def _interface(text: str) -> str:
    try:
        ip_interface(text)
    except ValueError:
        return f"invalid value '{text}' in ip address"
    return ""


def _member(text: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text) else "invalid value for vlan members"


def _prefix(text: str) -> str:
    try:
        ip_interface(text)
        ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            return f"invalid prefix '{text}': host bits are set"
        return f"invalid value '{text}' in ip address"
    return ""


def _with_length(text: str) -> str:
    """An address alone is the network of one host."""
    return str(ip_network(text))


def _next_hop(text: str) -> str:
    if re.fullmatch(r"[a-z]+-\d+/\d+/\d+\.\d+", text):
        return ""
    try:
        ip_address(text)
    except ValueError:
        return f"invalid value '{text}' in ip address or interface-name"
    return ""


_TEXT = Node("value")
_FLAG = Node("flag")
_FREE = Node("free")
_SWITCHING = Node(
    "container",
    {
        "interface-mode": Node("value", check=_one_of("access", "trunk")),
        "vlan": Node("container", {"members": Node("values", check=_member)}),
    },
)
_UNIT = Node(
    "keyed",
    {
        "description": _TEXT,
        "family": Node(
            "prefix",
            {
                "ethernet-switching": _SWITCHING,
                **dict.fromkeys(("inet", "inet6"), Node("container", {"address": Node("values", check=_interface)})),
            },
        ),
    },
    check=_within(0, 16385),
)
_INTERFACE = Node(
    "container",
    {
        "description": _TEXT,
        "disable": _FLAG,
        "mtu": Node("value", check=_within(256, 9216)),
        "native-vlan-id": Node("value", check=_within(0, 4094)),
        "unit": _UNIT,
    },
    check=_port,
)
WAYS = ("next-hop", "discard", "reject", "receive", "next-table")
"""Where a static route leads: it has several next hops, or one of the others."""
_STATIC = Node(
    "container",
    {
        "route": Node(
            "keyed",
            {
                "next-hop": Node("values", check=_next_hop),
                **dict.fromkeys(("discard", "reject", "receive", "no-readvertise", "readvertise", "retain"), _FLAG),
                "next-table": _TEXT,
                "tag": Node("value", check=_within(0, 2**32 - 1)),
                "preference": Node("value", check=_within(0, 2**32 - 1)),
                "metric": Node("value", check=_within(0, 2**32 - 1)),
                "community": Node("values"),
            },
            check=_prefix,
            kept_as=_with_length,
        )
    },
)
_ROUTING_OPTIONS = Node(
    "container",
    {
        "static": _STATIC,
        "rib": Node("keyed", {"static": _STATIC}, check=_one_of("inet.0", "inet6.0")),
        **dict.fromkeys(("router-id", "autonomous-system"), _TEXT),
        **dict.fromkeys(("forwarding-table", "graceful-restart", "nonstop-routing"), _FREE),
    },
)
_VLAN = Node(
    "container",
    {"vlan-id": Node("value", check=_within(1, 4094)), "description": _TEXT, "l3-interface": _TEXT},
    check=_vlan_name,
)
_SINGLE = {
    *("interface-mode", "vlan-id", "description", "l3-interface", "mtu", "native-vlan-id"),
    *("tag", "preference", "metric", "router-id", "autonomous-system"),
}
"""Keywords that have one value only."""
ROOT = Node(
    "container",
    {
        "vlans": Node("container", named=_VLAN),
        "interfaces": Node("container", named=_INTERFACE),
        "routing-options": _ROUTING_OPTIONS,
        **dict.fromkeys(("system", "protocols", "snmp", "firewall", "chassis", "policy-options"), _FREE),
    },
)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    offset: int


def words_of(text: str) -> list[_Word]:
    """The words of a line; a quoted text is one, its quotes kept."""
    return [_Word(found.group(), found.start()) for found in re.finditer(r'"[^"]*"|\[|\]|[^\s\[\]]+', text)]


def parse_set(text: str, above: Statement = ()) -> list[Statement]:
    """The statements of `set <text>`, below the place one edits. Raises PathError."""
    walk = _Walk(words_of(text), len(text), above)
    return walk.statements()


def parse_path(text: str, above: Statement = ()) -> Statement:
    """The place `delete <text>`, `show <text>` or `edit <text>` means, which may be any. Raises PathError."""
    return _Walk(words_of(text), len(text), above).place()


class _Walk:
    """Goes down the schema along the words of a line."""

    def __init__(self, words: Sequence[_Word], end: int, above: Statement) -> None:
        self._words = list(words)
        self._end = end
        self._at = 0
        self._path: list[str] = []
        self._node = ROOT
        self._is_whole = False
        """Whether the path so far could be a statement."""
        if above:
            self._descend_to(above)

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        while self._at < len(self._words):
            keep_path, keep_node = list(self._path), self._node
            found_here = self._step()
            if found_here:
                found += found_here
                # After a value the words go on beside it.
                self._path, self._node = keep_path, keep_node
                self._is_whole = False
        if self._is_whole:
            found.append(tuple(self._path))
        if not found:
            raise PathError(self._end, "syntax error, expecting <statement>.")
        return found

    def place(self) -> Statement:
        while self._at < len(self._words):
            is_last_word = self._at == len(self._words) - 1
            word = self._words[self._at]
            child = self._child(word)
            if child and is_last_word and child[1].kind in {"value", "values", "keyed", "prefix", "free"}:
                return (*self._path, child[0])
            found = self._step()
            if found:
                if self._at < len(self._words):
                    raise PathError(self._words[self._at].offset, "syntax error.")
                return found[0]
        return tuple(self._path)

    def _step(self) -> list[Statement]:
        """One word, or as many as belong together; the statements they end, if they do."""
        word = self._words[self._at]
        child = self._child(word)
        if child is None:
            return self._named(word)
        self._at += 1
        keyword, node = child
        match node.kind:
            case "container":
                self._path.append(keyword)
                self._node, self._is_whole = node, False
            case "keyed":
                name = self._next()
                self._refuse(node.check(name.text), name)
                self._path.append(f"{keyword} {node.kept_as(name.text)}")
                self._node, self._is_whole = node, True
            case "prefix":
                name = self._next()
                below = _fitting(node.children, name)
                self._path.append(f"{keyword} {below}")
                self._node, self._is_whole = node.children[below], True
            case "flag":
                return [(*self._path, keyword)]
            case "free":
                rest = self._words[self._at :]
                if not rest:
                    raise PathError(self._end, "syntax error, expecting <statement>.")
                self._at = len(self._words)
                return [(*self._path, keyword, " ".join(one.text for one in rest))]
            case "value" | "values":
                return [(*self._path, f"{keyword} {value}") for value in self._values(node)]
        return []

    def _named(self, word: _Word) -> list[Statement]:
        if self._node.named is None:
            raise PathError(word.offset, "syntax error.")
        self._refuse(self._node.named.check(word.text), word)
        self._at += 1
        self._path.append(word.text)
        self._node, self._is_whole = self._node.named, True
        return []

    def _child(self, word: _Word) -> tuple[str, Node] | None:
        if self._node.named is not None and word.text not in self._node.children:
            return None
        keyword = _fitting(self._node.children, word)
        return keyword, self._node.children[keyword]

    def _values(self, node: Node) -> list[str]:
        word = self._next()
        if word.text != "[":
            self._refuse(node.check(word.text), word)
            return [word.text]
        values: list[str] = []
        while (word := self._next()).text != "]":
            self._refuse(node.check(word.text), word)
            values.append(word.text)
        if node.kind != "values" or not values:
            raise PathError(word.offset, "syntax error.")
        return values

    def _next(self) -> _Word:
        if self._at >= len(self._words):
            raise PathError(self._end, "syntax error, expecting <value>.")
        self._at += 1
        return self._words[self._at - 1]

    def _refuse(self, message: str, word: _Word) -> None:
        if message:
            raise PathError(word.offset, message)

    def _descend_to(self, above: Statement) -> None:
        """Start below a place that was parsed before."""
        words, self._words = self._words, words_of(" ".join(above))
        while self._at < len(self._words):
            self._step()
        self._words, self._at, self._is_whole = words, 0, False


def _fitting(choices: Mapping[str, object], word: _Word) -> str:
    if word.text in choices:
        return word.text
    fitting = [choice for choice in choices if choice.startswith(word.text)]
    if len(fitting) > 1:
        raise PathError(word.offset, f"'{word.text}' is ambiguous.")
    if not fitting:
        raise PathError(word.offset, "syntax error.")
    return fitting[0]


def replaces(one: Statement, other: Statement) -> bool:
    """Whether setting one takes the other's place: a keyword that has one value only has another, or is refined."""
    if one[: len(other)] == other:
        return True
    if len(one) != len(other) or one[:-1] != other[:-1]:
        return False
    keyword, there = one[-1].partition(" ")[0], other[-1].partition(" ")[0]
    if keyword in WAYS and there in WAYS:
        return keyword != there or keyword == "next-table"
    return keyword in _SINGLE and there == keyword
