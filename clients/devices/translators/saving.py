"""The table in a file that the system's own nftables.service loads: written beside it, synced, and moved into its place."""

from typing import Protocol

from clients.devices.translators.ruleset import TABLE
from clients.devices.translators.shell import Answer, Shell
from clients.errors import UnavailableError

FOLDER = "/etc/nftables.d"
FILE = f"{FOLDER}/berth.nft"
DRAFT = f"{FOLDER}/berth.nft.draft"
"""No name that the include takes."""
CONFIGURATION = "/etc/nftables.conf"
PREREQUISITES = (
    ("type nft conntrack cmp sync", "install nftables, conntrack, diffutils and coreutils"),
    (f"test -d {FOLDER}", f"make the folder {FOLDER}"),
    (
        f"grep -Eq '^[[:space:]]*include[[:space:]]+\"{FOLDER}/([*]|[*][.]nft|berth[.]nft)\"' {CONFIGURATION}",
        f'add the line `include "{FOLDER}/*.nft"` at the end of {CONFIGURATION}',
    ),
    ("ls /etc/systemd/system/*.wants/nftables.service", "run `systemctl enable nftables`"),
)
"""What has to hold, so that what is saved is loaded when the device starts, and what makes it so."""
_LISTING = f"berth() {{ echo add table {TABLE}; echo delete table {TABLE}; nft -s list table {TABLE}; }}"
"""The file's text: loading it replaces the table in one transaction, and touches no other."""
SECONDS = 60.0


class _Send(Protocol):
    def __call__(self, command: str, *, seconds: float) -> Answer: ...


def missing(shell: Shell) -> list[str]:
    """What a person has to do before anything here can be kept."""
    return [remedy for command, remedy in PREREQUISITES if not shell.read(command).ok]


def restore(shell: Shell) -> bool:
    """Loads what was saved, where there is anything: somebody flushed the rules, and what is saved next must not forget it."""
    if not shell.read(f"test -e {FILE}").ok:
        return False
    answer = shell.change(f"nft -f {FILE}", seconds=SECONDS)
    if not answer.ok:
        raise UnavailableError(
            f"{shell.where}: the table {TABLE} is gone and what was saved of it cannot be loaded, `nft -f {FILE}`: "
            f"{answer.words}: nothing was changed; put the file right, or remove it where nothing in it is needed"
        )
    return True


def is_saved(shell: Shell) -> bool:
    """Whether the file holds the table as it is now."""
    _done(shell, shell.read, _LISTING)
    return shell.read(f"berth | cmp -s - {FILE}", seconds=SECONDS).ok


def save(shell: Shell) -> None:
    """The table survives a restart. Raises UnavailableError where it would not."""
    if not is_saved(shell):
        for command in (f"berth > {DRAFT}", f"nft -c -f {DRAFT}", f"sync {DRAFT}", f"mv -f {DRAFT} {FILE}"):
            _done(shell, shell.change, command)
        _done(shell, shell.read, f"berth | cmp - {FILE}")
    # Also where nothing was missing: an earlier try may have died between the move and this.
    _done(shell, shell.change, f"sync {FOLDER}")


def _done(shell: Shell, send: _Send, command: str) -> None:
    answer = send(command, seconds=SECONDS)
    if not answer.ok:
        raise UnavailableError(
            f"{shell.where}: `{command}` failed: {answer.words}: what runs is right, and would be lost in a restart; see "
            f"whether {FOLDER} can be written and has room"
        )
