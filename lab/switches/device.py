"""The inside of a simulated switch: its configurations, what it is slow at, and who is logged in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.switches.configuration import Configuration
from lab.switches.faults import Faults
from lab.switches.journal import Journal


class RejectedError(Exception):
    """The switch takes a line not; the message is what it prints."""


class Store(Protocol):
    """The configurations of one switch."""

    @property
    def running(self) -> Configuration:
        """What it does now."""

    @property
    def startup(self) -> Configuration:
        """What it does after a restart."""

    def text(self, which: str) -> str:
        """`running` or `startup` as the switch itself writes it."""

    def reload(self) -> None:
        """Start again from the start-up configuration."""

    def dump(self) -> bytes:
        """The start-up configuration, for the disk."""

    def restore(self, dumped: bytes) -> None:
        """Start from what `dump` wrote. Raises ValueError for anything else."""

    def snapshot(self) -> Any:
        """Everything, for `undo`."""

    def undo(self, snapshot: Any) -> None:
        """Everything as it was."""


class Shell(Protocol):
    """The command line of one session."""

    closed: bool

    @property
    def prompt(self) -> str:
        """What it prints before it reads a line."""

    @property
    def configuring(self) -> bool:
        """Whether it is in configuration mode."""

    async def run(self, line: str) -> str:
        """Carry out a line; returns what it prints. Raises RejectedError."""

    def settle(self) -> None:
        """Let take effect what waits for the end of a mode."""

    def help_on(self, typed: str) -> str | None:
        """What `?` says after this text."""

    def close(self) -> None:
        """The session ends, however it does."""


@dataclass(slots=True)
class Sessions:
    """How many sessions there were."""

    opened: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """A BGP neighbour, as it presents itself."""

    name: str
    router_id: str


@dataclass(slots=True)
class Device:
    """What the command lines of one switch share."""

    name: str
    faults: Faults
    journal: Journal
    enable_secret: str | None = None
    save_seconds: float = 0.0
    command_seconds: float = 0.0
    minute_seconds: float = 60.0
    """What the switch takes for a minute, where it waits for minutes."""
    sessions: Sessions = field(default_factory=Sessions)
    saved: list[Callable[[], None]] = field(default_factory=list)
    """Told after the start-up configuration changed."""
    heard: dict[str, str] = field(default_factory=dict)
    """What the router's BGP neighbours announce to it: network to next hop."""
    peers: dict[str, Peer] = field(default_factory=dict)
    """The router's BGP neighbours whose session is up, by address."""
    changed: list[Callable[[], None]] = field(default_factory=list)
    """Told after the running configuration may have changed, and when the device is up or down."""
    forward: Callable[[Configuration], Awaitable[None]] | None = None
    """Makes real ports do what the running configuration says, before a line is answered; None where there are none."""
    restart: Callable[[], None] = lambda: None
    """Restarts the switch."""

    async def pause(self, seconds: float) -> None:
        """Take this long over something; nothing at all where it is 0."""
        if seconds:
            await asyncio.sleep(seconds)

    def tell_changed(self) -> None:
        """Tell that the running configuration may have changed, or that the device is up or down."""
        for listener in self.changed:
            listener()

    def tell_saved(self) -> None:
        """Tell that the start-up configuration changed."""
        for listener in self.saved:
            listener()


def default_vlan_name(vlan: int) -> str:
    """The name of a VLAN nobody named, on Cisco's and Arista's switches."""
    return f"VLAN{vlan:04d}"


def indented(lines: Sequence[str], by: int) -> list[str]:
    """The lines of a block."""
    return [" " * by + line for line in lines]
