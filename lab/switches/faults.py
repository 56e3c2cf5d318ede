"""Faults of a simulated switch that can be switched on while it runs."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LineEffect = Literal["drop", "lose-answer", "hang", "slow", "error", "ignore", "syslog", "reload"]
OtherEffect = Literal[
    "refuse", "no-banner", "no-session", "deny-login", "deny-enable", "change-host-key", "deny-save", "fail-commit"
]


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


class Fault(BaseModel):
    """One way a switch misbehaves.

    Towards a line of a client that `line`, a regular expression, is found in: `drop` cuts the connection before the line
    takes effect, `lose-answer` after; `hang` never answers, and does nothing; `slow` waits `seconds` first; `error`
    answers `message` and does nothing; `ignore` takes the line and does nothing; `syslog` puts `message` in the middle of
    the answer; `reload` restarts the switch before the line takes effect. For one that strikes while a switch saves, name
    the line that saves.

    Towards a save or a commit: `deny-save` refuses it, `fail-commit` fails a commit (with `line` "check", only its check),
    with `message` or the dialect's own words.

    Towards a connection: `refuse` lets nobody connect (until removed); `no-banner` cuts a new connection at once;
    `no-session` has no terminal line left; `deny-login` takes no password and no key; `deny-enable` no enable secret
    (with a `message`, such as "% Error in authentication.", at once instead of asking three times);
    `change-host-key` shows another host key (until removed).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: LineEffect | OtherEffect
    line: Annotated[str, AfterValidator(_regex)] = r"\S"
    times: int | None = Field(default=None, ge=1, description="how often it strikes; without it, until removed")
    skip: int = Field(default=0, ge=0, description="how many times it passes first")
    seconds: float = Field(default=1.0, ge=0)
    message: str = ""


@dataclass(slots=True)
class _Active:
    fault: Fault
    met: int = 0
    struck: int = 0
    first_strike: asyncio.Event = field(default_factory=asyncio.Event)

    def strikes(self) -> bool:
        self.met += 1
        if self.met <= self.fault.skip or (self.fault.times is not None and self.struck >= self.fault.times):
            return False
        self.struck += 1
        self.first_strike.set()
        return True


class Faults:
    """The faults switched on now. One that has struck `times` times stays listed, spent, until it is removed."""

    def __init__(self) -> None:
        self._active: dict[str, _Active] = {}
        self._last = 0
        self.listeners: list[Callable[[], None]] = []

    def add(self, fault: Fault | None = None, **fields: Any) -> str:
        """Switch a fault on; returns its id. `faults.add(effect="drop", line="^no vlan")` says the same in one breath."""
        self._last += 1
        identity = f"fault-{self._last}"
        self._active[identity] = _Active(fault or Fault(**fields))
        self._tell()
        return identity

    def remove(self, identity: str) -> bool:
        """Switch a fault off; returns whether it was there."""
        was_there = self._active.pop(identity, None) is not None
        self._tell()
        return was_there

    def clear(self) -> None:
        """Switch every fault off."""
        self._active.clear()
        self._tell()

    def struck(self, identity: str) -> int:
        """How often a fault has struck so far; 0 for one that was removed."""
        active = self._active.get(identity)
        return active.struck if active else 0

    async def striking(self, identity: str) -> None:
        """Wait until a fault strikes for the first time. Raises KeyError for one that was removed."""
        await self._active[identity].first_strike.wait()

    def listed(self) -> list[dict[str, Any]]:
        """Every fault, with how often it struck."""
        return [
            {"id": identity, "struck": active.struck, **active.fault.model_dump()}
            for identity, active in self._active.items()
        ]

    def on_line(self, line: str) -> Fault | None:
        """The fault that strikes this line, if any."""
        effects = get_args(LineEffect)
        return self._first(lambda fault: fault.effect in effects and re.search(fault.line, line) is not None)

    def on(self, effect: OtherEffect, line: str = "any") -> Fault | None:
        """The fault of one effect that strikes now, if any."""
        return self._first(lambda fault: fault.effect == effect and re.search(fault.line, line) is not None)

    def lasting(self, effect: OtherEffect) -> bool:
        """Whether a fault is switched on that lasts until it is removed."""
        return any(active.fault.effect == effect for active in self._active.values())

    def _first(self, meant: Callable[[Fault], bool]) -> Fault | None:
        for active in self._active.values():
            if meant(active.fault) and active.strikes():
                return active.fault
        return None

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
