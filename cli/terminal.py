"""The two streams: results on stdout (for people, or one JSON document), everything else on stderr.

Rich takes care of NO_COLOR, FORCE_COLOR, TTY_COMPATIBLE, TERM=dumb, of pipes and of the width. Text that came from
outside (documents, errors, Temporal) must go through `clean`, because it may hold markup, line breaks and escape
sequences.
"""

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

PIPE_WIDTH = 120
"""Columns where there is no terminal to ask: lines in a log should not be folded at 80."""
PLAIN_SIGNS: Mapping[str, str] = {"…": "~", "–": "-", "’": "'", "█": "#", "░": "-"}
"""What stands for our own signs, one for one, where a terminal knows ASCII only; those of steps have theirs."""
_FALL_BACK = "berth"


def set_up_streams() -> None:
    """Has the streams speak what the locale says. To be called once, before anything is said."""
    codecs.register_error(_FALL_BACK, _plain_sign)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = stream.encoding if knows_unicode(os.environ) else "ascii"
            # Better ~ for … in a terminal that knows no such sign, and better \\xe9 for é, than no result.
            stream.reconfigure(encoding=encoding, errors=_FALL_BACK)


def knows_unicode(environ: Mapping[str, str]) -> bool:
    """Whether the locale has more than ASCII. One that is not said, as in many containers, is trusted to.

    Python itself takes the locale C for UTF-8, and says so in LC_CTYPE to everybody who asks later.
    """
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        said = environ.get(name, "")
        if said and not (name == "LC_CTYPE" and said in ("C.UTF-8", "C.utf8", "UTF-8")):
            return said.partition(".")[0] not in ("C", "POSIX") or "utf" in said.lower()
    return True


def _plain_sign(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    plain = (PLAIN_SIGNS.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(plain), error.end


def is_screen(console: Console) -> bool:
    """Whether somebody looks at it, and not a file or another program that was promised colours."""
    return console.is_terminal and console.file.isatty()


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
    """One remark on stderr: in a log on one line, on a screen folded between words."""
    console = stderr()
    console.print(clean(message), soft_wrap=not is_screen(console))


def show(*parts: RenderableType, on: Console | None = None) -> None:
    """The result, for people. Without the blanks up to the edge of the screen where there is no screen."""
    console = on or stdout()
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def show_exactly(text: str) -> None:
    """The result as it is, byte by byte, whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def show_json(document: Any) -> None:
    """The result, for machines: one JSON document, and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()
