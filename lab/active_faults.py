"""Which faults of a simulated system are switched on, and how often each has struck."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar


class Strikes(Protocol):
    """What every kind of fault says of how often it strikes."""

    @property
    def effect(self) -> str:
        """What it does."""

    @property
    def times(self) -> int | None:
        """How often it strikes; None: until it is removed."""

    @property
    def skip(self) -> int:
        """How many times it passes first."""

    def model_dump(self, *, by_alias: bool | None = None) -> dict[str, Any]:
        """As plain data."""


Fault = TypeVar("Fault", bound=Strikes)


@dataclass(slots=True)
class _Active(Generic[Fault]):
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


class ActiveFaults(Generic[Fault]):
    """The faults switched on now. One that has struck `times` times stays listed, spent, until it is removed."""

    def __init__(self, kind: Callable[..., Fault]) -> None:
        self._kind = kind
        self._active: dict[str, _Active[Fault]] = {}
        self._last = 0
        self.listeners: list[Callable[[], None]] = []

    def add(self, fault: Fault | None = None, **fields: Any) -> str:
        """Switch a fault on; returns its id. `faults.add(effect="drop", times=1)` says the same in one breath."""
        self._last += 1
        identity = f"fault-{self._last}"
        self._active[identity] = _Active(fault or self._kind(**fields))
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

    def first(self, meant: Callable[[Fault], bool]) -> Fault | None:
        """The first fault that is meant and strikes now; that counts as a strike."""
        for active in self._active.values():
            if meant(active.fault) and active.strikes():
                return active.fault
        return None

    def holds(self, meant: Callable[[Fault], bool]) -> bool:
        """Whether such a fault is switched on; asking does not spend it."""
        return any(meant(active.fault) for active in self._active.values())

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
