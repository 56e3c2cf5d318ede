"""What the words of a switched port do, and how its lines are written: the same on Cisco's and Arista's switches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from lab.switches.configuration import ALL_VLANS, Port, VlanSet, ranges

Change = Literal["replace", "add", "remove", "except", "all", "none"]
LINE_WIDTH = 79


def change_allowed(port: Port, change: Change, vlans: frozenset[int] = frozenset()) -> Port:
    """`switchport trunk allowed vlan ...`: the bare list replaces, `add` to an unrestricted port changes nothing."""
    now: VlanSet = port.allowed
    match change:
        case "replace":
            now = vlans
        case "add":
            now = None if now is None else now | vlans
        case "remove":
            now = (ALL_VLANS if now is None else now) - vlans
        case "except":
            now = ALL_VLANS - vlans
        case "all":
            now = None
        case "none":
            now = frozenset()
    # A port that lets everything through again is unrestricted, and no line says so.
    return replace(port, allowed=None if now == ALL_VLANS else now)


def allowed_lines(allowed: VlanSet, *, pairs: bool = True, indent: int = 1) -> list[str]:
    """The lines of a configuration that restrict a trunk; what is too long for one is continued with `add`."""
    head = "switchport trunk allowed vlan "
    if allowed is None:
        return []
    if not allowed:
        return [f"{head}none"]
    lines: list[str] = []
    line = head
    for word in ranges(allowed, pairs=pairs).split(","):
        if not line.endswith(" ") and len(line) + len(word) + 1 + indent > LINE_WIDTH:
            lines.append(line)
            line = f"{head}add "
        line += word if line.endswith(" ") else f",{word}"
    return [*lines, line]


def wrapped(words: str, *, width: int, indent: int) -> list[str]:
    """A list with commas, broken after commas as tables do it; lines after the first are indented."""
    lines: list[str] = []
    line = ""
    for word in words.split(","):
        if line and len(line) + len(word) + 1 > width:
            lines.append(f"{line},")
            line = " " * indent + word
        else:
            line = f"{line},{word}" if line else word
    return [*lines, line]


def vlan_rows(name: str, status: str, number: int, ports: list[str], *, width: int, number_width: int = 4) -> list[str]:
    """The rows of one VLAN in `show vlan`: ports run over into rows of their own after `width` characters."""
    head = f"{number:<{number_width}} {name:<32} {status:<9} "
    lines: list[str] = []
    row = ""
    for port in ports:
        if row and len(row) + len(port) + 2 > width:
            lines.append(row)
            row = port
        else:
            row = f"{row}, {port}" if row else port
    lines.append(row)
    return [head + lines[0], *(" " * len(head) + more for more in lines[1:])]


def shortener(short: dict[str, str]) -> Callable[[str], str]:
    """A function from `GigabitEthernet1/0/1` to `Gi1/0/1`."""

    def shorten(name: str) -> str:
        kind = name.rstrip("0123456789/:.")
        return short.get(kind, kind[:2]) + name[len(kind) :]

    return shorten
