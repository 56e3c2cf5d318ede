"""Arista's configuration sessions: a candidate that is committed as a whole, for good or for a time, or thrown away.

A candidate is a copy of the configuration as it was when the session began, and a commit puts it in the place of the
running one: what somebody else changed in between is undone by it (merging on commit is off unless it is asked for).
"""

import asyncio
import difflib
import re

from lab.switches import eos_text
from lab.switches.configuration import Configuration
from lab.switches.device import RejectedError
from lab.switches.shell import CiscoShell, CiscoStore, Unconfirmed

LIMIT = 5
"""Of sessions that are not committed yet."""
_INVALID = "% Invalid input"


def open_session(shell: CiscoShell, name: str = "") -> str:
    """`configure session [<name>]`: a new one, or one that is there."""
    store = shell.store
    if not name:
        name = next(auto for number in range(1, LIMIT + 2) if (auto := f"sess-{number}") not in store.edits)
    if name not in store.edits:
        if len(store.edits) >= LIMIT:
            raise RejectedError(
                "% Maximum number of pending sessions has been reached. Please commit or abort previous sessions"
                " before creating a new one."
            )
        store.edits[name] = store.running.copy()
    shell.mode, shell.edit = "config", name
    return ""


def leave(shell: CiscoShell) -> str:
    """`end`, or `exit` from the outermost mode: the session stays, and waits."""
    shell.mode, shell.edit = "exec", ""
    return ""


async def commit(shell: CiscoShell, time: str = "") -> str:
    """`commit`, or `commit timer <hh:mm:ss>`: the candidate takes the place of the running configuration."""
    return await commit_named(shell, _here(shell), time)


async def commit_named(shell: CiscoShell, name: str, time: str = "") -> str:
    """`configure session <name> commit [timer <hh:mm:ss>]`; without a timer it confirms what waits for it."""
    store = shell.store
    seconds = _seconds(time)
    if fault := shell.device.faults.on("fail-commit", "commit"):
        raise RejectedError(fault.message or f"% Cannot commit session {name}: the configuration could not be applied")
    if store.unconfirmed and store.unconfirmed.edit != name:
        raise RejectedError(
            f"% Cannot commit session {name}: session {store.unconfirmed.edit} waits for its commit timer"
        )
    if store.unconfirmed and seconds is None:
        store.confirm()
    elif name not in store.edits:
        raise RejectedError(f"% Session {name} does not exist")
    else:
        await shell.device.pause(shell.device.save_seconds)
        before, store.running = store.running, store.edits.pop(name)
        if seconds is not None:
            wait = seconds / 60 * shell.device.minute_seconds
            timer = asyncio.get_running_loop().call_later(wait, take_back, store)
            store.unconfirmed = Unconfirmed(name, before, timer)
    return leave(shell)


def take_back(store: CiscoStore) -> None:
    """The time is up and nobody confirmed."""
    if store.unconfirmed:
        store.running = store.unconfirmed.before
        store.confirm()


def abort(shell: CiscoShell) -> str:
    """`abort`: the candidate is thrown away."""
    return abort_named(shell, _here(shell))


def abort_named(shell: CiscoShell, name: str) -> str:
    """`configure session <name> abort`; a commit that waits for its confirmation is taken back."""
    store = shell.store
    if store.unconfirmed and store.unconfirmed.edit == name:
        take_back(store)
    elif store.edits.pop(name, None) is None:
        raise RejectedError(f"% Session {name} does not exist")
    return leave(shell) if shell.edit in {"", name} else ""


def show(shell: CiscoShell) -> str:
    """`show session-config`."""
    return eos_text.candidate(shell.device.name, _candidate(shell, _here(shell)))


def differences(shell: CiscoShell) -> str:
    """`show session-config diffs`: what a commit would change now; nothing at all where it would change nothing."""
    return differences_named(shell, _here(shell))


def differences_named(shell: CiscoShell, name: str) -> str:
    """`show session-config named <name> diffs`."""
    candidate = _candidate(shell, name)
    now, then = (eos_text.whole(shell.device.name, one).splitlines()[2:] for one in (shell.store.running, candidate))
    titles = "system:/running-config", f"session:/{name}-session-config"
    return "\n".join(difflib.unified_diff(now, then, titles[0], titles[1], lineterm=""))


def overview(shell: CiscoShell) -> str:
    """`show configuration sessions`."""
    unconfirmed = shell.store.unconfirmed.edit if shell.store.unconfirmed else ""
    return eos_text.sessions(shell.store.edits, unconfirmed, shell.edit, LIMIT)


def _here(shell: CiscoShell) -> str:
    if not shell.edit:
        raise RejectedError(_INVALID)
    return shell.edit


def _candidate(shell: CiscoShell, name: str) -> Configuration:
    if name not in shell.store.edits:
        raise RejectedError(f"% Session {name} does not exist")
    return shell.store.edits[name]


def _seconds(time: str) -> int | None:
    if not time:
        return None
    found = re.fullmatch(r"([0-9]{1,2}):([0-5]?[0-9]):([0-5]?[0-9])", time)
    if not found:
        raise RejectedError(_INVALID)
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
