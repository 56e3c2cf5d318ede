"""What Berth knows of one kind of switch, as data: its lines and their inverses, its errors, how it is read and saved."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tenancy.switches import SwitchPlatform

EVERY_VLAN: None = None
Carried: TypeAlias = frozenset[int] | None
"""The VLANs a trunk carries; EVERY_VLAN where the switch does not restrict it."""


class UnreadableError(ValueError):
    """Output that is not what this platform writes: one line that names what was expected."""


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
class Saving:
    """How the running configuration becomes the one the switch starts with."""

    command: str
    success: re.Pattern[str]
    """What the output holds when it was saved, and only then."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Pattern of a question -> the answer."""
    seconds: float = 180


@dataclass(frozen=True)
class Candidate:
    """How a change is staged, looked at, put into effect for a while, and confirmed. `{session}` is a name of its own."""

    open: str
    opened: re.Pattern[str]
    busy: re.Pattern[str]
    """Somebody else holds the candidate, or has changes in it: worth another try."""
    discard: tuple[str, ...]
    """Inside it: throws the staged changes away and leaves."""
    close: str | None
    """Inside it, after the commit; None where the commit leaves by itself."""
    diff: str
    own_diff: re.Pattern[str]
    """What every changed line of the diff must match; else the change would take somebody else's with it."""
    changed_vlans: Callable[[str], frozenset[int]] | None
    """The VLANs the diff is about, where other people's could be in it. Raises UnreadableError."""
    check: str | None
    checked: re.Pattern[str] | None
    commit: str
    """Goes back by itself unless it is confirmed."""
    committed: re.Pattern[str]
    confirm: tuple[str, ...]
    confirmed: re.Pattern[str]
    revert: tuple[str, ...]
    """Takes back a commit that was not confirmed."""
    stale: str
    """The command that tells what an earlier session left behind."""
    stale_ours: re.Pattern[str]
    """Finds what we left there, and what waits to be confirmed; its group, if any, is the session's name."""
    clear: tuple[str, ...] = ()
    """Takes one away; nothing where it goes by itself."""
    seconds: float = 120


@dataclass(frozen=True)
class Dialect:
    """One kind of switch. `{vlan}` is the ID, `{name}` the VLAN's name, `{port}` the trunk port."""

    platform: SwitchPlatform
    device_type: str
    """Netmiko's name of it."""
    prompt: str
    """Regular expression of the prompt in every mode, with `{host}` for the host's part; it stands alone on a line."""
    create: tuple[str, ...]
    delete: tuple[str, ...]
    join: tuple[str, ...]
    """Puts the VLAN on a trunk, and leaves every other VLAN there alone."""
    leave: tuple[str, ...]
    errors: re.Pattern[str]
    """What a rejected line is answered with. Looked for line by line."""
    reading: Reading
    tried: Literal["simulator", "documentation"]
    sources: tuple[str, ...]
    """Vendors' manuals."""
    known: tuple[str, ...] = ()
    """What a network engineer should know, sentence by sentence."""
    enter: str | None = "configure terminal"
    """Into the configuration mode; None where there is none, or a candidate's `open` does it."""
    end: str | None = "end"
    enable: bool = True
    """Has a privileged mode that is entered with `enable`."""
    saving: Saving | None = None
    """None where the commit saves."""
    candidate: Candidate | None = None
    """None where each line takes effect at once."""
    named: bool = True
    """A VLAN bears a name, which tells whose it is."""
    port_words: tuple[str, str] = ("$^", "")
    """Pattern and replacement: how the commands write a port, where they do not as the platform's document does."""
    denied: re.Pattern[str] = re.compile(r"(?i)authoriz|permission denied|not permitted")
    """Errors that are about the login, not about the line."""


def port_word(dialect: Dialect, port: str) -> str:
    """A port as this platform's commands write it."""
    return re.sub(*dialect.port_words, port)


def rendered(templates: tuple[str, ...], *, vlan: int, name: str, port: str = "") -> tuple[str, ...]:
    """The lines of the templates."""
    return tuple(template.format(vlan=vlan, name=name, port=port) for template in templates)
