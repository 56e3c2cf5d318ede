"""Approvals as the runs tell them: which wait, and what one of them shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.runs import NoAnswerError, Run, answer, latest
from tenancy import names
from tenancy.approval import Preview
from workflows.face import APPROVAL, ONBOARD, STAGE, ApprovalStatus

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


async def asked(client: Client, tenant: str) -> tuple[Run, ApprovalStatus, Preview]:
    """What the tenant's latest run waits for. Raises CommandError where it waits for no approver."""
    run, found = await latest(client, tenant)
    if found.status is not WorkflowExecutionStatus.RUNNING:
        raise CommandError(
            ExitCode.REFUSED, f"tenant {tenant}: its latest run has ended, so nothing waits for approval"
        )
    if run.workflow != ONBOARD:
        raise CommandError(ExitCode.REFUSED, f"tenant {tenant}: it is being offboarded, which needs no approval")
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
    query = f"WorkflowType = '{ONBOARD}' AND {STAGE.name} = '{APPROVAL}' AND ExecutionStatus = 'Running'"
    prefix = names.workflow("")
    async for found in client.list_workflows(query):
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        yield Run(found.id.removeprefix(prefix), "OnboardTenant", handle, found.task_queue)


def _since(one: Pending) -> float:
    return one.status.since.timestamp() if one.status and one.status.since else 0.0
