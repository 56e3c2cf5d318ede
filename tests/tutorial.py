"""The console blocks of the tutorial, and how near what is printed has to come to what the page shows.

A block holds commands (`$ ...`), each with what it prints; `...` stands for lines that are left out. A block titled
"terminal 1" begins a command that goes on running; in a later block with that title, `^C` stops it. What stands after a
question (`[y/N]: y`) is typed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
LEFT_OUT = "..."
STOP = "^C"
_BLOCK = re.compile(r'^```console(?P<title> title="terminal 1")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL)
QUESTION = re.compile(r"^(?P<question>.*\[y/N\]:) (?P<answer>\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """One command of the page."""

    line: str
    """As typed; `^C` for the end of what runs in terminal 1."""
    shows: str
    """What the page shows of its output."""
    stays: bool
    """Whether it goes on running in terminal 1."""
    place: tuple[int, int]
    """Where `shows` begins and ends in the page's text."""


def commands(page: str) -> Iterator[Command]:
    """Every command in the order of the page. Raises ValueError where a block does not begin with one."""
    for block in _BLOCK.finditer(page):
        starts = [found.start() for found in re.finditer(r"^(\$ |\^C$)", block["body"], re.MULTILINE)]
        if not starts or starts[0] != 0:
            raise ValueError(f"a console block begins with a command, not with {block['body'][:40]!r}")
        for start, end in zip(starts, [*starts[1:], len(block["body"])], strict=True):
            line, _, shows = block["body"][start:end].partition("\n")
            first = block.start("body") + start + len(line) + 1
            yield Command(line.removeprefix("$ "), shows, bool(block["title"]), (first, block.start("body") + end))


_ALIKE = (
    (r"(\d{4}-\d\d-\d\d |[A-Z][a-z][a-z] \d\d? )?\d\d:\d\d(:\d\d)?\b", "<moment>"),
    (r"\b(\d+ (h|min) )?\d+(\.\d)? (s|min)\b", "<time>"),
    (r"127\.0\.0\.1\]?:\d+|\bport \d+", "<port>"),
    (r"\b(tries:|attempt) \d+", "<attempt>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<run>"),
    (r"\b[0-9a-f]{55,64}( [0-9a-f]{1,9}\b)?|\bplan [0-9a-f]{16}\b", "<hash>"),
    (r"\b203\.0\.113\.[3-9]\b", "<an address of the pool>"),
)
"""What differs from one run to the next, and only that: moments, times, ports, how often something was tried, IDs and
hashes of runs, which of the free addresses it was."""


def essence(text: str) -> str:
    """The text without what differs from run to run, nor where lines are wrapped and columns begin."""
    words = " ".join(text.split())
    for pattern, stands_for in _ALIKE:
        words = re.sub(pattern, stands_for, words)
    return words


def agrees(shows: str, printed: str) -> bool:
    """Whether what was printed is what the page shows."""
    parts = [re.escape(essence(part)) for part in re.split(r"^\.\.\.$", shows, flags=re.MULTILINE)]
    return re.fullmatch(r"\s?.*\s?".join(parts), essence(printed)) is not None


def as_shown(shows: str, printed: str) -> str:
    """What was printed, in the form of the page: left out is what is left out there now."""
    lines = printed.splitlines()
    old = shows.splitlines()
    if LEFT_OUT in old:
        first, last = old.index(LEFT_OUT), len(old) - 1 - old[::-1].index(LEFT_OUT)
        after = len(old) - 1 - last
        lines = [*lines[:first], LEFT_OUT, *(lines[-after:] if after else [])]
    return "".join(f"{line}\n" for line in lines)
