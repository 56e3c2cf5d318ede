"""Watches: nothing is missed, nothing is told twice, and what is too old is said to be."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from lab.kube.store import HISTORY
from tests.lab.kube.caller import Caller, path_of

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


class Events:
    """The events of one open watch."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> dict[str, Any]:
        """The next event."""
        async with asyncio.timeout(10):
            return dict(json.loads(await self._answer.content.readline()))

    async def told(self, count: int) -> list[tuple[str, str]]:
        """The next events, as type and name."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def ended(self) -> bool:
        """Whether the server ended the watch, with nothing more to tell."""
        async with asyncio.timeout(10):
            return await self._answer.content.readline() == b""


@asynccontextmanager
async def watch(
    caller: Caller, path: str, headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[Events]:
    """Open a watch."""
    async with caller.http.get(path, params={"watch": "true", **query}, headers=headers) as answer:
        assert answer.status == 200
        yield Events(answer)


async def _revision(caller: Caller, plural: str = "configmaps") -> str:
    return str((await caller.call("GET", path_of(plural))).body["metadata"]["resourceVersion"])


CONFIGS = path_of("configmaps", namespace="default")


async def test_a_watch_tells_of_each_change_after_the_list(caller: Caller) -> None:
    since = await _revision(caller)
    async with watch(caller, CONFIGS, resourceVersion=since) as events:
        await caller.create("configmaps", "a", namespace="default")
        await caller.merge("configmaps", "a", {"data": {"x": "y"}}, "default")
        await caller.delete("configmaps", "a", "default")
        assert await events.told(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_that_comes_back_hears_what_it_missed(caller: Caller) -> None:
    since = await _revision(caller)
    await caller.create("configmaps", "a", namespace="default")
    await caller.create("configmaps", "b", namespace="kube-system")
    await caller.delete("configmaps", "a", "default")
    async with watch(caller, path_of("configmaps"), resourceVersion=since) as events:
        assert await events.told(3) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_a_watch_without_revision_begins_with_what_there_is(caller: Caller) -> None:
    async with watch(caller, path_of("provider-networks")) as events:
        assert await events.told(1) == [("ADDED", "external")]


async def test_an_object_that_stops_matching_is_deleted_for_that_watch(caller: Caller) -> None:
    since = await _revision(caller)
    async with watch(caller, CONFIGS, resourceVersion=since, labelSelector="a=b") as events:
        await caller.create("configmaps", "x", namespace="default")
        await caller.merge("configmaps", "x", {"metadata": {"labels": {"a": "b"}}}, "default")
        await caller.merge("configmaps", "x", {"data": {"k": "v"}}, "default")
        await caller.merge("configmaps", "x", {"metadata": {"labels": {"a": None}}}, "default")
        await caller.merge("configmaps", "x", {"metadata": {"labels": {"a": "b"}}}, "default")
        kinds = [kind for kind, _ in await events.told(4)]
        assert kinds == ["ADDED", "MODIFIED", "DELETED", "ADDED"]


async def test_a_watch_of_one_name_hears_of_no_other(caller: Caller) -> None:
    since = await _revision(caller)
    async with watch(caller, CONFIGS, resourceVersion=since, fieldSelector="metadata.name=b") as events:
        await caller.create("configmaps", "a", namespace="default")
        await caller.create("configmaps", "b", namespace="default")
        assert await events.told(1) == [("ADDED", "b")]


async def test_a_watch_from_before_the_history_is_gone(caller: Caller) -> None:
    since = await _revision(caller)
    await caller.create("configmaps", "a", namespace="default")
    caller.kube.api.store.forget_history()
    async with watch(caller, CONFIGS, resourceVersion=since) as events:
        event = await events.next()
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert await events.ended()


async def test_history_is_bounded_and_says_where_it_begins(caller: Caller) -> None:
    since = int(await _revision(caller))
    store = caller.kube.api.store
    for number in range(HISTORY + 1):
        caller.kube.api.patch("vlans", "external", {"metadata": {"labels": {"n": str(number)}}})
    assert store.since("vlans", since) is None
    assert len(store.since("vlans", store.oldest("vlans")) or []) == HISTORY
    # Another kind's history is as long as ever.
    assert store.since("configmaps", since) == []


async def test_a_watch_ends_after_its_timeout_with_a_bookmark_when_asked(caller: Caller) -> None:
    since = await _revision(caller)
    await caller.create("vlans", "v", {"id": 9, "provider": "external"})
    async with watch(caller, CONFIGS, resourceVersion=since, timeoutSeconds="1", allowWatchBookmarks="true") as events:
        event = await events.next()
        assert event["type"] == "BOOKMARK"
        assert event["object"]["kind"] == "ConfigMap"
        assert int(event["object"]["metadata"]["resourceVersion"]) > int(since)
        assert await events.ended()


async def test_a_streamed_list_says_when_it_is_complete(caller: Caller) -> None:
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    async with watch(caller, path_of("vlans"), None, **query) as events:
        assert await events.told(1) == [("ADDED", "external")]
        event = await events.next()
        assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_table_watch_sends_a_row_per_event(caller: Caller) -> None:
    since = await _revision(caller, "vlans")
    async with watch(caller, path_of("vlans"), TABLE, resourceVersion=since) as events:
        await caller.create("vlans", "v", {"id": 9, "provider": "external"})
        event = await events.next()
        assert event["object"]["kind"] == "Table"
        assert event["object"]["rows"][0]["cells"][:3] == ["v", "9", "external"]


async def test_a_stopping_server_ends_its_watches(caller: Caller) -> None:
    since = await _revision(caller)
    async with watch(caller, CONFIGS, resourceVersion=since) as events:
        await caller.kube.__aexit__(None, None, None)
        assert await events.ended()


async def test_a_watch_from_an_objects_own_revision_does_not_tell_of_it_again(caller: Caller) -> None:
    created = await caller.create("configmaps", "a", namespace="default")
    await caller.create("configmaps", "b", namespace="default")
    async with watch(caller, CONFIGS, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        assert await events.told(1) == [("ADDED", "b")]
