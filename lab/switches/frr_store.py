"""What a simulated FRR router holds: its running and start-up configuration, and since when each of its routes is there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.switches.configuration import Configuration, load
from lab.switches.frr_bgp_text import Path
from lab.switches.frr_config import Bgp, bgp_of, saved
from lab.switches.frr_rib import Entry, Network, Protocol, link_local, rib


@dataclass(slots=True)
class FrrStore:
    """The daemons' state. Lines take effect at once, one by one, whoever else configures."""

    name: str
    running: Configuration
    startup: Configuration = field(init=False)
    _since: dict[tuple[Network, Protocol], float] = field(default_factory=dict)

    _rib: list[Entry] = field(default_factory=list)
    _rib_of: tuple[object, object] | None = None
    """What it was made of."""

    def __post_init__(self) -> None:
        self.startup = self.running.copy()

    def text(self, which: str) -> str:
        """The running configuration, or frr.conf, as FRR writes it."""
        return saved(self.name, self.startup if which == "startup" else self.running)

    def reload(self) -> None:
        """Start again from frr.conf."""
        self.running = self.startup.copy()
        self._since.clear()
        self._rib_of = None

    def dump(self) -> bytes:
        """The start-up configuration, for the disk."""
        return self.startup.dump()

    def restore(self, dumped: bytes) -> None:
        """Start from what `dump` wrote. Raises ValueError for anything else."""
        self.startup = load(dumped)
        self.reload()

    def snapshot(self) -> tuple[Configuration, Configuration]:
        """Everything, for `undo`."""
        return self.running.copy(), self.startup.copy()

    def undo(self, snapshot: tuple[Configuration, Configuration]) -> None:
        """Everything as it was."""
        self.running, self.startup = snapshot

    def save(self) -> None:
        """What `write memory` does."""
        self.startup = self.running.copy()

    def rib(self, heard: Mapping[str, str]) -> list[Entry]:
        """The routing table now. `heard` is what BGP neighbours announce, network to next hop."""
        of = (tuple(self.running.routes), tuple(heard.items()))
        if of == self._rib_of:
            return self._rib
        entries, now = rib(self.running, heard), time.time()
        self._since = {
            (entry.network, entry.protocol): self._since.get((entry.network, entry.protocol), now) for entry in entries
        }
        self._rib_of, self._rib = of, entries
        return entries

    def since(self, entry: Entry) -> float:
        """When the route was first seen in the table, in seconds since the epoch."""
        return self._since.get((entry.network, entry.protocol), time.time())

    def bgp_paths(self, heard: Mapping[str, str]) -> list[Path]:
        """BGP's table: static routes in use that are redistributed, and what was heard."""
        found = []
        bgp = bgp_of(self.running)
        for entry in self.rib(heard):
            if entry.protocol == "static" and _redistributes(bgp, entry):
                found.append(Path(entry.network, _hop(entry), self.since(entry), entry.tag))
            elif entry.protocol == "bgp":
                hop = heard[str(entry.network)]
                local = link_local(hop) if entry.network.version == 6 else ""
                found.append(Path(entry.network, hop, self.since(entry), 0, hop, bgp.neighbours.get(hop, 0), local))
        return found

    def announced(self, heard: Mapping[str, str]) -> frozenset[str]:
        """The networks its BGP tells its neighbours: static routes in use, of a tag that is redistributed."""
        return frozenset(str(path.network) for path in self.bgp_paths(heard) if not path.neighbour)


def _redistributes(bgp: Bgp, entry: Entry) -> bool:
    tags = bgp.tags.get(entry.network.version, set())
    return tags is None or entry.tag in tags


def _hop(entry: Entry) -> str:
    """The next hop BGP knows it by; the unspecified address where there is none."""
    return entry.ways[0].address or ("0.0.0.0" if entry.network.version == 4 else "::")  # noqa: S104
