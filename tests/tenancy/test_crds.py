"""Every manifest fits Kube-OVN's own CRDs, where these stand beside the checkout."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from hypothesis import given

from tenancy import manifests
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import Object
from tenancy.plan import plan
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, accepted, raw_platform

CRDS = Path(__file__).parents[3] / "shared" / "kube-ovn" / "crds-v1.17.0.yaml"


def strict(schema: Any) -> Any:
    """The schema with every key it does not know refused: the API server would drop it without a word."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if closed.get("type") == "object" and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def schema(kind: str) -> Any:
    """The closed schema of one kind, or a skip."""
    if not CRDS.exists():
        pytest.skip("Kube-OVN's CRDs do not stand beside this checkout (../shared/kube-ovn)")
    for crd in yaml.safe_load_all(CRDS.read_text()):
        if crd and crd["spec"]["names"]["kind"] == kind:
            version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")
            closed = strict(version["schema"]["openAPIV3Schema"])
            closed["properties"]["metadata"] = {"type": "object"}
            return closed
    raise AssertionError(f"Kube-OVN has no {kind}")


def made(tenant: TenantNetwork, platform: Platform) -> list[Object]:
    """All that is written of Kube-OVN's kinds, the VPC also as it is with its way out."""
    planned = plan(tenant, platform, ())
    objects = [thing.manifest for thing in planned.objects]
    vpc = manifests.vpc(tenant, platform)
    vpc["spec"] |= planned.router_port or {}
    return [thing for thing in [*objects, vpc] if thing["apiVersion"] == "kubeovn.io/v1"]


@pytest.mark.parametrize("kind", ["Vpc", "Subnet", "OvnEip", "OvnSnatRule", "OvnFip"])
def test_every_kind_of_manifest_fits_kube_ovns_own_crd(kind: str) -> None:
    platform = read_platform(raw_platform())
    of_kind = [thing for thing in made(read_tenant(FULL_TENANT, platform), platform) if thing["kind"] == kind]

    assert of_kind
    for manifest in of_kind:
        jsonschema.validate(manifest, schema(kind))


@given(accepted())
def test_the_manifests_of_any_accepted_tenant_fit_kube_ovns_own_crds(pair: tuple[TenantNetwork, Platform]) -> None:
    for manifest in made(*pair):
        assert validator(manifest["kind"]).is_valid(manifest)


@cache
def validator(kind: str) -> Any:
    return jsonschema.Draft202012Validator(schema(kind))


@pytest.mark.parametrize("where", [("spec",), ("spec", "policyRoutes", 0)])
def test_a_key_kube_ovn_does_not_know_would_be_noticed(where: tuple[Any, ...]) -> None:
    platform = read_platform(raw_platform())
    vpc = made(read_tenant(FULL_TENANT, platform), platform)[0]
    part: Any = vpc
    for key in where:
        part = part[key]
    part["polcyRoutes"] = []

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(vpc, schema("Vpc"))
