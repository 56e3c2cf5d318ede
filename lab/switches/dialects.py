"""The operating systems a simulated switch may run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from lab.switches import eos, ios, nxos
from lab.switches.configuration import Configuration
from lab.switches.device import Device, Shell, Store
from lab.switches.session import Session
from lab.switches.shell import CiscoShell, CiscoStore, Dialect

DialectName: TypeAlias = Literal["cisco-ios", "cisco-nxos", "arista-eos"]


@dataclass(frozen=True, slots=True)
class System:
    """How a switch of one dialect is made."""

    ports: Sequence[str]
    """Those of a switch nobody says anything about."""
    lines: int
    """How many sessions there may be at once."""
    line_limit: int | None
    new_store: Callable[[str, Configuration], Store]
    new_shell: Callable[[Device, Store, Session], Shell]
    by_hand: Callable[[Sequence[str]], Sequence[str]]
    """All that somebody types who changes the running configuration with these lines."""


def _cisco(dialect: Dialect, ports: Sequence[str], lines: int) -> System:
    return System(
        ports,
        lines,
        dialect.line_limit,
        lambda name, configuration: CiscoStore(name, dialect, configuration),
        lambda device, store, session: CiscoShell(dialect, device, cast(CiscoStore, store), session),
        lambda lines: ["configure terminal", *lines, "end"],
    )


SYSTEMS: dict[DialectName, System] = {
    "cisco-ios": _cisco(ios.IOS, ios.DEFAULT_PORTS, ios.TERMINAL_LINES),
    "cisco-nxos": _cisco(nxos.NXOS, nxos.DEFAULT_PORTS, nxos.TERMINAL_LINES),
    "arista-eos": _cisco(eos.EOS, eos.DEFAULT_PORTS, eos.TERMINAL_LINES),
}
