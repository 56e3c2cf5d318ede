"""A Junos configuration: statements that are set and deleted, and what they say about VLANs, ports and static routes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Self

from lab.switches.configuration import Configuration, Port, StaticRoute, numbers
from lab.switches.junos_schema import ROOT, Statement, parse_set, replaces

_SWITCHING = ("unit 0", "family ethernet-switching")
_PREFERENCE = 5


@dataclass(frozen=True, slots=True)
class JunosConfiguration:
    """All statements, in the order they were set; two are equal whatever their order."""

    statements: tuple[Statement, ...] = ()

    def set(self, statements: Iterable[Statement]) -> Self:
        """With these statements, too."""
        kept = list(self.statements)
        for statement in statements:
            if any(one[: len(statement)] == statement for one in kept):
                continue
            kept = [one for one in kept if not replaces(statement, one)]
            kept.append(statement)
        return type(self)(tuple(kept))

    def delete(self, place: Statement) -> Self:
        """Without what is at and below this place."""
        return type(self)(tuple(one for one in self.statements if not is_below(one, place)))

    def below(self, place: Statement) -> list[Statement]:
        """The statements at and below a place."""
        return [one for one in self.statements if is_below(one, place)]

    def change(self, before: Self, after: Self) -> Self:
        """With all that happened between two others."""
        gone = set(before.statements) - set(after.statements)
        kept = type(self)(tuple(one for one in self.statements if one not in gone))
        return kept.set(one for one in after.statements if one not in set(before.statements))

    def is_as(self, other: Self) -> bool:
        """Whether both say the same."""
        return set(self.statements) == set(other.statements)

    def vlans(self) -> dict[str, int]:
        """Name to ID, of those that have one."""
        return {
            statement[1]: int(statement[2].removeprefix("vlan-id "))
            for statement in self.statements
            if statement[0] == "vlans" and len(statement) == 3 and statement[2].startswith("vlan-id ")
        }

    def view(self) -> Configuration:
        """The same as the other systems have it."""
        vlans = self.vlans()
        ports: dict[str, Port] = {}
        for name in dict.fromkeys(statement[1] for statement in self.statements if statement[0] == "interfaces"):
            ports[name] = self._port(name, vlans)
        other = [
            " ".join(one)
            for one in self.statements
            if ROOT.children[one[0]].kind == "free" or (one[0] == "routing-options" and not _is_route(one))
        ]
        names = {number: name for name, number in sorted(vlans.items(), key=lambda one: one[1])}
        return Configuration(names, ports, other, self.routes())

    def routes(self) -> list[StaticRoute]:
        """The static routes, one for each next hop; Junos has no names for them."""
        return [route for place in self.route_places() for route in self._routes_at(place)]

    def route_places(self) -> list[Statement]:
        """Where each static route is."""
        return list(dict.fromkeys(one[: _depth(one)] for one in self.statements if _is_route(one)))

    def members(self, port: str) -> list[str]:
        """The VLANs of a port, as they are written."""
        place = ("interfaces", port, *_SWITCHING, "vlan")
        return [one[-1].removeprefix("members ") for one in self.below(place) if one[-1].startswith("members ")]

    def dump(self) -> bytes:
        """As JSON, for the disk."""
        return json.dumps([list(one) for one in self.statements]).encode()

    def _routes_at(self, place: Statement) -> list[StaticRoute]:
        destination = place[-1].removeprefix("route ")
        words = [one[-1].partition(" ") for one in self.below(place) if len(one) > len(place)]
        numbers_of = {keyword: int(value) for keyword, _, value in words if keyword in {"tag", "preference"}}
        tag, distance = numbers_of.get("tag", 0), numbers_of.get("preference", _PREFERENCE)
        hops = [value for keyword, _, value in words if keyword == "next-hop"]
        if not hops:
            return [StaticRoute(destination, None, tag, distance=distance)]
        return [
            StaticRoute(destination, None, tag, distance=distance, interface=hop)
            if "/" in hop
            else StaticRoute(destination, str(ip_address(hop)), tag, distance=distance)
            for hop in hops
        ]

    def _port(self, name: str, vlans: dict[str, int]) -> Port:
        members = self.members(name)
        ids = {number for member in members for number in member_ids(member, vlans)}
        is_trunk = ("interfaces", name, *_SWITCHING, "interface-mode trunk") in self.statements
        switching = ("interfaces", name, *_SWITCHING)
        other = tuple(
            " ".join(one[2:])
            for one in self.below(("interfaces", name))
            if not is_below(one, switching) and len(one) > 2 and not one[2].startswith("native-vlan-id")
        )
        native = next(
            (int(one[2].split()[1]) for one in self.below(("interfaces", name, "native-vlan-id")) if len(one) == 3), 1
        )
        addresses = tuple(
            one[-1].removeprefix("address ")
            for family in ("inet", "inet6")
            for one in self.below(("interfaces", name, "unit 0", f"family {family}"))
            if one[-1].startswith("address ")
        )
        if addresses and not self.below(switching):
            return Port(name, "routed", addresses=addresses)
        if is_trunk:
            return Port(name, "trunk", None if "all" in members else frozenset(ids), native=native, other=other)
        return Port(name, access=min(ids, default=1), native=native, other=other)


def _is_route(statement: Statement) -> bool:
    return statement[0] == "routing-options" and any(one.startswith("route ") for one in statement)


def _depth(statement: Statement) -> int:
    """Of the place of a static route in a statement at or below it."""
    return next(index for index, one in enumerate(statement) if one.startswith("route ")) + 1


def is_below(statement: Statement, place: Statement) -> bool:
    """Whether a statement is at or below a place; `vlan-id` is the place of `vlan-id 100`."""
    if not place:
        return True
    head, last = place[:-1], place[-1]
    if statement[: len(head)] != head or len(statement) < len(place):
        return False
    segment = statement[len(head)]
    return segment == last or segment.startswith(f"{last} ")


def member_ids(member: str, vlans: dict[str, int]) -> set[int]:
    """The IDs one `members` entry means: a name, an ID or a range; `all` means those that are there."""
    if member == "all":
        return set(vlans.values())
    if member in vlans:
        return {vlans[member]}
    try:
        return numbers(member)
    except ValueError:
        return set()


def load_statements(dumped: bytes) -> JunosConfiguration:
    """What `JunosConfiguration.dump` wrote. Raises ValueError for anything else."""
    try:
        return JunosConfiguration(tuple(tuple(str(word) for word in one) for one in json.loads(dumped)))
    except TypeError as error:
        raise ValueError("not the statements of a configuration") from error


def from_configuration(name: str, configuration: Configuration) -> JunosConfiguration:
    """The statements of a configuration as the other systems have it."""
    lines = [f"system host-name {name}", "system services ssh", *configuration.other]
    names = dict(configuration.vlans)
    lines += [f"vlans {text} vlan-id {number}" for number, text in names.items()]
    for port in configuration.ports.values():
        lines += _port_lines(port, names)
    for route in configuration.routes:
        lines += _route_lines(route)
    return JunosConfiguration().set(statement for line in lines for statement in parse_set(line))


def _route_lines(route: StaticRoute) -> Sequence[str]:
    rib = "rib inet6.0 " if ip_network(route.destination).version == 6 else ""
    head = f"routing-options {rib}static route {route.destination}"
    way = route.next_hop or route.interface
    return [f"{head} next-hop {way}" if way else f"{head} discard", *([f"{head} tag {route.tag}"] if route.tag else [])]


def _port_lines(port: Port, names: dict[int, str]) -> Sequence[str]:
    head = f"interfaces {port.name}"
    if port.mode == "routed":
        return [f"{head} unit 0 family {'inet6' if ':' in one else 'inet'} address {one}" for one in port.addresses]
    switching = f"{head} unit 0 family ethernet-switching"
    lines = [f"{switching} interface-mode {port.mode}"]
    if port.native != 1:
        lines.append(f"{head} native-vlan-id {port.native}")
    vlans = [port.access] if port.mode == "access" else sorted(port.allowed or ())
    lines += [f"{switching} vlan members {names.get(vlan, vlan)}" for vlan in vlans]
    if port.mode == "trunk" and port.allowed is None:
        lines.append(f"{switching} vlan members all")
    return [*lines, *(f"{head} {line}" for line in port.other)]
