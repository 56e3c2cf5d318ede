"""The databases of a Junos switch: active, committed, the candidate everybody shares, and the lock on it."""

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from lab.switches import junos_text
from lab.switches.configuration import Configuration
from lab.switches.device import RejectedError
from lab.switches.junos_config import JunosConfiguration, from_configuration, load_statements, member_ids
from lab.switches.junos_schema import WAYS

_KEPT = 50
"""How many configurations before the last `rollback` can bring back."""
CHECK_FAILED = "error: configuration check-out failed"


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A commit that is taken back when its time is up."""

    before: JunosConfiguration
    minutes: int
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class JunosStore:
    """What a switch does (active), what it comes up with (committed), and what is edited (candidate)."""

    active: JunosConfiguration
    committed: JunosConfiguration = field(init=False)
    candidate: JunosConfiguration = field(init=False)
    locked_by: tuple[int, str] | None = None
    """Session and user of who configures exclusively."""
    editors: dict[int, str] = field(default_factory=dict)
    """Sessions in the shared candidate, and their users."""
    history: list[JunosConfiguration] = field(default_factory=list)
    unconfirmed: Unconfirmed | None = None

    def __post_init__(self) -> None:
        self.committed = self.candidate = self.active

    @property
    def running(self) -> Configuration:
        """What it does now."""
        return self.active.view()

    @property
    def startup(self) -> Configuration:
        """What it does after a restart: what was committed, and confirmed where that was asked for."""
        return self.committed.view()

    def text(self, which: str) -> str:
        """`running` or `startup` as the switch itself writes it."""
        return junos_text.whole(self.committed if which == "startup" else self.active)

    def reload(self) -> None:
        """Start again: candidates and the lock are gone, an unconfirmed commit is taken back."""
        self._drop_timer()
        self.active = self.candidate = self.committed
        self.locked_by = None
        self.editors.clear()

    def dump(self) -> bytes:
        """The committed configuration, for the disk."""
        return self.committed.dump()

    def restore(self, dumped: bytes) -> None:
        """Start from what `dump` wrote. Raises ValueError for anything else."""
        self.committed = load_statements(dumped)
        self.reload()

    def snapshot(self) -> Any:
        """Everything, for `undo`."""
        return self.active, self.committed, self.candidate, list(self.history)

    def undo(self, snapshot: Any) -> None:
        """Everything as it was."""
        self._drop_timer()
        self.active, self.committed, self.candidate, self.history = snapshot

    def is_changed(self) -> bool:
        """Whether the shared candidate holds what nobody committed."""
        return not self.candidate.is_as(self.active)

    def commit(self, new: JunosConfiguration, minutes: int | None, minute_seconds: float) -> None:
        """Make it active; with `minutes` it is taken back after them unless it is confirmed."""
        candidate = self.candidate.change(self.active, new)
        before = self.unconfirmed.before if self.unconfirmed else self.active
        self._drop_timer()
        self.history = [self.active, *self.history][:_KEPT]
        self.active, self.candidate = new, candidate
        if minutes is None:
            self.committed = new
            return
        timer = asyncio.get_running_loop().call_later(minutes * minute_seconds, self.take_back)
        self.unconfirmed = Unconfirmed(before, minutes, timer)

    def confirm(self) -> None:
        """Let the commit that waits for it stay."""
        if self.unconfirmed:
            self._drop_timer()
            self.committed = self.active

    def take_back(self) -> None:
        """The time is up and nobody confirmed."""
        if self.unconfirmed:
            before = self.unconfirmed.before
            self._drop_timer()
            self.candidate = self.candidate.change(self.active, before)
            self.active = before

    def rollback(self, number: int) -> JunosConfiguration:
        """The active configuration (0) or an earlier one. Raises RejectedError where there is none."""
        kept = [self.active, *self.history]
        if number >= len(kept):
            raise RejectedError(
                f"error: could not open configuration file: rollback {number}: No such file or directory"
            )
        return kept[number]

    def _drop_timer(self) -> None:
        if self.unconfirmed:
            self.unconfirmed.timer.cancel()
            self.unconfirmed = None


def new_store(name: str, configuration: Configuration) -> JunosStore:
    """The databases of a switch that was configured so."""
    return JunosStore(from_configuration(name, configuration))


def mistakes(configuration: JunosConfiguration) -> str:
    """What `commit check` finds; empty where there is nothing.

    Members that are no VLAN, VLANs of one ID, static routes that lead nowhere or are of the other family.
    """
    vlans = configuration.vlans()
    owners: dict[int, str] = {}
    for name, number in vlans.items():
        if number in owners:
            return (
                f"[edit vlans {name}]\n  'vlan-id {number}'\n"
                f"    Duplicate vlan-id: vlan {owners[number]} has it already\n{CHECK_FAILED}"
            )
        owners[number] = name
    for statement in configuration.statements:
        member = statement[-1].removeprefix("members ")
        if member != statement[-1] and member != "all" and not member_ids(member, vlans):
            port, unit = statement[1], statement[2].removeprefix("unit ")
            return (
                f"[edit interfaces {port}]\n  'unit {unit}'\n"
                f"    error: No vlan matches vlan tag {member} for interface {port}.{unit}\n{CHECK_FAILED}"
            )
    return _mistaken_routes(configuration)


def _mistaken_routes(configuration: JunosConfiguration) -> str:
    for place in configuration.route_places():
        network = ip_network(place[-1].removeprefix("route "))
        family = 6 if "rib inet6.0" in place else 4
        ways = [one[-1] for one in configuration.below(place) if one[-1].partition(" ")[0] in WAYS]
        hops = [one.removeprefix("next-hop ") for one in ways if one.startswith("next-hop ") and "/" not in one]
        told = ""
        if network.version != family or any(ip_address(hop).version != family for hop in hops):
            told = "address family mismatch"
        elif not ways:
            told = "next-hop, discard, reject, receive or next-table must be specified"
        if told:
            return f"[edit {' '.join(place[:-1])}]\n  '{place[-1]}'\n    RT: {told}\n{CHECK_FAILED}"
    return ""
