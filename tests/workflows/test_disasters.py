"""What was lost, and what the platform's own record brings back; docs/how-to/disaster.md has the steps."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tenancy import names
from tenancy.approval import Preview
from tests.workflows.strikes import PATIENCE
from tests.workflows.vlan_world import VlanWorld, decide, everywhere, running_vlan_world, vlan_tenant


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[VlanWorld]:
    async with running_vlan_world(client, tmp_path, name) as made:
        yield made


async def forgotten(client: Client, workflow: str) -> None:
    """Temporal knows nothing of a workflow any more."""
    execution = WorkflowExecution(workflow_id=workflow)
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.workflow_service.delete_workflow_execution(
                    DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
                )
                await client.get_workflow_handle(workflow).describe()
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    return
            await asyncio.sleep(0.05)  # the deletion has no event to wait for


async def test_with_temporals_history_gone_a_tenant_is_brought_up_to_date_and_taken_back_from_the_platforms_record(
    client: Client, world: VlanWorld
) -> None:
    before = [switch.text("startup") for switch in world.switches]
    first = await world.approved()
    for workflow in (names.workflow(world.name), *(names.device_workflow(one.name) for one in world.switches)):
        await forgotten(client, workflow)
    world.handles.clear()

    again = await world.onboarded(vlan_tenant(world.name))
    assert again["vlan"] == first["vlan"]
    assert again["approval"] == first["approval"], "the network team is not asked about what stands on the VPC"
    await forgotten(client, names.workflow(world.name))
    world.handles.clear()
    await world.offboarded()
    assert await world.reserved() == []
    assert [switch.text("startup") for switch in world.switches] == before


async def test_a_switch_that_was_replaced_by_an_empty_one_gets_its_vlans_back_once_they_are_approved(
    world: VlanWorld,
) -> None:
    await world.approved()
    replaced, kept = world.switches
    for port in ("1/0/1", "1/0/2"):
        await replaced.change(f"interface GigabitEthernet{port}", "switchport trunk allowed vlan remove 2000", "exit")
    await replaced.change("no vlan 2000")

    run, shown = await world.asked()
    assert isinstance(shown.preview, Preview)
    lines = {told.switch: told.lines for told in shown.preview.switches}
    assert "vlan 2000" in lines[replaced.name]
    assert not lines[kept.name]
    await decide(run, "approve", plan=shown.plan)
    assert (await run.result())["vlan"] == 2000
    assert world.carries(2000) == everywhere(world, 2000, world.name)
