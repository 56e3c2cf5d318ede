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
    VLAN,
    VPC,
    Object,
)
from tenancy.mistakes import shown
from tenancy.names import BORN_WITH_ANNOTATION, DOCUMENT_ANNOTATION
from tenancy.policy import PolicyRoute, born_policy, digest, is_own_exception, with_own_exceptions, with_policy


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


def with_exceptions(vpc: Object, matches: Sequence[str]) -> Object:
    """The VPC with exceptions for exactly these of the tenant's own addresses, and nothing else touched."""
    result = copy.deepcopy(vpc)
    routes = _spec(result).get("policyRoutes") or []
    changed = with_own_exceptions(routes, matches)
    if changed != routes:
        result["spec"]["policyRoutes"] = changed
    return result


def without_exceptions(vpc: Object, addresses: Sequence[str]) -> Object:
    """The VPC without the exceptions for these of the tenant's own addresses, and nothing else touched."""
    own = [route["match"] for route in _spec(copy.deepcopy(vpc)).get("policyRoutes") or [] if is_own_exception(route)]
    return with_exceptions(vpc, [match for match in own if match.partition(" == ")[2] not in addresses])


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
        return table, str(route.get("policy") or "policyDst"), str(networks_in(route.get("cidr")))

    def next_hops(among: Sequence[Object]) -> set[tuple[tuple[str, str, str], str]]:
        return {(key(route), str(addresses_in(route.get("nextHopIP")))) for route in among}

    destinations = {key(route) for route in wanted}
    if next_hops(wanted) == next_hops([route for route in routes if key(route) in destinations]):
        return list(routes)
    return [*(route for route in routes if key(route) not in destinations), *wanted]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _set_of_text(value: Any) -> frozenset[str]:
    return frozenset(map(str, value or ()))


def networks_in(value: Any) -> frozenset[Network | str]:
    """CIDRs of a comma-separated list, host bits stripped; text that is none stays text."""

    def parsed(text: str) -> Network | str:
        try:
            return ip_network(text, strict=False)
        except ValueError:
            return text

    return frozenset(parsed(part.strip()) for part in _text(value).split(",") if part.strip())


def addresses_in(value: Any) -> frozenset[Address | str]:
    """Addresses of a comma-separated list; text that is none stays text."""

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
    SUBNET.name: {"vpc": _text, "cidrBlock": networks_in, "provider": _text, "vlan": _text, "gateway": addresses_in},
    OVN_EIP.name: {"externalSubnet": _text, "type": _text, "v4Ip": addresses_in},
    OVN_SNAT_RULE.name: {"ovnEip": _text, "vpcSubnet": _text},
    VLAN.name: {"id": _text, "provider": _text},
    OVN_FIP.name: {"ovnEip": _text, "vpc": _text, "v4Ip": addresses_in},
}
"""By kind: fields that stay as they were made, and how to read their meaning."""


def restored(actual: Object, before: Object, wanted: Object) -> Object | None:
    """The object without what a run changed of it; None where nothing of that is left.

    `before` is what it was when the run began, `wanted` the manifest the run made sure of. What anybody else changed
    meanwhile stays, be it Kube-OVN, which writes addresses into specs, or an administrator in a hurry. Exceptions for the
    tenant's own addresses are not brought back: the addresses may be another's by now.
    """
    after = merge(before, wanted).result or before
    result = copy.deepcopy(actual)
    if "data" in after and actual.get("data") == after["data"]:
        result["data"] = before.get("data")
    _take_back(result["metadata"], "labels", before["metadata"], after["metadata"])
    document = (wanted["metadata"].get("annotations") or {}).get(DOCUMENT_ANNOTATION)
    if document is not None:
        annotations = {**(before["metadata"].get("annotations") or {}), DOCUMENT_ANNOTATION: document}
        _take_back(result["metadata"], "annotations", before["metadata"], {"annotations": annotations})
    result = without(result, before, after)
    return None if result == actual else result


def without(actual: Object, before: Object, after: Object) -> Object:
    """The object without the difference between the specs of `before` and `after`, as far as it still stands so."""
    result = copy.deepcopy(actual)
    was, made = before.get("spec") or {}, after.get("spec") or {}
    for key in sorted(was.keys() | made.keys()):
        if _plain(was.get(key)) == _plain(made.get(key)):
            continue
        now = (actual.get("spec") or {}).get(key)
        if key in _ENTRIES:
            back: Any = _without_entries(now or [], was.get(key) or [], made.get(key) or [])
        elif _plain(now) == _plain(made.get(key)):
            back = was.get(key)
        else:
            continue  # somebody else's by now
        if back in (None, []) and key not in was:
            _spec(result).pop(key, None)
        else:
            _spec(result)[key] = back
    if actual.get("kind") == VPC.name:
        _forget_birth(actual, result)
    return result


_ENTRIES = ("policyRoutes", "staticRoutes", "extraExternalSubnets")
"""Lists in which each entry may be somebody else's."""


def _without_entries(now: Sequence[Any], was: Sequence[Any], made: Sequence[Any]) -> list[Any]:
    old, new = [_plain(entry) for entry in was], [_plain(entry) for entry in made]
    kept = [entry for entry in now if _plain(entry) in old or _plain(entry) not in new]
    present = [_plain(entry) for entry in kept]
    gone = [entry for entry in was if _plain(entry) not in new and _plain(entry) not in present]
    return [*kept, *(entry for entry in gone if not (isinstance(entry, dict) and is_own_exception(entry)))]


def _plain(value: Any) -> Any:
    """A value as it is compared: Kube-OVN writes what is absent as empty, and reorders lists of text."""
    if isinstance(value, dict):
        plain = {key: part for key, part in value.items() if part not in ("", None)}
        return plain | {"policy": plain.get("policy", "policyDst")} if "cidr" in plain else plain
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return sorted(value)
    return value


def _take_back(metadata: Object, part: str, before: Object, after: Object) -> None:
    was, made, now = (held.get(part) or {} for held in (before, after, metadata))
    back = dict(now)
    for key in made.keys() | was.keys():
        if was.get(key) == made.get(key) or now.get(key) != made.get(key):
            continue
        if key in was:
            back[key] = was[key]
        else:
            back.pop(key, None)
    if back != now:
        metadata[part] = back
