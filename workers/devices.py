"""Sessions with devices, wired: where a worker gets credentials and host keys for them."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from activities.devices import DeviceWork
from clients.devices import Login, work
from clients.devices.credentials import login_of
from clients.errors import UnavailableError
from clients.secrets import ReadSecret
from tenancy.devices import AnyRequest, DeviceOutcome
from tenancy.edge import DEFAULT_TAG, Announce, EdgeDevice
from tenancy.switches import Switch
from tenancy.vlans import VlanMode

THREADS = 40
"""About 32 sessions with switches at once are the best for two cores (measured); others need a thread for a moment."""


def have_threads() -> None:
    """Gives this loop a thread for every session at a time: they run in its own, of which Python would have six on two cores."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "berth"))


def sessions(read_secret: ReadSecret, known_hosts: Path) -> DeviceWork:
    """What `work_on_device` calls for a session with a device. Secrets are read anew for each."""

    async def session(
        device: Switch | EdgeDevice,
        part: VlanMode | Announce,
        requests: Sequence[AnyRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        login, jump = await logins(device, part, read_secret)
        return await work(
            device,
            login,
            requests,
            known_hosts=known_hosts,
            alive=alive,
            progress=progress,
            jump=jump,
            tag=DEFAULT_TAG if isinstance(part, VlanMode) else part.tag,
            neighbour=is_neighbour(device, part),
        )

    return session


async def logins(
    device: Switch | EdgeDevice, part: VlanMode | Announce, read_secret: ReadSecret
) -> tuple[Login, Login | None]:
    """The login of a device and that of its jump host, read anew. Raises UnavailableError, RefusedError."""
    jump = device.jump_host
    return (
        await _login(device.credentials, part, read_secret),
        None if jump is None else await _login(jump.credentials, part, read_secret),
    )


def is_neighbour(device: Switch | EdgeDevice, part: VlanMode | Announce) -> bool:
    """Whether a device is only read."""
    return not isinstance(part, VlanMode) and device in part.neighbours


async def _login(name: str, part: VlanMode | Announce, read_secret: ReadSecret) -> Login:
    credentials = next((one for one in part.credentials if one.name == name), None)
    if credentials is None:
        where = "vlan" if isinstance(part, VlanMode) else "announce"
        raise UnavailableError(
            f"credentials {name} are not in the platform's document: add them to {where}.credentials"
        )
    return await login_of(credentials, read_secret)
