"""Spans around a session with a device and its phases; nothing at all where nobody collects traces.

No line, no answer and no login ever becomes an attribute: what a session was about is in the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from clients.errors import RefusedError

_tracer = trace.get_tracer("berth.devices")


@contextmanager
def spanning(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int) -> Iterator[Span]:
    """One span while the block runs, under the one that is current; what fails in it marks it by its kind alone.

    Args:
        name: of the phase: `session`, `connect`, `read`, `apply`, `verify`, `save`.
        kind: CLIENT for what speaks to another machine.
        attributes: of the span; each `x` becomes `berth.x`.
    """
    told = {f"berth.{key}": value for key, value in attributes.items()}
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=told, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            # Its message may quote the device.
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", error.reason if isinstance(error, RefusedError) else type(error).__name__)
            raise
