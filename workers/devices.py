"""Sessions with the switches, wired: where a worker gets credentials and host keys for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from activities.devices import DeviceWork
from clients.devices import Login, work
from clients.devices.credentials import login_of
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.secret import secret_reader
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.switches import Switch
from tenancy.vlans import VlanMode


def sessions(kube: KubeOvn, known_hosts: Path) -> DeviceWork:
    """What `work_on_device` calls for a session with a switch."""
    read_secret = secret_reader(kube)

    async def login(vlan: VlanMode, name: str) -> Login:
        # Read anew each time, so that a changed password needs no restart.
        return await login_of(next(one for one in vlan.credentials if one.name == name), read_secret)

    async def session(
        switch: Switch,
        vlan: VlanMode,
        requests: Sequence[DeviceRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        own = await login(vlan, switch.credentials)
        jump = await login(vlan, switch.jump_host.credentials) if switch.jump_host else None
        return await work(switch, own, requests, known_hosts=known_hosts, alive=alive, progress=progress, jump=jump)

    return session
