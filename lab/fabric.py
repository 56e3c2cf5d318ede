"""The simulated switches and routers, as a process of the lab."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from lab.errors import LabError
from lab.ports import HOST, Port, reserve
from lab.processes import STOP_SECONDS, Child
from lab.routers import PEERINGS, ROUTERS

STATE = "switches"
LOG = "switches.log"
CONFIG = "switches.json"
PORT_FILE = "switches.ports.json"
KNOWN_HOSTS = "known_hosts"
PASSWORD = "switches.password"  # noqa: S105 - a file's name
USERNAME = "berth"
DIALECTS: Mapping[str, str] = {
    "leaf-1": "cisco-ios",
    "leaf-2": "cisco-nxos",
    "leaf-3": "arista-eos",
    "leaf-4": "juniper-junos",
}
"""The lab's switches."""
ROUTER_DIALECTS: Mapping[str, str] = {router["name"]: router["dialect"] for router in ROUTERS}
"""The lab's routers: the edge, and its neighbour."""
DEVICES: Sequence[str] = (*DIALECTS, *ROUTER_DIALECTS)

_CALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FabricServer:
    """The process of the switches and routers, its files in the lab's folder, and the ports that stay its own."""

    child: Child
    folder: Path
    control: Port
    ports: Mapping[str, Port]
    """By the device's name."""
    reached_as: str = HOST
    """The name or address by which clients know the devices."""

    @property
    def control_url(self) -> str:
        """Where the control API is served."""
        return f"http://{HOST}:{self.control.number}"

    @property
    def known_hosts(self) -> Path:
        """The devices' host keys, in OpenSSH's form."""
        return self.folder / KNOWN_HOSTS

    @property
    def password_file(self) -> Path:
        """Where the password of the login `berth` is."""
        return self.folder / PASSWORD

    async def kill(self) -> None:
        """End the process with SIGKILL, as a power cut: what was not saved is gone. Its ports stay its own."""
        await self.child.kill()

    async def start(self) -> None:
        """Start the process, again after `kill`: same ports and host keys. Raises LabError as `start_fabric` does."""
        port_file = self.folder / PORT_FILE
        port_file.unlink(missing_ok=True)
        timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
        async with aiohttp.ClientSession(self.control_url, timeout=timeout) as session:
            await self.child.start(lambda: self._serves(session))
        served = json.loads(port_file.read_bytes())
        keys = "".join(f"[{self.reached_as}]:{one['port']} {one['host_key']}\n" for one in served["switches"])
        _write(self.known_hosts, keys)

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Stop the process and give its ports up; what runs after `seconds` is killed."""
        try:
            await self.child.stop(seconds=seconds)
        finally:
            _release([self.control, *self.ports.values()])

    async def _serves(self, session: aiohttp.ClientSession) -> bool:
        if not (self.folder / PORT_FILE).exists():
            return False
        try:
            async with session.get("/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


async def start_fabric(
    folder: Path,
    *,
    listen: str = HOST,
    reached_as: str = HOST,
    control_port: int | None = None,
    ports: Mapping[str, int | None] | None = None,
    progress: Callable[[str], None] = lambda _: None,
    keep_open: Sequence[int] = (),
) -> FabricServer:
    """Start the lab's four switches and two routers; return when they answer.

    Args:
        folder: where their state, their log, `known_hosts` and the login's password are; what an earlier lab left is used.
        listen: the address the devices listen on.
        reached_as: the name or address by which clients know them, for `known_hosts`.
        control_port: of the control API, which keeps to the loopback; None takes a free one.
        ports: of the devices, by name; None, or one that is not named, takes a free one.
        progress: told what happens, in words.
        keep_open: descriptors the process inherits.

    Raises LabError when a given port is taken, or the process ends or does not answer; nothing runs then.
    """
    reserved: list[Port] = []
    try:
        reserved.append(reserve(control_port))
        for name in DEVICES:
            # One by one: those before one that is taken are to be given up.
            reserved += [reserve((ports or {}).get(name), listen)]
        own = dict(zip(DEVICES, reserved[1:], strict=True))
        _write(folder / CONFIG, _config(own, _password(folder / PASSWORD)))
        # -P: a folder named `lab` where the user happens to be is not ours.
        command = [sys.executable, "-P", "-m", "lab.switches", "--host", listen]
        command += ["--control-port", str(reserved[0].number)]
        command += ["--config", str(folder / CONFIG), "--state", str(folder / STATE)]
        command += ["--port-file", str(folder / PORT_FILE)]
        child = Child("the simulated switches", command, folder=folder, log=folder / LOG, keep_open=keep_open)
        server = FabricServer(child, folder, reserved[0], own, reached_as)
        progress(
            f"starting {len(DIALECTS)} simulated switches and {len(ROUTERS)} routers, controlled at {server.control_url}"
        )
        await server.start()
    except OSError as error:
        _release(reserved)
        raise LabError(f"cannot write to {folder} ({error.strerror}): give the lab another folder") from error
    except BaseException:
        _release(reserved)
        raise
    progress("the simulated switches and routers answer")
    return server


def _config(ports: Mapping[str, Port], password: str) -> str:
    devices = [*({"name": name, "dialect": dialect} for name, dialect in DIALECTS.items()), *ROUTERS]
    switches = [
        {**device, "port": ports[device["name"]].number, "username": USERNAME, "password": password}
        for device in devices
    ]
    return json.dumps({"switches": switches, "peerings": list(PEERINGS)}, indent=2)


def _password(path: Path) -> str:
    """The login's password, the same for as long as the folder is there."""
    if not path.exists():
        _write(path, f"{secrets.token_urlsafe(16)}\n")
    return path.read_text().strip()


def _release(ports: Sequence[Port]) -> None:
    for port in ports:
        port.release()


def _write(path: Path, text: str) -> None:
    """Write a file for this user only, all or nothing."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
