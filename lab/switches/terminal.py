"""One client's terminal: what it types is echoed and gathered into lines, what the switch says is paged."""

import asyncio
from collections import deque
from collections.abc import Callable

_BACKSPACES = "\x7f\x08"
_INTERRUPT = "\x03"
_KILL = "\x15"
END = "\x1a"
"""Ctrl-Z."""


class GoneError(Exception):
    """The client has gone."""


class Terminal:
    r"""A line-wise terminal over a channel of characters.

    A line ends with \\r or \\n, so text with a newline in it is two lines, as on a real device; \\r\\n ends one. What
    arrives while a command runs waits, and is echoed after the next prompt.
    """

    def __init__(self, write: Callable[[str], None], *, limit: int | None = None, more: str = " --More-- ") -> None:
        self._write = write
        self._limit = limit
        self._more = more
        self._typed: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._returned = False
        self._echoed = ""
        """Echo that is written with what comes next, or before it waits for the client."""
        self.gone = False
        self.rows = 24
        """Lines until the pager asks; 0 never pages."""

    def feed(self, text: str) -> None:
        """Take what the client sent."""
        self._typed.extend(text)
        self._arrived.set()

    def hang_up(self) -> None:
        """The client has gone: whoever reads from now on learns it, and what was typed and not read is lost."""
        self.gone = True
        self._arrived.set()

    def write(self, text: str) -> None:
        r"""Print text as it is; \\n becomes \\r\\n."""
        text, self._echoed = self._echoed + text, ""
        if text and not self.gone:
            self._write(text.replace("\r\n", "\n").replace("\n", "\r\n"))

    def say(self, text: str) -> None:
        """Print lines of text."""
        if text:
            self.write(text if text.endswith("\n") else f"{text}\n")

    async def show(self, text: str) -> None:
        """Print lines, a page at a time unless paging is off."""
        lines = text.splitlines()
        if not self.rows or len(lines) < self.rows:
            self.say(text)
            return
        room = self.rows - 1
        while lines:
            self.say("\n".join(lines[:room]) + "\n")
            lines = lines[room:]
            if not lines:
                return
            self.write(self._more)
            key = await self._key()
            width = len(self._more)
            self.write("\b" * width + " " * width + "\b" * width)
            if key in "qQ" + _INTERRUPT:
                return
            room = 1 if key in "\r\n" else self.rows - 1

    async def line(
        self, prompt: str = "", *, echo: bool = True, help_on: Callable[[str], str | None] = lambda _: None
    ) -> str:
        """The next line. `help_on` answers a `?` in it, where it answers at all. Raises GoneError.

        Ctrl-Z ends a line, too, and stands at its end.
        """
        self.write(prompt)
        typed = ""
        while True:
            key = await self._key()
            if key in "\r\n":
                self.write("\n")
                return typed
            if key == END:
                self.write("^Z\n")
                return typed + END
            if key == "?" and echo and (answer := help_on(typed)) is not None:
                self.write(f"?\n{answer}\n{prompt}{typed}")
            elif key in _BACKSPACES:
                if typed and echo:
                    self.write("\b \b")
                typed = typed[:-1]
            elif key == _KILL:
                typed = ""
            elif key == _INTERRUPT:
                self.write(f"^C\n{prompt}")
                typed = ""
            elif self._limit is not None and len(typed) >= self._limit:
                self.write("\a")
            elif key.isprintable():
                typed += key
                if echo:
                    self._echoed += key

    async def swallow(self, on_line: Callable[[str], None]) -> None:
        """Read without an answer, until the client has gone."""
        typed = ""
        try:
            while True:
                key = await self._key()
                if key in "\r\n":
                    on_line(typed)
                    typed = ""
                else:
                    typed += key
        except GoneError:
            if typed:
                on_line(typed)
            raise

    async def _key(self) -> str:
        while True:
            while not self._typed:
                if self.gone:
                    raise GoneError
                self.write("")
                self._arrived.clear()
                await self._arrived.wait()
            if self.gone:
                raise GoneError
            key = self._typed.popleft()
            was_return, self._returned = self._returned, key == "\r"
            if not (was_return and key == "\n"):
                return key
