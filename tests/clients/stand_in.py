"""An API server each test writes itself, for answers the simulated platform would never give."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for 127.0.0.1, and the file with the CA that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.UTC)
    authority = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(authority, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_pem)
    return context, pem
