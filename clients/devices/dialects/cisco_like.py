"""How switches whose configuration reads like Cisco's tell their VLANs and trunks. Nothing is skipped: it parses or it fails."""

import re
from collections.abc import Callable, Mapping

from ntc_templates.parse import ParsingException, parse_output
from textfsm.parser import TextFSMError

from clients.devices.command_line import UnreadableError
from clients.devices.dialect import EVERY_VLAN, Carried, NoTrunkError, Vlans
from tenancy.mistakes import shown
from tenancy.vlans import HIGHEST_VLAN, in_ranges

EVERY = frozenset(range(1, HIGHEST_VLAN + 1))


def vlans_by_template(platform: str, command: str) -> Callable[[str], Vlans]:
    """A parser of the VLAN table by its template of ntc-templates."""

    def parse(output: str) -> Vlans:
        table = vlan_table(output)
        try:
            # Netmiko's own way to the template calls what Python deprecates.
            rows = parse_output(platform=platform, command=command, data=table)
            found = {int(row["vlan_id"]): str(row["vlan_name"]) for row in rows}
            ports = {int(row["vlan_id"]): set(row["interfaces"]) for row in rows}
        except (ParsingException, TextFSMError, KeyError, ValueError):
            raise UnreadableError(f"`{command}` answered no table of VLANs but {shown(output.strip())}") from None
        # The templates pass over a row they cannot read, and a VLAN that is not seen is one that could be taken twice.
        begun = {int(number) for number in re.findall(r"^([0-9]{1,4})\s", table, re.MULTILINE)}
        if begun != set(found) or 1 not in found:
            raise UnreadableError(
                f"`{command}`: a row was not understood, or VLAN 1 is missing: {shown(output.strip())}"
            )
        # Some list the unrestricted trunks under every VLAN, which says nothing about one.
        everywhere = set.intersection(*ports.values()) if len(ports) > 2 else set()
        return Vlans(
            found,
            frozenset(
                number
                for number, name in found.items()
                if name in (f"VLAN{number:04d}", f"VLAN{number}") and not ports[number] - everywhere
            ),
        )

    return parse


def vlan_table(output: str) -> str:
    """The first table: those after it (types, private VLANs) begin with an ID as well."""
    lines = output.replace("\r", "").split("\n")
    start = next((at for at, line in enumerate(lines) if re.match(r"VLAN\s+Name\s", line)), 0)
    rest = (
        at for at, line in enumerate(lines) if at > start and re.match(r"VLAN\s+(Type|Vlan-mode)\b|Remote SPAN", line)
    )
    return "\n".join(lines[start : next(rest, len(lines))]) + "\n"


def port_section(output: str, port: str) -> list[str]:
    """The lines below `interface <port>`. Raises NoTrunkError where there is no such section."""
    lines = [line.rstrip() for line in output.replace("\r", "").split("\n")]
    heads = [at for at, line in enumerate(lines) if line.lower() == f"interface {port}".lower()]
    if not heads:
        raise NoTrunkError("the switch has no such port")
    section = []
    for line in lines[heads[0] + 1 :]:
        if line and not line.startswith(" "):
            break
        section.append(line.strip())
    return section


def switchport_trunk(output: str, port: str, vlans: Mapping[int, str]) -> Carried:
    """What a port carries by its `switchport` lines, wrapped `add` lines included. Raises NoTrunkError."""
    section = port_section(output, port)
    if "switchport mode trunk" not in section:
        raise NoTrunkError("the port is no trunk (`switchport mode trunk` is not set)")
    allowed: Carried = EVERY_VLAN
    for line in section:
        if not line.startswith("switchport trunk allowed vlan"):
            continue
        words = line.removeprefix("switchport trunk allowed vlan").split()
        match words:
            case ["add", numbers]:
                allowed = (allowed or frozenset()) | numbers_of(numbers, line)
            case ["except", numbers]:
                allowed = EVERY - numbers_of(numbers, line)
            case ["all"]:
                allowed = EVERY_VLAN
            case ["none"]:
                allowed = frozenset()
            case [numbers]:
                allowed = numbers_of(numbers, line)
            case _:
                raise UnreadableError(f"{port}: {shown(line)} is no list of VLANs")
    # Older NX-OS and EOS write 1-4094 where nothing is restricted.
    return EVERY_VLAN if allowed == EVERY else allowed


def numbers_of(text: str, line: str) -> frozenset[int]:
    """`1-3,7` as numbers."""
    if not re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*", text):
        raise UnreadableError(f"{shown(line)} holds no list of VLANs")
    return frozenset(in_ranges(text))


def changed_vlans(diff: str) -> frozenset[int]:
    """The VLANs that a unified diff of configurations makes, takes away, or puts on and off trunks."""
    made: dict[str, frozenset[int]] = {"-": frozenset(), "+": frozenset()}
    changed: frozenset[int] = frozenset()
    # Lines without an unchanged one in between are of one port, whose head does not change.
    for run in re.split(r"^(?![+-]).*\n?|^(?:---|\+\+\+)[ \t].*\n?", diff.replace("\r", ""), flags=re.MULTILINE):
        carried: dict[str, frozenset[int]] = {}
        for sign, line in ((line[:1], line[1:].strip()) for line in run.split("\n")):
            if line.startswith("vlan "):
                made[sign] |= numbers_of(line.removeprefix("vlan "), line)
            elif line.startswith("switchport trunk allowed vlan "):
                numbers = line.removeprefix("switchport trunk allowed vlan ").removeprefix("add ")
                none = numbers == "none"
                carried[sign] = carried.get(sign, frozenset()) | (frozenset() if none else numbers_of(numbers, line))
        if carried:
            if len(carried) == 1:
                raise UnreadableError(f"{shown(run.strip())} restricts a trunk that was not, or no longer")
            changed |= carried["-"] ^ carried["+"]
    return changed | (made["-"] ^ made["+"])
