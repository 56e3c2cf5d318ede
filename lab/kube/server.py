"""The HTTP face of the simulated API server."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import hdrs, web

from lab.kube import discovery, patches, requests, statuses, tables
from lab.kube.api import Api, WriteOptions
from lab.kube.faults import Call, Calls, Fault, Faults
from lab.kube.kinds import KINDS
from lab.kube.rbac import Asked, Rights
from lab.kube.requests import Target
from lab.kube.selectors import Selector, parse_selector
from lab.kube.statuses import StatusError
from lab.kube.store import Stored, encode
from lab.kube.watches import Watcher, Watches, json_line, table_encoder

_LOG = logging.getLogger(__name__)
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
BOOKMARK_SECONDS = 60.0
WATCH_SECONDS = 3_000.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer not sent yet."""

    status: int
    body: bytes
    retry_after: int | None = None


class CutError(Exception):
    """The connection is to be cut without an answer."""


class ApiServer:
    """Serves the Kubernetes API over HTTP, with the faults that are switched on."""

    def __init__(self, api: Api, faults: Faults, calls: Calls) -> None:
        self._api = api
        self._faults = faults
        self._calls = calls
        self._watches = Watches()
        self._late: set[asyncio.Task[Answer]] = set()
        self.rights: Rights | None = None
        self.errors: list[Exception] = []
        api.store.listeners.append(self._watches.tell)

    def close(self) -> None:
        """End every watch."""
        self._watches.close()
        for task in self._late:
            task.cancel()

    async def quiet(self) -> None:
        """Wait until nothing that was asked is still to be carried out."""
        while self._late:
            await asyncio.wait(self._late)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path
        if path in {"/healthz", "/livez", "/readyz"}:
            return web.Response(text="ok")
        if path == "/openapi/v2" and "protobuf" in request.headers.get(hdrs.ACCEPT, ""):
            headers = {hdrs.CONTENT_TYPE: discovery.OPENAPI_V2_PROTOBUF}
            return web.Response(body=discovery.openapi_v2_protobuf(), headers=headers)
        found = discovery.document(path, request.host, self._is_served) if request.method == "GET" else None
        if found is not None:
            return web.json_response(found)
        target = requests.parse_target(path)
        if target is None or not self._is_served(target.plural):
            missing = StatusError(404, "the server could not find the requested resource", reason="NotFound")
            return _response(_refusal(missing))
        return await self._serve(request, target)

    def _is_served(self, plural: str) -> bool:
        """Whether there is such a kind: a custom one goes with its definition."""
        kind = KINDS.get(plural)
        return kind is None or not kind.custom or self._api.find("customresourcedefinitions", kind.resource) is not None

    async def _serve(self, request: web.Request, target: Target) -> web.StreamResponse:
        verb, name = "", target.name
        status = 0
        try:
            verb = requests.parse_verb(request.method, target, request.query)
            self._authorize(request, target, verb)
            body = requests.parse_body(await request.read(), request.content_type)
            if verb == "create" and isinstance(body, dict):
                name = str((body.get("metadata") or {}).get("name") or "")
            fault = self._faults.on_call(verb, target.plural, target.namespace, name)
            if fault:
                await self._strike_before(fault, verb)
            if verb == "watch":
                status = 200
                is_cut = fault is not None and fault.effect == "lose-answer"
                return await self._watch(request, target, fault.seconds if fault and is_cut else None)
            if fault and fault.effect == "slow" and verb in WRITES:
                answer = await self._slowly(fault.seconds, lambda: self._act(request, target, verb, body))
            else:
                answer = self._act(request, target, verb, body)
            if fault and fault.effect == "lose-answer":
                answer = _strike_after(fault)
            status = answer.status
            return _response(answer)
        except CutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except StatusError as error:
            status = error.code
            return _response(_refusal(error))
        except Exception as error:
            # A bug of the simulator: kept for the test to see, and told as the real server tells of its own.
            _LOG.exception("%s %s failed", request.method, request.path)
            self.errors.append(error)
            status = 500
            return _response(_refusal(StatusError(500, f"the simulator failed: {type(error).__name__}")))
        finally:
            self._calls.record(Call(verb, target.plural, target.namespace, name, status, target.subresource))

    def _authorize(self, request: web.Request, target: Target, verb: str) -> None:
        """Refuses what the account was not granted. Its token is its name; who shows none is the administrator."""
        account = _account(request)
        # Every account may ask about itself (ClusterRole system:basic-user).
        if self.rights is None or not account or target.plural == "selfsubjectaccessreviews":
            return
        name = target.name
        if verb in ("list", "watch", "deletecollection"):
            name = _selector(target, request.query).name or ""
        resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
        asked = Asked(verb, target.kind.group, resource, target.namespace, name)
        if not self.rights.allow(account, asked):
            raise statuses.forbidden(target.kind.resource, name, f'User "{account}" {asked}')

    async def _strike_before(self, fault: Fault, verb: str) -> None:
        match fault.effect:
            case "refuse":
                told = fault.message or "refused by a fault of the lab"
                raise StatusError(fault.status or 403, told, retry_after=fault.retry_after)
            case "error":
                told = fault.message or "a fault of the lab"
                raise StatusError(fault.status or 500, told, retry_after=fault.retry_after)
            case "drop":
                raise CutError
            case "slow" if verb not in WRITES:
                await asyncio.sleep(fault.seconds)
            case "hang":
                await asyncio.Event().wait()
            case _:
                pass

    async def _slowly(self, seconds: float, act: Callable[[], Answer]) -> Answer:
        """Acts later, as a server does that is slow: also where the caller has gone by then."""

        async def later() -> Answer:
            await asyncio.sleep(seconds)
            return act()

        def ended(task: asyncio.Task[Answer]) -> None:
            self._late.discard(task)
            if not task.cancelled():
                task.exception()

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(ended)
        return await asyncio.shield(task)

    def _act(self, request: web.Request, target: Target, verb: str, body: Any) -> Answer:
        plural, name, namespace = target.plural, target.name, target.namespace
        options = requests.write_options(request.query, target.subresource)
        if plural == "selfsubjectaccessreviews":
            return self._review(_account(request), requests.manifest_of(body))
        match verb:
            case "get":
                return self._one(request, self._api.get(plural, name, namespace))
            case "list":
                return self._list(request, target)
            case "create":
                return self._one(request, self._api.create(plural, requests.manifest_of(body), namespace, options), 201)
            case "update":
                updated = self._api.update(plural, requests.manifest_of(body), namespace, name, options)
                return self._one(request, updated)
            case "patch" if request.content_type == patches.APPLY_PATCH:
                return self._apply(request, target, requests.manifest_of(body), options)
            case "patch":
                patched = self._api.patch(plural, name, body, namespace, request.content_type, options)
                return self._one(request, patched)
            case "delete":
                gone, is_gone = self._api.delete(plural, name, namespace, requests.delete_options(request.query, body))
                return self._deleted(target, gone) if is_gone else self._one(request, gone)
            case _:
                for stored in self._selected(target, request.query):
                    _, place, each = stored.key
                    self._api.delete(plural, each, place, requests.delete_options(request.query, body))
                return Answer(200, encode({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))

    def _apply(self, request: web.Request, target: Target, body: dict[str, Any], options: WriteOptions) -> Answer:
        manager = request.query.get("fieldManager", "")
        if not manager:
            raise statuses.bad_request("PatchOptions is invalid: fieldManager: Required value: for apply patch")
        force = request.query.get("force", "") == "true"
        applied, is_new = self._api.apply(
            target.plural, target.name, body, target.namespace, manager=manager, force=force, options=options
        )
        return self._one(request, applied, 201 if is_new else 200)

    def _one(self, request: web.Request, stored: Stored, status: int = 200) -> Answer:
        if tables.wanted(request.headers.get(hdrs.ACCEPT, "")):
            include = request.query.get("includeObject", "Metadata")
            kind = KINDS[stored.key[0]]
            return Answer(status, encode(tables.table(kind, [stored.manifest], stored.revision, include)))
        return Answer(status, stored.text or encode(stored.manifest))

    def _list(self, request: web.Request, target: Target) -> Answer:
        chosen = self._selected(target, request.query)
        revision = self._api.store.revision
        chosen, page = requests.page(request.query, chosen)
        if tables.wanted(request.headers.get(hdrs.ACCEPT, "")):
            include = request.query.get("includeObject", "Metadata")
            rows = (stored.manifest for stored in chosen)
            table = tables.table(target.kind, rows, revision, include)
            table["metadata"].update(page)
            return Answer(200, encode(table))
        head = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version}
        start = encode({**head, "metadata": {"resourceVersion": str(revision), **page}})[:-1]
        return Answer(200, start + b',"items":[' + b",".join(stored.text for stored in chosen) + b"]}")

    def _selected(self, target: Target, query: Mapping[str, str]) -> list[Stored]:
        selector = _selector(target, query)
        store = self._api.store
        namespace = target.namespace or selector.namespace or ""
        if selector.name is not None and (namespace or not target.kind.namespaced):
            stored = store.get((target.plural, namespace, selector.name))
            candidates = [stored] if stored else []
        elif terms := selector.index_terms():
            rarest = min(terms, key=lambda term: store.count(target.plural, "label", term))
            candidates = store.indexed(target.plural, "label", rarest)
        else:
            candidates = store.all(target.plural, namespace)
        return [
            stored
            for stored in candidates
            if (not namespace or stored.key[1] == namespace) and selector.matches(stored.manifest)
        ]

    def _deleted(self, target: Target, gone: Stored) -> Answer:
        details = {"name": target.name, "group": target.kind.group, "kind": target.plural}
        details["uid"] = gone.manifest["metadata"]["uid"]
        answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Answer(200, encode(answer))

    def _review(self, account: str, review: dict[str, Any]) -> Answer:
        """A SelfSubjectAccessReview: allowed as far as the account's rights go, unless a `refuse` fault speaks of it."""
        asked = (review.get("spec") or {}).get("resourceAttributes") or {}
        about = (asked.get("verb", ""), asked.get("resource", ""), asked.get("namespace", ""), asked.get("name", ""))
        refused = self._faults.refuses(*about)
        status = {"allowed": not refused, "reason": "refused by a fault of the lab" if refused else "the lab allows it"}
        if self.rights is not None and account and not refused:
            verb, resource, namespace, name = about
            asked_for = Asked(verb, asked.get("group", ""), resource, namespace, name)
            status = {"allowed": self.rights.covers(account, asked_for), "reason": "by the roles of this account"}
        return Answer(201, encode({**review, "metadata": review.get("metadata") or {}, "status": status}))

    async def _watch(self, request: web.Request, target: Target, cut_after: float | None) -> web.StreamResponse:
        """Stream a watch; a number of seconds after which it is cut raises CutError."""
        query = request.query
        store = self._api.store
        seconds = requests.seconds(query, "timeoutSeconds", WATCH_SECONDS)
        since = requests.revision(query)
        as_table = tables.wanted(request.headers.get(hdrs.ACCEPT, ""))
        encoder = table_encoder(query.get("includeObject", "Metadata")) if as_table else json_line
        watcher = Watcher(target.plural, target.namespace, _selector(target, query), encoder)
        initial = query.get("sendInitialEvents", "") == "true"
        missed = None if since is None or initial else store.since(target.plural, since)
        if since is None or initial:
            for stored in self._selected(target, query):
                watcher.lines.append(encoder("ADDED", stored))
            if initial:
                watcher.lines.append(self._bookmark(target, ends_initial=True))
        elif missed is None:
            gone = statuses.expired(since, store.oldest(target.plural)).status()
            watcher.lines.append(encode({"type": "ERROR", "object": gone}) + b"\n")
            watcher.overrun = True
        for change in missed or ():
            watcher.offer(change, {})
        self._watches.add(watcher)
        try:
            bookmarks = query.get("allowWatchBookmarks", "") == "true"
            async with asyncio.timeout(cut_after):
                return await self._stream(request, watcher, target, seconds, bookmarks=bookmarks)
        except TimeoutError:
            raise CutError from None
        finally:
            self._watches.remove(watcher)

    async def _stream(
        self, request: web.Request, watcher: Watcher, target: Target, seconds: float, *, bookmarks: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/json"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        try:
            while True:
                watcher.wake.clear()
                if watcher.lines:
                    lines = b"".join(watcher.lines)
                    watcher.lines.clear()
                    await response.write(lines)
                    continue
                if watcher.overrun or loop.time() >= ends:
                    break
                try:
                    async with asyncio.timeout(min(BOOKMARK_SECONDS, ends - loop.time())):
                        await watcher.wake.wait()
                except TimeoutError:
                    if bookmarks and not watcher.lines:
                        watcher.lines.append(self._bookmark(target))
            await response.write_eof()
        except ConnectionResetError:
            pass
        return response

    def _bookmark(self, target: Target, *, ends_initial: bool = False) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(self._api.store.revision), "creationTimestamp": None}
        if ends_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        marked = {"kind": target.kind.kind, "apiVersion": target.kind.api_version, "metadata": metadata}
        return encode({"type": "BOOKMARK", "object": marked}) + b"\n"


def _selector(target: Target, query: Mapping[str, str]) -> Selector:
    selector = parse_selector(target.plural, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    return replace(selector, name=target.name) if target.name else selector


def _account(request: web.Request) -> str:
    """Whose request it is; empty for the administrator's."""
    return request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")


def _strike_after(fault: Fault) -> Answer:
    if fault.status is None:
        raise CutError
    lost = StatusError(fault.status, fault.message or "the answer was lost", retry_after=fault.retry_after)
    return _refusal(lost)


def _refusal(error: StatusError) -> Answer:
    return Answer(error.code, json.dumps(error.status()).encode(), error.retry_after)


def _response(answer: Answer) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: "application/json"}
    if answer.retry_after is not None:
        headers[hdrs.RETRY_AFTER] = str(answer.retry_after)
    return web.Response(status=answer.status, body=answer.body, headers=headers)
