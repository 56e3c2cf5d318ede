"""What Berth knows of static routes on one kind of router, as data: its lines and their inverses, and how it is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

from clients.devices.command_line import CommandLine
from tenancy.edge import RouterPlatform

Network: TypeAlias = IPv4Network | IPv6Network
Family: TypeAlias = Literal[4, 6]
NO_WAY = "without a next hop"
"""The `other` of a route that leads nowhere by what was understood of it."""


@dataclass(frozen=True)
class Static:
    """One way of a static route, as the configuration has it."""

    next_hop: str | None
    """An address in its canonical spelling; None where the route discards."""
    tag: int | None = None
    name: str | None = None
    other: str = ""
    """Whatever else it says, e.g. a distance or an interface: nothing that Berth writes."""


Statics: TypeAlias = Mapping[Network, tuple[Static, ...]]
"""Every static route of the router itself, none of its VRFs."""


@dataclass(frozen=True)
class Reading:
    """How the configured routes are read. The parser raises UnreadableError rather than leave something out."""

    command: str
    parse: Callable[[str], Statics]
    ready: tuple[str, re.Pattern[str]] | None = None
    """A command, and what its answer holds where the router has all its parts; without one the configuration it shows, and
    would save, is not all there is."""


@dataclass(frozen=True)
class Table:
    """How the routing table is read: `{network}`, `{address}` and `{mask}` are of a network that covers all that is asked."""

    commands: Mapping[Family, str]
    parse: Callable[[str], Mapping[Network, bool]]
    """Each network that is routed -> by a static route. Raises UnreadableError."""


@dataclass(frozen=True)
class RouteDialect:
    """One kind of router. `{address}` is what is reached, `{way}` the next hop, `{tag}` and `{name}` say whose it is."""

    platform: RouterPlatform
    cli: CommandLine
    announce: Mapping[Family, tuple[str, ...]]
    withdraw: Mapping[Family, tuple[str, ...]]
    way: str
    """With `{next_hop}`."""
    discard: str
    """The way of what is announced and discarded."""
    reading: Reading
    table: Table
    tried: Literal["real", "simulator", "documentation"]
    sources: tuple[str, ...]
    """Vendors' manuals."""
    known: tuple[str, ...] = ()
    """What a network engineer should know, sentence by sentence."""
    named: bool = True
    """A route bears a name, which tells whose it is."""
    tagged_hops: bool = True
    """A route with a next hop bears a tag; else only one that discards does."""
    several: bool = True
    """A second next hop stands beside the first, and is taken away alone; else `withdraw` takes all of them."""
    changed: Callable[[str], frozenset[Network]] = field(default=lambda _: frozenset())
    """The routes a candidate's diff is about. Raises UnreadableError for a changed line of anything else."""
    staged: Callable[[str, str], str] | None = None
    """From what `reading` showed and a candidate's diff to what it shows after the commit; where a commit does not go back."""


def rendered(
    dialect: RouteDialect, templates: Mapping[Family, tuple[str, ...]], network: Network, static: Static
) -> tuple[str, ...]:
    """The lines of the templates."""
    way = (dialect.discard if static.next_hop is None else dialect.way).format(next_hop=static.next_hop, tag=static.tag)
    return tuple(
        template.format(address=network.network_address, way=way, tag=static.tag, name=static.name)
        for template in templates[network.version]
    )
