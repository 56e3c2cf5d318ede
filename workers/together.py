"""Several Temporal Workers in one process, started and stopped as one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.worker import Worker


@asynccontextmanager
async def together(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """All of them serve while the block runs. Where one cannot go on the block is cancelled, and its error raised."""
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        try:
            yield
        finally:
            # One after the other, the last would take new tasks while the first uses up the grace period.
            await asyncio.gather(*(worker.shutdown() for worker in workers))
