"""Where a notice goes is the platform document's word on the worker, and its URL stays there."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.decisions import UNAVAILABLE, Pace
from activities.notify import NoticeSteps
from clients.kube_ovn.secret import secret_reader
from tenancy.notices import Notice
from tests.clients.stand_in import StandIn, absent, client_of, stand_in
from tests.tenancy.documents import raw_platform

TOKEN = "T0kenThatNobodyMaySee"
NOTICE = Notice(
    kind="asked",
    tenant="acme",
    run="run-1",
    vlan=120,
    plan="f" * 64,
    requested_by="anna",
    approvers=("olga", "oskar"),
    since="2026-11-24 12:00:00 UTC",
    expires="2026-12-01 12:00:00 UTC",
    switches=("leaf-1",),
    signed=True,
)


def platform_file(folder: Path, *notify: dict[str, Any]) -> Path:
    vlan = {
        "providerNetwork": "tenants",
        "range": {"first": 100, "last": 200},
        "switches": [
            {
                "name": "leaf-1",
                "platform": "cisco-ios",
                "host": "leaf-1.example.net",
                "credentials": "net",
                "trunks": ["GigabitEthernet1/0/1"],
            }
        ],
        "credentials": [{"name": "net", "username": "berth", "password": {"environment": "BERTH_TEST_PASSWORD"}}],
        "approval": {"approvers": ["olga", "oskar"], "notify": list(notify)},
    }
    file = folder / "platform.yaml"
    file.write_text(json.dumps(raw_platform(mode="vlan", vlan=vlan)))
    return file


def secret(folder: Path, url: str) -> dict[str, Any]:
    file = folder / "url"
    file.write_text(f"{url}\n")
    file.chmod(0o600)
    return {"file": str(file)}


@asynccontextmanager
async def service(received: list[Any], status: int = 200) -> AsyncIterator[StandIn]:
    """A webhook, and beside it an API server with one Secret."""

    async def respond(request: web.Request) -> web.Response:
        if request.path == "/api/v1/namespaces/berth/secrets/hooks":
            url = f"json://{request.host}/{TOKEN}/from-kubernetes"
            data = {"url": base64.b64encode(url.encode()).decode(), "broken": "!"}
            metadata = {"name": "hooks", "namespace": "berth", "uid": "uid-hooks"}
            return web.json_response({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        if request.path.startswith("/api/"):
            return absent("secrets", request.path.rsplit("/", 1)[1])
        received.append(await request.json())
        return web.Response(status=status)

    async with stand_in(respond) as running:
        yield running


async def run(file: Path, server: StandIn) -> Any:
    async with client_of(server.url) as kube:
        steps = NoticeSteps(file, secret_reader(kube), Pace())
        return await ActivityEnvironment().run(steps.notify, NOTICE)


async def test_every_place_is_told_who_asks_for_what_and_how_to_decide(tmp_path: Path) -> None:
    received: list[Any] = []
    async with service(received) as server:
        host = server.url.removeprefix("http://")
        kubernetes = {"secret": {"namespace": "berth", "name": "hooks", "key": "url"}}
        file = platform_file(tmp_path, secret(tmp_path, f"json://{host}/{TOKEN}"), kubernetes)
        assert await run(file, server) == 2
    assert {one["title"] for one in received} == {"Berth: VLAN 120 for tenant acme waits for approval"}
    for part in ("Requested by: anna", f"Plan: {'f' * 64}", "olga, oskar", "berth approve acme --key FILE", "leaf-1"):
        assert part in received[0]["message"]


@pytest.mark.parametrize(
    ("key", "why"),
    [("none", "it has no key none"), ("broken", "key broken is no text in UTF-8")],
)
async def test_a_secret_that_is_not_there_is_named(tmp_path: Path, key: str, why: str) -> None:
    async with service([]) as server:
        file = platform_file(tmp_path, {"secret": {"namespace": "berth", "name": "hooks", "key": key}})
        with pytest.raises(ApplicationError, match=why):
            await run(file, server)
        file = platform_file(tmp_path, {"secret": {"namespace": "berth", "name": "others", "key": key}})
        with pytest.raises(ApplicationError, match="Secret berth/others: there is no such Secret"):
            await run(file, server)


async def test_a_place_that_fails_is_told_without_its_url_and_may_be_tried_again(tmp_path: Path) -> None:
    async with service([], status=503) as server:
        url = f"json://{server.url.removeprefix('http://')}/{TOKEN}"
        with pytest.raises(ApplicationError) as failed:
            await run(platform_file(tmp_path, secret(tmp_path, url)), server)
    assert (failed.value.type, failed.value.non_retryable) == (UNAVAILABLE, False)
    assert failed.value.message.startswith(f"notify entry 1 (file {tmp_path}/url): did not take the notice")
    assert TOKEN not in repr(failed.value)


async def test_where_the_document_names_no_place_nothing_is_sent(tmp_path: Path) -> None:
    async with service([]) as server:
        assert await run(platform_file(tmp_path), server) == 0
        assert server.requests == []
