"""Where and how Prometheus reads the metrics of a worker."""

import socket

from temporalio.runtime import PrometheusConfig

from activities.metrics import METRICS
from workers.settings import ConfigurationError, Settings, host_and_port


def prometheus(settings: Settings) -> PrometheusConfig | None:
    """How Temporal's runtime is to show them; None where none are kept. Raises ConfigurationError."""
    if settings.metrics_address is None:
        return None
    return PrometheusConfig(
        bind_address=_socket_address(settings.metrics_address),
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={metric.name: metric.buckets for metric in METRICS if metric.buckets},
    )


def _socket_address(text: str) -> str:
    """The address with a number in place of a name, as Temporal's runtime needs it: `localhost:9464` it would not take."""
    host, port = host_and_port("metrics_address", text)
    try:
        (_, _, _, _, found), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(
            f"metrics_address (BERTH_METRICS_ADDRESS) = {text!r}: no address that can be listened at ({error}): write host:port,"
            " e.g. 0.0.0.0:9464"
        ) from error
    address = found[0]
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
