"""Watches: each change is encoded once and handed to those who asked for it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from functools import cache

from lab.kube import tables
from lab.kube.kinds import KINDS
from lab.kube.selectors import Selector
from lab.kube.store import Change, Stored, encode

BACKLOG = 20_000
"""Lines a watcher may fall behind before it is cut off, as the real server does with slow readers."""

Encoder = Callable[[str, Stored], bytes]


def json_line(event: str, stored: Stored) -> bytes:
    """A watch event with the whole object."""
    return b'{"type":"' + event.encode() + b'","object":' + stored.text + b"}\n"


@cache
def table_encoder(include: str) -> Encoder:
    """Watch events whose object is a Table of one row, for `kubectl get --watch`."""

    def encoder(event: str, stored: Stored) -> bytes:
        row = tables.table(KINDS[stored.key[0]], [stored.manifest], stored.revision, include)
        return encode({"type": event, "object": row}) + b"\n"

    return encoder


class Watcher:
    """One open watch: the lines not sent yet, and what wakes its sender."""

    def __init__(self, plural: str, namespace: str, selector: Selector, encoder: Encoder) -> None:
        self.plural = plural
        self.namespace = namespace
        self.selector = selector
        self.encoder = encoder
        self.lines: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.overrun = False
        self.revision = 0

    def offer(self, change: Change, encoded: dict[tuple[Encoder, str], bytes]) -> None:
        """Take a change if it is meant for this watch; `encoded` shares the lines between watchers."""
        if self.namespace and change.now.key[1] != self.namespace:
            return
        event, stored = self._seen(change)
        self.revision = change.now.revision
        if stored is None:
            return
        line = encoded.get((self.encoder, event))
        if line is None:
            line = encoded[self.encoder, event] = self.encoder(event, stored)
        if len(self.lines) >= BACKLOG:
            self.overrun = True
        else:
            self.lines.append(line)
        self.wake.set()

    def _seen(self, change: Change) -> tuple[str, Stored | None]:
        """The event this watch sees: an object that stops matching its selector is deleted, for this watcher."""
        is_meant = self.selector.matches(change.now.manifest)
        if change.type != "MODIFIED" or change.before is None:
            return change.type, change.now if is_meant else None
        was_meant = self.selector.matches(change.before.manifest)
        if is_meant and was_meant:
            return "MODIFIED", change.now
        if is_meant:
            return "ADDED", change.now
        return "DELETED", change.now if was_meant else None


class Watches:
    """All open watches, found by kind, and by name where a watch names one object."""

    def __init__(self) -> None:
        self._watchers: dict[tuple[str, str | None], set[Watcher]] = defaultdict(set)

    def tell(self, change: Change) -> None:
        """Hand a change to everyone who watches for it."""
        plural, _, name = change.now.key
        encoded: dict[tuple[Encoder, str], bytes] = {}
        for place in ((plural, None), (plural, name)):
            for watcher in self._watchers.get(place, ()):
                watcher.offer(change, encoded)

    def add(self, watcher: Watcher) -> None:
        """Begin to hand changes to a watcher."""
        self._watchers[watcher.plural, watcher.selector.name].add(watcher)

    def remove(self, watcher: Watcher) -> None:
        """Stop handing changes to a watcher."""
        place = (watcher.plural, watcher.selector.name)
        self._watchers[place].discard(watcher)
        if not self._watchers[place]:
            del self._watchers[place]

    def close(self) -> None:
        """End every watch, as a stopping server does."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.overrun = True
                watcher.wake.set()
