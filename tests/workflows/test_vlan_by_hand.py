"""The network team configures the switches, and Berth only reads."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tenancy import names
from tenancy.kinds import VLAN
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.vlan_world import (
    TRUNKS,
    VlanWorld,
    decide,
    running_vlan_world,
    vlan_tenant,
    waiting,
)
from tests.workflows.world import cancelled, failure, parked, resolve, until
from workflows.face import REFUSED


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[VlanWorld]:
    async with running_vlan_world(client, tmp_path, name, vlan={"configure": "by-hand"}) as made:
        yield made
        for switch in made.switches:
            assert [entry.line for entry in switch.journal if entry.configuring] == []


async def configure(world: VlanWorld, vlan: int, *, without: str | None = None) -> None:
    for switch in world.switches:
        if switch.name == without:
            continue
        await switch.change(f"vlan {vlan}", f"name what-they-call-{vlan}")
        for port in TRUNKS[switch.dialect]:
            await switch.change(f"interface {port}", f"switchport trunk allowed vlan add {vlan}")


async def clear(world: VlanWorld, vlan: int) -> None:
    for switch in world.switches:
        for port in TRUNKS[switch.dialect]:
            await switch.change(f"interface {port}", f"switchport trunk allowed vlan remove {vlan}")
        await switch.change(f"no vlan {vlan}")


async def test_the_team_decides_with_the_id_it_used(world: VlanWorld) -> None:
    run, shown = await world.asked()
    await configure(world, 2345)
    await decide(run, "approve", plan=shown.plan, vlan=2345)
    handed_over = await asyncio.wait_for(run.result(), PATIENCE)
    assert handed_over["vlan"] == 2345
    assert await world.reserved() == ["vlan-2345"]


async def test_a_tenant_that_is_there_is_not_asked_about_again_under_whatever_name(world: VlanWorld) -> None:
    run, shown = await world.asked()
    await configure(world, 2000)
    await decide(run, "approve", plan=shown.plan)
    first = await asyncio.wait_for(run.result(), PATIENCE)
    assert (await world.onboarded(vlan_tenant(world.name)))["approval"] == first["approval"]


async def test_a_run_of_a_tenant_that_is_there_asks_nobody_to_remove_its_vlan(world: VlanWorld) -> None:
    run, shown = await world.asked()
    await configure(world, 2000)
    await decide(run, "approve", plan=shown.plan)
    await asyncio.wait_for(run.result(), PATIENCE)
    world.strikes.before["verify"] = refusal()
    assert (await failure(await world.onboard(vlan_tenant(world.name)))).type == REFUSED
    assert await world.reserved() == ["vlan-2000"]


async def test_undo_asks_nobody_to_remove_the_id_that_was_given_back_for_another(world: VlanWorld) -> None:
    """It may be the next tenant's by then."""
    world.strikes.before[f"vpc-{world.name}"] = refusal()
    run, shown = await world.asked()
    await configure(world, 2345)
    await decide(run, "approve", plan=shown.plan, vlan=2345)
    await configure(world, 2000)
    seen = await parked(run, steps=2)
    assert all("VLAN 2345 is still there" in one.reason for one in seen.parked)
    await clear(world, 2345)
    for one in seen.parked:
        await resolve(run, decision="retry", step=one.step)
    assert (await failure(run)).type == REFUSED


async def test_what_is_missing_on_a_switch_is_told_and_decided_again(world: VlanWorld) -> None:
    run, shown = await world.asked()
    forgotten = world.switches[1].name
    await configure(world, 2000, without=forgotten)
    await decide(run, "approve", plan=shown.plan)
    await until(
        run,
        lambda seen: (
            any(
                "VLAN 2000 is not as asked" in (step.note or "")
                for step in seen.steps
                if step.id == f"switch-{forgotten}"
            )
            and seen.approval is not None
        ),
        "the approval asked again",
    )
    await configure(world, 2000)
    await decide(run, "approve", plan=(await waiting(run)).plan)
    await asyncio.wait_for(run.result(), PATIENCE)


async def test_offboarding_waits_until_the_team_has_removed_it(world: VlanWorld) -> None:
    run, shown = await world.asked()
    await configure(world, 2000)
    await decide(run, "approve", plan=shown.plan)
    await asyncio.wait_for(run.result(), PATIENCE)

    leaving = await world.offboard()
    seen = await parked(leaving, steps=2)
    assert {one.step for one in seen.parked} == {f"switch-{switch.name}" for switch in world.switches}
    assert all("VLAN 2000 is still there" in one.reason for one in seen.parked)
    assert await world.reserved() == ["vlan-2000"]
    await clear(world, 2000)
    for one in seen.parked:
        await resolve(leaving, decision="retry", step=one.step)
    await asyncio.wait_for(leaving.result(), PATIENCE)
    assert await world.reserved() == []


async def test_an_id_another_tenant_has_is_refused_and_decided_again(world: VlanWorld) -> None:
    spec = {"id": 2345, "provider": "external"}
    metadata = {"name": "vlan-2345", "labels": {names.LABEL: "somebody"}}
    await world.api.create({"apiVersion": VLAN.api_version, "kind": VLAN.name, "metadata": metadata, "spec": spec})
    run, shown = await world.asked()
    await decide(run, "approve", plan=shown.plan, vlan=2345)
    await until(
        run,
        lambda seen: (
            any("VLAN 2345 is taken by somebody" in (step.note or "") for step in seen.steps if step.id == "vlan")
            and seen.approval is not None
        ),
        "the approval asked again",
    )
    assert await world.reserved() == ["vlan-2000"]
    await run.cancel()
    await cancelled(run)
