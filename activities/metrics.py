"""Every metric of Berth's own, in one table, and how each is recorded. Temporal's own metrics stand on the same page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from temporalio.common import MetricMeter

from activities.decisions import INVALID_DOCUMENT, UNAVAILABLE, WORKER_STOPPED
from tenancy.refusals import CATALOGUE

_TOTAL = "_total"
"""Temporal's runtime writes it behind a counter's name by itself."""

REASONS = frozenset(CATALOGUE)
"""The stable words of refusals. Any other text would make a time series of each, without end."""
CAUSES = REASONS | {UNAVAILABLE, INVALID_DOCUMENT, WORKER_STOPPED, "cancelled", "other"}
"""Why a try of a step failed; `Unavailable` is what is tried again."""


def known(word: str | None, words: frozenset[str] = CAUSES) -> str:
    """The word as a label; `other` for one that is not among those that are known."""
    return word if word in words else "other"


@dataclass(frozen=True)
class Metric:
    """One metric as Prometheus shows it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    """Its own; see AUTOMATIC for those that Temporal's runtime adds."""
    by: Literal["step", "run", "worker"]
    """Who records it."""
    meaning: str
    buckets: tuple[float, ...] = ()

    def record(self, meter: MetricMeter, value: float = 1, /, **labels: str) -> None:
        """Adds to a counter, sets a gauge, or puts a value into a histogram. Raises TypeError for other labels than its own."""
        if set(labels) != set(self.labels):
            raise TypeError(f"{self.name} has labels {self.labels}, not {tuple(labels)}")
        attributes: Mapping[str, str] = labels
        # Without a unit: the runtime would write it behind the name, which has it.
        match self.kind:
            case "counter":
                meter.create_counter(self.name.removesuffix(_TOTAL), self.meaning).add(int(value), attributes)
            case "gauge":
                meter.create_gauge_float(self.name, self.meaning).set(float(value), attributes)
            case "histogram":
                meter.create_histogram_float(self.name, self.meaning).record(float(value), attributes)


STEP_DURATION = Metric(
    "berth_step_duration_seconds",
    "histogram",
    ("kind", "way", "result"),
    "step",
    "How long one try of a step took. `kind`: of the object it is about, or `none`. `way`: `make`, or `take-back` for an"
    " undo, an offboarding and what is given back. `result`: `done`, `unavailable` (tried again), `refused`, `stopped` (a"
    " cancel, or its worker's end), `failed` (a mistake of ours).",
    (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
STEP_FAILURES = Metric(
    "berth_step_failures_total",
    "counter",
    ("kind", "way", "cause"),
    "step",
    "Tries of steps that failed, by their cause: `Unavailable` is tried again, every other word is that of a refusal.",
)
STEP_RETRY_AGE = Metric(
    "berth_step_retry_age_seconds",
    "histogram",
    ("kind", "way"),
    "step",
    "Of each try that failed and is made again: how long ago the first try of that step was due. What is in no bucket below"
    " 900 has not come forward for a quarter of an hour.",
    (60, 300, 900, 3600, 14400, 86400),
)
RUNS_ENDED = Metric(
    "berth_runs_ended_total",
    "counter",
    ("outcome",),
    "run",
    "Runs that ended, by outcome: `done`, `undone`, `stopped`, `left-behind`.",
)
RUNS = Metric(
    "berth_runs_under_way",
    "gauge",
    ("workflow", "stage"),
    "worker",
    "Runs under way by what they do and where they are: the stage of an onboarding, or `running`, `undoing`,"
    " `needs-operator`.",
)
RUN_AGE = Metric(
    "berth_run_oldest_age_seconds",
    "gauge",
    ("workflow", "stage"),
    "worker",
    "How long ago the oldest run that is there was started; 0 where none is.",
)
PROBLEMS = Metric(
    "berth_runs_with_problems",
    "gauge",
    (),
    "worker",
    "Runs whose workflow task fails again and again (`TemporalReportedProblems`): a mistake of Berth's own code.",
)
OPERATOR = Metric(
    "berth_runs_waiting_for_operator",
    "gauge",
    (),
    "worker",
    "Runs that wait for `berth resolve`: retry, skip or abort.",
)
OPERATOR_AGE = Metric(
    "berth_operator_oldest_age_seconds",
    "gauge",
    (),
    "worker",
    "How long the oldest of them has been waiting; where it does not say, since it was started. 0 where none waits.",
)
APPROVALS = Metric(
    "berth_approvals_waiting",
    "gauge",
    (),
    "worker",
    "Runs that wait for an approver: the network team, or the edge team.",
)
APPROVAL_AGE = Metric(
    "berth_approval_oldest_age_seconds",
    "gauge",
    (),
    "worker",
    "How long the oldest of them has been waiting; where it does not say, since it was started. 0 where none waits.",
)
APPROVAL_EXPIRY = Metric(
    "berth_approval_expiry_timestamp_seconds",
    "gauge",
    (),
    "worker",
    "When the first of them expires, in seconds since 1970; its run is undone then. 0 where none waits, or none says.",
)
TENANTS = Metric(
    "berth_tenants",
    "gauge",
    ("state",),
    "worker",
    "Tenants that have a VPC. `recorded`: with the document that was applied. `unrecorded`: an onboarding that has not come"
    " so far, or an offboarding.",
)
DEVICE_SESSIONS = Metric(
    "berth_device_sessions_total",
    "counter",
    ("device", "outcome"),
    "step",
    "Sessions with switches, routers and translators. `outcome`: `done`, `unavailable`, or why the device refused Berth,"
    " e.g. `login-refused`.",
)
DEVICE_SESSION_DURATION = Metric(
    "berth_device_session_duration_seconds",
    "histogram",
    ("device",),
    "step",
    "How long a session took, from its first packet to its end.",
    (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300),
)
DEVICE_BATCH = Metric(
    "berth_device_batch_requests",
    "histogram",
    ("device",),
    "step",
    "How many requests were carried out in one session.",
    (1, 2, 5, 10, 20, 50),
)
DEVICE_REQUESTS = Metric(
    "berth_device_requests_total",
    "counter",
    ("device", "action", "outcome"),
    "step",
    "Requests that a device answered. `outcome`: `done`, or the reason of the refusal.",
)
DEVICE_LINES = Metric(
    "berth_device_lines_total", "counter", ("device",), "step", "Configuration lines sent to a device."
)
DEVICES_UNUSABLE = Metric(
    "berth_device_unusable",
    "gauge",
    ("device", "why"),
    "worker",
    "1 while the queue of a device cannot work on it: `unavailable` (it is tried again), `refused` (login, host key). 0"
    " once it could.",
)
POOL_FREE = Metric(
    "berth_pool_free",
    "gauge",
    ("pool", "name", "family"),
    "worker",
    "What is left to give: `external` addresses by Kube-OVN's own count, `public` addresses, `vlan` IDs (`family` is `none`).",
)
POOL_USED = Metric(
    "berth_pool_used", "gauge", ("pool", "name", "family"), "worker", "What is given, of the same pools."
)
AUDIT_FINDINGS = Metric(
    "berth_audit_findings",
    "gauge",
    ("finding",),
    "worker",
    "Findings of the last audit that the Schedule of `berth setup` started and that came to its end, by kind.",
)
AUDIT_TIMESTAMP = Metric(
    "berth_audit_timestamp_seconds",
    "gauge",
    (),
    "worker",
    "When that audit ended, in seconds since 1970; 0 where there was none.",
)
LOOK_FAILURES = Metric(
    "berth_look_failures_total",
    "counter",
    ("look",),
    "worker",
    "Looks at `temporal` or `kubernetes` that failed, so that the gauges of this worker are those of the look before.",
)
LOOK_TIMESTAMP = Metric(
    "berth_look_timestamp_seconds",
    "gauge",
    ("look",),
    "worker",
    "When this worker's last look that succeeded ended, in seconds since 1970; 0 where none has yet.",
)

METRICS = (
    STEP_DURATION,
    STEP_FAILURES,
    STEP_RETRY_AGE,
    RUNS_ENDED,
    RUNS,
    RUN_AGE,
    PROBLEMS,
    OPERATOR,
    OPERATOR_AGE,
    APPROVALS,
    APPROVAL_AGE,
    APPROVAL_EXPIRY,
    TENANTS,
    DEVICE_SESSIONS,
    DEVICE_SESSION_DURATION,
    DEVICE_BATCH,
    DEVICE_REQUESTS,
    DEVICE_LINES,
    DEVICES_UNUSABLE,
    POOL_FREE,
    POOL_USED,
    AUDIT_FINDINGS,
    AUDIT_TIMESTAMP,
    LOOK_FAILURES,
    LOOK_TIMESTAMP,
)
AUTOMATIC: Mapping[str, tuple[str, ...]] = {
    "step": ("service_name", "namespace", "task_queue", "activity_type"),
    "run": ("service_name", "namespace", "task_queue", "workflow_type"),
    "worker": ("service_name",),
}
"""Labels that Temporal's runtime adds, by who records."""


def metrics_reference() -> str:
    """One Markdown page with every metric."""
    lines = [
        "# The metrics",
        "",
        "<!-- Made by `make docs` from activities/metrics.py: change that, not this page. -->",
        "",
        "A worker with `BERTH_METRICS_ADDRESS` shows them to Prometheus at `/metrics`, beside those of Temporal's SDK",
        "(`temporal_...`). No label holds the name of a tenant, an address or a text from outside; devices are those of the",
        "platform's document.",
        "",
        "What a *step* or a *run* records is counted by the worker it happened on: add it up over the workers (`sum`). What a",
        "*worker* records it finds out every `BERTH_METRICS_EVERY` seconds, and every worker that serves runs finds the same:",
        "take the greatest (`max`).",
        "",
        "| metric | kind | labels | recorded by | meaning |",
        "|---|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.by} | {metric.meaning} |")
    lines += ["", "Temporal's runtime adds labels:", ""]
    lines += [f"- of a {by}: {', '.join(f'`{label}`' for label in labels)}" for by, labels in AUTOMATIC.items()]
    lines += ["", "Upper bounds of the buckets:", ""]
    lines += [
        f"- `{metric.name}`: {', '.join(f'{one:g}' for one in metric.buckets)}" for metric in METRICS if metric.buckets
    ]
    return "\n".join(lines) + "\n"
