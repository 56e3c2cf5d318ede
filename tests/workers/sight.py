"""A worker process that is watched: what it shows to Prometheus at each turn of its tenants' lives, and its traces."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from temporalio import workflow
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import Worker

from lab.ports import reserve
from lab.temporal import start_temporal
from tenancy.kinds import OVN_SNAT_RULE
from tests.durability.scene import QUICK, WorkerProcess
from tests.workers.otlp import Collector, collecting
from tests.workflows.vlan_world import PASSWORD, VARIABLE, VlanWorld, decide, running_vlan_world, vlan_tenant, waiting
from tests.workflows.world import Run, failure, parked
from workers.setup import AUDIT_SCHEDULE, set_up_temporal
from workflows.converter import data_converter
from workflows.face import ONBOARD, SEARCH_ATTRIBUTES

TENANTS = ("acme", "brno", "cheb")


@dataclass(frozen=True)
class Sample:
    """One line of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Scrape:
    """What the page said."""

    text: str
    kinds: dict[str, str] = field(default_factory=dict)
    """Of each family, by its name as the table has it."""
    samples: list[Sample] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "Scrape":
        made = cls(text)
        for family in text_string_to_metric_families(text):
            name = family.name + ("_total" if family.type == "counter" else "")
            made.kinds[name] = family.type
            made.samples += [Sample(one.name, dict(one.labels), one.value) for one in family.samples]
        return made

    def total(self, name: str, /, **labels: str) -> float:
        """The sum of the samples with these labels; 0 where there are none."""
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())


@dataclass
class Sight:
    """All that was seen."""

    scrapes: dict[str, Scrape]
    traces: Collector
    log: str
    runs: dict[str, str]
    """Run IDs by what they were."""
    temporal_names: frozenset[str]
    """Names of metrics that Temporal's SDK showed in all of it."""
    temporal_labels: dict[str, frozenset[str]]
    secrets: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass
class _Watched:
    world: VlanWorld
    temporal: str
    url: str
    http: aiohttp.ClientSession
    scrapes: dict[str, Scrape] = field(default_factory=dict)

    async def scrape(self) -> Scrape:
        async with self.http.get(self.url) as answer:
            return Scrape.of(await answer.text())

    async def see(self, what: str, holds: Callable[[Scrape], bool]) -> None:
        """Keeps the first scrape of which something holds."""
        try:
            async with asyncio.timeout(60):
                while not holds(scrape := await self.scrape()):  # noqa: ASYNC110  # the page is brought up to date each second
                    await asyncio.sleep(0.25)
        except TimeoutError:
            raise AssertionError(f"the metrics never showed: {what}") from None
        self.scrapes[what] = scrape

    async def asked(self, tenant: str) -> tuple[Run, Any]:
        run = await self.world.start(
            ONBOARD, {"tenant": vlan_tenant(tenant), "requestedBy": "anna@example.com"}, id=f"tenant-{tenant}"
        )
        return run, await waiting(run)


@workflow.defn(name=ONBOARD, sandboxed=False)
class Broken:
    """Stands in for an onboarding whose code has a mistake."""

    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("a mistake of ours")


@workflow.defn(sandboxed=False)
class Waits:
    """Stays in memory, where there is room."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def _broken_run(client: Client, address: str) -> AsyncIterator[str]:
    """A run whose workflow task fails for ever; yields the page on which its worker tells of that, and of a full cache."""
    port = reserve()
    runtime = Runtime(
        telemetry=TelemetryConfig(
            metrics=PrometheusConfig(
                f"127.0.0.1:{port.number}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
            )
        )
    )
    own = await Client.connect(address, runtime=runtime)
    async with Worker(own, task_queue="broken", workflows=[Broken, Waits], max_cached_workflows=1):
        handle = await own.start_workflow(Broken.run, id="tenant-broken", task_queue="broken")
        # More than there is room for, so that it is seen how Temporal tells.
        for one in ("one", "other"):
            waits = await own.start_workflow(Waits.run, id=one, task_queue="broken")
            await waits.query("__temporal_workflow_metadata", result_type=object)
        with suppress(RPCError):
            await own.get_workflow_handle("nobody").describe()
        yield f"http://127.0.0.1:{port.number}/metrics"
        await handle.terminate()
    port.release()


async def _lives(watched: _Watched) -> dict[str, str]:
    world, switch = watched.world, watched.world.switches[0]
    acme, shown = await watched.asked("acme")
    await watched.see("an approval waits", lambda seen: seen.total("berth_approval_expiry_timestamp_seconds") > 0)
    world.fault(effect="error", verb="create", plural="subnets", status=503, times=1)
    await decide(acme, "approve", plan=shown.plan)
    await acme.result()
    brno, shown = await watched.asked("brno")
    world.fault(effect="error", verb="create", plural="vpcs", name="brno", status=403, message="not for you")
    await decide(brno, "approve", plan=shown.plan)
    await failure(brno)
    # What an audit is to find: somebody takes a rule away by hand.
    await world.api.remove(OVN_SNAT_RULE, "acme--prod", tenant="acme", run=None, deadline=10)
    here = world.settings.model_copy(update={"temporal_address": watched.temporal})
    await set_up_temporal(here, retention=timedelta(days=1), audit_every=timedelta(hours=1))
    await world.client.get_schedule_handle(AUDIT_SCHEDULE).trigger()
    await watched.see(
        "one is there, and an audit has looked",
        lambda seen: (
            seen.total("berth_tenants", state="recorded") == 1 and seen.total("berth_audit_timestamp_seconds") > 0
        ),
    )
    held = world.fault(effect="error", verb="delete", plural="subnets", status=403, message="held up")
    leaving = await world.start(
        "OffboardTenant", {"tenant": "acme", "requestedBy": "anna@example.com"}, id="tenant-acme"
    )
    await parked(leaving)
    await watched.see("an operator is needed", lambda seen: seen.total("berth_operator_oldest_age_seconds") > 0)
    world.kube.faults.remove(held)
    await leaving.execute_update("resolve", {"decision": "retry"})
    await leaving.result()
    switch.faults.add(effect="deny-login")
    cheb = await world.start(
        ONBOARD, {"tenant": vlan_tenant("cheb"), "requestedBy": "anna@example.com"}, id="tenant-cheb"
    )
    await failure(cheb)
    return {
        "onboarded": str(acme.result_run_id),
        "undone": str(brno.result_run_id),
        "offboarded": str(leaving.result_run_id),
        "refused": str(cheb.result_run_id),
    }


@asynccontextmanager
async def seen(folder: Path) -> AsyncIterator[Sight]:
    """Everything there is to see of one worker, from its first tenant until Kubernetes and Temporal are gone."""
    server = await start_temporal(folder, search_attributes=SEARCH_ATTRIBUTES)
    client = await Client.connect(server.address, data_converter=data_converter)
    async with collecting() as collector, aiohttp.ClientSession() as http:
        async with running_vlan_world(client, folder, "acme", serving=False, dialects=("cisco-ios",)) as world:
            port = reserve()
            worker = await WorkerProcess.spawn(
                folder, "worker", _environment(world, server.address, port.number, collector)
            )
            watched = _Watched(world, server.address, f"http://127.0.0.1:{port.number}/metrics", http)
            try:
                await worker.serves()
                runs = await _lives(watched)
                async with _broken_run(client, server.address) as page:
                    await watched.see(
                        "a device refuses", lambda seen: seen.total("berth_device_unusable", why="refused") > 0
                    )
                    async with http.get(page) as answer:
                        watched.scrapes["of the broken run's worker"] = Scrape.of(await answer.text())
                await watched.see("all is over", lambda seen: seen.total("berth_runs_under_way") == 0)
                addresses = (world.kube.url.removeprefix("http://").partition(":")[2], "203.0.113.")
            except BaseException:
                await worker.kill()
                port.release()
                raise
        try:
            await watched.see(
                "Kubernetes is gone", lambda seen: seen.total("berth_look_failures_total", look="kubernetes") > 0
            )
            await server.stop(seconds=0)
            await watched.see(
                "Temporal is gone", lambda seen: seen.total("berth_look_failures_total", look="temporal") > 0
            )
            worker.terminate()
            await worker.ended()
        finally:
            await worker.kill()
            port.release()
        temporal: dict[str, set[str]] = {}
        for scrape in watched.scrapes.values():
            for one in scrape.samples:
                if one.name.startswith("temporal_"):
                    temporal.setdefault(one.name, set()).update(one.labels)
        yield Sight(
            watched.scrapes,
            collector,
            worker.log.read_text(),
            runs,
            frozenset(temporal),
            {name: frozenset(labels) for name, labels in temporal.items()},
            (PASSWORD, "not for you", "held up"),
            addresses,
        )


def _environment(world: VlanWorld, temporal: str, port: int, collector: Collector) -> dict[str, str]:
    foreign = ("BERTH_", "TEMPORAL_", "KUBE", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        **QUICK,
        VARIABLE: PASSWORD,
        "BERTH_TEMPORAL_ADDRESS": temporal,
        "BERTH_KUBE_SERVER": world.kube.url,
        "BERTH_PLATFORM": str(world.settings.platform),
        "BERTH_KNOWN_HOSTS": str(world.settings.known_hosts),
        "BERTH_TASK_QUEUE": world.settings.task_queue,
        "BERTH_METRICS_ADDRESS": f"localhost:{port}",
        "BERTH_METRICS_EVERY": "1",
        "BERTH_TRACES_ENDPOINT": collector.url,
        "BERTH_SHUTDOWN_GRACE": "0",
    }
