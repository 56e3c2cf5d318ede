"""Real packets follow what was approved: hosts of one tenant reach each other through the switches, those of two never do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from lab.switches import Configuration, Switch
from tests.dataplane.fabric import Fabric, missing, running_fabric
from tests.workflows.conftest import client, temporal_address  # noqa: F401  # fixtures
from tests.workflows.vlan_world import VlanWorld, decide, running_vlan_world, vlan_tenant, waiting
from tests.workflows.world import Run
from workflows.face import OFFBOARD, ONBOARD

if reason := missing():
    pytest.skip(f"no real switches here: {reason}", allow_module_level=True)

UPLINK, NODE = "GigabitEthernet1/0/1", "GigabitEthernet1/0/2"
"""Ports of each leaf: to the other leaf, and to the node beside it."""
ACME, GLOBEX = 2001, 2002
ADDRESSES = {"acme1": "10.20.0.11", "acme2": "10.20.0.12", "globex1": "10.20.0.21", "globex2": "10.20.0.22"}
"""Of each host; the number at its name's end is its node's."""


class Rack:
    """Two nodes, each behind a leaf: node1 - leaf1 - leaf2 - node2. The leaves do what their command line says."""

    def __init__(self, world: VlanWorld, fabric: Fabric) -> None:
        self.world, self.fabric = world, fabric

    async def build(self) -> None:
        for bridge in ("node1", "leaf1", "leaf2", "node2"):
            await self.fabric.bridge(bridge)
        await self.fabric.connect("leaf1", f"leaf1-{UPLINK}", "leaf2", f"leaf2-{UPLINK}")
        for number in (1, 2):
            await self.fabric.connect(f"leaf{number}", f"leaf{number}-{NODE}", f"node{number}", f"up{number}")
            # Kube-OVN tags what a workload sends with the ID of its subnet's Vlan; the trunk of a node lets all through.
            await self.fabric.carry(f"up{number}", range(1, 4095))
        # Both tenants use the same subnet, so nothing but the VLANs keeps them apart.
        for name, address in ADDRESSES.items():
            vlan = ACME if name.startswith("acme") else GLOBEX
            await self.fabric.host(name, f"node{name[-1]}", vlan, f"{address}/22")
        for number, switch in enumerate(self.world.switches, start=1):
            await self.power(number, switch)

    async def power(self, number: int, switch: Switch) -> None:
        """Has a leaf's ports do what its running configuration says."""

        async def program(running: Configuration) -> None:
            for name in (UPLINK, NODE):
                # A VLAN that a trunk allows and the switch does not know is not forwarded.
                carried = [vlan for vlan in running.vlans if running.ports[name].carries(vlan)]
                await self.fabric.carry(f"leaf{number}-{name}", carried)

        await switch.program(program)

    async def reload(self) -> None:
        """Cuts the power of every switch, and gives it back."""
        for number, switch in enumerate(self.world.switches, start=1):
            switch.reload()
            await self.power(number, switch)

    async def pairs(self) -> set[tuple[str, str]]:
        """Who reaches whom, of hosts on different nodes."""
        wanted = [(one, other) for one in ADDRESSES for other in ADDRESSES if one[-1] != other[-1]]
        answers = await asyncio.gather(*(self.fabric.reaches(one, ADDRESSES[other]) for one, other in wanted))
        return {pair for pair, answer in zip(wanted, answers, strict=True) if answer}

    async def onboard(self, tenant: str, vlan: int) -> None:
        document = vlan_tenant(tenant, vlan=vlan, externalIPs=[])
        run = await self._start(ONBOARD, {"tenant": document, "requestedBy": "a test"}, tenant)
        shown = await waiting(run)
        await decide(run, "approve", plan=shown.plan)
        await run.result()

    async def offboard(self, tenant: str) -> None:
        run = await self._start(OFFBOARD, {"tenant": tenant, "requestedBy": "a test"}, tenant)
        await run.result()

    async def _start(self, kind: str, request: object, tenant: str) -> Run:
        return await self.world.start(kind, request, id=f"tenant-{tenant}")


@pytest.fixture
async def rack(client: Client, tmp_path: Path) -> AsyncIterator[Rack]:  # noqa: F811
    folder = tmp_path / "ovs"
    async with running_vlan_world(client, tmp_path, "acme") as world, running_fabric(folder) as fabric:
        built = Rack(world, fabric)
        await built.build()
        yield built


async def test_hosts_of_one_tenant_talk_from_onboarding_to_offboarding_and_those_of_two_never_do(rack: Rack) -> None:
    acme = {("acme1", "acme2"), ("acme2", "acme1")}
    globex = {("globex1", "globex2"), ("globex2", "globex1")}
    assert await rack.pairs() == set()
    await rack.onboard("acme", ACME)
    assert await rack.pairs() == acme
    await rack.onboard("globex", GLOBEX)
    assert await rack.pairs() == acme | globex
    await rack.reload()
    assert await rack.pairs() == acme | globex
    await rack.offboard("globex")
    assert await rack.pairs() == acme
    await rack.reload()
    assert await rack.pairs() == acme
    await rack.offboard("acme")
    assert await rack.pairs() == set()
    await rack.reload()
    assert await rack.pairs() == set()
