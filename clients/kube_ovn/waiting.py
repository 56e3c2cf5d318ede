"""Following one object by list and watch until something holds, within a deadline, reporting meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clients.errors import UnavailableError
from clients.kube_ovn.answers import plain, subject
from clients.kube_ovn.objects import Objects, is_being_deleted, is_object
from clients.kube_ovn.transport import NoTurnError
from tenancy.kinds import Kind, Object

PROGRESS_SECONDS = 2.0
"""Progress is reported this often, whatever the server does."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
"""Pauses before the next list when a watch ended early; each is twice the one before."""


async def wait_until(
    objects: Objects,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    ready: Callable[[Object], str | None],
    deadline: float,
    likely: str,
    progress: Callable[[str], None] | None,
    appears: bool = False,
) -> Object:
    """See `KubeOvn.wait_until`."""
    what = subject(kind, name, namespace)
    found: Object | None = None
    missing: str | None = "it does not exist yet" if appears else "not seen yet"

    def is_settled(current: Object | None) -> bool:
        nonlocal found, missing
        found = current
        if current is None:
            return not appears
        if is_being_deleted(current):
            return True
        missing = ready(current)
        return missing is None

    following = Following(objects, kind, name, namespace)
    with reporting(progress, lambda: f"{what}: {missing}"):
        try:
            async with asyncio.timeout(deadline):
                await following.until(is_settled)
        except TimeoutError:
            raise UnavailableError(
                f"{what}: not ready after {deadline:g} s: {missing}{following.trouble}; likely causes: {likely}"
            ) from None
    if found is None:
        raise UnavailableError(f"{what}: is not there to become ready: somebody deleted it")
    if is_being_deleted(found):
        raise UnavailableError(f"{what}: is being deleted and will not become ready: somebody asked for that")
    return found


@contextmanager
def reporting(progress: Callable[[str], None] | None, reason: Callable[[], str]) -> Iterator[None]:
    """Calls `progress` with the reason, at once and every few seconds until left.

    A timer of the event loop rather than a task: leaving stops it at once, and nothing is left behind.
    """
    if progress is None:
        yield
        return
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle

    def report() -> None:
        nonlocal timer
        timer = loop.call_later(PROGRESS_SECONDS, report)
        progress(reason())

    timer = loop.call_soon(report)
    try:
        yield
    finally:
        timer.cancel()


class Following:
    """One object, followed by list and watch."""

    def __init__(self, objects: Objects, kind: Kind, name: str, namespace: str | None) -> None:
        self._objects = objects
        self._kind = kind
        self._name = name
        self._namespace = namespace
        self.trouble = ""
        """What broke the last watch, as the end of a sentence; empty where it ended as it should."""

    async def until(self, is_settled: Callable[[Object | None], bool]) -> None:
        """Hands each state of the object (None: it is not there) to `is_settled` until that returns True.

        After a watch that ended, broke or was too old (410 Gone) comes a new list. A list that fails raises: a server
        which is really away must be seen.
        """
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while True:
            current, version = await self._list()
            if is_settled(current):
                return
            opened = loop.time()
            asked_to_wait = 0.0
            try:
                async with self._objects.watch(self._kind, self._name, version, self._namespace) as watch:
                    while (event := await watch.event()) is not None:
                        if self._is_ours(event) and is_settled(_state(event)):
                            return
                self.trouble = ""
            except NoTurnError:
                self.trouble = ""  # the next list tells as much, only later
            except UnavailableError as broken:
                self.trouble = f" (the last watch broke: {broken})"
                asked_to_wait = broken.retry_after or 0.0
            if loop.time() - opened > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
                continue
            await asyncio.sleep(max(pause, asked_to_wait))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _list(self) -> tuple[Object | None, str]:
        found, version = await self._objects.find(self._kind, namespace=self._namespace, name=self._name)
        return next((one for one in found if one["metadata"]["name"] == self._name), None), version

    def _is_ours(self, event: Object) -> bool:
        if event["type"] == "ERROR":
            raise UnavailableError(plain(event["object"].get("message") or "the server gave no reason"))
        if event["type"] == "BOOKMARK":
            return False
        if not is_object(event["object"]):
            raise UnavailableError(f"an event of type {plain(event['type'], 20)!r} holds no object")
        return bool(event["object"]["metadata"]["name"] == self._name)


def _state(event: Object) -> Object | None:
    found: Object = event["object"]
    return None if event["type"] == "DELETED" else found
