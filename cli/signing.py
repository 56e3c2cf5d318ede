"""An approver's SSH signature: made by the approver's own ssh-keygen, or read from where it put one.

The passphrase is between ssh-keygen and the terminal (or the SSH agent, for a key whose public half is named); no key is
ever read here.
"""

import subprocess
import sys
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from tenancy.approval import SIGNATURE_NAMESPACE
from tenancy.signatures import LONGEST_SIGNATURE


def sign(text: str, key: Path) -> str:
    """The armoured signature. Raises CommandError where ssh-keygen is not there or will not sign."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", SIGNATURE_NAMESPACE]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603  # the user's own
    except OSError as error:
        message = (
            f"ssh-keygen cannot be run ({error.strerror}): install OpenSSH's client, or sign elsewhere: --signature"
        )
        raise CommandError(ExitCode.USAGE, message) from error
    if done.returncode != 0 or not done.stdout:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise CommandError(ExitCode.USAGE, f"ssh-keygen did not sign with {key}: {lines[-1]}")
    return done.stdout


def read_signature(file: Path) -> str:
    """The signature in a file; `-` is stdin. Raises CommandError where there is none to read."""
    try:
        if str(file) == "-":
            return sys.stdin.read(LONGEST_SIGNATURE + 1)
        with file.open(encoding="ascii") as opened:
            return opened.read(LONGEST_SIGNATURE + 1)
    except (OSError, UnicodeDecodeError) as error:
        message = f"signature {file} cannot be read ({error}): name the .sig file that ssh-keygen wrote"
        raise CommandError(ExitCode.USAGE, message) from error
