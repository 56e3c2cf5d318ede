"""How values cross between a client, a run and its steps: JSON by Pydantic, and what is no JSON as a value of its own.

Temporal would try a run whose input cannot be read again for ever; so it is handed to the run, which refuses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter


@dataclass(frozen=True)
class Unreadable:
    """What stands in place of a value that cannot be read."""

    why: str


class ForgivingConverter(PydanticPayloadConverter):
    """Pydantic's converter, which reads anything where no type is asked for, as a run does with its input."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type[Any]] | None = None) -> list[Any]:
        """The values; an Unreadable for each that is none, unless types are asked for: then what Pydantic raises."""
        if type_hints:
            return super().from_payloads(payloads, type_hints)
        return [self._value(payload) for payload in payloads]

    def _value(self, payload: Payload) -> Any:
        try:
            return super().from_payloads([payload])[0]
        except (ValueError, KeyError, RuntimeError) as error:
            encoding = payload.metadata.get("encoding", b"").decode("utf-8", "replace")
            return Unreadable(f"it cannot be read as {encoding[:40]!r} ({type(error).__name__})")


data_converter = DataConverter(payload_converter_class=ForgivingConverter)
"""For every client of Temporal that serves or replays Berth's workflows."""
