"""The command line that Cisco's and Arista's switches share: modes, abbreviations, privileges; a dialect is its data."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from lab.switches.configuration import Configuration, load
from lab.switches.device import Device, RejectedError
from lab.switches.grammar import AmbiguousError, Command, IncompleteError, NoCommandError, following, parse
from lab.switches.session import Session
from lab.switches.terminal import END

Reply: TypeAlias = "Awaitable[str | None] | str | None"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One operating system as data. Modes are `user`, `exec`, `config`, `config-vlan`, `config-if`, ..."""

    name: str
    commands: Mapping[str, Sequence[Command]]
    invalid: str
    incomplete: str
    ambiguous: Callable[[AmbiguousError], str]
    after_error: str
    """Empty lines after what it says of a wrong line."""
    port_kinds: Sequence[str]
    """Kinds of ports in full; the first of those that fit an abbreviation is meant."""
    mark: bool
    """Whether a `^` shows where a line went wrong."""
    marks_all: bool
    """Whether it shows where a line is ambiguous or ends too early, too."""
    hostname_width: int
    """How much of the name a prompt shows in configuration mode."""
    text: Callable[[str, Configuration], str]
    """Name and configuration to what the switch writes."""
    bad_vlans: Callable[[str], str]
    """What it says of a list of VLANs that is none."""
    line_limit: int | None = None
    makes_access_vlans: bool = False
    """Whether a port's access VLAN comes into being with the port's line."""
    reserved: Callable[[int], str] = lambda _: ""
    """What it says where a VLAN may not be made."""
    shows_anywhere: bool = False
    """Whether commands of privileged mode work in configuration mode as they are."""
    wrong_port: str = ""
    """What it says of a port it does not have; the usual words unless given."""
    pipes_once: bool = False
    """Whether what follows the first `|` is one filter, whose expression may have more of them."""
    has_user_mode: bool = True
    """Whether a login has fewer rights until it has given the enable secret."""
    settle: Callable[["CiscoShell"], str] = lambda _: ""
    """What happens when VLAN mode is left; returns what is printed. Raises RejectedError."""
    prompt: Callable[["CiscoShell"], str] | None = None
    close: Callable[["CiscoShell"], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A commit that is taken back when its time is up."""

    edit: str
    """The configuration session that was committed."""
    before: Configuration
    timer: asyncio.TimerHandle


class CiscoStore:
    """Running and start-up configuration of a switch whose changes take effect line by line."""

    def __init__(self, name: str, dialect: Dialect, configuration: Configuration) -> None:
        self._name = name
        self._dialect = dialect
        self.running = configuration
        self.startup = configuration.copy()
        self.edits: dict[str, Configuration] = {}
        """The configuration sessions that are not committed yet, where the system has such: name to candidate."""
        self.unconfirmed: Unconfirmed | None = None
        """The commit that is taken back unless it is confirmed."""

    def text(self, which: str) -> str:
        """`running` or `startup` as the switch itself writes it."""
        return self._dialect.text(self._name, self.startup if which == "startup" else self.running)

    def reload(self) -> None:
        """Start again from the start-up configuration."""
        self.running = self.startup.copy()
        self.edits.clear()
        self.confirm()

    def confirm(self) -> None:
        """Let the commit that waits for it stay."""
        if self.unconfirmed:
            self.unconfirmed.timer.cancel()
            self.unconfirmed = None

    def dump(self) -> bytes:
        """The start-up configuration, for the disk."""
        return self.startup.dump()

    def restore(self, dumped: bytes) -> None:
        """Start from what `dump` wrote. Raises ValueError for anything else."""
        self.startup = load(dumped)
        self.reload()

    def snapshot(self) -> tuple[Configuration, Configuration, dict[str, Configuration]]:
        """Everything, for `undo`."""
        return self.running.copy(), self.startup.copy(), {name: one.copy() for name, one in self.edits.items()}

    def undo(self, snapshot: tuple[Configuration, Configuration, dict[str, Configuration]]) -> None:
        """Everything as it was."""
        self.running, self.startup, self.edits = snapshot


@dataclass(slots=True)
class CiscoShell:
    """The command line of one session."""

    dialect: Dialect
    device: Device
    store: CiscoStore
    session: Session
    mode: str = "user"
    vlans: tuple[int, ...] = ()
    """Those of VLAN mode."""
    ports: tuple[str, ...] = ()
    """Those of interface mode."""
    pending: dict[int, str | None] = field(default_factory=dict)
    """VLANs, and names where they were given, that take effect when VLAN mode is left."""
    edit: str = ""
    """The configuration session it works in."""
    closed: bool = False
    last_word: int = 0
    """Where in the line a command's first argument is; for the mark."""

    def __post_init__(self) -> None:
        self.mode = "user" if self.device.enable_secret and self.dialect.has_user_mode else "exec"

    @property
    def configuring(self) -> bool:
        """Whether it is in configuration mode."""
        return self.mode.startswith("config")

    @property
    def prompt(self) -> str:
        """What it prints before it reads a line."""
        if self.dialect.prompt:
            return self.dialect.prompt(self)
        if self.configuring:
            return f"{self.device.name[: self.dialect.hostname_width]}({self.mode})#"
        return f"{self.device.name}{'>' if self.mode == 'user' else '#'}"

    @property
    def running(self) -> Configuration:
        """What the session's lines change."""
        return self.store.edits.get(self.edit, self.store.running) if self.edit else self.store.running

    def settle(self) -> None:
        """Let take effect what waits for the end of VLAN mode, refused or not."""
        with suppress(RejectedError):
            self.dialect.settle(self)

    def close(self) -> None:
        """The session ends: what waited for the end of VLAN mode is lost."""
        self.pending.clear()
        self.dialect.close(self)

    def help_on(self, typed: str) -> str:
        """What `?` says after this text."""
        words = sorted({word for mode in self._modes() for word in self._following(mode, typed)})
        return "\n".join(f"  {word}" for word in words) if words else "% Unrecognized command"

    async def run(self, line: str) -> str:
        """Carry out a line; returns what it prints. Raises RejectedError."""
        ended = line.endswith(END)
        line = line.rstrip(END)
        text = ""
        if line.strip() and not line.lstrip().startswith("!"):
            text = await self._carry_out(line)
        if ended and self.configuring:
            text += self.leave("exec")
        return text

    def enter(self, mode: str) -> str:
        """Change the mode; VLAN mode is settled first. Returns what that prints."""
        text = self.dialect.settle(self)
        self.mode = mode
        return text

    def leave(self, mode: str) -> str:
        """As `enter`, and the mode changes also where what waited is refused."""
        try:
            return self.dialect.settle(self)
        finally:
            self.mode = mode

    def port(self, text: str) -> str:
        """The port of this name or abbreviation, in full. Raises RejectedError where the switch has none."""
        name = self._full(text)
        for port in self.running.ports:
            if port.lower() == name.lower():
                return port
        raise RejectedError(self.wrong_at(self.last_word, self.dialect.wrong_port or None))

    def wrong_at(self, offset: int, text: str | None = None) -> str:
        """What it says of a line that is wrong at this character."""
        told = text or self.dialect.invalid
        mark = f"{' ' * (len(self.prompt) + offset)}^\n" if self.dialect.mark else ""
        return f"{mark}{told}{self.dialect.after_error}"

    def full_name(self, text: str) -> str:
        """A port's name in full, whether it exists or not."""
        return self._full(text)

    async def _carry_out(self, line: str) -> str:
        """In this mode, or else in that around it, as switches do."""
        piped, _, filters = line.partition("|")
        body = piped if line.lstrip().lower().startswith(("sh", "do sh")) else line
        first: Exception | None = None
        for mode in self._modes():
            try:
                command, arguments = parse(body, self.dialect.commands[mode], self._kinds())
            except (NoCommandError, IncompleteError, AmbiguousError) as error:
                first = _closer(first, error)
                continue
            self.last_word = max(0, line.rfind(arguments[0])) if arguments else 0
            return await self._carry_out_in(mode, command, arguments, filters if body is piped else "")
        raise RejectedError(self._told(first, line))

    async def _carry_out_in(self, mode: str, command: Command, arguments: Sequence[str], filters: str) -> str:
        refusal = left = ""
        if mode != self.mode and mode != "exec":
            try:
                left = self.leave("config")
            except RejectedError as error:
                refusal = f"{error}\n"
        text = left + (await _awaited(command.run(self, *arguments)) or "")
        text = (
            filtered(text, [filters] if self.dialect.pipes_once else re.split(r"\s\|\s", filters)) if filters else text
        )
        if refusal:
            raise RejectedError(refusal + text)
        return text

    def _modes(self) -> list[str]:
        around = ["config"] if self.configuring and self.mode != "config" else []
        anywhere = ["exec"] if self.configuring and self.dialect.shows_anywhere else []
        return [self.mode, *around, *anywhere]

    def _kinds(self) -> Mapping[str, Callable[[str], bool]]:
        return {
            "<number>": lambda text: text.isascii() and text.isdigit(),
            "<vlans>": lambda text: re.fullmatch(r"[0-9-][0-9,-]*", text) is not None,
            "<word>": lambda _: True,
            "<name>": lambda text: len(text) <= 32,
            "<port>": lambda text: self._full(text) != "",
        }

    def _following(self, mode: str, typed: str) -> list[str]:
        return following(typed, self.dialect.commands[mode], self._kinds())

    def _full(self, text: str) -> str:
        found = re.fullmatch(r"([A-Za-z-]+)([0-9]+([/:.][0-9]+)*)", text)
        if not found:
            return ""
        kind = found[1].lower()
        fitting = next((name for name in self.dialect.port_kinds if name.lower().startswith(kind)), "")
        return fitting + found[2] if fitting else ""

    def _told(self, error: Exception | None, line: str) -> str:
        match error:
            case NoCommandError():
                return self.wrong_at(error.offset)
            case AmbiguousError():
                told = self.dialect.ambiguous(error)
                return self.wrong_at(error.offset, told) if self.dialect.marks_all else told
            case _:
                return (
                    self.wrong_at(len(line) + 1, self.dialect.incomplete)
                    if self.dialect.marks_all
                    else self.dialect.incomplete
                )


def _closer(first: Exception | None, error: Exception) -> Exception:
    """The better explanation: that of the mode around only where this mode does not know the first word."""
    return error if first is None or (isinstance(first, NoCommandError) and first.offset == 0) else first


async def _awaited(reply: Reply) -> str | None:
    return reply if isinstance(reply, str | None) else await reply


def filtered(text: str, filters: Sequence[str]) -> str:
    """What is left of a text that was printed, after filters such as `include ^ip route`. Raises RejectedError."""
    for one in filters:
        verb, _, pattern = one.strip().partition(" ")
        lines = text.splitlines()
        try:
            wanted = re.compile(pattern.strip().strip('"'))
        except re.error:
            raise RejectedError("% Failed to compile regular expression.") from None
        matching = [bool(wanted.search(line)) for line in lines]
        if not verb:
            raise RejectedError("% Incomplete command.\n")
        if "include".startswith(verb) or verb == "grep":
            lines = [line for line, matches in zip(lines, matching, strict=True) if matches]
        elif "exclude".startswith(verb):
            lines = [line for line, matches in zip(lines, matching, strict=True) if not matches]
        elif "begin".startswith(verb):
            lines = lines[matching.index(True) :] if any(matching) else []
        elif "section".startswith(verb):
            lines = _sections(lines, matching)
        elif "count".startswith(verb):
            lines = [f"Number of lines which match regexp = {sum(matching)}"]
        elif "no-more".startswith(verb):
            pass
        else:
            raise RejectedError("% Invalid input detected at '^' marker.\n")
        text = "\n".join(lines)
    return text


def _sections(lines: Sequence[str], matching: Sequence[bool]) -> list[str]:
    found: list[str] = []
    inside = False
    for line, matches in zip(lines, matching, strict=True):
        if not line.startswith(" "):
            inside = matches
        if inside or matches:
            found.append(line)
    return found
