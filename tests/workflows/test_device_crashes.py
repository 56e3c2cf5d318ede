"""The queue of a device through crashes: workers killed, stopped and resumed, runs terminated, histories that grow long."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner

import lab
from activities.decisions import Pace
from clients.errors import UnavailableError
from tenancy import names
from tests.durability.scene import eventually
from tests.workflows.strikes import PATIENCE
from tests.workflows.switchboard import Switchboard, a_switchboard, asked
from workflows.converter import data_converter
from workflows.face import Status


@pytest.fixture
async def idle(client: Client, tmp_path: Path) -> AsyncIterator[Switchboard]:
    """Switches, and nobody who serves their queues."""
    async with a_switchboard(client, tmp_path) as board:
        yield board


@pytest.fixture
async def second(temporal_address: str) -> Client:
    """A connection for one more worker."""
    return await Client.connect(temporal_address, data_converter=data_converter)


async def ended(run: WorkflowHandle[Any, Any]) -> Any:
    return await asyncio.wait_for(run.result(), PATIENCE)


async def runs_of_queue(board: Switchboard) -> list[str]:
    """How each run of the device's queue ended, as far as Temporal's index knows it already."""
    query = f'WorkflowId = "{names.device_workflow(board.device)}"'
    return [one.status.name async for one in board.client.list_workflows(query) if one.status]


async def test_a_history_that_grows_long_goes_on_in_another_run_and_loses_nothing(
    idle: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.device.LONGEST_HISTORY", 60)
    async with idle.serving(workflow_runner=UnsandboxedWorkflowRunner()):
        runs = [await idle.ask(f"t{number}", 100 + number, "ensure", "absent", "ensure") for number in range(60)]
        await asyncio.gather(*map(ended, runs))

    assert (await runs_of_queue(idle)).count("CONTINUED_AS_NEW") >= 3
    # Each once, and in the order of its tenant: what a next run was handed is neither lost nor done again.
    for number in range(60):
        actions = [action for tenant, action in idle.switch.asked_for() if tenant == f"t{number}"]
        assert actions == ["ensure", "absent", "ensure"]
    assert idle.switch.saved == {100 + number: f"t{number}" for number in range(60)}


async def test_a_request_that_comes_as_the_queue_ends_is_answered(
    idle: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.device.IDLE", timedelta(milliseconds=60))
    pauses = random.Random(7)  # noqa: S311  # no secret
    async with idle.serving(workflow_runner=UnsandboxedWorkflowRunner()):
        for number in range(60):
            # Around the moment at which the queue ends.
            await asyncio.sleep(pauses.uniform(0.0, 0.12))
            await ended(await idle.ask(f"t{number}", 100 + number, "ensure"))

    assert len(idle.switch.asked_for()) == 60
    assert (await runs_of_queue(idle)).count("COMPLETED") >= 5


async def test_what_waits_in_a_queue_that_is_terminated_is_asked_again(
    idle: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.asking.ASK_AGAIN", timedelta(seconds=1))
    idle.switch.down = UnavailableError("down")
    async with idle.serving(workflow_runner=UnsandboxedWorkflowRunner()):
        runs = [await idle.ask(f"t{number}", 100 + number, "ensure") for number in range(5)]
        await idle.until(lambda seen: len(seen.queue) == 5, "all of them")
        await idle.queue_of().terminate()
        idle.switch.down = None
        await asyncio.gather(*map(ended, runs))

    assert idle.switch.saved == {100 + number: f"t{number}" for number in range(5)}


async def test_a_session_of_a_queue_that_is_terminated_stops_before_another_begins(
    idle: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.asking.ASK_AGAIN", timedelta(milliseconds=200))
    idle.switch.gate = asyncio.Event()
    async with idle.serving(workflow_runner=UnsandboxedWorkflowRunner()):
        run = await idle.ask("acme", 120, "ensure")
        await idle.switch.begun(1)
        await idle.queue_of().terminate()
        await idle.switch.begun(2)
        # The first was called off without having saved, or the second would have met it.
        assert idle.switch.most_at_once == 1
        assert idle.switch.saved == {}
        idle.switch.gate.set()
        await ended(run)

    assert idle.switch.saved == {120: "acme"}


async def test_a_run_is_told_of_a_device_that_is_away_for_long_ever_more_rarely(idle: Switchboard) -> None:
    idle.switch.down = UnavailableError("down")
    async with idle.serving(pace=Pace(first_delay=0.001, longest_delay=0.001)):
        run = await idle.ask("acme", 120, "ensure")
        await idle.until(lambda seen: seen.failures >= 70, "seventy tries")
        idle.switch.down = None
        await ended(run)

    signals = Counter(
        [
            event.workflow_execution_signaled_event_attributes.signal_name
            async for event in run.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]
    )
    assert signals["device_answered"] == 1
    assert 16 <= signals["device_waits"] <= 20


async def test_a_worker_that_is_stopped_lets_its_session_finish(idle: Switchboard, second: Client) -> None:
    idle.switch.gate = asyncio.Event()
    async with AsyncExitStack() as first:
        await first.enter_async_context(idle.serving(graceful_shutdown_timeout=timedelta(seconds=30)))
        run = await idle.ask("acme", 120, "ensure")
        await idle.switch.begun(1)
        stopping = asyncio.create_task(first.aclose())
        async with idle.serving(second):
            idle.switch.gate.set()
            await stopping
            await ended(run)

    assert len(idle.switch.sessions) == 1


async def test_a_session_that_cannot_finish_before_its_worker_stops_is_begun_again_by_another(
    idle: Switchboard, second: Client
) -> None:
    idle.switch.gate = asyncio.Event()
    async with AsyncExitStack() as first:
        await first.enter_async_context(idle.serving(graceful_shutdown_timeout=timedelta(milliseconds=100)))
        run = await idle.ask("acme", 120, "ensure")
        await idle.switch.begun(1)
        async with idle.serving(second):
            await first.aclose()
            await idle.switch.begun(2)
            # Nobody takes the device for the culprit.
            assert (await idle.status()).failures == 0
            idle.switch.gate.set()
            await ended(run)

    assert idle.switch.most_at_once == 1
    assert idle.switch.saved == {120: "acme"}


async def test_nobody_beside_the_devices_is_told_to_who_waits_and_a_worker_that_comes_later_goes_on(
    idle: Switchboard, second: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.device.TAKEN_WITHIN", timedelta(milliseconds=200))
    async with idle.serving(serves="platform", workflow_runner=UnsandboxedWorkflowRunner()):
        run = await idle.ask("acme", 120, "ensure")
        nobody = f"no worker took the work from task queue {idle.queue}-devices within 0.2 s"
        seen = await idle.until(lambda seen: nobody in seen.reason and seen.queue[0].tries >= 2, "the reason")
        # The device was not even called: nothing of it counts against the next try, which follows at once.
        assert seen.failures == 0

        async def board() -> Status:
            return Status.model_validate(await run.query("status"))

        told = await eventually(board, lambda seen: bool(seen.steps[0].note), "the run's board", PATIENCE)
        assert nobody in str(told.steps[0].note)
        assert nobody in str(await idle.queue_of().query("__temporal_workflow_metadata"))
        assert idle.switch.sessions == []
        async with idle.serving(second, serves="devices"):
            assert (await ended(run))[0]["result"] == "done"
            assert (await idle.until(lambda seen: not seen.queue, "an empty queue")).reason == ""
    assert idle.switch.saved == {120: "acme"}


@asynccontextmanager
async def process(
    board: Switchboard, address: str, journal: Path, *, pause: float
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker as a process of its own, which ends with the block at the latest."""
    # The tether lets it die with the test, however that ends.
    tether = [sys.executable, "-I", "-S", str(Path(lab.__file__).with_name("tether.py")), str(os.getpid())]
    arguments = [address, board.queue, str(board.platform), str(journal), str(pause)]
    started = await asyncio.create_subprocess_exec(
        *tether, sys.executable, "-P", "-m", "tests.workflows.device_worker", *arguments,
        env={**os.environ, "PYTHONPATH": str(Path(lab.__file__).parents[1])},
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def written(journal: Path, lines: int, seconds: float = PATIENCE) -> list[list[str]]:
    """The journal, once it has so many lines."""

    async def look() -> list[list[str]]:
        return lines_of(journal)

    return await eventually(look, lambda found: len(found) >= lines, f"{lines} lines", seconds)


def lines_of(journal: Path) -> list[list[str]]:
    return [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []


def saved(journal: Path) -> dict[int, str]:
    """What the switch of this journal has saved."""
    running: dict[int, str] = {}
    kept: dict[int, str] = {}
    for _, action, *rest in lines_of(journal):
        if action == "ensure":
            running[int(rest[0])] = rest[1]
        elif action == "save":
            kept = dict(running)
    return kept


async def test_a_worker_that_dies_in_the_middle_of_a_batch_is_followed_by_another(
    idle: Switchboard, temporal_address: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with process(idle, temporal_address, journal, pause=0.3) as first:
        runs = [await idle.ask(f"t{number}", 100 + number, "ensure") for number in range(6)]
        # The first session may be of one request only.
        await written(journal, 5)
        first.kill()
        await first.wait()
        before = saved(journal)
        async with process(idle, temporal_address, journal, pause=0.0):
            await asyncio.gather(*map(ended, runs))

    assert len(before) < 6
    assert saved(journal) == {100 + number: f"t{number}" for number in range(6)}


async def test_a_worker_that_was_stopped_for_long_sends_nothing_more_once_it_goes_on(
    idle: Switchboard, temporal_address: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with process(idle, temporal_address, journal, pause=0.3) as first:
        runs = [await idle.ask(f"t{number}", 100 + number, "ensure") for number in range(8)]
        lines = await written(journal, 4)
        zombie = lines[0][0]
        os.kill(int(zombie), signal.SIGSTOP)
        sent = len(await written(journal, 4))
        try:
            async with process(idle, temporal_address, journal, pause=0.5):
                # The other is in the middle of it when the first goes on.
                # The frozen one still has a task of the queue's and one for the device in its hands, one after the other.
                lines = await written(journal, sent + 2, 1.5 * PATIENCE)
                assert {line[0] for line in lines[sent:]} != {zombie}
                os.kill(int(zombie), signal.SIGCONT)
                await asyncio.gather(*map(ended, runs))
                lines = await written(journal, 1)
        finally:
            os.kill(int(zombie), signal.SIGCONT)
            first.kill()

    by_another = [place for place, line in enumerate(lines) if line[0] != zombie]
    assert zombie not in {line[0] for line in lines[by_another[0] :]}
    assert saved(journal) == {100 + number: f"t{number}" for number in range(8)}


async def test_a_request_that_took_too_long_to_arrive_is_not_carried_out(idle: Switchboard) -> None:
    (ask,) = asked("acme", 120, idle.device, "ensure")
    late = {
        "request": {"id": "a-zombie", "tenant": "acme", "action": "ensure", "vlan": 120, "approval": ask["approval"]},
        "workflow": "tenant-acme",
        "run": "",
        "asked": "2026-01-01T00:00:00Z",
    }
    async with idle.serving():
        await ended(await idle.ask("first", 119, "ensure"))
        await idle.queue_of().signal("request", late)
        await ended(await idle.ask("last", 121, "ensure"))

    assert idle.switch.saved == {119: "first", 121: "last"}


async def test_a_queue_that_is_reset_in_the_middle_of_a_session_waits_for_its_end(idle: Switchboard) -> None:
    async with idle.serving():
        idle.switch.gate = asyncio.Event()
        run = await idle.ask("acme", 120, "ensure")
        await idle.switch.begun(1)
        queue = idle.queue_of()
        tasks = [
            event.event_id
            async for event in queue.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ]
        await idle.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=idle.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=queue.id, run_id=(await queue.describe()).run_id),
                reason="a test",
                workflow_task_finish_event_id=tasks[-1],
                request_id=queue.id,
            )
        )
        await idle.switch.begun(2)
        assert idle.switch.most_at_once == 1
        idle.switch.gate.set()
        await ended(run)
    assert idle.switch.saved == {120: "acme"}
