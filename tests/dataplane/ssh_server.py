"""A real sshd on a port that nobody else can take."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.ports import reserve
from tests.dataplane.fabric import PATH, SECONDS


@dataclass(frozen=True)
class SshServer:
    """An sshd that listens on 127.0.0.1."""

    port: int
    pid: int

    def cut(self) -> None:
        """Ends every session, as a broken link would: what sshd made for it is killed, and what runs in it is hung up on.

        Not killed: it may hold what belongs to others, e.g. a lock.
        """
        for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)


@asynccontextmanager
async def ssh_server(config: Path, text: str) -> AsyncIterator[SshServer]:
    """An sshd with this configuration (sshd_config(5), without its address) that listens, while the block runs.

    A session's home is the configuration's folder: what the machine's own root has in its `.bashrc` is not run.

    Raises AssertionError with its words where it ends instead.
    """
    # Held all the time: another process that asks for a free port at this moment is not given it (sshd reuses addresses).
    reserved = reserve()
    try:
        _prepare(config, f"ListenAddress 127.0.0.1:{reserved.number}\nSetEnv HOME={config.parent}\n{text}")
        process = await asyncio.create_subprocess_exec(
            *(str(shutil.which("sshd", path=PATH)), "-D", "-e", "-f", str(config)), stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        told = asyncio.create_task(_listens(process.stderr))
        try:
            await asyncio.wait_for(told, SECONDS)
            # What it logs from now on is read, for else it would wait for a reader in the end.
            told = asyncio.create_task(_drained(process.stderr))
            server = SshServer(reserved.number, process.pid)
            try:
                yield server
            finally:
                server.cut()
        finally:
            told.cancel()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    finally:
        reserved.release()


def _prepare(config: Path, text: str) -> None:
    config.write_text(text)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd(8): it does not start without


async def _listens(log: asyncio.StreamReader) -> None:
    words = b""
    while b"listening" not in (line := await log.readline()):
        words += line
        assert line, f"sshd did not start: {words.decode()}"


async def _drained(log: asyncio.StreamReader) -> None:
    while await log.read(1 << 16):
        pass
