"""Waiting for readiness: by watch, through every way a watch can end, with a deadline that explains itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import READINESS, KubeOvn, transport, waiting
from lab.kube import KubeSimulator
from tenancy.kinds import SUBNET, VPC, Object
from tests.clients.manifests import subnet, vpc
from tests.clients.stand_in import StandIn, client_of, cut, for_ever, stand_in, status
from tests.clients.stand_in import vpc as served_vpc


async def ready_vpc(kube: KubeOvn, deadline: float = 30, **more: Any) -> Object:
    how = READINESS["Vpc"]
    return await kube.wait_until(VPC, "acme", ready=how.ready, likely=how.likely, deadline=deadline, **more)


async def test_readiness_that_comes_late_is_seen_by_one_watch(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="late", plural="vpcs", seconds=0.3)
    await kube.create(vpc())
    found = await ready_vpc(kube)
    assert found["status"]["standby"] is True
    assert [call.verb for call in platform.calls if call.verb != "watch"] == ["create", "list"]


async def test_what_is_ready_needs_no_watch(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.create(vpc())
    await platform.settled()
    await ready_vpc(kube)
    assert [call.verb for call in platform.calls] == ["create", "list"]


async def test_a_subnet_in_silence_is_explained_by_both_silent_causes(kube: KubeOvn) -> None:
    await kube.create(subnet(vpc="never-made"))
    how = READINESS["Subnet"]
    with pytest.raises(UnavailableError) as caught:
        await kube.wait_until(SUBNET, "acme--a", ready=how.ready, likely=how.likely, deadline=0.2)
    said = str(caught.value)
    assert said.startswith("Subnet acme--a: not ready after 0.2 s: condition Ready is missing")
    assert "VPC is not standby" in said
    assert "spec.namespaces" in said
    assert said.isprintable()


async def test_a_policy_out_of_range_is_among_the_likely_causes_of_a_silent_vpc(kube: KubeOvn) -> None:
    await kube.create(vpc(policyRoutes=[{"priority": 40000, "match": "ip4.dst == 192.0.2.0/24", "action": "drop"}]))
    with pytest.raises(UnavailableError, match=r"status\.standby.*priority outside 0-32767"):
        await ready_vpc(kube, deadline=0.2)


async def test_an_object_that_is_not_there_is_not_waited_for(kube: KubeOvn) -> None:
    with pytest.raises(UnavailableError, match="Vpc acme: is not there"):
        await ready_vpc(kube)


async def test_an_object_that_somebody_deletes_meanwhile_is_not_waited_for(
    kube: KubeOvn, platform: KubeSimulator
) -> None:
    await kube.create(vpc())
    await platform.settled()

    def deleted_under_our_eyes(found: Object) -> str:
        platform.api.delete("vpcs", "acme")
        return "everything"

    with pytest.raises(UnavailableError, match="Vpc acme: is being deleted"):
        await kube.wait_until(VPC, "acme", ready=deleted_under_our_eyes, deadline=30, likely="-")


async def test_progress_is_reported_with_the_reason_while_nothing_happens(
    kube: KubeOvn, platform: KubeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PROGRESS_SECONDS", 0.01)
    platform.faults.add(effect="never-ready", plural="vpcs")
    await kube.create(vpc())
    heard: list[str] = []
    third = asyncio.Event()

    def progress(reason: str) -> None:
        heard.append(reason)
        if len(heard) >= 3:
            third.set()

    waits = asyncio.create_task(ready_vpc(kube, progress=progress))
    await third.wait()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert heard[-1].startswith("Vpc acme: status.standby is")


async def test_progress_is_reported_even_while_the_server_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PROGRESS_SECONDS", 0.01)
    heard: list[str] = []
    async with stand_in(for_ever) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match=r"not ready after 0\.2 s: not seen yet"):
            await ready_vpc(kube, deadline=0.2, progress=heard.append)
    assert len(heard) > 3
    assert set(heard) == {"Vpc acme: not seen yet"}
    reported = len(heard)
    await asyncio.sleep(0.05)
    assert len(heard) == reported, "nothing is reported once the wait is over"


def served(ready: bool, version: str) -> Object:
    return {**served_vpc(resourceVersion=version), "status": {"standby": ready, "router": "acme"}}


def event(kind: str, found: Object) -> bytes:
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


@asynccontextmanager
async def watched(watches: list[Any]) -> AsyncIterator[StandIn]:
    """A server with an unready Vpc. Each watch gets the next of `watches`: lines to send, or what to do instead."""
    opened = 0

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal opened
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "5"}, "items": [served(False, "5")]})
        assert request.query["resourceVersion"] == "5"
        assert request.query["fieldSelector"] == "metadata.name=acme"
        turn = watches[min(opened, len(watches) - 1)]
        opened += 1
        if callable(turn):
            answer: web.StreamResponse = turn(request)
            return answer
        response = web.StreamResponse()
        await response.prepare(request)
        for line in turn:
            await response.write(line)
        return response

    async with stand_in(respond) as server:
        yield server


GONE = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})
READY = [event("BOOKMARK", {"metadata": {"resourceVersion": "8"}}), event("MODIFIED", served(True, "9"))]
ENDINGS = {
    "ended by the server": [],
    "too old, as an event": [GONE],
    "too old, as an answer": lambda _: status(410, "Expired", "too old"),
    "cut before the answer": cut,
    "cut in the middle of an event": [READY[1][:40]],
    "not JSON": [b"<html>\n"],
    "no event": [b'{"kind": "Status"}\n'],
    "an event without an object": [event("MODIFIED", {"metadata": "odd"})],
    "unavailable": lambda _: status(503, "ServiceUnavailable", "later"),
    "a proxy's page": lambda _: web.Response(status=502, text="<html>bad gateway</html>"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_watch_that_ends_this_way_is_followed_by_a_new_list(ending: str) -> None:
    async with watched([ENDINGS[ending], READY]) as server, client_of(server.url) as kube:
        assert (await ready_vpc(kube))["metadata"]["resourceVersion"] == "9"
        assert ["watch" in request for request in server.requests] == [False, True, False, True]


async def test_the_event_of_its_deletion_ends_the_wait() -> None:
    async with watched([[event("DELETED", served(False, "9"))]]) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match="Vpc acme: is not there"):
            await ready_vpc(kube)


async def test_an_event_about_another_object_decides_nothing() -> None:
    other = {**served_vpc("other"), "status": {"standby": True, "router": "other"}}
    async with watched([[event("MODIFIED", other), *READY]]) as server, client_of(server.url) as kube:
        assert (await ready_vpc(kube))["metadata"]["name"] == "acme"


async def test_a_watch_that_always_breaks_does_not_hammer_the_server_and_is_named_at_the_deadline() -> None:
    async with watched([cut]) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match=r"status\.standby is False.*the last watch broke"):
            await ready_vpc(kube, deadline=1)
        assert len(server.requests) <= 14


async def test_the_end_of_a_watch_is_asked_of_the_server_and_a_dead_peer_is_noticed() -> None:
    watches = 0

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal watches
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "5"}, "items": [served(watches > 0, "5")]})
        assert request.query["timeoutSeconds"] == "1"
        watches += 1
        return await for_ever(request)

    async with stand_in(respond) as server, client_of(server.url, watch_timeout=1, request_timeout=0.5) as kube:
        await ready_vpc(kube)
        assert watches == 1


async def test_a_server_that_is_really_away_ends_the_wait() -> None:
    async def respond(_: web.Request) -> web.Response:
        return status(503, "ServiceUnavailable", "etcd is away")

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError, match="etcd is away"):
            await ready_vpc(kube)
        assert len(server.requests) == 1


async def test_a_missing_right_to_watch_ends_the_wait(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="never-ready", plural="vpcs")
    platform.faults.add(effect="refuse", verb="watch", status=403)
    await kube.create(vpc())
    with pytest.raises(RefusedError, match="cannot watch Vpc acme"):
        await ready_vpc(kube)


async def test_what_kube_ovn_makes_itself_may_still_have_to_appear(kube: KubeOvn, platform: KubeSimulator) -> None:
    waits = asyncio.create_task(ready_vpc(kube, appears=True))
    await kube.create(vpc())
    assert (await waits)["status"]["standby"] is True


async def test_waits_that_hold_every_watch_do_not_keep_another_from_seeing_what_is_ready(
    platform: KubeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TURN_SECONDS", 0.05)
    async with client_of(platform.url, pool_size=4) as kube:
        stuck = [f"stuck{number}" for number in range(3)]
        for name in (*stuck, "acme"):
            platform.faults.add(
                effect="late" if name == "acme" else "never-ready", plural="vpcs", name=name, seconds=0.3
            )
            await kube.create(vpc(name))
        how = READINESS["Vpc"]
        waits = [
            asyncio.create_task(kube.wait_until(VPC, name, ready=how.ready, likely=how.likely, deadline=60))
            for name in stuck
        ]
        while not kube._transport._watches.locked():  # noqa: ASYNC110  # a semaphore tells nobody that it is used up
            await asyncio.sleep(0.01)

        await ready_vpc(kube, deadline=20)

        assert not any(wait.done() for wait in waits)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
