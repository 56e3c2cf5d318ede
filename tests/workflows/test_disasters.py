"""What was lost, and what the platform's own record brings back; docs/how-to/disaster.md has the steps."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client

from lab.temporal import start_temporal
from tenancy.approval import Preview
from tests.workflows.vlan_world import VlanWorld, decide, everywhere, running_vlan_world, vlan_tenant
from workflows.converter import data_converter
from workflows.face import SEARCH_ATTRIBUTES


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[VlanWorld]:
    async with running_vlan_world(client, tmp_path, name) as made:
        yield made


async def test_with_temporal_lost_a_tenant_is_brought_up_to_date_and_taken_back_from_the_platforms_record(
    world: VlanWorld, tmp_path: Path
) -> None:
    before = [switch.text("startup") for switch in world.switches]
    first = await world.approved()

    folder = tmp_path / "empty"
    folder.mkdir()
    empty = await start_temporal(folder, search_attributes=SEARCH_ATTRIBUTES)
    try:
        client = await Client.connect(empty.address, data_converter=data_converter)
        after = replace(world, client=client, handles=[])
        async with after.serving():
            again = await after.onboarded(vlan_tenant(world.name))
            assert again["vlan"] == first["vlan"]
            assert again["approval"] == first["approval"], "the network team is not asked about what stands on the VPC"
            await after.offboarded()
        assert await after.failed_tasks() == []
    finally:
        await empty.stop(seconds=0)
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
