"""The entry point: one session on one switch carries out a batch of requests."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from clients.devices.batch import carry_out
from clients.devices.connecting import session
from clients.devices.dialects import DIALECTS
from clients.devices.login import Login
from clients.devices.masking import errors_without, masked, told_without
from tenancy.devices import AnyRequest, DeviceOutcome, DeviceRequest
from tenancy.edge import DEFAULT_TAG, EdgeDevice
from tenancy.switches import Switch


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
) -> list[DeviceOutcome]:
    """The outcome of each request, in their order.

    `alive` is asked from another thread, before every line that changes something; `progress` is called on this loop with
    the line that is under way, every two seconds at least. `jump` is the login of the device's jump host, `tag` that of
    the static routes Berth makes. A cancellation stops before the next line, and is over once the session is closed.

    Raises UnavailableError where the outcome is unknown (call again: reading converges), RefusedError `login-refused`,
    `host-key-unknown`, `host-key-changed` or `enable-refused` for the whole batch.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def tell(line: str) -> None:
        loop.call_soon_threadsafe(progress, line)

    def run() -> list[DeviceOutcome]:
        if not isinstance(device, Switch):
            raise NotImplementedError("the edge")
        dialect = DIALECTS[device.platform]
        secrets = (*login.unspeakable(), *(jump.unspeakable() if jump is not None else ()))
        with (
            errors_without(secrets),
            masked(secrets),
            session(
                device,
                login,
                dialect,
                known_hosts=known_hosts,
                jump=jump,
                alive=lambda: not stopped.is_set() and alive(),
                progress=tell,
            ) as opened,
        ):
            outcomes = carry_out(
                opened, dialect, device.name, [one for one in requests if isinstance(one, DeviceRequest)]
            )
        return [told_without(secrets, outcome) for outcome in outcomes]

    # Shielded: a thread cannot be cancelled, and two of them must never be at work on one switch.
    thread = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait({thread})
        if not thread.cancelled():
            thread.exception()  # told to nobody: the batch is cancelled whatever came of it
        raise
