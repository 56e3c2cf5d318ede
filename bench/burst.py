"""A hundred tenants approved at once on two switches: Berth's queues beside one Netmiko connection for each tenant."""

import asyncio
import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from netmiko import ConnectHandler
from temporalio.client import Client

from lab.switches import Login, Switch
from lab.temporal import start_temporal
from tests.workflows.vlan_world import PASSWORD, TRUNKS, VlanWorld, decide, running_vlan_world, vlan_tenant, waiting
from tests.workflows.world import Run, status
from workflows.converter import data_converter
from workflows.face import ONBOARD, SEARCH_ATTRIBUTES

SAVE_SECONDS = 2.0
"""What a switch needs to save; as long as many real ones need."""
FIRST_VLAN = 2000


@dataclass(frozen=True)
class Measured:
    """What one way of doing the work took."""

    way: str
    seconds: float
    sessions: int
    lines: int
    saves: int


async def measure(tenants: int) -> list[Measured]:
    """Both ways, one after the other on the same machine, each on two new switches of its own."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        return [*await _berth(Path(folder), tenants), await _one_connection_each(tenants)]


async def _berth(folder: Path, tenants: int) -> list[Measured]:
    server = await start_temporal(folder, search_attributes=SEARCH_ATTRIBUTES)
    try:
        client = await Client.connect(server.address, data_converter=data_converter)
        async with running_vlan_world(client, folder, "burst", save_seconds=SAVE_SECONDS, shutdown_grace=5.0) as world:
            runs = await asyncio.gather(*(_onboard(world, f"t{number}") for number in range(tenants)))
            shown = await asyncio.gather(*(waiting(run) for run in runs))
            began, approved = time.monotonic(), datetime.now(UTC)
            await asyncio.gather(*(decide(run, "approve", plan=one.plan) for run, one in zip(runs, shown, strict=True)))
            await asyncio.gather(*(run.result() for run in runs))
            took = time.monotonic() - began
            _check(world.switches, tenants)
            steps = [step for seen in await asyncio.gather(*(status(run) for run in runs)) for step in seen.steps]
            saved = max(step.finished for step in steps if step.id.startswith("switch-") and step.finished)
            on_switches = (saved - approved).total_seconds()
            # Sessions for looking before the approval are counted, too: the other way has none, because it looks at nothing.
            return [
                _measured("Berth, until every VLAN is on both switches and saved", on_switches, world.switches),
                _measured("Berth, until the last hand-over", took, world.switches),
            ]
    finally:
        await server.stop()


async def _onboard(world: VlanWorld, tenant: str) -> Run:
    document = vlan_tenant(tenant, externalIPs=[])
    return await world.start(ONBOARD, {"tenant": document, "requestedBy": "bench"}, id=f"tenant-{tenant}")


async def _one_connection_each(tenants: int) -> Measured:
    async with AsyncExitStack() as stack:
        switches = [
            await stack.enter_async_context(
                Switch("cisco-ios", name=name, login=Login("berth", PASSWORD), save_seconds=SAVE_SECONDS)
            )
            for name in ("leaf-1", "leaf-2")
        ]
        began = time.monotonic()
        with ThreadPoolExecutor(len(switches)) as pool:
            loop = asyncio.get_running_loop()
            await asyncio.gather(
                *(loop.run_in_executor(pool, _tenant_by_tenant, switch.port, tenants) for switch in switches)
            )
        took = time.monotonic() - began
        _check(switches, tenants)
        return _measured("One Netmiko connection for each tenant, switches side by side", took, switches)


def _tenant_by_tenant(port: int, tenants: int) -> None:
    for number in range(tenants):
        vlan = FIRST_VLAN + number
        with ConnectHandler(
            device_type="cisco_ios", host="127.0.0.1", port=port, username="berth", password=PASSWORD, secret=""
        ) as switch:
            switch.enable()
            lines = [f"vlan {vlan}", f"name berth-t{number}", "exit"]
            for trunk in TRUNKS["cisco-ios"]:
                lines += [f"interface {trunk}", f"switchport trunk allowed vlan add {vlan}", "exit"]
            switch.send_config_set(lines)
            switch.send_command("show vlan brief")
            switch.save_config()


def _check(switches: Sequence[Switch], tenants: int) -> None:
    for switch in switches:
        made = [vlan for vlan in switch.startup.vlans if FIRST_VLAN <= vlan < FIRST_VLAN + tenants]
        if len(made) != tenants:
            raise AssertionError(f"{switch.name} saved {len(made)} of {tenants} VLANs")


def _measured(way: str, seconds: float, switches: Sequence[Switch]) -> Measured:
    saves = ("write memory", "copy running-config startup-config", "wr")
    return Measured(
        way=way,
        seconds=seconds,
        sessions=sum(switch.sessions.opened for switch in switches),
        lines=sum(len(switch.journal.lines(configuring=True)) for switch in switches),
        saves=sum(line.strip().startswith(saves) for switch in switches for line in switch.journal.lines()),
    )
