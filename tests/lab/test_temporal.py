"""The real server as the lab runs it: ready when it says so, and the same after a crash."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.worker import Worker

from lab.errors import LabError
from lab.ports import HOST
from lab.temporal import DATABASE, LOG, TemporalServer, start_temporal

TENANT = SearchAttributeKey.for_keyword("BerthTenant")
VLAN = SearchAttributeKey.for_int("BerthVlan")
ATTRIBUTES = {"BerthTenant": "Keyword", "BerthVlan": "Int"}

Start = Callable[..., Awaitable[TemporalServer]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def _start(
            name: str = "", *, search_attributes: dict[str, str] = ATTRIBUTES, **options: object
        ) -> TemporalServer:
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            server = await start_temporal(folder, search_attributes=search_attributes, **options)  # type: ignore[arg-type]
            stack.push_async_callback(server.stop, seconds=0)
            return server

        yield _start


async def connect(server: TemporalServer) -> Client:
    return await Client.connect(server.address)


@activity.defn(name="step")
async def step() -> str:
    return uuid.uuid4().hex


@workflow.defn(name="two-steps", sandboxed=False)
class TwoSteps:
    def __init__(self) -> None:
        self.told = False
        self.steps: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        workflow.upsert_search_attributes([VLAN.value_set(104)])
        await self._step()
        await workflow.wait_condition(lambda: self.told)
        await self._step()
        return self.steps

    @workflow.signal
    def go_on(self) -> None:
        self.told = True

    @workflow.query
    def so_far(self) -> list[str]:
        return self.steps

    @workflow.update
    async def first_done(self) -> str:
        await workflow.wait_condition(lambda: bool(self.steps))
        return self.steps[0]

    async def _step(self) -> None:
        self.steps.append(await workflow.execute_activity(step, start_to_close_timeout=timedelta(seconds=10)))


async def test_search_attributes_can_be_used_as_soon_as_the_server_is_ready(start: Start) -> None:
    client = await connect(await start())
    attributes = TypedSearchAttributes([SearchAttributePair(TENANT, "green")])
    await client.start_workflow("any", id="tenant-green", task_queue="none", search_attributes=attributes)
    found = [run.id async for run in client.list_workflows("BerthTenant = 'green'")]
    while not found:  # the list is filled from the server's own queue, a moment after the start
        found = [run.id async for run in client.list_workflows("BerthTenant = 'green'")]
    assert found == ["tenant-green"]
    assert await client.count_workflows("BerthVlan = 104")


async def test_an_existing_database_keeps_its_search_attributes_and_gets_new_ones(start: Start) -> None:
    server = await start(search_attributes={"BerthTenant": "Keyword"})
    await server.stop(seconds=0)
    client = await connect(await start(search_attributes=ATTRIBUTES))
    assert (await client.count_workflows("BerthTenant = 'green' AND BerthVlan = 104")).count == 0


async def test_a_search_attribute_of_another_type_is_refused_by_name(start: Start, tmp_path: Path) -> None:
    await (await start()).stop(seconds=0)
    with pytest.raises(LabError, match="search attribute BerthVlan is INT in this lab's database, Keyword is needed"):
        await start(search_attributes={"BerthVlan": "Keyword"})
    await start()


async def test_a_type_temporal_does_not_know_is_refused(start: Start) -> None:
    with pytest.raises(LabError, match="BerthVlan has no type 'Integer'"):
        await start(search_attributes={"BerthVlan": "Integer"})


async def test_a_list_of_keywords_is_a_type_too(start: Start) -> None:
    client = await connect(await start(search_attributes={"Regions": "KeywordList"}))
    assert (await client.count_workflows("Regions IN ('a')")).count == 0


async def test_a_server_that_dies_at_its_start_names_its_log_and_last_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database, whatever it is called" * 100)
    with pytest.raises(
        LabError, match=r"Temporal ended with exit code 1: .*its last line is .*not a database"
    ) as caught:
        await start()
    assert str(tmp_path / LOG) in str(caught.value)


async def test_a_port_taken_before_the_server_could_listen_is_chosen_again(start: Start) -> None:
    thieves: list[socket.socket] = []
    said: list[str] = []

    def steal_the_first(stage: str) -> None:
        said.append(stage)
        if not thieves:
            thieves.append(socket.create_server((HOST, int(stage.rpartition(":")[2]))))

    try:
        server = await start(progress=steal_the_first)
        taken = thieves[0].getsockname()[1]
        assert server.frontend.number != taken
        assert any(f"took port {taken}" in stage for stage in said)
        await connect(server)
    finally:
        thieves[0].close()


async def test_a_given_port_that_is_taken_is_refused(start: Start) -> None:
    with socket.create_server((HOST, 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"port {number} on"):
            await start(port=number)
        with pytest.raises(LabError, match=f"port {number} on"):
            await start(ui_port=number)


async def test_the_web_ui_answers_at_the_given_port(start: Start) -> None:
    server = await start()
    frontend, ui = server.frontend.number, server.ui.number
    await server.stop(seconds=0)
    again = await start(port=frontend, ui_port=ui)
    assert again.address == f"{HOST}:{frontend}"
    _, writer = await asyncio.open_connection(HOST, ui)
    writer.close()
    await writer.wait_closed()


async def test_another_temporal_named_in_the_environment_changes_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ENV", "production")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    await connect(await start())


async def test_two_servers_side_by_side_know_nothing_of_each_other(start: Start) -> None:
    green, blue = await asyncio.gather(start("green?mode=ro"), start("blue 100%"))
    client = await connect(green)
    await client.start_workflow("any", id="only-green", task_queue="none")
    described = await client.get_workflow_handle("only-green").describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    with pytest.raises(Exception, match="not found"):
        await (await connect(blue)).get_workflow_handle("only-green").describe()


async def test_a_workflow_survives_the_death_of_the_server(start: Start) -> None:
    server = await start()
    client = await connect(server)
    async with Worker(client, task_queue="steps", workflows=[TwoSteps], activities=[step]):
        run = await client.start_workflow(TwoSteps.run, id="survivor", task_queue="steps")
        first = await run.execute_update(TwoSteps.first_done)
        address = server.address
        await server.kill()
        await server.start()
        assert server.address == address
        await run.signal(TwoSteps.go_on)
        result = await run.result()
    assert result[0] == first
    assert len(result) == 2
