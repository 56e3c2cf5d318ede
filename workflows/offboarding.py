"""Offboarding: everything that bears the tenant's label goes, in the order of the undo, proven by reading back."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.checks import Checks, Inventory
from activities.objects import RemoveObject
from activities.vpc import ROUTER_PORT_FIELDS, OwnExceptions, RouterPort
from tenancy import names
from tenancy.kinds import (
    CONFIG_MAP,
    NAMESPACE,
    OVN_DNAT_RULE,
    OVN_EIP,
    OVN_FIP,
    OVN_SNAT_RULE,
    SUBNET,
    VLAN,
    VPC,
    Kind,
    Object,
)
from workflows.approval import Approvals
from workflows.asking import Asking
from workflows.board import Board
from workflows.edge import off_the_edge
from workflows.edge_team import EdgeTeam
from workflows.face import OFFBOARD, REFUSED, Offboarded, Outcome, Status
from workflows.outside import exceptions_withdrawn, object_gone, off_the_outside, way_out_closed
from workflows.removal import Removal, Removals, stopped
from workflows.request import decision_in, given_request, offboarding_request, requested
from workflows.stepping import take_step
from workflows.steps import GONE, INVENTORY, OWN_ADDRESSES, ROUTER_PORT, edge_lines, step_of
from workflows.vlans import off_the_switches


@workflow.defn(name=OFFBOARD)
class OffboardTenant:
    """Takes one tenant out. Input: `{"tenant": <name or TenantNetwork>, "requestedBy": "..."}`; ID `tenant-<name>`."""

    @workflow.init
    def __init__(self, *given: Any) -> None:
        self._request = given_request(given)
        asked = requested(self._request)
        self._requested_by = asked.by
        self._board = Board("OffboardTenant", asked.tenant, asked.by)
        self._removals = Removals(self._board)
        self._asking = Asking(self._board)
        self._asking.listen()
        self._approvals = Approvals(self._board)
        self._approvals.listen()

    @workflow.run
    async def run(self, *given: Any) -> Offboarded:
        """Offboards the tenant. Stops before the first change where anything of it is still in use."""
        try:
            tenant = offboarding_request(self._request)
        except ApplicationError as refused:
            self._board.become(Outcome.STOPPED, failure=refused.message)
            raise
        self._board.declare([INVENTORY])
        try:
            removed = await self._offboard(tenant)
        except (FailureError, asyncio.CancelledError) as error:
            failure = stopped(self._board, f"offboarding {tenant}", error, "offboard again to go on")
            await workflow.wait_condition(workflow.all_handlers_finished)
            if failure:
                raise failure from error
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        return removed

    async def _offboard(self, tenant: str) -> Offboarded:
        found: Inventory = await take_step(self._board, INVENTORY, Checks.take_inventory, tenant)
        removals = list(_phases(self._board, tenant, found, self._asking))
        team: EdgeTeam | None = None
        if found.announcement is not None and found.edge_team is not None:
            team = EdgeTeam(self._board, self._approvals, found.edge_team, found.edge_signers)
            self._board.declare([edge_lines("inventory")])
            (to_do,) = await team.written_down(("withdraw", found.announcement.routes))
            # By the method alone the next offboarding knows that the team has to be asked.
            left = found.announcement.model_copy(update={"method": "none", "confirmations": ()})
            removals.append([team.withdrawal(to_do, left, stage="removal")])
        for phase in removals:
            self._removals.new_phase()
            for removal in phase:
                self._removals.register(removal)
        self._board.declare([*(removal.step for phase in reversed(removals) for removal in phase), GONE])
        await self._removals.carry_out()
        await take_step(self._board, GONE, Checks.verify_gone, found)
        self._board.become(Outcome.DONE)
        objects = [removal.step.title for phase in reversed(removals) for removal in phase if _is_object(removal)]
        return Offboarded(
            tenant=tenant,
            removed=tuple(objects),
            requested_by=self._requested_by,
            confirmations=team.withdrawn if team is not None else (),
        )

    @workflow.query
    def status(self) -> Status:
        """Where the run is, step by step, and who must act."""
        return self._board.status()

    @workflow.update
    def resolve(self, decision: Any = None) -> str:
        """An operator's decision about a step that cannot finish. Answers with what follows from it."""
        return self._removals.decide(decision_in(decision))

    @resolve.validator
    def _check_decision(self, decision: Any = None) -> None:
        if refusal := self._removals.refusal(decision_in(decision)):
            raise ApplicationError(refusal, type=REFUSED)


def _phases(board: Board, tenant: str, found: Inventory, asking: Asking) -> Iterator[Sequence[Removal]]:
    """What there is to remove, in the order in which it was made: the last phase goes first."""
    objects = found.objects

    def of(*kinds: Kind, part_of: str | None = None) -> list[Removal]:
        wanted = [thing for kind in kinds for thing in objects if thing["kind"] == kind.name]
        return [_removal(tenant, thing, part_of) for thing in wanted]

    handed_over = [thing for thing in objects if thing["metadata"]["name"] == names.HAND_OVER]

    vpc = next((thing for thing in objects if thing["kind"] == VPC.name), None)
    spec = (vpc or {}).get("spec") or {}
    namespace = next((removal.step.id for removal in of(NAMESPACE)), None)
    # An ID is not given away while a switch carries it for this tenant.
    yield of(VLAN)
    for thing in objects:
        if thing["kind"] == VLAN.name and (number := (thing.get("spec") or {}).get("id")):
            yield off_the_switches(
                asking, tenant, found.switches, partial(int, number), by_hand=found.by_hand, stage="removal"
            )
    # Whoever is given a public address next must not find it announced or translated.
    reserved = [thing for thing in objects if thing["kind"] == CONFIG_MAP.name and thing not in handed_over]
    yield [_removal(tenant, thing, None) for thing in reserved]
    yield of(VPC)
    yield of(SUBNET)
    yield of(NAMESPACE)
    outside = tuple(spec.get("extraExternalSubnets") or ())
    way_out = RouterPort(
        tenant=tenant,
        external_subnets=outside,
        spec={field: spec[field] for field in ROUTER_PORT_FIELDS if field in spec},
    )
    whole = step_of(VPC.name, names.vpc(tenant), "removal").id
    port = [way_out_closed(ROUTER_PORT, way_out, whole)] if vpc else []
    exceptions = [exceptions_withdrawn(OWN_ADDRESSES, OwnExceptions(tenant=tenant), whole)] if vpc else []
    announced = found.announcement
    yield from off_the_outside(
        edge=off_the_edge(board, asking, tenant, announced, stage="removal") if announced is not None else (),
        rules=[*exceptions, *of(OVN_FIP, OVN_SNAT_RULE, OVN_DNAT_RULE)],
        addresses=[*port, *of(OVN_EIP)],
    )
    yield [_removal(tenant, thing, namespace) for thing in handed_over]


def _removal(tenant: str, thing: Object, part_of: str | None) -> Removal:
    metadata = thing["metadata"]
    return object_gone(
        tenant, thing["kind"], metadata["name"], metadata.get("namespace"), stage="removal", part_of=part_of
    )


def _is_object(removal: Removal) -> bool:
    """Whether something of its own goes: an object of the platform, or a VLAN on a switch."""
    return isinstance(removal.given, RemoveObject) or removal.by is not None
