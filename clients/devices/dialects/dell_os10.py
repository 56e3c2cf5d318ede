"""Dell SmartFabric OS10: each line takes effect at once; a VLAN is an interface, and its description is its name."""

import re
from collections.abc import Mapping

from clients.devices.command_line import CommandLine, Saving, UnreadableError
from clients.devices.dialect import Carried, Dialect, NoTrunkError, Reading, Vlans
from clients.devices.dialects.cisco_like import numbers_of, port_section
from tenancy.mistakes import shown


def parse_vlans(output: str) -> Vlans:
    """`show running-configuration interface`: every section, of which those of VLANs count."""
    lines = [line.rstrip() for line in output.replace("\r", "").split("\n")]
    heads = [line.removeprefix("interface ") for line in lines if line.startswith("interface ")]
    numbers = [int(head[4:].strip()) for head in heads if re.fullmatch(r"vlan ?[0-9]{1,4}", head)]
    if 1 not in numbers:
        raise UnreadableError(f"`show running-configuration interface` tells no VLAN 1: {shown(output.strip())}")
    names, bare = {}, set()
    for number in numbers:
        head = next(head for head in heads if head.replace(" ", "") == f"vlan{number}")
        section = port_section(output, head)
        described = [line.removeprefix("description ") for line in section if line.startswith("description ")]
        names[number] = described[0].strip('"') if described else ""
        if not set(section) - {"!", "", "no shutdown", "shutdown"}:
            bare.add(number)
    used = {
        number
        for line in lines
        if (found := re.fullmatch(r" switchport (?:access|trunk allowed) vlan (\S+)", line))
        for number in numbers_of(found[1], line)
    }
    return Vlans(names, frozenset(bare - used - {1}))


def parse_port(output: str, port: str, vlans: Mapping[int, str]) -> Carried:
    """A trunk of OS10 carries what its list says, and nothing without one."""
    section = port_section(output, port)
    if "switchport mode trunk" not in section:
        raise NoTrunkError("the port is no trunk (`switchport mode trunk` is not set)")
    carried = frozenset[int]()
    for line in section:
        if line.startswith("switchport trunk allowed vlan "):
            carried |= numbers_of(line.removeprefix("switchport trunk allowed vlan "), line)
    return carried


DELL_OS10 = Dialect(
    platform="dell-os10",
    cli=CommandLine(
        device_type="dell_os10",
        prompt=r"{host}(?:\([^)\n]*\))?[#>]",
        errors=re.compile(r"^\s*% ?(?:Error|Invalid|Incomplete|Warning)|^\s*Error:|^\s*% ", re.IGNORECASE),
        saving=Saving(
            command="copy running-configuration startup-configuration",
            success=re.compile(r"[Cc]opy completed|Copying completed|100%"),
        ),
    ),
    create=("interface vlan {vlan}", "description {name}", "exit"),
    delete=("no interface vlan {vlan}",),
    join=("interface {port}", "switchport trunk allowed vlan {vlan}", "exit"),
    leave=("interface {port}", "no switchport trunk allowed vlan {vlan}", "exit"),
    reading=Reading(
        vlans="show running-configuration interface",
        parse_vlans=parse_vlans,
        port="show running-configuration interface {port}",
        parse_port=parse_port,
    ),
    tried="documentation",
    sources=(
        "Dell SmartFabric OS10 User Guide: VLANs, `interface vlan`, `description`",
        "Dell SmartFabric OS10 User Guide: `switchport trunk allowed vlan`, which adds to the list",
    ),
    known=(
        "A VLAN has no name there; its description bears the tenant's name, and tells whose it is.",
        "VLAN 4094 is the switch's own: leave it out of the platform's range.",
    ),
)
