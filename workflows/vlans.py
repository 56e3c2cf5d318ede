"""Mode vlan: the tenant's VLAN ID, the network team's approval, and the VLAN on every switch, each with its undo."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError

from activities.checks import Found
from activities.vlans import ReleaseVlans, Reserved, ReserveVlan, VlanSteps
from tenancy.approval import Approval, Preview, SwitchLines
from tenancy.devices import Action, DeviceOutcome, DeviceRequest, Survey
from tenancy.kinds import VPC
from tenancy.names import APPROVAL_ANNOTATION
from tenancy.plan import Plan, Stage
from tenancy.vlans import VlanMode, as_ranges, candidates, in_ranges
from workflows.approval import Approvals
from workflows.asking import Asking
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
        self._tenant = board.status().tenant
        self._run = run
        self._requested_by = requested_by
        self._number = 0
        """The ID reserved now."""
        self._undo_is_registered = False

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
            trunks={switch.name: switch.trunks for switch in vlan.switches},
            foreign={switch: survey.foreign for switch, survey in surveys.items() if survey.foreign},
        )
        await self._reserve(reservation)
        # What a switch knew of a tenant that was there before the run, it keeps, under whatever name.
        kept = {switch for switch, survey in surveys.items() if was_there and _knows(survey, self._number)}
        if _by_hand(vlan):
            # Reading only: what the team configured before it decided must not be forgotten where it then rejects.
            self._register_undo(vlan, kept)
        recorded = _recorded(found, self._number)
        preview = await self._preview(found.plan.on_vlan(self._number), vlan, recorded)
        approval = self._earlier(recorded, preview)
        while True:
            approval = approval or await self._approvals.ask(
                preview, vlan.approval, found.allowed_signers or None, vlans=candidates(vlan)
            )
            try:
                if approval.vlan != self._number:
                    await self._reserve(
                        reservation.model_copy(
                            update={"wished": approval.vlan, "instead_of": self._number, "foreign": {}}
                        )
                    )
                # Not before the approval: taking back saves what runs on a switch, whoever changed it.
                self._register_undo(vlan, kept)
                action: Action = "verify" if _by_hand(vlan) else "ensure"
                await self._ask_all(vlan, vlan_on, action, number=self._number, approval=approval)
                return found.plan.on_vlan(self._number), approval
            except (ApplicationError, ActivityError) as refused:
                if _type_of(refused) not in DECIDE_AGAIN:
                    raise
                self._board.mark(APPROVAL.id, StepState.WAITING, f"to be decided again: {reason_of(refused)}")
            # Of what the network team has configured by hand there is no preview: it bears any name.
            if not _by_hand(vlan):
                preview = await self._preview(found.plan.on_vlan(self._number), vlan, approval)
            # It did not do; the earlier one would not do the next time either.
            approval = None

    async def _survey(self, vlan: VlanMode) -> dict[str, Survey]:
        """What each switch knows, by its name."""
        outcomes = await self._ask_all(vlan, survey_of, "survey")
        return {switch: outcome.survey or Survey(foreign="") for switch, outcome in outcomes.items()}

    async def _reserve(self, reservation: ReserveVlan) -> None:
        reserved: Reserved = await take_step(self._board, VLAN, VlanSteps.reserve_vlan, reservation)
        self._board.mark(VLAN.id, StepState.DONE, "; ".join([_noted(reserved), *reserved.passed_over]))
        self._board.know_vlan(reserved.vlan)
        self._number = reserved.vlan

    def _register_undo(self, vlan: VlanMode, kept: Collection[str]) -> None:
        if self._undo_is_registered:
            return
        self._undo_is_registered = True
        trunks = {switch.name: switch.trunks for switch in vlan.switches if switch.name not in kept}
        self._removals.new_phase()
        # Where the network team takes another ID, the first one is given back, and may be another tenant's by the undo.
        for removal in off_the_switches(
            self._asking, self._tenant, trunks, lambda: self._number, by_hand=_by_hand(vlan)
        ):
            self._removals.register(removal)

    async def _preview(self, plan: Plan, vlan: VlanMode, approval: Approval | None) -> Preview:
        """What would be sent. `approval`: the tenant's last one, by which a switch without names knows its VLAN."""
        action: Action = "preview-by-hand" if _by_hand(vlan) else "preview"
        outcomes = await self._ask_all(vlan, preview_of, action, number=plan.vlan, approval=approval)
        assert plan.vlan is not None  # noqa: S101  # for mypy: the plan is bound
        return Preview(
            tenant=plan.tenant,
            run=self._run,
            requested_by=self._requested_by,
            vlan=plan.vlan,
            by_hand=_by_hand(vlan),
            switches=tuple(SwitchLines(switch=name, lines=outcome.lines) for name, outcome in outcomes.items()),
            plan=plan.hash,
        )

    def _earlier(self, recorded: Approval | None, preview: Preview) -> Approval | None:
        """The approval a tenant has already, where no switch would be sent a line."""
        if recorded is None or any(one.lines for one in preview.switches):
            return None
        self._board.mark(APPROVAL.id, StepState.DONE, f"given before by {recorded.decision.by}")
        return recorded

    async def _ask_all(
        self,
        vlan: VlanMode,
        step: Callable[[str], StepStatus],
        action: Action,
        *,
        number: int | None = None,
        approval: Approval | None = None,
    ) -> dict[str, DeviceOutcome]:
        """One step for each switch, side by side; what became of each, by the switch's name."""
        outcomes = await side_by_side(
            [
                self._asking.take(
                    step(switch.name),
                    switch.name,
                    DeviceRequest(
                        tenant=self._tenant, action=action, vlan=number, trunks=switch.trunks, approval=approval
                    ),
                )
                for switch in vlan.switches
            ]
        )
        return {switch.name: outcome for switch, outcome in zip(vlan.switches, outcomes, strict=True)}


def off_the_switches(
    asking: Asking,
    tenant: str,
    trunks: Mapping[str, Sequence[str]],
    number: Callable[[], int],
    *,
    by_hand: bool,
    stage: str = Stage.SWITCHES,
) -> list[Removal]:
    """What takes a tenant's VLAN off each switch, or, where the network team works by hand, waits until it has.

    `number` is asked for the ID when it is to go.
    """
    action: Action = "verify-absent" if by_hand else "absent"
    removals = []
    for switch, ports in trunks.items():
        step = vlan_on(switch, stage)

        async def taken_back(step: StepStatus = step, switch: str = switch, ports: Sequence[str] = ports) -> bool:
            wish = DeviceRequest(tenant=tenant, action=action, vlan=number(), trunks=tuple(ports))
            return await asking.take_back(step, switch, wish)

        removals.append(Removal(step, by=taken_back))
    return removals


def _recorded(found: Found, number: int) -> Approval | None:
    """The approval that stands on the tenant's VPC, if it is about this ID."""
    for thing in found.before:
        text = (thing["metadata"].get("annotations") or {}).get(APPROVAL_ANNOTATION)
        if thing["kind"] == VPC.name and text is not None:
            with suppress(ValidationError):
                approval = Approval.model_validate_json(text)
                if approval.vlan == number and approval.preview.tenant == found.plan.tenant:
                    return approval
    return None


def _knows(survey: Survey, number: int) -> bool:
    return number in survey.own or number in in_ranges(survey.foreign)


def _by_hand(vlan: VlanMode) -> bool:
    return vlan.configure == "by-hand"


def _noted(reserved: Reserved) -> str:
    return f"{'kept' if reserved.adopted else 'reserved'}, VLAN {reserved.vlan}"


def _type_of(error: BaseException) -> str | None:
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause.type if isinstance(cause, ApplicationError) else None
