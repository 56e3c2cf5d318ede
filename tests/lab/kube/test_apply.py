"""Server-side apply: who owns a field decides what another apply does to it."""

from typing import Any

from tests.lab.kube.caller import DROP, Answer, Caller, path_of

ALLOW = {"priority": 32100, "match": "ip4.dst == 203.0.113.7/32", "action": "allow"}


async def _apply(caller: Caller, manager: str, manifest: dict[str, Any], **query: str) -> Answer:
    headers = {"Content-Type": "application/apply-patch+yaml"}
    body = {"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": "red"}, **manifest}
    params = {"fieldManager": manager, **query}
    answer = await caller.call("PATCH", path_of("vpcs", "red"), body, headers=headers, params=params)
    await caller.kube.settled()
    return answer


async def test_an_apply_creates_and_the_next_one_removes_what_it_leaves_out(caller: Caller) -> None:
    spec = {"namespaces": ["red"], "enableBfd": True}
    labels = {"a": "b", "c": "d"}
    assert (await _apply(caller, "me", {"metadata": {"name": "red", "labels": labels}, "spec": spec})).status == 201
    await caller.merge("vpcs", "red", {"metadata": {"labels": {"e": "f"}}})
    answer = await _apply(
        caller, "me", {"metadata": {"name": "red", "labels": {"a": "b"}}, "spec": {"enableBfd": True}}
    )
    assert answer.status == 200
    assert answer.body["metadata"]["labels"] == {"a": "b", "e": "f"}
    assert "namespaces" not in answer.body["spec"]


async def test_an_apply_twice_changes_nothing(caller: Caller) -> None:
    await _apply(caller, "me", {"spec": {"policyRoutes": [DROP]}})
    before = await caller.get("vpcs", "red")
    assert (await _apply(caller, "me", {"spec": {"policyRoutes": [DROP]}})).body == before


async def test_a_list_is_one_value(caller: Caller) -> None:
    await _apply(caller, "me", {"spec": {"policyRoutes": [DROP, ALLOW]}})
    answer = await _apply(caller, "me", {"spec": {"policyRoutes": [ALLOW]}})
    assert answer.body["spec"]["policyRoutes"] == [ALLOW]


async def test_another_managers_value_is_a_conflict_unless_forced(caller: Caller) -> None:
    await _apply(caller, "me", {"spec": {"policyRoutes": [DROP], "namespaces": ["red"]}})
    refused = await _apply(caller, "you", {"spec": {"policyRoutes": []}})
    assert (refused.status, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["details"]["causes"][0]["field"] == ".spec.policyRoutes"
    assert (await _apply(caller, "you", {"spec": {"policyRoutes": []}}, force="true")).status == 200
    # What was taken over is no longer removed by its former owner.
    answer = await _apply(caller, "me", {"spec": {"namespaces": ["red"]}})
    assert answer.body["spec"]["policyRoutes"] == []


async def test_managers_may_agree(caller: Caller) -> None:
    await _apply(caller, "me", {"spec": {"policyRoutes": [DROP], "enableBfd": True}})
    assert (await _apply(caller, "you", {"spec": {"policyRoutes": [DROP]}})).status == 200
    answer = await _apply(caller, "me", {"spec": {"enableBfd": True}})
    assert answer.body["spec"]["policyRoutes"] == [DROP]


async def test_an_apply_names_its_manager(caller: Caller) -> None:
    headers = {"Content-Type": "application/apply-patch+yaml"}
    answer = await caller.call("PATCH", path_of("vpcs", "red"), {"metadata": {"name": "red"}}, headers=headers)
    assert answer.status == 400
