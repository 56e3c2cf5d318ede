"""A world in mode vlan: simulated switches beside the simulated platform, and a network team that decides."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from lab.switches import Configuration, Login, Switch
from lab.switches.dialects import DialectName
from tenancy import names
from tenancy.devices import DeviceRequest
from tenancy.kinds import VLAN
from tenancy.yaml_text import read_yaml
from tests.workflows.strikes import PATIENCE
from tests.workflows.world import EXAMPLES, Document, Run, World, answer, running_world, until
from workflows.face import DEVICE_QUEUE, REQUEST, ApprovalStatus, DeviceAsk, DeviceStatus

NADIA = "nadia@example.com"
"""An approver of the network team."""
PASSWORD = "correct horse battery"
VARIABLE = "BERTH_TESTS_SWITCH_PASSWORD"
TRUNKS = {
    "cisco-ios": ["GigabitEthernet1/0/1", "GigabitEthernet1/0/2"],
    "cisco-nxos": ["Ethernet1/1", "Ethernet1/2"],
    "arista-eos": ["Ethernet1", "Ethernet2"],
    "juniper-junos": ["ge-0/0/1", "ge-0/0/2"],
}


@dataclass
class VlanWorld(World):
    """A world with switches."""

    switches: tuple[Switch, ...] = ()

    async def asked(self, document: Document | None = None) -> tuple[Run, ApprovalStatus]:
        """An onboarding that waits for the network team, and what it shows."""
        run = await self.onboard(document or vlan_tenant(self.name))
        return run, await waiting(run)

    async def approved(self, document: Document | None = None) -> Any:
        """The hand-over of an onboarding that must succeed, once Nadia has approved it."""
        run, shown = await self.asked(document)
        await decide(run, "approve", plan=shown.plan)
        return await run.result()

    async def reserved(self) -> list[str]:
        """The tenant's Vlan objects."""
        found = await self.api.list(VLAN, labels={names.LABEL: self.name})
        return [one["metadata"]["name"] for one in found]

    async def send(self, **asked: Any) -> None:
        """Sends a request to the first switch's queue, as anybody can who may signal; returns once it was dealt with."""
        switch, (run, *_) = self.switches[0], self.handles
        trunks = tuple(TRUNKS[switch.dialect])
        request = DeviceRequest(id=str(uuid4()), tenant=self.name, trunks=trunks, **asked)
        ask = DeviceAsk(request=request, workflow=run.id, run=str(run.run_id), asked=datetime.now(UTC))
        queue = await self.client.start_workflow(
            DEVICE_QUEUE,
            id=names.device_workflow(switch.name),
            task_queue=self.settings.task_queue,
            start_signal=REQUEST,
            start_signal_args=[ask.model_dump(mode="json")],
            result_type=None,
        )
        async with asyncio.timeout(PATIENCE):
            while any(  # noqa: ASYNC110  # a query has no event to wait for
                one.id == request.id for one in DeviceStatus.model_validate(await queue.query("status")).queue
            ):
                await asyncio.sleep(0.02)

    def carries(self, vlan: int) -> list[str]:
        """Where a VLAN is, as `switch/configuration: name on ports`; both configurations have to agree."""
        return [
            f"{switch.name}/{which}: {name} on {', '.join(ports)}"
            for switch in self.switches
            for which, configuration in (("running", switch.running), ("startup", switch.startup))
            for name, ports in [carried(switch, configuration, vlan)]
            if name or ports
        ]


def carried(switch: Switch, configuration: Configuration, vlan: int) -> tuple[str | None, list[str]]:
    """The name a configuration knows a VLAN by, and the trunks that carry it."""
    ports = [
        name for name, port in configuration.ports.items() if name in TRUNKS[switch.dialect] and port.carries(vlan)
    ]
    return configuration.vlans.get(vlan), ports


def everywhere(world: VlanWorld, vlan: int, tenant: str) -> list[str]:
    """What `VlanWorld.carries` says of a VLAN that is done."""
    return [
        f"{switch.name}/{which}: berth-{tenant} on {', '.join(TRUNKS[switch.dialect])}"
        for switch in world.switches
        for which in ("running", "startup")
    ]


async def waiting(run: Run) -> ApprovalStatus:
    """What a run shows the network team, once it waits for it."""
    await until(run, lambda seen: seen.approval is not None, "an approval that waits")
    return ApprovalStatus.model_validate(await answer(run, "approval"))


async def decide(run: Run, word: str, *, by: str = NADIA, **decision: Any) -> str:
    """Sends a decision, and returns what follows from it."""
    answer: str = await run.execute_update(word, {"by": by, **decision})
    return answer


def vlan_tenant(name: str, **spec: Any) -> Document:
    """A tenant with one subnet and one way out."""
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": name},
        "spec": {
            "subnets": [{"name": "prod", "cidrs": ["10.20.0.0/22"]}],
            "externalIPs": [{"use": "snat", "name": "egress"}],
            **spec,
        },
    }


def as_documented(switches: Sequence[Switch]) -> list[Document]:
    """These switches as a platform's document lists them."""
    return [
        {
            "name": switch.name,
            "platform": switch.dialect,
            "host": "127.0.0.1",
            "port": switch.port,
            "credentials": "switches",
            "trunks": TRUNKS[switch.dialect],
        }
        for switch in switches
    ]


def host_keys(switches: Sequence[Switch]) -> str:
    """The text of a known_hosts file with the keys they show."""
    return "".join(f"[127.0.0.1]:{switch.port} {switch.host_key}\n" for switch in switches)


def vlan_platform(folder: Path, switches: Sequence[Switch], **vlan: Any) -> tuple[Path, Path]:
    """The example platform's document with these switches in it, and the host keys they show: two files."""
    (text,) = read_yaml((EXAMPLES / "platform-vlan.yaml").read_text(), "platform-vlan.yaml")
    document: Any = text.data
    document["spec"].pop("announce", None)
    os.environ[VARIABLE] = PASSWORD
    document["spec"]["vlan"] |= {
        "credentials": [{"name": "switches", "username": "berth", "password": {"environment": VARIABLE}}],
        "switches": as_documented(switches),
        **vlan,
    }
    platform, known_hosts = folder / "platform.yaml", folder / "known_hosts"
    platform.write_text(json.dumps(document))
    known_hosts.write_text(host_keys(switches))
    return platform, known_hosts


@asynccontextmanager
async def running_vlan_world(
    client: Client,
    folder: Path,
    name: str,
    *,
    dialects: Sequence[DialectName] = ("cisco-ios", "cisco-ios"),
    vlan: dict[str, Any] | None = None,
    save_seconds: float = 0.0,
    **settings: Any,
) -> AsyncIterator[VlanWorld]:
    """A world in mode vlan while the block runs; `vlan` changes parts of the platform's document."""
    async with AsyncExitStack() as stack:
        switches = tuple(
            [
                await stack.enter_async_context(
                    Switch(
                        dialect, name=f"{name}-leaf{number}", login=Login("berth", PASSWORD), save_seconds=save_seconds
                    )
                )
                for number, dialect in enumerate(dialects, start=1)
            ]
        )
        platform, known_hosts = vlan_platform(folder, switches, **(vlan or {}))
        world = await stack.enter_async_context(
            running_world(client, folder, name, platform=platform, known_hosts=known_hosts, **settings)
        )
        fields = {field: getattr(world, field) for field in World.__dataclass_fields__}
        yield VlanWorld(**fields, switches=switches)
