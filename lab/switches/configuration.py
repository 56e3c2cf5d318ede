"""What a simulated switch or router is configured to do, as data: VLANs, ports, static routes, and the rest word for word."""

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias

from pydantic import TypeAdapter

ALL_VLANS = frozenset(range(1, 4095))
VlanSet: TypeAlias = frozenset[int] | None
"""What a trunk lets through; None is a port nobody restricted, which switches call ALL."""


@dataclass(frozen=True, slots=True)
class Port:
    """One port."""

    name: str
    mode: Literal["access", "trunk", "routed"] = "access"
    allowed: VlanSet = None
    """Of a trunk; kept while the port is none, as switches do."""
    access: int = 1
    native: int = 1
    other: tuple[str, ...] = ()
    """Lines of the port's configuration that are nobody's business here."""
    addresses: tuple[str, ...] = ()
    """Its own, `203.0.113.1/24`, of either family."""

    def carries(self, vlan: int) -> bool:
        """Whether the port is a trunk that lets the VLAN through."""
        return self.mode == "trunk" and (self.allowed is None or vlan in self.allowed)


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A static route; networks and addresses are in their canonical form."""

    destination: str
    """A network, `198.51.100.7/32`."""
    next_hop: str | None = None
    """None where it discards, or leads to an interface."""
    tag: int = 0
    name: str = ""
    """Or description, as the system has it."""
    distance: int = 1
    interface: str = ""
    rest: str = ""
    """Words after these that are nobody's business here."""


@dataclass(slots=True)
class Configuration:
    """A whole configuration; the running one changes line by line."""

    vlans: dict[int, str] = field(default_factory=lambda: {1: "default"})
    """ID to name."""
    ports: dict[str, Port] = field(default_factory=dict)
    other: list[str] = field(default_factory=list)
    """Top-level lines that have to survive untouched."""
    routes: list[StaticRoute] = field(default_factory=list)

    def copy(self) -> Self:
        """The same configuration, which no longer changes with this one."""
        return deepcopy(self)

    def dump(self) -> bytes:
        """As JSON, for the disk."""
        return _ADAPTER.dump_json(self)

    def put(self, port: Port) -> None:
        """Set a port."""
        self.ports[port.name] = port


_ADAPTER = TypeAdapter(Configuration)


def load(text: bytes) -> Configuration:
    """What `Configuration.dump` wrote. Raises ValueError for anything else."""
    return _ADAPTER.validate_json(text)


def trunk(name: str, allowed: str = "1") -> Port:
    """A trunk port that lets these VLANs through, `1,10-20`, or `ALL`."""
    return Port(name, mode="trunk", allowed=None if allowed == "ALL" else frozenset(numbers(allowed)))


def routed(name: str, *addresses: str) -> Port:
    """A router's port with these addresses, `203.0.113.1/24`."""
    return Port(name, mode="routed", addresses=addresses)


def numbers(text: str) -> set[int]:
    """The numbers of `1-3,7`. Raises ValueError for what is none, or is no VLAN ID."""
    found: set[int] = set()
    for part in text.split(",") if text else []:
        first, dash, last = part.partition("-")
        if not re.fullmatch(r"[0-9]{1,4}", first) or (dash and not re.fullmatch(r"[0-9]{1,4}", last)):
            raise ValueError(f"{part!r} is no VLAN ID and no range of them: expected e.g. 10 or 10-20")
        ends = int(first), int(last or first)
        if not 1 <= ends[0] <= ends[1] <= 4094:
            raise ValueError(f"{part!r} is outside of 1-4094 or upside down: expected e.g. 10-20")
        found.update(range(ends[0], ends[1] + 1))
    return found


def ranges(vlans: Iterable[int], *, pairs: bool = True) -> str:
    """`{1, 2, 3, 7}` as a switch writes it: `1-3,7`. Without `pairs`, two neighbours are `1,2`."""
    ordered = sorted(vlans)
    spans: list[list[int]] = []
    for number in ordered:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words: list[str] = []
    for first, last in spans:
        if first == last:
            words.append(str(first))
        elif last == first + 1 and not pairs:
            words += [str(first), str(last)]
        else:
            words.append(f"{first}-{last}")
    return ",".join(words)
