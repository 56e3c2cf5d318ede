"""The one door by which spans leave: what is on a list goes through, and nothing else of them."""

from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from tenancy.mistakes import shown

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
            status=Status(_status(span)),
            start_time=span.start_time,
            end_time=span.end_time,
        )


def _listed(attributes: Attributes) -> Mapping[str, AttributeValue]:
    return {key: value for key, value in (attributes or {}).items() if key in ATTRIBUTES}


def _status(span: ReadableSpan) -> StatusCode:
    # To look for what is not there yet, or not any more, is what most steps begin or end with.
    is_absent = (span.attributes or {}).get("http.status_code") == 404
    return StatusCode.UNSET if is_absent else span.status.status_code
