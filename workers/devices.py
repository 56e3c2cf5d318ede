"""Sessions with the switches, wired: where a worker gets credentials and host keys for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from activities.devices import DeviceWork
from clients.errors import UnavailableError
from clients.kube_ovn.client import KubeOvn
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.switches import Switch
from tenancy.vlans import VlanMode


def sessions(kube: KubeOvn, known_hosts: Path) -> DeviceWork:
    """What `work_on_device` calls for a session with a switch."""
    del kube, known_hosts

    async def work(
        switch: Switch,
        vlan: VlanMode,
        requests: Sequence[DeviceRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        raise UnavailableError(f"switch {switch.name}: this version of Berth cannot log in to switches yet")

    return work
