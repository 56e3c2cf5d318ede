"""Approvers' keys, and signatures by the real `ssh-keygen`."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenancy.approval import SIGNATURE_NAMESPACE


def ssh_keygen() -> str:
    """The program. A machine without it leaves out what needs it, but CI does not."""
    found = shutil.which("ssh-keygen")
    if found is None:
        pytest.skip("ssh-keygen is not installed")
    return found


@dataclass(frozen=True)
class Signer:
    """One person's key."""

    name: str
    file: Path

    @property
    def public(self) -> str:
        """The key's type and the key."""
        return " ".join(self.file.with_name(f"{self.file.name}.pub").read_text().split()[:2])

    def line(self, options: str = "") -> str:
        """Their line of an allowed-signers file."""
        return f"{self.name} {options}{' ' if options else ''}{self.public}\n"

    def sign(self, text: str, *, namespace: str = SIGNATURE_NAMESPACE, hash: str = "sha512") -> str:
        """What `ssh-keygen -Y sign` makes of this text."""
        command = [ssh_keygen(), "-q", "-Y", "sign", "-f", str(self.file), "-n", namespace, "-O", f"hashalg={hash}"]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


def signer(folder: Path, name: str, kind: str = "ed25519", bits: int | None = None) -> Signer:
    """A new key without a passphrase."""
    file = folder / f"{name}-{kind}-{bits}"
    size = [] if bits is None else ["-b", str(bits)]
    subprocess.run([ssh_keygen(), "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", str(file)], check=True)
    return Signer(name, file)
