"""The simulated Kubernetes API with Kube-OVN in it, as a process of the lab."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from lab.ports import HOST, Port, reached_at, reserve
from lab.processes import STOP_SECONDS, Child

STATE = "kubernetes.db"
LOG = "kubernetes.log"
PORT_FILE = "kubernetes.port"

_CALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SimulatorServer:
    """The simulated Kubernetes API server with its state and its log; made by `start_simulator`."""

    child: Child
    port: Port
    port_file: Path
    listen: str = HOST

    @property
    def url(self) -> str:
        """Where the API is served."""
        return f"http://{reached_at(self.listen)}:{self.port.number}"

    async def kill(self) -> None:
        """End the server with SIGKILL; its port stays its own."""
        await self.child.kill()

    async def start(self) -> None:
        """Start the server, again after `kill`: same port, same state. Raises LabError as `start_simulator` does."""
        self.port_file.unlink(missing_ok=True)
        timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as session:
            await self.child.start(lambda: self._serves(session))

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Stop the server and give its port up; what runs after `seconds` is killed."""
        try:
            await self.child.stop(seconds=seconds)
        finally:
            self.port.release()

    async def _serves(self, session: aiohttp.ClientSession) -> bool:
        if not self.port_file.exists():
            return False
        try:
            async with session.get("/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


async def start_simulator(
    folder: Path,
    *,
    listen: str = HOST,
    port: int | None = None,
    arguments: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    keep_open: Sequence[int] = (),
) -> SimulatorServer:
    """Start the simulated Kubernetes API; return when it answers.

    Args:
        folder: where its state and its log are; objects in the state are there again, an empty state gets the seed.
        listen: the address it listens on.
        port: None takes a free one.
        arguments: more for `python -m lab.kube`, such as `--ready-delay 1.5`.
        progress: told what happens, in words.
        keep_open: descriptors the server inherits.

    Raises LabError when a given port is taken, or the server ends or does not answer; nothing runs then.
    """
    reserved = reserve(port, listen)
    port_file = folder / PORT_FILE
    # -P: a folder named `lab` where the user happens to be is not ours.
    command = [sys.executable, "-P", "-m", "lab.kube", "--host", listen, "--port", str(reserved.number)]
    command += ["--state", str(folder / STATE), "--port-file", str(port_file), *arguments]
    child = Child("the Kubernetes API", command, folder=folder, log=folder / LOG, keep_open=keep_open)
    server = SimulatorServer(child, reserved, port_file, listen)
    progress(f"starting the simulated Kubernetes API at {server.url}")
    try:
        await server.start()
    except BaseException:
        reserved.release()
        raise
    progress("the simulated Kubernetes API answers")
    return server
