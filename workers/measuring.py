"""What is measured of each try of a step, whatever the step is: how long it took, and why it failed."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.decisions import UNAVAILABLE, WORKER_STOPPED
from activities.metrics import STEP_DURATION, STEP_FAILURES, STEP_RETRY_AGE, known
from activities.objects import EnsureObject, RemoveObject
from tenancy.kinds import KINDS
from workflows.face import UNDO


class StepMetrics(Interceptor):
    """Records each try of each step. With no metrics to keep it costs two looks at a clock."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Puts the clock around each step."""
        return _Measured(next)


class _Measured(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        started, error = time.monotonic(), None
        try:
            return await self.next.execute_activity(input)
        except BaseException as failed:
            error = failed
            raise
        finally:
            _record(input.args, time.monotonic() - started, error)


def _record(given: Sequence[Any], seconds: float, error: BaseException | None) -> None:
    meter, info = activity.metric_meter(), activity.info()
    about = {"kind": _kind(given), "way": "take-back" if info.activity_id.startswith(UNDO) else "make"}
    result, cause = _ending(error)
    STEP_DURATION.record(meter, seconds, **about, result=result)
    if error is None:
        return
    STEP_FAILURES.record(meter, **about, cause=cause)
    trace.get_current_span().set_attribute("error.type", cause)
    most = info.retry_policy.maximum_attempts if info.retry_policy is not None else 0
    if result in ("unavailable", "failed") and (most == 0 or info.attempt < most):
        STEP_RETRY_AGE.record(meter, (datetime.now(UTC) - info.scheduled_time).total_seconds(), **about)


def _kind(given: Sequence[Any]) -> str:
    """The kind of the object that a step is about, among those of the platform."""
    match given:
        case [EnsureObject(manifest=manifest)]:
            kind = manifest.get("kind")
        case [RemoveObject(kind=kind)]:
            pass
        case _:
            return "none"
    return kind if kind in KINDS else "none"


def _ending(error: BaseException | None) -> tuple[str, str]:
    """How a try ended, and why, as labels."""
    match error:
        case None:
            return "done", ""
        case asyncio.CancelledError():
            return "stopped", "cancelled"
        case ApplicationError(type=kind) if kind == WORKER_STOPPED:
            return "stopped", WORKER_STOPPED
        case ApplicationError(type=kind) if kind == UNAVAILABLE:
            return "unavailable", UNAVAILABLE
        case ApplicationError(type=kind, non_retryable=True):
            return "refused", known(kind)
        case _:
            return "failed", "other"
