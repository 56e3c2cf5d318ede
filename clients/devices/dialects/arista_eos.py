"""Arista EOS: lines are staged in a configuration session, `commit timer` puts them into effect, `write memory` saves."""

import re

from clients.devices.command_line import Candidate, CommandLine, Saving
from clients.devices.dialect import Dialect, Reading
from clients.devices.dialects.cisco_like import changed_vlans, switchport_trunk, vlans_by_template

ARISTA_EOS = Dialect(
    platform="arista-eos",
    cli=CommandLine(
        device_type="arista_eos",
        prompt=r"{host}(?:\([^)\n]*\))*[#>]",
        errors=re.compile(
            r"^\s*% ?\S|^\s*(?:ERROR|error|Error):|^! .*(?:fail|could not|cannot)|^Cannot |commit failed", re.IGNORECASE
        ),
        enter=None,
        end=None,
        candidate=Candidate(
            open="configure session {session}",
            opened=re.compile(""),
            busy=re.compile(r"commit timer"),
            discard=("abort",),
            close=None,
            diff="show session-config diffs",
            check=None,
            checked=None,
            commit="commit timer 00:02:00",
            committed=re.compile(""),
            confirm=("configure session {session} commit",),
            confirmed=re.compile(""),
            revert=("configure session {session} abort",),
            stale="show configuration sessions",
            stale_ours=re.compile(r"^[\s*]*(berth-[0-9a-f]{8})\s+pending", re.MULTILINE),
            waiting=re.compile(r"^[\s*]*\S+\s+pendingCommitTimer", re.MULTILINE),
            clear=("configure session {session} abort",),
        ),
        saving=Saving(command="write memory", success=re.compile(r"[Cc]opy completed successfully")),
    ),
    create=("vlan {vlan}", "name {name}", "exit"),
    delete=("no vlan {vlan}",),
    join=("interface {port}", "switchport trunk allowed vlan add {vlan}", "exit"),
    leave=("interface {port}", "switchport trunk allowed vlan remove {vlan}", "exit"),
    reading=Reading(
        vlans="show vlan",
        parse_vlans=vlans_by_template("arista_eos", "show vlan"),
        port="show running-config interfaces {port}",
        parse_port=switchport_trunk,
    ),
    own_diff=re.compile(
        r"(?:---|\+\+\+)\s.*|[+-]\s*(?:!|vlan [0-9,-]+|name berth-[a-z0-9-]+|interface \S+|switchport trunk allowed vlan .*)?"
    ),
    changed_vlans=changed_vlans,
    tried="simulator",
    sources=(
        "Arista EOS User Manual: Configure Session, `commit timer`",
        "Arista EOS User Manual: VLANs, `switchport trunk allowed vlan`",
    ),
    known=(
        "A commit writes the whole configuration as it was when the session began, with our lines in it: what somebody else "
        "changed in the meantime would be lost. Berth looks at the session's differences right before the commit, and "
        "commits nothing in which there is anything else.",
        "A commit that is not confirmed goes back after two minutes.",
        "Sessions of a worker that died are named `berth-` and eight digits, and are aborted by the next one.",
    ),
)
