"""Workers of two versions side by side: who ends what, where new runs go, and when the old ones may be stopped."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.client import Client
from temporalio.service import RPCError

from cli.commands_deployments import lacking
from cli.main import run as run_berth
from cli.serving import absence, another_version_serves
from clients.errors import UnavailableError
from tests.durability.scene import eventually
from tests.workflows.another_version import OnboardTenantOtherwise
from tests.workflows.edge_world import EdgeWorld, running_edge_world, static_routes
from tests.workflows.strikes import PATIENCE, Strikes
from tests.workflows.world import Run, tenant_document
from workers.deployments import Version, make_current, versions
from workers.settings import ConfigurationError
from workers.worker import WORKFLOWS, make_worker
from workflows.converter import data_converter
from workflows.device import DeviceQueue
from workflows.face import ONBOARD
from workflows.onboarding import OnboardTenant
from workflows.upgrading import UpgradingDeviceQueue

AT_ONCE = timedelta()


@asynccontextmanager
async def serving(world: EdgeWorld, address: str, build_id: str, strikes: Strikes) -> AsyncIterator[None]:
    """A worker of this version."""
    client = await Client.connect(address, data_converter=data_converter)
    settings = world.settings.model_copy(update={"deployment": world.name, "build_id": build_id})
    async with make_worker(client, world.api, settings, interceptors=[strikes], device_work=world.edge.work):
        yield


async def seen(world: EdgeWorld, holds: Callable[[dict[str, Version]], bool], what: str) -> dict[str, Version]:
    """The versions, once something holds of them; Temporal's index hears of a run a moment later."""

    async def listed() -> dict[str, Version]:
        return {one.build_id: one for one in await versions(world.client, world.name, world.settings.task_queue)}

    return await eventually(listed, lambda found: bool(found) and holds(found), what, PATIENCE)


def part(world: EdgeWorld, serves: Literal["platform", "devices"]) -> EdgeWorld:
    """The same world, for a worker of a part of it."""
    return dataclasses.replace(world, settings=world.settings.model_copy(update={"serves": serves}))


async def made_current(world: EdgeWorld, build_id: str, **options: timedelta) -> bool:
    return await make_current(world.client, world.name, build_id, world.settings.task_queue, **options)


async def version_of(run: Run) -> tuple[str, str]:
    info = (await run.describe()).raw_description.workflow_execution_info.versioning_info
    return info.deployment_version.build_id, VersioningBehavior.Name(info.behavior).rpartition("_")[2]


async def test_a_run_ends_on_the_version_it_began_with_while_new_ones_and_devices_go_on_with_the_next(
    client: Client, temporal_address: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce = static_routes(name)
    old, new = Strikes(), Strikes()
    async with running_edge_world(client, tmp_path, name, announce, serving=False) as world:
        queue = world.settings.task_queue
        down = [world.edge.device(one["name"]) for one in announce["routers"]]
        for device in down:
            device.down = UnavailableError("no route to host")
        async with AsyncExitStack() as leaving:
            await leaving.enter_async_context(serving(world, temporal_address, "1", old))
            await seen(world, lambda found: found["1"].state == "waiting", "Temporal knows the first version")
            with pytest.raises(
                ConfigurationError, match="has no version 2, but 1: start workers with BERTH_DEPLOYMENT="
            ):
                await made_current(world, "2", wait=AT_ONCE)
            first = await world.onboard()
            assert "whether one is current" in await absence(client, first, queue)
            assert old.taken == []
            assert await made_current(world, "1") is True
            assert await made_current(world, "1") is False
            await old.tried("batch", 1)

            others: dict[type, type] = {OnboardTenant: OnboardTenantOtherwise, DeviceQueue: UpgradingDeviceQueue}
            other = tuple(others.get(one, one) for one in WORKFLOWS)
            monkeypatch.setattr("workers.worker._VERSIONED", other)
            async with serving(world, temporal_address, "2", new):
                assert await made_current(world, "2") is True
                second = await world.started(
                    ONBOARD,
                    f"tenant-{name}-b",
                    arg={"tenant": tenant_document(f"{name}-b"), "requestedBy": "a test"},
                )
                await new.tried("batch", 1)
                found = await seen(world, lambda found: found["1"].runs == 1 == found["2"].runs, "each has its run")
                assert {build_id: (one.state, one.needed) for build_id, one in found.items()} == {
                    "1": ("draining", True),
                    "2": ("current", True),
                }
                assert [(one.platform_workers, one.device_workers) for one in found.values()] == [(1, 1), (1, 1)]
                before = old.taken.count("batch")
                for device in down:
                    device.down = None
                await asyncio.gather(*(asyncio.wait_for(run.result(), PATIENCE) for run in (first, second)))
                assert [await version_of(run) for run in (first, second)] == [("1", "PINNED"), ("2", "PINNED")]
                # Both runs took each of their steps, each on its own version; the devices' sessions are the new one's.
                assert old.taken.count("preflight") == new.taken.count("preflight") == 1
                assert old.taken.count("hand-over") == new.taken.count("hand-over") == 1
                assert old.taken.count("batch") <= before + len(down)
                await leaving.aclose()
                # Who has ended on the old version is answered for by nobody; new runs, and looks at the edge, are.
                with pytest.raises(RPCError):
                    await first.query("status", rpc_timeout=timedelta(seconds=1))
                assert f"no worker of version 1 of deployment {name}, on which this run ends," in await absence(
                    client, first, queue
                )
                assert await another_version_serves(client, first, queue)
                found = await seen(world, lambda found: found["1"].state == "drained", "the old version drains")
                assert (found["1"].runs, found["1"].needed) == (0, False)


async def test_an_operator_chooses_a_version_once_it_serves_the_devices_too(
    client: Client,
    temporal_address: str,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def berth(*arguments: str) -> tuple[int, dict[str, Any], str]:
        code = await asyncio.to_thread(run_berth, [*arguments, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    async with (
        running_edge_world(client, tmp_path, name, static_routes(name), serving=False) as world,
        serving(world, temporal_address, "1", Strikes()),
    ):
        queue = world.settings.task_queue
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("BERTH_TEMPORAL_ADDRESS", temporal_address)
        monkeypatch.setenv("BERTH_TASK_QUEUE", queue)
        code, told, _ = await berth("deployments")
        assert (code, told["error"]["message"].partition(":")[0]) == (2, "BERTH_DEPLOYMENT is not set")
        monkeypatch.setenv("BERTH_DEPLOYMENT", name)

        used = {"deployment": name, "current": "1"}
        assert (await berth("deployments", "use", "1"))[:2] == (0, {**used, "changed": True})
        assert (await berth("deployments", "use", "1"))[:2] == (0, {**used, "changed": False})
        async with serving(part(world, "platform"), temporal_address, "2", Strikes()):
            await seen(world, lambda found: "2" in found and found["2"].platform_workers == 1, "the new version comes")
            code, told, _ = await berth("deployments", "use", "2", "--wait", "0")
            assert (code, f"has no worker that serves {queue}-devices" in told["error"]["message"]) == (2, True)
            async with serving(part(world, "devices"), temporal_address, "2", Strikes()):
                code, told, _ = await berth("deployments", "use", "2")
                assert (code, told["changed"]) == (0, True)
                code, told, _ = await berth("deployments")
                assert await asyncio.to_thread(run_berth, ["deployments"]) == 0
                table = capsys.readouterr().out.splitlines()
        assert [line.split()[:5] for line in table[1:]] == [
            ["2", "current", "0", "1", "1"],
            ["1", "draining", "0", "1", "1"],
        ]
        assert code == 0
        states = [
            (one["build_id"], one["state"], one["platform_workers"], one["device_workers"]) for one in told["versions"]
        ]
        assert states == [("2", "current", 1, 1), ("1", "draining", 1, 1)]


def test_only_what_a_version_has_to_do_itself_is_told_as_lacking() -> None:
    nobody = {"needed": True, "state": "draining", "platform_workers": 0, "device_workers": 0}
    assert lacking(nobody) == "the platform"
    assert lacking({**nobody, "platform_workers": 1}) is None
    assert lacking({**nobody, "platform_workers": 1, "state": "current"}) == "devices"
    assert lacking({**nobody, "needed": False, "state": "drained"}) is None
