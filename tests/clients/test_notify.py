"""Notices go out over real HTTP; what fails is named without its URL, in the answer and in every log."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from clients.notify import Place, send
from tests.clients.stand_in import StandIn, stand_in

TOKEN = "T0kenThatNobodyMaySee"  # what a URL holds


@pytest.fixture
def received() -> list[Any]:
    return []


@pytest.fixture
async def service(received: list[Any]) -> AsyncIterator[StandIn]:
    async def respond(request: web.Request) -> web.Response:
        received.append(await request.json())
        return web.Response(status=500 if "broken" in request.path else 200)

    async with stand_in(respond) as running:
        yield running


def place(service: StandIn, path: str, number: int = 1) -> Place:
    host = service.url.removeprefix("http://")
    return Place(number, f"file /run/{number}", f"json://user:{TOKEN}@{host}/{path}/{TOKEN}")


async def test_a_notice_reaches_every_place_once(service: StandIn, received: list[Any]) -> None:
    assert await send([place(service, "one"), place(service, "two", 2)], "VLAN 120", "Tenant: acme\nPlan: 1") == []
    assert [(one["title"], one["message"]) for one in received] == [("VLAN 120", "Tenant: acme\nPlan: 1")] * 2
    assert sorted(request.split("/")[1] for request in service.requests) == ["one", "two"]


async def test_a_place_that_fails_does_not_keep_the_others_from_theirs(
    service: StandIn, received: list[Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, "aiohttp.access")  # of the service
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    places = [
        place(service, "broken"),
        Place(2, "environment variable B", f"nonsense {TOKEN}"),
        Place(3, "environment variable C", f"slack://{TOKEN}"),
        Place(4, "environment variable D", f"json://127.0.0.1:1/{TOKEN}"),
        Place(5, "environment variable E", f"json://127.0.0.1:1/{TOKEN}, json://127.0.0.1:1/x"),
        place(service, "good", 6),
    ]

    failures = await send(places, "VLAN 120", "Tenant: acme")

    assert [line.split(":")[0] for line in failures] == [
        "notify entry 1 (file /run/1)",
        "notify entry 2 (environment variable B)",
        "notify entry 3 (environment variable C)",
        "notify entry 4 (environment variable D)",
        "notify entry 5 (environment variable E)",
    ]
    assert "did not take the notice" in failures[0]
    assert "no URL that Apprise knows" in failures[1]
    assert len(received) == 2
    written = capfd.readouterr()
    for text in (*failures, caplog.text, repr(places), written.out, written.err):
        assert TOKEN not in text
