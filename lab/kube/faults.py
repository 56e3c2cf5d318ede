"""Faults that can be switched on while the simulator runs, and the record of every call it was made."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.active_faults import ActiveFaults

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


class Faults(ActiveFaults[Fault]):
    """The faults of the platform that are switched on now."""

    def __init__(self) -> None:
        super().__init__(Fault)

    def on_call(self, verb: str, plural: str, namespace: str, name: str) -> Fault | None:
        """The fault that strikes this call, if any."""
        return self.first(lambda fault: not fault.in_controller and fault.meets(verb, plural, namespace, name))

    def refuses(self, verb: str, plural: str, namespace: str, name: str) -> bool:
        """Whether such a call would be refused; asking does not spend the fault."""
        return self.holds(lambda fault: fault.effect == "refuse" and fault.meets(verb, plural, namespace, name))

    def paused(self) -> bool:
        """Whether the controller stands still."""
        return self.holds(lambda fault: fault.effect == "paused")

    def in_controller(self, effect: ControllerEffect, plural: str, name: str) -> Fault | None:
        """The fault of one effect that strikes the controller's work on an object, if any."""
        return self.first(lambda fault: fault.effect == effect and fault.meets("*", plural, "", name))


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
