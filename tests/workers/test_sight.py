"""What a real worker shows to Prometheus and to a collector of traces, while its tenants come, fail, wait and go."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.common import MetricMeter, SearchAttributePair, TypedSearchAttributes
from temporalio.runtime import PrometheusConfig

from activities import metrics
from activities.metrics import AUTOMATIC, CAUSES, METRICS, REASONS, RUNS, known
from clients.kube_ovn.levels import levels
from clients.secrets import EXPOSED
from lab.kube import KubeSimulator
from tenancy import names
from tenancy.documents import read_platform
from tests.deploy.test_alerts import expressions
from tests.workers.otlp import ancestors, attributes
from tests.workers.sight import TENANTS, Sight, seen
from tests.workflows.edge_world import one_to_one_nat
from tests.workflows.world import platform_document
from workers.connect import connect_kubernetes
from workers.exposing import prometheus
from workers.gauges import AUDITED, UNDER_WAY, Gauges, gauges_kept
from workers.settings import ConfigurationError, load_settings
from workflows.face import DEVICE_QUEUE, OFFBOARD, ONBOARD, STAGE, Awaited, Status

ROOT = Path(__file__).parents[2]
BY_NAME = {metric.name: metric for metric in METRICS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sight(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sight]:
    async with seen(tmp_path_factory.mktemp("sight")) as all_there_is:
        yield all_there_is


def test_every_metric_of_the_table_is_shown_and_none_beside_it(sight: Sight) -> None:
    shown = {
        (name, kind)
        for scrape in sight.scrapes.values()
        for name, kind in scrape.kinds.items()
        if name.startswith("berth_")
    }
    assert shown == {(one.name, one.kind) for one in METRICS}


def test_labels_are_those_of_the_table_and_hold_no_tenant_no_address_and_no_secret(sight: Sight) -> None:
    for scrape in sight.scrapes.values():
        for one in scrape.samples:
            for label, value in one.labels.items():
                # The switch of the test bears the tenant's name as a part of its own.
                words = value.removeprefix("acme-leaf1")
                if label != "task_queue":
                    assert not any(bad in words for bad in (*TENANTS, *sight.addresses)), one
                assert not any(secret in value for secret in sight.secrets), one
            if one.name.startswith("berth_"):
                metric = BY_NAME.get(one.name) or BY_NAME[re.sub("_(bucket|sum|count)$", "", one.name)]
                bucket = {"le"} if one.name.endswith("_bucket") else set()
                assert set(one.labels) - bucket == {*metric.labels, *AUTOMATIC[metric.by]}, one


def test_an_approval_that_waits_is_counted_with_its_age_and_its_end(sight: Sight) -> None:
    waits, later = sight.scrapes["an approval waits"], sight.scrapes["an operator is needed"]
    assert waits.total("berth_approvals_waiting") == 1
    assert waits.total(RUNS.name, workflow="onboard", stage="approval") == 1
    assert 0 < waits.total("berth_approval_oldest_age_seconds") < 60
    assert 6 * 86400 < waits.total("berth_approval_expiry_timestamp_seconds") - time.time() < 7 * 86400
    gone = ("berth_approvals_waiting", "berth_approval_oldest_age_seconds", "berth_approval_expiry_timestamp_seconds")
    assert [later.total(name) for name in gone] == [0, 0, 0]


def test_a_run_that_waits_for_an_operator_is_counted_with_its_age(sight: Sight) -> None:
    waits, later = sight.scrapes["an operator is needed"], sight.scrapes["all is over"]
    assert waits.total("berth_runs_waiting_for_operator") == 1
    assert waits.total(RUNS.name, workflow="offboard", stage="needs-operator") == 1
    assert 0 < waits.total("berth_operator_oldest_age_seconds") < 60
    assert later.total("berth_runs_waiting_for_operator") == later.total("berth_operator_oldest_age_seconds") == 0


def test_what_is_over_goes_to_0_and_is_not_shown_as_it_was(sight: Sight) -> None:
    over = [
        one for one in sight.scrapes["all is over"].samples if one.name in (RUNS.name, "berth_run_oldest_age_seconds")
    ]
    assert {(one.labels["workflow"], one.labels["stage"]) for one in over} >= {
        ("onboard", "approval"),
        ("offboard", "needs-operator"),
    }
    assert {one.value for one in over} == {0}


def test_tries_of_steps_are_counted_by_what_they_are_about_and_why_they_failed(sight: Sight) -> None:
    end = sight.scrapes["all is over"]
    failed = {
        (one.labels["activity_type"], one.labels["kind"], one.labels["way"], one.labels["cause"]): one.value
        for one in end.samples
        if one.name == "berth_step_failures_total"
    }
    assert failed == {
        ("ensure_object", "Subnet", "make", "Unavailable"): 1,
        ("ensure_object", "Vpc", "make", "forbidden"): 1,
        ("remove_object", "Subnet", "take-back", "forbidden"): 1,
        ("work_on_device", "none", "make", "login-refused"): 1,
    }
    duration = "berth_step_duration_seconds_count"
    assert end.total(duration, kind="Subnet", result="unavailable") == 1
    assert end.total(duration, kind="Vpc", result="refused") == 1
    assert end.total(duration, kind="Vpc", result="done", way="make") == 1  # acme's
    assert end.total(duration, kind="Vpc", result="done", way="take-back") == 2  # acme's, and brno's that never was
    assert end.total("berth_step_retry_age_seconds_count") == 1
    assert end.total("berth_step_retry_age_seconds_bucket", kind="Subnet", le="60") == 1


def test_runs_that_ended_are_counted_once_each(sight: Sight) -> None:
    end = sight.scrapes["all is over"]
    ended = "berth_runs_ended_total"
    assert end.total(ended, workflow_type="OnboardTenant", outcome="done") == 1
    assert end.total(ended, workflow_type="OnboardTenant", outcome="undone") == 2
    assert end.total(ended, workflow_type="OffboardTenant", outcome="done") == 1
    assert end.total(ended) == 4


def test_sessions_with_a_device_are_counted_with_what_they_did(sight: Sight) -> None:
    end = sight.scrapes["all is over"]
    sessions = end.total("berth_device_sessions_total")
    assert end.total("berth_device_sessions_total", device="acme-leaf1", outcome="login-refused") == 1
    assert end.total("berth_device_sessions_total", outcome="done") == sessions - 1
    for name in ("berth_device_session_duration_seconds_count", "berth_device_batch_requests_count"):
        assert end.total(name) == sessions
    asked = "berth_device_requests_total"
    # brno's run was undone, and acme's was followed by an offboarding.
    assert [end.total(asked, action=action, outcome="done") for action in ("ensure", "absent")] == [2, 2]
    # Nine lines make a VLAN on two trunks, and seven take it away; a preview sends none.
    assert end.total("berth_device_lines_total") == 2 * 9 + 2 * 7
    assert sight.scrapes["a device refuses"].total("berth_device_unusable", why="refused") == 1


def test_pools_and_tenants_are_those_of_the_platform(sight: Sight) -> None:
    there, end = sight.scrapes["one is there, and an audit has looked"], sight.scrapes["all is over"]
    assert there.total("berth_tenants", state="recorded") == 1
    assert end.total("berth_tenants") == 0
    ids = there.total("berth_pool_free", pool="vlan") + there.total("berth_pool_used", pool="vlan")
    assert ids == 966  # 2000 to 2999 of the example, without what it excludes
    assert there.total("berth_pool_used", pool="vlan") >= 1
    assert end.total("berth_pool_free", pool="vlan", name="external", family="none") == 966
    before = sight.scrapes["an approval waits"].total("berth_pool_free", pool="external", family="4")
    assert before - there.total("berth_pool_free", pool="external", family="4") == 2  # one address, and the router's


def test_findings_of_the_last_scheduled_audit_are_shown_by_kind(sight: Sight) -> None:
    before, after = sight.scrapes["an approval waits"], sight.scrapes["one is there, and an audit has looked"]
    assert before.total("berth_audit_timestamp_seconds") == 0
    assert 0 < time.time() - after.total("berth_audit_timestamp_seconds") < 600
    assert after.total("berth_audit_findings", finding="missing") == 1
    assert after.total("berth_audit_findings") == 1


def test_a_look_that_fails_is_counted_and_leaves_the_gauges_and_the_worker_as_they_were(sight: Sight) -> None:
    before, kube, both = (sight.scrapes[one] for one in ("all is over", "Kubernetes is gone", "Temporal is gone"))
    failures, moment = "berth_look_failures_total", "berth_look_timestamp_seconds"
    assert before.total(failures) == 0
    assert kube.total(failures, look="temporal") == 0 < kube.total(failures, look="kubernetes")
    assert kube.total(moment, look="temporal") > kube.total(moment, look="kubernetes")
    assert both.total("berth_pool_free", pool="vlan") == before.total("berth_pool_free", pool="vlan")
    assert "the gauges could not be brought up to date" in sight.log
    assert '"level": "error"' not in sight.log


def test_a_run_is_one_trace_from_the_workflow_to_the_line_on_the_switch(sight: Sight) -> None:
    spans = sight.traces.of("tenant-acme")
    # A task whose end Temporal did not take, because it had news, is done again with the same IDs.
    assert len({(span.span_id, span.name, span.parent_span_id) for span in spans}) == len(
        {one.span_id for one in spans}
    )
    (root,) = [
        span
        for span in spans
        if span.name == "RunWorkflow:OnboardTenant" and attributes(span)["temporalRunID"] == sight.runs["onboarded"]
    ]
    assert not root.parent_span_id
    assert root.end_time_unix_nano > root.start_time_unix_nano + 10**9
    trace = [span for span in spans if span.trace_id == root.trace_id]
    named = {span.name for span in trace}
    (made,) = [span for span in trace if span.name == "POST" and attributes(span)["http.url"].endswith("/vpcs")]
    above = list(ancestors(made, trace))
    assert above == ["RunActivity:ensure_object", "StartActivity:ensure_object", "RunWorkflow:OnboardTenant"]
    assert {"session", "connect", "read", "apply", "verify", "save"} <= named
    for name, over in (("connect", "session"), ("read", "session"), ("save", "session"), ("verify", "apply")):
        for span in (one for one in trace if one.name == name):
            assert next(ancestors(span, trace)) == over
    changing = [span for span in trace if span.name == "session" and attributes(span).get("berth.lines") == "9"]
    assert {next(ancestors(span, trace)) for span in changing} == {"RunActivity:work_on_device"}
    assert {(one["service.name"], bool(one["service.version"])) for one in sight.traces.resources} == {("berth", True)}


def test_a_trace_tells_which_try_failed_and_why_in_one_word(sight: Sight) -> None:
    tries = [span for span in sight.traces.spans if span.name == "RunActivity:ensure_object"]
    failed = {attributes(span).get("error.type") for span in tries if span.status.code == 2}
    assert failed == {"Unavailable", "forbidden"}
    sessions = [span for span in sight.traces.spans if span.name == "session" and span.status.code == 2]
    assert [attributes(span)["error.type"] for span in sessions] == ["login-refused"]
    absent = [span for span in sight.traces.spans if attributes(span).get("http.status_code") == "404"]
    assert absent
    assert {span.status.code for span in absent} == {0}


def test_no_word_of_a_device_a_person_or_a_secret_is_in_any_trace(sight: Sight) -> None:
    for words in (*sight.secrets, "anna@example.com", "interface", "berth-acme", "labelSelector"):
        assert words.encode() not in sight.traces.raw, words
    assert {event.name for span in sight.traces.spans for event in span.events} <= {"exception"}
    assert not [span.name for span in sight.traces.spans if "Query" in span.name], "looking at a run makes no trace"
    looks = [span for span in sight.traces.spans if span.name == "GET" and not span.parent_span_id]
    assert looks == [], "a worker's own looks make no trace"


# What needs no worker


def test_every_reason_of_a_refusal_is_a_word_that_may_be_a_label() -> None:
    found = {EXPOSED}
    for room in ("clients", "activities", "workflows"):
        for file in (ROOT / room).rglob("*.py"):
            found |= set(re.findall(r'reason="([^"]+)"', file.read_text()))
    assert len(found) > 40
    assert found <= REASONS
    assert REASONS - found <= {"failed"} | {
        word for word in REASONS if f'"{word}"' in (ROOT / "activities/devices.py").read_text()
    } | {word for word in REASONS if f'"{word}"' in (ROOT / "clients/devices/translators/batch.py").read_text()}


def test_a_word_from_outside_is_no_label() -> None:
    assert known("foreign-vlan") == "foreign-vlan"
    assert known("tenant-acme") == known(None) == known("") == "other"
    assert "other" in CAUSES


def test_a_metric_is_recorded_with_its_own_labels_only() -> None:
    with pytest.raises(TypeError, match="berth_tenants has labels"):
        metrics.TENANTS.record(MetricMeter.noop, 1, tenant="acme")


def test_names_follow_prometheus_custom() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"berth_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert ("age" in metric.name or "duration" in metric.name) <= metric.name.endswith("_seconds"), metric.name


@pytest.mark.parametrize("address", ["9464", ":9464", "localhost", "localhost:99999", "no-such-host.invalid:9464"])
def test_a_metrics_address_that_cannot_be_is_refused_with_its_value(address: str) -> None:
    with pytest.raises(ConfigurationError, match="BERTH_METRICS_ADDRESS"):
        prometheus(load_settings(metrics_address=address))


def test_a_metrics_address_may_be_a_name() -> None:
    made = prometheus(load_settings(metrics_address="localhost:9464"))
    assert isinstance(made, PrometheusConfig)
    assert made.bind_address in ("127.0.0.1:9464", "[::1]:9464")


class _Temporal:
    """Stands in for a client: a list of runs, each with its answer about itself, or none."""

    def __init__(self, runs: dict[str, tuple[str, str, dict[str, Any], Status | None]]) -> None:
        self.runs = runs
        self.asked: list[str] = []

    async def list_workflows(self, query: str, **_: Any) -> AsyncIterator[Any]:
        if query == AUDITED:
            return
        assert query == UNDER_WAY
        for id, (kind, stage, more, _told) in self.runs.items():
            pairs = [SearchAttributePair(STAGE, stage)] if stage else []
            yield SimpleNamespace(
                id=id,
                run_id=f"run of {id}",
                workflow_type=kind,
                start_time=datetime.now(UTC) - timedelta(hours=3),
                typed_search_attributes=TypedSearchAttributes(pairs),
                search_attributes=more,
            )

    def get_workflow_handle(self, id: str, run_id: str) -> Any:
        async def query(*_: Any, **__: Any) -> Status:
            self.asked.append(id)
            told: Status | None = self.runs[id][3]
            if told is None:
                raise WorkflowQueryFailedError("no answer")
            return told

        return SimpleNamespace(query=query)


class _Meter:
    """Keeps the last value of each gauge."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], float] = {}

    def create_gauge_float(self, metric: str, _: str) -> Any:
        def put(value: float, labels: dict[str, str]) -> None:
            self.values[(metric, *labels.values())] = value

        return SimpleNamespace(set=put)

    def create_counter(self, metric: str, _: str) -> Any:
        return SimpleNamespace(add=lambda *_: None)


def _status(tenant: str, **more: Any) -> Status:
    run: dict[str, Any] = {
        "tenant": tenant,
        "workflow": "OnboardTenant",
        "run": "r",
        "requested_by": "a",
        "outcome": "running",
    }
    return Status(**run, stage="approval", **more)


def _awaited(since: datetime, expires: datetime) -> Awaited:
    return Awaited(plan="p", approvers=("nadia",), since=since, expires=expires)


async def test_the_longest_wait_is_told_by_the_runs_themselves_and_by_their_start_where_they_do_not_answer() -> None:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    nothing: Any = None
    temporal = _Temporal(
        {
            "tenant-a": (ONBOARD, "approval", {}, _status("a", approval=_awaited(now - hour, now + 5 * hour))),
            "tenant-b": (ONBOARD, "approval", {}, _status("b", approval=_awaited(now - 2 * hour, now + 4 * hour))),
            "tenant-c": (OFFBOARD, "needs-operator", {}, None),
            "tenant-d": (ONBOARD, "vpc", {"TemporalReportedProblems": ["category=WorkflowTaskFailed"]}, None),
            "tenant-e": (ONBOARD, "no stage of ours", {}, None),
            "device-leaf-1": (DEVICE_QUEUE, "unavailable", {}, None),
            "device-elsewhere": (DEVICE_QUEUE, "refused", {}, None),
        }
    )
    meter = _Meter()
    gauges = Gauges(
        cast(Client, temporal), nothing, load_settings(platform=ROOT / "examples/platform-vlan.yaml"), cast(Any, meter)
    )
    await gauges.look_at_temporal()
    values = meter.values
    assert values["berth_approvals_waiting",] == 2
    assert values["berth_approval_oldest_age_seconds",] == pytest.approx(2 * 3600, abs=60)
    assert values["berth_approval_expiry_timestamp_seconds",] == (now + 4 * hour).timestamp()
    assert values["berth_operator_oldest_age_seconds",] == pytest.approx(3 * 3600, abs=60)
    assert values["berth_runs_with_problems",] == 1
    assert values["berth_runs_under_way", "onboard", "other"] == 1
    unusable = {key for key in values if key[0] == "berth_device_unusable"}
    assert unusable == {("berth_device_unusable", "leaf-1", "unavailable")}, "of others no label is made"
    assert sorted(temporal.asked) == ["tenant-a", "tenant-b", "tenant-c"]

    del temporal.runs["tenant-b"], temporal.runs["device-leaf-1"]
    await gauges.look_at_temporal()
    assert values["berth_approvals_waiting",] == 1
    assert values["berth_approval_oldest_age_seconds",] == pytest.approx(3600, abs=60)
    assert values["berth_device_unusable", "leaf-1", "unavailable"] == 0
    assert temporal.asked[3:] == ["tenant-c"], "who has said it is not asked again at once"


async def test_a_look_that_never_succeeded_is_as_old_as_can_be_so_that_its_alert_fires() -> None:
    nothing: Any = None
    meter = _Meter()
    settings = load_settings(platform="no such file", metrics_address="127.0.0.1:1", metrics_every=1)
    async with gauges_kept(nothing, nothing, settings, cast(Any, meter)):
        await asyncio.sleep(0.1)
    moments = {key[1:]: value for key, value in meter.values.items() if key[0] == "berth_look_timestamp_seconds"}
    assert moments == {("temporal",): 0, ("kubernetes",): 0}


def test_looks_that_are_too_far_apart_for_the_alert_that_tells_of_old_ones_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="BERTH_METRICS_EVERY"):
        load_settings(metrics_every=300)


async def test_what_is_given_and_what_is_left_of_a_public_pool_is_told_by_family() -> None:
    name = {"name": names.public_address("198.51.100.3"), "namespace": "berth-system"}
    taken = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name}
    async with KubeSimulator(ready_delay=0.001, cleanup_delay=0.001) as simulator:
        kube = await connect_kubernetes(load_settings(kube_server=simulator.url))
        try:
            platform = read_platform(platform_document(one_to_one_nat("acme")))
            await kube.create(taken)
            await simulator.settled()
            told = await levels(kube, platform)
        finally:
            await kube.close()
    found = {(one.pool, one.family): (one.free, one.used) for one in told}
    free, used = found["external", "4"]
    assert (found["public", "4"], free > 200, free + used < 256) == ((15, 1), True, True)


@pytest.mark.parametrize(
    ("chosen", "looks"),
    [
        ({}, False),
        ({"metrics_address": "127.0.0.1:1", "serves": "devices"}, False),
        ({"metrics_address": "127.0.0.1:1", "serves": "platform"}, True),
    ],
)
async def test_a_worker_that_keeps_no_metrics_or_serves_devices_only_looks_at_nothing(
    chosen: dict[str, Any], looks: bool
) -> None:
    nothing: Any = None
    meter = _Meter()
    async with gauges_kept(nothing, nothing, load_settings(**chosen), cast(Any, meter)):
        await asyncio.sleep(0)  # in which one that looks begins
    assert bool(meter.values) is looks


@pytest.mark.parametrize(("where", "expression"), expressions().items(), ids=list(expressions()))
def test_alerts_and_panels_use_what_there_is(where: str, expression: str, sight: Sight) -> None:
    """Names and labels are those of the table, or were on a real page of Temporal's SDK."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    for name, chosen in re.findall(r"((?:berth|temporal)_[a-z_]+)(?:\{([^}]*)\})?", bare):
        family = re.sub("_(bucket|sum|count)$", "", name)
        metric = BY_NAME.get(name) or BY_NAME.get(family)
        assert metric is not None or name in sight.temporal_labels, f"{where}: {name} is shown by nobody"
        labels = {*metric.labels, *AUTOMATIC[metric.by], "le"} if metric else sight.temporal_labels[name]
        used = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", chosen))
        assert used <= labels | {"job"}, f"{where}: {name} has no {used - labels}"
    known_labels = {one for metric in METRICS for one in metric.labels} | {
        label for labels in (*AUTOMATIC.values(), *sight.temporal_labels.values()) for label in labels
    }
    for grouped in re.findall(r"(?:by|on|without|ignoring) \(([^)]*)\)", bare):
        assert {one.strip() for one in grouped.split(",")} <= known_labels | {"instance", "le"}, where
