"""Faults on request: what the caller sees, and what happened behind it."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.lab.kube.caller import DROP, Caller, path_of

VPC = {"metadata": {"name": "red"}, "spec": {"policyRoutes": [DROP]}}


async def _add(caller: Caller, **fault: Any) -> str:
    answer = await caller.call("POST", "/_lab/faults", fault)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


async def test_a_refusal_acts_on_nothing_and_is_a_real_status(caller: Caller) -> None:
    await _add(caller, effect="refuse", verb="create", plural="vpcs", status=422, message="not today")
    answer = await caller.call("POST", path_of("vpcs"), VPC)
    assert (answer.status, answer.body["reason"], answer.body["message"]) == (422, "Invalid", "not today")
    assert not await caller.exists("vpcs", "red")


@pytest.mark.parametrize(("status", "reason"), [(500, "InternalError"), (503, "ServiceUnavailable")])
async def test_an_error_strikes_as_often_as_it_was_asked_to(caller: Caller, status: int, reason: str) -> None:
    identity = await _add(caller, effect="error", plural="vpcs", status=status, times=2, retryAfter=3)
    for _ in range(2):
        answer = await caller.call("GET", path_of("vpcs", "ovn-cluster"))
        assert (answer.status, answer.body["reason"], answer.headers["Retry-After"]) == (status, reason, "3")
        assert answer.body["details"]["retryAfterSeconds"] == 3
    assert (await caller.call("GET", path_of("vpcs", "ovn-cluster"))).status == 200
    assert caller.kube.faults.struck(identity) == 2


async def test_a_lost_answer_has_acted(caller: Caller) -> None:
    await _add(caller, effect="lose-answer", verb="create", name="r*", times=1)
    with pytest.raises(aiohttp.ClientError):
        await caller.call("POST", path_of("vpcs"), VPC)
    assert await caller.exists("vpcs", "red")


async def test_a_lost_answer_may_be_an_error_of_a_gateway(caller: Caller) -> None:
    await _add(caller, effect="lose-answer", verb="create", status=504, times=1)
    assert (await caller.call("POST", path_of("vpcs"), VPC)).status == 504
    assert await caller.exists("vpcs", "red")


async def test_a_watch_can_be_cut_while_it_is_open(caller: Caller) -> None:
    await _add(caller, effect="lose-answer", verb="watch", seconds=0.2, times=1)
    async with caller.http.get(path_of("vlans"), params={"watch": "true"}) as answer:
        assert b'"ADDED"' in await answer.content.readline()
        with pytest.raises(aiohttp.ClientError):
            await answer.content.readline()
    assert (await caller.call("GET", path_of("vlans"))).status == 200


async def test_a_dropped_call_has_not_acted(caller: Caller) -> None:
    await _add(caller, effect="drop", verb="create", times=1)
    with pytest.raises(aiohttp.ClientError):
        await caller.call("POST", path_of("vpcs"), VPC)
    assert not await caller.exists("vpcs", "red")


async def test_a_slow_call_is_answered_all_the_same(caller: Caller) -> None:
    await _add(caller, effect="slow", verb="get", seconds=0.2)
    began = time.monotonic()
    assert (await caller.call("GET", path_of("vpcs", "ovn-cluster"))).status == 200
    assert time.monotonic() - began >= 0.2


async def test_a_call_that_hangs_is_never_answered_and_holds_nothing_up(caller: Caller) -> None:
    identity = await _add(caller, effect="hang", verb="create", times=1)
    hanging = asyncio.ensure_future(caller.call("POST", path_of("vpcs"), VPC))
    await caller.kube.faults.striking(identity)
    assert (await caller.call("GET", path_of("vpcs", "ovn-cluster"))).status == 200
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert not await caller.exists("vpcs", "red")


async def test_a_fault_can_let_the_first_calls_pass(caller: Caller) -> None:
    await _add(caller, effect="error", verb="get", plural="vpcs", skip=1, times=1)
    answers = [(await caller.call("GET", path_of("vpcs", "ovn-cluster"))).status for _ in range(3)]
    assert answers == [200, 500, 200]


@pytest.mark.parametrize(
    "fault", [{"effect": "explode"}, {"effect": "error", "status": 200}, {"effect": "slow", "sceonds": 1}, {}]
)
async def test_a_fault_the_lab_does_not_know_is_refused(caller: Caller, fault: dict[str, Any]) -> None:
    answer = await caller.call("POST", "/_lab/faults", fault)
    assert answer.status == 400
    assert caller.kube.faults.listed() == []


async def test_faults_are_listed_and_removed(caller: Caller) -> None:
    first = await _add(caller, effect="error", plural="vpcs")
    second = await _add(caller, effect="never-ready", plural="subnets", name="red--*")
    listed = (await caller.call("GET", "/_lab/faults")).body
    assert [(each["id"], each["effect"]) for each in listed] == [(first, "error"), (second, "never-ready")]
    assert (await caller.call("DELETE", f"/_lab/faults/{first}")).status == 200
    assert (await caller.call("DELETE", f"/_lab/faults/{first}")).status == 404
    assert (await caller.call("DELETE", "/_lab/faults")).status == 200
    assert (await caller.call("GET", "/_lab/faults")).body == []


@pytest.mark.parametrize(
    ("plural", "name", "spec", "ready"),
    [
        ("vpcs", "red", {}, "standby"),
        ("ovn-eips", "e", {"externalSubnet": "external"}, "ready"),
        ("provider-networks", "other", {"defaultInterface": "eth9"}, "ready"),
    ],
)
async def test_an_object_can_be_kept_from_being_ready_until_the_fault_goes(
    caller: Caller, plural: str, name: str, spec: dict[str, Any], ready: str
) -> None:
    identity = await _add(caller, effect="never-ready", plural=plural, name=name)
    await caller.create(plural, name, spec)
    assert not (await caller.status(plural, name)).get(ready)
    await caller.call("DELETE", f"/_lab/faults/{identity}")
    await caller.kube.settled()
    assert (await caller.status(plural, name))[ready] is True


async def test_a_late_object_is_ready_after_its_extra_time(caller: Caller) -> None:
    await _add(caller, effect="late", plural="vpcs", name="red", seconds=0.3)
    began = time.monotonic()
    await caller.create("vpcs", "red", {})
    assert (await caller.status("vpcs", "red"))["standby"] is True
    assert time.monotonic() - began >= 0.3


async def test_a_stuck_finalizer_keeps_an_object_until_the_fault_goes(caller: Caller) -> None:
    await caller.create("vpcs", "red", {})
    await _add(caller, effect="stuck-finalizer", plural="vpcs", name="red")
    await caller.delete("vpcs", "red")
    assert await caller.exists("vpcs", "red")
    assert (await caller.call("GET", "/_lab/waiting")).body == {"admit vpcs/red": "a fault keeps its finalizer"}
    await caller.call("DELETE", "/_lab/faults")
    await caller.kube.settled()
    assert not await caller.exists("vpcs", "red")


async def test_a_paused_controller_does_nothing_and_catches_up(caller: Caller) -> None:
    identity = await _add(caller, effect="paused")
    await caller.create("vpcs", "red", {})
    assert "finalizers" not in (await caller.get("vpcs", "red"))["metadata"]
    await caller.call("DELETE", f"/_lab/faults/{identity}")
    await caller.kube.settled()
    assert (await caller.status("vpcs", "red"))["standby"] is True


async def test_an_access_review_says_what_a_refusal_would_do(caller: Caller) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "create", "group": "kubeovn.io", "resource": "vpcs"}}}
    assert (await caller.call("POST", path, asked)).body["status"]["allowed"] is True
    await _add(caller, effect="refuse", verb="create", plural="vpcs", times=1)
    for _ in range(2):
        assert (await caller.call("POST", path, asked)).body["status"]["allowed"] is False
    assert (await caller.call("POST", path_of("vpcs"), VPC)).status == 403


async def test_every_call_is_on_record(caller: Caller) -> None:
    await caller.call("DELETE", "/_lab/calls")
    await caller.create("configmaps", "c", namespace="default")
    await caller.call("GET", path_of("vpcs", "nothing"))
    await _add(caller, effect="drop", verb="create", times=1)
    with pytest.raises(aiohttp.ClientError):
        await caller.call("POST", path_of("vpcs"), VPC)
    calls = (await caller.call("GET", "/_lab/calls")).body
    seen = [(call["verb"], call["plural"], call["namespace"], call["name"], call["status"]) for call in calls]
    assert seen == [
        ("create", "configmaps", "default", "c", 201),
        ("get", "vpcs", "", "nothing", 404),
        ("create", "vpcs", "", "red", 0),
    ]
