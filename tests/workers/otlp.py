"""A collector of traces on the loopback: it takes what OpenTelemetry's exporter sends over HTTP, and keeps it."""

import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was sent."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""
    """Everything as it came, to be searched."""

    def take(self, body: bytes) -> None:
        """Reads one request."""
        self.raw += body
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append({one.key: one.value.string_value for one in part.resource.attributes})
            self.spans += [span for scope in part.scope_spans for span in scope.spans]

    def of(self, workflow: str) -> list[Span]:
        """The spans of the traces that a workflow has its own span in."""
        roots = {span.trace_id for span in self.spans if attributes(span).get("temporalWorkflowID") == workflow}
        return [span for span in self.spans if span.trace_id in roots]


def attributes(span: Span) -> dict[str, str]:
    """What a span tells, as text."""
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


def ancestors(span: Span, among: list[Span]) -> Iterator[str]:
    """The names of the spans above it, the nearest first."""
    by_id = {one.span_id: one for one in among}
    while span.parent_span_id in by_id:
        span = by_id[span.parent_span_id]
        yield span.name


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector while the block runs."""
    collector = Collector()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        collector.take(body)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"http://{host}:{port}/v1/traces"
    try:
        yield collector
    finally:
        await runner.cleanup()
