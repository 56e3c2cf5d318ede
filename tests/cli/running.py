"""Runs the real `berth` as people and scripts do: in a process of its own, and with nothing of this shell's in it."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BERTH = Path(sys.executable).with_name("berth")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PLATFORM = EXAMPLES / "platform.yaml"
SECONDS = 60.0
"""A command that takes longer hangs."""


def environment(**more: str) -> dict[str, str]:
    """The environment of the tests without anything that changes what `berth` does or how it looks."""
    ours = ("BERTH_", "TEMPORAL_", "KUBE", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTEST", "COVERAGE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "TERM": "dumb", **more}


def berth(
    *arguments: str | Path,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """One command, in this folder, from its start to its end."""
    return subprocess.run(
        [BERTH, *map(str, arguments)],
        cwd=folder,
        env=environment(**(variables or {})),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def at_a_terminal(
    *arguments: str | Path, folder: Path, types: str, variables: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """One command where a person answers what it asks: the exit code and all that was seen."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [BERTH, *map(str, arguments)],
        cwd=folder,
        env=environment(**(variables or {})),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, types.encode())
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how a terminal says that nobody is there any more
                break
            if not part:
                break
            seen += part
        process.wait(SECONDS)
    os.close(ours)
    return process.returncode, seen.decode()


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command said, which is one line and no traceback."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("berth: ")]
    assert "Traceback" not in done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


def tenant(name: str, *, cidr: str = "10.0.0.0/24", external: bool = False) -> str:
    """A small tenant's document."""
    ips = "\n  externalIPs:\n    - {use: snat, name: egress}" if external else ""
    return f"""apiVersion: berth.network/v1
kind: TenantNetwork
metadata:
  name: {name}
spec:
  subnets:
    - name: one
      cidrs: [{cidr}]{ips}
"""
