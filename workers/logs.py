"""Logs: structlog on standard error, for people or as JSON lines, with tenant, workflow and run on each line of a run."""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from clients.kube_ovn.answers import plain
from tenancy import names
from workers.settings import ConfigurationError

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    # Local variables may hold what no log may: a token, a header.
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
PREFIX = names.workflow("")
"""Of a workflow's ID; the rest is the tenant."""
DEVICE_PREFIX = names.device_workflow("")
"""The same for a device's."""


def set_up_logs(form: Literal["console", "json"], level: str, metrics: PrometheusConfig | None = None) -> None:
    """Sends the logs of Berth, Temporal's SDK and every library through one renderer. Before Temporal is connected to.

    `metrics` is where the runtime of Temporal's SDK, which is made here, shows metrics; its address is bound at once.
    Raises ConfigurationError where that cannot be.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _of_a_run,
        _without_a_known_failures_traceback,
    ]
    last: list[Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    # The SDK's core would write its own format to standard output.
    core = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(
            logging.getLogger("temporalio.core"), append_target_to_name=False, prepend_target_on_message=False
        ),
    )
    try:
        runtime = Runtime(telemetry=TelemetryConfig(logging=core, metrics=metrics))
    except ValueError as error:
        where = metrics.bind_address if metrics is not None else ""
        raise ConfigurationError(
            f"metrics_address (BERTH_METRICS_ADDRESS): metrics cannot be shown at {where} ({plain(error)}): choose an address"
            " of this machine and a port that is free"
        ) from error
    Runtime.set_default(runtime, error_if_already_set=False)
    # What they add to each message stands in fields of its own.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class StepContext(Interceptor):
    """What any library logs inside a step bears the step's tenant, workflow and run."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Puts the context around each step."""
        return _InContext(next)


class _InContext(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        with structlog.contextvars.bound_contextvars(
            **_whose(info.workflow_id),
            workflow=info.workflow_id,
            run=info.workflow_run_id,
            step=info.activity_id,
        ):
            return await self.next.execute_activity(input)


def _whose(workflow_id: object) -> dict[str, str]:
    """The tenant or the device that a workflow is about."""
    text = str(workflow_id)
    if text.startswith(DEVICE_PREFIX):
        return {"device": text.removeprefix(DEVICE_PREFIX)}
    return {"tenant": text.removeprefix(PREFIX)}


def _of_a_run(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Temporal's SDK hands its context over as one mapping; people search for tenant, workflow, run and step."""
    context = {**(event.pop("temporal_workflow", None) or {}), **(event.pop("temporal_activity", None) or {})}
    for name in ("__temporal_error_identifier", "temporal_log"):
        event.pop(name, None)
    workflow_id = context.get("workflow_id")
    if workflow_id:
        event["workflow"] = workflow_id
        event["run"] = context.get("workflow_run_id") or context.get("run_id")
        event.update(_whose(workflow_id))
    if context.get("activity_id"):
        event["step"] = context["activity_id"]
        event["attempt"] = context.get("attempt")
    return event


def _without_a_known_failures_traceback(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A step that is refused or unavailable says why in one line; the way through our own code helps nobody."""
    info = event.get("exc_info")
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, ApplicationError):
        event.pop("exc_info")
        event["event"] = "step refused" if error.non_retryable else "step will be tried again"
        event["reason"] = error.message
        event["type"] = error.type
    return event
