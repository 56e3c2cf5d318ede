"""Static routes on Cisco IOS and IOS-XE: the lines, and what `show ip route` and `show ipv6 route` print.

Formats and refusals are those of Cisco's manuals and of public transcripts. What is not known: whether `no ip route` heeds
a tag or a name that stands in it; here it does not.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network

from lab.switches.configuration import Configuration, StaticRoute
from lab.switches.device import RejectedError
from lab.switches.grammar import Command
from lab.switches.route_lines import RouteLines, Words, is_network
from lab.switches.routes import DISCARDED, Entry, Hop, Network, exact, longest, table, within
from lab.switches.shell import CiscoShell

LINES = RouteLines(masks=True, keeps_distances=False, knows_own=True, missing="%No matching route to delete")
_CODES = """\
Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP
       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area
       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2
       E1 - OSPF external type 1, E2 - OSPF external type 2, m - OMP
       n - NAT, Ni - NAT inside, No - NAT outside, Nd - NAT DIA
       i - IS-IS, su - IS-IS summary, L1 - IS-IS level-1, L2 - IS-IS level-2
       ia - IS-IS inter area, * - candidate default, U - per-user static route
       H - NHRP, G - NHRP registered, g - NHRP registration summary
       o - ODR, P - periodic downloaded static route, l - LISP
       a - application route
       + - replicated route, % - next hop override, p - overrides from PfR
"""
_CODES_IPV6 = """\
Codes: C - Connected, L - Local, S - Static, U - Per-user Static route
       B - BGP, R - RIP, H - NHRP, I1 - ISIS L1
       I2 - ISIS L2, IA - ISIS interarea, IS - ISIS summary, D - EIGRP
       EX - EIGRP external, ND - ND Default, NDp - ND Prefix, DCE - Destination
       NDr - Redirect, O - OSPF Intra, OI - OSPF Inter, OE1 - OSPF ext 1
       OE2 - OSPF ext 2, ON1 - OSPF NSSA ext 1, ON2 - OSPF NSSA ext 2
       la - LISP alt, lr - LISP site-registrations, ld - LISP dyn-eid
       lA - LISP away, a - Application
"""
_LETTERS = {"connected": "C", "local": "L", "static": "S", "bgp": "B"}


def lines(configuration: Configuration) -> list[str]:
    """The lines of a configuration, IPv4's before IPv6's."""
    found = sorted(configuration.routes, key=lambda route: ip_network(route.destination).version)
    return [_line(route) for route in found]


def _line(route: StaticRoute) -> str:
    network = ip_network(route.destination)
    if network.version == 4:
        words = ["ip route", str(network.network_address), str(network.netmask)]
    else:
        words = ["ipv6 route", route.destination.upper()]
    words.append((route.next_hop or route.interface or DISCARDED) if network.version == 4 else _ipv6_way(route))
    if route.distance != 1:
        words.append(str(route.distance))
    if route.tag:
        words.append(f"tag {route.tag}")
    if route.name:
        words.append(f"name {route.name}")
    return " ".join([*words, route.rest] if route.rest else words)


def _ipv6_way(route: StaticRoute) -> str:
    return route.next_hop.upper() if route.next_hop else route.interface or DISCARDED


def _entries(shell: CiscoShell, version: int) -> list[Entry]:
    return table(shell.store.running, shell.device.heard, version)


def _show(version: int, only: str = "") -> Callable[[CiscoShell], str]:
    def run(shell: CiscoShell) -> str:
        entries = _entries(shell, version)
        shown = [entry for entry in entries if only in {"", entry.source}]
        if version == 6:
            return _table_ipv6(shown, len(entries))
        return _table(shown)

    return run


def _table(entries: Iterable[Entry]) -> str:
    shown = list(entries)
    hop = next((entry.hops[0].address for entry in shown if not entry.network.prefixlen), None)
    last = f"{hop} to network 0.0.0.0" if hop else "not set"
    return f"{_CODES}\nGateway of last resort is {last}\n\n{_rows(shown)}\n"


def _table_ipv6(entries: Iterable[Entry], of_all: int) -> str:
    return f"IPv6 Routing Table - default - {of_all} entries\n{_CODES_IPV6}{_rows_ipv6(entries)}"


def _rows(entries: Iterable[Entry]) -> str:
    """Under the classful network of each, which is what subnets are counted by."""
    majors: dict[str, list[Entry]] = {}
    for entry in entries:
        majors.setdefault(_major(entry.network), []).append(entry)
    rows: list[str] = []
    for major, below in majors.items():
        if [str(entry.network) for entry in below] == [major]:
            rows += _row(below[0], major)
            continue
        lengths = {entry.network.prefixlen for entry in below}
        varied = len(lengths) > 1
        if varied:
            rows.append(f"      {major} is variably subnetted, {len(below)} subnets, {len(lengths)} masks")
        else:
            network = f"{major.partition('/')[0]}/{next(iter(lengths))}"
            rows.append(f"      {network} is subnetted, {len(below)} subnets")
        for entry in below:
            name = str(entry.network) if varied else str(entry.network.network_address)
            rows += _row(entry, name)
    return "\n".join(rows)


def _row(entry: Entry, name: str) -> list[str]:
    letter = f"{_LETTERS[entry.source]}{'' if entry.network.prefixlen else '*'}".ljust(8)
    first, *more = [_way(entry, hop) for hop in entry.hops]
    return [f"{letter} {name} {first}", *(f"{'':<9}{'':<{len(name)}} {one}" for one in more)]


def _way(entry: Entry, hop: Hop) -> str:
    if hop.address is None:
        return f"is directly connected, {hop.interface}"
    age = ", 00:00:12" if entry.source == "bgp" else ""
    return f"[{entry.distance}/0] via {hop.address}{age}{f', {hop.interface}' if hop.interface else ''}"


def _major(network: Network) -> str:
    """The classful network; the default route is its own."""
    if not network.prefixlen:
        return str(network)
    first = int(network.network_address) >> 24
    length = 8 if first < 128 else 16 if first < 192 else 24
    return str(ip_network(f"{network.network_address}/{length}", strict=False))


def _rows_ipv6(entries: Iterable[Entry]) -> str:
    rows: list[str] = []
    for entry in entries:
        tag = f", tag {entry.tag}" if entry.tag else ""
        rows.append(f"{_LETTERS[entry.source]:<3} {str(entry.network).upper()} [{entry.distance}/0]{tag}")
        rows += [f"     via {_ipv6_hop(hop, entry)}" for hop in entry.hops]
    return "\n".join(rows)


def _ipv6_hop(hop: Hop, entry: Entry) -> str:
    if hop.address is None:
        return f"{hop.interface}, {'receive' if entry.source == 'local' else 'directly connected'}"
    return f"{hop.address.upper()}{f', {hop.interface}' if hop.interface else ''}"


def _show_one(shell: CiscoShell, text: str) -> str:
    """`show ip route <address> [<mask> [longer-prefixes]]`: the longest that holds an address, or just that of the mask."""
    words = Words(shell, text)
    try:
        address = str(ip_address(words.take()))
        mask = words.take() if words else ""
        network = ip_network(f"{address}/{mask}" if mask else address, strict=False)
    except ValueError:
        raise words.wrong() from None
    if network.version != 4:
        raise words.wrong()
    entries = _entries(shell, 4)
    if mask and words and words.keyword("longer-prefixes"):
        return _table(within(entries, network))
    if words:
        raise words.wrong()
    entry = exact(entries, network) if mask else longest(entries, network, by_default=False)
    if mask and not is_network(address, network.prefixlen):
        entry = None
    if entry is None:
        major = _major(network)
        is_known = any(_major(one.network) == major for one in entries)
        raise RejectedError("% Subnet not in table\n" if is_known else "% Network not in table\n")
    return _described(entry)


def _described(entry: Entry) -> str:
    rows = [
        f"Routing entry for {entry.network}",
        f'  Known via "{_known(entry)}", distance {entry.distance}, metric 0{_connected(entry)}',
        *([f"  Tag {entry.tag}"] if entry.tag else []),
        "  Routing Descriptor Blocks:",
    ]
    for number, hop in enumerate(entry.hops):
        way = f"directly connected, via {hop.interface}" if hop.address is None else hop.address
        rows.append(
            f"  {' ' if number else '*'} {way}{f', via {hop.interface}' if hop.address and hop.interface else ''}"
        )
        rows.append("      Route metric is 0, traffic share count is 1")
        if entry.tag:
            rows.append(f"      Route tag {entry.tag}")
    return "\n".join(rows)


def _known(entry: Entry) -> str:
    return {"bgp": "bgp 65000", "local": "connected"}.get(entry.source, entry.source)


def _connected(entry: Entry) -> str:
    return " (connected, via interface)" if entry.source in {"connected", "local"} else ""


def _show_one_ipv6(shell: CiscoShell, text: str) -> str:
    """`show ipv6 route <address>`: the longest; `<network>/<length> [longer-prefixes]`: just that, or what is in it, too."""
    words = Words(shell, text)
    given = words.take()
    try:
        network = ip_network(given, strict=False)
    except ValueError:
        raise words.wrong() from None
    if network.version != 6:
        raise words.wrong()
    entries = _entries(shell, 6)
    if "/" in given and words and words.keyword("longer-prefixes"):
        return _table_ipv6(within(entries, network), len(entries))
    if words:
        raise words.wrong()
    entry = exact(entries, network) if "/" in given else longest(entries, network, by_default=False)
    if entry is None:
        raise RejectedError("% Route not found\n")
    rows = [
        f"Routing entry for {str(entry.network).upper()}",
        f'  Known via "{_known(entry)}", distance {entry.distance}, metric 0',
        *([f"  Tag {entry.tag}"] if entry.tag else []),
        f"  Route count is {len(entry.hops)}/{len(entry.hops)}, share count 0",
        "  Routing paths:",
    ]
    for hop in entry.hops:
        way = f"directly connected via {hop.interface}" if hop.address is None else _ipv6_hop(hop, entry)
        rows += [f"    {way}", *([f"      Route tag {entry.tag}"] if entry.tag else [])]
        rows.append("      Last updated 00:00:12 ago")
    return "\n".join(rows)


SHOW = (
    Command("show ip route", _show(4)),
    *(Command(f"show ip route {source}", _show(4, source)) for source in ("static", "connected", "bgp")),
    Command("show ip route <line>", _show_one),
    Command("show ipv6 route", _show(6)),
    *(Command(f"show ipv6 route {source}", _show(6, source)) for source in ("static", "connected", "bgp")),
    Command("show ipv6 route <line>", _show_one_ipv6),
)
CONFIG = (
    Command("ip route <line>", LINES.add(4)),
    Command("no ip route <line>", LINES.remove(4)),
    Command("ipv6 route <line>", LINES.add(6)),
    Command("no ipv6 route <line>", LINES.remove(6)),
)
