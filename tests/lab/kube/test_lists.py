"""Lists: what is selected, in which order, and page by page."""

import pytest

from tests.lab.kube.caller import Caller, path_of


async def _names(caller: Caller, **query: str) -> list[str]:
    answer = await caller.call("GET", path_of("configmaps"), params=query)
    assert answer.status == 200, answer.body
    return [each["metadata"]["name"] for each in answer.body["items"] if each["metadata"]["name"] != "kube-root-ca.crt"]


@pytest.fixture
async def labelled(caller: Caller) -> Caller:
    """ConfigMaps `a` to `d` in two namespaces, labelled differently."""
    for name, namespace, labels in (
        ("a", "default", {"tenant": "red", "tier": "x"}),
        ("b", "default", {"tenant": "blue"}),
        ("c", "kube-system", {"tenant": "red"}),
        ("d", "kube-system", {}),
    ):
        await caller.create("configmaps", name, namespace=namespace, metadata={"labels": labels})
    await caller.delete("configmaps", "ovn-external-gw-config", "kube-system")
    return caller


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tenant=red", ["a", "c"]),
        ("tenant==red,tier=x", ["a"]),
        ("tenant!=red", ["b", "d"]),
        ("tenant in (red, blue)", ["a", "b", "c"]),
        ("tenant notin (red)", ["b", "d"]),
        ("tenant", ["a", "b", "c"]),
        ("!tenant", ["d"]),
        ("tenant=red,!tier", ["c"]),
        ("tenant=green", []),
    ],
)
async def test_a_label_selector_selects(labelled: Caller, selector: str, expected: list[str]) -> None:
    assert await _names(labelled, labelSelector=selector) == expected


@pytest.mark.parametrize("selector", ["tenant in red", "a=b=c", "(", "a b", "=x"])
async def test_a_broken_label_selector_is_a_bad_request(labelled: Caller, selector: str) -> None:
    answer = await labelled.call("GET", path_of("configmaps"), params={"labelSelector": selector})
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


async def test_field_selectors_know_name_and_namespace_and_refuse_the_rest(labelled: Caller) -> None:
    assert await _names(labelled, fieldSelector="metadata.name=c") == ["c"]
    assert await _names(labelled, fieldSelector="metadata.namespace=default") == ["a", "b"]
    assert await _names(labelled, fieldSelector="metadata.namespace=default,metadata.name!=a") == ["b"]
    assert await _names(labelled, fieldSelector="metadata.namespace=default,metadata.name=c") == []
    answer = await labelled.call("GET", path_of("vpcs"), params={"fieldSelector": "spec.namespaces=x"})
    assert answer.status == 400


async def test_a_label_selector_stays_true_after_labels_change(labelled: Caller) -> None:
    await labelled.merge("configmaps", "a", {"metadata": {"labels": {"tenant": "blue"}}}, "default")
    await labelled.delete("configmaps", "b", "default")
    assert await _names(labelled, labelSelector="tenant=red") == ["c"]
    assert await _names(labelled, labelSelector="tenant=blue") == ["a"]


async def test_a_list_is_ordered_and_names_its_revision(labelled: Caller) -> None:
    answer = await labelled.call("GET", path_of("vpcs"))
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("VpcList", "kubeovn.io/v1")
    assert answer.body["metadata"]["resourceVersion"] == str(labelled.kube.api.store.revision)


async def test_pages_add_up_to_the_whole_list(labelled: Caller) -> None:
    whole = await _names(labelled)
    paged, token = [], ""
    for _ in range(10):
        query = {"limit": "2", **({"continue": token} if token else {})}
        answer = await labelled.call("GET", path_of("configmaps"), params=query)
        assert len(answer.body["items"]) <= 2
        paged += [each["metadata"]["name"] for each in answer.body["items"]]
        token = answer.body["metadata"].get("continue", "")
        if not token:
            break
    assert [name for name in paged if name != "kube-root-ca.crt"] == whole
    assert (await labelled.call("GET", path_of("configmaps"), params={"continue": "!"})).status == 400


async def test_deletecollection_deletes_what_is_selected(labelled: Caller) -> None:
    path = path_of("configmaps", namespace="default")
    assert (await labelled.call("DELETE", path, params={"labelSelector": "tenant=red"})).status == 200
    assert await _names(labelled) == ["b", "c", "d"]


async def test_a_table_shows_the_columns_of_the_kind(caller: Caller) -> None:
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    answer = await caller.call("GET", path_of("subnets"), headers=headers)
    assert answer.body["kind"] == "Table"
    names = [column["name"] for column in answer.body["columnDefinitions"]]
    row = dict(zip(names, answer.body["rows"][0]["cells"], strict=True))
    assert (row["Name"], row["CIDR"], row["V4Used"]) == ("external", "203.0.113.0/24", 1)
    assert answer.body["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
