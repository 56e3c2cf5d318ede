"""What the server says about itself, to clients that ask before they act."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab.kube import discovery
from lab.kube.kinds import KINDS, KUBE_OVN_KINDS
from lab.kube.schemas import SCHEMAS
from tests.lab.kube.caller import Caller

CRDS = Path(__file__).parents[4] / "shared" / "kube-ovn" / "crds-v1.17.0.yaml"


async def test_discovery_lists_every_kind_with_its_names(caller: Caller) -> None:
    groups = (await caller.call("GET", "/apis")).body["groups"]
    assert [group["name"] for group in groups] == ["apiextensions.k8s.io", "authorization.k8s.io", "kubeovn.io"]
    core = (await caller.call("GET", "/api/v1")).body["resources"]
    custom = (await caller.call("GET", "/apis/kubeovn.io/v1")).body["resources"]
    listed = {resource["name"]: resource for resource in (*core, *custom)}
    assert listed["ovn-eips"]["shortNames"] == ["oeip"]
    assert listed["ovn-eips"]["namespaced"] is False
    assert listed["configmaps"]["namespaced"] is True
    assert "vpcs/status" in listed
    assert "ips/status" not in listed
    assert (await caller.call("GET", "/version")).body["major"] == "1"
    assert (await caller.call("GET", "/readyz")).body == "ok"


async def test_openapi_v2_as_protobuf_has_a_media_type_go_can_parse(caller: Caller) -> None:
    asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    async with caller.http.get("/openapi/v2", headers={"Accept": asked}) as answer:
        assert answer.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
        assert (await answer.read()).startswith(b"\x0a\x032.0")


async def test_openapi_v3_says_what_a_patch_takes(caller: Caller) -> None:
    index = (await caller.call("GET", "/openapi/v3")).body["paths"]
    document = (await caller.call("GET", index["apis/kubeovn.io/v1"]["serverRelativeURL"])).body
    patch = document["paths"]["/apis/kubeovn.io/v1/vpcs/{name}"]["patch"]
    assert {parameter["name"] for parameter in patch["parameters"]} == {"dryRun", "fieldValidation"}
    vpc = document["components"]["schemas"]["io.kubeovn.v1.Vpc"]["properties"]["spec"]["properties"]
    assert vpc["policyRoutes"]["items"]["properties"]["priority"] == {"type": "integer"}


async def test_the_definitions_of_kube_ovns_kinds_are_there(caller: Caller) -> None:
    listed = (await caller.call("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")).body["items"]
    assert {each["metadata"]["name"] for each in listed} == {kind.resource for kind in KUBE_OVN_KINDS}


async def test_a_kind_goes_with_its_definition(caller: Caller) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await caller.call("DELETE", f"{definitions}/ovn-fips.kubeovn.io")
    served = (await caller.call("GET", "/apis/kubeovn.io/v1")).body["resources"]
    assert "ovn-fips" not in {each["name"] for each in served}
    assert (await caller.call("GET", "/apis/kubeovn.io/v1/ovn-fips")).status == 404
    assert (await caller.call("GET", "/apis/kubeovn.io/v1/ovn-eips")).status == 200
    for kind in KUBE_OVN_KINDS:
        await caller.call("DELETE", f"{definitions}/{kind.resource}")
    assert (await caller.call("GET", "/apis/kubeovn.io/v1")).status == 404


def test_every_kind_has_one_plural() -> None:
    assert all(plural == kind.plural for plural, kind in KINDS.items())
    assert discovery.document("/apis/nothing/v1", "here") is None


def _typed(schema: dict[str, Any]) -> Any:
    """A schema's fields and types, as deep as both sides tell them."""
    told: dict[str, Any] = {"type": schema["type"]}
    if "properties" in schema:
        told["properties"] = {name: _typed(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        told["items"] = _typed(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        told["values"] = _typed(schema["additionalProperties"])
    limits = ("required", "minimum", "maximum", "maxLength")
    return told | {limit: schema[limit] for limit in limits if schema.get(limit) not in (None, [])}


def test_schemas_and_columns_are_those_of_the_real_crds() -> None:
    if not CRDS.exists():
        pytest.skip("Kube-OVN's own CRDs do not stand beside this checkout")
    found = {crd["spec"]["names"]["plural"]: crd["spec"] for crd in YAML(typ="safe", pure=True).load_all(CRDS) if crd}
    for kind in KUBE_OVN_KINDS:
        crd = found[kind.plural]
        names, version = crd["names"], crd["versions"][0]
        assert (names["kind"], names["singular"], tuple(names["shortNames"])) == (kind.kind, kind.singular, kind.short)
        assert ("status" in (version.get("subresources") or {})) is kind.status
        columns = [(column["name"], column["type"]) for column in version["additionalPrinterColumns"]]
        assert columns == [(column.name, column.type) for column in kind.columns]
        real = version["schema"]["openAPIV3Schema"]["properties"]
        for part, schema in SCHEMAS[kind.plural].items():
            assert _typed(schema.openapi()) == _typed(real[part]), f"{kind.plural} {part}"
