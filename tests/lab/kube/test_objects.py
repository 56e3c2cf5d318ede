"""Create, update, patch and delete: what an API server promises about objects."""

from typing import Any

import pytest

from tests.lab.kube.caller import DROP, Caller, path_of

VPC = {"namespaces": ["red"], "policyRoutes": [DROP]}


async def test_a_second_create_of_a_name_is_refused_as_existing(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    answer = await caller.call("POST", path_of("vpcs"), {"metadata": {"name": "red"}, "spec": VPC})
    assert (answer.status, answer.body["reason"]) == (409, "AlreadyExists")
    assert answer.body["kind"] == "Status"
    assert answer.body["details"] == {"name": "red", "group": "kubeovn.io", "kind": "vpcs"}


async def test_a_created_object_has_what_only_the_server_gives(caller: Caller) -> None:
    forged = {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7, "resourceVersion": "7"}
    created = await caller.create("vpcs", "red", VPC, metadata=forged, status={"standby": True})
    assert created["metadata"]["uid"] != "mine"
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["creationTimestamp"] != forged["creationTimestamp"]
    assert (created["apiVersion"], created["kind"]) == ("kubeovn.io/v1", "Vpc")
    assert "status" not in created


async def test_a_recreated_object_has_another_uid(caller: Caller) -> None:
    await caller.create("namespaces", "red")
    first = await caller.create("configmaps", "c", namespace="red")
    await caller.delete("configmaps", "c", "red")
    second = await caller.create("configmaps", "c", namespace="red")
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


async def test_a_generated_name_begins_with_its_prefix_and_is_new_each_time(caller: Caller) -> None:
    path = path_of("configmaps", namespace="default")
    names = [
        (await caller.call("POST", path, {"metadata": {"generateName": "run-"}})).body["metadata"]["name"] for _ in "ab"
    ]
    assert all(name.startswith("run-") and len(name) == 9 for name in names)
    assert names[0] != names[1]


@pytest.mark.parametrize("name", ["Red", "red_1", "-red", "red.", "a" * 254, ""])
async def test_a_bad_name_is_invalid(caller: Caller, name: str) -> None:
    answer = await caller.call("POST", path_of("vpcs"), {"metadata": {"name": name}})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "metadata.name"


async def test_a_namespace_name_may_hold_no_dot(caller: Caller) -> None:
    assert (await caller.call("POST", path_of("namespaces"), {"metadata": {"name": "a.b"}})).status == 422
    await caller.create("vpcs", "a.b")


@pytest.mark.parametrize("labels", [{"a b": "c"}, {"a": "-c"}, {"a": "c" * 64}, {"k" * 64: "c"}])
async def test_a_bad_label_is_invalid(caller: Caller, labels: dict[str, str]) -> None:
    answer = await caller.call("POST", path_of("vpcs"), {"metadata": {"name": "red", "labels": labels}})
    assert (answer.status, answer.body["details"]["causes"][0]["field"]) == (422, "metadata.labels")


async def test_nothing_is_created_in_a_namespace_that_is_not_there(caller: Caller) -> None:
    answer = await caller.call("POST", path_of("configmaps", namespace="nowhere"), {"metadata": {"name": "c"}})
    assert answer.status == 404
    assert answer.body["message"] == 'namespaces "nowhere" not found'


async def test_a_stale_replace_is_refused_with_conflict(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    read = await caller.get("vpcs", "red")
    await caller.merge("vpcs", "red", {"metadata": {"labels": {"a": "b"}}})
    read["spec"]["enableExternal"] = True
    answer = await caller.call("PUT", path_of("vpcs", "red"), read)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert "the object has been modified" in answer.body["message"]


async def test_a_custom_object_is_not_replaced_without_a_resource_version(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    answer = await caller.call("PUT", path_of("vpcs", "red"), {"metadata": {"name": "red"}, "spec": VPC})
    assert answer.status == 422
    assert answer.body["details"]["causes"][0]["field"] == "metadata.resourceVersion"


async def test_a_stale_resource_version_in_a_patch_is_refused_with_conflict(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    answer = await caller.merge("vpcs", "red", {"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_a_replace_that_changes_nothing_keeps_the_resource_version(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    before = await caller.get("vpcs", "red")
    answer = await caller.call("PUT", path_of("vpcs", "red"), before)
    assert answer.body == before


async def test_generation_counts_changes_of_the_spec_only(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    before = await caller.get("vpcs", "red")
    await caller.merge("vpcs", "red", {"metadata": {"labels": {"a": "b"}}})
    labelled = await caller.get("vpcs", "red")
    await caller.merge("vpcs", "red", {"spec": {"enableBfd": True}})
    changed = await caller.get("vpcs", "red")
    generations = [each["metadata"]["generation"] for each in (before, labelled, changed)]
    assert generations == [generations[0], generations[0], generations[0] + 1]
    assert int(labelled["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])


async def test_the_status_of_a_custom_object_is_written_through_its_subresource_only(caller: Caller) -> None:
    await caller.create("vlans", "v", {"id": 7, "provider": "external"})
    await caller.merge("vlans", "v", {"status": {"conflict": True}})
    assert not (await caller.status("vlans", "v")).get("conflict")
    patch = {"status": {"conflict": True}, "spec": {"id": 8}, "metadata": {"labels": {"a": "b"}}}
    answer = await caller.merge("vlans", "v", patch, subresource="status")
    assert answer.status == 200
    vlan = await caller.get("vlans", "v")
    assert vlan["status"]["conflict"] is True
    assert vlan["spec"]["id"] == 7
    assert "labels" not in vlan["metadata"]


async def test_ips_have_no_status_subresource(caller: Caller) -> None:
    assert (await caller.call("GET", path_of("ips", "x", subresource="status"))).body["code"] == 404
    assert (await caller.call("GET", path_of("vpcs", "ovn-cluster", subresource="status"))).status == 200


async def test_a_merge_patch_merges_maps_replaces_lists_and_removes_nulls(caller: Caller) -> None:
    await caller.create("vpcs", "red", {**VPC, "enableBfd": True}, metadata={"labels": {"a": "b", "c": "d"}})
    await caller.merge("vpcs", "red", {"metadata": {"labels": {"a": None}}, "spec": {"namespaces": ["x"]}})
    vpc = await caller.get("vpcs", "red")
    assert vpc["metadata"]["labels"] == {"c": "d"}
    assert vpc["spec"]["namespaces"] == ["x"]
    assert vpc["spec"]["enableBfd"] is True


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "replace", "path": "/data/a", "value": "2"}, {"op": "add", "path": "/data/b", "value": "3"}], 200),
        ([{"op": "test", "path": "/data/a", "value": "9"}, {"op": "remove", "path": "/data/a"}], 422),
        ([{"op": "remove", "path": "/data/nothing"}], 422),
        ([{"op": "nonsense", "path": "/data/a"}], 400),
    ],
)
async def test_a_json_patch_is_applied_whole_or_not_at_all(
    caller: Caller, operations: list[dict[str, Any]], status: int
) -> None:
    await caller.create("configmaps", "c", namespace="default", data={"a": "1"})
    headers = {"Content-Type": "application/json-patch+json"}
    path = path_of("configmaps", "c", "default")
    assert (await caller.call("PATCH", path, operations, headers=headers)).status == status
    data = (await caller.get("configmaps", "c", "default"))["data"]
    assert data == ({"a": "2", "b": "3"} if status == 200 else {"a": "1"})


async def test_a_strategic_patch_is_for_built_in_kinds(caller: Caller) -> None:
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    await caller.create("configmaps", "c", namespace="default", data={"a": "1", "b": "2"})
    patch = {"data": {"$patch": "replace", "c": "3"}}
    answer = await caller.call("PATCH", path_of("configmaps", "c", "default"), patch, headers=headers)
    assert answer.body["data"] == {"c": "3"}
    answer = await caller.call("PATCH", path_of("vpcs", "ovn-cluster"), {"spec": {}}, headers=headers)
    assert (answer.status, answer.body["reason"]) == (415, "UnsupportedMediaType")


async def test_a_strategic_patch_merges_containers_by_name(caller: Caller) -> None:
    containers = [{"name": "a", "image": "one"}, {"name": "b", "image": "two"}]
    await caller.create("pods", "p", {"containers": containers}, namespace="default")
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    patch = {"spec": {"containers": [{"name": "b", "image": "three"}, {"name": "a", "$patch": "delete"}]}}
    answer = await caller.call("PATCH", path_of("pods", "p", "default"), patch, headers=headers)
    assert answer.body["spec"]["containers"] == [{"name": "b", "image": "three"}]


async def test_an_object_with_a_finalizer_is_marked_and_goes_with_the_last_one(caller: Caller) -> None:
    await caller.create("configmaps", "c", namespace="default", metadata={"finalizers": ["a.b/c", "a.b/d"]})
    answer = await caller.delete("configmaps", "c", "default")
    assert answer.body["metadata"]["deletionTimestamp"]
    stamped = answer.body["metadata"]["resourceVersion"]
    again = await caller.delete("configmaps", "c", "default")
    assert again.body["metadata"]["resourceVersion"] == stamped
    await caller.merge("configmaps", "c", {"metadata": {"finalizers": ["a.b/d"]}}, "default")
    assert await caller.exists("configmaps", "c", "default")
    await caller.merge("configmaps", "c", {"metadata": {"finalizers": []}}, "default")
    assert not await caller.exists("configmaps", "c", "default")


async def test_an_object_being_deleted_takes_no_new_finalizer(caller: Caller) -> None:
    await caller.create("configmaps", "c", namespace="default", metadata={"finalizers": ["a.b/c"]})
    await caller.delete("configmaps", "c", "default")
    answer = await caller.merge("configmaps", "c", {"metadata": {"finalizers": ["a.b/c", "a.b/new"]}}, "default")
    assert answer.status == 422


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
async def test_a_failed_precondition_keeps_the_object(caller: Caller, field: str) -> None:
    created = await caller.create("configmaps", "c", namespace="default")
    answer = await caller.delete("configmaps", "c", "default", {"preconditions": {field: "other"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    kept = {"preconditions": {field: created["metadata"][field]}}
    assert (await caller.delete("configmaps", "c", "default", kept)).status == 200
    assert not await caller.exists("configmaps", "c", "default")


async def test_a_dry_run_changes_nothing(caller: Caller) -> None:
    before = caller.kube.dump()
    dry = {"params": {"dryRun": "All"}}
    assert (await caller.call("POST", path_of("vpcs"), {"metadata": {"name": "red"}, "spec": VPC}, **dry)).status == 201
    assert (await caller.call("DELETE", path_of("subnets", "external"), **dry)).status == 200
    await caller.kube.settled()
    assert caller.kube.dump() == before


async def test_a_wrong_type_is_invalid_and_names_the_field(caller: Caller) -> None:
    spec = {"policyRoutes": [{"priority": "32000", "match": "ip4", "action": "drop"}]}
    answer = await caller.call("POST", path_of("vpcs"), {"metadata": {"name": "red"}, "spec": spec})
    assert answer.status == 422
    cause = answer.body["details"]["causes"][0]
    assert cause["field"] == "spec.policyRoutes[0].priority"
    assert "must be of type integer" in cause["message"]


async def test_unknown_fields_are_pruned_unless_the_client_is_strict(caller: Caller) -> None:
    manifest = {"metadata": {"name": "red"}, "spec": {**VPC, "enableExternl": True}}
    strict = await caller.call("POST", path_of("vpcs"), manifest, params={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert 'unknown field "spec.enableExternl"' in strict.body["message"]
    lax = await caller.call("POST", path_of("vpcs"), manifest)
    assert (lax.status, "enableExternl" in lax.body["spec"]) == (201, False)


@pytest.mark.parametrize("spec", [{"id": 4096, "provider": "external"}, {"id": 5}, {"id": -1, "provider": "external"}])
async def test_a_vlan_outside_its_bounds_or_without_provider_is_invalid(caller: Caller, spec: dict[str, Any]) -> None:
    assert (await caller.call("POST", path_of("vlans"), {"metadata": {"name": "v"}, "spec": spec})).status == 422


async def test_the_body_must_be_the_object_of_the_url(caller: Caller) -> None:
    await caller.create("vpcs", "red", VPC)
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "red"}}
    assert (await caller.call("PUT", path_of("vpcs", "red"), wrong)).status == 400
    other = {"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": "blue"}}
    assert (await caller.call("PUT", path_of("vpcs", "red"), other)).status == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b""])
async def test_a_body_that_is_no_object_is_a_bad_request(caller: Caller, body: bytes) -> None:
    async with caller.http.post(path_of("vpcs"), data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["reason"] == "BadRequest"


@pytest.mark.parametrize("path", ["/apis/kubeovn.io/v2/vpcs", "/api/v1/vpcs", "/apis/apps/v1/deployments", "/nothing"])
async def test_an_unknown_resource_is_not_found(caller: Caller, path: str) -> None:
    answer = await caller.call("GET", path)
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert answer.body["message"] == "the server could not find the requested resource"
