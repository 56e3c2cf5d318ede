"""Cisco NX-OS: each line takes effect at once, `copy running-config startup-config` saves."""

import re

from clients.devices.command_line import CommandLine, Saving
from clients.devices.dialect import Dialect, Reading
from clients.devices.dialects.cisco_like import switchport_trunk, vlans_by_template

CISCO_NXOS = Dialect(
    platform="cisco-nxos",
    cli=CommandLine(
        device_type="cisco_nxos",
        prompt=r"{host}(?:\([^)\n]*\))?[#>]",
        errors=re.compile(
            r"^\s*% ?\S|^\s*(?:ERROR|error|Error):|^\s*Invalid |^\s*Syntax error|aborted|^VLAN .*not found|% String",
            re.IGNORECASE,
        ),
        saving=Saving(
            command="copy running-config startup-config",
            success=re.compile(r"Copy complete\.|\[#{40}\]\s+100%"),
        ),
    ),
    create=("vlan {vlan}", "name {name}", "exit"),
    delete=("no vlan {vlan}",),
    join=("interface {port}", "switchport trunk allowed vlan add {vlan}", "exit"),
    leave=("interface {port}", "switchport trunk allowed vlan remove {vlan}", "exit"),
    reading=Reading(
        vlans="show vlan brief",
        parse_vlans=vlans_by_template("cisco_nxos", "show vlan brief"),
        port="show running-config interface {port}",
        parse_port=switchport_trunk,
    ),
    tried="simulator",
    sources=(
        "Cisco Nexus 9000 Series NX-OS Layer 2 Switching Configuration Guide: Configuring VLANs",
        "Cisco Nexus 9000 Series NX-OS Fundamentals Configuration Guide: `copy running-config startup-config`",
    ),
    known=(
        "A VLAN is there as soon as `vlan` is entered; a session that is lost before the next line leaves one without a "
        "name, which Berth takes up again as long as no port is in it.",
        "The switch keeps some IDs for itself (3968 to 4094 on the Nexus 9000): leave them out of the platform's range.",
    ),
)
