"""What tests of the devices' queues stand on: switches that only remember, runs that only ask, and workers for both."""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Interceptor, Worker

from activities.decisions import HEARTBEAT_EVERY, Pace
from activities.devices import DeviceSteps, DeviceWork
from clients.errors import UnavailableError
from tenancy import names
from tenancy.approval import Approval, Decision, Preview, SwitchLines
from tenancy.devices import AnyRequest, DeviceOutcome, DeviceRequest, EdgeRequest, vlan_name
from tenancy.edge import Announce, EdgeDevice
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from tests.workflows.asker import AskerRun
from tests.workflows.strikes import PATIENCE, Strikes
from workers.together import together
from workers.worker import DEVICE_POLLS, WORKFLOWS
from workflows import sandbox
from workflows.face import DeviceStatus

APPROVER = "net@example.net"
PACE = Pace(first_delay=0.02, longest_delay=0.1, refused_delay=0.2)
_devices = itertools.count(1)


def platform_document(devices: Sequence[str]) -> dict[str, Any]:
    """A platform in VLAN mode with these switches."""
    switch = {"platform": "cisco-ios", "credentials": "lab", "trunks": ["GigabitEthernet1/0/1"]}
    return {
        "apiVersion": "berth.network/v1",
        "kind": "Platform",
        "metadata": {"name": "lab"},
        "spec": {
            "mode": "vlan",
            "block": {"cidrs": ["192.0.2.0/24"]},
            "vlan": {
                "providerNetwork": "vlans",
                "range": {"first": 100, "last": 2000},
                "switches": [
                    {"name": name, "host": f"127.0.0.{number}", **switch}
                    for number, name in enumerate(devices, start=1)
                ],
                "credentials": [{"name": "lab", "username": "berth", "password": {"environment": "SWITCH_PASSWORD"}}],
                "approval": {"approvers": [APPROVER]},
            },
        },
    }


def approval(tenant: str, vlan: int, device: str, *, by: str = APPROVER) -> dict[str, Any]:
    """A good approval of the tenant's VLAN on the device, as plain JSON."""
    lines = SwitchLines(switch=device, lines=(f"vlan {vlan}", f"name {vlan_name(tenant)}"))
    preview = Preview(
        tenant=tenant, run="a-run", requested_by="anna@example.net", vlan=vlan, switches=(lines,), plan="a-plan"
    )
    decision = Decision(plan=preview.hash, by=by)
    return Approval(preview=preview, decision=decision, at="2026-11-24T12:00:00+00:00").model_dump(mode="json")


def asked(tenant: str, vlan: int, device: str, *actions: str) -> list[dict[str, Any]]:
    """What a run asks, one after the other."""
    return [
        {"device": device, "action": action, "vlan": vlan}
        | ({"approval": approval(tenant, vlan, device)} if action == "ensure" else {})
        for action in actions
    ]


@dataclass
class RememberingSwitch:
    """A switch that remembers what it was told; what it saved is what counts."""

    running: dict[int, str] = field(default_factory=dict)
    saved: dict[int, str] = field(default_factory=dict)
    sessions: list[list[AnyRequest]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    """Raised by the next sessions, one each, before anything is sent."""
    down: Exception | None = None
    """Raised by every session."""
    rejected: set[str] = field(default_factory=set)
    """Tenants of whom it takes no line."""
    poisoned: set[str] = field(default_factory=set)
    """Tenants whose requests end a session in a way nobody has foreseen."""
    gate: asyncio.Event | None = None
    """A session waits for it before it saves."""
    more: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each session that begins."""
    at_once: int = 0
    most_at_once: int = 0

    async def session(
        self, requests: Sequence[AnyRequest], alive: Callable[[], bool], progress: Callable[[str], None]
    ) -> Sequence[DeviceOutcome]:
        self.sessions.append(list(requests))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.more.set()
        try:
            return await self._session(requests, alive, progress)
        finally:
            self.at_once -= 1

    async def _session(
        self, requests: Sequence[AnyRequest], alive: Callable[[], bool], progress: Callable[[str], None]
    ) -> Sequence[DeviceOutcome]:
        if self.errors or self.down:
            raise self.errors.pop(0) if self.errors else self.down  # type: ignore[misc]
        outcomes = []
        for request in requests:
            progress(request.action)
            if request.tenant in self.poisoned:
                raise KeyError("nobody has foreseen this")
            if not alive():
                raise UnavailableError("the worker was silent for too long")
            outcomes.append(self._one(request))
            await asyncio.sleep(0)
        while self.gate is not None and not self.gate.is_set():
            if not alive():
                raise UnavailableError("the worker was silent for too long")
            await asyncio.sleep(0.02)
        self.saved = copy.copy(self.running)
        return outcomes

    def _one(self, request: AnyRequest) -> DeviceOutcome:
        assert isinstance(request, DeviceRequest)
        if request.tenant in self.rejected:
            return DeviceOutcome(id=request.id, result="refused", reason="rejected", message="'% Invalid input'")
        if request.action == "ensure":
            assert request.vlan is not None
            self.running[request.vlan] = request.tenant
            return DeviceOutcome(id=request.id, result="done", lines=(f"vlan {request.vlan}",))
        if request.action == "absent" and self.running.pop(request.vlan or 0, ""):
            return DeviceOutcome(id=request.id, result="done", lines=(f"no vlan {request.vlan}",))
        return DeviceOutcome(id=request.id, result="done")

    async def begun(self, sessions: int) -> None:
        """Waits until so many sessions have begun."""
        async with asyncio.timeout(PATIENCE):
            while len(self.sessions) < sessions:
                self.more.clear()
                await self.more.wait()

    def asked_for(self) -> list[tuple[str, str]]:
        """All that was asked, in order, however many sessions it took."""
        return [(request.tenant, request.action) for session in self.sessions for request in session]


@dataclass
class Switchboard:
    """Switches, a worker for their queues, and runs that ask."""

    client: Client
    queue: str
    platform: Path
    device: str
    switches: dict[str, RememberingSwitch]
    strikes: Strikes
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list)

    @property
    def switch(self) -> RememberingSwitch:
        """The one of the tests that need no other."""
        return self.switches[self.device]

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
        return await self.switches[device.name].session(requests, alive, progress)

    @asynccontextmanager
    async def serving(self, client: Client | None = None, **options: Any) -> AsyncIterator[None]:
        """One more worker serves while the block runs; a second one needs a connection of its own."""
        async with device_worker(
            client or self.client, self.queue, self.platform, self.work, interceptors=[self.strikes], **options
        ):
            yield

    async def ask(
        self, tenant: str, vlan: int, *actions: str, device: str | None = None, **options: Any
    ) -> WorkflowHandle[Any, Any]:
        """Starts a run that asks for these, one after the other."""
        return await self.ask_all(tenant, asked(tenant, vlan, device or self.device, *actions), **options)

    async def ask_all(self, tenant: str, asks: list[dict[str, Any]], **options: Any) -> WorkflowHandle[Any, Any]:
        """Starts a run that asks for these, one after the other."""
        # Another run of the same name may be under way in another test.
        id = f"{names.workflow(tenant)}-{self.device}"
        handle = await self.client.start_workflow(AskerRun.run, {"asks": asks, **options}, id=id, task_queue=self.queue)
        self.handles.append(handle)
        return handle

    def queue_of(self, device: str | None = None) -> WorkflowHandle[Any, Any]:
        """The device's queue."""
        return self.client.get_workflow_handle(names.device_workflow(device or self.device))

    async def status(self) -> DeviceStatus:
        """What the device's queue says of itself."""
        return DeviceStatus.model_validate(await self.queue_of().query("status"))

    async def until(self, holds: Callable[[DeviceStatus], bool], what: str) -> DeviceStatus:
        """The first status of which something holds."""
        seen: list[DeviceStatus] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(RPCError):  # it does not run yet
                        seen[:] = [await self.status()]
                    if seen and holds(seen[0]):
                        return seen[0]
                    await asyncio.sleep(0.02)  # a query has no event to wait for
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE:g} s for {what}, last seen: {seen}") from None

    async def failed_tasks(self) -> list[str]:
        """Workflow tasks that failed of themselves: mistakes of the workflow's own code."""
        runs = [*self.handles]
        query = f'WorkflowId = "{names.device_workflow(self.device)}"'
        found = self.client.list_workflows(query)
        runs += [self.client.get_workflow_handle(one.id, run_id=one.run_id) async for one in found]
        return [
            event.workflow_task_failed_event_attributes.failure.message
            for run in runs
            async for event in run.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            # That the server had news for a task that would have ended the run has no failure in it; nor has a reset.
            and event.workflow_task_failed_event_attributes.failure.message not in ("", "UnhandledCommand")
            and event.workflow_task_failed_event_attributes.cause
            != WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
        ]


async def any_reservation_stands(approval: Approval | None, tenant: str, vlan: int) -> str | None:
    """There is no platform here that would know better."""
    return None


async def anybody_holds(requests: Sequence[EdgeRequest], announce: Announce) -> Mapping[str, str]:
    """The same of addresses."""
    return {}


@asynccontextmanager
async def device_worker(
    client: Client,
    queue: str,
    platform: Path,
    work: DeviceWork,
    *,
    interceptors: Sequence[Interceptor] = (),
    pace: Pace = PACE,
    serves: Literal["everything", "platform", "devices"] = "everything",
    **options: Any,
) -> AsyncIterator[None]:
    """A worker for devices' queues and for runs that ask, as `workers.worker` sets one up."""
    steps = DeviceSteps(client, pace, platform, work, any_reservation_stands, anybody_holds)
    runner = options.pop("workflow_runner", None) or sandbox.runner()
    options |= {
        "interceptors": interceptors,
        "max_heartbeat_throttle_interval": timedelta(seconds=HEARTBEAT_EVERY),
    }
    workers = []
    if serves != "devices":
        workers.append(
            Worker(
                client,
                task_queue=queue,
                workflows=[*WORKFLOWS, AskerRun],
                activities=[steps.ask_device, steps.time_to_settle],
                workflow_runner=runner,
                **options,
            )
        )
    if serves != "platform":
        beside = names.device_task_queue(queue)
        workers.append(
            Worker(
                client,
                task_queue=beside,
                activities=[steps.work_on_device],
                max_concurrent_activity_task_polls=DEVICE_POLLS,
                **options,
            )
        )
    async with together(workers):
        yield


@asynccontextmanager
async def a_switchboard(client: Client, folder: Path, device: str | None = None) -> AsyncIterator[Switchboard]:
    """Switches of its own, without a worker yet."""
    # Many tests share one Temporal, in which a device's name is its queue.
    device = device or f"leaf-{next(_devices)}-{uuid4().hex[:8]}"
    others = [f"{device[:20]}-b"]
    platform = folder / "platform.json"
    platform.write_text(json.dumps(platform_document([device, *others])))
    switches = {name: RememberingSwitch() for name in (device, *others)}
    board = Switchboard(client, f"queue-{device}", platform, device, switches, Strikes())
    try:
        yield board
    finally:
        assert await board.failed_tasks() == []
        assert all(switch.most_at_once <= 1 for switch in switches.values())
