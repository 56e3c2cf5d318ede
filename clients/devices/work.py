"""The entry point: one session on one device carries out a batch of requests."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from clients.devices import translators
from clients.devices.batch import carry_out
from clients.devices.command_line import CommandLine
from clients.devices.connecting import session
from clients.devices.dialects import DIALECTS
from clients.devices.login import Login
from clients.devices.masking import errors_without, masked, told_without
from clients.devices.routers import ROUTERS
from clients.devices.routers.routes import RouterRoutes
from clients.devices.session import Session
from clients.devices.spans import spanning
from clients.devices.translators.shell import new_word, shell_prompting
from clients.devices.vlans import SwitchVlans
from tenancy.devices import SENDS, AnyRequest, DeviceOutcome, DeviceRequest, EdgeRequest
from tenancy.edge import DEFAULT_TAG, EdgeDevice, EdgeRouter, Translator
from tenancy.switches import Switch

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Job(Generic[ResultT]):
    """What is to be done in a session, once there is one."""

    kind: str
    """What people call the device."""
    cli: CommandLine
    carried_out: Callable[[Session], ResultT]


Work: TypeAlias = Job[list[DeviceOutcome]]


def _job(device: Switch | EdgeDevice, requests: Sequence[AnyRequest], tag: int, *, neighbour: bool) -> Work:
    match device:
        case Switch():
            return _vlans(device, requests)
        case EdgeRouter():
            return _routes(device, requests, tag, neighbour=neighbour)
        case Translator():
            return _translations(requests)


def _vlans(switch: Switch, requests: Sequence[AnyRequest]) -> Work:
    dialect, wanted = DIALECTS[switch.platform], [one for one in requests if isinstance(one, DeviceRequest)]

    def carried_out(opened: Session) -> list[DeviceOutcome]:
        return carry_out(opened, dialect.cli, SwitchVlans(opened, dialect, switch.name, wanted), wanted)

    return Job("switch", dialect.cli, carried_out)


def _routes(router: EdgeRouter, requests: Sequence[AnyRequest], tag: int, *, neighbour: bool) -> Work:
    dialect, wanted = ROUTERS[router.platform], [one for one in requests if isinstance(one, EdgeRequest)]

    def carried_out(opened: Session) -> list[DeviceOutcome]:
        return carry_out(opened, dialect.cli, RouterRoutes(opened, dialect, tag, wanted, neighbour=neighbour), wanted)

    return Job("router", dialect.cli, carried_out)


def _translations(requests: Sequence[AnyRequest]) -> Work:
    word, wanted = new_word(), [one for one in requests if isinstance(one, EdgeRequest)]
    return Job("translator", shell_prompting(word), lambda opened: translators.carry_out(opened, word, wanted))


def _counted(job: Work, requests: Sequence[AnyRequest]) -> Work:
    """The same, and the session's span tells how much there was to do."""

    def carried_out(opened: Session) -> list[DeviceOutcome]:
        span = trace.get_current_span()
        span.set_attribute("berth.requests", len(requests))
        outcomes = job.carried_out(opened)
        sent = {request.id for request in requests if request.action in SENDS}
        span.set_attribute("berth.lines", sum(len(one.lines) for one in outcomes if one.id in sent))
        return outcomes

    return replace(job, carried_out=carried_out)


async def work(
    device: Switch | EdgeDevice,
    login: Login,
    requests: Sequence[AnyRequest],
    *,
    known_hosts: Path,
    alive: Callable[[], bool],
    progress: Callable[[str], None],
    jump: Login | None = None,
    tag: int = DEFAULT_TAG,
    neighbour: bool = False,
) -> list[DeviceOutcome]:
    """The outcome of each request, in their order.

    `alive` is asked from another thread, before every line that changes something; `progress` is called on this loop with
    the line that is under way, every two seconds at least. `jump` is the login of the device's jump host, `tag` that of
    the static routes Berth makes. A `neighbour` is only read, and there a route of any kind is one. A cancellation stops
    before the next line, and is over once the session is closed.

    Raises UnavailableError where the outcome is unknown (call again: reading converges), RefusedError `login-refused`,
    `host-key-unknown`, `host-key-changed` or `enable-refused` for the whole batch.
    """
    job = _counted(_job(device, requests, tag, neighbour=neighbour), requests)
    outcomes = await in_session(device, login, job, known_hosts=known_hosts, alive=alive, progress=progress, jump=jump)
    secrets = unspeakable(login, jump)
    return [told_without(secrets, outcome) for outcome in outcomes]


async def in_session(
    device: Switch | EdgeDevice,
    login: Login,
    job: Job[ResultT],
    *,
    known_hosts: Path,
    alive: Callable[[], bool],
    progress: Callable[[str], None],
    jump: Login | None,
) -> ResultT:
    """What comes of the job, in a thread of its own; all as `work` says. No secret is in an error it raises."""
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def tell(line: str) -> None:
        loop.call_soon_threadsafe(progress, line)

    def run() -> ResultT:
        secrets = unspeakable(login, jump)
        with (
            errors_without(secrets),
            masked(secrets),
            spanning("session", SpanKind.CLIENT, device=device.name, platform=device.platform),
            session(
                device,
                job.kind,
                login,
                job.cli,
                known_hosts=known_hosts,
                jump=jump,
                alive=lambda: not stopped.is_set() and alive(),
                progress=tell,
            ) as opened,
        ):
            return job.carried_out(opened)

    # Shielded: a thread cannot be cancelled, and two of them must never be at work on one device.
    thread = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait({thread})
        if not thread.cancelled():
            thread.exception()  # told to nobody: the batch is cancelled whatever came of it
        raise


def unspeakable(login: Login, jump: Login | None) -> tuple[str, ...]:
    """What must not be told of a session: no device is kept from repeating it."""
    return (*login.unspeakable(), *(jump.unspeakable() if jump is not None else ()))
