"""Faults that can be switched on while the simulator runs, and the record of every call it was made."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CallEffect = Literal["refuse", "error", "lose-answer", "drop", "slow", "hang"]
ControllerEffect = Literal["never-ready", "late", "stuck-finalizer", "paused"]


class Fault(BaseModel):
    """One way the platform misbehaves, and towards whom. `verb`, `plural`, `namespace` and `name` are globs.

    Towards callers: `refuse` and `error` answer with `status` without acting; `lose-answer` acts and then cuts the
    connection (or answers `status`, if one is given), and cuts a watch after `seconds`; `drop` cuts it before acting;
    `slow` waits `seconds` first; `hang` never answers. In the controller: `never-ready`, `late` (by `seconds`),
    `stuck-finalizer`, and `paused`, which stops it altogether.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    effect: CallEffect | ControllerEffect
    verb: str = "*"
    plural: str = "*"
    namespace: str = "*"
    name: str = "*"
    times: int | None = Field(default=None, ge=1, description="how often it strikes; without it, until removed")
    skip: int = Field(default=0, ge=0, description="how many matching calls pass first")
    status: int | None = Field(default=None, ge=400, le=599)
    message: str = ""
    seconds: float = Field(default=1.0, ge=0)
    retry_after: int | None = Field(default=None, alias="retryAfter", ge=0)

    @property
    def in_controller(self) -> bool:
        """Whether it strikes the controller and not a caller."""
        return self.effect in {"never-ready", "late", "stuck-finalizer", "paused"}

    def meets(self, verb: str, plural: str, namespace: str, name: str) -> bool:
        """Whether a call or an object is meant."""
        return (
            fnmatchcase(verb, self.verb)
            and fnmatchcase(plural, self.plural)
            and fnmatchcase(namespace, self.namespace)
            and fnmatchcase(name, self.name)
        )


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
        """Switch a fault on; returns its id. `faults.add(effect="drop", verb="create")` says the same in one breath."""
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
            {"id": identity, "struck": active.struck, **active.fault.model_dump(by_alias=True)}
            for identity, active in self._active.items()
        ]

    def on_call(self, verb: str, plural: str, namespace: str, name: str) -> Fault | None:
        """The fault that strikes this call, if any."""
        return self._first(lambda fault: not fault.in_controller and fault.meets(verb, plural, namespace, name))

    def refuses(self, verb: str, plural: str, namespace: str, name: str) -> bool:
        """Whether such a call would be refused; asking does not spend the fault."""
        return any(
            active.fault.effect == "refuse" and active.fault.meets(verb, plural, namespace, name)
            for active in self._active.values()
        )

    def paused(self) -> bool:
        """Whether the controller stands still."""
        return any(active.fault.effect == "paused" for active in self._active.values())

    def in_controller(self, effect: ControllerEffect, plural: str, name: str) -> Fault | None:
        """The fault of one effect that strikes the controller's work on an object, if any."""
        return self._first(lambda fault: fault.effect == effect and fault.meets("*", plural, "", name))

    def _first(self, meant: Callable[[Fault], bool]) -> Fault | None:
        for active in self._active.values():
            if meant(active.fault) and active.strikes():
                return active.fault
        return None

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


@dataclass(frozen=True, slots=True)
class Call:
    """One API call: what was asked, and the HTTP status of the answer (0 when the connection was cut)."""

    verb: str
    plural: str
    namespace: str
    name: str
    status: int
    subresource: str = ""


class Calls:
    """The latest calls, oldest first; bounded, so a long benchmark does not fill the memory."""

    def __init__(self, kept: int = 100_000) -> None:
        self._calls: deque[Call] = deque(maxlen=kept)

    def record(self, call: Call) -> None:
        """Remember a call."""
        self._calls.append(call)

    def clear(self) -> None:
        """Forget every call."""
        self._calls.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Every call remembered, as plain data."""
        return [asdict(call) for call in self._calls]

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)
