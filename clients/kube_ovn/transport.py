"""One request to the API server over one pool of connections: timeouts, credentials, JSON, and no hidden second try."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.rest import RESTClientObject, RESTResponse
from kubernetes.aio.config import ConfigException

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import Answer, Call, failure, plain, retry_after
from clients.kube_ovn.connection import Credentials, KubeConnection
from tenancy.kinds import Object

Query = Sequence[tuple[str, str]]
TURN_SECONDS = 1.0
"""How long a watch waits for a place among those that are open."""


class NoTurnError(UnavailableError):
    """Too many watches are open: look again without one."""


class Transport:
    """One ApiClient with one aiohttp session: the pool of connections of this process."""

    def __init__(self, connection: KubeConnection, credentials: Credentials) -> None:
        configuration = credentials.configuration
        configuration.connection_pool_maxsize = connection.pool_size
        # The session would look into ~/.netrc, and refuse to send a token beside what it finds; the proxies of the
        # environment are settled with the credentials.
        configuration.client_session_kwargs = {"trust_env": False}
        if connection.traced:
            from clients.kube_ovn.spans import request_spans  # a tenth of a second to load, for those who trace only

            configuration.trace_configs = [request_spans()]
        self._credentials = credentials
        self._connection = connection
        self._api = ApiClient(configuration)
        self._api.user_agent = "berth"
        self._api.rest_client = _EachFailureSeen(self._api.rest_client)
        self._watches = asyncio.Semaphore(connection.pool_size * 3 // 4)

    async def send(self, call: Call, query: Query = (), body: Object | None = None) -> Answer:
        """The server's answer, whatever its status.

        Raises UnavailableError where none came or nobody can read it (the request may have been carried out!) and for
        401, RefusedError where the server's certificate is not to be trusted.
        """
        if call.verb in ("get", "list"):
            return await self._sent(call, query, body)
        sending = asyncio.create_task(self._sent(call, query, body))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            # Cut off, a write may be carried out all the same, later; whoever takes the step back has to find what it made.
            await _ended(sending)
            raise

    async def _sent(self, call: Call, query: Query, body: Object | None) -> Answer:
        limits = aiohttp.ClientTimeout(
            total=self._connection.request_timeout, sock_connect=self._connection.connect_timeout
        )
        response = await self._open(call, query, body, limits)
        return await self._answer(call, response)

    @asynccontextmanager
    async def watch(self, call: Call, query: Query) -> AsyncIterator["Watch"]:
        """An open watch. Raises as `send` does, and for an answer that is no success.

        Watches take turns for at most three quarters of the pool, so that waiting never starves the requests that make
        progress. Raises NoTurnError after TURN_SECONDS without a place: those that hold one may wait for long.
        """
        seconds = self._connection.watch_timeout
        async with self._turn(call):
            limits = aiohttp.ClientTimeout(
                total=None,
                connect=self._connection.request_timeout,
                sock_connect=self._connection.connect_timeout,
                sock_read=seconds + self._connection.request_timeout,
            )
            response = await self._open(
                call,
                [*query, ("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(seconds))],
                None,
                limits,
            )
            try:
                if response.status != 200:
                    raise failure(call, await self._answer(call, response))
                yield Watch(call, response.response.content)
            finally:
                response.response.close()

    @asynccontextmanager
    async def _turn(self, call: Call) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._watches.acquire()
        except TimeoutError:
            raise NoTurnError(f"{call}: as many watches are open as the pool of connections allows") from None
        try:
            yield
        finally:
            self._watches.release()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()  # type: ignore[no-untyped-call]  # kubernetes leaves its close() without types

    async def _open(self, call: Call, query: Query, body: Object | None, limits: aiohttp.ClientTimeout) -> RESTResponse:
        refused = self._credentials.token
        response = await self._request(call, query, body, limits)
        if response.status == 401 and await self._renewed(call, response, refused):
            response = await self._request(call, query, body, limits)
        return response

    async def _renewed(self, call: Call, response: RESTResponse, refused: str | None) -> bool:
        await self._answer_data(call, response)
        return await self._credentials.renew(refused)

    async def _request(
        self, call: Call, query: Query, body: Object | None, limits: aiohttp.ClientTimeout
    ) -> RESTResponse:
        try:
            request = await self._api.param_serialize(
                call.method,
                call.path,
                query_params=list(query),
                header_params={"Accept": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
            )
        except (ConfigException, OSError) as error:  # the in-cluster token file, read again each minute
            raise UnavailableError(
                f"{call}: credentials from {self._credentials.source} cannot be read: {plain(error)}"
            ) from error
        try:
            return await self._api.call_api(*request, _request_timeout=limits)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise self._network_failure(call, error) from error

    async def _answer(self, call: Call, response: RESTResponse) -> Answer:
        data = await self._answer_data(call, response)
        body = _json_object(data)
        if response.status == 401:
            # The credential belongs to the worker, not to the request. Refused, a run would undo its tenant with the
            # same credential, and fail at that too; waiting, it goes on by itself once an operator or the rotation of
            # tokens has renewed it, since each 401 reads it anew.
            raise UnavailableError(
                f"{call}: the API server does not accept this worker's credentials (401), from "
                f"{self._credentials.source}: renew them there, the next try reads them again"
            )
        if body is None and 200 <= response.status < 300:
            raise UnavailableError(
                f"{call}: the answer of {self._server} is no JSON object but {_excerpt(data)!r}: "
                "is it a Kubernetes API server, or does a proxy stand in between?"
            )
        return Answer(
            status=response.status,
            body=body or {},
            text="" if body is not None else _excerpt(data),
            retry_after=retry_after(response.headers.get("Retry-After"), body or {}),
        )

    async def _answer_data(self, call: Call, response: RESTResponse) -> bytes:
        try:
            return bytes(await response.read())  # type: ignore[no-untyped-call]  # without types
        except (aiohttp.ClientError, OSError) as error:
            raise self._network_failure(call, error) from error

    @property
    def _server(self) -> str:
        return plain(self._credentials.configuration.host)

    def _network_failure(self, call: Call, error: Exception) -> UnavailableError | RefusedError:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return RefusedError(
                f"{call}: the certificate of {self._server} is not to be trusted ({plain(error.certificate_error)}): "
                "correct the CA of the connection, or the server's certificate",
                reason="certificate",
            )
        if isinstance(error, ValueError):  # aiohttp's InvalidURL is one, and so is its refusal of a broken header
            return RefusedError(
                f"{call}: no request can be made with server address {self._server} and the credentials from "
                f"{self._credentials.source} ({type(error).__name__}): is there a line break or a typing error in one?",
                reason="connection",
            )
        if isinstance(error, aiohttp.ClientResponseError):
            # Of a proxy; the whole text would tell its address, with the password in it.
            what = f"{error.status} {plain(error.message)}"
        elif isinstance(error, aiohttp.ConnectionTimeoutError):
            what = f"no connection within {self._connection.connect_timeout:g} s"
        else:
            what = plain(error) or f"no answer within {self._connection.request_timeout:g} s"
        return UnavailableError(f"{call}: {self._server} does not answer ({what}): check that it runs and is reachable")


class Watch:
    """The events of one open watch."""

    def __init__(self, call: Call, content: aiohttp.StreamReader) -> None:
        self._call = call
        self._content = content

    async def event(self) -> Object | None:
        """The next event, with `type` and `object`; None when the server ended the watch.

        Raises UnavailableError when the watch breaks.
        """
        try:
            line = await self._content.readline()
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a line of more than 4 MB
            raise UnavailableError(f"{self._call}: the watch broke ({plain(error) or type(error).__name__})") from error
        if not line:
            return None
        event = _json_object(line)
        if event is None or not isinstance(event.get("type"), str) or not isinstance(event.get("object"), dict):
            raise UnavailableError(f"{self._call}: the watch sent no event but {_excerpt(line)!r}")
        return event


class _EachFailureSeen(RESTClientObject):
    """The library's transport with aiohttp's own second try of GET, PUT and DELETE switched off.

    It would turn the lost answer of a write into the conflict of its repetition. aiohttp's own test client clears the
    same attribute; there is no public switch.
    """

    def __init__(self, made: RESTClientObject) -> None:
        # Not one more of its own: to read all the CAs of a machine once takes 20 ms of CPU.
        vars(self).update(vars(made))

    def _create_pool_manager(self) -> aiohttp.ClientSession:
        session = super()._create_pool_manager()
        session._retry_connection = False
        return session


async def _ended(task: asyncio.Task[Answer]) -> None:
    """Waits for the end of a request, however often that is cancelled. Its limits in time are its own."""
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # told to nobody: the step is cancelled whatever came of it


def _excerpt(data: bytes) -> str:
    return plain(data[:200].decode(errors="replace"), 80)


def _json_object(data: bytes) -> Object | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
