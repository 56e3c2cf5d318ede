"""Taking one step, or several side by side, so that the board always tells the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from activities.objects import Ensured
from workflows.board import Board
from workflows.face import StepState, StepStatus

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""An activity beats every 2 seconds; silent for so long, its worker is taken for dead and another goes on."""
ONE_TRY = timedelta(minutes=15)
"""Longer than any deadline inside a step; a try that takes longer is given up and made again."""


async def take_step(board: Board, step: StepStatus, activity: Callable[..., Awaitable[Any]], given: object) -> Any:
    """Takes a step, trying for ever while it may succeed. Raises ActivityError where it is refused, or CancelledError."""
    board.mark(step.id, StepState.RUNNING)
    try:
        done = await workflow.execute_activity(
            activity,
            given,
            activity_id=step.id,
            summary=step.title,
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            # Undo must not start while the step still works.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except (ActivityError, asyncio.CancelledError) as error:
        if is_cancelled(error):
            board.mark(step.id, StepState.FAILED, "cancelled")
            raise asyncio.CancelledError from error
        board.mark(step.id, StepState.FAILED, reason_of(error))
        raise
    note = (
        ", ".join([done.outcome, *done.addresses])
        if isinstance(done, Ensured)
        else done
        if isinstance(done, str)
        else None
    )
    board.mark(step.id, StepState.DONE, note)
    # A cancel that came while the step was at its end did not stop it, and must not be lost with that.
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
    return done


def is_cancelled(error: BaseException) -> bool:
    """Whether a step ended because it was cancelled: also where its last try failed before it heard of that."""
    if isinstance(error, ActivityError) and error.retry_state is RetryState.CANCEL_REQUESTED:
        return True
    return is_cancelled_exception(error)


def reason_of(error: BaseException) -> str:
    """What went wrong, in the words of the step that failed."""
    cause = error.cause if isinstance(error, ActivityError) and error.cause is not None else error
    return cause.message if isinstance(cause, ApplicationError) else str(cause) or type(cause).__name__


async def side_by_side(work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Runs all at once. Where one fails the others are cancelled, and all have ended before its error is raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    # Not BaseException: a run dropped from memory ends with GeneratorExit, and must not be made to wait.
    except (Exception, asyncio.CancelledError):
        for task in tasks:
            task.cancel()
        await to_the_end(asyncio.gather(*tasks, return_exceptions=True))
        raise


async def to_the_end(running: asyncio.Future[Any]) -> Any:
    """Waits for something that a cancel of the run must not stop, however often it comes."""
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            continue
        except Exception:
            break  # its own failure: it is done, and result() raises it
    return running.result()
