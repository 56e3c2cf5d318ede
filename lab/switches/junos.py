"""Juniper Junos with enhanced layer 2 software, and on routers: what its commands do.

Lines change a candidate, which `commit` makes active and keeps at once. Everybody who says `configure` shares one
candidate: what a lost session left in it is still there, and goes in with the next commit, whoever makes it.
Wordings are those of Juniper's manuals and public transcripts; those of a failed check are modelled after them.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lab.switches import junos_routes, junos_text
from lab.switches.device import Device, RejectedError
from lab.switches.grammar import AmbiguousError, Command, IncompleteError, NoCommandError, following, parse
from lab.switches.junos_config import JunosConfiguration
from lab.switches.junos_schema import PathError, Statement, parse_path, parse_set
from lab.switches.junos_store import CHECK_FAILED, JunosStore, mistakes
from lab.switches.session import Session
from lab.switches.terminal import END

DEFAULT_PORTS = tuple(f"ge-0/0/{number}" for number in range(4))
TERMINAL_LINES = 75
_COMMIT_FAILED = "error: commit failed: (statements constraint check failed)"
_DISCARDED = "warning: uncommitted changes will be discarded on exit\n"
_MINUTES = 10

Reply: TypeAlias = "Awaitable[str | None] | str | None"
How: TypeAlias = Literal["shared", "exclusive", "private"]


@dataclass(slots=True)
class JunosShell:
    """The command line of one session."""

    device: Device
    store: JunosStore
    session: Session
    how: How | None = None
    """How it configures; None in operational mode."""
    own: JunosConfiguration | None = None
    """The candidate of who configures privately."""
    base: JunosConfiguration | None = None
    """What that began as."""
    above: Statement = ()
    """The place that is edited."""
    closed: bool = False

    @property
    def configuring(self) -> bool:
        """Whether it is in configuration mode."""
        return self.how is not None

    @property
    def prompt(self) -> str:
        """What it prints before it reads a line."""
        waiting = self.store.unconfirmed
        note = f"# commit confirmed will be rolled back in {waiting.minutes} minutes\n" if waiting else ""
        who = f"{self.session.user}@{self.device.name}"
        if self.how is None:
            return f"\n{note}{who}> "
        return f"\n{note}[edit{''.join(f' {segment}' for segment in self.above)}]\n{who}# "

    @property
    def candidate(self) -> JunosConfiguration:
        """What its lines change."""
        return self.own if self.own is not None else self.store.candidate

    @candidate.setter
    def candidate(self, new: JunosConfiguration) -> None:
        if self.own is not None:
            self.own = new
        else:
            self.store.candidate = new

    def settle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The session ends: the lock is given up, and what was changed exclusively or privately is discarded."""
        if self.how == "exclusive":
            self.store.candidate = self.store.active
            self.store.locked_by = None
        self.store.editors.pop(self.session.number, None)
        self.how = self.own = self.base = None
        self.above = ()

    def help_on(self, typed: str) -> str | None:
        """What `?` says after this text."""
        words = following(typed, _CONFIGURATION if self.configuring else _OPERATIONAL, {})
        return "Possible completions:\n" + "\n".join(f"  {word}" for word in words)

    async def run(self, line: str) -> str:
        """Carry out a line; returns what it prints. Raises RejectedError."""
        line = line.rstrip(END)
        if not line.strip() or line.lstrip().startswith("#"):
            return ""
        commands = _CONFIGURATION if self.configuring else _OPERATIONAL
        command, arguments = self.parsed(line, commands)
        try:
            reply = command.run(self, *arguments)
            return (reply if isinstance(reply, str | None) else await reply) or ""
        except PathError as error:
            start = line.rindex(arguments[0].split("|")[0].rstrip()) if arguments else len(line)
            raise RejectedError(self._marked(start + error.offset, str(error))) from None

    def parsed(self, line: str, commands: Sequence[Command]) -> tuple[Command, list[str]]:
        """The command a line means, and its arguments. Raises RejectedError."""
        try:
            return parse(line, commands, {"<word>": lambda _: True})
        except NoCommandError as error:
            told = "unknown command." if error.offset == 0 else "syntax error."
            raise RejectedError(self._marked(error.offset, told)) from None
        except AmbiguousError as error:
            word = error.text[error.offset :]
            raise RejectedError(self._marked(error.offset, f"'{word}' is ambiguous.")) from None
        except IncompleteError:
            raise RejectedError(self._marked(len(line), "syntax error, expecting <command>.")) from None

    def _marked(self, offset: int, text: str) -> str:
        width = len(self.prompt.rpartition("\n")[2])
        return f"{' ' * (width + offset)}^\n{text}"


def _enter(how: How) -> Callable[[JunosShell], str]:
    def run(shell: JunosShell) -> str:
        store = shell.store
        if store.locked_by and store.locked_by[0] != shell.session.number:
            number, user = store.locked_by
            raise RejectedError(
                "error: configuration database locked by:\n"
                f"  {user} terminal pts/{number} (pid {4000 + number}) on since 2026-11-24 09:12:07 UTC, idle 00:00:12\n"
                "      exclusive [edit]"
            )
        if how == "private" and store.is_changed():
            raise RejectedError(
                "error: shared configuration database modified\n\n"
                "Please temporarily use 'configure shared' to commit\n"
                "outstanding changes in the shared database, exit,\n"
                "and return to configuration mode using 'configure private'"
            )
        if how == "exclusive" and store.is_changed():
            raise RejectedError("error: configuration database modified")
        if how == "exclusive" and store.editors:
            number, user = next(iter(store.editors.items()))
            raise RejectedError(
                "error: configuration database locked by:\n"
                f"  {user} terminal pts/{number} (pid {4000 + number}) on since 2026-11-24 09:12:07 UTC, idle 00:00:12\n"
                "      [edit]"
            )
        shell.how = how
        told = "Entering configuration mode"
        match how:
            case "exclusive":
                store.locked_by = shell.session.number, shell.session.user
            case "private":
                shell.own = shell.base = store.active
            case "shared":
                told += _company(store)
                store.editors[shell.session.number] = shell.session.user
        return told if how == "shared" else _DISCARDED + told

    return run


def _company(store: JunosStore) -> str:
    """What is said of who else is there, and of what they left."""
    told = ""
    if store.editors:
        told += "\nUsers currently editing the configuration:" + "".join(
            f"\n  {user} terminal pts/{number} (pid {4000 + number}) on since 2026-11-24 09:12:07 UTC\n      [edit]"
            for number, user in store.editors.items()
        )
    if store.is_changed():
        told += "\nThe configuration has been changed but not committed"
    return told


def _set(shell: JunosShell, text: str) -> None:
    shell.candidate = shell.candidate.set(parse_set(text, shell.above))


def _delete(shell: JunosShell, text: str = "") -> str:
    place = parse_path(text, shell.above) if text else shell.above
    if not shell.candidate.below(place):
        return "warning: statement not found"
    shell.candidate = shell.candidate.delete(place)
    return ""


def _edit(shell: JunosShell, text: str) -> None:
    shell.above = parse_path(text, shell.above)


def _up(shell: JunosShell) -> None:
    shell.above = shell.above[:-1]


def _top(shell: JunosShell) -> None:
    shell.above = ()


def _checked(shell: JunosShell, what: str) -> JunosConfiguration:
    """The configuration a commit would make active. Raises RejectedError where its check finds something."""
    if shell.own is not None and shell.base is not None:
        new = shell.store.active.change(shell.base, shell.own)
    else:
        new = shell.candidate
    if found := mistakes(new):
        raise RejectedError(found)
    if fault := shell.device.faults.on("fail-commit", what):
        raise RejectedError(fault.message or (CHECK_FAILED if what == "check" else _COMMIT_FAILED))
    return new


def _commit_check(shell: JunosShell) -> str:
    _checked(shell, "check")
    # The manual: a check confirms, too.
    _confirm(shell)
    return "configuration check succeeds"


def _confirm(shell: JunosShell) -> None:
    if shell.store.unconfirmed:
        shell.store.confirm()
        shell.device.tell_saved()


async def _commit(shell: JunosShell, minutes: int | None = None, *, quits: bool = False) -> str:
    new = _checked(shell, "commit")
    await shell.device.pause(shell.device.save_seconds)
    if fault := shell.device.faults.on("deny-save"):
        raise RejectedError(fault.message or f"error: /config/juniper.conf: No space left on device\n{_COMMIT_FAILED}")
    shell.store.commit(new, minutes, shell.device.minute_seconds)
    if shell.own is not None:
        shell.own = shell.base = new
    told = "commit complete"
    if minutes is None:
        shell.device.tell_saved()
    else:
        told = f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed\n{told}"
    if quits:
        shell.close()
        told += "\nExiting configuration mode"
    return told


def _commit_with(shell: JunosShell, text: str) -> Awaitable[str]:
    """`commit [confirmed [<minutes>]] [comment <text>] [and-quit]`."""
    found = re.fullmatch(
        r'(confirmed(?: (?P<minutes>[0-9]{1,9}))?)?\s*(comment ("[^"]*"|\S+))?\s*(?P<quits>and-quit)?\s*', text.strip()
    )
    if not found:
        raise PathError(0, "syntax error.")
    minutes = None
    if found[1]:
        minutes = int(found["minutes"] or _MINUTES)
        if not 1 <= minutes <= 65535:
            raise PathError(0, f"Value {minutes} is not within range (1..65535)")
    return _commit(shell, minutes, quits=found["quits"] is not None)


def _rollback(shell: JunosShell, number: str = "0") -> str:
    if not re.fullmatch("[0-9]{1,3}", number):
        raise PathError(0, "syntax error.")
    shell.candidate = shell.store.rollback(int(number))
    return "load complete"


async def _exit_configuration(shell: JunosShell) -> str:
    base = shell.base if shell.base is not None else shell.store.active
    if not shell.candidate.is_as(base):
        shell.session.write("The configuration has been changed but not committed\n")
        what = "Exit with uncommitted changes" if shell.how == "shared" else "Discard uncommitted changes"
        answer = (await shell.session.ask(f"{what}? [yes,no] (yes) ")).strip().lower()
        if answer and not "yes".startswith(answer):
            return ""
    shell.close()
    return "Exiting configuration mode"


def _exit(shell: JunosShell) -> Reply:
    if shell.above:
        _top(shell)
        return None
    return _exit_configuration(shell)


def _log_out(shell: JunosShell) -> None:
    shell.closed = True


def _show_candidate(shell: JunosShell, text: str = "") -> str:
    path, *pipes = (part.strip() for part in text.split("|"))
    place = parse_path(path, shell.above) if path else shell.above
    if pipes and (found := re.fullmatch(r"comp(are)?( rollback (?P<number>[0-9]{1,3}))?", pipes[0])):
        before = shell.base if shell.base is not None else shell.store.active
        if found["number"]:
            before = shell.store.rollback(int(found["number"]))
        return junos_text.comparison(before, shell.candidate)
    return _piped(shell.candidate, place, pipes)


def _show_active(shell: JunosShell, text: str = "") -> str:
    path, *pipes = (part.strip() for part in text.split("|"))
    return _piped(shell.store.active, parse_path(path) if path else (), pipes)


def _piped(configuration: JunosConfiguration, place: Statement, pipes: Sequence[str]) -> str:
    text = junos_text.whole(configuration) if not place else junos_text.in_braces(configuration, place)
    for pipe in pipes:
        verb, _, rest = pipe.partition(" ")
        if not verb:
            raise PathError(0, "syntax error, expecting <command>.")
        if "display".startswith(verb) and rest == "set":
            text = junos_text.as_set(configuration, place)
        else:
            text = _filtered(text, verb, rest)
    return text


def _filtered(text: str, verb: str, rest: str) -> str:
    lines = text.splitlines()
    wanted = re.compile(re.escape(rest.strip('"')))
    if "match".startswith(verb):
        return "\n".join(line for line in lines if wanted.search(line))
    if "except".startswith(verb):
        return "\n".join(line for line in lines if not wanted.search(line))
    if "count".startswith(verb):
        return f"Count: {len(lines)} lines"
    if "no-more".startswith(verb):
        return text
    raise PathError(0, "syntax error.")


def _show_commits(shell: JunosShell) -> str:
    waiting = shell.store.unconfirmed
    return junos_text.commits(1 + len(shell.store.history), waiting.minutes if waiting else None)


def _show_route(shell: JunosShell, text: str = "") -> str:
    asked, *pipes = (part.strip() for part in text.split("|"))
    found = junos_routes.show(shell.store.active.view(), shell.device.heard, asked)
    for pipe in pipes:
        verb, _, rest = pipe.partition(" ")
        found = _filtered(found, verb, rest)
    return found


def _show_vlans(shell: JunosShell, text: str = "") -> str:
    name, *pipes = (part.strip() for part in text.split("|"))
    if name in {"brief", "detail"}:
        name = ""
    if name and name not in shell.store.active.vlans():
        raise RejectedError(f"error: vlan with tag {name} does not exist")
    table = junos_text.vlan_table(shell.store.active, name or None)
    for pipe in pipes:
        verb, _, rest = pipe.partition(" ")
        table = _filtered(table, verb, rest)
    return table


def _show_interface(shell: JunosShell, text: str) -> str:
    name = text.split("|")[0].strip().removesuffix(".0")
    if name not in shell.store.running.ports:
        raise RejectedError(f"error: interface {text} not found")
    return junos_text.interface_table(shell.store.active, name)


def _show_version(shell: JunosShell, _: str = "") -> str:
    return f"Hostname: {shell.device.name}\nModel: ex4300-48t\nJunos: 21.4R3.15"


async def _run(shell: JunosShell, text: str) -> str:
    """`run ...`: a command of operational mode, from within configuration mode."""
    command, arguments = shell.parsed(text, _OPERATIONAL)
    reply: Reply = command.run(shell, *arguments)
    return (reply if isinstance(reply, str | None) else await reply) or ""


async def _reboot(shell: JunosShell) -> str:
    if (await shell.session.ask("Reboot the system ? [yes,no] (no) ")).strip().lower() not in {"y", "yes"}:
        return ""
    shell.closed = True
    shell.device.restart()
    return ""


def _screen_length(shell: JunosShell, rows: str) -> str:
    if not re.fullmatch("[0-9]{1,5}", rows):
        raise PathError(0, "syntax error.")
    shell.session.page_by(int(rows))
    return f"Screen length set to {rows}"


_OPERATIONAL = (
    Command("configure", _enter("shared")),
    Command("configure shared", _enter("shared")),
    Command("configure exclusive", _enter("exclusive")),
    Command("configure private", _enter("private")),
    Command("edit", _enter("shared")),
    Command("exit", _log_out),
    Command("quit", _log_out),
    Command("set cli screen-width <word>", lambda _, columns: f"Screen width set to {columns}"),
    Command("set cli screen-length <word>", _screen_length),
    Command("set cli complete-on-space off", lambda _: "Disabling complete-on-space"),
    Command("set cli complete-on-space on", lambda _: "Enabling complete-on-space"),
    Command("set cli timestamp disable", lambda _: "CLI timestamp disabled"),
    Command("show configuration", _show_active),
    Command("show configuration <line>", _show_active),
    Command("show vlans", _show_vlans),
    Command("show vlans <line>", _show_vlans),
    Command("show ethernet-switching interface <line>", _show_interface),
    Command("show system commit", _show_commits),
    Command("show route", _show_route),
    Command("show route <line>", _show_route),
    Command("show version", _show_version),
    Command("show version <line>", _show_version),
    Command("request system reboot", _reboot),
)
_CONFIGURATION = (
    Command("set <line>", _set),
    Command("delete", _delete),
    Command("delete <line>", _delete),
    Command("edit <line>", _edit),
    Command("up", _up),
    Command("top", _top),
    Command("show", _show_candidate),
    Command("show <line>", _show_candidate),
    Command("commit", _commit),
    Command("commit check", _commit_check),
    Command("commit <line>", _commit_with),
    Command("rollback", _rollback),
    Command("rollback <word>", _rollback),
    Command("run <line>", _run),
    Command("exit", _exit),
    Command("exit configuration-mode", _exit_configuration),
    Command("quit", _exit),
    Command("quit configuration-mode", _exit_configuration),
)
