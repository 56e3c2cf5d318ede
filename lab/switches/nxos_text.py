"""What Cisco NX-OS prints: its configuration and its `show` tables, in the formats of Nexus 9000 switches."""

from collections.abc import Collection

from lab.switches.configuration import ALL_VLANS, Configuration, Port, ranges
from lab.switches.device import default_vlan_name, indented
from lab.switches.switchport import allowed_lines, shortener, vlan_rows, wrapped

PORT_KINDS = ("Ethernet", "port-channel")
short = shortener({"Ethernet": "Eth", "port-channel": "Po"})
_RULE = "-" * 80
_TIME = "Tue Nov 24 09:12:07 2026"


def whole(name: str, configuration: Configuration) -> str:
    """`show running-config`."""
    return _headed("running-config", [*_head(name, configuration), *_ports(configuration), "line console", "line vty"])


def saved(name: str, configuration: Configuration) -> str:
    """`show startup-config`."""
    return _headed("startup-config", [*_head(name, configuration), *_ports(configuration), "line console", "line vty"])


def one_port(configuration: Configuration, port: str) -> str:
    """`show running-config interface ...`."""
    return _headed(f"running-config interface {port}", ["version 9.3(8)", "", *_port_lines(configuration.ports[port])])


def vlans_only(configuration: Configuration, only: Collection[int] | None = None) -> str:
    """`show running-config vlan`."""
    named = "" if only is None else f" {ranges(only)}"
    return _headed(f"running-config vlan{named}", ["version 9.3(8)", *_vlan_lines(configuration, only)])


def vlan_table(configuration: Configuration, only: int | None = None) -> str:
    """`show vlan brief`; trunks are in it, under every VLAN they let through."""
    lines = [
        "",
        "VLAN Name                             Status    Ports",
        "---- -------------------------------- --------- -------------------------------",
    ]
    for vlan, name in sorted(configuration.vlans.items()):
        if only is None or vlan == only:
            members = [short(port.name) for port in configuration.ports.values() if _is_member(port, vlan)]
            lines += vlan_rows(name, "active", vlan, members, width=31)
    return "\n".join([*lines, ""])


def vlan_details(configuration: Configuration) -> str:
    """What `show vlan` adds."""
    lines = ["", "VLAN Type         Vlan-mode", "---- -----        ----------"]
    lines += [f"{vlan:<4} enet         CE     " for vlan in sorted(configuration.vlans)]
    lines += ["", "Remote SPAN VLANs", "-" * 79, "", "Primary  Secondary  Type             Ports"]
    return "\n".join([*lines, "-------  ---------  ---------------  " + "-" * 43, "", ""])


def trunks(configuration: Configuration, only: str | None = None) -> str:
    """`show interface trunk`."""
    ports = [port for port in configuration.ports.values() if port.mode == "trunk" and only in {None, port.name}]
    lines = [
        "",
        _RULE,
        "Port          Native  Status        Port",
        "              Vlan                  Channel",
        _RULE,
    ]
    lines += [f"{short(port.name):<13} {port.native:<7} trunking      --" for port in ports]
    for title, keep in (
        ("Vlans Allowed on Trunk", ALL_VLANS),
        ("Vlans Err-disabled on Trunk", frozenset[int]()),
        ("STP Forwarding", frozenset(configuration.vlans)),
    ):
        lines += ["", _RULE, f"Port          {title}", _RULE]
        for port in ports:
            first, *more = wrapped(ranges(_allowed(port) & keep) or "none", width=65, indent=14)
            lines += [f"{short(port.name):<13} {first}", *more]
    return "\n".join([*lines, ""])


def switchports(configuration: Configuration, only: str | None = None) -> str:
    """`show interface switchport`."""
    lines: list[str] = []
    for port in configuration.ports.values():
        if only not in {None, port.name}:
            continue
        lines += [
            f"Name: {port.name}",
            "  Switchport: Enabled",
            "  Switchport Monitor: Not enabled ",
            f"  Operational Mode: {port.mode}",
            f"  Access Mode VLAN: {port.access} ({configuration.vlans.get(port.access, 'Vlan not created')})",
            f"  Trunking Native Mode VLAN: {port.native} ({configuration.vlans.get(port.native, 'Vlan not created')})",
            f"  Trunking VLANs Allowed: {ranges(_allowed(port)) or 'none'}",
            "  Voice VLAN: none",
            "  Extended Trust State : not trusted [COS = 0]",
            "  Administrative private-vlan primary host-association: none",
            "  Administrative private-vlan secondary host-association: none",
            "  Administrative private-vlan primary mapping: none",
            "  Administrative private-vlan secondary mapping: none",
            "  Administrative private-vlan trunk native VLAN: none",
            "  Administrative private-vlan trunk encapsulation: dot1q",
            "  Administrative private-vlan trunk normal VLANs: none",
            "  Administrative private-vlan trunk private VLANs: none",
            "  Operational private-vlan: none",
        ]
    return "\n".join(lines)


def version(name: str) -> str:
    """`show version`, as much of it as tells what this is."""
    return (
        "Cisco Nexus Operating System (NX-OS) Software\n"
        "TAC support: http://www.cisco.com/tac\n\n"
        "Software\n  BIOS: version 05.45\n NXOS: version 9.3(8)\n\n"
        f"Hardware\n  cisco Nexus9000 C93180YC-EX chassis\n  Device name: {name}\n"
    )


def _headed(command: str, body: list[str]) -> str:
    head = ["", f"!Command: show {command}", f"!Running configuration last done at: {_TIME}", f"!Time: {_TIME}", ""]
    return "\n".join([*head, *body, ""])


def _head(name: str, configuration: Configuration) -> list[str]:
    return [
        "version 9.3(8) Bios:version 05.45",
        f"hostname {name}",
        "feature lldp",
        *configuration.other,
        *_vlan_lines(configuration),
    ]


def _vlan_lines(configuration: Configuration, only: Collection[int] | None = None) -> list[str]:
    """All IDs on one line, then those that have a name of their own."""
    shown = {vlan: name for vlan, name in sorted(configuration.vlans.items()) if only is None or vlan in only}
    lines = [f"vlan {ranges(shown)}"] if shown else []
    for vlan, name in shown.items():
        if vlan != 1 and name != default_vlan_name(vlan):
            lines += [f"vlan {vlan}", f"  name {name}"]
    return [*lines, ""]


def _ports(configuration: Configuration) -> list[str]:
    return [line for port in configuration.ports.values() for line in (*_port_lines(port), "")]


def _port_lines(port: Port) -> list[str]:
    lines = [line for line in port.other if line.startswith("description ")]
    if port.mode == "trunk":
        lines.append("switchport mode trunk")
    if port.access != 1:
        lines.append(f"switchport access vlan {port.access}")
    if port.native != 1:
        lines.append(f"switchport trunk native vlan {port.native}")
    lines += allowed_lines(port.allowed, indent=2)
    lines += [line for line in port.other if not line.startswith("description ")]
    return [f"interface {port.name}", *indented(lines, 2)]


def _allowed(port: Port) -> frozenset[int]:
    return ALL_VLANS if port.allowed is None else port.allowed


def _is_member(port: Port, vlan: int) -> bool:
    return port.carries(vlan) if port.mode == "trunk" else port.mode == "access" and port.access == vlan
