"""Simulated edge routers for the tests: each has a network of its own, on its first port."""

from typing import Any

from netmiko import ConnectHandler

from lab.switches import Switch, routed
from lab.switches.dialects import DialectName
from tests.lab.switches.client import PASSWORD, login

OWN, OWN6 = "203.0.113.1/24", "2001:db8:f::1/64"
DEVICE_TYPES: dict[DialectName, str] = {
    "cisco-iosxe": "cisco_ios",
    "arista-eos": "arista_eos",
    "juniper-junos": "juniper_junos",
    "vyos": "vyos",
}
FIRST_PORTS: dict[DialectName, str] = {
    "cisco-iosxe": "GigabitEthernet1",
    "arista-eos": "Ethernet1",
    "juniper-junos": "ge-0/0/0",
    "vyos": "eth0",
}


def router(dialect: DialectName, **fields: Any) -> Switch:
    """A router that nobody has configured a static route on."""
    ports = [routed(FIRST_PORTS[dialect], OWN, OWN6)]
    return Switch(dialect, name="edge-1", login=login(), **{"ports": ports, **fields})


def in_netmiko(switch: Switch, work: Any) -> Any:
    """What `work` makes of a connection; blocking."""
    with ConnectHandler(
        device_type=DEVICE_TYPES[switch.dialect],
        host="127.0.0.1",
        port=switch.port,
        username="berth",
        password=PASSWORD,
    ) as connection:
        return work(connection)
