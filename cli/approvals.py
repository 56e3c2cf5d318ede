"""Approvals as the runs tell them: which wait, and what one of them shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.runs import NoAnswerError, Run, Workflow, answer, latest
from tenancy import names
from tenancy.approval import AnyPreview
from tenancy.plan import Stage
from workflows.face import APPROVAL, OFFBOARD, ONBOARD, STAGE, ApprovalStatus

AT_ONCE = 20
"""Runs that are asked side by side."""


@dataclass(frozen=True)
class Pending:
    """A run that waits for an approver, as far as it could be asked."""

    run: Run
    status: ApprovalStatus | None
    silence: str | None = None
    """Why nobody answers for it."""


async def pending(client: Client) -> list[Pending]:
    """Every run that waits for an approver, the one that has waited longest first."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(run: Run) -> Pending:
        async with turn:
            try:
                return Pending(run, await answer(client, run, APPROVAL, ApprovalStatus))
            except NoAnswerError as error:
                return Pending(run, None, str(error))

    found = await asyncio.gather(*[look(run) async for run in _at_approval(client)])
    # Temporal's list may be a moment behind the run.
    waiting = [one for one in found if one.status is None or one.status.state == "waiting"]
    return sorted(waiting, key=lambda one: (_since(one), one.run.tenant))


async def asked(client: Client, tenant: str) -> tuple[Run, ApprovalStatus, AnyPreview]:
    """What the tenant's latest run waits for. Raises CommandError where it waits for no approver."""
    run, found = await latest(client, tenant)
    if found.status is not WorkflowExecutionStatus.RUNNING:
        raise CommandError(
            ExitCode.REFUSED, f"tenant {tenant}: its latest run has ended, so nothing waits for approval"
        )
    try:
        status = await answer(client, run, APPROVAL, ApprovalStatus)
    except NoAnswerError as error:
        raise CommandError(ExitCode.UNREACHABLE, f"tenant {tenant}: {error}") from error
    if status.state != "waiting" or status.preview is None:
        by = f" by {status.decision.by}" if status.decision else ""
        state = "nothing was asked yet" if status.state == "none" else f"it was {status.state}{by}"
        raise CommandError(ExitCode.REFUSED, f"tenant {tenant}: nothing waits for approval: {state}")
    return run, status, status.preview


async def _at_approval(client: Client) -> AsyncIterator[Run]:
    types = f"WorkflowType IN ('{ONBOARD}', '{OFFBOARD}')"
    query = f"{types} AND {STAGE.name} = '{Stage.APPROVAL}' AND ExecutionStatus = 'Running'"
    prefix = names.workflow("")
    async for found in client.list_workflows(query):
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        workflow: Workflow = "OnboardTenant" if found.workflow_type == ONBOARD else "OffboardTenant"
        yield Run(found.id.removeprefix(prefix), workflow, handle, found.task_queue)


def _since(one: Pending) -> float:
    return one.status.since.timestamp() if one.status and one.status.since else 0.0
