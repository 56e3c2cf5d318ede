"""FRR through vtysh: each line takes effect at once, `write memory` saves."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_network

from clients.devices.command_line import CommandLine, Saving, UnreadableError
from clients.devices.routers.cisco_like import parse_statics as parse_lines
from clients.devices.routers.dialect import Network, Reading, RouteDialect, Statics, Table
from tenancy.mistakes import shown


def parse_statics(output: str) -> Statics:
    """`show running-config staticd`. Routes of a VRF are indented below it."""
    if "Current configuration:" not in output:
        raise UnreadableError(f"{shown(output.strip())} is no configuration")
    return parse_lines(output)


def parse_table(output: str) -> Mapping[Network, bool]:
    """`show ip route ... json`: networks, and for each the routes to it, of which one is selected."""
    try:
        return {
            ip_network(network): route["protocol"] == "static"
            for network, routes in json.loads(output).items()
            for route in routes
            if route.get("selected")
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnreadableError(f"{shown(output.strip())} is no table of routes") from None


FRR = RouteDialect(
    platform="frr",
    cli=CommandLine(
        device_type="cisco_ios",
        # Netmiko knows the first 16 characters of the host's part.
        prompt=r"{host}[^\s#()]*(?:\([^)\n]*\))?#",
        # That a route is not there to be removed is no error: reading back decides.
        errors=re.compile(
            r"^\s*% ?(?!Refusing to remove a non-existent route)\S|^Error (?:type|description):|^Can't open"
        ),
        enable=False,
        saving=Saving(command="write memory", success=re.compile(r"^\[OK\]", re.MULTILINE), read_again=True),
        # vtysh speaks to a daemon each, and goes on without one that is gone.
        broken=re.compile(r"connecting to \S+\.\.\.(?:failed|success)!|^\S+ is not running$", re.MULTILINE),
    ),
    announce={4: ("ip route {address}/32 {way} tag {tag}",), 6: ("ipv6 route {address}/128 {way} tag {tag}",)},
    withdraw={4: ("no ip route {address}/32 {way} tag {tag}",), 6: ("no ipv6 route {address}/128 {way} tag {tag}",)},
    way="{next_hop}",
    discard="Null0",
    reading=Reading(
        command="show running-config staticd",
        parse=parse_statics,
        ready=("show daemons", re.compile(r"(?=.*\bzebra\b)(?=.*\bstaticd\b)(?=.*\bbgpd\b)")),
    ),
    table=Table(
        commands={
            4: "show ip route {network} longer-prefixes json",
            6: "show ipv6 route {network} longer-prefixes json",
        },
        parse=parse_table,
    ),
    named=False,
    tried="real",
    sources=(
        "FRR User Guide: STATIC, `ip route`, `ipv6 route`",
        "FRR User Guide: VTY shell, integrated configuration file",
        "FRR User Guide: Zebra, `show ip route`",
    ),
    known=(
        "Tried with FRR 8.4. The login's shell is `vtysh`: a user in the groups `frr` and `frrvty`, or a `ForceCommand`.",
        "A route has no name there: the tag alone tells that it is Berth's. Whose address it is, the platform knows.",
        "`write memory` saves what the daemons hold at this moment, and says `[OK]` even where one of them is down: its part "
        "would be lost. Berth saves only while zebra, staticd and bgpd are up, and reads again afterwards; of other "
        "daemons it does not know whether they belong there.",
        "A daemon that was restarted and whose configuration nobody loaded (`vtysh -b`) looks healthy, and is empty: Berth's "
        "next save would keep it so. Leave restarts to `watchfrr`, which loads it.",
        "`write memory` says `[OK]` on a full disk, too, and the file cannot be read through vtysh: watch the disk.",
        "A next hop that is no address is taken for an interface's name: Berth sends none.",
    ),
)
