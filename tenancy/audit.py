"""The audit: what of a tenant is not as its recorded document says, found by comparing, and what to do about each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from tenancy import names
from tenancy.announcement import Announcement, recorded
from tenancy.documents import read_tenant
from tenancy.fields import Address
from tenancy.kinds import CONFIG_MAP, SUBNET, VLAN, VPC, Object
from tenancy.meaning import with_spec
from tenancy.mistakes import InvalidDocumentError
from tenancy.plan import Plan, external_ips_of, owner_of, plan
from tenancy.platform import Platform
from tenancy.policy import DROP_PRIORITY, block_acls, block_policy, ours, own_exceptions
from tenancy.tenant import TenantNetwork

FindingKind: TypeAlias = Literal[
    "block-policy",
    "missing",
    "changed",
    "not-ready",
    "left-over",
    "unfinished",
    "record",
    "refused",
    "forgotten-vlan",
    "vlan-missing",
    "route-missing",
    "device",
]
"""block-policy: a way to the platform is open. missing, changed: an object is not there, or not what the document says.
left-over: it is there and the document does not say so. unfinished: things of a tenant without a record of what was
applied. record: the record cannot be read. refused: today's platform document would refuse the recorded one. forgotten-vlan:
a switch knows an ID of the tenants' range that nobody has reserved. vlan-missing, route-missing: a device lacks what the
tenant should have there. device: one that could not be asked."""


class AuditFinding(BaseModel):
    """One thing that is not as it should be."""

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    tenant: str | None
    """None where it is no single tenant's."""
    subject: str
    """The object or device, e.g. `Subnet acme--prod`, `switch leaf-1`."""
    message: str
    """One line: what is so, and what to do."""
    stands: bool = False
    """True of what no run leaves so for a moment: told of a tenant that a run is under way for, too. Runs wait for weeks."""


def findings(
    tenant: str, platform: Platform, observed: Sequence[Object], unready: Mapping[tuple[str, str], str]
) -> list[AuditFinding]:
    """What of one tenant is not as its recorded document says.

    Args:
        tenant: the tenant's name, as the label on its objects gives it.
        platform: the platform's document as it is today.
        observed: all that bears the tenant's label, and what else has a name its document would take.
        unready: why an object of these is not ready, by kind and name.
    """
    return list(_findings(tenant, platform, observed, unready))


def most_urgent(found: Sequence[AuditFinding], most: int) -> list[AuditFinding]:
    """So many of them; open ways before all else, which otherwise a thousand trifles could keep from being told."""
    return sorted(found, key=lambda one: one.kind != "block-policy")[:most]


def _recorded_tenant(vpc: Object | None, platform: Platform) -> TenantNetwork | None:
    """The tenant's document as the VPC records it; None where it records none.

    Raises InvalidDocumentError where the platform would refuse it today, ValueError for what is no JSON.
    """
    text = ((vpc or {}).get("metadata", {}).get("annotations") or {}).get(names.DOCUMENT_ANNOTATION)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except RecursionError as error:
        # Python's own, which is no ValueError: one annotation would keep everybody else from being looked at.
        raise ValueError("it is nested too deeply") from error
    return read_tenant(document, platform)


def _vpc_of(tenant: str, things: Sequence[Object]) -> Object | None:
    return next((thing for thing in things if thing["kind"] == VPC.name and _name(thing) == names.vpc(tenant)), None)


def _findings(
    tenant: str, platform: Platform, observed: Sequence[Object], unready: Mapping[tuple[str, str], str]
) -> Iterator[AuditFinding]:
    mine = [thing for thing in observed if owner_of(thing) == tenant]
    vpc = _vpc_of(tenant, mine)
    subject = f"Vpc {names.vpc(tenant)}"
    if vpc is not None:
        # Whatever else is known of it: nothing matters as much.
        yield from _open_ways(tenant, platform, vpc, external_ips_of(tenant, mine))
    for thing in mine:
        if thing["kind"] == SUBNET.name:
            yield from _ways_around_the_router(tenant, platform, thing)
    try:
        document = _recorded_tenant(vpc, platform)
    except InvalidDocumentError as error:
        yield AuditFinding(
            kind="refused",
            tenant=tenant,
            subject=subject,
            message=f"the document it records would be refused today ({error}): change it and onboard {tenant} again, or"
            " correct the platform document",
        )
        return
    except ValueError as error:
        yield AuditFinding(
            kind="record",
            tenant=tenant,
            subject=subject,
            message=f"annotation {names.DOCUMENT_ANNOTATION} cannot be read ({error}): onboard {tenant} again with its document",
        )
        return
    if document is None:
        yield AuditFinding(
            kind="unfinished",
            tenant=tenant,
            subject=subject,
            message=f"{len(mine)} objects bear the label of {tenant} ({_some(mine)}) and no VPC records a document of it: no run"
            f" brought it to its end; onboard {tenant} again, or offboard it",
        )
        return
    yield from _drift(tenant, plan(document, platform, observed), observed, vpc)
    for (kind, name), reason in sorted(unready.items()):
        yield AuditFinding(
            kind="not-ready",
            tenant=tenant,
            subject=f"{kind} {name}",
            message=f"is not ready: {reason}: see its events, and that kube-ovn-controller runs",
        )
    yield from _unannounced(tenant, platform, document, vpc)


def _open_ways(
    tenant: str, platform: Platform, vpc: Object, held: Mapping[str, Sequence[Address]]
) -> Iterator[AuditFinding]:
    """Drops of today's platform document that the VPC lacks, and routes in Berth's band that let through what none should."""
    wanted = block_policy(platform)
    own = own_exceptions(platform, (address for addresses in held.values() for address in addresses))
    routes = [route for route in (vpc.get("spec") or {}).get("policyRoutes") or () if ours(route)]
    present = {_what(route) for route in routes}
    missing = [one.match for one in wanted if one.action == "drop" and _what(one.manifest()) not in present]
    known = {_what(one.manifest()) for one in (*wanted, *own)}
    through = [_told(route) for route in routes if route.get("action") != "drop" and _what(route) not in known]
    yield from _open(tenant, f"Vpc {names.vpc(tenant)}", missing, through)


def _ways_around_the_router(tenant: str, platform: Platform, subnet: Object) -> Iterator[AuditFinding]:
    """Drops that a subnet lacks whose traffic no router of OVN's sees, and ACLs above them that let through."""
    spec = subnet.get("spec") or {}
    vlan = platform.spec.vlan
    by_acls = bool(spec.get("vlan")) or (vlan is not None and vlan.gateway == "physical")
    if not by_acls or spec.get("logicalGateway"):
        return
    wanted = block_acls(platform)
    # To workloads is no way from them.
    acls = [acl for acl in spec.get("acls") or () if acl.get("direction") != "to-lport"]
    present = {_what(acl) for acl in acls}
    known = {_what(one.manifest()) for one in wanted}
    missing = [one.match for one in wanted if one.action == "drop" and _what(one.manifest()) not in present]
    through = [
        _told(acl)
        for acl in acls
        if acl.get("action") not in ("drop", "reject")
        and int(acl.get("priority") or 0) >= DROP_PRIORITY
        and _what(acl) not in known
    ]
    yield from _open(tenant, f"Subnet {_name(subnet)}", missing, through)


def _open(tenant: str, subject: str, missing: Sequence[str], through: Sequence[str]) -> Iterator[AuditFinding]:
    now = f"onboard {tenant} again now, which sets its block policy right"
    if missing:
        message = f"does not drop {', '.join(missing)}: the tenant can reach what the platform document blocks: {now}"
        yield AuditFinding(kind="block-policy", tenant=tenant, subject=subject, message=message, stands=True)
    if through:
        message = (
            f"lets through {', '.join(through)}, which neither the platform document nor an own address asks for: {now}"
        )
        yield AuditFinding(kind="block-policy", tenant=tenant, subject=subject, message=message)


def _told(route: Mapping[str, Any]) -> str:
    return f"{route.get('match')} ({route.get('action')}, priority {route.get('priority')})"


def _what(route: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return route.get("priority"), route.get("action"), route.get("match")


def _drift(tenant: str, planned: Plan, observed: Sequence[Object], vpc: Object | None) -> Iterator[AuditFinding]:
    again = f"onboard {tenant} again with its document, or find out who did it"
    for one in planned.objects:
        if one.action == "keep":
            continue
        kind: FindingKind = "missing" if one.action == "create" else "changed"
        said = "is gone" if one.action == "create" else "is not what its document says"
        yield AuditFinding(kind=kind, tenant=tenant, subject=f"{one.kind} {one.name}", message=f"{said}: {again}")
    if planned.router_port is not None and vpc is not None and with_spec(vpc, planned.router_port) != vpc:
        yield AuditFinding(
            kind="changed",
            tenant=tenant,
            subject=f"Vpc {_name(vpc)}",
            message=f"its way out ({', '.join(sorted(planned.router_port))}) is not what its document says: {again}",
        )
    for obstacle in planned.obstacles:
        subject = " ".join(obstacle.split(" ")[:2])
        yield AuditFinding(kind="left-over", tenant=tenant, subject=subject, message=obstacle)
    if planned.released is not None:
        for gone in planned.released.objects:
            yield AuditFinding(
                kind="left-over",
                tenant=tenant,
                subject=f"{gone.kind} {gone.name}",
                message=f"is there and not in the document: onboard {tenant} again, which gives it back",
            )
    here = {(thing["kind"], _name(thing)) for thing in observed}
    if (CONFIG_MAP.name, names.HAND_OVER) not in here:
        yield AuditFinding(
            kind="missing", tenant=tenant, subject=f"ConfigMap {names.HAND_OVER}", message=f"is gone: {again}"
        )
    if planned.mode == "vlan" and planned.vlan is None:
        yield AuditFinding(
            kind="missing",
            tenant=tenant,
            subject=f"Vlan of {tenant}",
            message=f"nothing reserves a VLAN ID for {tenant}, and another tenant may be given its ID: see the switches for"
            f" berth-{tenant}, then offboard and onboard it",
        )


def _unannounced(
    tenant: str, platform: Platform, document: TenantNetwork, vpc: Object | None
) -> Iterator[AuditFinding]:
    subject = f"Vpc {names.vpc(tenant)}"
    try:
        announced = recorded(vpc)
    except ValueError as error:
        yield AuditFinding(kind="record", tenant=tenant, subject=subject, message=str(error))
        return
    lacking = {ip.name for ip in document.spec.external_ips} - {
        one.name for one in (announced.external_ips if announced is not None else ())
    }
    if platform.spec.announce is not None and lacking:
        yield AuditFinding(
            kind="route-missing",
            tenant=tenant,
            subject=subject,
            message=f"nothing is recorded as announced of external IP {', '.join(sorted(lacking))}: onboard {tenant} again",
        )


def reserved_id(vlan: Object) -> int | None:
    """The VLAN ID that a Vlan object of Berth's reserves; None for one of somebody else's."""
    number = (vlan.get("spec") or {}).get("id")
    mine = vlan["kind"] == VLAN.name and owner_of(vlan) is not None
    return number if mine and isinstance(number, int) and _name(vlan) == names.vlan(number) else None


def announced_of(tenant: str, observed: Sequence[Object]) -> Announcement | None:
    """What is announced of a tenant by its VPC's record; None where that says nothing, or cannot be read."""
    try:
        return recorded(_vpc_of(tenant, observed))
    except ValueError:
        return None  # `findings` tells of it


def _name(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def _some(things: Sequence[Object]) -> str:
    """The first few of many by name."""
    named = sorted(f"{thing['kind']} {_name(thing)}" for thing in things)
    return ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")
