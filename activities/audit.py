"""Looking at the whole platform: every tenant held against the document it was onboarded with."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.checks import TENANT_KINDS
from activities.decisions import Pace, deciding
from activities.platform import read_platform_file
from clients.errors import UnavailableError
from clients.kube_ovn.answers import plain
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.objects import is_being_deleted
from clients.kube_ovn.readiness import READINESS
from tenancy import names
from tenancy.announcement import EdgeRole, Route, Translation
from tenancy.audit import AuditFinding, announced_of, findings, most_urgent, reserved_id
from tenancy.fields import Name
from tenancy.kinds import CONFIG_MAP, NAMESPACE, VLAN, VPC, Object
from tenancy.plan import owner_of
from tenancy.platform import Platform
from tenancy.vlans import as_ranges, candidates

MOST_FINDINGS = 1000
"""Told of; a payload of Temporal holds 2 MB."""
LONGEST_MESSAGE = 600
"""Characters."""
AT_ONCE = 16
"""Questions to Temporal at the same time."""
CALL_TIMEOUT = timedelta(seconds=10)


class AuditScope(BaseModel):
    """What an audit looks at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenants: tuple[Name, ...] = ()
    """These alone; none for all, and for what belongs to no tenant."""


class EdgeExpected(BaseModel):
    """What devices at the edge should hold alike, of all tenants."""

    model_config = ConfigDict(frozen=True)

    role: EdgeRole
    devices: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    translations: tuple[Translation, ...] = ()


class PlatformSeen(BaseModel):
    """What the platform's objects tell."""

    model_config = ConfigDict(frozen=True)

    tenants: int
    findings: tuple[AuditFinding, ...]
    unsaid: int = 0
    """Count of findings beyond those that are told."""
    holders: dict[str, str] = {}
    """Who has an address that is announced."""
    edge: tuple[EdgeExpected, ...] = ()
    trunks: dict[str, tuple[str, ...]] = {}
    """In mode vlan: of every switch of the platform's document the trunks, by the switch's name."""
    vlan_ids: str = ""
    """In mode vlan: the IDs tenants may get, as ranges: `100-199,300`."""
    reserved: dict[int, str] = {}
    """Which IDs of it are reserved for whom."""


class Moved(BaseModel):
    """Which tenants are asked about by `changed_since`."""

    model_config = ConfigDict(frozen=True)

    tenants: tuple[str, ...]
    since: AwareDatetime


class AuditSteps:
    """The steps of an audit, ready to be registered with a worker. They change nothing."""

    def __init__(self, kube: KubeOvn, client: Client, pace: Pace, platform_file: Path) -> None:
        self._kube = kube
        self._client = client
        self._pace = pace
        self._platform_file = platform_file

    @activity.defn
    async def look_at_platform(self, scope: AuditScope) -> PlatformSeen:
        """Every tenant that anything bears the label of, against its recorded document and today's platform document."""
        async with deciding(self._pace) as progress:
            platform = read_platform_file(self._platform_file)
            things = await self._everything()
            by_tenant = _by_tenant(things)
            wanted = [tenant for tenant in sorted(by_tenant) if not scope.tenants or tenant in scope.tenants]
            found: list[AuditFinding] = []
            for number, tenant in enumerate(wanted):
                progress(f"{number} of {len(wanted)} tenants")
                # Off the loop: hundreds of documents take seconds, in which nothing else would beat.
                found += await asyncio.to_thread(_findings, tenant, platform, by_tenant[tenant])
            progress("what the devices should hold")
            looked_at = {tenant: by_tenant[tenant] for tenant in wanted}
            return await asyncio.to_thread(_seen, platform, looked_at, found, things)

    @activity.defn
    async def look_at_reservations(self, ids: list[int]) -> list[int]:
        """Which of these VLAN IDs are reserved now."""
        async with deciding(self._pace):
            return sorted(_reserved(await self._kube.list(VLAN)).keys() & set(ids))

    @activity.defn
    async def changed_since(self, asked: Moved) -> list[str]:
        """Of these tenants those that a run is under way for, or was since then: what was seen of them may be half-done."""
        async with deciding(self._pace):
            turn = asyncio.Semaphore(AT_ONCE)

            async def changed(tenant: str) -> bool:
                async with turn:
                    return await self._changed(tenant, asked.since)

            told = await asyncio.gather(*(changed(tenant) for tenant in asked.tenants))
            return [tenant for tenant, one in zip(asked.tenants, told, strict=True) if one]

    async def _changed(self, tenant: str, since: datetime) -> bool:
        try:
            run = await self._client.get_workflow_handle(names.workflow(tenant)).describe(rpc_timeout=CALL_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise UnavailableError(
                f"Temporal does not say whether a run of {tenant} is under way ({error.message})"
            ) from error
        return run.status is WorkflowExecutionStatus.RUNNING or (run.close_time is not None and run.close_time >= since)

    async def _everything(self) -> list[Object]:
        lists = await asyncio.gather(
            *(self._kube.list(kind) for kind in TENANT_KINDS),
            self._kube.list(CONFIG_MAP, labels={names.LABEL: None}),
        )
        return [thing for found in lists for thing in found]


def _findings(tenant: str, platform: Platform, things: Sequence[Object]) -> list[AuditFinding]:
    try:
        return findings(tenant, platform, things, _unready(things))
    except Exception as error:  # whatever stands in one tenant's objects, all others are looked at
        activity.logger.warning("a tenant could not be audited", extra={"tenant": tenant}, exc_info=True)
        return [
            AuditFinding(
                kind="record",
                tenant=tenant,
                subject=f"Vpc {names.vpc(tenant)}",
                message=f"something in the objects of {tenant} cannot be read ({type(error).__name__}: {error}), so nothing"
                f" is known of it, its block policy included: see the worker's log, and mend the object",
            )
        ]


def _by_tenant(things: Sequence[Object]) -> dict[str, list[Object]]:
    """By tenant what bears its label, and what has a name of its things and not the label."""
    found: dict[str, list[Object]] = defaultdict(list)
    for thing in things:
        if (owner := owner_of(thing)) is not None:
            found[owner].append(thing)
    for thing in things:
        named = _named_after(thing)
        if named in found and owner_of(thing) != named:
            found[named].append(thing)
    return dict(found)


def _named_after(thing: Object) -> str:
    name = str(thing["metadata"]["name"])
    if thing["kind"] == NAMESPACE.name:
        return name.removeprefix(names.namespace(""))
    return name if thing["kind"] == VPC.name else name.partition("--")[0]


def _unready(things: Iterable[Object]) -> dict[tuple[str, str], str]:
    found = {}
    for thing in things:
        key = (str(thing["kind"]), str(thing["metadata"]["name"]))
        if is_being_deleted(thing):
            found[key] = "its deletion was asked for and has not come to its end"
        elif thing["kind"] in READINESS and (reason := READINESS[thing["kind"]].ready(thing)):
            found[key] = reason
    return found


def _reserved(vlans: Iterable[Object]) -> dict[int, str]:
    return {number: str(owner_of(vlan)) for vlan in vlans if (number := reserved_id(vlan)) is not None}


def _seen(
    platform: Platform, tenants: dict[str, list[Object]], found: Sequence[AuditFinding], things: Sequence[Object]
) -> PlatformSeen:
    holders: dict[str, str] = {}
    edge: dict[tuple[EdgeRole, str], list[Route | Translation]] = defaultdict(list)
    for tenant, objects in tenants.items():
        if (announced := announced_of(tenant, objects)) is None:
            continue
        holders |= {route.address: tenant for route in announced.routes}
        holders |= {pair.public: tenant for pair in announced.translations}
        for role, device in announced.devices:
            edge[role, device] += announced.translations if role == "translator" else announced.routes
    vlan = platform.spec.vlan
    told = [
        one.model_copy(update={"message": plain(one.message, LONGEST_MESSAGE)})
        for one in most_urgent(found, MOST_FINDINGS)
    ]
    return PlatformSeen(
        tenants=len(tenants),
        findings=tuple(told),
        unsaid=len(found) - len(told),
        holders=holders,
        edge=_shared(edge),
        trunks={switch.name: switch.trunks for switch in vlan.switches} if vlan is not None else {},
        vlan_ids=as_ranges(candidates(vlan)) if vlan is not None else "",
        reserved=_reserved(things),
    )


def _shared(edge: Mapping[tuple[EdgeRole, str], Sequence[Route | Translation]]) -> tuple[EdgeExpected, ...]:
    """What devices of one role hold alike is told once: it may be every tenant's addresses."""
    alike: dict[tuple[EdgeRole, tuple[Route | Translation, ...]], list[str]] = defaultdict(list)
    for (role, device), things in edge.items():
        alike[role, tuple(things)].append(device)
    return tuple(
        EdgeExpected.model_validate(
            {
                "role": role,
                "devices": devices,
                ("translations" if role == "translator" else "routes"): things,
            }
        )
        for (role, things), devices in alike.items()
    )
