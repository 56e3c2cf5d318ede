"""Onboarding: a tenant gets its place on the network, or the platform is left exactly as it was.

What a living tenant's document no longer names is given back last, once nothing can go wrong any more that is undone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from activities.checks import Checks, Found, Verification
from activities.objects import Ensured, EnsureObject, ObjectSteps, RemoveObject
from activities.vpc import AppliedDocument, BlockPolicy, OwnExceptions, Proof, RouterPort, VpcSteps
from tenancy import manifests, names
from tenancy.announcement import Announcement, announcement, joined, recorded
from tenancy.approval import Approval
from tenancy.documents import to_plain
from tenancy.edge import Announce, ByEdgeTeam
from tenancy.fields import Address
from tenancy.handover import HandOver, hand_over
from tenancy.kinds import CONFIG_MAP, OVN_EIP, VLAN, VPC, Object
from tenancy.plan import PlannedObject, Stage
from tenancy.policy import PolicyRoute, born_policy, is_own_exception, own_exceptions
from tenancy.tenant import TenantNetwork
from workflows.approval import Approvals
from workflows.asking import Asking
from workflows.board import Board
from workflows.edge import OwnEdge
from workflows.edge_team import EdgeTeam
from workflows.face import INVALID_DOCUMENT, ONBOARD, REFUSED, Outcome, Status, StepState, StepStatus
from workflows.release import OwnRelease
from workflows.removal import Removal, Removals, stopped
from workflows.request import decision_in, given_request, onboarding_request, requested
from workflows.stepping import reason_of, side_by_side, take_step, to_the_end
from workflows.steps import (
    BLOCK_POLICY,
    HAND_OVER,
    OWN_ADDRESSES,
    PREFLIGHT,
    RECORD,
    ROUTER_PORT,
    VERIFY,
    step_of,
    steps_of,
)
from workflows.vlans import OwnVlan


@workflow.defn(name=ONBOARD)
class OnboardTenant:
    """Brings one tenant in. Input: `{"tenant": <TenantNetwork>, "requestedBy": "..."}`; workflow ID `tenant-<name>`."""

    @workflow.init
    def __init__(self, *given: Any) -> None:
        self._request = given_request(given)
        asked = requested(self._request)
        self._requested_by = asked.by
        self._board = Board("OnboardTenant", asked.tenant, asked.by)
        self._removals = Removals(self._board)
        self._asking = Asking(self._board)
        self._asking.listen()
        self._release = OwnRelease(self._board, self._asking, asked.tenant)
        # Kept by a reset, so a run that is reset still knows what it made.
        self._run = workflow.info().original_execution_run_id
        self._tenant = asked.tenant
        self._before: dict[tuple[str, str], Object] = {}
        self._edge = OwnEdge(self._board, self._removals, self._asking, run=self._run)
        self._approvals = Approvals(self._board)
        self._approvals.listen()
        self._vlan = OwnVlan(
            self._board, self._removals, self._approvals, self._asking, run=self._run, requested_by=asked.by
        )

    @workflow.run
    async def run(self, *given: Any) -> HandOver:
        """Onboards the tenant, and hands over what its Clusters need; undoes everything where it cannot."""
        try:
            tenant = onboarding_request(self._request)
        except ApplicationError as refused:
            self._board.become(Outcome.UNDONE, failure=refused.message)
            raise
        self._board.declare([PREFLIGHT])
        try:
            handed_over = await self._onboard(tenant)
        # Anything else is a mistake of ours: the task is tried again, and goes on once the code is mended.
        except (FailureError, asyncio.CancelledError) as error:
            if self._release.begun:
                await self._stop(tenant, error)
            else:
                await to_the_end(asyncio.create_task(self._undo(tenant, error)))
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        return handed_over

    async def _onboard(self, tenant: TenantNetwork) -> HandOver:
        found: Found = await self._step(PREFLIGHT, Checks.preflight, to_plain(tenant))
        plan, platform, provider = found.plan, found.platform, found.platform.spec.provider_network
        # A run that is reset to its start finds what it made itself: that was not there before it, unless it was done.
        finished = any(_key(thing)[1] == names.HAND_OVER and _made_by(thing) == self._run for thing in found.before)
        self._before = {_key(thing): thing for thing in found.before if finished or _made_by(thing) != self._run}
        self._board.know(mode=plan.mode, plan_hash=plan.hash)
        self._board.declare(steps_of(plan))
        announce, team = platform.spec.announce, None
        if isinstance(announce, ByEdgeTeam) and plan.edge is not None:
            team = EdgeTeam(self._board, self._approvals, announce, found.edge_signers)
        if plan.edge is not None:
            await self._edge.answers(plan.edge)
        public = await self._edge.public_addresses(tenant, platform, was_there=self._has_public_addresses())
        approval: Approval | None = None
        if platform.spec.vlan is not None:
            plan, approval = await self._vlan.bring_in(
                found,
                platform.spec.vlan,
                tenant.spec.vlan,
                was_there=any(kind == VLAN.name for kind, _ in self._before),
            )
            self._board.know(mode=plan.mode, plan_hash=plan.hash)

        await self._ensure_all(plan.of(Stage.VPC))
        await self._ensure_all(plan.of(Stage.SUBNETS))
        await self._ensure_all(plan.of(Stage.NAMESPACE))

        (vpc,) = plan.of(Stage.VPC)
        routes = [PolicyRoute.model_validate(route) for route in vpc.manifest["spec"]["policyRoutes"]]
        # Nothing of the way out is made before the policy is known to hold.
        proof: Proof = await self._step(BLOCK_POLICY, VpcSteps.prove_block_policy, self._policy(routes))

        eips: dict[str, tuple[str, ...]] = {}
        router = Ensured(outcome="unchanged")
        if provider is not None and plan.router_port is not None:
            port = RouterPort(tenant=tenant.name, external_subnets=(provider.external_subnet,), spec=plan.router_port)
            self._removals.new_phase()
            router, *ensured = await side_by_side(
                [
                    self._undoable(
                        ROUTER_PORT,
                        VpcSteps.open_router_port,
                        port,
                        VpcSteps.close_router_port,
                        port.model_copy(update={"before": self._way_out_before()}),
                        of=vpc.manifest,
                        part_of=_step_for(vpc),
                    ),
                    *(self._ensure(planned) for planned in plan.of(Stage.EXTERNAL_IPS)),
                ]
            )
            eips = {
                planned.name: done.addresses for planned, done in zip(plan.of(Stage.EXTERNAL_IPS), ensured, strict=True)
            }
            # Those that are given back are excepted until they are.
            going = plan.released.addresses if plan.released is not None else ()
            addresses = _addresses([*(address for held in eips.values() for address in held), *going])
            routes = [*born_policy(vpc.manifest["spec"]["policyRoutes"]), *own_exceptions(platform, addresses)]
            self._removals.new_phase()
            await side_by_side(
                [
                    self._undoable(
                        OWN_ADDRESSES,
                        VpcSteps.write_block_policy,
                        self._policy(routes),
                        VpcSteps.withdraw_exceptions,
                        self._exceptions_before(vpc),
                        of=vpc.manifest,
                        part_of=_step_for(vpc),
                        needed="another tenant may be given the addresses it excepts",
                    ),
                    *(self._ensure(planned) for planned in plan.of(Stage.TRANSLATION)),
                ]
            )
            eips[names.router_port_eip(tenant.name, provider.external_subnet)] = router.addresses

        announcement: Announcement | None = None
        if announce is not None and plan.edge is not None:
            announcement = await self._announce(tenant, announce, eips, router.addresses, public, vpc, team)

        final_vpc = {**vpc.manifest, "spec": {**vpc.manifest["spec"], "policyRoutes": [r.manifest() for r in routes]}}
        final_vpc["spec"] |= plan.router_port or {}
        expected = [final_vpc if planned is vpc else planned.manifest for planned in plan.objects]
        if platform.spec.vlan is not None and plan.vlan is not None:
            expected.append(manifests.vlan(tenant.name, platform.spec.vlan.provider_network, plan.vlan))
            if platform.spec.vlan.gateway == "physical":
                # The traffic passes no router; that the subnets' ACLs are in OVN nothing confirms.
                proof = "asserted"
        await self._step(VERIFY, Checks.verify, Verification(tenant=tenant.name, manifests=tuple(expected)))

        await self._step(
            RECORD,
            VpcSteps.record_document,
            AppliedDocument(tenant=tenant.name, document=to_plain(tenant), approval=approval),
        )
        result = hand_over(
            tenant,
            platform,
            eips,
            block_policy=proof,
            plan_hash=plan.hash,
            requested_by=self._requested_by,
            vlan=plan.vlan,
            approval=approval,
            announcement=announcement,
        )
        self._removals.new_phase()
        (namespace,) = plan.of(Stage.NAMESPACE)
        # A namespace that was there before the run stays, and what is in it with it.
        whole = None if _key(namespace.manifest) in self._before else _step_for(namespace)
        await self._make(HAND_OVER, manifests.hand_over(tenant.name, result.config_map_data()), part_of=whole)
        if plan.released is not None:
            # After the hand-over: it can still be undone, and whoever reads it lets go of the addresses before they go.
            before = self._announced_before(vpc)
            record = joined(before, announcement) if announcement is not None else before
            left = record.without(plan.released.external_ips) if record is not None else None
            await self._release.carry_out(plan.released, left)
        self._board.become(Outcome.DONE, hand_over=result)
        return result

    def _has_public_addresses(self) -> bool:
        return any(kind == CONFIG_MAP.name and name != names.HAND_OVER for kind, name in self._before)

    async def _announce(
        self,
        tenant: TenantNetwork,
        announce: Announce,
        eips: Mapping[str, Sequence[str]],
        router: Sequence[str],
        public: Mapping[str, Sequence[str]],
        vpc: PlannedObject,
        team: EdgeTeam | None,
    ) -> Announcement:
        objects = {ip.name: names.external_ip(self._tenant, ip.name) for ip in tenant.spec.external_ips}
        try:
            wanted = announcement(
                announce,
                {name: _addresses(eips[held]) for name, held in objects.items()},
                _addresses(router),
                {name: _addresses(held) for name, held in public.items()},
            )
        except ValueError as error:
            raise ApplicationError(str(error), type=REFUSED, non_retryable=True) from error
        before = self._announced_before(vpc)
        return await self._edge.announce(wanted, before, _step_for(vpc).id if before is None else None, team)

    def _announced_before(self, vpc: PlannedObject) -> Announcement | None:
        try:
            return recorded(self._before.get((VPC.name, vpc.name)))
        except ValueError as error:
            raise ApplicationError(str(error), type=REFUSED, non_retryable=True) from error

    async def _stop(self, tenant: TenantNetwork, error: BaseException) -> None:
        """Ends a run that had begun to give back, which nothing undoes. Returns where its failure is the error itself."""
        failure = stopped(self._board, f"onboarding {tenant.name}", error, "onboard again to go on")
        await workflow.wait_condition(workflow.all_handlers_finished)
        if failure:
            raise failure from error

    async def _undo(self, tenant: TenantNetwork, error: BaseException) -> None:
        """Takes back everything the run did. Returns after a cancel; raises the run's failure otherwise."""
        why = "cancelled" if is_cancelled_exception(error) else self._why(error)
        self._board.become(Outcome.UNDOING, failure=why)
        try:
            await self._removals.carry_out()
        except ApplicationError as left:
            self._board.become(Outcome.LEFT_BEHIND, failure=f"{why}; {left.message}")
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise ApplicationError(
                f"onboarding {tenant.name}: {why}; {left.message}", *left.details, type=left.type, non_retryable=True
            ) from error
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._board.become(Outcome.UNDONE)
        cause = error.cause if isinstance(error, ActivityError) else None
        if isinstance(cause, ApplicationError) and cause.type == INVALID_DOCUMENT:
            raise ApplicationError(cause.message, *cause.details, type=INVALID_DOCUMENT, non_retryable=True) from error
        if not is_cancelled_exception(error):
            what = "nothing had been changed" if self._removals.none else "everything it did is undone"
            raise ApplicationError(
                f"onboarding {tenant.name}: {why}; {what}", type=REFUSED, non_retryable=True
            ) from error

    def _why(self, error: BaseException) -> str:
        failed = [
            step for step in self._board.status().steps if step.state is StepState.FAILED and step.note != "cancelled"
        ]
        return f"{failed[0].title}: {reason_of(error)}" if failed else reason_of(error)

    async def _ensure_all(self, planned: Sequence[PlannedObject]) -> list[Ensured]:
        """One phase of objects that do not depend on one another."""
        self._removals.new_phase()
        return await side_by_side([self._ensure(one) for one in planned])

    async def _ensure(self, planned: PlannedObject) -> Ensured:
        return await self._make(_step_for(planned), planned.manifest)

    async def _make(self, step: StepStatus, manifest: Object, *, part_of: StepStatus | None = None) -> Ensured:
        given = EnsureObject(manifest=manifest, tenant=self._tenant, run=self._run)
        metadata = manifest["metadata"]
        undo = RemoveObject(
            kind=manifest["kind"],
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            tenant=self._tenant,
            run=self._run,
            before=self._before.get(_key(manifest)),
            wanted=manifest,
        )
        done: Ensured = await self._undoable(
            step, ObjectSteps.ensure_object, given, ObjectSteps.remove_object, undo, of=manifest, part_of=part_of
        )
        return done

    async def _undoable(
        self,
        step: StepStatus,
        activity: Callable[..., Awaitable[Any]],
        given: object,
        undo: Callable[..., Awaitable[Any]],
        undo_given: object,
        *,
        of: Object,
        part_of: StepStatus | None = None,
        needed: str | None = None,
    ) -> Any:
        """Takes a step that makes or changes an object (`of`), its undo registered first."""
        whole, was_there = part_of.id if part_of else None, _key(of) in self._before
        self._removals.register(Removal(step, undo, undo_given, part_of=whole, was_there=was_there, needed=needed))
        return await self._step(step, activity, given)

    async def _step(self, step: StepStatus, activity: Callable[..., Awaitable[Any]], given: object) -> Any:
        return await take_step(self._board, step, activity, given)

    def _policy(self, routes: Sequence[PolicyRoute]) -> BlockPolicy:
        return BlockPolicy(tenant=self._tenant, routes=tuple(routes))

    def _exceptions_before(self, vpc: PlannedObject) -> OwnExceptions:
        """The exceptions for the tenant's own addresses to go back to."""
        before = self._before.get((vpc.kind, vpc.name), {})
        routes = (before.get("spec") or {}).get("policyRoutes") or ()
        matches = tuple(str(route["match"]) for route in routes if is_own_exception(route))
        eips = [thing for (kind, _), thing in self._before.items() if kind == OVN_EIP.name]
        holders = tuple(str(eip["metadata"]["uid"]) for eip in eips)
        return OwnExceptions(tenant=self._tenant, matches=matches, holders=holders)

    def _way_out_before(self) -> Object:
        """The VPC's way out before the run; nothing for a VPC that the run made."""
        spec: Object = self._before.get((VPC.name, names.vpc(self._tenant)), {}).get("spec", {})
        return spec

    @workflow.query
    def status(self) -> Status:
        """Where the run is, step by step, and who must act."""
        return self._board.status()

    @workflow.update
    def resolve(self, decision: Any = None) -> str:
        """An operator's decision about what cannot be taken back. Answers with what follows from it."""
        return self._deciding.decide(decision_in(decision))

    @resolve.validator
    def _check_decision(self, decision: Any = None) -> None:
        if refusal := self._deciding.refusal(decision_in(decision)):
            raise ApplicationError(refusal, type=REFUSED)

    @property
    def _deciding(self) -> Removals:
        """What an operator decides about now."""
        return self._release.removals if self._release.begun else self._removals


def _addresses(texts: Iterable[str]) -> list[Address]:
    return [ip_address(text) for text in texts]


def _step_for(planned: PlannedObject) -> StepStatus:
    return step_of(planned.kind, planned.name, planned.stage)


def _key(thing: Object) -> tuple[str, str]:
    return thing["kind"], thing["metadata"]["name"]


def _made_by(thing: Object) -> object:
    """The run that made an object, as its annotation says; None for one that bears none."""
    return (thing["metadata"].get("annotations") or {}).get(names.RUN_ANNOTATION)
