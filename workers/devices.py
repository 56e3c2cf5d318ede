"""Sessions with the switches, wired: where a worker gets credentials and host keys for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from activities.devices import DeviceWork
from clients.devices import Login, work
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.secret import secret_reader
from clients.secrets import secret_value
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.switches import Switch
from tenancy.vlans import VlanMode


def sessions(kube: KubeOvn, known_hosts: Path) -> DeviceWork:
    """What `work_on_device` calls for a session with a switch."""
    read_secret = secret_reader(kube)

    async def login_of(vlan: VlanMode, name: str) -> Login:
        # Read anew each time, so that a changed password needs no restart.
        one = next(one for one in vlan.credentials if one.name == name)
        password = await secret_value(one.password, read_secret) if one.password else None
        enable = await secret_value(one.enable_secret, read_secret) if one.enable_secret else None
        return Login(one.username, password=password, enable_secret=enable)

    async def session(
        switch: Switch,
        vlan: VlanMode,
        requests: Sequence[DeviceRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        login = await login_of(vlan, switch.credentials)
        jump = await login_of(vlan, switch.jump_host.credentials) if switch.jump_host else None
        return await work(switch, login, requests, known_hosts=known_hosts, alive=alive, progress=progress, jump=jump)

    return session
