"""Looking before and after: preflight, the inventory of a tenant, and reading everything back."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, deciding
from activities.platform import read_allowed_signers, read_edge_signers, read_platform_file
from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import some
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.objects import is_being_deleted
from clients.kube_ovn.prerequisites import missing_prerequisites
from clients.kube_ovn.public_addresses import reservations_of
from clients.kube_ovn.readiness import READINESS
from clients.kube_ovn.usage import users_of, users_of_release
from tenancy import names
from tenancy.announcement import Announcement, recorded, supposed
from tenancy.approval import Approval
from tenancy.documents import read_tenant
from tenancy.edge import ByEdgeTeam
from tenancy.fields import Address
from tenancy.kinds import (
    CONFIG_MAP,
    KINDS,
    NAMESPACE,
    OVN_DNAT_RULE,
    OVN_EIP,
    OVN_FIP,
    OVN_SNAT_RULE,
    SUBNET,
    VLAN,
    VPC,
    Object,
)
from tenancy.meaning import merge
from tenancy.plan import Plan, addresses_of, external_ips_of, owner_of, plan
from tenancy.platform import Platform
from tenancy.release import public_addresses
from tenancy.reservation import Trunks, trunks_of, union
from tenancy.tenant import TenantNetwork

TENANT_KINDS = (OVN_FIP, OVN_SNAT_RULE, OVN_DNAT_RULE, OVN_EIP, SUBNET, VPC, NAMESPACE, VLAN)
"""Kinds a tenant may have objects of, beside its ConfigMap."""


class Found(BaseModel):
    """What preflight found: all that a run needs to know, so that it never changes its mind."""

    model_config = ConfigDict(frozen=True)

    platform: Platform
    plan: Plan
    before: tuple[Object, ...]
    """The tenant's objects as they were before the run: what undo brings back."""
    allowed_signers: str = ""
    """In mode vlan with signed decisions: the text of the allowed-signers file."""
    edge_signers: str = ""
    """The same where the edge team confirms what it has announced, and signs that."""


class Verification(BaseModel):
    """What `verify` is asked: the manifests that must be so."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    manifests: tuple[Object, ...]


class Inventory(BaseModel):
    """Everything on the platform that bears a tenant's label, as far as it has to be known to remove it."""

    model_config = ConfigDict(frozen=True)

    objects: tuple[Object, ...]
    switches: dict[str, tuple[str, ...]] = {}
    """In mode vlan: the trunks of every switch that carries the tenant's VLAN, by the switch's name."""
    by_hand: bool = False
    """In mode vlan: the network team configures the switches."""
    announcement: Announcement | None = None
    """All that is, or may be, announced of the tenant."""
    edge_team: ByEdgeTeam | None = None
    """Who has to confirm that it is withdrawn; None where Berth withdraws it."""
    edge_signers: str = ""
    """Where that is signed: the text of the allowed-signers file."""


class Checks:
    """The steps that only look, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace, platform_file: Path) -> None:
        self._kube = kube
        self._pace = pace
        self._platform_file = platform_file

    @activity.defn
    async def preflight(self, document: Object) -> Found:
        """Everything that can be known before the first change: platform, capacity, what is there, what is in the way.

        Refuses with every obstacle at once.
        """
        async with deciding(self._pace):
            platform = read_platform_file(self._platform_file)
            # The document is good in itself; on this platform it may not be.
            tenant = read_tenant(document, platform)
            observed, missing = await asyncio.gather(
                observe(self._kube, tenant, platform), missing_prerequisites(self._kube, platform, tenant)
            )
            planned = plan(tenant, platform, observed)
            obstacles = [*planned.obstacles, *missing]
            if planned.released is not None:
                obstacles += await users_of_release(self._kube, tenant.name, planned.released)
            if obstacles:
                raise RefusedError(" | ".join(obstacles), reason="preflight")
            # What is on its way out is not there to be brought back: the run makes it anew.
            staying = (thing for thing in observed if owner_of(thing) == tenant.name and not is_being_deleted(thing))
            before = tuple(_essence(thing) for thing in staying)
            return Found(
                platform=platform,
                plan=planned,
                before=before,
                allowed_signers=read_allowed_signers(platform),
                edge_signers=read_edge_signers(platform),
            )

    @activity.defn
    async def verify(self, given: Verification) -> None:
        """Reads everything back: each object is there, is the tenant's, means what its manifest says, and is ready."""
        async with deciding(self._pace):
            checked = await asyncio.gather(*(self._wrong(given.tenant, manifest) for manifest in given.manifests))
            wrong = [text for text, _ in checked if text]
            if any(is_final for _, is_final in checked):
                raise RefusedError(f"read back, {' | '.join(wrong)}: find out who changed it", reason="not-as-planned")
            if wrong:
                raise UnavailableError(f"read back, {' | '.join(wrong)}")

    async def _wrong(self, tenant: str, manifest: Object) -> tuple[str, bool]:
        """What is wrong with one object, and whether waiting cannot mend it; nothing where all is well."""
        kind = KINDS[manifest["kind"]]
        name = manifest["metadata"]["name"]
        actual = await self._kube.get(kind, name, manifest["metadata"].get("namespace"))
        if actual is None:
            return f"{kind.name} {name} is gone", True
        if owner_of(actual) != tenant:
            return f"{kind.name} {name} is no longer labelled {names.LABEL}={tenant}", True
        merged = merge(actual, manifest)
        if merged.conflicts or merged.result is not None:
            return (
                f"{kind.name} {name} is not what was written ({'; '.join(merged.conflicts) or 'changed since'})",
                True,
            )
        if kind == VPC and (users := await users_of(self._kube, actual)):
            return f"Vpc {name} also holds {some(users)}, not Berth's", True
        reason = READINESS[kind.name].ready(actual) if kind.name in READINESS else None
        return (f"{kind.name} {name} is not ready: {reason}", False) if reason else ("", False)

    @activity.defn
    async def take_inventory(self, tenant: str) -> Inventory:
        """All that bears the tenant's label. Refuses while any of it is in use, naming every user at once."""
        async with deciding(self._pace):
            objects, strange = await asyncio.gather(labelled(self._kube, tenant), unlabelled(self._kube, tenant))
            if not objects:
                raise RefusedError(
                    f"nothing on this platform bears the label {names.LABEL}={tenant}: check the tenant's name",
                    reason="no-such-tenant",
                )
            strange += [
                f"Namespace {thing['metadata']['name']} bears label {names.LABEL}={tenant} and is not the tenant's: take it off"
                for thing in objects
                if thing["kind"] == NAMESPACE.name and thing["metadata"]["name"] != names.namespace(tenant)
            ]
            if strange:
                raise RefusedError(" | ".join(strange), reason="label")
            used = await asyncio.gather(*(users_of(self._kube, thing) for thing in objects))
            in_use = [
                f"{thing['kind']} {thing['metadata']['name']} by {some(users)}"
                for thing, users in zip(objects, used, strict=True)
                if users
            ]
            if in_use:
                raise RefusedError(
                    f"tenant {tenant} is still in use: {' | '.join(in_use)}: remove or move these first",
                    reason="in-use",
                )
            # Of a tenant without a VLAN nothing is on the switches, and no platform document is needed.
            vlan = None
            if any(thing["kind"] == VLAN.name for thing in objects):
                vlan = read_platform_file(self._platform_file).spec.vlan
            trunks = {switch.name: switch.trunks for switch in vlan.switches} if vlan else {}
            announcement = await self._announcement(tenant, objects)
            team, signers = self._edge_team(tenant, announcement)
            return Inventory(
                objects=tuple(_essence(thing) for thing in objects),
                switches=_switches(objects, trunks),
                by_hand=vlan is not None and vlan.configure == "by-hand",
                announcement=announcement,
                edge_team=team,
                edge_signers=signers,
            )

    async def _announcement(self, tenant: str, objects: Sequence[Object]) -> Announcement | None:
        """What the VPC records; and, should somebody have taken the record away, what the platform would announce."""
        vpc = next((thing for thing in objects if thing["kind"] == VPC.name), None)
        try:
            known = recorded(vpc)
        except ValueError as error:
            raise RefusedError(str(error), reason="record") from error
        held, public = external_ips_of(tenant, objects), public_addresses(objects)
        if known is not None or not (held or public):
            return known
        spec = read_platform_file(self._platform_file).spec
        hops: tuple[Address, ...] = ()
        if isinstance(spec.announce, ByEdgeTeam) and spec.provider_network is not None:
            # People are told the next hop: a line without it takes no route away.
            port = names.router_port_eip(tenant, spec.provider_network.external_subnet)
            hops = (*addresses_of(await self._kube.get(OVN_EIP, port) or {}), *spec.announce.next_hops)
        return supposed(spec.announce, held, hops, public)

    def _edge_team(self, tenant: str, announced: Announcement | None) -> tuple[ByEdgeTeam | None, str]:
        """Who has to confirm the withdrawal of what is announced, and with which keys; None where Berth withdraws it."""
        # Recorded before it is asked: what nobody has confirmed may be configured all the same.
        if announced is None or (announced.method != "none" and not announced.confirmations):
            return None, ""
        platform = read_platform_file(self._platform_file)
        if not isinstance(platform.spec.announce, ByEdgeTeam):
            raise RefusedError(
                f"Vpc {names.vpc(tenant)}: annotation {names.ANNOUNCED_ANNOTATION} tells of routes that the edge team"
                " configured, and the platform document no longer says who confirms that they are withdrawn: write"
                " spec.announce with method none back, or take the annotation off once nothing of it is announced any more",
                reason="record",
            )
        return platform.spec.announce, read_edge_signers(platform)

    @activity.defn
    async def verify_gone(self, inventory: Inventory) -> None:
        """Proves by reading back that nothing is left that bears the tenant's label, or a name of its things."""
        async with deciding(self._pace):
            tenant = next(owner for thing in inventory.objects if (owner := owner_of(thing)))
            found, strange = await asyncio.gather(labelled(self._kube, tenant), unlabelled(self._kube, tenant))
            left = [f"{thing['kind']} {thing['metadata']['name']}" for thing in found]
            if left:
                raise RefusedError(
                    f"read back after its removal, {some(left)} bears the label {names.LABEL}={tenant}: find out who makes"
                    " it, and offboard again",
                    reason="not-gone",
                )
            if strange:
                raise RefusedError(f"read back after its removal, {' | '.join(strange)}", reason="not-gone")


def _switches(objects: Sequence[Object], trunks: Trunks) -> dict[str, tuple[str, ...]]:
    """The trunks to look at: those of the platform's document, and those it no longer has, as the Vlan remembers."""
    known: dict[str, tuple[str, ...]] = union(trunks, dict.fromkeys(_approved_switches(objects), ()))
    for thing in objects:
        if thing["kind"] == VLAN.name:
            known = union(known, trunks_of(thing))
    return known


def _approved_switches(objects: Sequence[Object]) -> Iterator[str]:
    """The switches a tenant's VLAN was approved for, as its VPC records: the platform may know some no longer."""
    for thing in objects:
        text = (thing["metadata"].get("annotations") or {}).get(names.APPROVAL_ANNOTATION)
        if thing["kind"] == VPC.name and text is not None:
            with suppress(ValueError):  # whatever it is, it names no switch
                yield from (lines.switch for lines in Approval.model_validate_json(text).preview.switches)


async def labelled(kube: KubeOvn, tenant: str) -> list[Object]:
    """Everything that bears the tenant's label, the hand-over's ConfigMap and reserved public addresses included.

    Those are looked for in every namespace: the platform's document may name another, or no pool, by now.
    """
    labels = {names.LABEL: tenant}
    lists = await asyncio.gather(
        *(kube.list(kind, labels=labels) for kind in TENANT_KINDS),
        kube.list(CONFIG_MAP, namespace=names.namespace(tenant), labels=labels),
        reservations_of(kube, tenant),
    )
    *objects, there, reserved = lists
    # Another with the label goes with the namespace: the worker may touch no ConfigMap there but the hand-over.
    hand_over = [one for one in there if one["metadata"]["name"] == names.HAND_OVER]
    return [thing for found in (*objects, hand_over, reserved) for thing in found]


async def unlabelled(kube: KubeOvn, tenant: str) -> list[str]:
    """What has a name of the tenant's and not its label, each in words: removal would pass it over."""
    kinds = [kind for kind in TENANT_KINDS if kind not in (VPC, NAMESPACE, VLAN)]  # a Vlan's name tells no tenant
    wholes = await asyncio.gather(kube.get(VPC, names.vpc(tenant)), kube.get(NAMESPACE, names.namespace(tenant)))
    lists = await asyncio.gather(*(kube.list(kind) for kind in kinds))
    parts = (thing for found in lists for thing in found if names.belongs(tenant, thing["metadata"]["name"]))
    named = [*(thing for thing in wholes if thing is not None), *parts]
    return [
        f"{thing['kind']} {thing['metadata']['name']} has the name of a thing of {tenant}'s and not its label"
        f" {names.LABEL}={tenant}: label it if it is the tenant's, or have its owner remove it"
        for thing in named
        if owner_of(thing) != tenant
    ]


async def observe(kube: KubeOvn, tenant: TenantNetwork, platform: Platform) -> Sequence[Object]:
    """What there is of a tenant: all that bears its label, and whatever else has a name the tenant would take."""
    mine = await labelled(kube, tenant.name)
    here = {(thing["kind"], thing["metadata"]["name"]) for thing in mine}
    wanted = [
        (planned.kind, planned.name, planned.manifest["metadata"].get("namespace"))
        for planned in plan(tenant, platform, ()).objects
        if (planned.kind, planned.name) not in here
    ]
    others = await asyncio.gather(*(kube.get(KINDS[kind], name, namespace) for kind, name, namespace in wanted))
    return [*mine, *(thing for thing in others if thing is not None)]


def _essence(thing: Object) -> Object:
    """The object without what only the API server cares for: small enough for a workflow's history."""
    metadata = thing["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "uid", "labels", "annotations") if key in metadata}
    return {key: thing[key] for key in ("apiVersion", "kind", "spec", "data", "status") if key in thing} | {
        "metadata": kept
    }
