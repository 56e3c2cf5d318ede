"""What counts as ready, and what is said to be missing until then."""

import pytest

from clients.kube_ovn import READINESS
from tenancy.kinds import Object

READY = {"type": "Ready", "status": "True"}
VALIDATED = {"type": "Validated", "status": "True"}
OLD_ERROR = {"type": "Error", "status": "True", "message": "cidr overlaps\nwith b"}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Vpc", {"standby": True, "router": "acme"}),
        ("Subnet", {"conditions": [VALIDATED, READY, OLD_ERROR]}),
        ("OvnEip", {"ready": True, "v4Ip": "203.0.113.3"}),
        ("OvnEip", {"ready": True, "v6Ip": "2001:db8::3"}),
        ("OvnFip", {"ready": True}),
        ("OvnSnatRule", {"ready": True}),
        ("OvnDnatRule", {"ready": True}),
        ("ProviderNetwork", {"ready": True}),
    ],
)
def test_ready(kind: str, status: Object) -> None:
    assert READINESS[kind].ready({"metadata": {"name": "acme"}, "status": status}) is None


@pytest.mark.parametrize(
    ("kind", "status", "missing"),
    [
        ("Vpc", {}, "status.standby is None, expected true"),
        ("Vpc", {"standby": "true"}, "status.standby is true, expected true"),
        ("Vpc", {"standby": True, "router": ""}, "status.router is '', expected 'acme'"),
        ("Subnet", {}, "condition Validated is missing"),
        ("Subnet", {"conditions": [READY]}, "condition Validated is missing"),
        ("Subnet", {"conditions": [VALIDATED]}, "condition Ready is missing"),
        (
            "Subnet",
            {"conditions": [{"type": "Validated", "status": "False", "reason": "Bad"}, OLD_ERROR]},
            "condition Validated is False (Bad); last error (cidr overlaps with b)",
        ),
        ("OvnEip", {"ready": True}, "status has no address"),
        ("OvnEip", {"v4Ip": "203.0.113.3"}, "it has address 203.0.113.3 but status.ready is not true"),
        ("OvnFip", {"ready": False}, "status.ready is not true"),
        ("OvnSnatRule", {}, "status.ready is not true"),
        ("ProviderNetwork", {"notReadyNodes": ["n1"]}, "status.ready is not true, nodes not ready: n1"),
    ],
)
def test_not_ready(kind: str, status: Object, missing: str) -> None:
    assert READINESS[kind].ready({"metadata": {"name": "acme"}, "status": status}) == missing


@pytest.mark.parametrize("kind", READINESS)
def test_an_object_without_status_is_not_ready_and_its_silence_has_causes(kind: str) -> None:
    assert READINESS[kind].ready({"metadata": {"name": "acme"}})
    assert "kube-ovn-controller" in READINESS[kind].likely
