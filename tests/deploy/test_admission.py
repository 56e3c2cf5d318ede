"""What roles cannot say: the API server lets the workers write nothing but what is their tenants'."""

from typing import Any

import pytest

from tests.deploy.admission import BINDING, POLICY, refusals
from tests.deploy.rendering import WORKER

LABEL, NAMESPACE, MAP = "only what bears the label", "no namespace but tenant-", "no ConfigMap but"


def thing(name: str, tenant: str | None = "acme") -> Any:
    return {"metadata": {"name": name} | ({"labels": {"berth.network/tenant": tenant}} if tenant else {})}


CASES: dict[str, tuple[tuple[Any, ...], list[str]]] = {
    "a tenant's VPC": (("CREATE", "kubeovn.io", "vpcs", "", None, thing("acme")), []),
    "its change": (("UPDATE", "kubeovn.io", "vpcs", "", thing("acme"), thing("acme")), []),
    "its end": (("DELETE", "kubeovn.io", "vpcs", "", thing("acme"), None), []),
    "a VPC of nobody's": (("CREATE", "kubeovn.io", "vpcs", "", None, thing("acme", None)), [LABEL]),
    "Kube-OVN's own VPC": (("UPDATE", "kubeovn.io", "vpcs", "", thing("x", None), thing("x")), [LABEL]),
    "the external subnet's end": (("DELETE", "kubeovn.io", "subnets", "", thing("external", None), None), [LABEL]),
    "another tenant's now": (("UPDATE", "kubeovn.io", "vpcs", "", thing("acme"), thing("acme", "globex")), [LABEL]),
    "the label taken off": (("UPDATE", "kubeovn.io", "vpcs", "", thing("acme"), thing("acme", None)), [LABEL]),
    "a kind Berth never writes": (("DELETE", "kubeovn.io", "provider-networks", "", thing("x", None), None), [LABEL]),
    "a tenant's namespace": (("CREATE", "", "namespaces", "", None, thing("tenant-acme")), []),
    "its end, too": (("DELETE", "", "namespaces", "tenant-acme", thing("tenant-acme"), None), []),
    "kube-system's end": (
        ("DELETE", "", "namespaces", "kube-system", thing("kube-system", None), None),
        [LABEL, NAMESPACE],
    ),
    "a namespace that is labelled": (("DELETE", "", "namespaces", "shop", thing("shop"), None), [NAMESPACE]),
    "a hand-over": (("CREATE", "", "configmaps", "tenant-acme", None, thing("berth-network")), []),
    "another's hand-over": (
        ("UPDATE", "", "configmaps", "tenant-globex", thing("berth-network"), thing("berth-network")),
        [MAP],
    ),
    "a ConfigMap elsewhere": (("CREATE", "", "configmaps", "kube-system", None, thing("berth-network")), [MAP]),
    "another ConfigMap": (("CREATE", "", "configmaps", "tenant-acme", None, thing("other")), [MAP]),
    "a reservation": (("CREATE", "", "configmaps", "berth-system", None, thing("public-198-51-100-1")), []),
    "its release": (("DELETE", "", "configmaps", "berth-system", thing("public-198-51-100-1"), None), []),
    "its change of hands": (
        ("UPDATE", "", "configmaps", "berth-system", thing("public-198-51-100-1"), thing("public-198-51-100-1")),
        [MAP],
    ),
    "a reservation elsewhere": (("CREATE", "", "configmaps", "berth", None, thing("public-198-51-100-1")), [MAP]),
}


@pytest.mark.parametrize(("write", "why"), CASES.values(), ids=CASES)
def test_a_worker_writes_what_is_its_tenants_and_nothing_else(write: tuple[Any, ...], why: list[str]) -> None:
    told = refusals(WORKER, *write)
    assert len(told) == len(why)
    assert all(part in message for part, message in zip(why, told, strict=True))


def test_everybody_else_is_left_alone() -> None:
    write = "DELETE", "kubeovn.io", "subnets", "", thing("external", None), None
    assert refusals("system:serviceaccount:kube-system:kube-ovn", *write) == []


def test_the_policy_is_in_force() -> None:
    assert BINDING["spec"] == {"policyName": POLICY["metadata"]["name"], "validationActions": ["Deny"]}
    assert POLICY["spec"]["failurePolicy"] == "Fail"
