"""The block policy: what a tenant's router drops so that no tenant reaches the platform or another tenant.

Matches are generated from parsed addresses only. Kube-OVN accepts a match OVN cannot read, and it then does nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

from tenancy.fields import Address, Network, contains
from tenancy.platform import Platform, blocked_cidrs

DROP_PRIORITY = 32000
"""Above all that Kube-OVN uses itself (29000 to 31000), so no gateway's reroute goes around it."""
ALLOW_PRIORITY = 32100
"""Exceptions stand above the drops; the highest priority wins."""
LOWEST_OURS, HIGHEST_OURS = 31001, 32767
"""The band of priorities that is Berth's on a tenant's VPC; 32767 is OVN's highest."""


class PolicyRoute(BaseModel):
    """One entry of a VPC's `policyRoutes`."""

    model_config = ConfigDict(frozen=True)

    priority: int
    action: str
    match: str

    def manifest(self) -> dict[str, Any]:
        """As it stands in the VPC's spec."""
        return {"priority": self.priority, "action": self.action, "match": self.match}


def _destination(network: Network) -> str:
    return f"ip{network.version}.dst == {network}"


def _own(address: Address) -> PolicyRoute:
    return PolicyRoute(priority=ALLOW_PRIORITY, action="allow", match=f"ip{address.version}.dst == {address}")


def block_policy(platform: Platform) -> tuple[PolicyRoute, ...]:
    """The routes a VPC is born with: a drop for each blocked CIDR, and the platform's exceptions above them."""
    drops = [
        PolicyRoute(priority=DROP_PRIORITY, action="drop", match=_destination(network))
        for network in blocked_cidrs(platform)
    ]
    exceptions = [
        PolicyRoute(priority=ALLOW_PRIORITY, action="allow", match=_destination(network))
        for network in platform.spec.block.exceptions
    ]
    return tuple(dict.fromkeys([*drops, *exceptions]))


class SubnetAcl(BaseModel):
    """One entry of a subnet's `acls`."""

    model_config = ConfigDict(frozen=True)

    priority: int
    action: str
    match: str

    def manifest(self) -> dict[str, Any]:
        """As it stands in the subnet's spec; it is applied to what comes from workloads."""
        return {"direction": "from-lport", "priority": self.priority, "match": self.match, "action": self.action}


def block_acls(platform: Platform) -> tuple[SubnetAcl, ...]:
    """What the block policy says, as ACLs of a subnet whose gateway is a switch: no router of OVN's sees its traffic.

    OVN's ACLs know the same priorities, matches and actions as its router policies (ovn-nb(5)), and Kube-OVN writes them
    as they are given (1.17 pkg/ovs/ovn-nb-acl.go).
    """
    return tuple(
        SubnetAcl(priority=route.priority, action=route.action, match=route.match) for route in block_policy(platform)
    )


def own_exceptions(platform: Platform, addresses: Iterable[Address]) -> tuple[PolicyRoute, ...]:
    """Lets a tenant reach its own external IPs, where they lie inside a blocked CIDR (policies run after un-NAT)."""
    blocked = blocked_cidrs(platform)
    inside = (address for address in addresses if any(contains(cidr, address) for cidr in blocked))
    return tuple(_own(address) for address in sorted(set(inside), key=lambda address: (address.version, int(address))))


def born_policy(routes: Iterable[Mapping[str, Any]]) -> tuple[PolicyRoute, ...]:
    """Of a VPC's routes in Berth's band: all but the exceptions for its own addresses, which come and go with them."""
    return tuple(
        PolicyRoute(priority=route["priority"], action=str(route.get("action")), match=str(route.get("match")))
        for route in routes
        if ours(route) and "/" in str(route.get("match"))
    )


def is_own_exception(route: Mapping[str, Any]) -> bool:
    """Whether a route of a VPC excepts one of the tenant's own addresses from the block: a single address, never a CIDR."""
    match = str(route.get("match") or "")
    return (
        route.get("priority") == ALLOW_PRIORITY
        and route.get("action") == "allow"
        and " == " in match
        and "/" not in match
    )


def with_own_exceptions(routes: Sequence[Mapping[str, Any]], matches: Sequence[str]) -> list[dict[str, Any]]:
    """A VPC's routes with exceptions for exactly these of the tenant's own addresses, and nothing else touched."""
    kept = [dict(route) for route in routes if not is_own_exception(route) or route["match"] in matches]
    present = {route["match"] for route in kept if is_own_exception(route)}
    missing = (match for match in matches if match not in present)
    return [*kept, *(PolicyRoute(priority=ALLOW_PRIORITY, action="allow", match=match).manifest() for match in missing)]


def digest(policy: Sequence[PolicyRoute]) -> str:
    """What a block policy is known by: the same for the same routes in any order."""
    lines = sorted(f"{route.priority}:{route.action}:{route.match}" for route in policy)
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def ours(route: Mapping[str, Any]) -> bool:
    """Whether a route of a VPC stands in the band of priorities that is Berth's."""
    priority = route.get("priority")
    return isinstance(priority, int) and LOWEST_OURS <= priority <= HIGHEST_OURS


def with_policy(
    routes: Sequence[Mapping[str, Any]], policy: Sequence[PolicyRoute | Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A VPC's routes with Berth's band holding exactly this policy, and nothing else touched."""
    wanted = [route.manifest() if isinstance(route, PolicyRoute) else _plain(route) for route in policy]
    band = [_plain(route) for route in routes if ours(route)]
    # Order means nothing to OVN; keeping it spares a write that would change nothing.
    if sorted(map(str, band)) == sorted(map(str, wanted)):
        return [dict(route) for route in routes]
    return [*(dict(route) for route in routes if not ours(route)), *wanted]


def _plain(route: Mapping[str, Any]) -> dict[str, Any]:
    # Kube-OVN's Go types write an absent nextHopIP as an empty one.
    kept = {"priority": route.get("priority"), "action": route.get("action"), "match": route.get("match")}
    return {**kept, **({"nextHopIP": route["nextHopIP"]} if route.get("nextHopIP") else {})}
