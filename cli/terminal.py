"""The two streams: results on stdout (for people, or one JSON document), everything else on stderr.

Rich takes care of NO_COLOR, of pipes and of the width. Text that came from outside (documents, errors, Temporal) must
go through `clean`, because it may hold markup, line breaks and escape sequences.
"""

import json
import os
import re
import sys
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

PIPE_WIDTH = 120
"""Columns where there is no terminal to ask: lines in a log should not be folded at 80."""


def stdout() -> Console:
    """Where results go."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where progress, warnings and errors go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, soft_wrap=False, width=width)


def clean(text: object, style: str = "") -> Text:
    """Text from outside, on one line, with nothing in it that a terminal or Rich would act upon."""
    return Text(printable(text), style=style)


def printable(text: object) -> str:
    """Line breaks and tabs become one space; other control characters become visible, escaped as Python does."""
    flat = re.sub(r" *[^\S ]\s*", " ", str(text))
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in flat)


def say(message: str) -> None:
    """One remark on stderr, never folded, so that a log keeps it on one line."""
    stderr().print(clean(message), soft_wrap=True)


def show(*parts: RenderableType, on: Console | None = None) -> None:
    """The result, for people. Without the blanks up to the edge of the screen where there is no screen."""
    console = on or stdout()
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def show_json(document: Any) -> None:
    """The result, for machines: one JSON document, and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()
