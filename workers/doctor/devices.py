"""The doctor's look at each device of the platform's document, and the one way host keys come to be trusted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from clients.devices.examining import examine
from clients.devices.host_keys import OfferedKey, known_as, offered, trust, trusted
from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.secret import secret_reader
from clients.secrets import ReadSecret
from tenancy.edge import Announce, EdgeDevice, Translator
from tenancy.platform import Platform, devices_of
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from workers.devices import have_threads, is_neighbour, logins
from workers.doctor.findings import Area, Finding, findings
from workers.observe import platform_of
from workers.settings import ConfigurationError, Settings

AREA = Area.DEVICES

GetKube: TypeAlias = Callable[[], Awaitable[KubeOvn | None]]
"""A client of the Kubernetes API; None where it cannot be used."""


async def devices(settings: Settings, platform: Platform, kube: GetKube, under_way: list[str]) -> list[Finding]:
    """Each device logged in to as the worker does, side by side; nothing is sent that changes anything.

    `under_way` holds meanwhile what each is called that has not been looked at yet.
    """
    parts = devices_of(platform)
    if not parts:
        nothing = "the platform has none: no switches, and nothing at the edge"
        return [Finding(area=AREA, subject="devices", state="passed", message=nothing)]
    have_threads()
    found = await asyncio.gather(*(_examined(settings, kube, part, device, under_way) for device, part in parts))
    left = [_subject(device) for (device, _), one in zip(parts, found, strict=True) if one is None]
    looked = [finding for one in found if one is not None for finding in one]
    if left:
        why = "not looked at: their credentials are in Secrets, and the Kubernetes API cannot be used"
        looked.append(Finding(area=AREA, subject=", ".join(left), state="skipped", message=why))
    return looked


def _subject(device: Switch | EdgeDevice) -> str:
    kind = "switch" if isinstance(device, Switch) else "translator" if isinstance(device, Translator) else "router"
    return f"{kind} {device.name}"


async def _examined(
    settings: Settings, kube: GetKube, part: VlanMode | Announce, device: Switch | EdgeDevice, under_way: list[str]
) -> list[Finding] | None:
    """What was found; None where its credentials cannot be had."""
    subject = _subject(device)
    under_way.append(subject)
    try:
        read_secret: ReadSecret = _no_secret
        if _kept_in_kubernetes(device, part):
            reached = await kube()
            if reached is None:
                return None
            read_secret = secret_reader(reached)
        login, jump = await logins(device, part, read_secret)
        found = await examine(
            device,
            login,
            known_hosts=settings.known_hosts,
            progress=lambda _: None,
            jump=jump,
            neighbour=is_neighbour(device, part),
        )
    except (RefusedError, UnavailableError) as error:
        return [Finding(area=AREA, subject=subject, state="failed", message=str(error))]
    finally:
        under_way.remove(subject)
    well = f"{device.platform}: host key known, logged in, {found.note}"
    return findings(AREA, subject, gaps=found.gaps, doubts=found.doubts, well=well)


def _kept_in_kubernetes(device: Switch | EdgeDevice, part: VlanMode | Announce) -> bool:
    """Whether a secret of its login, or of its jump host's, is in a Secret."""
    used = {device.credentials, *([device.jump_host.credentials] if device.jump_host else ())}
    return any(
        reference is not None and reference.secret is not None
        for one in part.credentials
        if one.name in used
        for reference in (one.password, one.private_key, one.passphrase, one.enable_secret)
    )


async def _no_secret(namespace: str, name: str, key: str) -> str:
    raise AssertionError(f"no credentials name Secret {namespace}/{name}")


async def untrusted_host_keys(settings: Settings) -> tuple[list[OfferedKey], list[str]]:
    """The keys that hosts show of which none is known, and why others could not be asked.

    Nobody has said yet that these keys are the right ones. Raises ConfigurationError where the platform's document
    is at fault.
    """
    devices = [device for device, _ in devices_of(platform_of(settings))]
    keys: list[OfferedKey] = []
    unasked: list[str] = []
    for host, port, behind in _hosts(devices):
        name = known_as(host, port)
        try:
            trusted(settings.known_hosts, host, port, name)
            continue
        except RefusedError:
            pass
        if behind:
            why = f"is behind jump host {behind}: add its key to {settings.known_hosts} by hand, as {name}"
            unasked.append(f"{name} {why}")
            continue
        try:
            keys.append(await offered(host, port))
        except UnavailableError as error:
            unasked.append(str(error))
    return keys, unasked


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
