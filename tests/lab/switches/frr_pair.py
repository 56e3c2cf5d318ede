"""The lab's routers for the tests, as `berth lab` has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from lab.routers import ROUTERS
from lab.switches import Switch
from lab.switches.documents import SwitchDocument
from lab.switches.peering import Peering
from tests.lab.switches.client import login


@dataclass(frozen=True)
class Routers:
    """The edge, and the neighbour that hears what it announces."""

    edge: Switch
    fabric: Switch
    peering: Peering

    async def heard(self) -> set[str]:
        """The networks in the neighbour's table, once it knows all that the edge announces now."""
        await self.peering.settled()
        return {route["network"] for route in self.fabric.table() if route["protocol"] == "bgp"}


def router(name: str, **fields: Any) -> Switch:
    document = SwitchDocument.model_validate(
        {**next(one for one in ROUTERS if one["name"] == name), "username": "berth"}
    )
    ports = [port.made() for port in document.ports or ()]
    return Switch("frr", name=name, **{"login": login(), "ports": ports, "other": document.other, **fields})


@asynccontextmanager
async def routers(*, seconds: float = 0.0, **fields: Any) -> AsyncIterator[Routers]:
    """Both; `fields` are the edge's."""
    edge, fabric = router("edge-1", **fields), router("fabric-1")
    async with edge, fabric, Peering(edge, fabric, seconds=seconds) as peering:
        yield Routers(edge, fabric, peering)
