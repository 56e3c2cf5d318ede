"""FRR's configuration as text, and what the lines of BGP and of route maps in it say.

Everything but static routes is kept word for word, in `other`: blocks that begin at the left edge.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lab.switches.configuration import Configuration
from lab.switches.frr_routes import static_lines

VERSION = "8.4.4"
Block: TypeAlias = list[str]


@dataclass(slots=True)
class Bgp:
    """What `router bgp` says."""

    number: int = 0
    """The router's own AS; 0 where it runs no BGP."""
    router_id: str = "0.0.0.0"  # noqa: S104 - FRR's own word for none
    neighbours: dict[str, int] = field(default_factory=dict)
    """Address to AS."""
    tags: dict[int, set[int] | None] = field(default_factory=dict)
    """By family: the tags of the static routes that are redistributed; None where all are."""


def whole(name: str, configuration: Configuration, daemon: str = "") -> str:
    """What `show running-config` prints, of one daemon or of all."""
    return f"Building configuration...\n\nCurrent configuration:\n!\n{saved(name, configuration, daemon)}"


def saved(name: str, configuration: Configuration, daemon: str = "") -> str:
    """The same without its head: the contents of frr.conf."""
    lines = [
        f"frr version {VERSION}",
        "frr defaults datacenter",
        f"hostname {name}",
        "log syslog informational",
        "service integrated-vtysh-config",
        "!",
    ]
    if daemon in {"", "staticd"} and (static := static_lines(configuration.routes)):
        lines += [*static, "!"]
    for block in _blocks(configuration.other):
        if daemon in {"", *_daemons(block[0])}:
            lines += [*block, "!"]
    return "\n".join([*lines, "end"]) + "\n"


def bgp_of(configuration: Configuration) -> Bgp:
    """What the lines say of BGP."""
    found = Bgp()
    maps = dict(_route_maps(configuration.other))
    family = 4
    for line in (line.strip() for block in _blocks(configuration.other) for line in block):
        if match := re.fullmatch(r"router bgp ([0-9]+)", line):
            found.number = int(match[1])
        elif match := re.fullmatch(r"bgp router-id (\S+)", line):
            found.router_id = match[1]
        elif match := re.fullmatch(r"neighbor (\S+) remote-as ([0-9]+)", line):
            found.neighbours[match[1]] = int(match[2])
        elif match := re.fullmatch(r"address-family ipv([46]) unicast", line):
            family = int(match[1])
        elif match := re.fullmatch(r"redistribute static(?: route-map (\S+))?", line):
            # A route map that is not there lets nothing through.
            found.tags[family] = maps.get(match[1], set()) if match[1] else None
    return found


def _blocks(other: Sequence[str]) -> Iterator[Block]:
    block: Block = []
    for line in other:
        if not line.startswith(" ") and line != "exit" and block:
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _daemons(first: str) -> tuple[str, ...]:
    """Which of them have a line in their configuration."""
    if first.startswith("route-map"):
        return ("zebra", "bgpd")
    return ("bgpd",) if first.startswith("router bgp") else ("zebra",)


def _route_maps(other: Sequence[str]) -> Iterator[tuple[str, set[int] | None]]:
    """Name, and the tags it lets through; None where it asks for none."""
    for block in _blocks(other):
        if match := re.fullmatch(r"route-map (\S+) permit [0-9]+", block[0]):
            tags = {int(found[1]) for line in block if (found := re.fullmatch(r" match tag ([0-9]+)", line))}
            yield match[1], tags or None
