"""Whole runs against real FRR: what a tenant is given, the fabric behind the edge router hears of, and forgets again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tests.dataplane.routers import EDGE, Edge, missing, running_edge
from tests.workflows.conftest import client, name, temporal_address  # noqa: F401  # fixtures
from tests.workflows.strikes import refusal
from tests.workflows.world import (
    DUAL_STACK,
    EXTERNAL,
    EXTERNAL_V6,
    Run,
    World,
    failure,
    one_address,
    platform_file,
    running_world,
    shrunk,
    tenant_document,
    until,
)
from workflows.face import OFFBOARD, ONBOARD

if reason := missing():
    pytest.skip(f"no real routers here: {reason}", allow_module_level=True)

PROVIDER = ("203.0.113.1/24", "2001:db8:113::1/64")
"""The edge router's addresses on the simulated platform's provider network."""
TENANTS = 50


@dataclass
class Scene:
    """A platform whose routes are announced by a real router."""

    world: World
    edge: Edge

    @property
    def router(self) -> str:
        """The edge router, as the document calls it."""
        return f"{self.world.name}-edge"

    async def wait_for(self, run: Run, step: str) -> str:
        """The note of a step that is under way, once it has one."""
        seen = await until(
            run, lambda seen: any(one.id == step and one.note for one in seen.steps), f"why {step} waits"
        )
        return next(str(one.note) for one in seen.steps if one.id == step)


@pytest.fixture
async def scene(client: Client, tmp_path: Path, name: str) -> AsyncIterator[Scene]:  # noqa: F811
    async with running_edge(tmp_path / "routers", provider=PROVIDER) as edge:
        announce = edge.announce()
        # Many tests share one Temporal, in which a device's name is its queue.
        announce["routers"][0]["name"], announce["neighbours"][0]["name"] = f"{name}-edge", f"{name}-fabric"
        platform = platform_file(tmp_path, announce, providerNetwork=DUAL_STACK)
        both, keys = (EXTERNAL, EXTERNAL_V6), edge.known_hosts
        async with running_world(
            client, tmp_path, name, platform=platform, known_hosts=keys, external_cidrs=both
        ) as world:
            yield Scene(world, edge)


def addresses(*told: dict[str, Any]) -> set[str]:
    """The external IPs that hand-overs name."""
    return {address for one in told for ip in one["externalIPs"] for address in ip["addresses"]}


async def test_the_fabric_knows_the_way_to_a_tenant_from_the_end_of_its_onboarding_to_that_of_its_offboarding(
    scene: Scene,
) -> None:
    told = await scene.world.onboarded()

    assert scene.edge.heard() == addresses(told)
    hop4, hop6 = told["routerAddresses"]
    assert scene.edge.statics() == {
        f"ipv6 route {address}/128 {hop6} tag 4200" if ":" in address else f"ip route {address}/32 {hop4} tag 4200"
        for address in addresses(told)
    }
    await scene.world.offboarded()
    assert scene.edge.heard() == set()
    assert scene.edge.statics() == set()


async def test_the_fabric_forgets_an_address_that_a_living_tenant_gives_back_and_knows_the_others_all_the_time(
    scene: Scene,
) -> None:
    before = await scene.world.onboarded()
    run = await scene.world.onboard(shrunk(tenant_document(scene.world.name), "bastion"))
    seen: list[set[str]] = []
    ended = asyncio.create_task(run.result())
    while not ended.done():
        seen.append(await asyncio.to_thread(scene.edge.heard))

    told = await ended

    kept = addresses(told)
    assert len(kept) == 2 * 2  # external IPs, families
    assert all(kept <= heard <= addresses(before) for heard in seen)
    assert scene.edge.heard() == kept
    assert {line.split()[2] for line in scene.edge.statics()} == {
        f"{address}/{128 if ':' in address else 32}" for address in kept
    }


async def test_what_was_reported_done_outlasts_the_sudden_death_of_the_routers_daemons(scene: Scene) -> None:
    told = await scene.world.onboarded()

    scene.edge.kill()
    await scene.edge.start()

    await scene.edge.until_heard(addresses(told))
    await scene.world.offboarded()
    scene.edge.kill()
    await scene.edge.start()
    assert scene.edge.statics() == set()


async def test_a_run_that_fails_at_its_end_leaves_no_route_on_the_router_nor_in_the_fabric(scene: Scene) -> None:
    before = scene.edge.startup()
    scene.world.strikes.after["hand-over"] = refusal()

    await failure(await scene.world.onboard())

    assert scene.edge.heard() == set()
    assert scene.edge.statics() == set()
    assert [line for line in scene.edge.startup().split("\n") if "ip route" in line] == []
    assert "ip route" not in before


async def test_a_router_that_cannot_save_and_then_loses_its_power_ends_with_every_route(scene: Scene) -> None:
    with scene.edge.unwritable():
        run = await scene.world.onboard()
        note = await scene.wait_for(run, f"announce-{scene.router}")
        assert "write memory" in note
        # What runs was never saved, and goes.
        scene.edge.kill()
        await scene.edge.start()

    told = await run.result()

    await scene.edge.until_heard(addresses(told))
    scene.edge.kill()
    await scene.edge.start()
    await scene.edge.until_heard(addresses(told))


async def test_sessions_that_are_cut_while_a_run_is_under_way_cost_it_nothing_but_time(scene: Scene) -> None:
    stop = asyncio.Event()

    async def cut() -> None:
        while not stop.is_set():
            await asyncio.to_thread(scene.edge.cut, EDGE)
            await asyncio.sleep(0.4)  # the cutter's own pace

    cutting = asyncio.create_task(cut())
    run = await scene.world.onboard()
    await scene.wait_for(run, f"answer-{scene.router}")
    stop.set()
    await cutting

    told = await run.result()

    assert scene.edge.heard() == addresses(told)


async def test_fifty_tenants_at_once_are_all_known_to_the_fabric_and_all_forgotten(scene: Scene) -> None:
    names = [f"{scene.world.name}-{number:02}" for number in range(TENANTS)]
    runs = [
        await scene.world.start(ONBOARD, {"tenant": one_address(one), "requestedBy": "a test"}, id=f"tenant-{one}")
        for one in names
    ]

    told = await asyncio.gather(*(run.result() for run in runs))

    assert len(addresses(*told)) == 2 * TENANTS
    assert scene.edge.heard() == addresses(*told)
    gone = [
        await scene.world.start(OFFBOARD, {"tenant": one, "requestedBy": "a test"}, id=f"tenant-{one}") for one in names
    ]
    await asyncio.gather(*(run.result() for run in gone))
    assert scene.edge.heard() == set()
    assert scene.edge.statics() == set()
