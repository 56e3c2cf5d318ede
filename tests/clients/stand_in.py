"""An API server each test writes itself, for answers the simulated platform would never give."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from clients.kube_ovn import KubeConnection, KubeOvn, connect

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class StandIn:
    """The running server and what it saw."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    """Method and address of each request, in order."""
    open_connections: Callable[[], int] = lambda: 0
    most_connections: int = 0
    """Connections open at the same time, at most."""


@asynccontextmanager
async def stand_in(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[StandIn]:
    """Serve what `respond` says."""
    seen = StandIn()

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.requests.append(f"{request.method} {request.path_qs}")
        seen.most_connections = max(seen.most_connections, seen.open_connections())
        return await respond(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    # A handler whose client left is cancelled, so that a test can see the client leave.
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    server = runner.server
    seen.open_connections = lambda: len(server.connections)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    seen.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(server: str, **settings: Any) -> AsyncIterator[KubeOvn]:
    """A client of a server, closed at the end."""
    kube = await connect(KubeConnection(server=server, **settings))
    try:
        yield kube
    finally:
        await kube.close()


def vpc(name: str = "acme", **metadata: Any) -> dict[str, Any]:
    """A Vpc as an API server keeps it."""
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "Vpc",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "7", **metadata},
        "spec": {},
    }


def status(code: int, reason: str = "", message: str = "", **details: Any) -> web.Response:
    """A failing answer as Kubernetes gives it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return web.json_response({**body, "reason": reason, "message": message, "details": details}, status=code)


def absent(plural: str, name: str) -> web.Response:
    """404 for one object."""
    return status(404, "NotFound", f'{plural}.kubeovn.io "{name}" not found', name=name, kind=plural)


def cut(request: web.Request) -> web.Response:
    """Cut the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def for_ever(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError
