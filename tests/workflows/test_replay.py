"""Runs that are under way while a new version is deployed must go on: recorded ones replay on the code as it is."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.workflows.histories import (
    DEVICE_SCENES,
    EDGE_SCENES,
    EDGE_TEAM_SCENES,
    FOLDER,
    NAT_SCENES,
    SCENES,
    VLAN_SCENES,
    workflow_id,
)
from tests.workflows.world import running_world
from workers.worker import WORKFLOWS
from workflows import sandbox
from workflows.converter import data_converter


def replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, workflow_runner=sandbox.runner(), data_converter=data_converter)


def history(text: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(workflow_id(text), text)


@pytest.mark.parametrize(
    "scene",
    [scene.__name__ for scene in (*SCENES, *VLAN_SCENES, *EDGE_SCENES, *NAT_SCENES, *EDGE_TEAM_SCENES, *DEVICE_SCENES)],
)
async def test_a_recorded_run_replays_on_the_code_as_it_is(scene: str) -> None:
    await replayer().replay_workflow(history((FOLDER / f"{scene}.json").read_text()))


async def test_a_change_of_the_steps_would_be_noticed() -> None:
    recorded = (FOLDER / "onboarded.json").read_text()
    other = recorded.replace('"name": "prove_block_policy"', '"name": "something_else"')
    assert other != recorded

    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history(other))


async def test_a_run_that_is_dropped_from_memory_after_every_task_ends_the_same(client, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    async with running_world(client, tmp_path, "forgetful", max_cached_runs=0) as world:
        assert (await world.onboarded())["blockPolicy"] == "realised"
        assert f"Vpc {world.name}" in (await (await world.offboard()).result())["removed"]
        assert await world.failed_tasks() == []
