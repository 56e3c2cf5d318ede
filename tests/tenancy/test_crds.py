"""Every manifest fits Kube-OVN's own CRDs, where these stand beside the checkout."""

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tenancy import manifests
from tenancy.documents import read_platform, read_tenant
from tenancy.plan import plan
from tests.tenancy.test_properties import PLATFORM

CRDS = Path(__file__).parents[3] / "shared" / "kube-ovn" / "crds-v1.17.0.yaml"

TENANT = {
    "apiVersion": "berth.network/v1",
    "kind": "TenantNetwork",
    "metadata": {"name": "acme"},
    "spec": {
        "subnets": [
            {
                "name": "prod",
                "cidrs": ["10.0.0.0/16", "fd00:1::/64"],
                "gateways": ["10.0.0.254"],
                "exclude": [{"first": "10.0.0.9", "last": "10.0.0.20"}],
                "mtu": 8000,
            }
        ],
        "externalIPs": [
            {"use": "snat", "name": "egress"},
            {"use": "floatingIP", "name": "web", "target": "10.0.1.1", "address": "203.0.113.50"},
            {"use": "loadBalancer", "name": "lb"},
        ],
    },
}


def strict(schema: Any) -> Any:
    """The schema with every key it does not know refused: the API server would drop it without a word."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if "properties" in closed and isinstance(closed["properties"], dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def schemas() -> dict[str, Any]:
    if not CRDS.exists():
        pytest.skip("Kube-OVN's CRDs do not stand beside this checkout (../shared/kube-ovn)")
    found = {}
    for crd in yaml.safe_load_all(CRDS.read_text()):
        if crd and crd.get("kind") == "CustomResourceDefinition":
            version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[crd["spec"]["names"]["kind"]] = schema
    return found


def made() -> list[dict[str, Any]]:
    platform = read_platform(PLATFORM)
    tenant = read_tenant(TENANT, platform)
    provider = platform.spec.provider_network
    assert provider is not None
    objects = [planned.manifest for planned in plan(tenant, platform, ()).objects]
    vpc = manifests.vpc(tenant, platform)
    vpc["spec"] |= manifests.router_port(provider)
    return [thing for thing in [*objects, vpc] if thing["apiVersion"] == "kubeovn.io/v1"]


@pytest.mark.parametrize("kind", ["Vpc", "Subnet", "OvnEip", "OvnSnatRule", "OvnFip"])
def test_every_manifest_fits_kube_ovns_own_crd(kind: str) -> None:
    schema = schemas()[kind]
    of_kind = [thing for thing in made() if thing["kind"] == kind]

    assert of_kind
    for manifest in of_kind:
        jsonschema.validate(manifest, schema)


def test_a_key_kube_ovn_does_not_know_would_be_noticed() -> None:
    schema = schemas()["Vpc"]
    vpc = next(thing for thing in made() if thing["kind"] == "Vpc")
    vpc["spec"]["polcyRoutes"] = []

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(vpc, schema)
