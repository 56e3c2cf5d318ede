"""A run that only asks devices, one request after the other: what a tenant's run does, without the rest of it."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from tenancy.approval import Approval
from tenancy.devices import DeviceRequest
from workflows.asking import Asking
from workflows.board import Board
from workflows.face import Resolve, Status, StepStatus
from workflows.removal import Removal, Removals
from workflows.stepping import to_the_end


@workflow.defn(name="AskerRun")
class AskerRun:
    """Input: `{"asks": [{device, action, vlan, approval}], "undo": bool, "at_once": bool}`."""

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._tenant = tenant = workflow.info().workflow_id.split("-")[1]
        self._board = Board("OnboardTenant", tenant, "a test")
        self._asking = Asking(self._board)
        self._asking.listen()
        self._removals = Removals(self._board)

    @workflow.run
    async def run(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Each outcome. With `undo`, every ask that does not succeed is followed by `absent` for all asked so far."""
        steps = [
            StepStatus(id=f"switch-{place}", stage="switches", title=f"{ask['action']} on {ask['device']}")
            for place, ask in enumerate(given["asks"])
        ]
        self._board.declare(steps)
        try:
            if given.get("at_once"):
                return list(
                    await asyncio.gather(
                        *(self._take(step, ask) for step, ask in zip(steps, given["asks"], strict=True))
                    )
                )
            return [await self._take(step, ask) for step, ask in zip(steps, given["asks"], strict=True)]
        except (ApplicationError, asyncio.CancelledError):
            await to_the_end(asyncio.create_task(self._removals.carry_out()))
            raise

    async def _take(self, step: StepStatus, ask: dict[str, Any]) -> dict[str, Any]:
        approval = Approval.model_validate(ask["approval"]) if ask.get("approval") else None
        wish = DeviceRequest(
            tenant=self._tenant,
            action=ask["action"],
            vlan=ask["vlan"],
            trunks=tuple(ask.get("trunks", ())),
            approval=approval,
        )
        if self._given.get("undo"):
            self._removals.new_phase()
            absent = DeviceRequest(tenant=self._tenant, action="absent", vlan=ask["vlan"])
            self._removals.register(Removal(step, by=lambda: self._asking.take_back(step, ask["device"], absent)))
        done = await self._asking.take(step, ask["device"], wish)
        return done.model_dump(mode="json")

    @workflow.query
    def status(self) -> Status:
        """The board."""
        return self._board.status()

    @workflow.update
    def resolve(self, decision: Resolve) -> str:
        """An operator's decision."""
        return self._removals.decide(decision)
