"""What a run's failure means to a script: the exit code, and a message that names the tenant."""

from typing import Literal

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutError
from temporalio.service import ConnectConfig, ServiceClient

from cli.endings import end_of
from cli.exit_codes import ExitCode
from cli.runs import Run
from tenancy.mistakes import Mistake
from workflows.face import INVALID_DOCUMENT, LEFT_BEHIND, REFUSED

MISTAKES = [
    Mistake(path="tenant.spec", problem="is missing", remedy="add it").model_dump(exclude_none=True),
    Mistake(path="requestedBy", value="5", problem="not a name", remedy="write text").model_dump(exclude_none=True),
]


async def _run(workflow: Literal["OnboardTenant", "OffboardTenant"]) -> Run:
    service = await ServiceClient.connect(ConnectConfig(target_host="127.0.0.1:1", lazy=True))
    handle = Client(service).get_workflow_handle("tenant-acme", run_id="run-1")
    return Run("acme", workflow, handle, "berth")


@pytest.mark.parametrize(
    ("failure", "code", "onboarding", "offboarding"),
    [
        (ApplicationError("no: acme", type=REFUSED), ExitCode.REFUSED, "undone", "stopped"),
        (ApplicationError("left: acme", type=LEFT_BEHIND), ExitCode.NEEDS_OPERATOR, "left-behind", "left-behind"),
        (ApplicationError("bad", MISTAKES, type=INVALID_DOCUMENT), ExitCode.INVALID, "invalid", "invalid"),
        (ApplicationError("odd", type="SomethingElse"), ExitCode.NEEDS_OPERATOR, "failed", "failed"),
        (CancelledError("cancelled"), ExitCode.REFUSED, "undone", "stopped"),
        (TerminatedError("by hand"), ExitCode.NEEDS_OPERATOR, "terminated", "terminated"),
        (
            TimeoutError("late", type=None, last_heartbeat_details=[]),
            ExitCode.NEEDS_OPERATOR,
            "timed-out",
            "timed-out",
        ),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else None,
)
async def test_each_failure_has_its_code_and_word(
    failure: Exception, code: ExitCode, onboarding: str, offboarding: str
) -> None:
    brought_in = end_of(await _run("OnboardTenant"), failure)
    taken_out = end_of(await _run("OffboardTenant"), failure)
    assert (brought_in.code, brought_in.outcome) == (code, onboarding)
    assert (taken_out.code, taken_out.outcome) == (code, offboarding)
    for end in (brought_in, taken_out):
        assert end.message is not None
        assert "acme" in end.message


async def test_mistakes_a_worker_found_are_told_as_those_found_here() -> None:
    end = end_of(await _run("OnboardTenant"), ApplicationError("bad", MISTAKES, type=INVALID_DOCUMENT))
    assert [str(finding) for finding in end.findings] == [
        "tenant.spec: is missing; add it",
        "requestedBy = 5: not a name; write text",
    ]


async def test_a_cancelled_onboarding_says_that_it_is_undone_and_an_offboarding_that_it_is_not() -> None:
    onboarding = end_of(await _run("OnboardTenant"), CancelledError("x"))
    offboarding = end_of(await _run("OffboardTenant"), CancelledError("x"))
    assert str(onboarding.message).endswith("everything it did is undone")
    assert str(offboarding.message).endswith("what it removed stays removed")
