"""Traces change nothing of a run, wait for no collector, and let nothing out that is not on the list."""

import asyncio
import select
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode
from temporalio.client import WorkflowHistory
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider
from temporalio.worker import Replayer

from clients.devices.spans import spanning
from clients.errors import UnavailableError
from tests.workflows.histories import FOLDER, workflow_id
from workers.door import ATTRIBUTES, Door
from workers.settings import load_settings
from workers.traces import traced
from workers.worker import WORKFLOWS
from workflows import sandbox
from workflows.converter import data_converter


class Kept(SpanExporter):
    """Keeps what comes through."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("scene", ["vlan_onboarded", "device_busy", "parked_and_resolved", "nat_undone"])
async def test_a_run_recorded_without_traces_replays_with_them_and_makes_no_span_again(
    scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, kept = create_tracer_provider(), Kept()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    text = (FOLDER / f"{scene}.json").read_text()
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=sandbox.runner(),
        data_converter=data_converter,
        plugins=[OpenTelemetryPlugin(add_temporal_spans=True)],
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(workflow_id(text), text))
    assert [span.name for span in kept.spans] == []


def test_the_door_lets_out_what_is_on_the_list_and_no_word_of_an_error() -> None:
    kept = Kept()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Door(kept)))
    tracer = provider.get_tracer("test")
    for name in ("HandleQuery:status", "line\nbreak" + "x" * 500):
        attributes = dict.fromkeys([*ATTRIBUTES, "db.statement"], "v")
        with (  # noqa: PT012  # leaving the span is what raises
            pytest.raises(ValueError, match="p4ssword"),
            tracer.start_as_current_span(name, attributes=attributes) as current,
        ):
            current.set_status(Status(StatusCode.ERROR, "% Invalid input: p4ssword"))
            raise ValueError("p4ssword")
    (span,) = kept.spans
    assert set(span.attributes or {}) == ATTRIBUTES
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert [dict(event.attributes or {}) for event in span.events] == [{"exception.type": "ValueError"}]
    assert "\n" not in span.name
    assert len(span.name) < 300
    assert span.parent is None


def test_a_phase_that_fails_says_so_by_a_word_and_passes_the_error_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("clients.devices.spans._tracer", provider.get_tracer("test"))
    with (
        pytest.raises(UnavailableError, match="the switch said"),
        spanning("session", device="leaf-1"),
        spanning("read"),
    ):
        raise UnavailableError("the switch said p4ssword")
    read, session = kept.spans
    assert [dict(one.attributes or {}) for one in (read, session)] == [
        {"error.type": "UnavailableError"},
        {"berth.device": "leaf-1", "error.type": "UnavailableError"},
    ]
    assert read.parent is not None
    assert read.parent.span_id == (session.context.span_id if session.context else None)
    assert [one.events for one in (read, session)] == [(), ()]


async def test_a_collector_that_is_away_holds_up_neither_a_span_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace._TRACER_PROVIDER_SET_ONCE, "_done", False)
    with socket.create_server(("127.0.0.1", 0)) as collector:
        settings = load_settings(traces_endpoint=f"http://127.0.0.1:{collector.getsockname()[1]}/v1/traces")
        serving = traced(settings)
        plugins = await serving.__aenter__()
        assert len(plugins) == 1
        with trace.get_tracer("test").start_as_current_span("one"):
            pass
        called, _, _ = select.select([collector], [], [], 0)
        assert called == []  # nobody waits for it: a span that ends is sent later
    # From here on it is away.
    async with asyncio.timeout(10):
        await serving.__aexit__(None, None, None)


async def test_without_an_endpoint_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Any) -> None:
        raise AssertionError("a provider was set")

    monkeypatch.setattr(trace, "set_tracer_provider", never)
    async with traced(load_settings()) as plugins:
        assert plugins == ()
