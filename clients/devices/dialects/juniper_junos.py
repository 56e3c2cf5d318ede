"""Juniper Junos (ELS): lines are staged in an exclusive candidate, `commit confirmed` puts them into effect and saves."""

import re
from collections.abc import Mapping

from clients.devices.command_line import Candidate, CommandLine, UnreadableError
from clients.devices.dialect import EVERY_VLAN, Carried, Dialect, NoTrunkError, Reading, Vlans
from tenancy.mistakes import shown
from tenancy.vlans import in_ranges

_NOISE = re.compile(r"^(?:\[edit.*\]|\{\w+(?::\w+)?\}.*|##.*|# commit confirmed will be rolled back.*|)$")
_ID = re.compile(r"set vlans (\S+) vlan-id(?:-list)? ([0-9]+(?:-[0-9]+)?)")
_RANGE = re.compile(r"set vlans (\S+) vlan-range ([0-9]+-[0-9]+)")
_SWITCHING = r"set interfaces {port} unit 0 family ethernet-switching "


def parse_vlans(output: str) -> Vlans:
    """`show configuration vlans | display set`. VLAN 1 is the switch's own, and is not in it."""
    names = {1: "default"}
    for line in set_lines(output):
        found = _ID.fullmatch(line) or _RANGE.fullmatch(line)
        if found is None:
            if re.match(r"set vlans \S+ vlan-(?:id|range)", line) and not line.endswith((" none", " all")):
                raise UnreadableError(f"{shown(line)} holds no VLAN ID")
            continue
        for number in in_ranges(found[2]):
            # Two VLANs may have one ID; then it is not ours alone.
            if number not in names or names[number].startswith("berth-"):
                names[number] = found[1]
    return Vlans(names)


def parse_port(output: str, port: str, vlans: Mapping[int, str]) -> Carried:
    """`show configuration interfaces ... | display set`: members by name, by ID and by range."""
    lines = set_lines(output)
    if not lines:
        raise NoTrunkError("the switch has nothing configured for this port")
    head = _SWITCHING.format(port=port)
    if not {f"{head}interface-mode trunk", f"{head}port-mode trunk"} & set(lines):
        raise NoTrunkError("the port is no trunk (`interface-mode trunk` is not set)")
    carried: set[int] = set()
    for line in lines:
        if not line.startswith(f"{head}vlan members "):
            continue
        member = line.removeprefix(f"{head}vlan members ")
        if member == "all":
            return EVERY_VLAN
        if re.fullmatch(r"[0-9]+(-[0-9]+)?", member):
            carried |= in_ranges(member)
        else:
            # A name without a VLAN carries nothing, and cannot be committed either.
            carried |= {number for number, name in vlans.items() if name == member}
    return frozenset(carried)


def set_lines(output: str) -> list[str]:
    """The lines of `... | display set`. Raises UnreadableError for anything else."""
    lines = [line.strip() for line in output.split("\n")]
    kept = [line for line in lines if not _NOISE.match(line)]
    for line in kept:
        if not line.startswith(("set ", "deactivate ", "protect ")):
            raise UnreadableError(f"{shown(line)} is no line of a configuration")
    return kept


JUNIPER_JUNOS = Dialect(
    platform="juniper-junos",
    cli=CommandLine(
        device_type="juniper_junos",
        # Not Netmiko's: while a commit waits to be confirmed, a note stands above the prompt, and Netmiko takes its `#` for it.
        prompt=r"[\w.-]+@[\w.-]+[>#%]",
        errors=re.compile(
            r"^\s*(?:error:|syntax error|unknown command|invalid |missing argument|.*is ambiguous|warning: statement not found)|"
            r"commit failed|configuration check-out failed|^\s*\^\s*$",
            re.IGNORECASE,
        ),
        enter=None,
        end=None,
        enable=False,
        candidate=Candidate(
            open="configure exclusive",
            opened=re.compile(r"Entering configuration mode"),
            busy=re.compile(r"locked by|database modified|changed but not committed"),
            discard=("rollback 0", "exit configuration-mode"),
            close="exit configuration-mode",
            diff="show | compare",
            check="commit check",
            checked=re.compile(r"configuration check succeeds"),
            commit="commit confirmed 2",
            committed=re.compile(r"commit complete"),
            confirm=("configure exclusive", "commit", "exit configuration-mode"),
            confirmed=re.compile(r"commit complete"),
            revert=("configure exclusive", "rollback 1", "commit", "exit configuration-mode"),
            stale="show system commit",
            stale_ours=re.compile(r"^0 .*rollback in|^# commit confirmed will be rolled back", re.MULTILINE),
        ),
    ),
    create=("set vlans {name} vlan-id {vlan}",),
    delete=("delete vlans {name}",),
    join=("set interfaces {port} unit 0 family ethernet-switching vlan members {name}",),
    leave=("delete interfaces {port} unit 0 family ethernet-switching vlan members {name}",),
    reading=Reading(
        vlans="show configuration vlans | display set",
        parse_vlans=parse_vlans,
        port="show configuration interfaces {port} | display set",
        parse_port=parse_port,
    ),
    own_diff=re.compile(
        r"[+-]\s*(?:\}|vlans \{|vlan \{|berth-[a-z0-9-]+ \{|vlan-id [0-9]+;|members .*;|vlan-members .*;)?"
    ),
    tried="simulator",
    sources=(
        "Junos OS CLI User Guide: `configure exclusive`, `commit confirmed`, `rollback`",
        "Junos OS Multicast and Layer 2 Switching guide (ELS): bridging and VLANs",
    ),
    known=(
        "`commit confirmed` is not possible in a private candidate, hence the exclusive one; while somebody else holds it or "
        "has changes in the shared one, Berth waits, and never commits them.",
        "A commit saves. One that is not confirmed goes back after two minutes; Berth waits for that before it begins.",
        "VLANs and trunks that come from `groups` or an `interface-range` are not seen: write them out.",
        "A trunk that carries the tenant's VLAN by its ID or in a range is left as it is, and refused when it has to go.",
    ),
)
