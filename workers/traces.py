"""Traces of OpenTelemetry: a run, its steps, their calls of the Kubernetes API and their sessions with devices.

Made by Temporal's own plugin, whose span IDs come from the run's own chance: a run is one trace however many workers it
goes through, and replaying it makes no span twice. Everything leaves through one door, which lets through what is on a list.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from temporalio.client import Plugin

from workers.settings import Settings

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
    # Half a second to load, for those who trace only.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

    from workers.door import Door

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
