"""What `berth doctor` looks at: each device of the platform's document, from its host key to what it is to do."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from activities.devices import DeviceWork
from clients.devices.host_keys import OfferedKey, known_as, offered, trust, trusted
from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.secret import secret_reader
from tenancy.devices import AnyRequest, DeviceRequest, EdgeRequest
from tenancy.edge import Announce, EdgeDevice, Translator, edge_devices
from tenancy.platform import Platform
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from workers.connect import connect_kubernetes
from workers.devices import sessions
from workers.observe import platform_of
from workers.settings import ConfigurationError, Settings

__all__ = ["Finding", "OfferedKey", "examine_devices", "trust_host_keys", "untrusted_host_keys"]


class Finding(BaseModel):
    """What was found of one thing."""

    model_config = ConfigDict(frozen=True)

    subject: str
    state: Literal["passed", "failed"]
    message: str
    """One line: what is so, or what is wrong and what to do."""


async def examine_devices(settings: Settings) -> list[Finding]:
    """Each device logged in to as the worker does, side by side; nothing is sent that changes anything.

    Raises ConfigurationError where the platform's document is at fault.
    """
    devices = _devices(platform_of(settings))
    if not devices:
        return []
    kube = await connect_kubernetes(settings)
    try:
        work = sessions(secret_reader(kube), settings.known_hosts)
        return list(await asyncio.gather(*(_examine(work, part, device) for device, part in devices)))
    finally:
        await kube.close()


def _devices(platform: Platform) -> list[tuple[Switch | EdgeDevice, VlanMode | Announce]]:
    """Every device, each with the part of the document it stands in."""
    vlan, announce = platform.spec.vlan, platform.spec.announce
    found: list[tuple[Switch | EdgeDevice, VlanMode | Announce]] = []
    if vlan is not None:
        found += [(switch, vlan) for switch in vlan.switches]
    if announce is not None:
        found += [(device, announce) for device in edge_devices(announce)]
    return found


async def _examine(work: DeviceWork, part: VlanMode | Announce, device: Switch | EdgeDevice) -> Finding:
    kind = "switch" if isinstance(device, Switch) else "translator" if isinstance(device, Translator) else "router"
    subject = f"{kind} {device.name}"
    look: AnyRequest = (
        DeviceRequest(id="doctor", tenant="doctor", action="survey", trunks=device.trunks)
        if isinstance(device, Switch)
        else EdgeRequest(id="doctor", tenant="doctor", action="look")
    )
    try:
        (outcome,) = await work(device, part, [look], alive=lambda: True, progress=lambda _: None)
    except (RefusedError, UnavailableError) as error:
        return Finding(subject=subject, state="failed", message=str(error))
    if outcome.result != "done":
        return Finding(subject=subject, state="failed", message=outcome.message)
    there = f"{len(device.trunks)} trunks there" if isinstance(device, Switch) else "answers"
    return Finding(subject=subject, state="passed", message=f"{device.platform}: host key known, logged in, {there}")


async def untrusted_host_keys(settings: Settings) -> tuple[list[OfferedKey], list[Finding]]:
    """The keys that hosts show of which none is known, and which hosts could not be asked.

    Nobody has said yet that these keys are the right ones. Raises ConfigurationError as `examine_devices`.
    """
    devices = [device for device, _ in _devices(platform_of(settings))]
    keys: list[OfferedKey] = []
    findings: list[Finding] = []
    for host, port, behind in _hosts(devices):
        name = known_as(host, port)
        try:
            trusted(settings.known_hosts, host, port, name)
            continue
        except RefusedError:
            pass
        if behind:
            why = f"is behind jump host {behind}: add its key to {settings.known_hosts} by hand, as {name}"
            findings.append(Finding(subject=name, state="failed", message=f"{name} {why}"))
            continue
        try:
            keys.append(await offered(host, port))
        except UnavailableError as error:
            findings.append(Finding(subject=name, state="failed", message=str(error)))
    return keys, findings


def _hosts(devices: Sequence[Switch | EdgeDevice]) -> list[tuple[str, int, str | None]]:
    """Host, port and the jump host before it of everything that is logged in to, each once."""
    hosts: dict[tuple[str, int], str | None] = {}
    for device in devices:
        if device.jump_host is not None:
            hosts.setdefault((device.jump_host.host, device.jump_host.port), None)
        hosts[device.host, device.port] = device.jump_host.host if device.jump_host else None
    return [(host, port, behind) for (host, port), behind in hosts.items()]


def trust_host_keys(settings: Settings, keys: list[OfferedKey]) -> list[OfferedKey]:
    """Adds keys that a person has looked at; those that were added. Raises ConfigurationError where that cannot be."""
    try:
        return trust(settings.known_hosts, keys)
    except (RefusedError, OSError) as error:
        raise ConfigurationError(f"{settings.known_hosts}: {error}") from error
