"""What commands have in common that run until they are told to stop: the signals, and the file that says they serve."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def told_to_stop() -> asyncio.Event:
    """Set once this process is sent SIGTERM, or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def until_stopped(stop: asyncio.Event, failing: Coroutine[Any, Any, Exception]) -> None:
    """Until `stop` is set. Raises what `failing` returns where that comes first: why it cannot go on."""
    stopped, failed = asyncio.create_task(stop.wait()), asyncio.create_task(failing)
    try:
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        failed.cancel()
    if failed.done() and not failed.cancelled():
        raise failed.result()


@contextmanager
def written_when_ready(path: Path | None) -> Iterator[Callable[[], None]]:
    """What is to be called once everything answers: from then on to the end of the block the file holds the process ID."""

    def ready() -> None:
        if path:
            path.write_text(f"{os.getpid()}\n")

    try:
        yield ready
    finally:
        if path:
            path.unlink(missing_ok=True)
