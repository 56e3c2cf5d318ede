"""Mode vlan: the tenant's VLAN ID, the network team's approval, and the VLAN on every switch, each with its undo."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError

from activities.checks import Found
from activities.vlans import ReleaseVlans, Reserved, ReserveVlan, VlanSteps
from tenancy.approval import Approval, Preview, SwitchLines
from tenancy.devices import Survey
from tenancy.kinds import VPC
from tenancy.names import APPROVAL_ANNOTATION
from tenancy.plan import Plan
from tenancy.switches import Switch
from tenancy.vlans import VlanMode, as_ranges, candidates
from workflows.approval import Approvals
from workflows.asking import Action, Asking
from workflows.board import Board
from workflows.face import REFUSED, StepState, StepStatus
from workflows.removal import Removal, Removals
from workflows.stepping import reason_of, side_by_side, take_step
from workflows.steps import APPROVAL, VLAN, preview_of, survey_of, vlan_on

DECIDE_AGAIN = ("not-approved", "not-there", "vlan-taken")
"""Refusals that a new decision can mend: a switch has changed since the preview, or is not configured by hand as told."""


class OwnVlan:
    """A tenant's VLAN, from the first look at the switches until it is on all of them."""

    def __init__(
        self, board: Board, removals: Removals, approvals: Approvals, asking: Asking, *, run: str, requested_by: str
    ) -> None:
        self._board = board
        self._removals = removals
        self._approvals = approvals
        self._asking = asking
        self._run = run
        self._requested_by = requested_by
        self._undone_on: set[int] = set()
        """The IDs whose undo on the switches is registered."""

    async def bring_in(
        self, found: Found, vlan: VlanMode, wished: int | None, *, was_there: bool
    ) -> tuple[Plan, Approval]:
        """Reserves an ID, has it approved, and makes it so. Returns the plan bound to it, and who approved it.

        `was_there` says that the tenant had its VLAN before the run.
        """
        tenant = found.plan.tenant
        if not self._requested_by.strip():
            raise ApplicationError(
                "nobody is named as requester, so nobody could be another and approve: start the run with requestedBy",
                type=REFUSED,
                non_retryable=True,
            )
        surveys = await self._survey(vlan)
        self._removals.new_phase()
        # An ID that a switch still carries is not lost with the Vlan: the next tenant's survey finds it there.
        self._removals.register(
            Removal(
                VLAN,
                VlanSteps.release_vlans,
                ReleaseVlans(tenant=tenant, run=self._run),
                was_there=was_there,
            )
        )
        reservation = ReserveVlan(
            tenant=tenant,
            run=self._run,
            provider_network=vlan.provider_network,
            candidates=as_ranges(candidates(vlan)),
            wished=wished,
            foreign={switch: survey.foreign for switch, survey in surveys.items() if survey.foreign},
        )
        number = await self._reserve(reservation)
        # Of a tenant that was there before the run a switch keeps what it carried.
        undo = [switch for switch in vlan.switches if not (was_there and number in surveys[switch.name].own)]
        if _by_hand(vlan):
            # Reading only: what the team configured before it decided must not be forgotten where it then rejects.
            self._register_undo(vlan, number, undo)
        preview = await self._preview(found.plan.on_vlan(number), vlan)
        approval = self._earlier(found, preview)
        while True:
            if approval is None:
                approval = await self._approvals.ask(
                    preview, vlan.approval, found.allowed_signers or None, vlans=candidates(vlan)
                )
            try:
                if approval.vlan != number:
                    await self._reserve(
                        reservation.model_copy(update={"wished": approval.vlan, "instead_of": number, "foreign": {}})
                    )
                    number = approval.vlan
                    undo = list(vlan.switches)
                # Not before the approval: taking back saves what runs on a switch, whoever changed it.
                self._register_undo(vlan, number, undo)
                await self._on_every_switch(vlan, number, approval)
                return found.plan.on_vlan(number), approval
            except (ApplicationError, ActivityError) as refused:
                if _type_of(refused) not in DECIDE_AGAIN:
                    raise
                self._board.mark(APPROVAL.id, StepState.WAITING, f"to be decided again: {reason_of(refused)}")
            approval = None
            # Of what the network team has configured by hand there is no preview: it bears any name.
            if not _by_hand(vlan):
                preview = await self._preview(found.plan.on_vlan(number), vlan)

    async def _survey(self, vlan: VlanMode) -> dict[str, Survey]:
        """What each switch knows, by its name."""
        outcomes = await side_by_side(
            [
                self._asking.take(survey_of(switch.name), switch.name, "survey", trunks=switch.trunks)
                for switch in vlan.switches
            ]
        )
        return {
            switch.name: outcome.survey or Survey(foreign="")
            for switch, outcome in zip(vlan.switches, outcomes, strict=True)
        }

    async def _reserve(self, reservation: ReserveVlan) -> int:
        reserved: Reserved = await take_step(self._board, VLAN, VlanSteps.reserve_vlan, reservation)
        self._board.mark(VLAN.id, StepState.DONE, "; ".join([_noted(reserved), *reserved.passed_over]))
        self._board.know_vlan(reserved.vlan)
        return reserved.vlan

    def _register_undo(self, vlan: VlanMode, number: int, switches: Sequence[Switch]) -> None:
        if number in self._undone_on:
            return
        self._undone_on.add(number)
        trunks = {switch.name: switch.trunks for switch in switches}
        self._removals.new_phase()
        for removal in off_the_switches(self._asking, trunks, number, by_hand=_by_hand(vlan)):
            self._removals.register(removal)

    async def _preview(self, plan: Plan, vlan: VlanMode) -> Preview:
        outcomes = await side_by_side(
            [
                self._asking.take(preview_of(switch.name), switch.name, "preview", vlan=plan.vlan, trunks=switch.trunks)
                for switch in vlan.switches
            ]
        )
        lines = [
            SwitchLines(switch=switch.name, lines=outcome.lines)
            for switch, outcome in zip(vlan.switches, outcomes, strict=True)
        ]
        assert plan.vlan is not None  # noqa: S101  # for mypy: the plan is bound
        return Preview(
            tenant=plan.tenant,
            run=self._run,
            requested_by=self._requested_by,
            vlan=plan.vlan,
            by_hand=_by_hand(vlan),
            switches=tuple(lines),
            plan=plan.hash,
        )

    def _earlier(self, found: Found, preview: Preview) -> Approval | None:
        """The approval a tenant has already, where no switch would be sent a line."""
        if any(one.lines for one in preview.switches):
            return None
        for thing in found.before:
            text = (thing["metadata"].get("annotations") or {}).get(APPROVAL_ANNOTATION)
            if thing["kind"] == VPC.name and text is not None:
                with suppress(ValidationError):
                    approval = Approval.model_validate_json(text)
                    if approval.vlan == preview.vlan and approval.preview.tenant == preview.tenant:
                        self._board.mark(APPROVAL.id, StepState.DONE, f"given before by {approval.decision.by}")
                        return approval
        return None

    async def _on_every_switch(self, vlan: VlanMode, number: int, approval: Approval) -> None:
        await side_by_side(
            [
                self._asking.take(
                    vlan_on(switch.name),
                    switch.name,
                    "verify" if _by_hand(vlan) else "ensure",
                    vlan=number,
                    trunks=switch.trunks,
                    approval=approval,
                )
                for switch in vlan.switches
            ]
        )


def off_the_switches(
    asking: Asking, trunks: Mapping[str, Sequence[str]], number: int, *, by_hand: bool, stage: str | None = None
) -> list[Removal]:
    """What takes a tenant's VLAN off each switch, or, where the network team works by hand, waits until it has."""
    removals = []
    for switch, ports in trunks.items():
        step: StepStatus = vlan_on(switch, stage) if stage else vlan_on(switch)
        action: Action = "verify-absent" if by_hand else "absent"
        removals.append(Removal(step, by=partial(asking.take_back, step, switch, action, vlan=number, trunks=ports)))
    return removals


def _by_hand(vlan: VlanMode) -> bool:
    return vlan.configure == "by-hand"


def _noted(reserved: Reserved) -> str:
    return f"{'kept' if reserved.adopted else 'reserved'}, VLAN {reserved.vlan}"


def _type_of(error: BaseException) -> str | None:
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause.type if isinstance(cause, ApplicationError) else None
