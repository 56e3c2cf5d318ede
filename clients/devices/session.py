"""One session on one device: a line is sent, its echo and its answer are read, and an error in it is seen."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from netmiko import BaseConnection
from netmiko.exceptions import NetmikoBaseException
from paramiko.ssh_exception import SSHException

from clients.devices.command_line import CommandLine
from clients.devices.sending import sendable
from clients.errors import RefusedError, UnavailableError
from tenancy.mistakes import shown

LINE_SECONDS = 30.0
"""How long a device may take to answer a line. One that reloads or hangs is given up then."""
POLL_SECONDS = 0.01
CLOSE_SECONDS = 5.0
PROGRESS_SECONDS = 2.0
"""How often a long wait is told of."""
MOST_SHOWN = 3
"""Lines of an error that are quoted."""

_STAMP = (
    r"[*.]?(?:[0-9]+: )?(?:[0-9]{4} )?[A-Z][a-z]{2} +[0-9]{1,2} [0-9:.]+(?: [A-Z]{2,5})?:? ?(?:\S+ )?(?:[\w\[\]-]+: ?)?"
)
_MESSAGE = r"%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*-[0-7]-[A-Z0-9_]+:"
_LOG_LINE = re.compile(rf"^(?:{_STAMP})?{_MESSAGE}.*\n?", re.MULTILINE)
_TORN_LINE = re.compile(_MESSAGE)


class RejectedLineError(Exception):
    """The device did not take a line: `line`, and its words in `words`, made safe."""

    def __init__(self, line: str, words: str) -> None:
        super().__init__(f"{line!r} was answered with {words}")
        self.line = line
        self.words = words


class Session:
    """Lines sent over one connection. One thread at a time; after an UnavailableError it is of no more use."""

    def __init__(
        self,
        connection: BaseConnection,
        cli: CommandLine,
        where: str,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._cli = cli
        self.where = where
        """The device, for a message."""
        self._alive = alive
        self._progress = progress
        self._unread = ""
        host = re.escape(connection.base_prompt)
        prompt = cli.prompt.replace("{host}", host)
        # A log message may follow the prompt at once.
        self._prompt = re.compile(rf"^(?:{prompt})(?:[ \t]*$|(?=[^\n]{{0,80}}{_MESSAGE}))", re.MULTILINE)

    def read(self, command: str, *, seconds: float = LINE_SECONDS) -> str:
        """What the device answers to a command that changes nothing. Errors in it are the caller's to see."""
        return self._exchange(command, self._prompt, seconds, {})

    def change(
        self,
        line: str,
        *,
        seconds: float = LINE_SECONDS,
        questions: Mapping[str, str] | None = None,
    ) -> str:
        """Send a line that may change something; returns the answer.

        Raises RejectedLineError for an answer that is an error, UnavailableError where this worker may no longer act.
        """
        self.fence()
        output = self._exchange(line, self._prompt, seconds, questions or {})
        if error := self.error_in(output):
            raise RejectedLineError(line, error)
        return output

    def fence(self) -> None:
        """Raises UnavailableError where another worker may be at work on this device by now."""
        if not self._alive():
            raise UnavailableError(
                f"{self.where}: this worker was silent for too long, or was stopped, and another may be at work on "
                "it: nothing more was sent; the next try reads what there is and goes on from there"
            )

    def error_in(self, output: str) -> str | None:
        """The lines of the output that are errors, made safe to print; None where there is none."""
        found = [shown(line.strip()) for line in output.split("\n") if self._cli.errors.search(line)]
        return " ".join(found[:MOST_SHOWN]) or None

    def _exchange(self, line: str, until: re.Pattern[str], seconds: float, questions: Mapping[str, str]) -> str:
        line = sendable(line)
        self._progress(line)
        deadline = time.monotonic() + seconds
        self._write(line)
        before = self._until(re.compile(re.escape(line)), deadline, line)
        # What comes late belongs to the line before; an error in it was overlooked, so nothing is certain any more.
        if _LOG_LINE.sub("", before.rpartition(line)[0]).strip() and self.error_in(before.rpartition(line)[0]):
            raise UnavailableError(
                f"{self.where}: an error came late, before the answer to {line!r}: {shown(before.strip())}: the next try "
                "reads what there is"
            )
        pattern = re.compile("|".join([until.pattern, *questions]), until.flags)
        output = ""
        while True:
            output += self._until(pattern, deadline, line)
            answer = next(
                (text for question, text in questions.items() if re.search(rf"(?:{question})\S*\s*$", output)), None
            )
            if answer is None:
                break
            self._write(answer)
            output += "\n"
        output = re.sub(until.pattern + r"\Z", "", output, flags=until.flags)
        output = _LOG_LINE.sub("", output)
        if broken := self._cli.broken.search(output):
            raise UnavailableError(
                f"{self.where}: a part of it is gone, or was just started ({shown(broken[0].strip())}), so its answer to "
                f"{line!r} is not all there is: the next try sees whether it is up again"
            )
        if _TORN_LINE.search(output):
            raise UnavailableError(
                f"{self.where}: a log message tore the answer to {line!r} apart: the next try reads again"
            )
        return output

    def _write(self, line: str) -> None:
        try:
            self._connection.write_channel(line + self._connection.RETURN)
        except (NetmikoBaseException, SSHException, OSError, EOFError) as error:
            raise self._lost(line, type(error).__name__) from error

    def _until(self, pattern: re.Pattern[str], deadline: float, line: str) -> str:
        """Everything up to the end of the pattern. The rest waits for the next call."""
        told = time.monotonic()
        while True:
            if found := pattern.search(self._unread):
                text, self._unread = self._unread[: found.end()], self._unread[found.end() :]
                return text
            try:
                gone = self._gone()  # asked before reading, so that the last words are read
                data = self._connection.read_channel()
            except (NetmikoBaseException, SSHException, OSError, EOFError) as error:
                raise self._lost(line, type(error).__name__) from error
            self._unread += data.replace("\r", "")
            if data:
                continue
            if gone:
                raise self._lost(line, "it closed the connection")
            now = time.monotonic()
            if now > deadline:
                raise self._lost(line, "no answer in time")
            if now - told > PROGRESS_SECONDS:
                told = now
                self._progress(line)
            time.sleep(POLL_SECONDS)

    def _gone(self) -> bool:
        # Netmiko itself notices a peer that went only when the time is up.
        channel = self._connection.remote_conn
        transport = channel.get_transport() if channel is not None else None  # type: ignore[union-attr]  # SSH is all there is here
        return channel is None or channel.closed or transport is None or not transport.is_active()  # type: ignore[union-attr]

    def _lost(self, line: str, why: str) -> UnavailableError:
        return UnavailableError(
            f"{self.where}: the answer to {line!r} is missing ({why}), so whether it took effect is unknown: the session is "
            "given up, and the next try reads what there is"
        )

    def enable(self, secret: str | None) -> None:
        """Enter the privileged mode where the session is not in it. Raises RefusedError `enable-refused`."""
        deadline = time.monotonic() + LINE_SECONDS
        self._write("")
        if self._until(self._prompt, deadline, "").rstrip().endswith("#"):
            return
        self._progress("enable")
        self._write("enable")
        # The prompt in front of the echo may still be unread.
        self._until(re.compile("enable"), deadline, "enable")
        asked = re.compile(rf"{self._prompt.pattern}|[Pp]assword: ?\Z|(?m:^\s*% ?\w.*$)", self._prompt.flags)
        answer = self._until(asked, deadline, "enable")
        if re.search(r"[Pp]assword: ?\Z", answer):
            if secret is None:
                raise RefusedError(
                    f"{self.where}: asks for an enable secret, and its credentials name none: add `enableSecret` to them",
                    reason="enable-refused",
                )
            self._write(secret)
            answer = self._until(asked, deadline, "enable")
        if not answer.rstrip().endswith("#"):
            raise RefusedError(
                f"{self.where}: the enable secret was refused: correct the secret its credentials name",
                reason="enable-refused",
            )

    def close(self) -> None:
        """Cut the connection. A graceful goodbye would send a line, which a fenced worker must not."""
        client = self._connection.remote_conn_pre
        transport = client.get_transport() if client is not None else None
        for part in (self._connection.remote_conn, client):
            if part is not None:
                with suppress(Exception):
                    part.close()
        if transport is not None:
            # Where the device was faster, its thread may still be closing the channel of a jump host, which has to last
            # that long.
            transport.join(CLOSE_SECONDS)
        # Netmiko's own disconnect() finds no channel, sends nothing, and takes its filter off the logger.
        self._connection.remote_conn = None
        with suppress(Exception):
            self._connection.disconnect()
