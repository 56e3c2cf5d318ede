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
from tenancy.names import BORN_WITH_ANNOTATION
from tenancy.policy import PolicyRoute, born_policy, digest, with_policy


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
    if labels := desired["metadata"].get("labels"):
        result["metadata"]["labels"] = {**(result["metadata"].get("labels") or {}), **labels}
    for key, value in wanted.items():
        if key not in fixed:
            _assert(_spec(result), key, value)
    if "data" in desired:
        result["data"] = desired["data"]
    if kind == VPC.name:
        _forget_birth(actual, result)
    return Merge(None if result == actual else result)


def with_spec(actual: Object, wanted: Object) -> Object:
    """The object with these fields of its spec meaning what is wanted, and nothing else touched."""
    result = copy.deepcopy(actual)
    for key, value in wanted.items():
        _assert(_spec(result), key, value)
    return result


def with_block_policy(vpc: Object, policy: Sequence[PolicyRoute]) -> Object:
    """The VPC with Berth's band of its policy routes holding exactly this policy."""
    result = copy.deepcopy(vpc)
    _assert(_spec(result), "policyRoutes", [route.manifest() for route in policy])
    _forget_birth(vpc, result)
    return result


def _forget_birth(actual: Object, result: Object) -> None:
    """Kube-OVN confirms no edit of a policy, so a VPC whose policy is edited no longer bears the proof of its birth."""
    before, after = (born_policy((vpc.get("spec") or {}).get("policyRoutes") or ()) for vpc in (actual, result))
    if digest(before) != digest(after):
        (result["metadata"].get("annotations") or {}).pop(BORN_WITH_ANNOTATION, None)


def _spec(thing: Object) -> Object:
    # The API leaves out what is empty, and lets a client write null.
    thing["spec"] = thing.get("spec") or {}
    spec: Object = thing["spec"]
    return spec


def _assert(spec: Object, key: str, value: Any) -> None:
    """Makes one field of a spec mean the value; leaves it untouched where it does."""
    present = spec.get(key)
    match key:
        case "policyRoutes":
            merged: Any = with_policy(present or [], value)
        case "staticRoutes":
            merged = with_routes(present or [], value)
        case "extraExternalSubnets":
            # One that somebody added beside ours stays.
            merged = [*(present or ()), *(name for name in value if name not in (present or ()))]
        case "excludeIps" | "namespaces":
            merged = present if _set_of_text(present) == _set_of_text(value) else value
        case _:
            merged = value
    if merged != present and (merged or present):
        spec[key] = merged


def with_routes(routes: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    """Static routes with these among them; others to the same destination are replaced, the rest is not touched."""

    def key(route: Object) -> tuple[str, str, str]:
        table = str(route.get("routeTable") or "")
        return table, str(route.get("policy") or "policyDst"), str(_networks(route.get("cidr")))

    def next_hops(among: Sequence[Object]) -> set[tuple[tuple[str, str, str], str]]:
        return {(key(route), str(_addresses(route.get("nextHopIP")))) for route in among}

    destinations = {key(route) for route in wanted}
    if next_hops(wanted) == next_hops([route for route in routes if key(route) in destinations]):
        return list(routes)
    return [*(route for route in routes if key(route) not in destinations), *wanted]


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


def restored(actual: Object, before: Object) -> Object | None:
    """The object as it was before a run changed it; None where it is that already. Status is not Berth's to restore."""
    result = copy.deepcopy(actual)
    for part in ("spec", "data"):
        if part in before:
            result[part] = before[part]
    for part in ("labels", "annotations"):
        if (result["metadata"].get(part) or {}) != (before["metadata"].get(part) or {}):
            result["metadata"][part] = before["metadata"].get(part) or {}
    return None if result == actual else result
