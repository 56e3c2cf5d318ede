"""What Berth knows of VLANs on one kind of switch, as data: its lines and their inverses, and how it is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from clients.devices.command_line import NOTHING, CommandLine
from tenancy.switches import SwitchPlatform

EVERY_VLAN: None = None
Carried: TypeAlias = frozenset[int] | None
"""The VLANs a trunk carries; EVERY_VLAN where the switch does not restrict it."""


class NoTrunkError(ValueError):
    """A port that cannot carry a tagged VLAN: why, in a few words."""


@dataclass(frozen=True)
class State:
    """What a switch has configured, as far as Berth is concerned."""

    vlans: Mapping[int, str]
    """ID -> name; the empty name where it has none."""
    trunks: Mapping[str, Carried] = field(default_factory=dict)
    """The ports that were asked about and are trunks."""
    no_trunks: Mapping[str, str] = field(default_factory=dict)
    """The ports that were asked about and are none -> why."""
    nameless: frozenset[int] = frozenset()
    """VLANs under the name the switch itself gives, with no port in them: nobody named them, and nobody uses them. Where a
    VLAN is there before it has its name, a session that is lost in between leaves one."""


@dataclass(frozen=True)
class Vlans:
    """What the list of VLANs tells."""

    names: dict[int, str]
    nameless: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reading:
    """How the state is read. Every parser raises UnreadableError rather than leave something out."""

    vlans: str
    """The command that lists every VLAN."""
    parse_vlans: Callable[[str], Vlans]
    port: str
    """The command that shows one port's configuration, with `{port}`."""
    parse_port: Callable[[str, str, Mapping[int, str]], Carried]
    """From the output, the port and the VLANs. Raises NoTrunkError."""


@dataclass(frozen=True)
class Dialect:
    """One kind of switch. `{vlan}` is the ID, `{name}` the VLAN's name, `{port}` the trunk port."""

    platform: SwitchPlatform
    cli: CommandLine
    create: tuple[str, ...]
    delete: tuple[str, ...]
    join: tuple[str, ...]
    """Puts the VLAN on a trunk, and leaves every other VLAN there alone."""
    leave: tuple[str, ...]
    reading: Reading
    tried: Literal["simulator", "documentation"]
    sources: tuple[str, ...]
    """Vendors' manuals."""
    known: tuple[str, ...] = ()
    """What a network engineer should know, sentence by sentence."""
    own_diff: re.Pattern[str] = NOTHING
    """What every changed line of a candidate's diff must match; else the commit would take somebody else's with it."""
    changed_vlans: Callable[[str], frozenset[int]] | None = None
    """The VLANs a candidate's diff is about, where other people's could be in it. Raises UnreadableError."""
    named: bool = True
    """A VLAN bears a name, which tells whose it is."""
    port_words: tuple[str, str] = ("$^", "")
    """Pattern and replacement: how the commands write a port, where they do not as the platform's document does."""


def port_word(dialect: Dialect, port: str) -> str:
    """A port as this platform's commands write it."""
    return re.sub(*dialect.port_words, port)


def rendered(templates: tuple[str, ...], *, vlan: int, name: str, port: str = "") -> tuple[str, ...]:
    """The lines of the templates."""
    return tuple(template.format(vlan=vlan, name=name, port=port) for template in templates)
