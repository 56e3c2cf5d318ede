"""VyOS 1.4: what its commands do.

Each session in configuration mode has a candidate of its own on top of the active configuration, and loses it with the
session. `commit` makes it active, `save` keeps what is active for the next boot, and says nothing of it: 1.4 writes no
"Done". Two commits at once do not go; `commit-confirm` reboots unless it is confirmed. Wordings are those of vyos-1x and
vyatta-cfg (branch sagitta) and of public transcripts; those of a failing disk are modelled after Python's.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lab.switches import vyos_text
from lab.switches.configuration import Port
from lab.switches.device import Device, RejectedError
from lab.switches.grammar import AmbiguousError, Command, IncompleteError, NoCommandError, following, parse
from lab.switches.session import Session
from lab.switches.terminal import END
from lab.switches.vyos_config import PathError, Statement, VyosConfiguration, statement, words_of
from lab.switches.vyos_store import VyosStore

DEFAULT_PORTS = tuple(Port(f"eth{number}", mode="routed") for number in range(2))
TERMINAL_LINES = 100
_SAVE_FAILED = """\
Traceback (most recent call last):
  File "/usr/libexec/vyos/vyos-save-config.py", line 57, in <module>
    f.write(ct.to_string())
OSError: [Errno 28] No space left on device
"""
_ALL_THE_SAME = "No changes between working and {} configurations.\n"
_MINUTES = 10

Reply: TypeAlias = "Awaitable[str | None] | str | None"


@dataclass(slots=True)
class VyosShell:
    """The command line of one session."""

    device: Device
    store: VyosStore
    session: Session
    above: tuple[str, ...] = ()
    """The words of the place that is edited."""
    unsaved: bool = False
    """Whether it committed what nobody saved."""
    closed: bool = False

    @property
    def configuring(self) -> bool:
        """Whether it is in configuration mode."""
        return self.session.number in self.store.candidates

    @property
    def prompt(self) -> str:
        """What it prints before it reads a line."""
        who = f"{self.session.user}@{self.device.name}"
        if not self.configuring:
            return f"{who}:~$ "
        return f"[edit{''.join(f' {word}' for word in self.above)}]\n{who}# "

    @property
    def candidate(self) -> VyosConfiguration:
        """What its lines change; what others committed meanwhile is in it."""
        return self.store.candidate(self.session.number)

    def edit(self, new: VyosConfiguration) -> None:
        """Let its candidate be this."""
        self.store.edit(self.session.number, new)

    def settle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The session ends, or its configuring: what was not committed is lost."""
        self.store.candidates.pop(self.session.number, None)
        self.above = ()

    def help_on(self, typed: str) -> str | None:
        """What `?` says after this text."""
        words = following(typed, _CONFIGURATION if self.configuring else _OPERATIONAL, {})
        return "Possible completions:\n" + "\n".join(f"  {word}" for word in words)

    async def run(self, line: str) -> str:
        """Carry out a line; returns what it prints. Raises RejectedError."""
        line = line.rstrip(END).strip()
        if not line or line.startswith("#"):
            return ""
        command, arguments = _parsed(line, _CONFIGURATION if self.configuring else _OPERATIONAL)
        reply: Reply = command.run(self, *arguments)
        return (reply if isinstance(reply, str | None) else await reply) or ""


def _parsed(line: str, commands: Sequence[Command]) -> tuple[Command, list[str]]:
    try:
        return parse(line, commands, {"<word>": lambda _: True})
    except NoCommandError as error:
        word = line[error.offset :].split()[0]
        raise RejectedError(f"\n  Invalid command: {line[: error.offset]}[{word}]\n\n") from None
    except AmbiguousError as error:
        word = error.text[error.offset :]
        raise RejectedError(f"\n  Ambiguous command: {error.text[: error.offset]}[{word}]\n\n") from None
    except IncompleteError:
        raise RejectedError(f"\n  Incomplete command: {line}\n\n") from None


def _configure(shell: VyosShell) -> None:
    shell.edit(shell.store.active)


def _place(shell: VyosShell, text: str) -> Statement:
    """The place of a path below the one that is edited. Raises RejectedError."""
    try:
        return statement([*shell.above, *words_of(text)], is_place=True)
    except PathError as error:
        raise RejectedError(f"\n  {error}\n\n") from None


def _set(shell: VyosShell, text: str) -> str:
    try:
        words = [*shell.above, *words_of(text)]
        path = statement(words)
    except PathError as error:
        raise RejectedError(f"\n  {error}\n  Set failed\n\n") from None
    candidate = shell.candidate
    if path in candidate.statements:
        return f"\n  Configuration path: [{' '.join(words)}] already exists\n\n"
    shell.edit(candidate.set(path))
    return ""


def _delete(shell: VyosShell, text: str) -> str:
    try:
        place = statement([*shell.above, *words_of(text)], is_place=True)
    except PathError as error:
        raise RejectedError(f"\n  {error}\n  Delete failed\n\n") from None
    candidate = shell.candidate
    if not candidate.below(place):
        return "\n  Nothing to delete (the specified node does not exist)\n\n"
    shell.edit(candidate.delete(place))
    return ""


def _edit(shell: VyosShell, text: str) -> None:
    _place(shell, text)
    shell.above = (*shell.above, *_words(text))


def _up(shell: VyosShell) -> str:
    if not shell.above:
        return "\n  Already at the top level\n\n"
    shell.above = shell.above[:-1]
    return ""


def _top(shell: VyosShell) -> None:
    shell.above = ()


async def _commit(shell: VyosShell, _: str = "") -> str:
    """`commit [comment <text>]`."""
    store = shell.store
    if shell.candidate.is_as(store.active):
        return "No configuration changes to commit"
    if store.committing:
        raise RejectedError("Configuration system temporarily locked due to another commit in progress\n")
    if told := _mistakes(shell.candidate):
        raise RejectedError(_failed(told))
    if fault := shell.device.faults.on("fail-commit", "commit"):
        raise RejectedError(fault.message or _failed("Commit hook failed"))
    store.committing = True
    try:
        await shell.device.pause(shell.device.save_seconds)
        store.active = shell.candidate
        shell.edit(store.active)
    finally:
        store.committing = False
    shell.unsaved = True
    return ""


def _failed(told: str) -> str:
    return f"[ protocols static ]\n{told}\n\n[[protocols static]] failed\nCommit failed\n"


def _mistakes(configuration: VyosConfiguration) -> str:
    """What the scripts of a commit refuse; empty where they refuse nothing."""
    found = set(configuration.statements)
    for one in configuration.statements:
        if one[-1] == "blackhole" and (*one[:-1], "reject") in found:
            return f'Can not use both blackhole and reject for prefix "{one[-2].split()[1]}"!'
    return ""


async def _commit_confirm(shell: VyosShell, text: str = "") -> str:
    """`commit-confirm [<minutes>] [comment <text>]`."""
    if shell.candidate.is_as(shell.store.active):
        return "No configuration changes to commit"
    first = (text.split() or [""])[0]
    minutes = int(first) if re.fullmatch("[0-9]{1,6}", first) else _MINUTES
    if shell.store.unconfirmed:
        return "Another confirm is pending"
    shell.session.write(
        f"commit-confirm will automatically reboot in {minutes} minutes unless changes\nare confirmed.\n\n"
    )
    answer = (await shell.session.ask("Proceed ? [Y/n] ")).strip().lower()
    if answer not in {"", "y", "yes"}:
        return "commit-confirm canceled"
    shell.session.write(f"Initialized commit-confirm; {minutes} minutes to confirm before reboot\n")
    shell.store.wait(minutes * shell.device.minute_seconds, shell.device.restart)
    return await _commit(shell)


def _confirm(shell: VyosShell) -> str:
    return "Reboot timer stopped" if shell.store.confirm() else "No confirm pending"


async def _save(shell: VyosShell) -> str:
    store = shell.store
    told = ""
    if not shell.candidate.is_as(store.active):
        told = "Warning: you have uncommitted changes that will not be saved.\n\n"
    _top(shell)
    await shell.device.pause(shell.device.save_seconds)
    if fault := shell.device.faults.on("deny-save"):
        raise RejectedError(told + (fault.message or _SAVE_FAILED))
    store.saved = store.active
    shell.unsaved = False
    shell.device.tell_saved()
    return told


def _discard(shell: VyosShell) -> str:
    changed = not shell.candidate.is_as(shell.store.active)
    shell.edit(shell.store.active)
    return "Changes have been discarded" if changed else "No changes have been discarded"


def _exit(shell: VyosShell) -> str:
    if shell.above:
        _top(shell)
        return ""
    if not shell.candidate.is_as(shell.store.active):
        raise RejectedError(
            "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit.\n"
        )
    return _leave(shell)


def _leave(shell: VyosShell) -> str:
    told = "Warning: configuration changes have not been saved.\n" if shell.unsaved else ""
    shell.close()
    return f"{told}exit"


def _log_out(shell: VyosShell) -> None:
    shell.closed = True


def _compare(shell: VyosShell, text: str = "") -> str:
    store = shell.store
    match text.split():
        case []:
            return vyos_text.compared(store.active, shell.candidate) or _ALL_THE_SAME.format("active")
        case ["commands"]:
            return vyos_text.compared_as_commands(store.active, shell.candidate) or _ALL_THE_SAME.format("active")
        case ["saved"]:
            return vyos_text.compared(store.saved, shell.candidate) or _ALL_THE_SAME.format("saved")
        case _:
            raise RejectedError(f"\n  Invalid command: compare [{text}]\n\n")


def _show(shell: VyosShell, text: str = "") -> str:
    path, *pipes = text.split("|")
    place = _place(shell, path) if path.strip() or shell.above else ()
    return _piped(vyos_text.working(shell.store.active, shell.candidate, place), pipes)


def _show_configuration(shell: VyosShell, text: str = "") -> str:
    """`show configuration [commands]`."""
    what, *pipes = text.split("|")
    if what.strip() not in {"", "commands"}:
        raise RejectedError(f"\n  Invalid command: show configuration [{what.split()[0]}]\n\n")
    write = vyos_text.commands if what.strip() else vyos_text.in_braces
    return _piped(write(shell.store.active), pipes)


def _show_routes(version: int) -> Callable[..., str]:
    def run(shell: VyosShell, text: str = "") -> str:
        what, *pipes = text.split("|")
        found = vyos_text.routes(shell.store.running, shell.device.heard, version, what.split())
        return _piped(found, pipes)

    return run


def _piped(text: str, pipes: Sequence[str]) -> str:
    for pipe in pipes:
        lines = text.splitlines()
        match _words(pipe):
            case ["match" | "grep", pattern]:
                lines = [line for line in lines if re.search(_regex(pattern), line)]
            case ["no-match", pattern]:
                lines = [line for line in lines if not re.search(_regex(pattern), line)]
            case ["count"]:
                lines = [f"{len(lines)}"]
            case ["no-more" | "cat"]:
                pass
            case _:
                raise RejectedError(f"\n  Invalid command: [{pipe.strip()}]\n\n")
        text = "\n".join(lines)
    return text


def _words(text: str) -> list[str]:
    try:
        return words_of(text)
    except PathError as error:
        raise RejectedError(f"{error}\n") from None


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise RejectedError(f"grep: {error}") from None


async def _run(shell: VyosShell, text: str) -> str:
    """`run ...`: a command of operational mode, from within configuration mode."""
    command, arguments = _parsed(text, _SHOWN)
    reply: Reply = command.run(shell, *arguments)
    return (reply if isinstance(reply, str | None) else await reply) or ""


async def _reboot(shell: VyosShell, now: str = "") -> str:
    if now != "now":
        answer = (await shell.session.ask("Are you sure you want to reboot this system? [y/N] ")).strip().lower()
        if answer not in {"y", "yes"}:
            return ""
    shell.closed = True
    shell.device.restart()
    return ""


def _length(shell: VyosShell, rows: str) -> None:
    if rows.isascii() and rows.isdigit():
        shell.session.page_by(int(rows))


_SHOWN = (
    Command("show configuration", _show_configuration),
    Command("show configuration <line>", _show_configuration),
    Command("show ip route", _show_routes(4)),
    Command("show ip route <line>", _show_routes(4)),
    Command("show ipv6 route", _show_routes(6)),
    Command("show ipv6 route <line>", _show_routes(6)),
    Command("show version", lambda _: "Version:          VyOS 1.4.0\nRelease train:    sagitta\n"),
    Command("set terminal length <word>", _length),
    Command("set terminal width <word>", lambda *_: None),
)
_OPERATIONAL = (
    *_SHOWN,
    Command("configure", _configure),
    Command("exit", _log_out),
    Command("reboot", _reboot),
    Command("reboot <word>", _reboot),
)
_CONFIGURATION = (
    Command("set <line>", _set),
    Command("delete <line>", _delete),
    Command("edit <line>", _edit),
    Command("up", _up),
    Command("top", _top),
    Command("show", _show),
    Command("show <line>", _show),
    Command("compare", _compare),
    Command("compare <line>", _compare),
    Command("commit", _commit),
    Command("commit comment <line>", _commit),
    Command("commit-confirm", _commit_confirm),
    Command("commit-confirm <line>", _commit_confirm),
    Command("confirm", _confirm),
    Command("save", _save),
    Command("discard", _discard),
    Command("run <line>", _run),
    Command("exit", _exit),
    Command("exit discard", _leave),
)
