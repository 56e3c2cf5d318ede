"""What Arista EOS prints: its configuration and its `show` tables."""

from collections.abc import Collection

from lab.switches import eos_routes
from lab.switches.configuration import ALL_VLANS, Configuration, Port, ranges
from lab.switches.device import default_vlan_name, indented
from lab.switches.switchport import shortener, vlan_rows

PORT_KINDS = ("Ethernet", "Port-Channel")
short = shortener({"Ethernet": "Et", "Port-Channel": "Po"})


def whole(name: str, configuration: Configuration) -> str:
    """`show running-config`."""
    return "\n".join([*_headed("running-config", name), *_body(name, configuration)])


def saved(name: str, configuration: Configuration) -> str:
    """`show startup-config`."""
    return "\n".join([*_headed("startup-config", name), *_body(name, configuration)])


def candidate(name: str, configuration: Configuration) -> str:
    """`show session-config`."""
    return "\n".join([*_headed("session-config", name), *_body(name, configuration)])


def one_port(configuration: Configuration, port: str) -> str:
    """`show running-config interfaces ...`."""
    return "\n".join(_port_lines(configuration.ports[port]))


def vlans_only(configuration: Configuration, only: Collection[int]) -> str:
    """`show running-config section vlan`, for some of them."""
    return "\n".join(_vlan_lines(configuration, only))


def vlan_table(configuration: Configuration, only: Collection[int] | None = None) -> str:
    """`show vlan`; trunks are in it, under every VLAN they let through."""
    lines = [
        "VLAN  Name                             Status    Ports",
        "----- -------------------------------- --------- -------------------------------",
    ]
    for vlan, name in sorted(configuration.vlans.items()):
        if only is None or vlan in only:
            members = [short(port.name) for port in configuration.ports.values() if _is_member(port, vlan)]
            lines += vlan_rows(name, "active", vlan, members, width=31, number_width=5)
    return "\n".join([*lines, ""])


def trunks(configuration: Configuration, only: str | None = None) -> str:
    """`show interfaces trunk`."""
    ports = [port for port in configuration.ports.values() if port.mode == "trunk" and only in {None, port.name}]
    lines = ["Port            Mode            Status          Native vlan"]
    lines += [f"{short(port.name):<15} trunk           trunking        {port.native}" for port in ports]
    known = frozenset(configuration.vlans)
    for title, keep in (
        ("Vlans allowed", ALL_VLANS),
        ("Vlans allowed and active in management domain", known),
        ("Vlans in spanning tree forwarding state", known),
    ):
        lines += ["", f"Port            {title}"]
        lines += [f"{short(port.name):<15} {_list(_allowed(port) & keep) or 'None'}" for port in ports]
    return "\n".join([*lines, ""])


def switchports(configuration: Configuration, only: str | None = None) -> str:
    """`show interfaces switchport`."""
    lines: list[str] = []
    for port in configuration.ports.values():
        if only not in {None, port.name}:
            continue
        mode = "trunk" if port.mode == "trunk" else "static access"
        allowed = "ALL" if port.allowed is None else _list(port.allowed) or "NONE"
        lines += [
            f"Name: {short(port.name)}",
            "Switchport: Enabled",
            f"Administrative Mode: {mode}",
            f"Operational Mode: {mode}",
            "MAC Address Learning: enabled",
            "Dot1q ethertype/TPID: 0x8100 (active)",
            "Dot1q VLAN Tag: Allowed",
            f"Access Mode VLAN: {port.access} ({configuration.vlans.get(port.access, 'inactive')})",
            f"Trunking Native Mode VLAN: {port.native} ({configuration.vlans.get(port.native, 'inactive')})",
            "Administrative Native VLAN tagging: disabled",
            f"Trunking VLANs Enabled: {allowed}",
            "Static Trunk Groups:",
            "Dynamic Trunk Groups:",
            "Source interface filtering: enabled",
            "",
        ]
    return "\n".join(lines)


def sessions(pending: Collection[str], unconfirmed: str, here: str, limit: int) -> str:
    """`show configuration sessions`."""
    rows = dict.fromkeys(pending, "pending")
    if unconfirmed:
        rows[unconfirmed] = "pendingCommitTimer"
    width = max([4, *(len(name) for name in rows)])
    lines = ["Maximum number of completed sessions: 1", f"Maximum number of pending sessions: {limit}", ""]
    lines += [
        f"  {'Name':<{width}} State              User  Terminal",
        f"  {'-' * width} ------------------ ----- --------",
    ]
    lines += [f"{'*' if name == here else ' '} {name:<{width}} {state:<18}      " for name, state in rows.items()]
    return "\n".join([*lines, ""])


def version(name: str) -> str:
    """`show version`, as much of it as tells what this is."""
    return f"Arista DCS-7050TX-64-R\nHostname: {name}\n\nSoftware image version: 4.28.3M\nArchitecture: i686\n"


def _list(vlans: Collection[int]) -> str:
    """EOS writes two neighbours as a range as well."""
    return ranges(vlans)


def _headed(command: str, name: str) -> list[str]:
    return [f"! Command: show {command}", f"! device: {name} (DCS-7050TX-64, EOS-4.28.3M)", "!"]


def _body(name: str, configuration: Configuration) -> list[str]:
    lines = ["! boot system flash:/EOS-4.28.3M.swi", "!", f"hostname {name}", "!"]
    for line in configuration.other:
        lines += [line, "!"]
    lines += _vlan_lines(configuration)
    for port in configuration.ports.values():
        lines += [*_port_lines(port), "!"]
    if routes := eos_routes.lines(configuration):
        lines += [*routes, "!"]
    return [*lines, "end"]


def _vlan_lines(configuration: Configuration, only: Collection[int] | None = None) -> list[str]:
    """VLANs without a name of their own share a line."""
    shown = {v: name for v, name in sorted(configuration.vlans.items()) if v != 1 and (only is None or v in only)}
    nameless = [vlan for vlan, name in shown.items() if name == default_vlan_name(vlan)]
    lines = [f"vlan {ranges(nameless)}", "!"] if nameless else []
    for vlan, name in shown.items():
        if vlan not in nameless:
            lines += [f"vlan {vlan}", f"   name {name}", "!"]
    return lines


def _port_lines(port: Port) -> list[str]:
    lines = [line for line in port.other if line.startswith("description ")]
    if port.mode == "routed":
        lines.append("no switchport")
    lines += [f"{'ipv6' if ':' in one else 'ip'} address {one}" for one in port.addresses]
    if port.access != 1:
        lines.append(f"switchport access vlan {port.access}")
    if port.native != 1:
        lines.append(f"switchport trunk native vlan {port.native}")
    if port.allowed is not None:
        lines.append(f"switchport trunk allowed vlan {_list(port.allowed) or 'none'}")
    if port.mode == "trunk":
        lines.append("switchport mode trunk")
    lines += [line for line in port.other if not line.startswith("description ")]
    return [f"interface {port.name}", *indented(lines, 3)]


def _allowed(port: Port) -> frozenset[int]:
    return ALL_VLANS if port.allowed is None else port.allowed


def _is_member(port: Port, vlan: int) -> bool:
    return port.carries(vlan) if port.mode == "trunk" else port.mode == "access" and port.access == vlan
