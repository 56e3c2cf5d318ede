"""The simulator put together: store, API server, controller, and the lab's own pages beside the API."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from pydantic import ValidationError

from lab.kube import dump, seed
from lab.kube.api import Api
from lab.kube.controller.cluster import Pace
from lab.kube.controller.loop import INDEXES, Controller
from lab.kube.faults import Calls, Fault, Faults
from lab.kube.northbound import Northbound
from lab.kube.rbac import Rights
from lab.kube.seed import Platform
from lab.kube.server import ApiServer
from lab.kube.store import Store, open_database

_LARGEST_REQUEST = 3 * 1024 * 1024


class KubeSimulator:
    """A Kubernetes API server with Kube-OVN in it, on a port of its own: `async with KubeSimulator() as kube`.

    The state is kept in the SQLite file at `state`, or in memory only. An empty state gets the platform's seed.
    Leaving the context raises what went wrong in the simulator itself, so that its bugs are not taken for others'.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        platform: Platform | None = None,
        ready_delay: float = 0.02,
        ready_delays: Mapping[str, float] | None = None,
        cleanup_delay: float = 0.01,
    ) -> None:
        self._host = host
        self._port = port
        self._platform = platform or Platform()
        self._database = open_database(state)
        self._pace = Pace(ready_delay, dict(ready_delays or {}), cleanup_delay)
        self.faults = Faults()
        self.calls = Calls()
        self.api = Api(Store(self._database, INDEXES))
        self.northbound = Northbound(self._database, "ovn-cluster")
        self.controller = Controller(self.api, self.northbound, self.faults, self._pace)
        self._server = ApiServer(self.api, self.faults, self.calls)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        if self.api.find("namespaces", "kube-system") is None:
            seed.plant(self.api, self._platform)
        self.controller.start()
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_get("/_lab/dump", self._get_dump)
        app.router.add_get("/_lab/northbound", self._get_northbound)
        app.router.add_get("/_lab/calls", self._get_calls)
        app.router.add_delete("/_lab/calls", self._clear_calls)
        app.router.add_get("/_lab/waiting", self._get_waiting)
        app.router.add_get("/_lab/faults", self._get_faults)
        app.router.add_post("/_lab/faults", self._add_fault)
        app.router.add_delete("/_lab/faults", self._clear_faults)
        app.router.add_delete("/_lab/faults/{id}", self._remove_fault)
        app.router.add_route("*", "/{path:.*}", self._server.handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{self._host}:{self._port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.controller.stop()
        self._server.close()
        if self._runner:
            await self._runner.cleanup()
        self._database.close()
        failures = [*self._server.errors, *self.controller.work.errors]
        if failures and error is None:
            raise ExceptionGroup("the simulator failed", failures)

    @property
    def rights(self) -> Rights | None:
        """What each account may do; None lets every account do everything."""
        return self._server.rights

    @rights.setter
    def rights(self, rights: Rights | None) -> None:
        self._server.rights = rights

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return self._port

    def dump(self) -> dict[str, Any]:
        """All objects in canonical form: what GET /_lab/dump answers."""
        return dump.dump(self.api.store)

    async def settled(self) -> None:
        """Wait until every write is carried out and the controller has nothing left to do.

        What waits for something else stays as it is.
        """
        await self._server.quiet()
        await self.controller.work.settled()

    async def _get_dump(self, _: web.Request) -> web.Response:
        return web.json_response(self.dump())

    async def _get_northbound(self, _: web.Request) -> web.Response:
        return web.json_response(self.northbound.dump())

    async def _get_calls(self, _: web.Request) -> web.Response:
        return web.json_response(self.calls.listed())

    async def _clear_calls(self, _: web.Request) -> web.Response:
        self.calls.clear()
        return web.json_response({})

    async def _get_waiting(self, _: web.Request) -> web.Response:
        return web.json_response(self.controller.work.waiting())

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self.faults.listed())

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = Fault.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"error": f"no fault the lab knows: {error}"}, status=400)
        return web.json_response({"id": self.faults.add(fault)}, status=201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({})

    async def _remove_fault(self, request: web.Request) -> web.Response:
        was_there = self.faults.remove(request.match_info["id"])
        return web.json_response({}, status=200 if was_there else 404)
