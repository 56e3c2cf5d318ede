"""Taking one step, or several side by side, so that the board always tells the truth."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from activities.objects import Ensured
from workflows.board import Board
from workflows.face import REFUSED, StepState, StepStatus

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""An activity beats every 2 seconds; silent for so long, its worker is taken for dead and another goes on."""
ONE_TRY = timedelta(minutes=15)
"""Longer than any deadline inside a step; a try that takes longer is given up and made again."""
Done = TypeVar("Done")


async def take_step(board: Board, step: StepStatus, activity: Callable[..., Awaitable[Any]], given: object) -> Any:
    """Takes a step, trying for ever while it may succeed.

    Raises ActivityError where it is refused, ApplicationError where its answer is none, or CancelledError.
    """
    board.mark(step.id, StepState.RUNNING)

    async def answered() -> Any:
        return _read(activity, await carried_out(activity, given, id=step.id, summary=step.title))

    done = await to_its_end(board, step, answered())
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


async def to_its_end(board: Board, step: StepStatus, work: Awaitable[Done]) -> Done:
    """What comes of a step that is under way. Where it fails, or is cancelled, the board says so, and it is raised."""
    try:
        return await work
    except (ActivityError, ApplicationError, asyncio.CancelledError) as error:
        if is_cancelled(error):
            board.mark(step.id, StepState.FAILED, "cancelled")
            raise asyncio.CancelledError from error
        board.mark(step.id, StepState.FAILED, reason_of(error))
        raise


async def carried_out(
    activity: Callable[..., Awaitable[Any]],
    given: object,
    *,
    id: str,
    summary: str,
    retry_policy: RetryPolicy | None = None,
    task_queue: str | None = None,
    taken_within: timedelta | None = None,
) -> Any:
    """What an activity answers, as plain JSON: an operator may have completed it by hand, with anything.

    It goes to the run's own task queue where no other is named. With `taken_within` it fails where no worker has begun it
    by then.
    """
    return await workflow.execute_activity(
        activity.__name__,  # by name, so that the SDK reads no type into the answer: where it cannot, the run is stuck for good
        given,
        result_type=object,
        activity_id=id,
        summary=summary,
        task_queue=task_queue,
        schedule_to_start_timeout=taken_within,
        start_to_close_timeout=ONE_TRY,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retry_policy,
        # Undo must not start while the step still works.
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def _read(activity: Callable[..., Awaitable[Any]], answer: object) -> Any:
    try:
        return _answers(activity).validate_python(answer)
    except ValidationError as error:
        message = "was completed by hand with what is no answer of it"
        raise ApplicationError(message, type=REFUSED, non_retryable=True) from error


@functools.cache
def _answers(activity: Callable[..., Awaitable[Any]]) -> TypeAdapter[Any]:
    answer = get_type_hints(activity)["return"]
    # Nothing is read from a step that answers nothing, whatever it was completed with.
    return TypeAdapter(Any if answer is type(None) else answer)


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
