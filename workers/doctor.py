"""What `berth doctor` looks at: each switch of the platform's document, from its host key to its trunks."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from activities.devices import DeviceWork
from clients.devices.host_keys import OfferedKey, known_as, offered, trust, trusted
from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.secret import secret_reader
from tenancy.devices import DeviceRequest
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from workers.connect import connect_kubernetes
from workers.devices import sessions
from workers.observe import platform_of
from workers.settings import ConfigurationError, Settings

__all__ = ["Finding", "OfferedKey", "examine_switches", "trust_host_keys", "untrusted_host_keys"]


class Finding(BaseModel):
    """What was found of one thing."""

    model_config = ConfigDict(frozen=True)

    subject: str
    state: Literal["passed", "failed"]
    message: str
    """One line: what is so, or what is wrong and what to do."""


async def examine_switches(settings: Settings) -> list[Finding]:
    """Each switch logged in to as the worker does, side by side; nothing is sent that changes anything.

    Raises ConfigurationError where the platform's document is at fault.
    """
    vlan = platform_of(settings).spec.vlan
    if vlan is None:
        return []
    kube = await connect_kubernetes(settings)
    try:
        work = sessions(secret_reader(kube), settings.known_hosts)
        return list(await asyncio.gather(*(_examine(work, vlan, switch) for switch in vlan.switches)))
    finally:
        await kube.close()


async def _examine(work: DeviceWork, vlan: VlanMode, switch: Switch) -> Finding:
    subject = f"switch {switch.name}"
    look = DeviceRequest(id="doctor", tenant="doctor", action="survey", trunks=switch.trunks)
    try:
        (outcome,) = await work(switch, vlan, [look], alive=lambda: True, progress=lambda _: None)
    except (RefusedError, UnavailableError) as error:
        return Finding(subject=subject, state="failed", message=str(error))
    if outcome.result != "done":
        return Finding(subject=subject, state="failed", message=outcome.message)
    return Finding(
        subject=subject,
        state="passed",
        message=f"{switch.platform}: host key known, logged in, {len(switch.trunks)} trunks there",
    )


async def untrusted_host_keys(settings: Settings) -> tuple[list[OfferedKey], list[Finding]]:
    """The keys that hosts show of which none is known, and which hosts could not be asked.

    Nobody has said yet that these keys are the right ones. Raises ConfigurationError as `examine_switches`.
    """
    vlan = platform_of(settings).spec.vlan
    keys: list[OfferedKey] = []
    findings: list[Finding] = []
    for host, port, behind in _hosts(vlan.switches if vlan else ()):
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


def _hosts(switches: Sequence[Switch]) -> list[tuple[str, int, str | None]]:
    """Host, port and the jump host before it of everything that is logged in to, each once."""
    hosts: dict[tuple[str, int], str | None] = {}
    for switch in switches:
        if switch.jump_host is not None:
            hosts.setdefault((switch.jump_host.host, switch.jump_host.port), None)
        hosts[switch.host, switch.port] = switch.jump_host.host if switch.jump_host else None
    return [(host, port, behind) for (host, port), behind in hosts.items()]


def trust_host_keys(settings: Settings, keys: list[OfferedKey]) -> list[OfferedKey]:
    """Adds keys that a person has looked at; those that were added. Raises ConfigurationError where that cannot be."""
    try:
        return trust(settings.known_hosts, keys)
    except (RefusedError, OSError) as error:
        raise ConfigurationError(f"{settings.known_hosts}: {error}") from error
