"""Whatever a client sends, the server refuses it properly: never a failure of its own, nor of the controller."""

import asyncio
from typing import Any

import aiohttp
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.kube import KubeSimulator
from lab.kube.kinds import KINDS
from lab.kube.schemas import SCHEMAS, Schema
from tests.lab.kube.caller import Caller, path_of

_TEXTS = st.sampled_from(
    ["", "red", "10.0.0.0/24", "10.0.0.1", "fd00::/64", "a,b", "external", "policyDst", "drop", "x..y"]
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70_000) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)


def _like(schema: Schema) -> st.SearchStrategy[Any]:
    """Mostly what a schema wants, so that the controller gets to see it."""
    match schema.type:
        case "object" if schema.fields:
            return st.fixed_dictionaries({}, optional={name: _like(inner) for name, inner in schema.fields.items()})
        case "array" if schema.items:
            return st.lists(_like(schema.items), max_size=2)
        case "string":
            return _TEXTS
        case "integer" | "number":
            return st.integers(0, 40_000)
        case "boolean":
            return st.booleans()
        case _:
            return _ANYTHING


_SPECS = st.sampled_from(sorted(SCHEMAS)).flatmap(
    lambda plural: st.tuples(st.just(plural), _like(SCHEMAS[plural]["spec"]) | _ANYTHING)
)
_METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["red", "blue", "red--a", "e"]) | _ANYTHING},
    optional={"labels": _ANYTHING, "annotations": _ANYTHING, "finalizers": _ANYTHING, "resourceVersion": _ANYTHING},
)


async def _send(calls: list[tuple[str, str, Any]]) -> None:
    async with KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as kube, aiohttp.ClientSession(kube.url) as http:
        caller = Caller(kube, http)
        for method, path, body in calls:
            headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else None
            answer = await caller.call(method, path, body, headers=headers)
            assert answer.status < 500, answer.body
            async with asyncio.timeout(10):
                await kube.settled()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_SPECS, _METADATA, st.booleans()), min_size=1, max_size=8))
def test_kube_ovn_objects_of_any_shape(objects: list[tuple[tuple[str, Any], Any, bool]]) -> None:
    calls: list[tuple[str, str, Any]] = []
    for (plural, spec), metadata, deleted in objects:
        calls.append(("POST", path_of(plural), {"metadata": metadata, "spec": spec}))
        calls.append(("PATCH", path_of(plural, "red"), {"spec": spec}))
        if deleted:
            calls.append(("DELETE", path_of(plural, "red"), None))
    asyncio.run(_send(calls))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KINDS)), st.sampled_from(["POST", "PATCH", "PUT", "DELETE"]), _METADATA, _ANYTHING
        ),
        min_size=1,
        max_size=8,
    )
)
def test_bodies_of_any_shape(objects: list[tuple[str, str, Any, Any]]) -> None:
    calls: list[tuple[str, str, Any]] = []
    for plural, method, metadata, anything in objects:
        namespace = "default" if KINDS[plural].namespaced else ""
        path = path_of(plural, "" if method == "POST" else "red", namespace)
        parts = {"metadata": metadata, "spec": anything, "data": anything, "status": anything}
        calls.append((method, path, parts if method != "DELETE" else anything))
    asyncio.run(_send(calls))
