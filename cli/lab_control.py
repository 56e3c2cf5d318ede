"""The lab's own pages beside the simulated Kubernetes API: faults on request, and all objects at a glance."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote

import aiohttp

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from lab.kube.faults import Fault
from tenancy.kinds import Kind, Object
from tenancy.mistakes import shown
from tenancy.names import LABEL

CALL_SECONDS = 10.0


class LabControl:
    """One connection to the simulator. Every method raises CommandError where it does not answer."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def add_fault(self, fault: Fault) -> str:
        """Switches a fault on; returns its ID."""
        answer = await self._call("POST", "/_lab/faults", fault.model_dump(mode="json", by_alias=True))
        return str(answer["id"])

    async def faults(self) -> list[dict[str, Any]]:
        """Every fault, with how often it struck."""
        answer: list[dict[str, Any]] = await self._call("GET", "/_lab/faults")
        return answer

    async def clear_faults(self, identity: str | None = None) -> None:
        """Switches one fault off, or all."""
        await self._call("DELETE", "/_lab/faults" if identity is None else f"/_lab/faults/{quote(identity, safe='')}")

    async def dump(self) -> dict[str, Any]:
        """Every object there is, without what differs between two equal platforms."""
        answer: dict[str, Any] = await self._call("GET", "/_lab/dump")
        return answer

    async def objects(self, kind: Kind, tenant: str) -> list[Object]:
        """A tenant's objects of one kind, by name, asked as any Kubernetes client would."""
        base = "/api" if "/" not in kind.api_version else "/apis"
        answer = await self._call("GET", f"{base}/{kind.api_version}/{kind.plural}?labelSelector={LABEL}%3D{tenant}")
        found: list[Object] = answer["items"]
        return sorted(found, key=lambda thing: str(thing["metadata"]["name"]))

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            async with self._http.request(method, f"{self._url}{path}", json=body) as answer:
                if answer.status == 404:
                    raise CommandError(
                        ExitCode.NOT_FOUND,
                        f"no fault {shown(unquote(path.rpartition('/')[2]))}: see `berth lab fault list`",
                    )
                if answer.status >= 400:
                    text = shown(await answer.text())
                    raise CommandError(ExitCode.USAGE, f"the lab refused {method} {path} ({answer.status}): {text}")
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"the lab's Kubernetes API at {self._url} does not answer ({type(error).__name__}): is `berth lab` running?"
            raise CommandError(ExitCode.UNREACHABLE, message) from error


@asynccontextmanager
async def lab_control(url: str) -> AsyncIterator[LabControl]:
    """A connection to the simulator at this URL, made when it is first used."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as http:
        yield LabControl(http, url)


class DeviceControl:
    """The lab's simulated switches and routers from behind: what they hold, their faults. Raises as LabControl does."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def text(self, device: str, which: str) -> str:
        """The running or start-up configuration, as the device writes it."""
        answer = await self._call("GET", device, which)
        return str(answer)

    async def routes(self, router: str) -> list[dict[str, Any]]:
        """The routes a router uses now."""
        answer: list[dict[str, Any]] = await self._call("GET", router, "table")
        return answer

    async def reload(self, device: str) -> None:
        """Restarts a device: what it had not saved is gone."""
        await self._call("POST", device, "reload")

    async def add_fault(self, device: str, fault: Mapping[str, Any]) -> str:
        """Switches a fault on; returns its ID."""
        answer = await self._call("POST", device, "faults", fault)
        return str(answer["id"])

    async def faults(self, device: str) -> list[dict[str, Any]]:
        """Every fault of a device, with how often it struck."""
        answer: list[dict[str, Any]] = await self._call("GET", device, "faults")
        return answer

    async def clear_faults(self, device: str) -> None:
        """Switches every fault of a device off."""
        await self._call("DELETE", device, "faults")

    async def _call(self, method: str, device: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self._url}/switches/{quote(device, safe='')}/{what}"
        try:
            async with self._http.request(method, url, json=body) as answer:
                if answer.status >= 400:
                    text = (await answer.text())[:500]
                    code = ExitCode.NOT_FOUND if answer.status == 404 else ExitCode.USAGE
                    raise CommandError(code, f"device {shown(device)}: {text}")
                return await answer.json() if answer.content_type == "application/json" else await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CommandError(
                ExitCode.UNREACHABLE, f"the lab's devices do not answer at {self._url}: {error}"
            ) from error


@asynccontextmanager
async def device_control(url: str) -> AsyncIterator[DeviceControl]:
    """A connection to the control API of the lab's switches and routers."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as http:
        yield DeviceControl(http, url)
