"""BGP between two simulated routers, as far as one tells the other of its networks."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_interface
from types import TracebackType
from typing import Self

from lab.errors import LabError
from lab.switches.configuration import Configuration
from lab.switches.device import Peer
from lab.switches.frr_config import bgp_of
from lab.switches.switch import Switch

SECONDS = 0.04
"""What passes between a line on one router and the route at its neighbour; measured with FRR 8.4: 37 ms."""


class Peering:
    """The neighbour hears what the edge announces, a moment after each change; nothing while one of them is down.

    Use it within both routers: `async with Peering(edge, fabric) as peering`. Entering raises LabError where they have no
    network in common.
    """

    def __init__(self, edge: Switch, neighbour: Switch, *, seconds: float = SECONDS) -> None:
        self._edge = edge
        self._neighbour = neighbour
        self._seconds = seconds
        self._told: dict[str, str] = {}
        """Network to next hop."""
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._leave = ExitStack()
        self._links: dict[int, tuple[str, str]] = {}
        """By family: the edge's address and the neighbour's."""

    async def settled(self) -> None:
        """Wait until the neighbour knows what the edge announces now."""
        await self._settled.wait()

    async def __aenter__(self) -> Self:
        self._links = dict(_links(self._edge.running, self._neighbour.running))
        if not self._links:
            raise LabError(
                f"{self._edge.name} and {self._neighbour.name} are on no network together: give each a port with an address in it"
            )
        for router in (self._edge, self._neighbour):
            router.changed.append(self._follow)
            self._leave.callback(router.changed.remove, self._follow)
        self._follow()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.close()
        self._end()

    def _follow(self) -> None:
        if not (self._edge.is_up and self._neighbour.is_up):
            self._end()
            return
        if self._wanted() == self._told and self._established:
            self._settled.set()
        elif self._timer is None:
            self._settled.clear()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tell)

    def _tell(self) -> None:
        self._timer = None
        for edge, neighbour in self._links.values():
            self._edge.peers[neighbour] = _presented(self._neighbour)
            self._neighbour.peers[edge] = _presented(self._edge)
        wanted = self._wanted()
        for network in self._told.keys() - wanted.keys():
            self._neighbour.unhear(network)
        for network in wanted.keys() - self._told.keys():
            self._neighbour.hear(network, wanted[network])
        self._told = wanted
        self._settled.set()

    def _end(self) -> None:
        """The session breaks: both forget it."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._settled.clear()
        for network in self._told:
            self._neighbour.unhear(network)
        self._told = {}
        for edge, neighbour in self._links.values():
            self._edge.peers.pop(neighbour, None)
            self._neighbour.peers.pop(edge, None)

    @property
    def _established(self) -> bool:
        return all(neighbour in self._edge.peers for _, neighbour in self._links.values())

    def _wanted(self) -> dict[str, str]:
        hops = {version: edge for version, (edge, _) in self._links.items()}
        found = {network: hops.get(6 if ":" in network else 4) for network in self._edge.announced}
        return {network: hop for network, hop in found.items() if hop}


def _presented(router: Switch) -> Peer:
    return Peer(router.name, bgp_of(router.running).router_id)


def _links(edge: Configuration, neighbour: Configuration) -> Iterator[tuple[int, tuple[str, str]]]:
    own, other = (
        [ip_interface(text) for port in one.ports.values() for text in port.addresses] for one in (edge, neighbour)
    )
    for mine in own:
        for theirs in other:
            if mine.network == theirs.network:
                yield mine.version, (str(mine.ip), str(theirs.ip))
