"""When Kube-OVN 1.17 has really done what an object asks for, what is missing until then, and why it may never come.

Kube-OVN sets no status at all for many mistakes, so each kind has its likely causes of silence beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clients.kube_ovn.answers import plain
from tenancy.kinds import OVN_DNAT_RULE, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, PROVIDER_NETWORK, SUBNET, VPC, Object

CONTROLLER = "kube-ovn-controller is not running or cannot reach OVN (its log tells)"


@dataclass(frozen=True)
class Readiness:
    """How to wait for one kind."""

    ready: Callable[[Object], str | None]
    """None when it is ready, else what is missing."""
    likely: str
    """Why it may stay unready without any word in its status, and where to look."""


def vpc_ready(found: Object) -> str | None:
    """Its router exists, and so do the policies of its first manifest, programmed before (pkg/controller/vpc.go)."""
    status = _status(found)
    if status.get("standby") is not True:
        return f"status.standby is {plain(status.get('standby'), 40)}, expected true"
    name = found["metadata"]["name"]
    if status.get("router") != name:
        return f"status.router is {plain(repr(status.get('router')), 80)}, expected {name!r}"
    return None


def subnet_ready(found: Object) -> str | None:
    """Conditions Ready and Validated. The condition Error is never cleared, so it explains but decides nothing."""
    conditions = {one.get("type"): one for one in _status(found).get("conditions") or () if isinstance(one, dict)}
    for wanted in ("Validated", "Ready"):
        condition = conditions.get(wanted)
        if condition is None:
            return f"condition {wanted} is missing{_last_error(conditions)}"
        if condition.get("status") != "True":
            said = plain(condition.get("status"), 20) + _reason(condition)
            return f"condition {wanted} is {said}{_last_error(conditions)}"
    return None


def eip_ready(found: Object) -> str | None:
    """It has an address and is marked ready (pkg/controller/ovn_eip.go)."""
    status = _status(found)
    if not (status.get("v4Ip") or status.get("v6Ip")):
        return "status has no address"
    if status.get("ready") is not True:
        return f"it has address {plain(status.get('v4Ip') or status.get('v6Ip'), 60)} but status.ready is not true"
    return None


def nat_ready(found: Object) -> str | None:
    """An OvnFip, OvnSnatRule or OvnDnatRule: marked ready after OVN has the rule (pkg/controller/ovn_fip.go)."""
    return None if _status(found).get("ready") is True else "status.ready is not true"


def provider_network_ready(found: Object) -> str | None:
    """Every node of it is set up."""
    status = _status(found)
    if status.get("ready") is True:
        return None
    waiting = status.get("notReadyNodes") or ()
    return f"status.ready is not true, nodes not ready: {plain(', '.join(map(str, waiting))) or 'unknown'}"


_NAT_LIKELY = (
    "its OvnEip has no address yet or does not exist; its VPC has no router yet; another rule uses the same address; "
    f"the subnet or address it names does not exist; {CONTROLLER}"
)

READINESS: Mapping[str, Readiness] = {
    VPC.name: Readiness(
        vpc_ready,
        f"a policy route with a priority outside 0-32767, which is retried for ever; {CONTROLLER}",
    ),
    SUBNET.name: Readiness(
        subnet_ready,
        "its VPC is not standby, or its namespace is not in the VPC's spec.namespaces: neither shows in its status; its "
        f"CIDR overlaps another subnet of the VPC; {CONTROLLER}",
    ),
    OVN_EIP.name: Readiness(
        eip_ready,
        "the external subnet has no address left, the fixed address is taken or outside of it, or that subnet does not "
        "exist: none of them shows in its status; with an address but unready: the controller was interrupted, and the "
        f"first rule that uses it, or deleting and creating it again, sets it right; {CONTROLLER}",
    ),
    OVN_FIP.name: Readiness(nat_ready, _NAT_LIKELY),
    OVN_SNAT_RULE.name: Readiness(nat_ready, _NAT_LIKELY),
    OVN_DNAT_RULE.name: Readiness(nat_ready, _NAT_LIKELY),
    PROVIDER_NETWORK.name: Readiness(
        provider_network_ready, f"a node lacks the interface it names; kube-ovn-cni is not running there; {CONTROLLER}"
    ),
}
"""By the name of the kind."""


def _status(found: Object) -> Mapping[str, Any]:
    status = found.get("status")
    return status if isinstance(status, dict) else {}


def _reason(condition: Mapping[str, Any]) -> str:
    said = plain(condition.get("message") or condition.get("reason") or "")
    return f" ({said})" if said else ""


def _last_error(conditions: Mapping[Any, Mapping[str, Any]]) -> str:
    error = conditions.get("Error")
    return f"; last error{_reason(error)}" if error is not None and _reason(error) else ""
