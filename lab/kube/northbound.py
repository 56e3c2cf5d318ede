"""The simulated OVN northbound database: what Kube-OVN programs, which no Kubernetes object shows."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from lab.kube.ovn_match import is_match

MAX_PRIORITY = 32_767
ACTIONS = frozenset({"allow", "drop", "reroute", "jump"})


class ConstraintError(Exception):
    """OVSDB refuses a row."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A Logical_Router_Policy. `effective` is False when OVN accepted a match it cannot parse: the row does nothing.

    `owner` names the subnet a row came with; those of the Vpc's own spec have none.
    """

    priority: int
    match: str
    action: str
    nexthops: tuple[str, ...] = ()
    effective: bool = True
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A Logical_Router_Static_Route; the policy is `dst-ip` or `src-ip`."""

    policy: str
    prefix: str
    nexthop: str
    table: str = ""


@dataclass(frozen=True, slots=True)
class Nat:
    """A NAT row: `snat`, or `dnat_and_snat` for a floating IP."""

    type: str
    external_ip: str
    logical_ip: str
    logical_port: str = ""
    external_mac: str = ""
    stateless: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A Logical_Router_Port and the switch its peer is on. `chassis` holds the gateway chassis, most wanted first."""

    name: str
    switch: str
    networks: tuple[str, ...]
    mac: str = ""
    chassis: tuple[str, ...] = ()


@dataclass(slots=True)
class Router:
    """A Logical_Router with everything that dies with it."""

    name: str
    policies: list[Policy] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    nats: list[Nat] = field(default_factory=list)
    ports: dict[str, Port] = field(default_factory=dict)

    def blocks(self) -> bool:
        """Whether a drop policy is in force."""
        return any(policy.action == "drop" and policy.effective for policy in self.policies)


@dataclass(frozen=True, slots=True)
class Switch:
    """A Logical_Switch; `localnet` names the physical network and VLAN of an underlay one."""

    name: str
    cidr: str
    localnet: str = ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A moment at which a custom VPC's router had subnets attached and no drop policy."""

    router: str
    subnets: tuple[str, ...]
    after: str


_ROUTER, _SWITCH, _EXPOSURE = TypeAdapter(Router), TypeAdapter(Switch), TypeAdapter(Exposure)


class Northbound:
    """Rows by name, persisted one row per router and per switch, and the log of every exposed moment."""

    def __init__(self, database: sqlite3.Connection, default_router: str) -> None:
        self._database = database
        self._default_router = default_router
        self.routers: dict[str, Router] = {}
        self.switches: dict[str, Switch] = {}
        self.exposures: list[Exposure] = []
        database.executescript(
            "CREATE TABLE IF NOT EXISTS northbound (kind TEXT, name TEXT, row BLOB, PRIMARY KEY (kind, name));"
            "CREATE TABLE IF NOT EXISTS exposures (row BLOB);"
        )
        for kind, name, text in database.execute("SELECT kind, name, row FROM northbound"):
            if kind == "router":
                self.routers[name] = _ROUTER.validate_json(text)
            else:
                self.switches[name] = _SWITCH.validate_json(text)
        for (text,) in database.execute("SELECT row FROM exposures ORDER BY rowid"):
            self.exposures.append(_EXPOSURE.validate_json(text))

    def create_router(self, name: str) -> Router:
        """The router of that name, made if need be."""
        if name not in self.routers:
            self.routers[name] = Router(name)
            self._save(name, f"create router {name}")
        return self.routers[name]

    def delete_router(self, name: str) -> None:
        """Remove a router and all its rows."""
        if self.routers.pop(name, None):
            self._database.execute("DELETE FROM northbound WHERE kind = 'router' AND name = ?", (name,))

    def create_switch(self, switch: Switch) -> None:
        """Write a switch."""
        if self.switches.get(switch.name) != switch:
            self.switches[switch.name] = switch
            self._store("switch", switch.name, _SWITCH.dump_json(switch))

    def delete_switch(self, name: str) -> None:
        """Remove a switch."""
        if self.switches.pop(name, None):
            self._database.execute("DELETE FROM northbound WHERE kind = 'switch' AND name = ?", (name,))

    def add_policy(self, router: str, policy: Policy) -> None:
        """Add a policy, as AddLogicalRouterPolicy does: of one priority and match, only one row stays.

        Raises ConstraintError for a priority or an action outside OVN's schema, and for a router that is not there.
        """
        if not 0 <= policy.priority <= MAX_PRIORITY:
            raise ConstraintError(
                f"Logical_Router_Policy priority {policy.priority} is not in range 0 to {MAX_PRIORITY}"
            )
        if policy.action not in ACTIONS:
            raise ConstraintError(
                f"Logical_Router_Policy action {policy.action[:40]!r} is not one of {sorted(ACTIONS)}"
            )
        rows = self._existing(router).policies
        rows[:] = [row for row in rows if (row.priority, row.match) != (policy.priority, policy.match)]
        effective = is_match(policy.match)
        rows.append(Policy(policy.priority, policy.match, policy.action, policy.nexthops, effective, policy.owner))
        self._save(router, f"add policy {policy.priority} {policy.action}")

    def delete_policy(self, router: str, priority: int, match: str) -> None:
        """Remove the policies of one priority and match."""
        rows = self._existing(router).policies
        rows[:] = [row for row in rows if (row.priority, row.match) != (priority, match)]
        self._save(router, f"delete policy {priority}")

    def delete_policies_of(self, router: str, owner: str) -> None:
        """Remove the policies a subnet brought with it."""
        if router in self.routers:
            rows = self.routers[router].policies
            rows[:] = [row for row in rows if row.owner != owner]
            self._save(router, f"delete the policies of {owner}")

    def set_routes(self, router: str, routes: list[Route]) -> None:
        """Make the static routes exactly these."""
        row = self._existing(router)
        if row.routes != routes:
            row.routes = routes
            self._save(router, "set static routes")

    def add_nat(self, router: str, nat: Nat) -> None:
        """Add a NAT row; a floating IP replaces the one its external address had. Raises ConstraintError."""
        rows = self._existing(router).nats
        rows[:] = [row for row in rows if not _same_nat(row, nat.type, nat.external_ip, nat.logical_ip)]
        rows.append(nat)
        self._save(router, f"add {nat.type} {nat.external_ip}")

    def delete_nat(self, router: str, nat_type: str, external_ip: str, logical_ip: str) -> None:
        """Remove a NAT row, if it and its router are there."""
        if router in self.routers:
            rows = self.routers[router].nats
            rows[:] = [row for row in rows if not _same_nat(row, nat_type, external_ip, logical_ip)]
            self._save(router, f"delete {nat_type} {external_ip}")

    def add_port(self, router: str, port: Port) -> None:
        """Join a router to a switch. Raises ConstraintError without the router."""
        row = self._existing(router)
        if row.ports.get(port.name) != port:
            row.ports[port.name] = port
            self._save(router, f"add port {port.name}")

    def delete_port(self, name: str, router: str) -> None:
        """Remove a router port, if it and its router are there."""
        if router in self.routers and name in self.routers[router].ports:
            del self.routers[router].ports[name]
            self._save(router, f"delete port {name}")

    def dump(self) -> dict[str, Any]:
        """Everything, in one canonical order."""
        return {
            "routers": {name: _ordered(self.routers[name]) for name in sorted(self.routers)},
            "switches": {name: _SWITCH.dump_python(self.switches[name]) for name in sorted(self.switches)},
            "exposures": [_EXPOSURE.dump_python(exposure, mode="json") for exposure in self.exposures],
        }

    def _existing(self, router: str) -> Router:
        if router not in self.routers:
            raise ConstraintError(f"no logical router {router[:100]!r}")
        return self.routers[router]

    def _save(self, name: str, change: str) -> None:
        router = self.routers[name]
        self._store("router", name, _ROUTER.dump_json(router))
        attached = tuple(sorted(port.switch for port in router.ports.values() if not port.chassis))
        if attached and name != self._default_router and not router.blocks():
            exposure = Exposure(name, attached, change)
            self.exposures.append(exposure)
            self._database.execute("INSERT INTO exposures VALUES (?)", (_EXPOSURE.dump_json(exposure),))

    def _store(self, kind: str, name: str, row: bytes) -> None:
        self._database.execute("INSERT OR REPLACE INTO northbound VALUES (?, ?, ?)", (kind, name, row))


def _same_nat(row: Nat, nat_type: str, external_ip: str, logical_ip: str) -> bool:
    if (row.type, row.external_ip) != (nat_type, external_ip):
        return False
    # A dnat_and_snat row is identified by its external address alone (pkg/ovs/ovn-nb-nat.go, GetNat).
    return nat_type == "dnat_and_snat" or row.logical_ip == logical_ip


def _ordered(router: Router) -> dict[str, Any]:
    row: dict[str, Any] = _ROUTER.dump_python(router, mode="json")
    row["policies"].sort(key=lambda each: (-each["priority"], each["match"]))
    row["routes"].sort(key=lambda each: (each["table"], each["policy"], each["prefix"], each["nexthop"]))
    row["nats"].sort(key=lambda each: (each["type"], each["external_ip"], each["logical_ip"]))
    row["ports"] = dict(sorted(row["ports"].items()))
    return row
