"""How the API server is reached: kubeconfig, in-cluster or explicit; and how its credentials are read again."""

import asyncio
import ipaddress
import os
import urllib.request
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.aio.config.kube_config import KubeConfigLoader
from pydantic import BaseModel, ConfigDict, Field, model_validator

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain


class KubeConnection(BaseModel):
    """One way to the API server; without any, the kubeconfig that kubectl would use.

    A kubeconfig may name an exec plugin or an OIDC provider. Prefer the plugin: kubernetes 37 refreshes an OIDC token over
    a connection whose certificate it does not verify, and fails to where `idp-certificate-authority-data` is set
    (kubernetes/aio/config/openid.py). `server` needs no kubeconfig: with `token_file` (a bearer
    token, read again when the server no longer accepts it) and `ca_file` (PEM), or plain for a server without either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kubeconfig: Path | None = None
    """None: the files of $KUBECONFIG, or ~/.kube/config."""
    context: str | None = None
    """A context of the kubeconfig; None: its current one."""
    in_cluster: bool = False
    """Use the service account of the pod this process runs in."""
    server: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/\S*)?$")
    token_file: Path | None = None
    ca_file: Path | None = None

    connect_timeout: float = Field(default=10, gt=0)
    """Seconds to open a connection."""
    request_timeout: float = Field(default=30, gt=0)
    """Seconds for a whole request, the wait for a free connection of the pool included."""
    watch_timeout: int = Field(default=30, ge=1)
    """Seconds after which the server ends a watch; a peer that vanished without a word is noticed this late."""
    pool_size: int = Field(default=100, ge=4)
    """Connections at most; three quarters of them may be watches."""
    traced: bool = False
    """Each request is a span of OpenTelemetry."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [
            self.in_cluster,
            self.server is not None,
            self.kubeconfig is not None or self.context is not None,
        ]
        if sum(ways) > 1:
            raise ValueError("choose one of in_cluster, server, or kubeconfig with context")
        if self.server is None and (self.token_file or self.ca_file):
            raise ValueError("token_file and ca_file belong to server: name it, or leave them out")
        return self


class Credentials:
    """The configuration of one connection and where it comes from.

    A token is read again when the server no longer accepts it. A client certificate is read once: after its renewal
    the process is started again.
    """

    def __init__(self, connection: KubeConnection) -> None:
        self._connection = connection
        self._loader: KubeConfigLoader | None = None
        self._renewing = asyncio.Lock()
        self.configuration = Configuration()

    @property
    def source(self) -> str:
        """Where the credentials come from, for a message."""
        connection = self._connection
        if connection.server is not None:
            return f"token file {connection.token_file}" if connection.token_file else "none (no token_file is set)"
        if connection.in_cluster:
            return "the pod's service account"
        context = f"context {connection.context}" if connection.context else "current context"
        return f"kubeconfig {_kubeconfig_paths(connection)}, {context}"

    @property
    def token(self) -> str | None:
        """The Authorization header's value as it stands. Never put it in a message."""
        token = self.configuration.api_key.get("BearerToken")
        return None if token is None else str(token)

    async def read(self) -> None:
        """Fill the configuration. Raises RefusedError that names the file or context and the remedy."""
        # Raised outside the except block: the library's own errors quote the kubeconfig, tokens and all, and a chained
        # exception would carry them into logs and histories.
        problem: UnavailableError | RefusedError
        try:
            await self._read()
        except (RefusedError, UnavailableError) as error:
            problem = error
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = UnavailableError(
                f"{self.source}: the identity provider does not answer ({type(error).__name__}): check that it is up"
            )
        except (
            Exception
        ) as error:  # the loader lets out whatever a malformed file provokes: KeyError, TypeError, YAML's own
            problem = RefusedError(
                f"{self.source}: cannot be used: {_why(error)}: mend it, or name another file or context "
                "(`kubectl config get-contexts` lists them)",
                reason="connection",
            )
        else:
            return
        raise problem

    async def renew(self, refused: str | None) -> bool:
        """Read the credentials again after the server refused `refused`; whether there is another token to try now.

        Raises UnavailableError where they cannot be read.
        """
        async with self._renewing:
            if self.token == refused:
                try:
                    await self.read()
                except RefusedError as error:
                    raise UnavailableError(str(error)) from error
            return self.token != refused

    async def _read(self) -> None:
        connection, configuration = self._connection, self.configuration
        if connection.server is not None:
            configuration.host = connection.server.rstrip("/")
            if connection.ca_file is not None:
                configuration.ssl_ca_cert = str(_existing(connection.ca_file, "ca_file"))
            if connection.token_file is not None:
                token = _existing(connection.token_file, "token_file").read_text().strip()
                configuration.api_key["BearerToken"] = f"Bearer {token}"
        elif connection.in_cluster:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # without types
        elif self._loader is not None and self._loader.provider == "oidc":
            # The refresh token in memory may be newer than the file's, and a provider may accept each only once.
            await self._loader.load_and_set(configuration)  # type: ignore[no-untyped-call]  # without types
        else:
            await self._read_kubeconfig()
        if configuration.proxy is None:
            configuration.proxy = _environment_proxy(configuration.host)

    async def _read_kubeconfig(self) -> None:
        paths = _kubeconfig_paths(self._connection)
        if not _any_file(paths):
            raise RefusedError(
                f"kubeconfig {paths}: no such file: name one with `kubeconfig` or $KUBECONFIG, or set `in_cluster` or "
                "`server`",
                reason="connection",
            )
        self._loader = await load_kube_config(  # type: ignore[no-untyped-call]  # kubernetes leaves it without types
            config_file=paths,
            context=self._connection.context,
            client_configuration=self.configuration,
            persist_config=False,
        )
        # A failing exec plugin is only logged by the library, which then goes on without credentials. There is no
        # public way to see it; its own refresh_token() asks `_user`, too.
        user = self._loader._user
        if user is not None and "exec" in user and self.token is None and self.configuration.cert_file is None:
            raise UnavailableError(
                f"{self.source}: its exec plugin {plain(user['exec'].value.get('command'))!r} gave no credentials: "
                "run it by hand, its complaint is in the log of kubernetes.aio.config.kube_config"
            )


def _kubeconfig_paths(connection: KubeConnection) -> str:
    return str(connection.kubeconfig or os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


def _any_file(paths: str) -> bool:
    return any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path)


def _existing(path: Path, setting: str) -> Path:
    if not path.is_file():
        raise RefusedError(f"{setting} {path}: no such file: create it or correct the setting", reason="connection")
    return path


def _why(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"not YAML at line {mark.line + 1}"
    if isinstance(error, ConfigException):
        # From the first brace on it may quote a whole user entry, tokens and all.
        return plain(str(error).partition("{")[0])
    if isinstance(error, OSError):
        return plain(f"{error.strerror} {error.filename or ''}")
    return type(error).__name__


def _environment_proxy(server: str) -> str | None:
    """The proxy of $HTTPS_PROXY and its kin, never for this machine itself (as kubectl does)."""
    address = urlsplit(server)
    host = address.hostname or ""
    if host == "localhost" or urllib.request.proxy_bypass(host):
        return None
    try:
        if ipaddress.ip_address(host).is_loopback:
            return None
    except ValueError:
        pass  # a name, not an address
    return urllib.request.getproxies().get(address.scheme)
