"""Cisco IOS-XE on a router: IOS without what only switches have; its ports are routed."""

from collections.abc import Sequence
from dataclasses import replace

from lab.switches import ios, ios_routes, ios_text, lines
from lab.switches.configuration import Port
from lab.switches.grammar import Command

DEFAULT_PORTS = tuple(Port(f"GigabitEthernet{number}", mode="routed") for number in range(1, 5))
TERMINAL_LINES = 16
_SWITCHING = {"vlan", "trunk", "switchport", "vtp", "status"}
_UNRELATED = (*ios.UNRELATED, "route-map", "platform", "license")


def _of_a_router(commands: Sequence[Command], *own: Command) -> tuple[Command, ...]:
    """Those of a switch, without VLANs and with a router's own in the place of the same."""
    taken = {command.pattern for command in own}
    return (
        *(one for one in commands if not _SWITCHING.intersection(one.words) and one.pattern not in taken),
        *own,
    )


_VERSION = Command("show version", lambda shell: ios_text.version_router(shell.device.name))

IOSXE = replace(
    ios.IOS,
    name="cisco-iosxe",
    commands={
        "user": _of_a_router(ios.IOS.commands["user"], _VERSION),
        "exec": _of_a_router(
            ios.IOS.commands["exec"],
            _VERSION,
            Command("show running-config", lambda shell: ios_text.whole_router(shell.device.name, shell.running)),
            Command(
                "show running-config interface <port>",
                lambda shell, port: ios_text.one_routed_port(shell.running, shell.port(port)),
            ),
            Command("show startup-config", lambda shell: ios_text.saved_router(shell.device.name, shell.store.startup)),
        ),
        "config": (
            Command("end", lines.to_mode("exec")),
            Command("do <line>", lines.do),
            Command("exit", lines.to_mode("exec")),
            Command("interface <port>", lines.interface),
            *ios_routes.CONFIG,
            *lines.unrelated(_UNRELATED),
        ),
        "config-if": (
            Command("end", lines.to_mode("exec")),
            Command("do <line>", lines.do),
            Command("exit", lines.to_mode("config")),
            *lines.ADDRESSES,
            *lines.DOWN,
            *lines.unrelated_of_ports(("description", "speed", "duplex", "mtu", "negotiation", "cdp", "load-interval")),
        ),
    },
    text=ios_text.whole_router,
)
