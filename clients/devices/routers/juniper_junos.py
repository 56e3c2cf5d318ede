"""Juniper Junos: lines are staged in an exclusive candidate, `commit confirmed` puts them into effect and saves."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from clients.devices.command_line import UnreadableError
from clients.devices.dialects.juniper_junos import JUNIPER_JUNOS as SWITCH
from clients.devices.dialects.juniper_junos import set_lines
from clients.devices.routers.braces import changed_paths, told
from clients.devices.routers.dialect import NO_WAY, Network, Reading, RouteDialect, Static, Statics, Table
from tenancy.mistakes import shown

_TOP = ("routing-options",)
_PLACES = (
    (*_TOP, "static", "route"),
    (*_TOP, "rib", "inet.0", "static", "route"),
    (*_TOP, "rib", "inet6.0", "static", "route"),
)
_TITLE = re.compile(r"inet6?\.0: [0-9]+ destinations", re.ASCII)
_NETWORK = re.compile(r"([0-9a-f.:]+/[0-9]+)(?=\s|$)", re.ASCII)
_ACTIVE = re.compile(r"\s[*+]\[([A-Za-z-]+)/", re.ASCII)


def parse_statics(output: str) -> Statics:
    """`show configuration routing-options | display set`: a line for each next hop and each option of a route."""
    options: dict[Network, list[tuple[str, ...]]] = {}
    for line in set_lines(output):
        verb, *path = line.split()
        place = _place(tuple(path))
        if place is None:
            continue
        network, rest = place
        options.setdefault(network, []).append(rest if verb == "set" else (verb, *rest))
    return {network: _ways(found) for network, found in options.items()}


def _place(path: tuple[str, ...]) -> tuple[Network, tuple[str, ...]] | None:
    """The route that a path leads to, and what comes after; None where it leads elsewhere. Raises UnreadableError."""
    start = next((place for place in _PLACES if path[: len(place)] == place), None)
    if start is None or len(path) == len(start):
        return None
    try:
        return ip_network(path[len(start)]), path[len(start) + 1 :]
    except ValueError:
        raise UnreadableError(f"{told(path)} is no static route") from None


def _ways(options: list[tuple[str, ...]]) -> tuple[Static, ...]:
    tag, hops, other = None, list[str | None](), list[str]()
    for option in options:
        match option:
            case ("tag", number) if number.isdecimal():
                tag = int(number)
            case ("next-hop", hop) if _is_address(hop):
                hops.append(str(ip_address(hop)))
            case ("discard",):
                hops.append(None)
            case _:
                other.append(" ".join(option))
    told_of = " ".join(other)
    return tuple(Static(hop, tag, other=told_of) for hop in hops) or (Static(None, tag, other=told_of or NO_WAY),)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def changed_routes(diff: str) -> frozenset[Network]:
    """The routes that `show | compare` is about. Raises UnreadableError for a changed line of anything else."""
    found = set()
    for path in changed_paths(diff):
        place = _place(path)
        if place is not None:
            found.add(place[0])
        elif not any(known[: len(path)] == path for known in _PLACES):
            raise UnreadableError(told(path))
    return frozenset(found)


def parse_table(output: str) -> Mapping[Network, bool]:
    """`show route`: a network, and behind it or below the routes to it, the active one marked. Nothing where there is none."""
    found: dict[Network, bool] = {}
    network: Network | None = None
    text = output.replace("\r", "")
    if text.strip() and not _TITLE.search(text) and "{master" not in text:
        raise UnreadableError(f"{shown(text.strip())} is no table of routes")
    for line in text.split("\n"):
        if named := _NETWORK.match(line):
            network = ip_network(named[1])
        if network is not None and (active := _ACTIVE.search(line)):
            found[network] = active[1] == "Static"
    return found


_ROUTE4 = "routing-options static route {address}/32"
_ROUTE6 = "routing-options rib inet6.0 static route {address}/128"

JUNIPER_JUNOS = RouteDialect(
    platform="juniper-junos",
    cli=SWITCH.cli,
    announce={
        4: (f"set {_ROUTE4} {{way}}", f"set {_ROUTE4} tag {{tag}}"),
        6: (f"set {_ROUTE6} {{way}}", f"set {_ROUTE6} tag {{tag}}"),
    },
    withdraw={4: (f"delete {_ROUTE4}",), 6: (f"delete {_ROUTE6}",)},
    way="next-hop {next_hop}",
    discard="discard",
    reading=Reading(command="show configuration routing-options | display set", parse=parse_statics),
    table=Table(
        commands={4: "show route {network} table inet.0", 6: "show route {network} table inet6.0"}, parse=parse_table
    ),
    named=False,
    several=False,
    changed=changed_routes,
    tried="simulator",
    sources=(
        "Junos OS CLI Reference: `static (Routing Options)`, `show route`",
        "Junos OS Protocol-Independent Routing Properties User Guide: static routes",
        "Junos OS CLI User Guide: `configure exclusive`, `commit confirmed`, `rollback`",
    ),
    known=(
        "A route has no description there: the tag alone tells that it is Berth's. Whose address it is, the platform knows.",
        "While somebody else holds the candidate or has changes in it, Berth waits, and never commits them.",
        "A commit saves. One that is not confirmed goes back after two minutes; Berth waits for that before it begins.",
        "Routes that come from `groups` are not seen, and those of routing instances and logical systems are not made: write "
        "them out.",
    ),
)
