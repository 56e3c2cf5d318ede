"""Comparing what is with what should be, by meaning: Kube-OVN fills in defaults and rewrites what it is given."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from tenancy.fields import Address, Network
from tenancy.kinds import (
    CONFIG_MAP,
    NAMESPACE,
    OVN_EIP,
    OVN_FIP,
    OVN_SNAT_RULE,
    SUBNET,
    VPC,
    Object,
)
from tenancy.mistakes import shown
from tenancy.policy import with_policy


@dataclass(frozen=True)
class Merge:
    """What has to be done to an existing object so that it means what is wanted."""

    result: Object | None
    """The whole object to write; None where it means the wanted already."""
    conflicts: tuple[str, ...] = ()
    """Differences that nothing but deleting and creating again could remove; then `result` is None."""


def merge(actual: Object, desired: Object) -> Merge:
    """Compares an object of the API with the manifest it should mean. Status and annotations are not compared."""
    kind = desired["kind"]
    wanted: Object = desired.get("spec", {})
    present: Object = actual.get("spec") or {}
    fixed = _FIXED.get(kind, {})
    conflicts = tuple(
        f"{key} is {shown(present.get(key))}, wanted is {shown(wanted[key])}"
        for key, meaning in fixed.items()
        if key in wanted and meaning(present.get(key)) != meaning(wanted[key])
    )
    if conflicts:
        return Merge(None, conflicts)
    result = copy.deepcopy(actual)
    labels = result["metadata"].setdefault("labels", {})
    labels.update(desired["metadata"].get("labels", {}))
    for key, value in wanted.items():
        if key not in fixed:
            _assert(result.setdefault("spec", {}), key, value)
    if "data" in desired:
        result["data"] = desired["data"]
    return Merge(None if result == actual else result)


def _assert(spec: Object, key: str, value: Any) -> None:
    """Makes one field of a spec mean the value; leaves it untouched where it does."""
    present = spec.get(key)
    match key:
        case "policyRoutes":
            merged: Any = with_policy(present or [], value)
        case "staticRoutes":
            merged = with_routes(present or [], value)
        case "excludeIps" | "namespaces" | "extraExternalSubnets":
            merged = present if _set_of_text(present) == _set_of_text(value) else value
        case _:
            merged = value
    if merged != present and (merged or present):
        spec[key] = merged


def with_routes(routes: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    """Static routes with these among them; others to the same destination are replaced, the rest is not touched."""

    def key(route: Object) -> tuple[str, str]:
        return str(route.get("policy") or "policyDst"), str(_networks(route.get("cidr")))

    def next_hop(route: Object) -> tuple[tuple[str, str], str]:
        return key(route), str(_addresses(route.get("nextHopIP")))

    if {next_hop(route) for route in wanted} <= {next_hop(route) for route in routes}:
        return list(routes)
    replaced = {key(route) for route in wanted}
    return [*(route for route in routes if key(route) not in replaced), *wanted]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _set_of_text(value: Any) -> frozenset[str]:
    return frozenset(map(str, value or ()))


def _networks(value: Any) -> frozenset[Network | str]:
    """CIDRs of a comma-separated list, host bits stripped; text that is none stays text."""

    def parsed(text: str) -> Network | str:
        try:
            return ip_network(text, strict=False)
        except ValueError:
            return text

    return frozenset(parsed(part.strip()) for part in _text(value).split(",") if part.strip())


def _addresses(value: Any) -> frozenset[Address | str]:
    def parsed(text: str) -> Address | str:
        try:
            return ip_address(text)
        except ValueError:
            return text

    return frozenset(parsed(part.strip()) for part in _text(value).split(",") if part.strip())


_FIXED: dict[str, dict[str, Callable[[Any], object]]] = {
    NAMESPACE.name: {},
    CONFIG_MAP.name: {},
    VPC.name: {},
    SUBNET.name: {"vpc": _text, "cidrBlock": _networks, "provider": _text, "vlan": _text, "gateway": _addresses},
    OVN_EIP.name: {"externalSubnet": _text, "type": _text, "v4Ip": _addresses},
    OVN_SNAT_RULE.name: {"ovnEip": _text, "vpcSubnet": _text},
    OVN_FIP.name: {"ovnEip": _text, "vpc": _text, "v4Ip": _addresses},
}
"""By kind: fields that stay as they were made, and how to read their meaning."""
