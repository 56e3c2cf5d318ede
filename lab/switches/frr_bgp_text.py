"""What bgpd prints of its table: `show bgp ipv4 unicast` and the like, as text and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import ctime
from typing import Any

from lab.switches.device import Peer
from lab.switches.frr_config import Bgp
from lab.switches.frr_json import pretty, short
from lab.switches.frr_rib import Network

_HEAD = """Status codes:  s suppressed, d damped, h history, * valid, > best, = multipath,
               i internal, r RIB-failure, S Stale, R Removed
Nexthop codes: @NNN nexthop's vrf id, < announce-nh-self
Origin codes:  i - IGP, e - EGP, ? - incomplete
RPKI validation codes: V valid, I invalid, N Not found

   Network          Next Hop            Metric LocPrf Weight Path
"""
_ITSELF = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - bgpd's word for its own
_NAMES = 17
_HOPS = 16


@dataclass(frozen=True, slots=True)
class Path:
    """The one path to a network: the router's own, or a neighbour's."""

    network: Network
    next_hop: str
    since: float
    """Seconds since the epoch."""
    tag: int = 0
    """Of its own static route."""
    neighbour: str = ""
    """Address it was heard from; empty where it is the router's own."""
    number: int = 0
    """The neighbour's AS."""
    link_local: str = ""
    """The next hop that is used, of an IPv6 path that was heard."""

    @property
    def used_hop(self) -> str:
        """The next hop packets go to."""
        return self.link_local or self.next_hop


@dataclass(frozen=True, slots=True)
class View:
    """Who prints, and to whom it speaks."""

    name: str
    bgp: Bgp
    peers: Mapping[str, Peer]
    """Neighbours whose session is up, by address."""

    def of(self, path: Path) -> str:
        """The host name that is written beside a path's next hop."""
        return self.peers[path.neighbour].name if path.neighbour else self.name

    def router_id(self, path: Path) -> str:
        """The router ID of who a path comes from."""
        return self.peers[path.neighbour].router_id if path.neighbour else self.bgp.router_id

    def told(self, path: Path) -> dict[str, str]:
        """The neighbours a path is advertised to: those of its family."""
        version = path.network.version
        return {address: peer.name for address, peer in self.peers.items() if (":" in address) == (version == 6)}


def table(paths: Sequence[Path], view: View) -> str:
    """The whole table; nothing at all where it is empty."""
    if not paths:
        return ""
    head = (
        f"BGP table version is {len(paths)}, local router ID is {view.bgp.router_id}, vrf id 0\n"
        f"Default local pref 100, local AS {view.bgp.number}\n"
    )
    rows = "".join(_row(path, view) for path in paths)
    return f"{head}{_HEAD}{rows}\nDisplayed  {len(paths)} routes and {len(paths)} total paths\n"


def table_json(paths: Sequence[Path], view: View) -> str:
    """The whole table."""
    routes = "\n,".join(
        f'"{path.network}": [{short(_brief(path, view, number))}]' for number, path in enumerate(paths, 1)
    )
    return (
        f'{{\n "vrfId": 0,\n "vrfName": "default",\n "tableVersion": {len(paths)},\n'
        f' "routerId": "{view.bgp.router_id}",\n "defaultLocPrf": 100,\n "localAS": {view.bgp.number},\n'
        f' "routes": {{ {routes}' + ("\n" if paths else "") + " }  } \n"
    )


def details(path: Path, view: View) -> str:
    """One network."""
    peers = "".join(f"  {name}({address})\n" for address, name in view.told(path).items())
    advertised = f"  Advertised to non peer-group peers:\n{peers}" if peers else "  Not advertised to any peer\n"
    if path.neighbour:
        sender = f"{view.of(path)}({path.neighbour}) ({view.router_id(path)})"
        what = f"valid, external, bestpath-from-AS {path.number}"
    else:
        sender = f"{_ITSELF[path.network.version]} ({view.bgp.router_id})"
        what = f"weight 32768, tag {path.tag}, valid, sourced, bestpath-from-AS Local"
    return (
        f"BGP routing table entry for {path.network}, version 1\nPaths: (1 available, best #1, table default)\n"
        f"{advertised}  {path.number or 'Local'}\n    {path.used_hop}({view.of(path)}) from {sender}\n"
        f"      Origin incomplete, metric 0, {what}, best (First path received)\n"
        f"      Last update: {ctime(path.since)}\n"
    )


def details_json(path: Path | None, view: View) -> str:
    """One network; an empty object where it is not there."""
    if path is None:
        return "{\n}\n"
    number = path.number
    segments = [{"type": "as-sequence", "list": [number]}] if number else []
    own: dict[str, Any] = {} if number else {"weight": 32768, "tag": path.tag}
    peer: dict[str, Any] = {"peerId": _ITSELF[path.network.version], "routerId": view.bgp.router_id}
    if path.neighbour:
        peer = {
            "peerId": path.neighbour,
            "routerId": view.router_id(path),
            "hostname": view.of(path),
            "type": "external",
        }
    told = view.told(path)
    return pretty(
        {
            "prefix": str(path.network),
            "version": 1,
            **({"advertisedTo": {address: {"hostname": name} for address, name in told.items()}} if told else {}),
            "paths": [
                {
                    "aspath": {"string": str(number or "Local"), "segments": segments, "length": len(segments)},
                    "origin": "incomplete",
                    "metric": 0,
                    **own,
                    "valid": True,
                    "version": 1,
                    **({} if number else {"sourced": True}),
                    "bestpath": {
                        "bestpathFromAs": number,
                        "overall": True,
                        "selectionReason": "First path received",
                    },
                    "lastUpdate": {"epoch": int(path.since), "string": f"{ctime(path.since)}\n"},
                    **({} if number else {"fibInstalled": True}),
                    "nexthops": _next_hops(path, view),
                    "peer": peer,
                }
            ],
        }
    )


def _row(path: Path, view: View) -> str:
    network = str(path.network)
    hop = f"{path.used_hop}({view.of(path)})"
    network += " " * (_NAMES - len(network)) if len(network) < _NAMES else f"\n{' ' * 20}"
    hop += " " * (_HOPS - len(hop)) if len(hop) < _HOPS else f"\n{' ' * 36}"
    weight, way = (0, f"{path.number} ?") if path.number else (32768, "?")
    return f"*> {network}{hop}{0:>10}{weight:>14} {way}\n"


def _brief(path: Path, view: View, version: int) -> dict[str, Any]:
    family = path.network.version
    hop = {"ip": path.used_hop, "hostname": view.of(path), "afi": f"ipv{family}"}
    scope = {"scope": "link-local" if path.link_local else "global"} if family == 6 else {}
    hops: list[dict[str, Any]] = [{**hop, **scope, "used": True}]
    if path.link_local:
        hops.insert(0, {**hop, "ip": path.next_hop, "scope": "global"})
    return {
        "valid": True,
        "bestpath": True,
        "selectionReason": "First path received",
        "pathFrom": "external",
        "prefix": str(path.network.network_address),
        "prefixLen": path.network.prefixlen,
        "network": str(path.network),
        "version": version,
        "metric": 0,
        "weight": 0 if path.number else 32768,
        "peerId": path.neighbour or "(unspec)",
        "path": str(path.number) if path.number else "",
        "origin": "incomplete",
        "nexthops": hops,
    }


def _next_hops(path: Path, view: View) -> list[dict[str, Any]]:
    version = path.network.version
    hop: dict[str, Any] = {"ip": path.next_hop, "hostname": view.of(path), "afi": f"ipv{version}"}
    if version == 6:
        hop["scope"] = "global"
    hop |= {"metric": 0, "accessible": True}
    if not path.link_local:
        return [{**hop, "used": True}]
    local = {"ip": path.link_local, "hostname": view.of(path), "afi": "ipv6", "scope": "link-local"}
    return [hop, {**local, "accessible": True, "used": True}]
