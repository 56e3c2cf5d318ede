"""The tutorial is carried out as it stands: its commands, in its order, against a real lab.

    BERTH_TUTORIAL=write .venv/bin/python -m pytest tests/test_tutorial.py

writes what was printed into the page, for you to read.
"""

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import pytest

from tests.cli.running import BERTH, EXAMPLES, environment
from tests.screen import Terminal
from tests.tutorial import PAGE, QUESTION, STOP, Command, agrees, as_shown, commands

WRITE = os.environ.get("BERTH_TUTORIAL") == "write"
LOOKS = ("berth status", "berth approvals")
"""Commands that change nothing: as a person would, the test looks again while what the page shows has not come yet."""
SECONDS = 60.0


class Desk:
    """A person's desk: a folder, a lab in terminal 1, and a second terminal for everything else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._variables = {**environment(LOGNAME="ada", TZ="UTC"), "TERM": "xterm", "NO_COLOR": "1"}
        (folder / "examples").symlink_to(EXAMPLES)
        root = EXAMPLES.parent
        self._warm = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            cwd=folder,
            env={**self._variables, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lab: tuple[subprocess.Popen[bytes], Terminal] | None = None
        self._code = 0

    def carry_out(self, command: Command) -> str:
        """What one command of the page prints."""
        if command.stays:
            printed = self._stop_lab() if command.line == STOP else self._start_lab(command.line)
        elif command.line == "echo $?":
            printed = str(self._code)
        else:
            printed = self._again(command)
        return self._plain(printed)

    def close(self) -> None:
        """Ends what still runs."""
        if self._lab is not None:
            self._stop_lab()
        _pipe(self._warm.stdin).close()
        assert self._warm.wait(SECONDS) == 0
        _pipe(self._warm.stdout).close()

    def _plain(self, printed: str) -> str:
        return printed.replace(str(self._folder), "~/berth").strip("\n")

    def _start_lab(self, line: str) -> str:
        program, *arguments = shlex.split(line)
        assert (program, self._lab) == ("berth", None)
        terminal = Terminal(columns=200)  # the path of a test's folder is long, and is not to be wrapped
        process = subprocess.Popen(
            [BERTH, *arguments],
            cwd=self._folder,
            env=self._variables,
            stdin=terminal.theirs,
            stdout=terminal.theirs,
            stderr=terminal.theirs,
        )
        self._lab = process, terminal
        return terminal.until("Ctrl-C stops it; the state is kept", SECONDS)

    def _stop_lab(self) -> str:
        assert self._lab is not None
        process, terminal = self._lab
        self._lab = None
        with terminal:
            before = terminal.rest()
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0
            return terminal.rest().removeprefix(before)

    def _again(self, command: Command) -> str:
        looks = command.line.startswith(LOOKS)
        if looks and WRITE:
            time.sleep(6)  # nothing tells what the page is going to show
        deadline = time.monotonic() + (30 if looks and not WRITE else 0)
        while True:
            printed = self._once(command)
            if time.monotonic() >= deadline or agrees(command.shows, self._plain(printed)):
                return printed

    def _once(self, command: Command) -> str:
        program, *arguments = shlex.split(command.line)
        assert program == "berth"
        answers = _pipe(self._warm.stdout)
        with Terminal() as terminal:
            print(json.dumps([terminal.name, *arguments]), file=_pipe(self._warm.stdin), flush=True)
            for question in QUESTION.finditer(command.shows):
                terminal.until("[y/N]: ", SECONDS)  # with the blank, after which the answer is echoed
                terminal.type(f"{question['answer']}\n")
            deadline = time.monotonic() + SECONDS
            while not select.select([answers], [], [], 0.02)[0]:
                terminal.listen(0.05)
                assert time.monotonic() < deadline, f"`{command.line}` hangs:\n{terminal.screen()}"
            self._code = int(answers.readline())
            return terminal.rest()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.mark.timeout(400)
def test_the_tutorial_is_what_happens() -> None:
    # Not pytest's own folder, whose long path would be wrapped where it is printed.
    with tempfile.TemporaryDirectory(prefix="berth-") as folder:
        carry_out_the_page(Path(folder))


def carry_out_the_page(folder: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    written: list[tuple[Command, str]] = []
    desk = Desk(folder)
    try:
        for command in commands(page):
            printed = desk.carry_out(command)
            written.append((command, printed))
            assert WRITE or agrees(command.shows, printed), (
                f"`{command.line}` prints something else than docs/tutorial.md shows; if that is right, write it there with"
                f" BERTH_TUTORIAL=write\nthe page:\n{command.shows}\nprinted:\n{printed}"
            )
    finally:
        desk.close()
    assert len(written) > 15
    if WRITE:
        for command, printed in reversed(written):
            page = page[: command.place[0]] + as_shown(command.shows, printed) + page[command.place[1] :]
        PAGE.write_text(page, encoding="utf-8")
        pytest.fail("docs/tutorial.md is written anew: read it, and run this once more")


def test_what_has_to_be_installed_is_what_the_makefile_knows() -> None:
    targets = set(re.findall(r"^ +make (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert targets
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=EXAMPLES.parent, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("acme  done   0.3 s", "acme done 12.0 s", True),
        ("took 1 min 02 s", "took 3.1 s", True),
        ("since 2026-11-25 02:45:17", "since 2027-01-01 00:00:00", True),
        ("until Dec  2 04:04", "until Jan 11 23:59", True),
        ("external IP 203.0.113.4", "external IP 203.0.113.6", True),
        ("external IP 203.0.113.4", "external IP 198.51.100.4", False),
        ("22 of 22 steps", "21 of 22 steps", False),
        ("Vpc acme created", "Vpc acme adopted", False),
        ("first\n...\nlast", "first\nmore\nlast", True),
        ("first\n...\nlast", "first\nmore\nend", False),
    ],
)
def test_only_what_differs_from_run_to_run_may_differ_from_the_page(shown: str, printed: str, same: bool) -> None:
    assert agrees(shown, printed) is same
