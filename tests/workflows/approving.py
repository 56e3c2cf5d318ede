"""A run that does nothing but wait for approvals, and an approval's world around it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tenancy.approval import Approval, Decision, Preview, SwitchLines
from tenancy.notices import Notice
from tenancy.vlans import ApprovalRules
from tests.workflows.strikes import PATIENCE
from workflows import sandbox
from workflows.approval import Approvals
from workflows.board import Board
from workflows.face import APPROVAL as QUERY
from workflows.face import ONBOARD, ApprovalStatus, Outcome, Status
from workflows.steps import APPROVAL


class Wish(BaseModel):
    """What is asked, in this order; and the rules, whose seconds may be fewer than a document's."""

    previews: tuple[Preview, ...]
    rules: ApprovalRules
    allowed_signers: str | None = None
    vlans: tuple[int, ...] | None = None
    remind_every: float = 3600
    expires_after: float = 86400
    hold: bool = False
    """Whether the run goes on after the last decision until it is released, as a real one does."""


@workflow.defn(name=ONBOARD)
class Approving:
    """Asks, and ends with the approvals. Its name is that of the run it stands in for, which the command line looks for."""

    @workflow.init
    def __init__(self, wish: Wish) -> None:
        self._board = Board("OnboardTenant", wish.previews[0].tenant, wish.previews[0].requested_by)
        self._approvals = Approvals(self._board)
        self._approvals.listen()
        self._held = wish.hold

    @workflow.run
    async def run(self, wish: Wish) -> list[Approval]:
        self._board.declare([APPROVAL])
        rules = wish.rules.model_copy(update={"remind_every": wish.remind_every, "expires_after": wish.expires_after})
        try:
            given = [
                await self._approvals.ask(preview, rules, wish.allowed_signers, vlans=wish.vlans)
                for preview in wish.previews
            ]
        except ApplicationError as error:
            self._board.become(Outcome.UNDONE, failure=error.message)
            await workflow.wait_condition(lambda: not self._held)
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        await workflow.wait_condition(lambda: not self._held)
        self._board.become(Outcome.DONE)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return given

    @workflow.signal
    def release(self) -> None:
        self._held = False

    @workflow.query
    def status(self) -> Status:
        return self._board.status()


@dataclass
class Told:
    """Stands in for the step that sends notices."""

    notices: list[Notice] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    fails: bool = False
    """Whether sending fails, and is not to be tried again."""

    @activity.defn
    async def notify(self, notice: Notice) -> int:
        async with self.arrived:
            self.notices.append(notice)
            self.arrived.notify_all()
        if self.fails:
            raise ApplicationError("notify entry 1 (file /x): did not take it", non_retryable=True)
        return 1

    async def told(self, kind: str) -> Notice:
        """The first notice of this kind, once it was sent."""
        async with self.arrived, asyncio.timeout(30):
            await self.arrived.wait_for(lambda: any(notice.kind == kind for notice in self.notices))
        return next(notice for notice in self.notices if notice.kind == kind)


@dataclass
class Desk:
    """Where approvals are asked for and decided."""

    client: Client
    queue: str
    told: Told = field(default_factory=Told)
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list)

    async def ask(
        self,
        *previews: Preview,
        rules: dict[str, Any] | None = None,
        allowed_signers: str | None = None,
        vlans: tuple[int, ...] | None = None,
        hold: bool = False,
        **seconds: float,
    ) -> WorkflowHandle[Any, Any]:
        """A run that waits for the approval of the first of these previews."""
        document = {"approvers": ["olga", "oskar", "anna"], **(rules or {})}
        wish = Wish(
            previews=previews,
            rules=ApprovalRules.model_validate(document),
            allowed_signers=allowed_signers,
            vlans=vlans,
            hold=hold,
            **seconds,
        )
        id = f"tenant-{previews[0].tenant}"
        handle = await self.client.start_workflow(ONBOARD, wish, id=id, task_queue=self.queue)
        self.handles.append(handle)
        await handle.query(QUERY)
        return handle


@asynccontextmanager
async def desk(client: Client, queue: str) -> AsyncIterator[Desk]:
    """A worker serves the desk while the block runs."""
    made = Desk(client, queue)
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Approving],
        activities=[made.told.notify],
        workflow_runner=sandbox.runner(),
    ):
        yield made
        for handle in made.handles:
            async for event in handle.fetch_history_events():
                failed = event.workflow_task_failed_event_attributes
                assert not failed.HasField("failure"), failed.failure.message


def preview(tenant: str, **changes: Any) -> Preview:
    """What is shown for a tenant that wants VLAN 120 on two switches."""
    lines = ("vlan 120", f"name berth-{tenant}", "interface Ethernet1", "switchport trunk allowed vlan add 120")
    made = {
        "tenant": tenant,
        "run": f"run-of-{tenant}",
        "vlan": 120,
        "requested_by": "anna",
        "switches": (SwitchLines(switch="leaf-1", lines=lines), SwitchLines(switch="leaf-2", lines=lines[:2])),
        "plan": "0" * 64,
    }
    return Preview.model_validate({**made, **changes})


def decision(shown: Preview, by: str = "olga", **more: Any) -> Decision:
    """A decision about what was shown."""
    return Decision(plan=shown.hash, by=by, **more)


async def approval_of(handle: WorkflowHandle[Any, Any]) -> ApprovalStatus:
    """The answer to the query, as a program reads it."""
    return ApprovalStatus.model_validate(await handle.query(QUERY))


async def seen(handle: WorkflowHandle[Any, Any], holds: Callable[[ApprovalStatus], bool]) -> ApprovalStatus:
    """The first answer of which something holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await approval_of(handle)
            if holds(found):
                return found
            await asyncio.sleep(0.02)  # a query has no event to wait for
