"""The configurations of a simulated VyOS: active, saved, each session's candidate, and a commit that is not confirmed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.switches import vyos_text
from lab.switches.configuration import Configuration
from lab.switches.vyos_config import VyosConfiguration, from_configuration, load_statements


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one session edits."""

    own: VyosConfiguration
    base: VyosConfiguration
    """The active configuration it stands on."""


@dataclass(slots=True)
class VyosStore:
    """What a router does (active), what it boots with (saved), and what its sessions edit."""

    active: VyosConfiguration
    saved: VyosConfiguration = field(init=False)
    candidates: dict[int, Candidate] = field(default_factory=dict)
    """By the session's number."""
    committing: bool = False
    """Whether a commit is under way: there is one at a time."""
    unconfirmed: asyncio.TimerHandle | None = None
    """Reboots the router unless the commit before it is confirmed."""

    def __post_init__(self) -> None:
        self.saved = self.active

    @property
    def running(self) -> Configuration:
        """What it does now."""
        return self.active.view()

    @property
    def startup(self) -> Configuration:
        """What it does after a restart."""
        return self.saved.view()

    def text(self, which: str) -> str:
        """`running` or `startup` as the router itself writes it."""
        return vyos_text.in_braces(self.saved if which == "startup" else self.active)

    def reload(self) -> None:
        """Start again from what was saved."""
        self.confirm()
        self.committing = False
        self.candidates.clear()
        self.active = self.saved

    def dump(self) -> bytes:
        """What was saved, for the disk."""
        return self.saved.dump()

    def restore(self, dumped: bytes) -> None:
        """Start from what `dump` wrote. Raises ValueError for anything else."""
        self.saved = load_statements(dumped)
        self.reload()

    def snapshot(self) -> Any:
        """Everything, for `undo`."""
        return self.active, self.saved, dict(self.candidates), self.unconfirmed

    def undo(self, snapshot: Any) -> None:
        """Everything as it was."""
        self.active, self.saved, self.candidates, unconfirmed = snapshot
        if self.unconfirmed is not unconfirmed:
            self.confirm()

    def edit(self, session: int, own: VyosConfiguration) -> None:
        """Let a session edit this, on top of what is active now."""
        self.candidates[session] = Candidate(own, self.active)

    def candidate(self, session: int) -> VyosConfiguration:
        """What a session edits, with what others committed meanwhile; what is active where it edits nothing."""
        edited = self.candidates.get(session)
        if edited is None:
            return self.active
        if edited.base is not self.active:
            self.edit(session, self.active.change(edited.base, edited.own))
        return self.candidates[session].own

    def wait(self, seconds: float, reboot: Callable[[], None]) -> None:
        """Reboot after this time unless `confirm` comes first."""
        self.unconfirmed = asyncio.get_running_loop().call_later(seconds, reboot)

    def confirm(self) -> bool:
        """Let the commit stay; whether one waited for it."""
        waited = self.unconfirmed is not None
        if self.unconfirmed:
            self.unconfirmed.cancel()
            self.unconfirmed = None
        return waited


def new_store(name: str, configuration: Configuration) -> VyosStore:
    """The configurations of a router that was configured so."""
    return VyosStore(from_configuration(name, configuration))
