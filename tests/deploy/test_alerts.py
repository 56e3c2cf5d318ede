"""Each alert fires when it should and not when it should not, as Prometheus itself evaluates it; and has its page."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

ROOT = Path(__file__).parents[2]
MONITORING, PAGES = ROOT / "deploy/monitoring", ROOT / "docs/on-call/alerts"
RULES = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"][0]["rules"]
ALERTS = [rule["alert"] for rule in RULES]
POLLS = 'temporal_num_pollers{task_queue="berth",poller_type="workflow_task"}'
FAILED_POLLS = (
    'temporal_long_request_failure_total{task_queue="berth",namespace="default",operation="PollWorkflowTaskQueue"}'
)
COUNT = 'berth_step_retry_age_seconds_count{activity_type="ensure_object",kind="Subnet",instance="%s"}'
BUCKET = 'berth_step_retry_age_seconds_bucket{activity_type="ensure_object",kind="Subnet",instance="%s",le="900"}'
UNUSABLE = 'berth_device_unusable{device="leaf-1",why="%s",instance="%s"}'
SESSIONS = 'berth_device_sessions_total{device="leaf-1",outcome="%s"}'
POOL = '{pool="vlan",name="external",family="none"}'
FREE, USED = f"berth_pool_free{POOL}", f"berth_pool_used{POOL}"
OPERATOR = 'berth_runs_waiting_for_operator{instance="%s"}'
FOUND = 'berth_audit_findings{finding="%s",instance="%s"}'
FAILED_TASKS = 'temporal_workflow_task_execution_failed_total{task_queue="%s"}'
EVICTIONS = 'temporal_sticky_cache_total_forced_eviction_total{task_queue="berth"}'
EXPIRY = "berth_approval_expiry_timestamp_seconds"
LOOK = 'berth_look_timestamp_seconds{look="temporal",instance="%s"}'


class Case(NamedTuple):
    """Series a minute apart, in Prometheus's own writing, and what there is after so many minutes."""

    alert: str
    fires: int
    """How many of it fire."""
    minutes: int
    series: dict[str, str]


CASES = [
    Case("BerthNoWorker", 1, 15, {POLLS: "1 1 _x60"}),
    Case("BerthNoWorker", 0, 10, {POLLS: "1x60"}),
    Case("BerthTemporalUnreachable", 1, 20, {FAILED_POLLS: "0+10x60"}),
    Case("BerthTemporalUnreachable", 0, 20, {FAILED_POLLS: "0+1x60"}),
    Case("BerthRunsWithProblems", 1, 10, {"berth_runs_with_problems": "1x60"}),
    Case("BerthRunsWithProblems", 1, 20, {FAILED_TASKS % "berth": "0+1x60"}),
    # Another application of Temporal's in the same Prometheus.
    Case("BerthRunsWithProblems", 0, 20, {FAILED_TASKS % "payments": "0+1x60"}),
    Case("BerthNoWorker", 1, 15, {'temporal_num_pollers{task_queue="payments",poller_type="workflow_task"}': "1x60"}),
    Case("BerthRunsWithProblems", 0, 20, {"berth_runs_with_problems": "0x60"}),
    # One task that failed once, as where a worker is stopped in the middle.
    Case("BerthRunsWithProblems", 0, 30, {FAILED_TASKS % "berth": "0x10 1x60"}),
    Case("BerthOperatorNeeded", 1, 15, {OPERATOR % "a": "0 1x60", OPERATOR % "b": "0 1x60"}),
    Case("BerthOperatorNeeded", 0, 15, {"berth_runs_waiting_for_operator": "1x5 0x60"}),
    # Tried on one worker after the other, so that each saw only a part.
    Case("BerthStepStuck", 1, 30, {COUNT % "a": "0+1x60", BUCKET % "a": "0+1x15 15x60",
                                   COUNT % "b": "0x60", BUCKET % "b": "0x60"}),
    Case("BerthStepStuck", 0, 30, {COUNT % "a": "0+3x60", BUCKET % "a": "0+3x60"}),
    Case("BerthDeviceUnavailable", 1, 20, {UNUSABLE % ("unavailable", "a"): "1x60", UNUSABLE % ("unavailable", "b"): "1x60"}),
    Case("BerthDeviceUnavailable", 0, 20, {UNUSABLE % ("unavailable", "a"): "1x10 0x60"}),
    Case("BerthDeviceRefuses", 1, 2, {UNUSABLE % ("refused", "a"): "1x60"}),
    Case("BerthDeviceRefuses", 1, 20, {SESSIONS % "host-key-changed": "0x10 1x60"}),
    Case("BerthDeviceRefuses", 0, 20, {UNUSABLE % ("refused", "a"): "0x60", SESSIONS % "unavailable": "0+1x60"}),
    Case("BerthApprovalExpires", 1, 10, {"berth_approvals_waiting": "1x60", EXPIRY: "80000x60"}),
    Case("BerthApprovalExpires", 0, 10, {"berth_approvals_waiting": "1x60", EXPIRY: "500000x60"}),
    Case("BerthApprovalExpires", 0, 10, {"berth_approvals_waiting": "0x60", EXPIRY: "0x60"}),
    Case("BerthPoolLow", 1, 40, {FREE: "9x60", USED: "91x60"}),
    Case("BerthPoolLow", 1, 100, {FREE: "99-0.5x120", USED: "1+0.5x120"}),
    Case("BerthPoolLow", 0, 40, {FREE: "50x60", USED: "50x60"}),
    # A pool that the platform's document names no more: its gauges went to 0.
    Case("BerthPoolLow", 0, 100, {FREE: "80x40 0x90", USED: "20x40 0x90"}),
    # A pool that is small and that nobody uses.
    Case("BerthPoolLow", 0, 40, {FREE: "4x60", USED: "0x60"}),
    Case("BerthOpenWay", 1, 1, {FOUND % ("block-policy", "a"): "1x9"}),
    Case("BerthOpenWay", 0, 1, {FOUND % ("block-policy", "a"): "0x9", FOUND % ("missing", "a"): "1x9"}),
    Case("BerthAuditFindings", 1, 130, {FOUND % ("missing", "a"): "1x150", FOUND % ("missing", "b"): "1x150"}),
    Case("BerthAuditFindings", 0, 130, {FOUND % ("missing", "a"): "1x60 0x90"}),
    Case("BerthAuditLate", 1, 400, {"berth_audit_timestamp_seconds": "60x500"}),
    Case("BerthAuditLate", 0, 400, {"berth_audit_timestamp_seconds": "0x500"}),
    Case("BerthAuditLate", 0, 400, {"berth_audit_timestamp_seconds": "60+60x500"}),
    Case("BerthGaugesStale", 1, 20, {LOOK % "a": "60x60", LOOK % "b": "0x60"}),
    # One of two workers cannot look, and the other can.
    Case("BerthGaugesStale", 0, 20, {LOOK % "a": "0+60x60", LOOK % "b": "0x60"}),
    Case("BerthCacheTooSmall", 1, 50, {EVICTIONS: "0+60x60"}),
    Case("BerthCacheTooSmall", 0, 50, {EVICTIONS: "0+6x60"}),
]  # fmt: skip


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing: it is in Debian's package prometheus")
    return found


def test_every_alert_is_shown_firing_and_silent_by_prometheus_itself(tmp_path: Path) -> None:
    assert (
        {case.alert for case in CASES if case.fires} == {case.alert for case in CASES if not case.fires} == set(ALERTS)
    )
    tests = [
        {
            "name": f"{case.alert} {number}",
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})',
                    "eval_time": f"{case.minutes}m",
                    "exp_samples": [{"labels": "{}", "value": case.fires}] if case.fires else [],
                }
            ],
        }
        for number, case in enumerate(CASES)
    ]
    written = {"rule_files": [str(MONITORING / "alerts.yaml")], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(written))
    for arguments in (
        ("check", "rules", str(MONITORING / "alerts.yaml")),
        ("test", "rules", str(tmp_path / "test.yaml")),
    ):
        ran = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == sorted(ALERTS)
    index = (ROOT / "docs/on-call/index.md").read_text()
    for rule in RULES:
        alert = rule["alert"]
        assert rule["annotations"]["runbook_url"].endswith(f"/on-call/alerts/{alert}/")
        assert f"alerts/{alert}.md" in index
        page = (PAGES / f"{alert}.md").read_text()
        assert page.startswith(f"# {alert}\n")
        headings = re.findall(r"(?m)^## (.+)$", page)
        assert headings == [
            "What it means",
            "What a tenant notices",
            "How to look",
            "What to do",
            "When to wake somebody",
        ]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_rules_for_the_prometheus_operator_are_the_same() -> None:
    made = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    assert made["kind"] == "PrometheusRule"
    assert made["spec"] == yaml.safe_load((MONITORING / "alerts.yaml").read_text()), "run `make docs`"


def test_kustomize_makes_the_rules_and_the_dashboard() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing")
    ran = subprocess.run(["kubectl", "kustomize", MONITORING], capture_output=True, text=True, check=True)
    made = {one["kind"]: one for one in yaml.safe_load_all(ran.stdout)}
    assert set(made) == {"PrometheusRule", "ConfigMap"}
    assert made["ConfigMap"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(made["ConfigMap"]["data"]["berth.json"])["title"] == "Berth"


def expressions() -> dict[str, str]:
    """Every expression of the alerts and of the dashboard, by where it is."""
    found = {rule["alert"]: rule["expr"] for rule in RULES}
    dashboard: Any = json.loads((MONITORING / "berth.json").read_text())
    for panel in dashboard["panels"]:
        for number, target in enumerate(panel.get("targets", ())):
            found[f"panel {panel['title']} {number}"] = target["expr"]
    return found


def test_every_expression_is_one_to_prometheus(tmp_path: Path) -> None:
    rules = [{"record": f"x:{number}", "expr": expr} for number, expr in enumerate(expressions().values())]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    ran = subprocess.run(
        [promtool(), "check", "rules", str(tmp_path / "all.yaml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_panels_of_the_dashboard_stand_in_rows_and_take_their_source_from_a_variable() -> None:
    dashboard: Any = json.loads((MONITORING / "berth.json").read_text())
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows == ["Is it healthy", "Who waits for whom", "Tenants", "Steps", "Devices", "Pools", "Temporal"]
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
            assert panel["description"], panel["title"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
