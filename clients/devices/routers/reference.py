"""The page about the edge routers, made from the dialects: docs/reference/routers.md."""

from collections.abc import Mapping

from clients.devices.reference import block, facts, read_with
from clients.devices.routers import ROUTERS
from clients.devices.routers.dialect import RouteDialect
from clients.devices.routers.lines import all_lines
from tenancy.announcement import Route
from tenancy.devices import EdgeAction, EdgeRequest, vlan_name
from tenancy.edge import DEFAULT_TAG

_TENANT, _V4, _V6 = "acme", "198.51.100.7", "2001:db8:100::7"
_HOPS = {_V4: "192.0.2.7", _V6: "2001:db8:ff::7"}
_COVER = {4: "198.51.100.0/24", 6: "2001:db8:100::/64"}
_HEAD = f"""# What is sent to the edge routers

<!-- Made by `make docs` from clients/devices/routers: change those, not this page. -->

For tenant `{_TENANT}`, an IPv4 and an IPv6 address, and tag {DEFAULT_TAG}, exactly these lines. Each is sent only where it is
missing: Berth reads first, sends the difference, reads again, and saves. Nothing else is ever sent in a configuration mode, and
nothing at all to a neighbour, whose routing table is read and no more.

- A route is the tenant's where it has the tag, and, where the router has a name for routes, the name
  `{vlan_name(_TENANT)}`; and where it says nothing else: one with a distance or through an interface is somebody's whom
  Berth does not know.
- An address with a route that is not the tenant's is not touched: the request is refused (`foreign-route`), to announce and
  to withdraw.
- A route with another next hop is replaced. Where a second next hop can stand beside the first, the new one is there before
  the old one goes.
- A line the router rejects is answered with the inverse lines, and the request is refused (`rejected`); the others of the
  same session go on. Lines that were taken and have no effect, because somebody else takes them away at the same moment,
  are sent once more, and then refused as well.
- A route counts as in force where it is configured as asked and in the routing table as a static route; on a neighbour
  where any route to the one address is in the routing table.
- Only the router's own table is seen to, no VRF's.
- Saving takes everything with it that runs on the router, other people's unsaved changes as well.
- Host keys come from the known_hosts file alone; there is no trust on first use.
"""
_TRIED = {
    "real": "Run against the real thing.",
    "simulator": "Run against Berth's simulated router of this kind.",
    "documentation": "**Written after the vendor's documentation and not run yet.** Try it on a router of yours first.",
}


def reference() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *(_platform(dialect) for dialect in ROUTERS.values())])


def _platform(dialect: RouteDialect) -> str:
    ready = (dialect.reading.ready[0],) if dialect.reading.ready is not None else ()
    tables = [
        command.format(network=network, address=network.partition("/")[0], mask="255.255.255.0")
        for command, network in ((dialect.table.commands[family], _COVER[family]) for family in (4, 6))
    ]
    parts = [
        f"## {dialect.platform}\n",
        f"{_TRIED[dialect.tried]}\n",
        "Announced, through a next hop:\n",
        block(_lines(dialect, "announce", _HOPS)),
        "Announced, and discarded there:\n",
        block(_lines(dialect, "announce", dict.fromkeys(_HOPS))),
        "Withdrawn:\n",
        block(_lines(dialect, "withdraw", _HOPS)),
        f"Read: {read_with(*ready, dialect.reading.command)}; whether it is in force: {read_with(*tables)}.",
        *facts(dialect.cli, dialect.known, dialect.sources),
    ]
    return "\n".join(parts)


def _lines(dialect: RouteDialect, action: EdgeAction, hops: Mapping[str, str | None]) -> tuple[str, ...]:
    routes = tuple(Route(address=address, next_hop=hop) for address, hop in hops.items())
    return all_lines(dialect.platform, EdgeRequest(tenant=_TENANT, action=action, routes=routes), DEFAULT_TAG)
