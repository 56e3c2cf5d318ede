"""Static routes on Arista EOS: the lines, and what `show ip route` and `show ipv6 route` print.

Formats are those of Arista's manuals and of public transcripts.
"""

from collections.abc import Callable
from ipaddress import ip_network

from lab.switches.configuration import Configuration, StaticRoute
from lab.switches.grammar import Command
from lab.switches.route_lines import RouteLines, Words
from lab.switches.routes import DISCARDED, Entry, Hop, Network, exact, longest, table, within
from lab.switches.shell import CiscoShell
from lab.switches.switchport import shortener

LINES = RouteLines(masks=False, keeps_distances=True, knows_own=False, missing="")
_CODES = """\

VRF: default
Codes: C - connected, S - static, K - kernel,
       O - OSPF, IA - OSPF inter area, E1 - OSPF external type 1,
       E2 - OSPF external type 2, N1 - OSPF NSSA external type 1,
       N2 - OSPF NSSA external type2, B - Other BGP Routes,
       B I - iBGP, B E - eBGP, R - RIP, I L1 - IS-IS level 1,
       I L2 - IS-IS level 2, O3 - OSPFv3, A B - BGP Aggregate,
       A O - OSPF Summary, NG - Nexthop Group Static Route,
       V - VXLAN Control Service, M - Martian,
       DH - DHCP client installed default route,
       DP - Dynamic Policy Route, L - VRF Leaked,
       G  - gRIBI, RC - Route Cache Route

"""
_CODES_IPV6 = """\

VRF: default
Displaying {shown} of {all} IPv6 routing table entries
Codes: C - connected, S - static, K - kernel, O3 - OSPFv3, B - Other BGP Routes, A B - BGP Aggregate, R - RIP, I L1 - IS-IS level 1, I L2 - IS-IS level 2, DH - DHCP, NG - Nexthop Group Static Route, M - Martian, DP - Dynamic Policy Route, L - VRF Leaked, RC - Route Cache Route

"""  # noqa: E501 - one line on the router, too
_LETTERS = {"connected": "C", "static": "S", "bgp": "B E"}
_short = shortener({"Ethernet": "Et", "Port-Channel": "Po"})


def lines(configuration: Configuration) -> list[str]:
    """The lines of a configuration, IPv4's before IPv6's."""
    found = sorted(configuration.routes, key=lambda route: ip_network(route.destination).version)
    return [_line(route) for route in found]


def _line(route: StaticRoute) -> str:
    head = "ip route" if ip_network(route.destination).version == 4 else "ipv6 route"
    words = [head, route.destination, route.next_hop or route.interface or DISCARDED]
    if route.distance != 1:
        words.append(str(route.distance))
    if route.tag:
        words.append(f"tag {route.tag}")
    if route.name:
        words.append(f"name {route.name}")
    return " ".join([*words, route.rest] if route.rest else words)


def _entries(shell: CiscoShell, version: int) -> list[Entry]:
    found = table(shell.store.running, shell.device.heard, version)
    return [entry for entry in found if entry.source != "local"]


def _show(version: int, only: str = "") -> Callable[[CiscoShell], str]:
    def run(shell: CiscoShell) -> str:
        entries = _entries(shell, version)
        return _shown([one for one in entries if only in {"", one.source}], len(entries), version)

    return run


def _show_one(version: int) -> Callable[[CiscoShell, str], str]:
    """`show ip route <address>`: the longest that holds it; `<network>/<length> [longer-prefixes]`: just that."""

    def run(shell: CiscoShell, text: str) -> str:
        words = Words(shell, text)
        given = words.take()
        try:
            network: Network = ip_network(given, strict=False)
        except ValueError:
            raise words.wrong() from None
        if network.version != version:
            raise words.wrong()
        entries = _entries(shell, version)
        if "/" in given and words and words.keyword("longer-prefixes"):
            return _shown(within(entries, network), len(entries), version)
        if words:
            raise words.wrong()
        entry = exact(entries, network) if "/" in given else longest(entries, network)
        return _shown([entry] if entry else [], len(entries), version)

    return run


def _shown(entries: list[Entry], of_all: int, version: int) -> str:
    if version == 6:
        rows = [row for entry in entries for row in _rows_ipv6(entry)]
        return _CODES_IPV6.format(shown=len(entries), all=of_all) + "\n".join([*rows, ""])
    rows = [row for entry in entries for row in _rows(entry)]
    return _CODES + "\n".join([*rows, ""])


def _rows(entry: Entry) -> list[str]:
    head = f" {_LETTERS[entry.source]:<9}{entry.network}"
    if entry.hops[0].address is None:
        return [f"{head} is directly connected, {entry.hops[0].interface}"]
    first, *more = [_way(hop) for hop in entry.hops]
    start = f"{head} [{entry.distance}/0] "
    return [start + first, *(" " * len(start) + one for one in more)]


def _rows_ipv6(entry: Entry) -> list[str]:
    return [
        f" {_LETTERS[entry.source]:<9}{entry.network} [{entry.distance}/0]",
        *(f"           {_way(hop)}" for hop in entry.hops),
    ]


def _way(hop: Hop) -> str:
    if hop.address is None:
        return f"via {hop.interface}, directly connected"
    return f"via {hop.address}{f', {hop.interface}' if hop.interface else ''}"


def _commands(head: str, version: int) -> tuple[Command, ...]:
    return (
        Command(head, _show(version)),
        *(Command(f"{head} {source}", _show(version, source)) for source in ("static", "connected", "bgp")),
        Command(f"{head} <line>", _show_one(version)),
    )


SHOW = (*_commands("show ip route", 4), *_commands("show ipv6 route", 6))
CONFIG = (
    Command("ip route <line>", LINES.add(4)),
    Command("no ip route <line>", LINES.remove(4)),
    Command("ipv6 route <line>", LINES.add(6)),
    Command("no ipv6 route <line>", LINES.remove(6)),
)
