"""Whether a worker lives and takes work, over HTTP: `/livez` and `/readyz` at BERTH_HEALTH_ADDRESS."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

import structlog
from aiohttp import web
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain
from clients.kube_ovn.client import KubeOvn
from workers.settings import ConfigurationError, UnreachableError, host_and_port

_log = structlog.get_logger(__name__)

ANSWER_SECONDS = 2.0
"""How long Temporal and Kubernetes may take to answer. A probe has to be more patient than that."""
KEEP_SECONDS = 1.0
"""So long an answer is given again: whoever asks often does not make the worker ask often."""
ASK_SECONDS = 5.0
"""How long `berth health` waits for the worker."""
LARGEST_ANSWER = 64 * 1024


class Readiness:
    """Whether the worker takes work: it is not told to stop, Temporal answers, and Kubernetes has answered once.

    Kubernetes has to have answered once since the start, so that a worker with a wrong token or address never counts as
    rolled out. Later it may go: the steps wait for it and say so, and approvals, queries and devices need it no less.
    """

    def __init__(
        self,
        temporal: Callable[[], Awaitable[object]],
        kubernetes: Callable[[], Awaitable[object]],
        serves: Sequence[str],
        version: tuple[str, str] | None = None,
    ) -> None:
        self._temporal, self._kubernetes = temporal, kubernetes
        self._told: dict[str, Any] = {"serves": list(serves)}
        if version is not None:
            self._told |= {"deployment": version[0], "buildId": version[1]}
        self._kubernetes_answered = False
        self._draining = False
        self._kept: tuple[float, str, str] | None = None
        self._looking = asyncio.Lock()

    def drain(self) -> None:
        """No more work is taken from here on."""
        self._draining = True

    async def look(self) -> dict[str, Any]:
        """What `/readyz` answers."""
        temporal, kubernetes = await self._answers()
        ready = not self._draining and temporal == "answers" and self._kubernetes_answered
        return {
            "ready": ready,
            "draining": self._draining,
            **self._told,
            "temporal": temporal,
            "kubernetes": kubernetes,
        }

    async def _answers(self) -> tuple[str, str]:
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] >= KEEP_SECONDS:
                temporal, kubernetes = await asyncio.gather(_answer(self._temporal()), _answer(self._kubernetes()))
                self._kubernetes_answered = self._kubernetes_answered or kubernetes == "answers"
                self._kept = asyncio.get_running_loop().time(), temporal, kubernetes
            return self._kept[1:]


def readiness(client: Client, kube: KubeOvn, serves: Sequence[str], version: tuple[str, str] | None) -> Readiness:
    """The readiness of a worker with these connections."""
    return Readiness(
        # What every client asks when it connects: nobody is refused that.
        lambda: client.workflow_service.get_system_info(GetSystemInfoRequest()),
        lambda: known_to(kube),
        serves,
        version,
    )


async def known_to(kube: KubeOvn) -> None:
    """Returns where the API server answers to somebody it knows. Its version may be kept from the worker: no matter."""
    try:
        await kube.version()
    except RefusedError as error:
        if error.reason != "forbidden":
            raise


async def _answer(call: Awaitable[object]) -> str:
    try:
        await asyncio.wait_for(call, ANSWER_SECONDS)
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s"
    except (RPCError, RefusedError, UnavailableError) as error:
        return plain(str(error))
    return "answers"


@asynccontextmanager
async def health_pages(address: str | None, ready: Readiness) -> AsyncIterator[None]:
    """Serves both pages while the block runs; nothing where there is no address. Raises ConfigurationError."""
    if address is None:
        yield
        return
    host, port = host_and_port("health_address", address)
    application = web.Application()
    application.router.add_get("/livez", _livez)
    application.router.add_get("/readyz", _readyz(ready))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"BERTH_HEALTH_ADDRESS = {address}: cannot be listened at ({plain(error.strerror or str(error))}): free the"
                " port, or name another"
            ) from error
        _log.info("health pages", address=":".join(map(str, runner.addresses[0][:2])))
        yield
    finally:
        await runner.cleanup()


async def _livez(_: web.Request) -> web.Response:
    # That the event loop comes to answer is the answer: a worker that is stuck answers nothing, and is replaced.
    return web.json_response({"alive": True})


def _readyz(ready: Readiness) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        seen = await ready.look()
        return web.json_response(seen, status=200 if seen["ready"] else 503)

    return answer


def ask_health(address: str | None) -> dict[str, Any]:
    """What the worker at this address says of its readiness.

    Raises ConfigurationError for an address that is none, UnreachableError where no worker answers there.
    """
    if address is None:
        raise ConfigurationError(
            "BERTH_HEALTH_ADDRESS is not set, so the worker tells nobody of its health: set it for both, e.g. 127.0.0.1:8080"
        )
    host, port = host_and_port("health_address", address)
    # Not by urllib, which would ask a proxy of the environment.
    connection = HTTPConnection(_reachable(host), port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read(LARGEST_ANSWER))
    except (OSError, HTTPException, ValueError) as error:
        raise UnreachableError(
            f"no worker answers at BERTH_HEALTH_ADDRESS = {address} ({plain(str(error) or type(error).__name__)}): see that"
            " `berth worker` runs here with the same address, and what its log says"
        ) from error
    finally:
        connection.close()
    if not isinstance(answer, dict) or not isinstance(answer.get("ready"), bool):
        raise UnreachableError(f"what answers at BERTH_HEALTH_ADDRESS = {address} is no worker of Berth: correct it")
    return answer


def _reachable(host: str) -> str:
    """Where to ask what listens there: a worker that listens everywhere is asked on this machine."""
    try:
        listens = ipaddress.ip_address(host)
    except ValueError:
        return host
    return {4: "127.0.0.1", 6: "::1"}[listens.version] if listens.is_unspecified else host
