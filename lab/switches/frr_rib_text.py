"""What zebra prints of its routing table: `show ip route` and `show ipv6 route`, as text and as JSON."""

from collections.abc import Callable, Sequence
from typing import Any

from lab.switches.frr_json import pretty
from lab.switches.frr_rib import Entry, Way

_CODES = {
    4: """Codes: K - kernel route, C - connected, S - static, R - RIP,
       O - OSPF, I - IS-IS, B - BGP, E - EIGRP, N - NHRP,
       T - Table, v - VNC, V - VNC-Direct, A - Babel, F - PBR,
""",
    6: """Codes: K - kernel route, C - connected, S - static, R - RIPng,
       O - OSPFv3, I - IS-IS, B - BGP, N - NHRP, T - Table,
       v - VNC, V - VNC-Direct, A - Babel, F - PBR,
""",
}
_MORE_CODES = """       f - OpenFabric,
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup
       t - trapped, o - offload failure

"""
_LETTERS = {"connected": "C", "static": "S", "bgp": "B"}
_FLAGS = {"connected": 8, "static": 73, "bgp": 8}
Age = Callable[[Entry], float]
"""Seconds since the route came into being."""


def table(entries: Sequence[Entry], version: int, age: Age) -> str:
    """The routes in lines; nothing at all where there are none."""
    if not entries:
        return ""
    return _CODES[version] + _MORE_CODES + "".join(_line(entry, _since(age(entry))) for entry in entries)


def details(entry: Entry, age: Age) -> str:
    """One route: `show ip route <address>`."""
    tag = f", tag {entry.tag}" if entry.tag else ""
    ways = "".join(_detail(way, _weight(entry)) for way in entry.ways)
    return (
        f"Routing entry for {entry.network}\n"
        f'  Known via "{entry.protocol}", distance {entry.distance}, metric 0{tag}, best\n'
        f"  Last update {_since(age(entry))} ago\n{ways}\n"
    )


def as_json(entries: Sequence[Entry], age: Age) -> str:
    """The routes, each network's in a list."""
    return (
        pretty({str(entry.network): [_entry(entry, _since(age(entry)))] for entry in entries}) if entries else "{\n}\n"
    )


def _line(entry: Entry, since: str) -> str:
    weight = _weight(entry)
    distance = "" if entry.protocol == "connected" else f" [{entry.distance}/0]"
    mark = " " if entry.ways[0].recursive else "*"
    head = f"{_LETTERS[entry.protocol]}>{mark} {entry.network}{distance}"
    lines = []
    for number, way in enumerate(entry.ways):
        start = head if number == 0 else "  * " + " " * (len(head) - 4 + (2 if way.resolver else 0))
        lines.append(f"{start} {_towards(way)}{weight}, {since}\n")
    return "".join(lines)


def _towards(way: Way) -> str:
    if way.discards:
        return "unreachable (blackhole)"
    if way.address is None:
        return f"is directly connected, {way.interface}{_state(way)}"
    return f"via {way.address}" + (f", {way.interface}" if way.interface else "") + _state(way)


def _detail(way: Way, weight: str) -> str:
    start = f"  {' ' if way.recursive else '*'} {'  ' if way.resolver else ''}"
    if way.discards:
        what = "unreachable (blackhole)"
    elif way.address is None:
        what = f"directly connected, {way.interface}"
    else:
        what = way.address + (f", via {way.interface}" if way.interface else "")
    return f"{start}{what}{_state(way)}{weight}\n"


def _state(way: Way) -> str:
    return " (recursive)" if way.recursive else "" if way.active else " inactive"


def _weight(entry: Entry) -> str:
    return "" if entry.protocol == "connected" else ", weight 1"


def _entry(entry: Entry, since: str) -> dict[str, Any]:
    return {
        "prefix": str(entry.network),
        "prefixLen": entry.network.prefixlen,
        "protocol": entry.protocol,
        "vrfId": 0,
        "vrfName": "default",
        "selected": True,
        "destSelected": True,
        "distance": entry.distance,
        "metric": 0,
        "installed": True,
        **({"tag": entry.tag} if entry.tag else {}),
        "table": 254,
        "internalStatus": 16,
        "internalFlags": _FLAGS[entry.protocol],
        "internalNextHopNum": len(entry.ways),
        "internalNextHopActiveNum": sum(way.active for way in entry.ways),
        "nexthopGroupId": 1,
        "installedNexthopGroupId": 1,
        "uptime": since,
        "nexthops": [_way(way, entry) for way in entry.ways],
    }


def _way(way: Way, entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"flags": 5 if way.recursive else 3 if way.active else 0}
    if way.active and not way.recursive:
        found["fib"] = True
    if way.discards:
        found |= {"unreachable": True, "blackhole": True}
    elif way.address is None:
        found["directlyConnected"] = True
    else:
        found |= {"ip": way.address, "afi": f"ipv{6 if ':' in way.address else 4}"}
    if way.interface:
        found |= {"interfaceIndex": 2, "interfaceName": way.interface}
    if way.resolver:
        found["resolver"] = True
    if way.active:
        found["active"] = True
    if way.recursive:
        found["recursive"] = True
    if entry.protocol != "connected":
        found["weight"] = 1
    return found


def _since(seconds: float) -> str:
    """A time that has passed, as FRR writes it."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    weeks, day = divmod(days, 7)
    if weeks:
        return f"{weeks:02d}w{day}d{hour:02d}h"
    return f"{day}d{hour:02d}h{minute:02d}m" if days else f"{hour:02d}:{minute:02d}:{second:02d}"
