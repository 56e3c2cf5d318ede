"""Cisco IOS-XE: each line takes effect at once, `write memory` saves."""

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

from clients.devices.command_line import UnreadableError
from clients.devices.dialects.cisco_ios import CISCO_IOS
from clients.devices.routers.cisco_like import parse_statics
from clients.devices.routers.dialect import Network, Reading, RouteDialect, Table
from tenancy.mistakes import shown

_HEAD = re.compile(r"\s+[0-9.]+/([0-9]+) is subnetted", re.ASCII)
_ROW = re.compile(r"([A-Za-z]+)\*?(?: ?[A-Za-z0-9*+%&]{1,3})*\s+([0-9.]+)(?:/([0-9]+))?\s", re.ASCII)
_ROW6 = re.compile(r"([A-Za-z]+[0-9]?)\s+([0-9A-Fa-f:.]+/[0-9]+)\s", re.ASCII)


def parse_table(output: str) -> Mapping[Network, bool]:
    """`show ip route` and `show ipv6 route`: the letter in front tells where a route is from.

    Subnets of one length are listed without it, below a line that tells it.
    """
    text = output.replace("\r", "")
    if "not in table" in text:
        return {}
    if "Gateway of last resort" in text:
        return _rows(text.partition("Gateway of last resort")[2])
    if "IPv6 Routing Table" not in text:
        raise UnreadableError(f"{shown(text.strip())} is no table of routes")
    rows = (_ROW6.match(f"{line} ") for line in text.split("\n"))
    return {ip_network(row[2]): row[1] == "S" for row in rows if row is not None}


def _rows(text: str) -> Mapping[Network, bool]:
    length, found = "", {}
    for line in text.split("\n"):
        if head := _HEAD.match(line):
            length = head[1]
        elif row := _ROW.match(f"{line} "):
            found[ip_network(f"{row[2]}/{row[3] or length or 32}")] = row[1] == "S"
    return found


_ROUTE4, _ROUTE6 = "ip route {address} 255.255.255.255 {way}", "ipv6 route {address}/128 {way}"

CISCO_IOSXE = RouteDialect(
    platform="cisco-iosxe",
    # That a route is not there to be removed is no error: reading back decides.
    cli=replace(CISCO_IOS.cli, errors=re.compile(r"^\s*%(?! ?No matching route) ?\S|rejected", re.IGNORECASE)),
    announce={4: (_ROUTE4 + " tag {tag} name {name}",), 6: (_ROUTE6 + " tag {tag} name {name}",)},
    withdraw={4: ("no " + _ROUTE4,), 6: ("no " + _ROUTE6,)},
    way="{next_hop}",
    discard="Null0",
    reading=Reading(command="show running-config | include ^ip.* route", parse=parse_statics),
    table=Table(
        commands={
            4: "show ip route {address} {mask} longer-prefixes",
            6: "show ipv6 route {network} longer-prefixes",
        },
        parse=parse_table,
    ),
    tried="simulator",
    sources=(
        "Cisco IOS IP Routing: Protocol-Independent Command Reference: `ip route`, `show ip route`",
        "Cisco IOS IPv6 Command Reference: `ipv6 route`, `show ipv6 route`",
        "Cisco IOS Configuration Fundamentals Command Reference: `copy running-config startup-config`",
    ),
    known=(
        "Routes of a VRF are neither read nor made.",
        "A route through an interface, with a distance, or tracked, is nobody's that Berth knows, whatever its tag and name.",
        "`write memory` saves everything that is running, unsaved changes of other people as well.",
    ),
)
