"""What a test of the workflows stands on, and the words it is written in."""

import asyncio
import copy
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from tenancy import names
from tenancy.documents import read_platform, read_tenant
from tenancy.plan import plan
from tenancy.yaml_text import read_yaml
from workers.connect import connect_kubernetes
from workers.settings import Settings, load_settings
from workers.worker import make_worker
from workflows.face import OFFBOARD, ONBOARD, Resolve, Status
from workflows.steps import PREFLIGHT, steps_of

EXAMPLES = Path(__file__).parents[2] / "examples"
PLATFORM = EXAMPLES / "platform.yaml"
Document = dict[str, Any]


def tenant_document(name: str) -> Document:
    """A tenant with two subnets, one of them dual stack, and every use of an external IP."""
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": name},
        "spec": {
            "subnets": [
                {"name": "prod", "cidrs": ["10.0.0.0/22", "fd00:10::/64"]},
                {"name": "dev", "cidrs": ["10.0.8.0/24"], "gateways": ["10.0.8.254"]},
            ],
            "externalIPs": [
                {"use": "snat", "name": "egress"},
                {"use": "floatingIP", "name": "bastion", "target": "10.0.0.10"},
                {"use": "loadBalancer", "name": "web"},
            ],
        },
    }


def grown(document: Document) -> Document:
    """The same tenant with one subnet and one external IP more."""
    more = copy.deepcopy(document)
    more["spec"]["subnets"].append({"name": "stage", "cidrs": ["10.0.16.0/24"]})
    more["spec"]["externalIPs"].append({"use": "floatingIP", "name": "extra", "target": "10.0.16.20"})
    return more


def step_ids(document: Document) -> list[str]:
    """Every step an onboarding of the document takes, from the code itself: a new step cannot escape the tests."""
    platform = read_platform(read_yaml(PLATFORM.read_text(), "platform.yaml")[0].data)
    planned = plan(read_tenant(document, platform), platform, ())
    return [PREFLIGHT.id, *(step.id for step in steps_of(planned))]


@dataclass
class World:
    """One platform, one worker, and the runs a test starts."""

    client: Client
    kube: KubeSimulator
    api: KubeOvn
    settings: Settings
    strikes: Strikes
    name: str
    """A tenant's name nobody else uses."""
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """A worker serves this world's task queue while the block runs."""
        async with make_worker(self.client, self.api, self.settings, interceptors=[self.strikes]):
            yield

    async def start(self, kind: str, request: object, *, id: str | None = None) -> WorkflowHandle[Any, Any]:
        """Starts a run as any client would: by name, with plain JSON."""
        handle = await self.client.start_workflow(
            kind, request, id=id or names.workflow(self.name), task_queue=self.settings.task_queue
        )
        self.handles.append(handle)
        return handle

    async def onboard(self, document: Document | None = None) -> WorkflowHandle[Any, Any]:
        document = document or tenant_document(self.name)
        return await self.start(ONBOARD, {"tenant": document, "requestedBy": "a test"})

    async def offboard(self) -> WorkflowHandle[Any, Any]:
        return await self.start(OFFBOARD, {"tenant": self.name, "requestedBy": "a test"})

    async def onboarded(self, document: Document | None = None) -> Any:
        """The hand-over of an onboarding that must succeed."""
        return await (await self.onboard(document)).result()

    async def settle(self) -> None:
        """Waits until the simulated controller has nothing left to do."""
        await asyncio.wait_for(self.kube.settled(), PATIENCE)

    async def state(self) -> tuple[Any, Any]:
        """Everything the platform holds, in Kubernetes and in OVN."""
        await self.settle()
        northbound = self.kube.northbound.dump()
        return self.kube.dump(), {part: northbound[part] for part in northbound if part != "events"}

    def fault(self, **fields: Any) -> str:
        """Switches a fault of the platform on."""
        return self.kube.faults.add(Fault(**fields))

    async def failed_tasks(self) -> list[str]:
        """Workflow tasks that failed: mistakes of the workflow's own code, which Temporal would retry for ever."""
        return [
            event.workflow_task_failed_event_attributes.failure.message
            for handle in self.handles
            async for event in handle.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        ]


async def status(handle: WorkflowHandle[Any, Any]) -> Status:
    """The answer to the query, as a program reads it."""
    return Status.model_validate(await handle.query("status"))


async def until(handle: WorkflowHandle[Any, Any], holds: Callable[[Status], bool], what: str) -> Status:
    """The first status of which something holds. Fails with what it saw last."""
    give_up = time.monotonic() + PATIENCE
    while True:
        seen = await status(handle)
        if holds(seen):
            return seen
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {PATIENCE:g} s for {what}, last seen: {seen}")
        await asyncio.sleep(0.02)  # a query has no event to wait for


async def parked(handle: WorkflowHandle[Any, Any]) -> Status:
    """The status once the run waits for an operator."""
    return await until(handle, lambda seen: bool(seen.parked), "a parked step")


async def resolve(handle: WorkflowHandle[Any, Any], **decision: Any) -> Any:
    """Sends an operator's decision."""
    return await handle.execute_update("resolve", Resolve(**decision))


async def failure(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """What a run that must fail fails with."""
    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(handle.result(), PATIENCE)
    cause = ended.value.cause
    assert isinstance(cause, ApplicationError), repr(cause)
    return cause


@asynccontextmanager
async def running_world(
    client: Client, folder: Path, name: str, *, serving: bool = True, **settings: Any
) -> AsyncIterator[World]:
    """A world while the block runs; `serving` says whether with a worker. What must hold in every test is held here."""
    async with AsyncExitStack() as platform:
        kube = await platform.enter_async_context(_platform(folder))
        await asyncio.wait_for(kube.settled(), PATIENCE)
        chosen = load_settings(
            **{
                "platform": PLATFORM,
                "kube_server": kube.url,
                "task_queue": f"queue-{folder.name}-{name}",
                "ready_deadline": 2.0,
                "gone_deadline": 0.5,
                "retry_first_delay": 0.02,
                "retry_longest_delay": 0.1,
                "shutdown_grace": 0.0,
                **settings,
            }
        )
        api = await connect_kubernetes(chosen)
        platform.push_async_callback(api.close)
        world = World(client, kube, api, chosen, Strikes(), name, folder, platform)
        if serving:
            async with world.serving():
                yield world
        else:
            yield world
        await world.settle()
        assert await world.failed_tasks() == []
        assert world.exposures() == []


def _platform(folder: Path, port: int = 0) -> KubeSimulator:
    return KubeSimulator(folder / "kubernetes.db", port=port, ready_delay=0.005, cleanup_delay=0.002)
