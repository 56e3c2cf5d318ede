"""The operating systems a simulated switch or router may run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from lab.switches import eos, frr, ios, iosxe, junos, junos_store, nxos, vyos, vyos_store
from lab.switches.configuration import Configuration, Port
from lab.switches.device import Device, Shell, Store
from lab.switches.frr import FrrShell
from lab.switches.frr_store import FrrStore
from lab.switches.junos import JunosShell
from lab.switches.junos_store import JunosStore
from lab.switches.session import Session
from lab.switches.shell import CiscoShell, CiscoStore, Dialect
from lab.switches.vyos import VyosShell
from lab.switches.vyos_store import VyosStore

SwitchDialect: TypeAlias = Literal["cisco-ios", "cisco-nxos", "arista-eos", "juniper-junos"]
"""What may be a switch; the last two may be a router as well."""
DialectName: TypeAlias = SwitchDialect | Literal["cisco-iosxe", "frr", "vyos"]


@dataclass(frozen=True, slots=True)
class System:
    """How a switch of one dialect is made."""

    ports: Sequence[str | Port]
    """Those of a switch nobody says anything about."""
    lines: int
    """How many sessions there may be at once."""
    line_limit: int | None
    new_store: Callable[[str, Configuration], Store]
    new_shell: Callable[[Device, Store, Session], Shell]
    by_hand: Callable[[Sequence[str]], Sequence[str]]
    """All that somebody types who changes the running configuration with these lines."""
    banner: str = "Cisco-1.25"
    """What its SSH server calls itself."""
    greeting: str = ""
    """What a session begins with."""
    more: str = " --More-- "
    """How the pager asks."""
    announced: Callable[[Store, Device], frozenset[str]] = lambda _, __: frozenset()
    """The networks it tells its BGP neighbours."""
    table: Callable[[Store, Device], list[dict[str, Any]]] | None = None
    """The routes in use, as plain data; None where it has no such table here."""


def _cisco(dialect: Dialect, ports: Sequence[str | Port], lines: int, banner: str = "Cisco-1.25") -> System:
    return System(
        ports,
        lines,
        dialect.line_limit,
        lambda name, configuration: CiscoStore(name, dialect, configuration),
        lambda device, store, session: CiscoShell(dialect, device, cast(CiscoStore, store), session),
        lambda lines: ["configure terminal", *lines, "end"],
        banner,
    )


SYSTEMS: dict[DialectName, System] = {
    "cisco-ios": _cisco(ios.IOS, ios.DEFAULT_PORTS, ios.TERMINAL_LINES),
    "cisco-iosxe": _cisco(iosxe.IOSXE, iosxe.DEFAULT_PORTS, iosxe.TERMINAL_LINES),
    "cisco-nxos": _cisco(nxos.NXOS, nxos.DEFAULT_PORTS, nxos.TERMINAL_LINES),
    "arista-eos": _cisco(eos.EOS, eos.DEFAULT_PORTS, eos.TERMINAL_LINES, "OpenSSH_7.8"),
    "juniper-junos": System(
        junos.DEFAULT_PORTS,
        junos.TERMINAL_LINES,
        None,
        junos_store.new_store,
        lambda device, store, session: JunosShell(device, cast(JunosStore, store), session),
        lambda lines: ["configure private", *lines, "commit", "exit"],
        banner="OpenSSH_7.5",
        greeting="--- JUNOS 21.4R3.15 built 2022-09-16 01:42:35 UTC\n",
        more="---(more)---",
    ),
    "frr": System(
        frr.DEFAULT_PORTS,
        frr.TERMINAL_LINES,
        None,
        FrrStore,
        lambda device, store, session: FrrShell(device, cast(FrrStore, store), session),
        lambda lines: ["configure terminal", *lines, "end"],
        banner="OpenSSH_9.2p1 Debian-2+deb12u2",
        greeting=frr.GREETING,
        more=":",
        announced=lambda store, device: cast(FrrStore, store).announced(device.heard),
        table=lambda store, device: frr.table(cast(FrrStore, store), device),
    ),
    "vyos": System(
        vyos.DEFAULT_PORTS,
        vyos.TERMINAL_LINES,
        None,
        vyos_store.new_store,
        lambda device, store, session: VyosShell(device, cast(VyosStore, store), session),
        lambda lines: ["configure", *lines, "commit", "exit"],
        banner="OpenSSH_9.2p1",
        greeting="Welcome to VyOS!\n\n",
        more=":",
    ),
}
