"""Objects, their revisions, indexes and history: what etcd is to the API server. One SQLite row per object."""

import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.kube.kinds import Manifest

Key = tuple[str, str, str]
"""Plural, namespace ("" for cluster-scoped kinds) and name."""

HISTORY = 5_000
"""Changes kept per kind for watches that come back; older ones are answered with 410 Gone."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of an object. The manifest is shared by every reader: nobody changes it in place."""

    key: Key
    manifest: Manifest
    text: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ADDED, MODIFIED or DELETED, with the object after it and before it."""

    type: str
    now: Stored
    before: Stored | None


Extractor = Callable[[Manifest], Iterable[str]]


def _labels(manifest: Manifest) -> list[str]:
    return [f"{key}={value}" for key, value in (manifest["metadata"].get("labels") or {}).items()]


def encode(value: Any) -> bytes:
    """JSON as it goes over the wire and into the database."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Store:
    """All objects of the simulated cluster, in memory, written through to SQLite before a write returns.

    A write costs one row, whatever else is stored. WAL with synchronous=NORMAL survives the death of the process
    (kill -9); only a power cut could lose the last writes.
    """

    def __init__(self, database: sqlite3.Connection, extractors: Mapping[str, Mapping[str, Extractor]]) -> None:
        self._database = database
        self._extractors = extractors
        self._objects: dict[str, dict[tuple[str, str], Stored]] = defaultdict(dict)
        self._order: dict[str, list[tuple[str, str]]] = {}
        self._indexes: dict[tuple[str, str, str], set[Key]] = defaultdict(set)
        self._history: dict[str, deque[Change]] = defaultdict(lambda: deque(maxlen=HISTORY))
        self._forgotten: dict[str, int] = {}
        self.listeners: list[Callable[[Change], None]] = []
        database.executescript(
            "CREATE TABLE IF NOT EXISTS objects (plural TEXT, namespace TEXT, name TEXT, manifest BLOB,"
            " PRIMARY KEY (plural, namespace, name));"
            "CREATE TABLE IF NOT EXISTS revision (last INTEGER);"
        )
        row = database.execute("SELECT last FROM revision").fetchone()
        if row is None:
            database.execute("INSERT INTO revision VALUES (1)")
        self.revision: int = row[0] if row else 1
        self._oldest = self.revision
        for plural, namespace, name, text in database.execute("SELECT plural, namespace, name, manifest FROM objects"):
            manifest = json.loads(text)
            stored = Stored((plural, namespace, name), manifest, text, int(manifest["metadata"]["resourceVersion"]))
            self._remember(stored)

    def get(self, key: Key) -> Stored | None:
        """One object, or None."""
        return self._objects[key[0]].get((key[1], key[2]))

    def all(self, plural: str, namespace: str = "") -> list[Stored]:
        """Every object of a kind, or of a kind in one namespace, ordered by namespace and name."""
        objects = self._objects[plural]
        if namespace:
            return self.indexed(plural, "namespace", namespace)
        if plural not in self._order:
            self._order[plural] = sorted(objects)
        return [objects[place] for place in self._order[plural]]

    def indexed(self, plural: str, index: str, value: str) -> list[Stored]:
        """The objects of a kind an index names, ordered by namespace and name."""
        keys = self._indexes.get((plural, index, value), ())
        return [self._objects[plural][key[1], key[2]] for key in sorted(keys)]

    def count(self, plural: str, index: str, value: str) -> int:
        """How many objects of a kind an index names."""
        return len(self._indexes.get((plural, index, value), ()))

    def put(self, key: Key, manifest: Manifest) -> Stored:
        """Write an object under the next revision, which is stamped into the manifest given (not copied)."""
        revision = self.revision + 1
        manifest["metadata"]["resourceVersion"] = str(revision)
        stored = Stored(key, manifest, encode(manifest), revision)
        self._commit(
            "INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET manifest = excluded.manifest",
            (*key, stored.text),
            revision,
        )
        before = self._objects[key[0]].get((key[1], key[2]))
        if before:
            self._forget(before)
        else:
            self._order.pop(key[0], None)
        self._remember(stored)
        self._tell(Change("MODIFIED" if before else "ADDED", stored, before))
        return stored

    def remove(self, stored: Stored, last: Manifest | None = None) -> Stored:
        """Delete an object; returns its last state (as stored, or as given) under the revision of the deletion."""
        last = last or stored.manifest
        revision = self.revision + 1
        self._commit("DELETE FROM objects WHERE plural = ? AND namespace = ? AND name = ?", stored.key, revision)
        self._forget(stored)
        self._order.pop(stored.key[0], None)
        manifest = {**last, "metadata": {**last["metadata"], "resourceVersion": str(revision)}}
        gone = Stored(stored.key, manifest, encode(manifest), revision)
        self._tell(Change("DELETED", gone, stored))
        return gone

    def since(self, plural: str, revision: int) -> list[Change] | None:
        """What happened to a kind after a revision, oldest first; None when that is no longer known."""
        if revision < self._forgotten.get(plural, self._oldest):
            return None
        missed: list[Change] = []
        for change in reversed(self._history[plural]):
            if change.now.revision <= revision:
                break
            missed.append(change)
        missed.reverse()
        return missed

    def oldest(self, plural: str) -> int:
        """The oldest revision a watch of a kind can still begin at."""
        return self._forgotten.get(plural, self._oldest)

    def forget_history(self) -> None:
        """Drop the history of every kind, as a compaction does: every older watch gets 410 Gone."""
        self._history.clear()
        self._forgotten.clear()
        self._oldest = self.revision

    def _commit(self, statement: str, values: tuple[Any, ...], revision: int) -> None:
        execute = self._database.execute
        execute("BEGIN")
        execute(statement, values)
        execute("UPDATE revision SET last = ?", (revision,))
        execute("COMMIT")
        self.revision = revision

    def _tell(self, change: Change) -> None:
        plural = change.now.key[0]
        history = self._history[plural]
        if len(history) == HISTORY:
            self._forgotten[plural] = history[0].now.revision
        history.append(change)
        for listener in self.listeners:
            listener(change)

    def _terms(self, stored: Stored) -> Iterable[tuple[str, str, str]]:
        plural, namespace, _ = stored.key
        if namespace:
            yield plural, "namespace", namespace
        for label in _labels(stored.manifest):
            yield plural, "label", label
        for index, extract in self._extractors.get(plural, {}).items():
            for value in extract(stored.manifest):
                yield plural, index, value

    def _remember(self, stored: Stored) -> None:
        plural, place = stored.key[0], (stored.key[1], stored.key[2])
        self._objects[plural][place] = stored
        for term in self._terms(stored):
            self._indexes[term].add(stored.key)

    def _forget(self, stored: Stored) -> None:
        plural, place = stored.key[0], (stored.key[1], stored.key[2])
        del self._objects[plural][place]
        for term in self._terms(stored):
            keys = self._indexes[term]
            keys.discard(stored.key)
            if not keys:
                del self._indexes[term]


def open_database(path: Path | None) -> sqlite3.Connection:
    """Open (or create) the state of a simulator; None keeps it in memory only."""
    database = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    return database
