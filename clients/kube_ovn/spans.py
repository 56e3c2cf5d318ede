"""Each request to the API server as a span, for whoever collects traces."""

import aiohttp
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from yarl import URL


def request_spans() -> aiohttp.TraceConfig:
    """What aiohttp has to call to make spans of its requests. Their URL is told without query, user and password."""
    return create_trace_config(url_filter=_path_only)


def _path_only(url: URL) -> str:
    return str(url.with_query(None).with_fragment(None).with_user(None))
