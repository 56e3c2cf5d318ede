"""VyOS: lines are staged in a candidate of the session's own, `commit` puts them into effect, `save` saves."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

from clients.devices.command_line import NOTHING, Candidate, CommandLine, Saving, UnreadableError
from clients.devices.routers.braces import told
from clients.devices.routers.dialect import NO_WAY, Network, Reading, RouteDialect, Static, Statics, Table
from tenancy.mistakes import shown

_PLACES = (("protocols", "static", "route"), ("protocols", "static", "route6"))
_ROW = re.compile(r"([A-Za-z])>[*qrbto ]* ?([0-9a-f.:]+/[0-9]+)\s", re.ASCII)


def parse_statics(output: str) -> Statics:
    """`show configuration commands`: a line for each leaf of a route."""
    options: dict[Network, list[tuple[str, ...]]] = {}
    for line in output.replace("\r", "").split("\n"):
        if line.strip() == "":
            continue
        if not line.startswith("set "):
            raise UnreadableError(f"{shown(line)} is no line of a configuration")
        if (place := _place(_words(line)[1:])) is not None:
            options.setdefault(place[0], []).append(place[1])
    return {network: _ways(found) for network, found in options.items()}


def _place(path: tuple[str, ...]) -> tuple[Network, tuple[str, ...]] | None:
    """The route that a path leads to, and what comes after; None where it leads elsewhere. Raises UnreadableError."""
    if path[:3] not in _PLACES or len(path) == 3:
        return None
    try:
        return ip_network(path[3]), path[4:]
    except ValueError:
        raise UnreadableError(f"{told(path)} is no static route") from None


def _ways(options: list[tuple[str, ...]]) -> tuple[Static, ...]:
    name, tag, hops, other = None, None, dict[str | None, None](), list[str]()
    for option in options:
        match option:
            case ("description", text):
                name = text
            case ("next-hop", hop) if re.fullmatch(r"[0-9a-fA-F.:]+", hop):
                hops[str(ip_address(hop))] = None
            case ("blackhole",):
                hops[None] = None
            case ("blackhole", "tag", number) if number.isdecimal():
                hops[None], tag = None, int(number)
            case _:
                other.append(" ".join(option))
    told_of = " ".join(other)
    return tuple(Static(hop, tag, name, told_of) for hop in hops) or (Static(None, tag, name, told_of or NO_WAY),)


def changed_routes(diff: str) -> frozenset[Network]:
    """The routes that `compare commands` is about. Raises UnreadableError for a line of anything else."""
    found = set()
    for verb, path in _changes(diff):
        place = _place(path)
        if place is not None:
            found.add(place[0])
        # The last route takes the place above it along.
        elif verb != "delete" or not any(known[: len(path)] == path for known in _PLACES):
            raise UnreadableError(told(path))
    return frozenset(found)


def staged(lines: str, diff: str) -> str:
    """`show configuration commands` after the commit of a candidate, from what it shows now and `compare commands`."""
    kept = [line for line in lines.replace("\r", "").split("\n") if line.strip()]
    for verb, path in _changes(diff):
        if verb == "set":
            kept.append(" ".join(("set", *path)))
        else:
            kept = [line for line in kept if _words(line)[1 : 1 + len(path)] != path]
    return "\n".join(kept)


def _changes(diff: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The verb and the path of each line. Raises UnreadableError for what is no command."""
    for line in diff.replace("\r", "").split("\n"):
        match _words(line):
            case () | ("No", "changes", *_):
                pass
            case ("set" | "delete" as verb, *path):
                yield verb, tuple(path)
            case _:
                raise UnreadableError(f"{shown(line)} is no line of `compare commands`")


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.replace("'", "").split())


def parse_table(output: str) -> Mapping[Network, bool]:
    """`show ip route` and `show ipv6 route`, as FRR below answers: `>` marks what is selected. Nothing where there is none."""
    text = output.replace("\r", "")
    if text.strip() and "Codes:" not in text:
        raise UnreadableError(f"{shown(text.strip())} is no table of routes")
    rows = (_ROW.match(f"{line} ") for line in text.split("\n"))
    return {ip_network(row[2]): row[1] == "S" for row in rows if row is not None}


_ROUTE4, _ROUTE6 = "protocols static route {address}/32", "protocols static route6 {address}/128"

VYOS = RouteDialect(
    platform="vyos",
    cli=CommandLine(
        device_type="vyos",
        prompt=r"(?:\[edit[^\n]*\]\n)?[\w.-]+@[\w.-]+(?::[^\n$#]*)?[$#]",
        errors=re.compile(
            r"^\s*(?:Invalid|Ambiguous|Incomplete) command|(?:Set|Delete|Commit) failed|is not valid|validation failed|"
            r"^Traceback|^\w*Error\b|temporarily locked|^Cannot exit"
        ),
        enter=None,
        end=None,
        enable=False,
        saving=Saving(
            command="save",
            success=re.compile(r"No changes between working and saved"),
            proof="compare saved",
            inside=("configure", "exit"),
        ),
        candidate=Candidate(
            open="configure",
            opened=re.compile(""),
            busy=re.compile(r"temporarily locked"),
            discard=("exit discard",),
            close="exit",
            diff="compare commands",
            check=None,
            checked=None,
            # Not `commit-confirm`: what it does in the end is to restart the router.
            commit="commit",
            committed=re.compile(""),
            confirm=(),
            confirmed=re.compile(""),
            revert=(),
            stale=None,
            stale_ours=NOTHING,
        ),
    ),
    announce={
        4: (f"set {_ROUTE4} {{way}}", f"set {_ROUTE4} description {{name}}"),
        6: (f"set {_ROUTE6} {{way}}", f"set {_ROUTE6} description {{name}}"),
    },
    withdraw={4: (f"delete {_ROUTE4}",), 6: (f"delete {_ROUTE6}",)},
    way="next-hop {next_hop}",
    discard="blackhole tag {tag}",
    reading=Reading(command="show configuration commands | match protocols.static", parse=parse_statics),
    table=Table(
        commands={4: "show ip route {network} longer-prefixes", 6: "show ipv6 route {network} longer-prefixes"},
        parse=parse_table,
    ),
    tagged_hops=False,
    several=False,
    changed=changed_routes,
    staged=staged,
    tried="simulator",
    sources=(
        "VyOS documentation: Static, `set protocols static route`, `set protocols static route6`",
        "VyOS documentation: Command Line Interface, `commit`, `compare`, `save`",
        "vyos-1x, interface-definitions/include/static: which options a route has",
    ),
    known=(
        "A route with a next hop has no tag there, only one that discards: the description tells whose it is, and the "
        "router's BGP has to be told by a prefix list which static routes to redistribute.",
        "`commit-confirm` restarts the router where nobody confirms: Berth sends a plain `commit`, which the router checks as a "
        "whole before anything of it takes effect; and only once `compare commands` holds all of our lines, and no other.",
        "Each session has a candidate of its own; what somebody else has staged is never committed.",
        "`save` tells nothing: what was saved is compared with what runs.",
    ),
)
