"""Aruba AOS-CX: each line takes effect at once, `write memory` saves."""

import re
from collections.abc import Mapping

from clients.devices.command_line import CommandLine, Saving
from clients.devices.dialect import EVERY_VLAN, Carried, Dialect, NoTrunkError, Reading
from clients.devices.dialects.cisco_like import numbers_of, port_section, vlans_by_template


def parse_port(output: str, port: str, vlans: Mapping[int, str]) -> Carried:
    """`vlan trunk allowed`; `all` where nothing is restricted."""
    section = port_section(output, re.sub(r"^lag", "lag ", port))
    if not any(line.startswith("vlan trunk ") for line in section):
        raise NoTrunkError("the port is no trunk (no `vlan trunk` line is set)")
    carried = frozenset[int]()
    for line in section:
        if line == "vlan trunk allowed all":
            return EVERY_VLAN
        if line.startswith("vlan trunk allowed "):
            carried |= numbers_of(line.removeprefix("vlan trunk allowed "), line)
    return carried


ARUBA_AOSCX = Dialect(
    platform="aruba-aoscx",
    cli=CommandLine(
        device_type="aruba_aoscx",
        prompt=r"{host}(?:\([^)\n]*\))?[#>]",
        errors=re.compile(
            r"^\s*(?:% ?\S|Invalid input|Ambiguous|Error|Operation not allowed|Failed|Cannot|VLAN .*(?:not|invalid|reserved))",
            re.IGNORECASE,
        ),
        saving=Saving(
            command="copy running-config startup-config",
            success=re.compile(r"Success|Copying configuration: \[.*\]"),
            questions={r"\(y/n\)\?": "y"},
        ),
    ),
    create=("vlan {vlan}", "name {name}", "exit"),
    delete=("no vlan {vlan}",),
    join=("interface {port}", "vlan trunk allowed {vlan}", "exit"),
    leave=("interface {port}", "no vlan trunk allowed {vlan}", "exit"),
    reading=Reading(
        vlans="show vlan",
        parse_vlans=vlans_by_template("aruba_aoscx", "show vlan"),
        port="show running-config interface {port}",
        parse_port=parse_port,
    ),
    port_words=("^lag", "lag "),
    tried="documentation",
    sources=(
        "AOS-CX Layer 2 Bridging Guide: `vlan`, `name`, `vlan trunk allowed`, which adds to the list",
        "AOS-CX Fundamentals Guide: `copy running-config startup-config`",
        "ntc-templates, tests/aruba_aoscx/show_vlan: the form of `show vlan`",
    ),
    known=("A VLAN is there as soon as `vlan` is entered, under a name of the switch's own (`VLAN100`).",),
)
