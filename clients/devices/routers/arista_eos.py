"""Arista EOS: lines are staged in a configuration session, `commit timer` puts them into effect, `write memory` saves."""

import re
from collections.abc import Mapping
from ipaddress import ip_network

from clients.devices.command_line import UnreadableError
from clients.devices.dialects.arista_eos import ARISTA_EOS as SWITCH
from clients.devices.routers.cisco_like import changed_routes, parse_statics
from clients.devices.routers.dialect import Network, Reading, RouteDialect, Table
from tenancy.mistakes import shown

_ROW = re.compile(r"\s([A-Z][A-Za-z0-9]?(?: [A-Z0-9]{1,2})?)\s+([0-9a-f.:]+/[0-9]+)\s", re.ASCII)


def parse_table(output: str) -> Mapping[Network, bool]:
    """`show ip route` and `show ipv6 route`: the letters in front tell where a route is from."""
    text = output.replace("\r", "")
    if "Codes:" not in text:
        raise UnreadableError(f"{shown(text.strip())} is no table of routes")
    rows = (_ROW.match(f"{line} ") for line in text.split("\n"))
    return {ip_network(row[2]): row[1] == "S" for row in rows if row is not None}


_ROUTE4, _ROUTE6 = "ip route {address}/32 {way}", "ipv6 route {address}/128 {way}"

ARISTA_EOS = RouteDialect(
    platform="arista-eos",
    cli=SWITCH.cli,
    announce={4: (_ROUTE4 + " tag {tag} name {name}",), 6: (_ROUTE6 + " tag {tag} name {name}",)},
    withdraw={4: ("no " + _ROUTE4,), 6: ("no " + _ROUTE6,)},
    way="{next_hop}",
    discard="Null0",
    reading=Reading(command="show running-config | include ^ip.* route", parse=parse_statics),
    table=Table(
        commands={4: "show ip route {network} longer-prefixes", 6: "show ipv6 route {network} longer-prefixes"},
        parse=parse_table,
    ),
    changed=changed_routes,
    tried="simulator",
    sources=(
        "Arista EOS User Manual: IPv4, `ip route`, `show ip route`",
        "Arista EOS User Manual: IPv6, `ipv6 route`, `show ipv6 route`",
        "Arista EOS User Manual: Configure Session, `commit timer`",
    ),
    known=(
        "A commit writes the whole configuration as it was when the session began, with our lines in it: what somebody else "
        "changed in the meantime would be lost. Berth looks at the session's differences right before the commit, and "
        "commits nothing in which there is a route to any other address, or anything else.",
        "A commit that is not confirmed goes back after two minutes.",
        "Routes of a VRF are neither read nor made.",
    ),
)
