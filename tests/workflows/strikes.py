"""A worker whose steps fail on purpose: before they act, after they acted, finally or for the time being."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

PATIENCE = 60.0
"""Seconds until a test gives up waiting for something that must happen.

More than the 20 s after which Temporal's server answers a long poll by itself: once in many thousand runs the notice of a
run's end is lost (seen: a run done in 0.7 s by its history, and its client told after 20 s)."""
Hook = Callable[[], Awaitable[None]]


@dataclass
class Strikes(Interceptor):
    """Fails steps of the worker on purpose, by the step's ID (an undo is `undo-<id>`)."""

    before: dict[str, Exception] = field(default_factory=dict)
    """Raised in place of the step."""
    after: dict[str, Exception] = field(default_factory=dict)
    """Raised once the step has acted, so that its answer is lost."""
    once: bool = False
    on_start: dict[str, Hook] = field(default_factory=dict)
    """Called at the first try of a step, before it acts."""
    on_end: dict[str, Hook] = field(default_factory=dict)
    """Called when the first try of a step has ended, however it did."""
    taken: list[str] = field(default_factory=list)
    """The IDs of all steps tried, in order."""
    more: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each further try."""

    async def tried(self, step: str, times: int) -> None:
        """Waits until a step has been tried so often."""
        async with asyncio.timeout(PATIENCE):
            while self.taken.count(step) < times:
                self.more.clear()
                await self.more.wait()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Striking(next, self)


class _Striking(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, strikes: Strikes) -> None:
        super().__init__(next)
        self._strikes = strikes

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        step, strikes = activity.info().activity_id, self._strikes
        strikes.taken.append(step)
        strikes.more.set()
        if hook := strikes.on_start.pop(step, None):
            await hook()
        try:
            return await self._strike(step, input)
        finally:
            if hook := strikes.on_end.pop(step, None):
                await hook()

    async def _strike(self, step: str, input: ExecuteActivityInput) -> Any:
        strikes = self._strikes
        take = dict.pop if strikes.once else dict.get
        if error := take(strikes.before, step, None):
            raise error
        answer = await self.next.execute_activity(input)
        if error := take(strikes.after, step, None):
            raise error
        return answer


def refusal(reason: str = "struck on purpose") -> ApplicationError:
    """A failure that trying again does not change."""
    return ApplicationError(reason, type="struck", non_retryable=True)


def hiccup(reason: str = "struck on purpose") -> ApplicationError:
    """A failure worth another try."""
    # Left to itself, Temporal waits a second and then two.
    return ApplicationError(reason, type="Unavailable", next_retry_delay=timedelta(milliseconds=20))
