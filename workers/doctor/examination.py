"""One examination of all: side by side what can be, and in one line what cannot be looked at because of something before it."""

import asyncio
from collections.abc import Awaitable, Collection
from contextlib import suppress
from typing import TypeVar

from clients.errors import UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.secret import secret_reader
from tenancy.platform import Platform, devices_of
from workers.doctor.configuration import DOCUMENT, files_named, known_hosts, platform_document, settings_in_force
from workers.doctor.devices import devices
from workers.doctor.findings import Area, Finding
from workers.doctor.kubernetes import kinds_and_rights, reach
from workers.doctor.platform import prerequisites
from workers.doctor.temporal import temporal
from workers.settings import Settings

T = TypeVar("T")
ORDER = list(Area)
_LEFT = {"platform": Area.DEVICES, "devices": Area.PLATFORM}
"""By what a worker serves, what others do; it may not even see that."""
_OF_OTHERS = "a worker with BERTH_SERVES={} leaves that to others (`berth doctor {}` looks all the same)"


class Examination:
    """A look at everything, or at some areas. `under_way` tells meanwhile what has not answered yet."""

    def __init__(self, settings: Settings, areas: Collection[Area] = ()) -> None:
        """Without `areas` all of them, except what a worker with these settings leaves to others."""
        self._settings = settings
        self._areas = frozenset(areas or Area)
        self._left_to_others = None if areas else _LEFT.get(settings.serves)
        self._reaching: asyncio.Task[tuple[KubeOvn | None, Finding]] | None = None
        self._causes: list[Finding] = []
        """Failures outside these areas without which something in them could be looked at."""
        self.under_way: list[str] = []

    async def findings(self) -> list[Finding]:
        """What was found, by area. What is wrong with the platform raises nothing."""
        platform, document = platform_document(self._settings)
        hosts = None if platform is None else known_hosts(self._settings, platform)
        looks: dict[Area, Awaitable[list[Finding]]] = {
            Area.CONFIGURATION: self._configuration(platform, document, hosts),
            Area.TEMPORAL: self._temporal(platform, document),
            Area.KUBERNETES: self._kubernetes(platform, document),
            Area.PLATFORM: self._platform(platform, document),
            Area.DEVICES: self._devices(platform, document, hosts),
        }
        wanted = [look for area, look in looks.items() if area in self._areas]
        for area, look in looks.items():
            if area not in self._areas:
                look.close()  # type: ignore[attr-defined]  # a coroutine that nobody awaits warns
        try:
            found = [finding for part in await asyncio.gather(*wanted) for finding in part]
        finally:
            await self._close()
        causes = dict.fromkeys(cause for cause in self._causes if cause.area not in self._areas)
        return sorted([*causes, *found], key=lambda finding: ORDER.index(finding.area))

    async def _close(self) -> None:
        if self._reaching is None:
            return
        with suppress(asyncio.CancelledError):
            kube, _ = await self._reaching
            if kube is not None:
                await kube.close()

    async def _reached(self) -> tuple[KubeOvn | None, Finding]:
        """The API, asked once, and by those alone who need it."""
        if self._reaching is None:
            self._reaching = asyncio.create_task(self._waited("the Kubernetes API", reach(self._settings)))
        return await asyncio.shield(self._reaching)

    async def _kube(self) -> KubeOvn | None:
        kube, finding = await self._reached()
        if kube is None:
            self._causes.append(finding)
        return kube

    async def _read_secret(self, namespace: str, name: str, key: str) -> str:
        kube = await self._kube()
        if kube is None:
            raise UnavailableError(f"Secret {namespace}/{name}: the Kubernetes API cannot be used")
        return await secret_reader(kube)(namespace, name, key)

    async def _waited(self, what: str, doing: Awaitable[T]) -> T:
        self.under_way.append(what)
        try:
            return await doing
        finally:
            self.under_way.remove(what)

    def _without_document(self, area: Area, subject: str, document: list[Finding]) -> list[Finding]:
        self._causes += document
        return [_skipped(area, subject, f"the {DOCUMENT} cannot be used")]

    async def _configuration(
        self, platform: Platform | None, document: list[Finding], hosts: Finding | None
    ) -> list[Finding]:
        found = [settings_in_force(self._settings), *document]
        if platform is None:
            return [*found, *self._without_document(Area.CONFIGURATION, "files that it names", [])]
        found += [] if hosts is None else [hosts]
        return found + await files_named(platform, self._read_secret)

    async def _temporal(self, platform: Platform | None, document: list[Finding]) -> list[Finding]:
        has_devices = None if platform is None else bool(devices_of(platform))
        found = await self._waited("Temporal", temporal(self._settings, devices=has_devices is True))
        if has_devices is None:
            found += self._without_document(Area.TEMPORAL, "task queue of the devices", document)
        return found

    async def _kubernetes(self, platform: Platform | None, document: list[Finding]) -> list[Finding]:
        kube, reached = await self._reached()
        if platform is None:
            return [reached, *self._without_document(Area.KUBERNETES, "kinds and rights", document)]
        if kube is None:
            return [reached, _skipped(Area.KUBERNETES, "kinds and rights", "the API server cannot be used")]
        return [
            reached,
            *await self._waited("kinds and rights", kinds_and_rights(kube, platform, self._settings.serves)),
        ]

    async def _platform(self, platform: Platform | None, document: list[Finding]) -> list[Finding]:
        if self._left_to_others is Area.PLATFORM:
            return [_skipped(Area.PLATFORM, "prerequisites", _OF_OTHERS.format("devices", Area.PLATFORM))]
        if platform is None:
            return self._without_document(Area.PLATFORM, "prerequisites", document)
        kube = await self._kube()
        if kube is None:
            return [_skipped(Area.PLATFORM, "prerequisites", "the Kubernetes API cannot be used")]
        return await self._waited("the platform's prerequisites", prerequisites(kube, platform))

    async def _devices(
        self, platform: Platform | None, document: list[Finding], hosts: Finding | None
    ) -> list[Finding]:
        if self._left_to_others is Area.DEVICES:
            return [_skipped(Area.DEVICES, "devices", _OF_OTHERS.format("platform", Area.DEVICES))]
        if platform is None:
            return self._without_document(Area.DEVICES, "devices", document)
        if hosts is not None and hosts.state == "failed":
            self._causes.append(hosts)
            return [_skipped(Area.DEVICES, "devices", "the file with their host keys cannot be read")]
        return await devices(self._settings, platform, self._kube, self.under_way)


def _skipped(area: Area, subject: str, why: str) -> Finding:
    return Finding(area=area, subject=subject, state="skipped", message=f"not looked at: {why}")
