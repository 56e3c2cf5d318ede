"""Traces of OpenTelemetry: a run, its steps, their calls of the Kubernetes API and their sessions with devices.

Made by Temporal's own plugin, whose span IDs come from the run's own chance: a run is one trace however many workers it
goes through, and replaying it makes no span twice. Everything leaves through one door, which lets through what is on a list.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import Attributes, AttributeValue
from temporalio.client import Plugin
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

from tenancy.mistakes import shown
from workers.settings import Settings

ATTRIBUTES = frozenset(
    {
        "temporalWorkflowID",
        "temporalRunID",
        "temporalActivityID",
        "temporalUpdateID",
        "http.method",
        "http.url",
        "http.status_code",
        "error.type",
        "exception.type",
        "berth.device",
        "berth.platform",
        "berth.requests",
        "berth.lines",
    }
)
"""What a span may tell. The words of an error may quote a device or a person, and stay in the run and in the log."""
LEFT_OUT = ("QueryWorkflow:", "HandleQuery:")
"""Beginnings of names of spans that nobody needs: looking at a run is no part of it."""
LONGEST_NAME = 200
SECONDS_TO_SEND = 5
"""Until the collector has taken a batch; what it does not take is lost, and no run waits for it."""


@asynccontextmanager
async def traced(settings: Settings) -> AsyncIterator[Sequence[Plugin]]:
    """Traces are sent while the block runs, where an endpoint is set; yields what Temporal's client needs for them.

    Headers for the collector and the share of runs that is traced come from OpenTelemetry's own variables
    (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`). Once in a process: OpenTelemetry has one provider.
    """
    if settings.traces_endpoint is None:
        yield ()
        return
    provider = create_tracer_provider(
        resource=Resource.create({"service.name": "berth", "service.version": version("berth")}), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=settings.traces_endpoint, timeout=SECONDS_TO_SEND)
    provider.add_span_processor(BatchSpanProcessor(Door(exporter)))
    trace.set_tracer_provider(provider)
    try:
        yield (OpenTelemetryPlugin(add_temporal_spans=True),)
    finally:
        # Sends what is left, and blocks meanwhile.
        await asyncio.to_thread(provider.shutdown)


class Door(SpanExporter):
    """Lets spans out with nothing but what is on the list."""

    def __init__(self, outside: SpanExporter) -> None:
        self._outside = outside

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hands them on, each without what is not to be told."""
        told = list(_told(spans))
        return self._outside.export(told) if told else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Ends what is behind the door."""
        self._outside.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Whether what is behind the door has sent everything."""
        return self._outside.force_flush(timeout_millis)


def _told(spans: Sequence[ReadableSpan]) -> Iterator[ReadableSpan]:
    for span in spans:
        if span.name.startswith(LEFT_OUT):
            continue
        yield ReadableSpan(
            name=span.name[:LONGEST_NAME] if span.name.isprintable() else shown(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=_listed(span.attributes),
            events=[Event(one.name, _listed(one.attributes), one.timestamp) for one in span.events],
            links=[Link(one.context) for one in span.links],
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
        )


def _listed(attributes: Attributes) -> Mapping[str, AttributeValue]:
    return {key: value for key, value in (attributes or {}).items() if key in ATTRIBUTES}
