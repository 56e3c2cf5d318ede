"""One request: each failure seen once, told by kind, and nothing left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import KubeOvn
from tenancy.kinds import CONFIG_MAP, SUBNET, VPC
from tests.clients.stand_in import client_of, cut, for_ever, self_signed, stand_in, status, vpc


async def test_a_server_that_refuses_connections_is_worth_another_try() -> None:
    async with stand_in(for_ever) as gone:
        pass
    async with client_of(gone.url) as kube:
        with pytest.raises(UnavailableError, match=rf"cannot get Vpc acme: {gone.url} does not answer") as caught:
            await kube.get(VPC, "acme")
        assert caught.value.__cause__ is not None


OWN = {"berth.network/tenant": "acme"}
VERBS: dict[str, tuple[str, Callable[[KubeOvn], Awaitable[object]]]] = {
    "get": ("GET", lambda kube: kube.get(VPC, "acme")),
    "create": ("POST", lambda kube: kube.create(vpc())),
    "replace": ("PUT", lambda kube: kube.edit(VPC, "acme", lambda found: {**found, "spec": {"enableExternal": True}})),
    "delete": ("DELETE", lambda kube: kube.remove(VPC, "acme", tenant="acme", run=None, deadline=5)),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_dropped_connection_is_seen_after_one_request(verb: str) -> None:
    method, call = VERBS[verb]

    async def respond(request: web.Request) -> web.Response:
        if request.method == method and len(server.requests) > 1:
            return cut(request)
        return web.json_response(vpc(labels=OWN))

    async with stand_in(respond) as server, client_of(server.url) as kube:
        # On a connection that was used before, aiohttp would try again by itself.
        await kube.get(VPC, "acme")
        with pytest.raises(UnavailableError, match="does not answer"):
            await call(kube)
        assert [request.split()[0] for request in server.requests[1:]].count(method) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html>504</html>",
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"metadata": "none"}',
        b'{"kind": "Vpc"}',
    ],
    ids=["html", "empty", "list", "null", "not-text", "deep", "odd-metadata", "no-metadata"],
)
async def test_an_answer_nobody_can_read_is_worth_another_try(body: bytes) -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match="proxy") as caught:
            await kube.get(VPC, "acme")
        assert len(str(caught.value)) < 400
        with pytest.raises(UnavailableError, match="proxy"):
            await kube.list(VPC)
        with pytest.raises(UnavailableError, match="proxy"):
            await kube.create(vpc())


async def test_an_answer_about_another_object_is_not_believed() -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.json_response(vpc("other"))

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match="not Vpc acme"):
            await kube.get(VPC, "acme")


async def test_a_list_with_items_that_are_no_objects_is_not_believed() -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [7]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match="no list"):
            await kube.list(VPC)


async def test_a_server_that_never_answers_is_given_up_after_the_request_timeout() -> None:
    async with stand_in(for_ever) as server, client_of(server.url, request_timeout=0.05) as kube:
        with pytest.raises(UnavailableError, match=r"no answer within 0\.05 s"):
            await kube.get(VPC, "acme")


@pytest.mark.parametrize("code", [429, 503])
async def test_the_time_the_server_asks_to_wait_is_kept(code: int) -> None:
    async def respond(_: web.Request) -> web.Response:
        answer = status(code, "TooManyRequests", "try later")
        answer.headers["Retry-After"] = "17"
        return answer

    async with stand_in(respond) as server, client_of(server.url) as kube:
        for attempt in (kube.get(VPC, "acme"), kube.list(VPC), kube.create(vpc())):
            with pytest.raises(UnavailableError) as caught:
                await attempt
            assert caught.value.retry_after == 17
        assert len(server.requests) == 3


async def test_a_long_list_is_read_in_chunks_and_started_anew_when_the_server_forgets() -> None:
    forgotten = False

    async def respond(request: web.Request) -> web.Response:
        nonlocal forgotten
        assert request.query["limit"] == "500"
        if request.query.get("continue") == "a+b/=":
            if not forgotten:
                forgotten = True
                return status(410, "Expired", "too old")
            return web.json_response({"metadata": {"resourceVersion": "9"}, "items": [vpc("b")]})
        metadata = {"resourceVersion": "9", "continue": "a+b/="}
        return web.json_response({"metadata": metadata, "items": [vpc("a")]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        assert [found["metadata"]["name"] for found in await kube.list(VPC)] == ["a", "b"]
        assert len(server.requests) == 4


async def test_items_of_a_built_in_kind_say_what_they_are_and_labels_select_them() -> None:
    async def respond(request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == "berth.network/tenant=acme,x=y"
        item = {"metadata": {"name": "n", "uid": "u"}}
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": [item]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        [found] = await kube.list(CONFIG_MAP, namespace="t", labels={"berth.network/tenant": "acme", "x": "y"})
        assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")


async def test_fifty_calls_at_once_share_the_connections_of_one_pool() -> None:
    async def respond(_: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        return web.json_response(vpc())

    async with stand_in(respond) as server, client_of(server.url, pool_size=8) as kube:
        found = await asyncio.gather(*(kube.get(VPC, "acme") for _ in range(50)))
        assert found == [vpc()] * 50
        assert server.most_connections == 8


async def test_waits_never_take_the_whole_pool() -> None:
    three_watch = asyncio.Event()
    watches = 0

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal watches
        if "watch" in request.query:
            watches += 1
            if watches == 3:
                three_watch.set()
            return await for_ever(request)
        if request.path.endswith("/vpcs"):
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [vpc()]})
        return web.json_response(vpc())

    async with stand_in(respond) as server, client_of(server.url, pool_size=4) as kube:
        waits = [
            asyncio.create_task(kube.wait_until(VPC, "acme", ready=lambda _: "no", deadline=30, likely="nothing"))
            for _ in range(12)
        ]
        await three_watch.wait()
        assert await asyncio.gather(*(kube.get(VPC, "acme") for _ in range(20))) == [vpc()] * 20
        assert watches == 3
        assert server.most_connections == 4
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def never_ready(kube: KubeOvn) -> Coroutine[Any, Any, object]:
    return kube.wait_until(VPC, "acme", ready=lambda _: "no", deadline=30, likely="-", progress=lambda _: None)


@pytest.mark.parametrize("call", [lambda kube: kube.get(VPC, "acme"), never_ready], ids=["a request", "a wait"])
async def test_a_cancelled_call_leaves_neither_task_nor_connection(
    call: Callable[[KubeOvn], Coroutine[Any, Any, object]],
) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/vpcs") and "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [vpc()]})
        asked.set()
        try:
            return await for_ever(request)
        finally:
            left.set()

    async with stand_in(respond) as server, client_of(server.url) as kube:
        before = asyncio.all_tasks()
        task = asyncio.create_task(call(kube))
        await asked.wait()
        of_the_server = asyncio.all_tasks() - before - {task}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() - before - of_the_server == set()
        await left.wait()


async def test_kube_ovn_not_installed_is_not_taken_for_an_absent_subnet() -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=404, text="404 page not found\n")

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(RefusedError, match="does not serve subnets"):
            await kube.get(SUBNET, "acme--a")


async def test_a_certificate_nobody_vouches_for_is_refused_and_its_ca_makes_it_good(tmp_path: Path) -> None:
    context, ca = self_signed(tmp_path)

    async def respond(_: web.Request) -> web.Response:
        return web.json_response(vpc())

    async with stand_in(respond, context) as server:
        async with client_of(server.url) as kube:
            with pytest.raises(RefusedError, match="not to be trusted") as caught:
                await kube.get(VPC, "acme")
            assert caught.value.reason == "certificate"
        assert server.requests == []
        async with client_of(server.url, ca_file=ca) as kube:
            assert await kube.get(VPC, "acme") == vpc()


@pytest.mark.parametrize("verb", ["create", "replace", "delete"])
async def test_a_write_that_is_cancelled_ends_only_with_what_comes_of_it(verb: str) -> None:
    method, call = VERBS[verb]
    asked, answer = asyncio.Event(), asyncio.Event()

    async def respond(request: web.Request) -> web.Response:
        if request.method == method:
            asked.set()
            await answer.wait()
        return web.json_response(vpc(labels=OWN))

    async with stand_in(respond) as server, client_of(server.url) as kube:
        writing = asyncio.ensure_future(call(kube))
        await asked.wait()

        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        done, _ = await asyncio.wait({writing}, timeout=0.05)

        assert not done
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await writing


async def test_a_read_that_is_cancelled_ends_at_once() -> None:
    asked = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await for_ever(request)

    async with stand_in(respond) as server, client_of(server.url) as kube:
        reading = asyncio.ensure_future(kube.get(VPC, "acme"))
        await asked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_a_proxy_that_refuses_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://svc-berth:hunter2@127.0.0.1:{port}")
        async with client_of("https://192.0.2.10:6443") as kube:
            with pytest.raises(UnavailableError, match="407 Proxy Authentication Required") as caught:
                await kube.get(VPC, "acme")
    assert "hunter2" not in str(caught.value)
