"""What is measured of one session with a device."""

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from temporalio.common import MetricMeter

from activities.metrics import (
    DEVICE_BATCH,
    DEVICE_LINES,
    DEVICE_REQUESTS,
    DEVICE_SESSION_DURATION,
    DEVICE_SESSIONS,
    REASONS,
    known,
)
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import SENDS, AnyRequest, DeviceOutcome


class SessionMeasure:
    """Records a session when the block is left, however that is. `done` is to be set to its outcomes inside."""

    def __init__(self, meter: MetricMeter, device: str, requests: Sequence[AnyRequest]) -> None:
        self._meter = meter
        self._device = device
        self._requests = requests
        self._started = 0.0
        self.done: Sequence[DeviceOutcome] = ()

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        meter, device = self._meter, self._device
        DEVICE_SESSIONS.record(meter, device=device, outcome=_outcome(error))
        DEVICE_SESSION_DURATION.record(meter, time.monotonic() - self._started, device=device)
        DEVICE_BATCH.record(meter, len(self._requests), device=device)
        actions = {request.id: request.action for request in self._requests}
        lines = 0
        for one in self.done:
            action = actions.get(one.id)
            if action is None:
                continue
            result = "done" if one.result == "done" else known(one.reason, REASONS)
            DEVICE_REQUESTS.record(meter, device=device, action=action, outcome=result)
            lines += len(one.lines) if action in SENDS else 0
        DEVICE_LINES.record(meter, lines, device=device)


def _outcome(error: BaseException | None) -> str:
    match error:
        case None:
            return "done"
        case asyncio.CancelledError():
            return "stopped"
        case UnavailableError():
            return "unavailable"
        case RefusedError():
            return known(error.reason, REASONS)
        case _:
            return "failed"
