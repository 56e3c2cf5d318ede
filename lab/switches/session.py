"""One client's session with a simulated switch: line after line, each noted in the journal and open to faults."""

import asyncio
from collections.abc import Callable

from lab.switches.device import Device, RejectedError, Shell, Store
from lab.switches.faults import Fault
from lab.switches.journal import SECRET, Entry
from lab.switches.terminal import GoneError, Terminal

SYSLOG = "%SYS-5-CONFIG_I: Configured from console by netadmin on vty0 (192.0.2.7)"


class Session:
    """Reads lines from a terminal, runs them in a shell. `cut` ends the connection without a word."""

    def __init__(
        self, number: int, user: str, device: Device, store: Store, terminal: Terminal, cut: Callable[[], None]
    ) -> None:
        self.number = number
        self.user = user
        self.shell: Shell | None = None
        self._device = device
        self._store = store
        self._terminal = terminal
        self._cut = cut

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """Ask the client something; the answer is noted, a secret's text is not. Raises GoneError."""
        answer = await self._terminal.line(prompt, echo=echo)
        configuring = self.shell.configuring if self.shell else False
        entry = Entry(
            self.number, self.user, answer if echo else SECRET, configuring, kind="answer" if echo else "secret"
        )
        entry.accepted = True
        self._device.journal.add(entry)
        return answer

    def write(self, text: str) -> None:
        """Print at once, while a line is still carried out."""
        self._terminal.write(text)

    def page_by(self, rows: int) -> None:
        """Page what is shown from now on; 0 never does."""
        self._terminal.rows = rows

    async def serve(self, shell: Shell) -> None:
        """Serve lines until the client leaves or is cut."""
        self.shell = shell
        try:
            while not shell.closed:
                line = await self._terminal.line(shell.prompt, help_on=shell.help_on)
                await self._line(shell, line)
        except GoneError:
            pass
        finally:
            shell.close()

    async def _line(self, shell: Shell, line: str) -> None:
        entry = self._device.journal.add(Entry(self.number, self.user, line, shell.configuring))
        fault = self._device.faults.on_line(line) if line.strip() else None
        if fault:
            entry.fault = fault.effect
            await self._strike_before(fault)
        if fault and fault.effect == "error":
            entry.accepted = False
            self._terminal.say(fault.message or "% Unknown error")
            return
        if self._device.command_seconds and line.strip():
            await asyncio.sleep(self._device.command_seconds)
        if fault and fault.effect == "ignore":
            shell.settle()
            before = self._store.snapshot()
            text, accepted = await self._run(shell, line)
            self._store.undo(before)
            accepted = True
        else:
            text, accepted = await self._run(shell, line)
        if fault and fault.effect == "lose-answer":
            shell.settle()
            self._leave_without_a_word()
        entry.accepted = accepted
        if fault and fault.effect == "syslog":
            text = _interleaved(text, fault.message or SYSLOG)
        await self._terminal.show(text)

    async def _run(self, shell: Shell, line: str) -> tuple[str, bool]:
        try:
            return await self._carry_out(shell, line)
        finally:
            self._device.tell_changed()

    async def _carry_out(self, shell: Shell, line: str) -> tuple[str, bool]:
        try:
            text = await shell.run(line)
            if self._device.forward is not None:
                await self._device.forward(self._store.running)
            return text, True
        except RejectedError as error:
            return str(error), False

    async def _strike_before(self, fault: Fault) -> None:
        match fault.effect:
            case "drop":
                self._leave_without_a_word()
            case "hang":
                await self._terminal.swallow(self._note_unanswered)
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "reload":
                self._device.restart()
                raise GoneError
            case _:
                pass

    def _note_unanswered(self, line: str) -> None:
        configuring = self.shell.configuring if self.shell else False
        self._device.journal.add(Entry(self.number, self.user, line, configuring))

    def _leave_without_a_word(self) -> None:
        self._terminal.hang_up()
        self._cut()
        raise GoneError


def _interleaved(text: str, message: str) -> str:
    """A log message bursts into an answer wherever it happens to be."""
    lines = text.splitlines()
    half = len(lines) // 2
    return "\n".join([*lines[:half], f"*Nov 24 09:12:07.123: {message}", *lines[half:]])
