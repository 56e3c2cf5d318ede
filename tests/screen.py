"""What a person sees of a program at a terminal: its output with the moves of the cursor carried out."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from types import TracebackType

LINES = 60
_PART = re.compile(r"\x1b\[(?P<number>[?0-9;]*)(?P<code>[A-Za-z])|(?P<move>[\r\n])|(?P<text>[^\x1b\r\n]+)")
_CHANGES_NOTHING_HERE = frozenset("mhl")
"""Colours, and whether the cursor is shown."""


def seen(output: str) -> str:
    """The lines that stand on the screen in the end. Raises ValueError at a control sequence it does not know."""
    lines, row, column = [""], 0, 0
    at = 0
    while at < len(output):
        part = _PART.match(output, at)
        if part is None:
            raise ValueError(f"no screen knows {output[at : at + 20]!r}")
        at = part.end()
        if text := part["text"]:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
        elif part["move"] == "\r":
            column = 0
        elif part["move"] == "\n":
            row += 1
            lines.extend([""] * (row + 1 - len(lines)))
        elif part["code"] == "A":
            row = max(0, row - int(part["number"] or 1))
        elif part["code"] == "B":
            row += int(part["number"] or 1)
            lines.extend([""] * (row + 1 - len(lines)))
        elif part["code"] == "K":
            lines[row] = "" if part["number"] == "2" else lines[row][:column]
        elif part["code"] not in _CHANGES_NOTHING_HERE:
            raise ValueError(f"no screen knows {part[0]!r}")
    return "\n".join(line.rstrip() for line in lines).rstrip()


class Terminal:
    """A terminal for one program."""

    def __init__(self, columns: int = 80) -> None:
        self._ours, self.theirs = pty.openpty()
        self.name = os.ttyname(self.theirs)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        self._output = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._ours)
        os.close(self.theirs)

    def type(self, text: str) -> None:
        """What a person types."""
        os.write(self._ours, text.encode())

    def until(self, shown: str, seconds: float = 60.0) -> str:
        """The screen once this was written to it. Raises TimeoutError where nothing more comes."""
        deadline = time.monotonic() + seconds
        while shown not in self._output.decode(errors="ignore"):
            if not self._more(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"{shown!r} does not come:\n{self.screen()}")
        return self.screen()

    def rest(self) -> str:
        """The screen, once its program has ended."""
        while self._more(0):
            pass
        return self.screen()

    def listen(self, seconds: float) -> None:
        """Takes what comes, so that the program can go on writing."""
        self._more(seconds)

    def screen(self) -> str:
        """What stood on it when last something was taken."""
        return seen(self._output.decode(errors="ignore"))

    def _more(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        self._output += os.read(self._ours, 65536)
        return True
