"""Changes to a VPC that is there already: its block policy, its way out, the document it carries."""

import json
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, deciding
from activities.objects import Ensured
from clients.errors import RefusedError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.ensure import check_owner
from clients.kube_ovn.external import wait_for_external_ip
from clients.kube_ovn.objects import is_being_deleted, uid
from clients.kube_ovn.readiness import READINESS
from tenancy import names
from tenancy.approval import Approval
from tenancy.kinds import OVN_EIP, VPC, Object
from tenancy.meaning import with_block_policy, with_exceptions, with_spec, without, without_exceptions
from tenancy.plan import addresses_of
from tenancy.policy import HIGHEST_OURS, LOWEST_OURS, PolicyRoute, born_policy, digest

ROUTER_PORT_FIELDS = ("enableExternal", "extraExternalSubnets", "staticRoutes")
"""What a VPC's spec says of its way out."""


class BlockPolicy(BaseModel):
    """A tenant's VPC, and exactly what Berth's band of priorities on it should hold."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    routes: tuple[PolicyRoute, ...]


class RouterPort(BaseModel):
    """A tenant's VPC, and what its spec should say of its way out."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    external_subnets: tuple[str, ...]
    """Names of the external subnets the router has a port on; each port has an OvnEip of its own."""
    spec: Object
    """The fields of ROUTER_PORT_FIELDS, as they should be."""
    before: Object = {}
    """What the spec was before they were made so: what closing goes back to."""


class OwnExceptions(BaseModel):
    """A tenant's VPC, and which exceptions for its own addresses it had."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    matches: tuple[str, ...] = ()
    """Of the exceptions to keep, each as long as the tenant still holds the address."""
    holders: tuple[str, ...] = ()
    """Uids of the OvnEips that stay: what one of them holds is still the tenant's."""
    only: tuple[str, ...] | None = None
    """In place of both: the exceptions for these addresses go, and all others stay."""


class AppliedDocument(BaseModel):
    """A tenant's document, to be kept on its VPC."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    document: Object
    approval: Approval | None = None
    """In mode vlan: who approved what."""


Proof = Literal["realised", "asserted"]


class VpcSteps:
    """The steps that change a VPC, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace) -> None:
        self._kube = kube
        self._pace = pace

    @activity.defn
    async def write_block_policy(self, given: BlockPolicy) -> None:
        """Makes Berth's band of the VPC's policy routes hold exactly these; a VPC that is gone needs none."""
        async with deciding(self._pace):
            if await self._kube.get(VPC, names.vpc(given.tenant)) is not None:
                await self._edit(given.tenant, lambda vpc: with_block_policy(vpc, given.routes))

    @activity.defn
    async def withdraw_exceptions(self, given: OwnExceptions) -> None:
        """Leaves of the exceptions for the tenant's own addresses these alone, and of these what it still holds.

        An exception for an address that was given back would let the tenant reach whoever is given it next.
        """
        async with deciding(self._pace):
            if await self._kube.get(VPC, names.vpc(given.tenant)) is None:
                return
            if (going := given.only) is not None:
                await self._edit(given.tenant, lambda vpc: without_exceptions(vpc, going))
                return
            held = await self._held(given) if given.matches else set()
            matches = [match for match in given.matches if match.partition(" == ")[2] in held]
            await self._edit(given.tenant, lambda vpc: with_exceptions(vpc, matches))

    async def _held(self, given: OwnExceptions) -> set[str]:
        eips = await self._kube.list(OVN_EIP, labels={names.LABEL: given.tenant})
        staying = [eip for eip in eips if uid(eip) in given.holders and not is_being_deleted(eip)]
        return {str(address) for eip in staying for address in addresses_of(eip)}

    @activity.defn
    async def prove_block_policy(self, given: BlockPolicy) -> Proof:
        """Asserts the block policy once more, and tells whether it is known to be in OVN.

        Kube-OVN programs the first manifest's policy before it reports a VPC standby, and confirms no later edit (1.17
        pkg/controller/vpc.go). So a VPC that is standby and was born with this very policy has it realised; for any
        other all that can be said is that the API holds it.
        """
        async with deciding(self._pace) as progress:
            await self._edit(given.tenant, lambda vpc: with_block_policy(vpc, given.routes))
            readiness = READINESS[VPC.name]
            vpc = await self._kube.wait_until(
                VPC,
                names.vpc(given.tenant),
                ready=readiness.ready,
                deadline=self._pace.ready_deadline,
                likely=readiness.likely,
                progress=progress,
            )
            if with_block_policy(vpc, given.routes) != vpc:
                raise RefusedError(
                    f"Vpc {given.tenant}: spec.policyRoutes between {LOWEST_OURS} and {HIGHEST_OURS} are not what was"
                    " just written: find out who rewrites them",
                    reason="policy-missing",
                )
            born_with = (vpc["metadata"].get("annotations") or {}).get(names.BORN_WITH_ANNOTATION)
            present = born_policy(vpc["spec"]["policyRoutes"])
            return "realised" if born_with == digest(present) else "asserted"

    @activity.defn
    async def open_router_port(self, given: RouterPort) -> Ensured:
        """Gives the VPC's router its port on the provider network and the default route, and waits for its address."""
        async with deciding(self._pace) as progress:
            changed = await self._edit(given.tenant, lambda vpc: with_spec(vpc, given.spec))
            addresses: list[str] = []
            for subnet in given.external_subnets:
                eip = await wait_for_external_ip(
                    self._kube,
                    names.router_port_eip(given.tenant, subnet),
                    subnet,
                    deadline=self._pace.ready_deadline,
                    progress=progress,
                    appears=True,
                )
                addresses.extend(map(str, addresses_of(eip)))
            return Ensured(outcome="updated" if changed else "unchanged", addresses=tuple(addresses))

    @activity.defn
    async def close_router_port(self, given: RouterPort) -> None:
        """Takes the VPC's way out back; where it had none before, waits until the port's address is given back."""
        async with deciding(self._pace) as progress:
            if await self._kube.get(VPC, names.vpc(given.tenant)) is not None:
                await self._edit(given.tenant, lambda vpc: _closed(vpc, given))
            for subnet in given.external_subnets if not given.before.get("enableExternal") else ():
                await self._kube.wait_gone(
                    OVN_EIP,
                    names.router_port_eip(given.tenant, subnet),
                    deadline=self._pace.gone_deadline,
                    progress=progress,
                )

    @activity.defn
    async def record_document(self, given: AppliedDocument) -> None:
        """Keeps the tenant's document on its VPC, so that the platform itself says what was applied."""
        async with deciding(self._pace):
            text = json.dumps(given.document, sort_keys=True, separators=(",", ":"))

            said = {names.DOCUMENT_ANNOTATION: text}
            if given.approval is not None:
                said[names.APPROVAL_ANNOTATION] = given.approval.model_dump_json()

            def documented(vpc: Object) -> Object:
                annotations = {**(vpc["metadata"].get("annotations") or {}), **said}
                return {**vpc, "metadata": {**vpc["metadata"], "annotations": annotations}}

            await self._edit(given.tenant, documented)

    async def _edit(self, tenant: str, change: Callable[[Object], Object]) -> bool:
        """Changes the tenant's VPC, and nobody else's. True where it was not so already."""
        changed = False

        def edited(actual: Object) -> Object | None:
            nonlocal changed
            check_owner(actual, tenant)
            result = change(actual)
            changed = result != actual
            return result if changed else None

        await self._kube.edit(VPC, names.vpc(tenant), edited)
        return changed


def _closed(vpc: Object, given: RouterPort) -> Object:
    """The VPC without what opening its way out changed; what others wrote beside that stays."""
    before = {"spec": {field: given.before[field] for field in ROUTER_PORT_FIELDS if field in given.before}}
    return without(vpc, before, with_spec(before, given.spec))
