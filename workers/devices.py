"""Sessions with the switches, wired: where a worker gets credentials and host keys for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from activities.devices import DeviceWork
from clients.devices import Login, work
from clients.devices.credentials import login_of
from clients.errors import UnavailableError
from clients.secrets import ReadSecret
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.switches import Switch
from tenancy.vlans import VlanMode


def sessions(read_secret: ReadSecret, known_hosts: Path) -> DeviceWork:
    """What `work_on_device` calls for a session with a switch. Secrets are read anew for each."""

    async def session(
        switch: Switch,
        vlan: VlanMode,
        requests: Sequence[DeviceRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        login = await _login(switch.credentials, vlan, read_secret)
        jump = None if switch.jump_host is None else await _login(switch.jump_host.credentials, vlan, read_secret)
        return await work(switch, login, requests, known_hosts=known_hosts, alive=alive, progress=progress, jump=jump)

    return session


async def _login(name: str, vlan: VlanMode, read_secret: ReadSecret) -> Login:
    credentials = next((one for one in vlan.credentials if one.name == name), None)
    if credentials is None:
        raise UnavailableError(f"credentials {name} are not in the platform's document: add them to vlan.credentials")
    return await login_of(credentials, read_secret)
