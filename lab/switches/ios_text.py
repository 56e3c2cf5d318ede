"""What Cisco IOS prints: its configuration and its `show` tables, in the formats of Catalyst switches."""

from collections.abc import Collection
from ipaddress import ip_interface

from lab.switches import ios_routes
from lab.switches.configuration import ALL_VLANS, Configuration, Port, ranges
from lab.switches.device import default_vlan_name, indented
from lab.switches.switchport import allowed_lines, shortener, vlan_rows, wrapped

PORT_KINDS = (
    "GigabitEthernet",
    "TenGigabitEthernet",
    "TwentyFiveGigE",
    "TwoGigabitEthernet",
    "FortyGigabitEthernet",
    "FiveGigabitEthernet",
    "FastEthernet",
    "HundredGigE",
    "Ethernet",
    "Port-channel",
)
_SHORT = {"TwentyFiveGigE": "Twe", "TwoGigabitEthernet": "Tw", "FiveGigabitEthernet": "Fi"}
short = shortener(_SHORT)
_TERMINALS = ("line con 0", "line vty 0 15", " login local", " transport input ssh", "!", "end")
FIXED = {1002: "fddi-default", 1003: "token-ring-default", 1004: "fddinet-default", 1005: "trnet-default"}
_DETAILS = {
    1002: "1002 fddi  101002     1500  -      -      -        -    -        0      0   ",
    1003: "1003 tr    101003     1500  -      -      -        -    -        0      0   ",
    1004: "1004 fdnet 101004     1500  -      -      -        ieee -        0      0   ",
    1005: "1005 trnet 101005     1500  -      -      -        ibm  -        0      0   ",
}


def whole(name: str, configuration: Configuration) -> str:
    """`show running-config`."""
    body = [
        "!",
        "version 15.2",
        "no service pad",
        "!",
        f"hostname {name}",
        "!",
        "vtp mode transparent",
        "!",
        *configuration.other,
        "!",
        *_vlan_lines(configuration),
        *(line for port in configuration.ports.values() for line in (*_port_lines(port), "!")),
        *_routes(configuration),
        *_TERMINALS,
    ]
    return _headed(body)


def whole_router(name: str, configuration: Configuration) -> str:
    """`show running-config` of a router with IOS-XE."""
    body = [
        "!",
        "version 17.3",
        "service timestamps debug datetime msec",
        "service timestamps log datetime msec",
        "!",
        f"hostname {name}",
        "!",
        *configuration.other,
        "!",
        *(line for port in configuration.ports.values() for line in (*_routed_lines(port), "!")),
        "ip forward-protocol nd",
        "no ip http server",
        *_routes(configuration),
        *_TERMINALS,
    ]
    return _headed(body)


def saved(name: str, configuration: Configuration) -> str:
    """`show startup-config`."""
    return _saved(whole(name, configuration))


def saved_router(name: str, configuration: Configuration) -> str:
    """`show startup-config` of a router with IOS-XE."""
    return _saved(whole_router(name, configuration))


def one_port(configuration: Configuration, port: str) -> str:
    """`show running-config interface ...`."""
    return _headed(["!", *_port_lines(configuration.ports[port]), "end", ""])


def one_routed_port(configuration: Configuration, port: str) -> str:
    """`show running-config interface ...` of a router with IOS-XE."""
    return _headed(["!", *_routed_lines(configuration.ports[port]), "end", ""])


def vlans_only(configuration: Configuration, only: Collection[int] | None = None) -> str:
    """`show running-config vlan`."""
    return "\n".join(
        ["Building configuration...", "", "Current configuration:", *_vlan_lines(configuration, only), "end"]
    )


def vlan_table(configuration: Configuration, only: int | None = None) -> str:
    """`show vlan brief`; trunks are not in it."""
    vlans = {**configuration.vlans, **FIXED}
    lines = [
        "",
        "VLAN Name                             Status    Ports",
        "---- -------------------------------- --------- -------------------------------",
    ]
    for vlan, name in sorted(vlans.items()):
        if only is None or vlan == only:
            members = [short(port.name) for port in configuration.ports.values() if _is_member(port, vlan)]
            lines += vlan_rows(name, "act/unsup" if vlan in FIXED else "active", vlan, members, width=31)
    return "\n".join([*lines, ""])


def vlan_details(configuration: Configuration) -> str:
    """What `show vlan` adds."""
    lines = [
        "",
        "VLAN Type  SAID       MTU   Parent RingNo BridgeNo Stp  BrdgMode Trans1 Trans2",
        "---- ----- ---------- ----- ------ ------ -------- ---- -------- ------ ------",
    ]
    lines += [
        _DETAILS.get(vlan)
        or f"{vlan:<4} enet  {100000 + vlan:<10} 1500  -      -      -        -    -        0      0   "
        for vlan in sorted({*configuration.vlans, *FIXED})
    ]
    lines += ["", "Remote SPAN VLANs", "-" * 78, "", "", "Primary Secondary Type              Ports"]
    return "\n".join([*lines, "------- --------- ----------------- " + "-" * 42, ""])


def trunks(configuration: Configuration, only: str | None = None) -> str:
    """`show interfaces trunk`; nothing at all where no port is one."""
    ports = [
        port
        for port in configuration.ports.values()
        if port.mode == "trunk" and only in {None, port.name} and _is_up(port)
    ]
    if not ports:
        return ""
    known = {*configuration.vlans, *FIXED}
    lines = ["", "Port        Mode             Encapsulation  Status        Native vlan"]
    lines += [f"{short(port.name):<11} on               802.1q         trunking      {port.native}" for port in ports]
    for title, keep in (
        ("Vlans allowed on trunk", ALL_VLANS),
        ("Vlans allowed and active in management domain", known - set(FIXED)),
        ("Vlans in spanning tree forwarding state and not pruned", known - set(FIXED)),
    ):
        lines += ["", f"Port        {title}"]
        for port in ports:
            allowed = (ALL_VLANS if port.allowed is None else port.allowed) & keep
            first, *more = wrapped(ranges(allowed) or "none", width=67, indent=12)
            lines += [f"{short(port.name):<11} {first}", *more]
    return "\n".join(lines)


def switchports(configuration: Configuration, only: str | None = None) -> str:
    """`show interfaces switchport`."""
    return "\n".join(
        line
        for port in configuration.ports.values()
        if only in {None, port.name}
        for line in _switchport(configuration, port)
    )


def status(configuration: Configuration) -> str:
    """`show interfaces status`."""
    lines = ["", "Port      Name               Status       Vlan       Duplex  Speed Type"]
    for port in configuration.ports.values():
        text = next((line[12:] for line in port.other if line.startswith("description ")), "")[:18]
        state = "connected" if _is_up(port) else "disabled"
        vlan = "trunk" if port.mode == "trunk" else str(port.access)
        lines.append(f"{short(port.name):<9} {text:<18} {state:<12} {vlan:<10} a-full a-1000 10/100/1000BaseTX")
    return "\n".join(lines)


def version(name: str) -> str:
    """`show version`, as much of it as tells what this is."""
    return (
        "Cisco IOS Software, C3750E Software (C3750E-UNIVERSALK9-M), Version 15.2(4)E10, RELEASE SOFTWARE (fc2)\n"
        "Technical Support: http://www.cisco.com/techsupport\n\n"
        f"{name} uptime is 1 week, 2 days, 3 hours, 4 minutes\n"
        'System image file is "flash:/c3750e-universalk9-mz.152-4.E10.bin"\n\n'
        "Configuration register is 0xF\n"
    )


def version_router(name: str) -> str:
    """`show version` of a router with IOS-XE, as much of it as tells what this is."""
    return (
        "Cisco IOS XE Software, Version 17.03.04a\n"
        "Cisco IOS Software [Amsterdam], Virtual XE Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.3.4a,"
        " RELEASE SOFTWARE (fc3)\n\n"
        f"{name} uptime is 1 week, 2 days, 3 hours, 4 minutes\n"
        'System image file is "bootflash:packages.conf"\n\n'
        "cisco CSR1000V (VXE) processor (revision VXE) with 2071680K/3075K bytes of memory.\n\n"
        "Configuration register is 0x2102\n"
    )


def vtp(configuration: Configuration) -> str:
    """`show vtp status`, as much of it as matters here."""
    return (
        "VTP Version capable             : 1 to 3\n"
        "VTP version running             : 1\n"
        "VTP Domain Name                 : \n"
        "VTP Operating Mode                : Transparent\n"
        "Maximum VLANs supported locally   : 1005\n"
        f"Number of existing VLANs          : {len({*configuration.vlans, *FIXED})}\n"
    )


def _routes(configuration: Configuration) -> list[str]:
    found = ios_routes.lines(configuration)
    return [*found, "!"] if found else []


def _saved(running: str) -> str:
    body = running.partition("bytes\n")[2]
    return f"Using {len(body)} out of 2097152 bytes\n{body}"


def _headed(body: list[str]) -> str:
    text = "\n".join(body)
    return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n{text}"


def _vlan_lines(configuration: Configuration, only: Collection[int] | None = None) -> list[str]:
    """VLANs without a name of their own share a line, up to the next that has one."""
    lines: list[str] = []
    nameless: list[int] = []
    for vlan, name in sorted(configuration.vlans.items()):
        if vlan == 1 or (only is not None and vlan not in only):
            continue
        if name == default_vlan_name(vlan):
            nameless.append(vlan)
            continue
        if nameless:
            lines += [f"vlan {ranges(nameless)}", "!"]
            nameless = []
        lines += [f"vlan {vlan}", f" name {name}", "!"]
    return [*lines, *([f"vlan {ranges(nameless)}", "!"] if nameless else [])]


def _port_lines(port: Port) -> list[str]:
    lines = [line for line in port.other if line.startswith("description ")]
    if port.mode == "routed":
        lines.append("no switchport")
    lines += _addresses(port)
    if port.access != 1:
        lines.append(f"switchport access vlan {port.access}")
    if port.native != 1:
        lines.append(f"switchport trunk native vlan {port.native}")
    lines += allowed_lines(port.allowed)
    if port.mode == "trunk":
        lines.append("switchport mode trunk")
    lines += [line for line in port.other if not line.startswith("description ")]
    return [f"interface {port.name}", *indented(lines, 1)]


def _routed_lines(port: Port) -> list[str]:
    lines = [line for line in port.other if line.startswith("description ")]
    lines += _addresses(port) or ["no ip address"]
    lines += [line for line in port.other if not line.startswith("description ")]
    return [f"interface {port.name}", *indented(lines, 1)]


def _addresses(port: Port) -> list[str]:
    found = [ip_interface(one) for one in port.addresses]
    return [
        f"ip address {one.ip} {one.netmask}" if one.version == 4 else f"ipv6 address {str(one).upper()}"
        for one in found
    ]


def _switchport(configuration: Configuration, port: Port) -> list[str]:
    operational = ("trunk" if port.mode == "trunk" else "static access") if _is_up(port) else "down"
    allowed = "ALL" if port.allowed is None else ranges(port.allowed) or "NONE"
    first, *more = wrapped(allowed, width=56, indent=5)
    return [
        f"Name: {short(port.name)}",
        "Switchport: Enabled",
        f"Administrative Mode: {'trunk' if port.mode == 'trunk' else 'static access'}",
        f"Operational Mode: {operational}",
        f"Administrative Trunking Encapsulation: {'dot1q' if port.mode == 'trunk' else 'negotiate'}",
        f"Operational Trunking Encapsulation: {'dot1q' if port.mode == 'trunk' else 'native'}",
        f"Negotiation of Trunking: {'On' if port.mode == 'trunk' else 'Off'}",
        f"Access Mode VLAN: {port.access} ({configuration.vlans.get(port.access, 'Inactive')})",
        f"Trunking Native Mode VLAN: {port.native} ({configuration.vlans.get(port.native, 'Inactive')})",
        "Administrative Native VLAN tagging: enabled",
        "Voice VLAN: none",
        "Administrative private-vlan host-association: none ",
        "Administrative private-vlan mapping: none ",
        "Administrative private-vlan trunk native VLAN: none",
        "Administrative private-vlan trunk Native VLAN tagging: enabled",
        "Administrative private-vlan trunk encapsulation: dot1q",
        "Administrative private-vlan trunk normal VLANs: none",
        "Administrative private-vlan trunk associations: none",
        "Administrative private-vlan trunk mappings: none",
        "Operational private-vlan: none",
        f"Trunking VLANs Enabled: {first}",
        *more,
        "Pruning VLANs Enabled: 2-1001",
        "Capture Mode Disabled",
        "Capture VLANs Allowed: ALL",
        "",
        "Protected: false",
        "Unknown unicast blocked: disabled",
        "Unknown multicast blocked: disabled",
        "Appliance trust: none",
        "",
    ]


def _is_member(port: Port, vlan: int) -> bool:
    return port.mode == "access" and port.access == vlan


def _is_up(port: Port) -> bool:
    return "shutdown" not in port.other
