"""The plan: which steps would make the tenant's network what its document says, from what is there now.

The command line shows it, the workflow executes it, and its hash says whether two people talk about the same one.
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tenancy import manifests, names
from tenancy.edge import Announce, routers_of, translators_of
from tenancy.fields import Address
from tenancy.kinds import CONFIG_MAP, KINDS, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, SUBNET, VLAN, VPC, Object
from tenancy.meaning import merge
from tenancy.platform import Platform
from tenancy.policy import block_policy, own_exceptions
from tenancy.release import Released, may_go, obstacles_of, public_address_for, released
from tenancy.tenant import FloatingIP, Snat, TenantNetwork


class Stage(StrEnum):
    """The stages of an onboarding, in their order; what people see of where a run is."""

    PREFLIGHT = "preflight"
    PUBLIC_ADDRESSES = "public-addresses"
    VLAN = "vlan"
    APPROVAL = "approval"
    SWITCHES = "switches"
    VPC = "vpc"
    SUBNETS = "subnets"
    NAMESPACE = "namespace"
    BLOCK_POLICY = "block-policy"
    ROUTER_PORT = "router-port"
    EXTERNAL_IPS = "external-ips"
    TRANSLATION = "translation"
    EDGE = "edge"
    VERIFY = "verify"
    HAND_OVER = "hand-over"
    RELEASE = "release"


class PlannedObject(BaseModel):
    """One object, and what has to happen so that it means what the document says."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    action: Literal["create", "change", "keep", "blocked"]
    """Blocked: an obstacle says why."""
    manifest: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.manifest["kind"])


class EdgePlan(BaseModel):
    """How the tenant's external IPs are announced, and on which devices."""

    model_config = ConfigDict(frozen=True)

    method: Literal["static-route", "one-to-one-nat", "none"]
    translators: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()


class Plan(BaseModel):
    """Everything a run would do to the platform's objects."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    mode: Literal["overlay", "vlan"]
    objects: tuple[PlannedObject, ...]
    vlan: int | None = None
    """In mode vlan: the ID the tenant has; None until one is reserved for it."""
    switches: tuple[str, ...] = ()
    """In mode vlan: the switches that carry the tenant's VLAN, by name."""
    router_port: Object | None = None
    """What the VPC's spec gets for its way out; None for a tenant without external IPs."""
    edge: EdgePlan | None = None
    """None where nothing of the tenant is announced."""
    released: Released | None = None
    """What is given back in the end; None for nothing."""
    obstacles: tuple[str, ...] = ()
    """Why the plan cannot be carried out; a run refuses to start on any."""

    @property
    def hash(self) -> str:
        """Digest of what would be done: equal exactly when the same would be done."""
        # Without these parts the digest is what it was before there were any: approvals were given for it.
        absent = {part for part in ("edge", "released") if getattr(self, part) is None}
        shown = self.model_dump(mode="json", exclude={"obstacles", *absent})
        return sha256(json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def on_vlan(self, number: int) -> "Plan":
        """The plan of a tenant that has this VLAN."""
        bound = tuple(
            one.model_copy(update={"manifest": manifests.on_vlan(one.manifest, number)})
            if one.stage is Stage.SUBNETS
            else one
            for one in self.objects
        )
        return self.model_copy(update={"vlan": number, "objects": bound})

    def of(self, stage: Stage) -> tuple[PlannedObject, ...]:
        """The objects of one stage."""
        return tuple(planned for planned in self.objects if planned.stage is stage)


def plan(tenant: TenantNetwork, platform: Platform, observed: Sequence[Object]) -> Plan:
    """What has to be done, given the objects there are: those the tenant's label is on, and those in the way.

    Pure: the same arguments give the same plan. Obstacles are collected, not raised, so that all are seen.
    """
    here = {(thing["kind"], thing["metadata"]["name"]): thing for thing in observed}
    number = _reserved(tenant, observed) if platform.spec.vlan else None
    wanted = [
        (stage, manifests.on_vlan(manifest, number) if number and stage is Stage.SUBNETS else manifest)
        for stage, manifest in _wanted(tenant, platform, _own_addresses(tenant, observed))
    ]
    objects = []
    given_back, obstacles = _given_back(tenant, platform, [manifest for _, manifest in wanted], observed)
    obstacles.extend(_vlan_obstacles(tenant, platform, number, observed))
    for stage, manifest in wanted:
        actual = here.get((manifest["kind"], manifest["metadata"]["name"]))
        what = f"{manifest['kind']} {manifest['metadata']['name']}"
        action: Literal["create", "change", "keep", "blocked"] = "create"
        if actual is not None and (owner := owner_of(actual)) != tenant.name:
            action = "blocked"
            obstacles.append(
                f"{what} exists and is not Berth's for {tenant.name} ({names.LABEL} is {owner or 'not set'}):"
                " rename the tenant, or remove the object if nobody needs it"
            )
        elif actual is not None:
            merged = merge(actual, manifest)
            action = "blocked" if merged.conflicts else "keep" if merged.result is None else "change"
            obstacles.extend(
                f"{what} cannot be changed in place: {conflict}; {_remedy(manifest)}, or keep it as it was"
                for conflict in merged.conflicts
            )
        objects.append(PlannedObject(stage=stage, action=action, manifest=manifest))
    provider = platform.spec.provider_network
    return Plan(
        tenant=tenant.name,
        mode=platform.spec.mode,
        objects=tuple(objects),
        vlan=number,
        switches=tuple(switch.name for switch in platform.spec.vlan.switches) if platform.spec.vlan else (),
        router_port=manifests.router_port(provider) if provider and tenant.spec.external_ips else None,
        edge=_edge(platform.spec.announce) if tenant.spec.external_ips and platform.spec.announce else None,
        released=given_back,
        obstacles=tuple(obstacles),
    )


def _edge(announce: Announce) -> EdgePlan:
    return EdgePlan(
        method=announce.method,
        translators=tuple(translator.name for translator in translators_of(announce)),
        routers=tuple(router.name for router in routers_of(announce)),
        neighbours=tuple(neighbour.name for neighbour in announce.neighbours),
    )


def _wanted(tenant: TenantNetwork, platform: Platform, addresses: Sequence[Address]) -> Iterator[tuple[Stage, Object]]:
    vpc = manifests.vpc(tenant, platform)
    # An earlier run's exceptions for the tenant's own addresses stay while the addresses do.
    policy = [*block_policy(platform), *own_exceptions(platform, addresses)]
    vpc["spec"]["policyRoutes"] = [route.manifest() for route in policy]
    yield Stage.VPC, vpc
    for subnet in tenant.spec.subnets:
        yield Stage.SUBNETS, manifests.subnet(tenant, platform, subnet)
    # A namespace that is bound to no subnet puts its pods into the platform's own (Kube-OVN 1.17
    # pkg/controller/namespace.go), so it comes after the subnets and goes before them.
    yield Stage.NAMESPACE, manifests.namespace(tenant)
    provider = platform.spec.provider_network
    if provider is None:
        return
    for ip in tenant.spec.external_ips:
        yield Stage.EXTERNAL_IPS, manifests.external_ip(tenant, provider, ip)
    for ip in tenant.spec.external_ips:
        if isinstance(ip, Snat):
            for rule in manifests.snat_rules(tenant, provider, ip):
                yield Stage.TRANSLATION, rule
        elif isinstance(ip, FloatingIP):
            yield Stage.TRANSLATION, manifests.floating_ip(tenant, ip)


def _reserved(tenant: TenantNetwork, observed: Sequence[Object]) -> int | None:
    """The VLAN ID the tenant has already."""
    mine = [thing for thing in observed if thing["kind"] == VLAN.name and owner_of(thing) == tenant.name]
    number = (mine[0].get("spec") or {}).get("id") if len(mine) == 1 else None
    return number if isinstance(number, int) and mine[0]["metadata"]["name"] == names.vlan(number) else None


def _vlan_obstacles(
    tenant: TenantNetwork, platform: Platform, number: int | None, observed: Sequence[Object]
) -> Iterator[str]:
    wished = tenant.spec.vlan
    if number is not None and wished not in (None, number):
        yield f"{tenant.name} has VLAN {number} and its document wishes for {wished}: offboard the tenant first, or keep {number}"
    if platform.spec.vlan is not None and number is None:
        for thing in observed:
            if thing["kind"] == SUBNET.name and owner_of(thing) == tenant.name:
                yield (
                    f"Subnet {thing['metadata']['name']} is there, and no Vlan of {tenant.name}'s: offboard the tenant first"
                )


def _remedy(manifest: Object) -> str:
    """How a document that cannot be had in one step is had. Kube-OVN takes no change of a rule (1.17 ovn_snat.go, ovn_fip.go)."""
    match manifest["kind"]:
        case OVN_EIP.name:
            return "onboard first with a document without this external IP, which gives its address back, then with this one"
        case OVN_SNAT_RULE.name:
            subnet = manifest["metadata"]["name"].partition("--")[2]
            return f"onboard first with a document in which subnet {subnet} leaves through no external IP, then with this one"
        case OVN_FIP.name:
            return (
                "onboard first with this external IP for use loadBalancer, which keeps its address, then with this one"
            )
        case _:
            return "offboard the tenant first"


def _own_addresses(tenant: TenantNetwork, observed: Sequence[Object]) -> list[Address]:
    """What the tenant's external IPs hold, those included that are about to be given back: that comes last."""
    return [address for held in external_ips_of(tenant.name, observed).values() for address in held]


def _given_back(
    tenant: TenantNetwork, platform: Platform, wanted: Sequence[Object], observed: Sequence[Object]
) -> tuple[Released | None, list[str]]:
    """What goes of that which the tenant has and its document no longer says, and why not all of it does."""
    left_over = list(_left_over(tenant, platform, wanted, observed))
    obstacles = [
        f"{thing['kind']} {thing['metadata']['name']} belongs to {tenant.name} and is not in the document:"
        " put it back into the document, or offboard the tenant first"
        for thing in left_over
        if not may_go(tenant.name, platform, thing)
    ]
    mine = (thing for thing in observed if thing["kind"] == VPC.name and owner_of(thing) == tenant.name)
    vpc = next(mine, None)
    held = external_ips_of(tenant.name, observed)
    try:
        found = released(tenant, platform, left_over=left_over, held=held, vpc=vpc)
    except ValueError as error:
        return None, [*obstacles, str(error)]
    if found is not None:
        obstacles.extend(obstacles_of(found, wanted, observed, vpc))
    return found, obstacles


def _left_over(
    tenant: TenantNetwork, platform: Platform, wanted: Sequence[Object], observed: Sequence[Object]
) -> Iterator[Object]:
    planned = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted}
    provider = platform.spec.provider_network
    planned.add((CONFIG_MAP.name, names.HAND_OVER))
    # One that is kept for an external IP of the document is the edge's: it stays while the external IP does.
    kept = {ip.name for ip in tenant.spec.external_ips}
    planned |= {(thing["kind"], thing["metadata"]["name"]) for thing in observed if public_address_for(thing) in kept}
    if platform.spec.vlan and (number := _reserved(tenant, observed)):
        planned.add((VLAN.name, names.vlan(number)))
    if provider:
        planned.add((OVN_EIP.name, names.router_port_eip(tenant.name, provider.external_subnet)))
    for thing in observed:
        what = (thing["kind"], thing["metadata"]["name"])
        if owner_of(thing) == tenant.name and what not in planned and thing["kind"] in KINDS:
            yield thing


def owner_of(thing: Object) -> str | None:
    """The tenant whose label an object bears; None for one that is not Berth's."""
    owner = (thing["metadata"].get("labels") or {}).get(names.LABEL)
    return None if owner is None else str(owner)


def addresses_of(eip: Object) -> list[Address]:
    """The addresses an OvnEip holds, as its status tells."""
    status = eip.get("status") or {}
    return [ip_address(status[key]) for key in ("v4Ip", "v6Ip") if status.get(key)]


def external_ips_of(tenant: str, objects: Sequence[Object]) -> dict[str, list[Address]]:
    """The external IPs a tenant has, as its document calls them, and what each holds."""
    return {
        thing["metadata"]["name"].removeprefix(f"{tenant}--"): addresses_of(thing)
        for thing in sorted(objects, key=lambda thing: str(thing["metadata"]["name"]))
        if thing["kind"] == OVN_EIP.name
        and owner_of(thing) == tenant
        and names.belongs(tenant, thing["metadata"]["name"])
    }
