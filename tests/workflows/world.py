"""What a test of the workflows stands on, and the words it is written in."""

import asyncio
import copy
import functools
import json
import re
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.service import RPCError, RPCStatusCode

from clients.kube_ovn.client import KubeOvn
from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from lab.kube.seed import Platform as SimulatedPlatform
from tenancy import names
from tenancy.documents import read_platform, read_tenant
from tenancy.plan import Plan, plan
from tenancy.yaml_text import read_yaml
from tests.workflows.strikes import PATIENCE, Strikes
from workers.connect import connect_kubernetes
from workers.settings import Settings, load_settings
from workers.worker import make_worker
from workflows.face import OFFBOARD, ONBOARD, Resolve, Status
from workflows.steps import PREFLIGHT, steps_of

EXAMPLES = Path(__file__).parents[2] / "examples"
PLATFORM_TEXT = re.sub(
    r"(?m)^  announce:\n(?:    .*\n)+", "", (EXAMPLES / "platform.yaml").read_text(encoding="utf-8"), count=1
)
"""The example platform's document without its edge, which is not there in most tests."""
EXTERNAL, EXTERNAL_V6 = "203.0.113.0/24", "2001:db8:113::/64"
"""The provider network's CIDRs; IPv4 alone unless a test says otherwise."""
DUAL_STACK = {
    "name": "external",
    "externalSubnet": "external",
    "cidrs": [EXTERNAL, EXTERNAL_V6],
    "gateways": ["203.0.113.1", "2001:db8:113::1"],
}
"""The provider network of a platform's document, with both."""
Document = dict[str, Any]
Run = WorkflowHandle[Any, Any]
State = tuple[dict[str, Any], dict[str, Any]]
"""Everything a platform holds: in Kubernetes, and in OVN."""


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


def one_address(name: str) -> Document:
    """A tenant with one subnet and one external IP."""
    document = tenant_document(name)
    document["spec"] |= {
        "subnets": [{"name": "prod", "cidrs": ["10.0.0.0/22"]}],
        "externalIPs": [{"use": "snat", "name": "egress"}],
    }
    return document


def grown(document: Document) -> Document:
    """The same tenant with one subnet and one external IP more."""
    more = copy.deepcopy(document)
    more["spec"]["subnets"].append({"name": "stage", "cidrs": ["10.0.16.0/24"]})
    more["spec"]["externalIPs"].append({"use": "floatingIP", "name": "extra", "target": "10.0.16.20"})
    return more


def shrunk(document: Document, *gone: str) -> Document:
    """The same tenant without these external IPs; without any where none is named."""
    less = copy.deepcopy(document)
    less["spec"]["externalIPs"] = [ip for ip in less["spec"]["externalIPs"] if gone and ip["name"] not in gone]
    return less


def platform_document(announce: Document | None = None, **spec: Any) -> Document:
    """The example platform's document, with this edge or none."""
    document: Any = copy.deepcopy(_example_platform())
    assert "announce" not in document["spec"]
    document["spec"] |= spec if announce is None else {"announce": announce, **spec}
    return dict(document)


@functools.cache
def _example_platform() -> Any:
    (text,) = read_yaml(PLATFORM_TEXT, "platform.yaml")
    return text.data


def platform_file(folder: Path, announce: Document | None = None, **spec: Any) -> Path:
    """The same as a file."""
    path = folder / "platform.json"
    path.write_text(json.dumps(platform_document(announce, **spec)))
    return path


def planned(document: Document) -> Plan:
    """What onboarding the document does where there is nothing of the tenant yet."""
    platform = read_platform(platform_document())
    return plan(read_tenant(document, platform), platform, ())


def step_titles(document: Document) -> dict[str, str]:
    """Every step an onboarding of the document takes, from the code itself: a new step cannot escape the tests."""
    return {step.id: step.title for step in (PREFLIGHT, *steps_of(planned(document)))}


def step_ids(document: Document) -> list[str]:
    """The IDs of those steps, in their order."""
    return list(step_titles(document))


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
    state_file: Path | None
    """Where the platform keeps its state, so that it can go and come back."""
    platform: AsyncExitStack
    handles: list[Run] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """A worker serves this world's task queue while the block runs."""
        async with make_worker(self.client, self.api, self.settings, interceptors=[self.strikes]):
            yield

    async def start(self, kind: str, request: object, *, id: str | None = None) -> Run:
        """Starts a run as any client would: by name, with plain JSON."""
        return await self.started(kind, id or names.workflow(self.name), arg=request)

    async def started(self, kind: str, id: str, **given: object) -> Run:
        """Starts a run with whatever arguments, none included, and keeps it in view."""
        started: Run = await self.client.start_workflow(  # type: ignore[call-overload]  # the SDK types arguments one by one
            kind, id=id, task_queue=self.settings.task_queue, **given
        )
        # Of a tenant's runs this very one, which the SDK's own handle does not insist on.
        run = started.result_run_id
        handle: Run = WorkflowHandle(self.client, id, run_id=run, result_run_id=run, first_execution_run_id=run)
        self.handles.append(handle)
        return handle

    async def onboard(self, document: Document | None = None) -> Run:
        document = document or tenant_document(self.name)
        return await self.start(ONBOARD, {"tenant": document, "requestedBy": "a test"})

    async def offboard(self) -> Run:
        return await self.start(OFFBOARD, {"tenant": self.name, "requestedBy": "a test"})

    async def onboarded(self, document: Document | None = None) -> Any:
        """The hand-over of an onboarding that must succeed."""
        return await asyncio.wait_for((await self.onboard(document)).result(), PATIENCE)

    async def offboarded(self) -> Any:
        """The result of an offboarding that must succeed."""
        return await asyncio.wait_for((await self.offboard()).result(), PATIENCE)

    async def settle(self) -> None:
        """Waits until the simulated controller has nothing left to do."""
        await asyncio.wait_for(self.kube.settled(), PATIENCE)

    async def state(self) -> State:
        """Everything the platform holds now."""
        await self.settle()
        return self.kube.dump(), self.kube.northbound.dump()

    async def comparable(self) -> str:
        """The state without what two onboardings of one document may differ in.

        That is the tenant's and the run's name, which free address it got, and which of two rules Kube-OVN wrote down
        last on their address.
        """
        objects, northbound = copy.deepcopy(await self.state())
        for key, thing in objects.items():
            if key.startswith("ovn-eips/"):
                thing["metadata"].pop("annotations", None)
        text = repr((objects, northbound)).replace(self.name, "TENANT")
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "RUN", text)
        text = re.sub(r"203\.0\.113\.(?!0/)\d+", "ADDRESS", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
        return re.sub(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", "MAC", text)

    def fault(self, **fields: Any) -> str:
        """Switches a fault of the platform on."""
        return self.kube.faults.add(Fault(**fields))

    async def lose_platform(self) -> None:
        """The API server and Kube-OVN go; nothing answers at their address."""
        await self.platform.aclose()

    async def find_platform_again(self) -> None:
        """They come back at the same address, with what they knew."""
        self.kube = await self.platform.enter_async_context(_simulator(self.state_file, self.kube.port))

    async def failed_tasks(self) -> list[str]:
        """Workflow tasks that failed: mistakes of the workflow's own code, which Temporal would retry for ever."""
        return [
            event.workflow_task_failed_event_attributes.failure.message
            for handle in self.handles
            async for event in handle.fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            # That the server had news for a task that would have ended the run is no mistake of the code.
            and event.workflow_task_failed_event_attributes.failure.message != "UnhandledCommand"
            # A run that is terminated while it thinks fails its task, too.
            and event.workflow_task_failed_event_attributes.cause
            != WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
        ]

    def exposures(self) -> list[Any]:
        """Every moment the tenant's router carried a subnet without any drop, by OVN's own log."""
        seen = self.kube.northbound.dump()["exposures"]
        return [one for one in seen if one["router"] == names.vpc(self.name)]


async def status(handle: Run) -> Status:
    """The answer to the query, as a program reads it."""
    return Status.model_validate(await answer(handle, "status"))


async def answer(handle: Run, query: str) -> Any:
    """The answer to a query. Temporal gives one up after 10 s, which a worker with a hundred runs may need."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return await handle.query(query, rpc_timeout=timedelta(seconds=PATIENCE))
        except RPCError as error:
            if error.status is not RPCStatusCode.DEADLINE_EXCEEDED or time.monotonic() > give_up:
                raise


async def until(handle: Run, holds: Callable[[Status], bool], what: str) -> Status:
    """The first status of which something holds. Fails with what it saw last."""
    give_up = time.monotonic() + PATIENCE
    while True:
        seen = await status(handle)
        if holds(seen):
            return seen
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {PATIENCE:g} s for {what}, last seen: {seen}")
        await asyncio.sleep(0.02)  # a query has no event to wait for


async def parked(handle: Run, steps: int = 1) -> Status:
    """The status once so many steps of the run wait for an operator."""
    return await until(handle, lambda seen: len(seen.parked) >= steps, f"{steps} parked")


async def resolve(handle: Run, *, id: str | None = None, **decision: Any) -> Any:
    """Sends an operator's decision."""
    return await handle.execute_update("resolve", Resolve(**decision), id=id)


async def failure(handle: Run) -> ApplicationError:
    """What a run that must fail fails with."""
    cause = await _end(handle)
    assert isinstance(cause, ApplicationError), repr(cause)
    return cause


async def cancelled(handle: Run) -> None:
    """Waits for the end of a run that must end as cancelled."""
    cause = await _end(handle)
    assert isinstance(cause, CancelledError), repr(cause)


async def _end(handle: Run) -> BaseException:
    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(handle.result(), PATIENCE)
    return ended.value.cause


@asynccontextmanager
async def running_world(
    client: Client,
    folder: Path,
    name: str,
    *,
    serving: bool = True,
    state_file: Path | None = None,
    external_cidrs: tuple[str, ...] = (EXTERNAL,),
    **settings: Any,
) -> AsyncIterator[World]:
    """A world while the block runs, with a worker or without. What must hold after every test is held here."""
    async with AsyncExitStack() as connections, AsyncExitStack() as platform:
        kube = await platform.enter_async_context(_simulator(state_file, external_cidrs=external_cidrs))
        await asyncio.wait_for(kube.settled(), PATIENCE)
        chosen = load_settings(
            **{
                "platform": settings.get("platform") or platform_file(folder),
                "kube_server": kube.url,
                "task_queue": f"queue-{folder.name}-{name}",
                "ready_deadline": 5.0,
                "gone_deadline": 0.5,
                # A cancel waits for the answer to a write that is on its way.
                "kube_request_timeout": 5.0,
                "retry_first_delay": 0.02,
                "retry_longest_delay": 0.1,
                "shutdown_grace": 0.0,
                **settings,
            }
        )
        api = await connect_kubernetes(chosen)
        connections.push_async_callback(api.close)
        # A cancel may cross with the end of its step; the SDK warns of that, and the warning as an error ends the worker.
        connections.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "Cannot find activity to cancel", UserWarning)
        world = World(client, kube, api, chosen, Strikes(), name, state_file, platform)
        if serving:
            async with world.serving():
                yield world
        else:
            yield world
        await world.settle()
        failed = await world.failed_tasks()
        assert failed == [], failed
        assert world.exposures() == []


def _simulator(state: Path | None, port: int = 0, external_cidrs: tuple[str, ...] = (EXTERNAL,)) -> KubeSimulator:
    platform = SimulatedPlatform(external_cidrs)
    return KubeSimulator(state, port=port, platform=platform, ready_delay=0.005, cleanup_delay=0.002)
