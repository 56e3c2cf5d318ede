"""A world with an edge: routers, a translator and a neighbour that only remember, beside the simulated platform."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from clients.errors import UnavailableError
from tenancy import names
from tenancy.devices import AnyRequest, DeviceOutcome, EdgeRequest
from tenancy.edge import Announce, EdgeDevice, EdgeRouter, OneToOneNat, routers_of
from tenancy.edge_work import EdgeWork
from tenancy.kinds import CONFIG_MAP, VPC
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from tests.workflows.vlan_world import NADIA
from tests.workflows.world import Document, World, platform_file, running_world
from workers.worker import make_worker
from workflows.face import DEVICE_QUEUE, REQUEST, DeviceAsk

OMAR = "omar@example.com"
"""Of the edge team, as Nadia is."""
Kept = dict[str, tuple[str | None, str]]
"""By address: the next hop, or what it is translated to; and whose it is."""


@dataclass
class RememberingDevice:
    """A router or a translator that remembers what it was told; what it saved is what counts."""

    running: Kept = field(default_factory=dict)
    saved: Kept = field(default_factory=dict)
    down: Exception | None = None
    """Raised by every session."""
    rejects: set[str] = field(default_factory=set)
    """Tenants of whom it takes no new line."""

    def configure(self, request: EdgeRequest) -> DeviceOutcome:
        """Carries a request out."""
        if request.tenant in self.rejects and request.action in ("announce", "translate"):
            return DeviceOutcome(id=request.id, result="refused", reason="rejected", message="'% Malformed address'")
        pairs: list[tuple[str, str | None]] = [(route.address, route.next_hop) for route in request.routes]
        pairs += [(pair.public, pair.external) for pair in request.translations]
        lines = []
        for address, target in pairs:
            if request.action in ("announce", "translate") and self.running.get(address) != (target, request.tenant):
                lines.append(f"{address} to {target}")
                self.running[address] = (target, request.tenant)
            if request.action in ("withdraw", "untranslate") and self.running.pop(address, (None, ""))[1]:
                lines.append(f"no {address}")
        self.saved = dict(self.running)
        return DeviceOutcome(id=request.id, result="done", lines=tuple(lines))


@dataclass
class Edge:
    """All devices at the edge, and what was done to them in which order."""

    devices: dict[str, RememberingDevice] = field(default_factory=dict)
    journal: list[tuple[str, str, str]] = field(default_factory=list)
    """Device, action and tenant of all that changed anything, in order."""
    taken_off: set[tuple[str, str]] = field(default_factory=set)
    """Device and address of all that was ever taken off it, or pointed elsewhere."""
    deaf: bool = False
    """The neighbours hear of nothing, and forget nothing: what they knew they know."""
    known: set[str] = field(default_factory=set)
    """What they knew when they became deaf."""
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each look of a neighbour."""

    def device(self, name: str) -> RememberingDevice:
        """The one of this name."""
        return self.devices.setdefault(name, RememberingDevice())

    def holds(self, name: str) -> Kept:
        """What a device has saved, and runs."""
        device = self.device(name)
        assert device.running == device.saved
        return device.saved

    def become_deaf(self) -> None:
        """Nothing reaches the neighbours any more."""
        self.deaf, self.known = True, self._announced()

    def _announced(self) -> set[str]:
        return {address for name, one in self.devices.items() if not name.endswith("-nat") for address in one.running}

    async def work(
        self,
        device: Switch | EdgeDevice,
        part: VlanMode | Announce,
        requests: Sequence[AnyRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        """A session, as activities.devices.DeviceWork."""
        assert not isinstance(part, VlanMode)
        if (down := self.device(device.name).down) is not None:
            raise down
        return [self._one(device, part, request) for request in requests if isinstance(request, EdgeRequest)]

    def _one(self, device: Switch | EdgeDevice, part: Announce, request: EdgeRequest) -> DeviceOutcome:
        remembering = self.device(device.name)
        if request.action == "look":
            if isinstance(device, EdgeRouter) and device not in routers_of(part):
                self.looks += 1
                self.looked.set()
                there = self.known if self.deaf else self._announced()
                return DeviceOutcome(id=request.id, result="done", in_force=tuple(sorted(there)))
            held = {
                *(one.address for one in request.routes if _is(remembering, one.address, one.next_hop)),
                *(one.public for one in request.translations if _is(remembering, one.public, one.external)),
            }
            return DeviceOutcome(id=request.id, result="done", in_force=tuple(sorted(held)))
        self._check_order(device.name, request, part)
        before = dict(remembering.running)
        outcome = remembering.configure(request)
        changed = {address for address, held in before.items() if remembering.running.get(address) != held}
        self.taken_off |= {(device.name, address) for address in changed}
        if outcome.lines:
            self.journal.append((device.name, request.action, request.tenant))
        return outcome

    def _check_order(self, device: str, request: EdgeRequest, part: Announce) -> None:
        """Nothing is announced that is not translated, and nothing untranslated that is announced."""
        if not isinstance(part, OneToOneNat):
            return
        for translator in part.translators:
            translated = self.device(translator.name).running
            if request.action == "announce":
                assert all(route.address in translated for route in request.routes)
        if request.action == "untranslate":
            announced = self.known if self.deaf else self._announced()
            others = [self.device(one.name).running for one in part.translators if one.name != device]
            left = {pair.public for pair in request.translations if not any(pair.public in one for one in others)}
            assert not announced & left


def _is(device: RememberingDevice, address: str, target: str | None) -> bool:
    return address in device.running and device.running[address][0] == target


@workflow.defn(name="Stranger", sandboxed=False)
class Stranger:
    """A run of somebody else's, that is told what became of a request."""

    def __init__(self) -> None:
        self._told: Any = None

    @workflow.run
    async def run(self) -> Any:
        """The first answer."""
        await workflow.wait_condition(lambda: self._told is not None)
        return self._told

    @workflow.signal
    def device_answered(self, outcome: Any = None) -> None:
        """An answer of the device's queue."""
        self._told = outcome


@dataclass
class EdgeWorld(World):
    """A world with an edge."""

    edge: Edge = field(default_factory=Edge)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """A worker whose sessions are with these devices."""
        async with make_worker(
            self.client, self.api, self.settings, interceptors=[self.strikes], device_work=self.edge.work
        ):
            yield

    async def signalled(
        self, device: str, action: str, address: str, next_hop: str, *, tenant: str | None = None
    ) -> tuple[str, str]:
        """What becomes of a request that anybody sends who may signal, as result and reason."""
        wish = {"action": action, "tenant": tenant or self.name, "routes": [{"address": address, "next_hop": next_hop}]}
        queue, id = self.settings.task_queue, f"stranger-{uuid4()}"
        async with Worker(self.client, task_queue=f"{queue}-strangers", workflows=[Stranger]):
            run = await self.client.start_workflow(Stranger.run, id=id, task_queue=f"{queue}-strangers")
            ask = DeviceAsk.model_validate(
                {"request": {"id": id, **wish}, "workflow": id, "run": run.result_run_id, "asked": datetime.now(UTC)}
            )
            await self.client.start_workflow(
                DEVICE_QUEUE,
                id=names.device_workflow(device),
                task_queue=queue,
                start_signal=REQUEST,
                start_signal_args=[ask.model_dump(mode="json")],
            )
            outcome = DeviceOutcome.model_validate(await run.result())
        return outcome.result, outcome.reason

    def done_by_hand(self, work: EdgeWork) -> None:
        """The edge team does what the document says, on a router that Berth does not know."""
        router = self.edge.device("theirs")
        for route in work.routes:
            address = route.prefix.partition("/")[0]
            if work.action == "announce":
                router.running[address] = (route.next_hop, work.tenant)
            else:
                router.running.pop(address)

    async def reservations(self) -> dict[str, str]:
        """Public addresses that are reserved, with their tenants."""
        found = await self.api.list(CONFIG_MAP, namespace="berth-system")
        return {
            one["data"]["address"]: one["metadata"]["labels"][names.LABEL]
            for one in found
            if names.LABEL in one["metadata"].get("labels", {})
        }


def static_routes(name: str, *, routers: int = 1, **more: Any) -> Document:
    """`spec.announce` with so many routers, `<name>-edge-1` the first, and the neighbour `<name>-fabric`."""
    # Many tests share one Temporal, in which a device's name is its queue.
    return {
        "method": "static-route",
        "credentials": [{"name": "edge", "username": "berth", "password": {"environment": "BERTH_TESTS_EDGE"}}],
        "routers": [_device(f"{name}-edge-{number}", "frr", number) for number in range(1, routers + 1)],
        "neighbours": [_device(f"{name}-fabric", "frr", 100)],
        **more,
    }


def one_to_one_nat(name: str, **more: Any) -> Document:
    """The same with a pool of public addresses, and the translator `<name>-nat`."""
    return static_routes(
        name,
        method="one-to-one-nat",
        translators=[_device(f"{name}-nat", "linux-nftables", 200)],
        **{"pool": {"name": "public", "cidrs": ["198.51.100.0/28"]}, **more},
    )


def by_edge_team(name: str, *, neighbour: bool = False, **more: Any) -> Document:
    """`spec.announce` of a platform whose edge team configures its routers itself; Nadia and Omar belong to it."""
    watched = {key: static_routes(name)[key] for key in ("neighbours", "credentials")} if neighbour else {}
    return {"method": "none", "approval": {"approvers": [NADIA, OMAR]}, **watched, **more}


def _device(name: str, platform: str, number: int) -> Document:
    return {"name": name, "platform": platform, "host": f"192.0.2.{number}", "credentials": "edge"}


@asynccontextmanager
async def running_edge_world(
    client: Client,
    folder: Path,
    name: str,
    announce: Document,
    *,
    spec: Document | None = None,
    serving: bool = True,
    **settings: Any,
) -> AsyncIterator[EdgeWorld]:
    """A world with this edge while the block runs, with a worker or without."""
    platform = platform_file(folder, announce, **(spec or {}))
    async with running_world(client, folder, name, serving=False, platform=platform, **settings) as world:
        fields = {one: getattr(world, one) for one in World.__dataclass_fields__}
        edge_world = EdgeWorld(**fields)
        if serving:
            async with edge_world.serving():
                yield edge_world
        else:
            yield edge_world


def addresses(told: dict[str, Any]) -> list[str]:
    """The external IPs a hand-over names."""
    return [address for ip in told["externalIPs"] for address in ip["addresses"]]


def routes(world: EdgeWorld, told: dict[str, Any]) -> Kept:
    """What every router is to hold."""
    return dict.fromkeys(addresses(told), (told["routerAddresses"][0], world.name))


def write_announce(world: EdgeWorld, announce: dict[str, Any]) -> None:
    """The platform's document says this from here on."""
    document = json.loads(world.settings.platform.read_text())
    document["spec"]["announce"] = announce
    world.settings.platform.write_text(json.dumps(document))


async def record(world: EdgeWorld) -> dict[str, Any] | None:
    """What the VPC says is announced."""
    vpc = await world.api.get(VPC, world.name)
    text = (vpc["metadata"].get("annotations") or {}).get(names.ANNOUNCED_ANNOTATION) if vpc else None
    return None if text is None else dict(json.loads(text))


DOWN = UnavailableError("router edge (192.0.2.1): no session (connection refused): check that it is up")
