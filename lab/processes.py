"""A server as a child process: started, waited for, stopped, killed, started again; it never outlives its parent."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab.errors import LabError, quoted

START_SECONDS = 30.0
STOP_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 0.01
_LOG_TAIL_BYTES = 4096
_TETHER = Path(__file__).with_name("tether.py")


class EndedError(LabError):
    """A process ended without being asked to."""

    def __init__(self, message: str, last_line: str) -> None:
        super().__init__(message)
        self.last_line = last_line


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one of the same number.

    `started` is in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)); 0 where there is no /proc.
    """

    pid: int
    started: int

    @classmethod
    def find(cls, pid: int) -> Self | None:
        """The process that has this number now, None when there is none."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this number now. Raises LabError when there is none."""
        found = cls.find(pid)
        if found is None:
            raise LabError(f"process {pid} ended just now: start it again")
        return found

    def runs(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _started(self.pid) == self.started


class Child:
    """One server, run as `command` in `folder`, its output in the file `log`.

    It gets a session of its own, so that Ctrl-C in the terminal reaches the lab only and the lab stops its servers in
    its own order. The descriptors in `keep_open` are handed down to it. On Linux it dies with the thread that started
    it (see tether.py): start it from one that lives as long as the server is needed.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._folder = folder
        self._environment = dict(os.environ if environment is None else environment)
        self._keep_open = tuple(keep_open)
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process number of the last start. Raises LabError before the first."""
        if self._process is None:
            raise LabError(f"{self.name} was not started yet: start it first")
        return self._process.pid

    def runs(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self, answers: Callable[[], Awaitable[bool]], *, seconds: float = START_SECONDS) -> None:
        """Start the process and return once `answers` says it serves; asked again until then.

        The log starts anew with the first start and is continued by later ones.
        Raises EndedError when the process ends first, LabError when `seconds` pass first; nothing runs then.
        """
        if self.runs():
            raise LabError(f"{self.name} already runs as process {self.pid}: stop it first")
        process = await self._spawn()
        ended = asyncio.create_task(process.wait())
        serving = asyncio.create_task(_until(answers))
        try:
            # Either may come first: another server may have taken the port, and accept connections without an answer.
            await asyncio.wait([ended, serving], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self._ended()
            if not serving.done():
                raise LabError(f"{self.name} did not answer within {seconds:g} s: {self._read_log()}")
            serving.result()
        except BaseException:
            await self.kill()
            raise
        finally:
            ended.cancel()
            serving.cancel()
            await asyncio.gather(ended, serving, return_exceptions=True)
        self._wanted.set()

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Ask the process to end, and kill it when it has not done so after `seconds`."""
        self._wanted.clear()
        if self._process is None:
            return
        try:
            if seconds > 0 and self.runs():
                self._process.terminate()
                async with asyncio.timeout(seconds):
                    await self._process.wait()
        except TimeoutError:
            pass
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End the process with SIGKILL, as a crash or a power cut would, and wait until it is gone."""
        self._wanted.clear()
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def failed(self) -> EndedError:
        """Wait until the process ends without being stopped or killed by this object, and return what to say."""
        while True:
            await self._wanted.wait()
            process = self._process
            if process is not None:
                await process.wait()
            if process is self._process and self._wanted.is_set():
                return self._ended()

    async def _spawn(self) -> asyncio.subprocess.Process:
        mode = "ab" if self._process else "wb"
        with self.log.open(mode) as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", str(_TETHER), str(os.getpid())),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                pass_fds=self._keep_open,
                start_new_session=True,
            )
        return self._process

    def _ended(self) -> EndedError:
        code = self._process.returncode if self._process else None
        how = f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with exit code {code}"
        return EndedError(f"{self.name} {how}: {self._read_log()}", self._last_line())

    def _read_log(self) -> str:
        last = self._last_line()
        said = f"its last line is {quoted(last)}" if last else "it wrote nothing"
        return f"read {self.log}, {said}"

    def _last_line(self) -> str:
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


async def _until(answers: Callable[[], Awaitable[bool]]) -> None:
    while not await answers():  # noqa: ASYNC110 - a port tells nobody that it begins to listen: one has to ask
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def _started(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _answers_signals(pid)
    except ProcessLookupError:
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def _answers_signals(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0
