"""`ip route ...` of FRR: how staticd reads it, and what it makes of it.

As FRR 8.4 was seen to do it, traps included: whatever is no address of the family is the name of an interface,
`203.0.113.300` too; the tag belongs to all next hops of a network and distance, so another line changes or drops it for
those that are there; `no` heeds neither tag nor distance nor kind of blackhole. VRFs, tables and labels are not known here.
"""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Literal, TypeAlias

from lab.switches.configuration import StaticRoute
from lab.switches.device import RejectedError
from lab.switches.grammar import AmbiguousError, IncompleteError, NoCommandError

Family: TypeAlias = Literal[4, 6]
DISCARDS = ("Null0", "blackhole", "reject")
"""The next hops that are none; they differ in what the sender is told. A route keeps its own as its interface."""

_MOST = 2**32 - 1
_OPTIONS = ("tag", "vrf", "label", "table", "nexthop-vrf", "onlink", "color")
_FAILED = "% Configuration failed.\n\nError type: validation\nError description: "
_NO_MIXTURE = f"{_FAILED}Route cannot have blackhole and non-blackhole nexthops simultaneously"
_NOT_THERE = "% Refusing to remove a non-existent route"


def discards(route: StaticRoute) -> bool:
    """Whether what arrives for it is thrown away."""
    return route.next_hop is None and route.interface in DISCARDS


def static_lines(routes: Sequence[StaticRoute]) -> list[str]:
    """The routes as lines of a configuration, in FRR's order."""
    return [_line(route) for route in sorted(routes, key=_order)]


def added(routes: Sequence[StaticRoute], family: Family, text: str) -> list[StaticRoute]:
    """The routes with that of the line `ip route <text>`. Raises RejectedError, or grammar's errors where it is no command."""
    route = _parsed(family, text)
    path = [one for one in routes if _path(one) == _path(route)]
    if any(discards(one) != discards(route) for one in path):
        raise RejectedError(_NO_MIXTURE)
    others = [one for one in routes if _path(one) != _path(route)]
    kept = [replace(one, tag=route.tag) for one in path if _way(one) != _way(route)]
    return [*others, *kept, route]


def removed(routes: Sequence[StaticRoute], family: Family, text: str) -> list[StaticRoute]:
    """The routes without that of the line `no ip route <text>`. Raises as `added` does."""
    gone = _parsed(family, text)
    left = [one for one in routes if one.destination != gone.destination or _way(one) != _way(gone)]
    if len(left) == len(routes):
        raise RejectedError(_NOT_THERE)
    return left


def _parsed(family: Family, text: str) -> StaticRoute:
    destination, words = _destination(family, text.split())
    if not words:
        raise IncompleteError
    first, *rest = words
    if kind := _discard(first):
        return _with_options(StaticRoute(destination, interface=kind), rest)
    if not _is_address(first, family):
        return _with_options(StaticRoute(destination, interface=first), rest)
    hop = StaticRoute(destination, next_hop=str(ip_address(first)))
    try:
        return _with_options(hop, rest)
    except AmbiguousError:
        raise
    except (NoCommandError, IncompleteError):
        if not rest:
            raise
        route = _with_options(replace(hop, interface=rest[0]), rest[1:])
    if route.interface == DISCARDS[0]:
        return replace(route, interface="")
    if route.interface in DISCARDS:
        reserved = (
            f"Nexthop interface name can not be from reserved keywords({', '.join(('Null0', 'reject', 'blackhole'))})"
        )
        raise RejectedError(f"{_FAILED}{route.interface}: {reserved}")
    return route


def _destination(family: Family, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The network, and the words after it. An IPv4 one may be written with a mask."""
    if not words:
        raise IncompleteError
    if family == 4 and _is_address(words[0], 4):
        if len(words) < 3:
            raise IncompleteError
        if not _is_address(words[1], 4):
            raise NoCommandError(0)
        return _network(f"{words[0]}/{words[1]}", 4), words[2:]
    if "/" not in words[0] or not _is_address(words[0].partition("/")[0], family):
        raise NoCommandError(0)
    if not words[0].partition("/")[2].isdigit():
        raise NoCommandError(0)
    return _network(words[0], family), words[1:]


def _network(text: str, family: Family) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise NoCommandError(0) from None
    if network.version != family:
        raise NoCommandError(0)
    return str(network)


def _is_address(text: str, family: Family) -> bool:
    try:
        return ip_address(text).version == family and "%" not in text
    except ValueError:
        return False


def _discard(word: str) -> str:
    """The keyword this is, or is the beginning of."""
    if word == "null0":
        return DISCARDS[0]
    return next((kind for kind in DISCARDS if kind.startswith(word)), "")


def _with_options(route: StaticRoute, words: Sequence[str]) -> StaticRoute:
    """With tag and distance, in whatever order, each once. Raises grammar's errors."""
    left, tag, distance = list(words), None, None
    while left:
        word = left.pop(0)
        if word.isascii() and word.isdigit() and 1 <= int(word) <= 255 and distance is None:
            distance = int(word)
            continue
        fitting = [option for option in _OPTIONS if option.startswith(word)]
        if word not in fitting and len(fitting) > 1:
            raise AmbiguousError(word, 0)
        if fitting[:1] != ["tag"] or tag is not None:
            raise NoCommandError(0)
        if not left:
            raise IncompleteError
        number = left.pop(0)
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= _MOST):
            raise NoCommandError(0)
        tag = int(number)
    return replace(route, tag=tag or 0, distance=distance or 1)


def _path(route: StaticRoute) -> tuple[str, int]:
    return route.destination, route.distance


def _way(route: StaticRoute) -> tuple[str | None, str]:
    return (None, "discards") if discards(route) else (route.next_hop, route.interface)


def _line(route: StaticRoute) -> str:
    word = "ip" if ip_network(route.destination).version == 4 else "ipv6"
    hop = " ".join(part for part in (route.next_hop, route.interface) if part)
    tag = f" tag {route.tag}" if route.tag else ""
    distance = f" {route.distance}" if route.distance != 1 else ""
    return f"{word} route {route.destination} {hop}{tag}{distance}"


def _order(route: StaticRoute) -> tuple[int, int, int, int, int, int, str]:
    """By family, then the shorter prefix first; of one network by distance, interfaces before addresses."""
    network = ip_network(route.destination)
    address = int(ip_address(route.next_hop)) if route.next_hop else 0
    kind = 0 if route.next_hop is None else 2 if route.interface else 1
    return (
        network.version,
        network.prefixlen,
        int(network.network_address),
        route.distance,
        kind,
        address,
        route.interface,
    )
