"""From a client's failure to Temporal's decision: try again, and when, or give up; with a heartbeat all the while."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from clients.errors import RefusedError, UnavailableError
from tenancy.mistakes import InvalidDocumentError

HEARTBEAT_EVERY = 2.0
"""Seconds. Workflows give up on an activity that is silent for several times as long."""
UNAVAILABLE = "Unavailable"
"""Failure type of what is worth another try."""
WORKER_STOPPED = "WorkerStopped"
"""Failure type of a step that ended because its worker was told to stop."""
LONGEST_REASON = 1500
"""Characters. Temporal shows why a step is tried again only where the whole failure is smaller than 4 KB."""
INVALID_DOCUMENT = "InvalidDocument"
"""Failure type of a document that is refused; the failure's details are its mistakes."""


@dataclass(frozen=True)
class Pace:
    """How patient the steps are; all in seconds."""

    ready_deadline: float = 60.0
    """How long one try waits until Kube-OVN reports an object ready."""
    gone_deadline: float = 60.0
    """How long one try waits until a deleted object is really gone."""
    first_delay: float = 1.0
    """Before the second try; doubled for each further one."""
    longest_delay: float = 60.0
    refused_delay: float = 60.0
    """Before a device is tried again that refused Berth as a whole; doubled each time. Devices lock accounts."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait after this attempt, counted from 1."""
        # The exponent is held down, because 2 ** 10000 is no float.
        return min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 30))


Progress = Callable[[str], None]


@asynccontextmanager
async def deciding(pace: Pace, *, attempt: int | None = None) -> AsyncIterator[Progress]:
    """Wraps the body of an activity. Yields a function that takes what the step is waiting for, in words.

    `attempt` is given where the workflow makes the tries, one activity each: Temporal then counts only one.
    """
    note = ""

    def progress(text: str) -> None:
        nonlocal note
        note = text

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            activity.heartbeat(note)

    heart = asyncio.create_task(beat())
    try:
        yield progress
    except RefusedError as error:
        raise ApplicationError(str(error), type=error.reason, non_retryable=True) from error
    except InvalidDocumentError as error:
        mistakes = [mistake.model_dump(exclude_none=True) for mistake in error.mistakes]
        raise ApplicationError(str(error), mistakes, type=INVALID_DOCUMENT, non_retryable=True) from error
    except UnavailableError as error:
        delay = max(pace.delay(attempt or activity.info().attempt), error.retry_after or 0.0)
        reason = text if len(text := str(error)) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
        # Without its causes, each of which brings a traceback: see LONGEST_REASON.
        raise ApplicationError(reason, type=UNAVAILABLE, next_retry_delay=timedelta(seconds=delay)) from None
    except asyncio.CancelledError:
        # A worker that goes away cancels its activities too. That is nobody's wish to stop the step.
        details = activity.cancellation_details()
        if details is not None and details.worker_shutdown and not details.cancel_requested:
            raise ApplicationError(
                "the worker was stopped while it worked on this step; another goes on with it", type=WORKER_STOPPED
            ) from None
        raise
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
