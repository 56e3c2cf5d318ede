"""Flows outlive the translation they began with, and those that began without one outlive its making: they are cut.

A flow is translated when its first packet passes, and never again (nft(8), NAT STATEMENTS; conntrack(8)).
"""

import re
from ipaddress import ip_address

from clients.devices.translators.shell import Shell
from clients.errors import UnavailableError
from tenancy.announcement import Translation

TRIES = 10
"""How often flows may still be found. A packet that had looked into the maps before the change makes one afterwards, once."""
SECONDS = 120.0
"""A full table of a busy edge has millions of flows."""
_DELETED = re.compile(r": ([0-9]+) flow entries have been deleted\.")


def end_all(shell: Shell, pair: Translation) -> tuple[str, ...]:
    """Ends what there is at either address, so that it begins again as the maps say; returns the commands.

    Among it are flows that began before the translation was there, or with another one. Once only: flows that are not
    translated may come back at once.
    """
    commands = tuple(
        _command(pair, which)
        for which in (
            f"--orig-dst {pair.public}",
            f"--reply-dst {pair.public}",
            f"--orig-src {pair.external}",
            f"--reply-src {pair.external}",
        )
    )
    for command in commands:
        _end(shell, command)
    return commands


def end_translated(shell: Shell, pair: Translation) -> tuple[str, ...]:
    """Ends the flows that use a translation which is not there any more, from either side, until none is left."""
    commands = (
        _command(pair, f"--orig-dst {pair.public} --reply-src {pair.external}"),
        _command(pair, f"--orig-src {pair.external} --reply-dst {pair.public}"),
    )
    for command in commands:
        _until_none(shell, command)
    return commands


def _command(pair: Translation, which: str) -> str:
    # The flows go nowhere: how many there were is on standard error.
    return f"conntrack -D -f ipv{ip_address(pair.public).version} {which} >/dev/null"


def _until_none(shell: Shell, command: str) -> None:
    for _ in range(TRIES):
        if _end(shell, command) == 0:
            return
    raise UnavailableError(
        f"{shell.where}: `{command}` still finds flows after {TRIES} times, so they are not ended: see what makes them"
    )


def _end(shell: Shell, command: str) -> int:
    """How many there were. With none it exits with 1, as with a failure (conntrack.c, 1.4.7)."""
    answer = shell.change(command, seconds=SECONDS)
    if found := _DELETED.search(answer.text):
        return int(found[1])
    if "conntrack doesn't exist" in answer.text:
        return 1  # it ended by itself meanwhile, and the rest was not looked at
    raise shell.unclear(command, answer)
