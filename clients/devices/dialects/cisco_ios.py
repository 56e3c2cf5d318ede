"""Cisco IOS and IOS-XE: each line takes effect at once, `write memory` saves."""

import re

from clients.devices.command_line import CommandLine, Saving
from clients.devices.dialect import Dialect, Reading
from clients.devices.dialects.cisco_like import switchport_trunk, vlans_by_template

CISCO_IOS = Dialect(
    platform="cisco-ios",
    cli=CommandLine(
        device_type="cisco_ios",
        # The host's part is cut to 20 characters in the configuration mode.
        prompt=r"{host}[^\s#>()]*(?:\([^)\n]*\))?[#>]",
        errors=re.compile(
            r"^\s*% ?(?:Invalid|Incomplete|Ambiguous|Bad|Unknown|Unrecognized|Authorization|VLANs?\b|Error|Default|Cannot|"
            r"Command|Failed|Not|Warning: VLAN)|^\s*%(?:VLAN|Default|Failed)\b.*|rejected|^Command (?:rejected|authorization)"
            r"|^(?:ERROR|error):|^VLAN .* (?:not allowed|already)",
            re.IGNORECASE,
        ),
        saving=Saving(
            command="write memory",
            success=re.compile(r"\[OK\]"),
            questions={r"\[confirm\]": "", r"filename \[startup-config\]": ""},
        ),
    ),
    create=("vlan {vlan}", "name {name}", "exit"),
    delete=("no vlan {vlan}",),
    join=("interface {port}", "switchport trunk allowed vlan add {vlan}", "exit"),
    leave=("interface {port}", "switchport trunk allowed vlan remove {vlan}", "exit"),
    reading=Reading(
        vlans="show vlan brief",
        parse_vlans=vlans_by_template("cisco_ios", "show vlan brief"),
        port="show running-config interface {port}",
        parse_port=switchport_trunk,
    ),
    tried="simulator",
    sources=(
        "Cisco IOS LAN Switching Command Reference: `vlan`, `switchport trunk allowed vlan`, `show vlan`",
        "Cisco IOS Configuration Fundamentals Command Reference: `copy running-config startup-config`",
    ),
    known=(
        "A VLAN takes effect when its configuration mode is left, hence the `exit`.",
        "`switchport trunk allowed vlan` without `add` or `remove` replaces the list: Berth never sends it so.",
        "IDs 1002 to 1005 belong to the switch.",
        "As a VTP client a switch refuses to make VLANs: the request is refused with the switch's words.",
        "`write memory` saves everything that is running, unsaved changes of other people as well.",
    ),
)
