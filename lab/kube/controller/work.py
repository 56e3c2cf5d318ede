"""The controller's work queue: what is due, what waits for something else, and what went wrong."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: a step on an object of a kind."""

    step: str
    plural: str
    name: str
    namespace: str = ""


Dependency = tuple[str, str]
"""A kind's plural and the name of one object of it, or "" for any of them."""


class NotYetError(Exception):
    """A step cannot go on. It is taken up again when one of `on` changes, or its own object does."""

    def __init__(self, reason: str, *on: Dependency) -> None:
        super().__init__(reason)
        self.reason = reason
        self.on = on


class Work:
    """Runs items on the event loop, one at a time, each at most once in the queue.

    Nothing is polled: an item that cannot go on names what it waits for and is woken by a change of that.
    """

    def __init__(self, run: Callable[[Item], None]) -> None:
        self._run = run
        self._due: dict[Item, asyncio.TimerHandle] = {}
        self._waiting: dict[Item, NotYetError] = {}
        self._waiters: dict[Dependency, set[Item]] = defaultdict(set)
        self._held: dict[Item, None] = {}
        self._paused = False
        self._closed = False
        self._settled = asyncio.Event()
        self._settled.set()
        self.errors: list[Exception] = []

    def add(self, item: Item, delay: float = 0.0) -> None:
        """Do an item after a delay in seconds; one already queued keeps its earlier time."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        queued = self._due.get(item)
        if queued is not None:
            if queued.when() <= loop.time() + delay:
                return
            queued.cancel()
        self._due[item] = loop.call_later(delay, self._take, item)
        self._settled.clear()

    def wake(self, dependency: Dependency) -> None:
        """Take up what waits for something that changed."""
        for item in self._waiters.pop(dependency, ()):
            self._stop_waiting(item)
            self.add(item)

    def waiting(self) -> dict[str, str]:
        """What cannot go on, and why: `step plural/name` to the reason."""
        return {
            f"{item.step} {item.plural}/{item.name}": told.reason
            for item, told in sorted(
                self._waiting.items(), key=lambda pair: (pair[0].plural, pair[0].name, pair[0].step)
            )
        }

    async def settled(self) -> None:
        """Wait until nothing is queued; what waits for something else, or is held by a pause, does not count."""
        await self._settled.wait()

    def pause(self) -> None:
        """Stand still: what becomes due is held."""
        self._paused = True

    def resume(self) -> None:
        """Go on with what was held."""
        self._paused = False
        held, self._held = self._held, {}
        for item in held:
            self.add(item)

    def retry_all(self) -> None:
        """Take up everything that waits, whatever it waits for."""
        for item in list(self._waiting):
            self._stop_waiting(item)
            self.add(item)

    def close(self) -> None:
        """Drop everything queued."""
        self._closed = True
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    def _take(self, item: Item) -> None:
        self._due.pop(item, None)
        if self._paused:
            self._held[item] = None
        else:
            self._stop_waiting(item)
            self._step(item)
        if not self._due:
            self._settled.set()

    def _step(self, item: Item) -> None:
        try:
            self._run(item)
        except NotYetError as told:
            self._waiting[item] = told
            for dependency in told.on:
                self._waiters[dependency].add(item)
        except Exception as error:
            # A bug of the simulator: kept for the test to see, and the other objects go on.
            _LOG.exception("step %s of %s/%s failed", item.step, item.plural, item.name)
            self.errors.append(error)

    def _stop_waiting(self, item: Item) -> None:
        told = self._waiting.pop(item, None)
        for dependency in told.on if told else ():
            waiters = self._waiters.get(dependency)
            if waiters is not None:
                waiters.discard(item)
                if not waiters:
                    del self._waiters[dependency]
