"""What VyOS prints: its configuration as commands and in braces, what changed, and what FRR below says of routes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

from lab.switches.configuration import Configuration
from lab.switches.device import RejectedError
from lab.switches.routes import DISCARDED, Entry, Hop, exact, longest, table, within
from lab.switches.vyos_config import Statement, VyosConfiguration, node_of

_CODES = """\
Codes: K - kernel route, C - connected, S - static, R - RIP,
       O - OSPF, I - IS-IS, B - BGP, E - EIGRP, N - NHRP,
       T - Table, v - VNC, V - VNC-Direct, A - Babel, F - PBR,
       f - OpenFabric,
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup
       t - trapped, o - offload failure

"""
_CODES_IPV6 = _CODES.replace("R - RIP,", "R - RIPng,").replace("O - OSPF,", "O - OSPFv3,").replace("E - EIGRP, ", "")
_LETTERS = {"connected": "C", "local": "L", "static": "S", "bgp": "B"}


def commands(configuration: VyosConfiguration, place: Statement = ()) -> str:
    """`show configuration commands`."""
    return "\n".join(f"set {_as_words(one)}" for one in configuration.leaves(place))


def in_braces(configuration: VyosConfiguration, place: Statement = ()) -> str:
    """`show configuration`, or what is below a place of it."""
    below = [one[len(place) :] for one in configuration.below(place) if len(one) > len(place)]
    return "\n".join(_block(below, place, 0))


def working(active: VyosConfiguration, candidate: VyosConfiguration, place: Statement = ()) -> str:
    """`show` in configuration mode: what was added has a `+`, what is to go a `-`."""
    was, is_ = set(active.statements), set(candidate.statements)
    both = VyosConfiguration((*active.statements, *(one for one in candidate.statements if one not in was)))
    below = [one for one in both.below(place) if len(one) > len(place)]
    marked = {one: "+" if one not in was else "-" if one not in is_ else " " for one in below}
    return "\n".join(_marked(marked, place, 0)) or "Configuration under specified path is empty"


def compared(before: VyosConfiguration, after: VyosConfiguration) -> str:
    """`compare`: what went and what came, each below the place it is in; nothing where both say the same."""
    changed: dict[Statement, list[str]] = {}
    for sign, one, other in (("-", before, after), ("+", after, before)):
        gone = set(one.statements) - set(other.statements)
        for top in (path for path in one.statements if path in gone and path[:-1] not in gone):
            below = [path[len(top) - 1 :] for path in one.below(top)]
            changed.setdefault(top[:-1], []).extend(f"{sign} {line}" for line in _block(below, top[:-1], 0))
    return "\n".join(line for place, lines in changed.items() for line in (f"[{' '.join(place)}]", *lines, ""))


def compared_as_commands(before: VyosConfiguration, after: VyosConfiguration) -> str:
    """`compare commands`."""
    gone, come = set(before.statements) - set(after.statements), set(after.statements) - set(before.statements)
    lines = [f"delete {_as_words(one)}" for one in before.statements if one in gone and one[:-1] not in gone]
    return "\n".join([*lines, *(f"set {_as_words(one)}" for one in after.leaves() if one in come)])


def _as_words(path: Statement) -> str:
    """As a command has it: the value of a leaf in quotes, the name of a tag without."""
    words: list[str] = []
    for length, segment in enumerate(path, start=1):
        keyword, space, value = segment.partition(" ")
        is_value = space and node_of(path[:length]).kind in {"leaf", "multi"}
        words.append(f"{keyword} '{value}'" if is_value else segment)
    return " ".join(words)


def _block(below: Iterable[Statement], place: Statement, depth: int) -> Iterator[str]:
    pad = " " * (4 * depth)
    groups: dict[str, list[Statement]] = {}
    for one in below:
        groups.setdefault(one[0], []).append(one[1:])
    for segment, inside in groups.items():
        node = node_of((*place, segment))
        if node.kind in {"node", "tag"} and node.children:
            yield f"{pad}{segment} {{"
            yield from _block([one for one in inside if one], (*place, segment), depth + 1)
            yield f"{pad}}}"
        else:
            yield f"{pad}{_leaf(segment)}"


def _leaf(segment: str) -> str:
    """A value with a space in it is quoted."""
    keyword, _, value = segment.partition(" ")
    return f'{keyword} "{value}"' if " " in value else segment


def _marked(marks: Mapping[Statement, str], place: Statement, depth: int) -> Iterator[str]:
    for one in [path for path in marks if path[:-1] == place]:
        pad = f"{marks[one]}{' ' * (4 * depth)}"
        node = node_of(one)
        if node.kind in {"node", "tag"} and node.children:
            yield f"{pad}{one[-1]} {{"
            yield from _marked(marks, one, depth + 1)
            yield f"{pad}}}"
        else:
            yield f"{pad}{_leaf(one[-1])}"


def routes(configuration: Configuration, heard: Mapping[str, str], version: int, words: Sequence[str]) -> str:
    """`show ip route [<destination> [longer-prefixes] | static | ...]`, as FRR answers it. Raises RejectedError."""
    entries = [one for one in table(configuration, heard, version) if one.source != "local"]
    if not words or words[0] in {"static", "connected", "bgp"}:
        return _table([entry for entry in entries if not words or entry.source == words[0]], version)
    try:
        network = ip_network(words[0], strict=False)
    except ValueError:
        network = None
    if network is None or network.version != version or words[1:] not in ([], ["longer-prefixes"]):
        raise RejectedError(f"\n  Invalid command: show {'ip' if version == 4 else 'ipv6'} route [{words[0]}]\n\n")
    if words[1:]:
        return _table(within(entries, network), version)
    entry = exact(entries, network) if "/" in words[0] else longest(entries, network)
    if entry is None:
        raise RejectedError("% Network not in table")
    return "\n".join(_described(entry))


def _table(entries: Sequence[Entry], version: int) -> str:
    """Nothing at all where nothing is in it."""
    rows = [row for entry in entries for row in _rows(entry)]
    return (_CODES if version == 4 else _CODES_IPV6) + "\n".join(rows) if rows else ""


def _rows(entry: Entry) -> Iterator[str]:
    letter = f"{_LETTERS[entry.source]}>*"
    if entry.source == "connected":
        yield f"{letter} {entry.network} is directly connected, {entry.hops[0].interface}, 00:00:12"
        return
    head = f"{letter} {entry.network} [{entry.distance}/0]"
    for number, hop in enumerate(entry.hops):
        start = head if not number else f"  *{'':<{len(head) - 3}}"
        yield f"{start} {_way(hop)}, weight 1, 00:00:12"


def _way(hop: Hop) -> str:
    if hop.interface == DISCARDED:
        return "unreachable (blackhole)"
    if hop.address is None:
        return f"is directly connected, {hop.interface}"
    return f"via {hop.address}{f', {hop.interface}' if hop.interface else ''}"


def _described(entry: Entry) -> Iterator[str]:
    yield f"Routing entry for {entry.network}"
    tag = f", tag {entry.tag}" if entry.tag else ""
    yield f'  Known via "{entry.source}", distance {entry.distance}, metric 0{tag}, best'
    yield "  Last update 00:00:12 ago"
    for hop in entry.hops:
        if hop.interface == DISCARDED:
            yield "  * unreachable (blackhole), weight 1"
        elif hop.address is None:
            yield f"  * directly connected, {hop.interface}"
        else:
            yield f"  * {hop.address}{f', via {hop.interface}' if hop.interface else ''}, weight 1"
    yield ""
