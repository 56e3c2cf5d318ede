"""The verbs on single objects: get, list in chunks, create, replace, delete, watch; each is one request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from clients.errors import UnavailableError
from clients.kube_ovn.answers import Answer, Call, Verb, failure, is_absent, subject
from clients.kube_ovn.transport import Transport, Watch
from tenancy.kinds import KINDS, Kind, Object

CHUNK = 500
"""Objects in one answer to a list."""
LIST_TRIES = 3
"""How often a list starts anew because its next chunk is no longer kept."""


class Objects:
    """Objects of any kind as the API speaks them: JSON. Every method raises UnavailableError or RefusedError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """The object; None where there is none of that name."""
        call = Call("get", kind, name, namespace)
        answer = await self._transport.send(call)
        return None if is_absent(call, answer) else _object(call, answer)

    async def find(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str | None] | None = None,
        name: str | None = None,
    ) -> tuple[list[Object], str]:
        """The objects that match, and the resource version a watch of them starts from. A label of None may be any."""
        selectors = [("limit", str(CHUNK))]
        if labels:
            selectors.append(("labelSelector", ",".join(map(_selector, labels.items()))))
        if name is not None:
            selectors.append(("fieldSelector", f"metadata.name={name}"))
        call = Call("list", kind, name, namespace)
        for _ in range(LIST_TRIES):
            listed = await self._chunks(call, selectors)
            if listed is not None:
                return listed
        raise UnavailableError(f"{call}: the API server forgot the list {LIST_TRIES} times before its end: try again")

    async def create(self, manifest: Object) -> Object:
        """The object as the server made it. Raises ConflictError where one of that name exists."""
        return await self._write("create", manifest)

    async def replace(self, changed: Object) -> Object:
        """The object as the server keeps it; it carries the resource version it was read with.

        Raises ConflictError where somebody else changed or removed it since.
        """
        return await self._write("update", changed)

    async def delete(self, kind: Kind, name: str, uid: str, namespace: str | None = None) -> None:
        """Ask for the deletion of this very object; to find it gone already is as good.

        Raises ConflictError where the name belongs to another object by now.
        """
        call = Call("delete", kind, name, namespace)
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        answer = await self._transport.send(call, body=options)
        if not is_absent(call, answer) and not 200 <= answer.status < 300:
            raise failure(call, answer)

    @asynccontextmanager
    async def watch(self, kind: Kind, name: str, version: str, namespace: str | None = None) -> AsyncIterator[Watch]:
        """The events of one object after a resource version."""
        call = Call("watch", kind, name, namespace)
        query = [("fieldSelector", f"metadata.name={name}"), ("resourceVersion", version)]
        async with self._transport.watch(call, query) as watch:
            yield watch

    async def _chunks(self, call: Call, selectors: list[tuple[str, str]]) -> tuple[list[Object], str] | None:
        """The whole list, or None where the server no longer keeps what the next chunk would go on from."""
        objects: list[Object] = []
        query = selectors
        while True:
            answer = await self._transport.send(call, query)
            if answer.status == 410:
                return None
            if answer.status != 200:
                raise failure(call, answer)
            items, metadata = answer.body.get("items"), answer.body.get("metadata")
            if not (
                isinstance(items, list)
                and all(map(is_object, items))
                and isinstance(metadata, dict)
                and "resourceVersion" in metadata
            ):
                raise UnavailableError(f"{call}: the answer is no list: does a proxy stand before the API server?")
            # The items of a list of a built-in kind do not say what they are.
            what = {"apiVersion": call.kind.api_version, "kind": call.kind.name}
            objects.extend({**what, **item} for item in items)
            if not metadata.get("continue"):
                return objects, str(metadata["resourceVersion"])
            query = [*selectors, ("continue", str(metadata["continue"]))]

    async def _write(self, verb: Verb, manifest: Object) -> Object:
        call = Call(verb, *identity(manifest))
        answer = await self._transport.send(call, body=manifest)
        return _object(call, answer)


def identity(manifest: Object) -> tuple[Kind, str, str | None]:
    """Kind, name and namespace of a manifest or object."""
    metadata = manifest["metadata"]
    return KINDS[manifest["kind"]], metadata["name"], metadata.get("namespace")


def subject_of(manifest: Object) -> str:
    """How a message names it."""
    return subject(*identity(manifest))


def is_object(value: object) -> bool:
    """Whether it has what every object of the API has: a name and a uid."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str) and isinstance(metadata.get("uid"), str)


def uid(found: Object) -> str:
    """What tells this object from a later one of the same name."""
    return str(found["metadata"]["uid"])


def is_being_deleted(found: Object) -> bool:
    """Whether its deletion was asked for; it stays until its last finalizer goes."""
    return bool(found["metadata"].get("deletionTimestamp"))


def _selector(label: tuple[str, str | None]) -> str:
    key, value = label
    return key if value is None else f"{key}={value}"


def _object(call: Call, answer: Answer) -> Object:
    if not 200 <= answer.status < 300:
        raise failure(call, answer)
    if not is_object(answer.body) or answer.body["metadata"]["name"] != call.name:
        raise UnavailableError(f"{call}: the answer is not {call.subject}: does a proxy stand before the API server?")
    return answer.body
