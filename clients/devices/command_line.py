"""How one kind of device is spoken to, as data: its prompt, its errors, its modes, how it saves. What is said is not in here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NOTHING = re.compile(r"(?!)")
"""Is found nowhere."""
AILING = re.compile(
    r"(?i)no space left on device|file ?system (?:is )?full|disk (?:is )?full|read-only file ?system|input/output error"
)
"""Words of a device that cannot write what it should: strerror(3) of ENOSPC, EROFS and EIO, and what systems make of them."""


class UnreadableError(ValueError):
    """Output that is not what this platform writes: one line that names what was expected."""


@dataclass(frozen=True)
class Saving:
    """How the running configuration becomes the one the device starts with."""

    command: str
    success: re.Pattern[str]
    """What the output holds when it was saved, and only then; that of `proof`, where there is one."""
    proof: str | None = None
    """A command that tells whether it was saved, where the one that saves says nothing."""
    inside: tuple[str, str] | None = None
    """Into the mode in which it can be saved, and out of it."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Pattern of a question -> the answer."""
    seconds: float = 180
    read_again: bool = False
    """What runs is read once more after it was saved: something else may have been saved where parts of the device restart
    on their own."""


@dataclass(frozen=True)
class Candidate:
    """How a change is staged, looked at, put into effect for a while, and confirmed. `{session}` is a name of its own."""

    open: str
    opened: re.Pattern[str]
    busy: re.Pattern[str]
    """Somebody else holds the candidate, has changes in it, or commits at this moment: worth another try."""
    discard: tuple[str, ...]
    """Inside it: throws the staged changes away and leaves."""
    close: str | None
    """Inside it, after the commit; None where the commit leaves by itself."""
    diff: str
    check: str | None
    checked: re.Pattern[str] | None
    commit: str
    """Goes back by itself unless it is confirmed, where there is a `confirm`."""
    committed: re.Pattern[str]
    confirm: tuple[str, ...]
    confirmed: re.Pattern[str]
    revert: tuple[str, ...]
    """Takes back a commit that was not confirmed."""
    stale: str | None
    """The command that tells what an earlier session left behind; None where nothing outlives a session."""
    stale_ours: re.Pattern[str]
    """Finds what we left there, and what waits to be confirmed; its group, if any, is the session's name."""
    waiting: re.Pattern[str] = NOTHING
    """Finds there, too, a commit of anybody's that waits to be confirmed, where none goes in before that."""
    ailing: re.Pattern[str] = AILING
    """A commit that failed for the device's own reasons, whatever is committed: worth another try."""
    clear: tuple[str, ...] = ()
    """Takes one away; nothing where it goes by itself."""
    seconds: float = 120


@dataclass(frozen=True)
class CommandLine:
    """What every device has, whatever it is configured for."""

    device_type: str
    """Netmiko's name of it."""
    prompt: str
    """Regular expression of the prompt in every mode, with `{host}` for the host's part; it stands alone on a line."""
    errors: re.Pattern[str]
    """What a rejected line is answered with. Looked for line by line."""
    enter: str | None = "configure terminal"
    """Into the configuration mode; None where there is none, or a candidate's `open` does it."""
    end: str | None = "end"
    enable: bool = True
    """Has a privileged mode that is entered with `enable`."""
    saving: Saving | None = None
    """None where the commit saves."""
    candidate: Candidate | None = None
    """None where each line takes effect at once."""
    denied: re.Pattern[str] = re.compile(r"(?i)authoriz|permission denied|not permitted")
    """Errors that are about the login, not about the line."""
    broken: re.Pattern[str] = NOTHING
    """A part of the device is not there, or was not a moment ago: whatever it says now, it may be half of it."""
