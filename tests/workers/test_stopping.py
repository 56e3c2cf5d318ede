"""A worker told to stop: exit code 0 each time, and never a crash on the way out."""

import asyncio
import signal
from pathlib import Path

from tests.durability.scene import QUICK, WorkerProcess, a_scene
from tests.durability.tenants import tenant

STOPS = 20
AT_ONCE = 4


async def test_twenty_starts_and_stops_end_without_a_crash(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        environment = {**scene.environment(), **QUICK}
        room = asyncio.Semaphore(AT_ONCE)

        async def start_and_stop(number: int) -> tuple[int, str]:
            async with room:
                worker = await WorkerProcess.spawn(tmp_path, f"stopped-{number}", environment)
                try:
                    await worker.serves()
                    worker.terminate(signal.SIGTERM if number % 2 else signal.SIGINT)
                    return await worker.ended(), worker.log.read_text()
                finally:
                    await worker.kill()

        ended = await asyncio.gather(*(start_and_stop(number) for number in range(STOPS)))

    assert [(code, log) for code, log in ended if code != 0 or "Traceback" in log] == []


async def test_a_second_signal_does_not_cut_the_grace_period_short(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        worker = await scene.worker()
        slow = await scene.fault("slow", verb="create", plural="vpcs", seconds=2)
        run = await scene.onboard(tenant("slow"))
        await scene.struck(slow)

        worker.terminate(signal.SIGTERM)
        worker.terminate(signal.SIGINT)

        assert await worker.ended() == 0
        made = [call["status"] for call in await scene.calls() if (call["verb"], call["plural"]) == ("create", "vpcs")]
        assert made == [201]
        await run.terminate()
