"""Everything clients sent to a simulated switch, in order."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

SECRET = "(a secret)"  # noqa: S105 - what stands in its place


@dataclass(slots=True)
class Entry:
    """One line a client sent."""

    session: int
    """Sessions are counted from 1 for as long as the switch exists."""
    user: str
    line: str
    configuring: bool
    """Whether the session was in configuration mode when the line came."""
    kind: Literal["command", "answer", "secret"] = "command"
    """An answer is what followed a question of the switch; a secret's text is not kept."""
    accepted: bool | None = None
    """None for a line that got no answer: the session ended, or hangs."""
    fault: str = ""
    """The effect of the fault that struck it, if any."""


class Journal:
    """The lines of every session."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> Entry:
        """Note a line; what becomes of it is noted in the entry later."""
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget every line."""
        self._entries.clear()

    def lines(self, session: int | None = None, *, configuring: bool | None = None) -> list[str]:
        """The commands that were sent, without the empty lines: of one session, or in configuration mode only."""
        return [
            entry.line
            for entry in self._entries
            if entry.kind == "command"
            and entry.line.strip()
            and session in {None, entry.session}
            and configuring in {None, entry.configuring}
        ]

    def listed(self) -> list[dict[str, Any]]:
        """Every entry, as plain data."""
        return [asdict(entry) for entry in self._entries]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
