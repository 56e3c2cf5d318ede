"""A fence around an attempt at a device: once Temporal may have given the work to another worker, nothing more is sent."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client
from temporalio.service import RPCError, RPCStatusCode

from clients.errors import UnavailableError

CONFIRM_EVERY = 1.0
"""Seconds between two heartbeats that Temporal confirms."""
SAFE = 5.0
"""Seconds after a confirmed heartbeat in which no other worker can have been given the work.

Half of the heartbeat timeout (`workflows.stepping`), which Temporal counts from when the heartbeat arrived: later than
it was sent, from when this counts.
"""


class Fence:
    """Whether this attempt may still change anything. Its clock goes on while the process is stopped."""

    def __init__(self) -> None:
        self.note = ""
        """What is shown as the attempt's progress."""
        self._confirmed: float | None = None
        self._closed = False

    def alive(self) -> bool:
        """Whether another worker can still be ruled out; asked right before each line that changes something."""
        return not self._closed and self._confirmed is not None and _now() - self._confirmed < SAFE

    def close(self) -> None:
        """Nothing more is to be sent: the work was called off, or is no longer ours."""
        self._closed = True

    def confirm(self, sent: float) -> None:
        """A heartbeat that was sent then reached Temporal, which counts on this attempt."""
        self._confirmed = sent


@asynccontextmanager
async def fenced(client: Client) -> AsyncIterator[Fence]:
    """A fence for the activity that runs in the block. Raises UnavailableError where Temporal does not confirm it."""
    fence = Fence()
    # The SDK's own heartbeats are sent without a word on whether they arrived; a worker cut off from Temporal must know.
    handle = client.get_async_activity_handle(task_token=activity.info().task_token)

    async def confirm() -> None:
        sent = _now()
        try:
            await handle.heartbeat(fence.note, rpc_timeout=timedelta(seconds=SAFE))
        except AsyncActivityCancelledError:
            fence.close()
        except RPCError as error:
            # Timed out, or its workflow was terminated: Temporal may have given the work to another already.
            if error.status is RPCStatusCode.NOT_FOUND:
                fence.close()
        else:
            fence.confirm(sent)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(CONFIRM_EVERY)
            await confirm()

    await confirm()
    if not fence.alive():
        raise UnavailableError(
            "Temporal does not confirm that this worker has the work: nothing was sent to the device"
        )
    confirming = asyncio.create_task(go_on())
    try:
        yield fence
    finally:
        confirming.cancel()
        with suppress(asyncio.CancelledError):
            await confirming


def _now() -> float:
    """Seconds on a clock that goes on while the machine sleeps, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
