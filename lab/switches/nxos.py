"""Cisco NX-OS: what its commands do. A VLAN is made, named or renamed at once.

Wordings are those of Nexus switches as Cisco's manuals and public transcripts show them; those of what a VLAN is refused
for are modelled after them.
"""

from lab.switches import lines, nxos_text
from lab.switches.device import RejectedError
from lab.switches.grammar import Command
from lab.switches.shell import CiscoShell, Dialect

DEFAULT_PORTS = tuple(f"Ethernet1/{number}" for number in range(1, 5))
TERMINAL_LINES = 32
_RESERVED = range(3968, 4095)
_LONGEST_NAME = 32
_UNRELATED = ("ip", "ntp", "logging", "snmp-server", "spanning-tree", "aaa", "clock", "feature", "username", "vrf")
_UNRELATED_PORT = ("description", "spanning-tree", "storm-control", "channel-group", "speed", "duplex", "mtu", "lldp")


def _reserved(vlan: int) -> str:
    """The Nexus 9000 keeps 3968 to 4094 for itself."""
    return "ERROR: VLAN(s) 3968-4094 are reserved for internal use\n" if vlan in _RESERVED else ""


def _no_vlan(shell: CiscoShell, text: str) -> None:
    vlans = lines.vlan_list(shell, text)
    if 1 in vlans:
        raise RejectedError("ERROR: Default VLAN 1 cannot be deleted\n")
    for vlan in vlans:
        shell.running.vlans.pop(vlan, None)


def _name(shell: CiscoShell, name: str) -> None:
    if len(name) > _LONGEST_NAME:
        raise RejectedError(
            shell.wrong_at(shell.last_word, f"% String exceeded max length of ({_LONGEST_NAME}) at '^' marker.")
        )
    if 1 in shell.vlans:
        raise RejectedError("ERROR: Cannot modify name of default VLAN 1\n")
    if len(shell.vlans) > 1 or any(
        taken == name and vlan not in shell.vlans for vlan, taken in shell.running.vlans.items()
    ):
        raise RejectedError("ERROR: VLAN with the same name exists\n")
    shell.running.vlans[shell.vlans[0]] = name


def _configure(shell: CiscoShell) -> str:
    shell.mode = "config"
    return "Enter configuration commands, one per line. End with CNTL/Z."


async def save(shell: CiscoShell) -> str:
    """`copy running-config startup-config`, with its progress."""
    width, steps = 40, 8
    for step in range(steps):
        percent = max(1, step * 100 // steps)
        shell.session.write(f"[{'#' * (width * step // steps):<{width}}] {percent:>3}%\r")
        await shell.device.pause(shell.device.save_seconds / steps)
    if fault := shell.device.faults.on("deny-save"):
        shell.session.write("\n")
        raise RejectedError(fault.message or "Configuration update aborted: request was aborted\n")
    shell.store.startup = shell.store.running.copy()
    shell.device.tell_saved()
    return f"[{'#' * width}] 100%\nCopy complete, now saving to disk (please wait)...\nCopy complete.\n"


async def _reload(shell: CiscoShell) -> str:
    answer = await shell.session.ask("This command will reboot the system. (y/n)?  [n] ")
    if answer.strip().lower() not in {"y", "yes"}:
        return ""
    shell.closed = True
    shell.device.restart()
    return ""


def _show_vlan_id(shell: CiscoShell, text: str) -> str:
    vlan = lines.one_vlan(shell, text)
    if vlan not in shell.running.vlans:
        raise RejectedError(f"VLAN {vlan} not found in current VLAN database\n")
    return nxos_text.vlan_table(shell.running, only=vlan) + nxos_text.vlan_details(shell.running)


_SHOW = (
    Command("show vlan", lambda shell: nxos_text.vlan_table(shell.running) + nxos_text.vlan_details(shell.running)),
    Command("show vlan brief", lambda shell: nxos_text.vlan_table(shell.running)),
    Command("show vlan id <vlans>", _show_vlan_id),
    Command("show interface trunk", lambda shell: nxos_text.trunks(shell.running)),
    Command("show interface <port> trunk", lambda shell, port: nxos_text.trunks(shell.running, shell.port(port))),
    Command("show interface switchport", lambda shell: nxos_text.switchports(shell.running)),
    Command(
        "show interface <port> switchport", lambda shell, port: nxos_text.switchports(shell.running, shell.port(port))
    ),
    Command("show running-config", lambda shell: nxos_text.whole(shell.device.name, shell.running)),
    Command(
        "show running-config interface <port>", lambda shell, port: nxos_text.one_port(shell.running, shell.port(port))
    ),
    Command("show running-config vlan", lambda shell: nxos_text.vlans_only(shell.running)),
    Command(
        "show running-config vlan <vlans>",
        lambda shell, text: nxos_text.vlans_only(shell.running, lines.vlan_list(shell, text)),
    ),
    Command("show startup-config", lambda shell: nxos_text.saved(shell.device.name, shell.store.startup)),
    Command("show version", lambda shell: nxos_text.version(shell.device.name)),
)
_SESSION = (
    *lines.SESSION,
    Command("terminal length <number>", lines.page_by),
    Command("terminal width <number>", lines.nothing),
)
_EXEC = (
    *_SHOW,
    *_SESSION,
    Command("enable", lines.nothing),
    Command("configure", _configure),
    Command("configure terminal", _configure),
    Command("copy running-config startup-config", save),
    Command("reload", _reload),
)
_LEAVE = (Command("end", lines.to_mode("exec")), Command("do <line>", lines.do))

NXOS = Dialect(
    name="cisco-nxos",
    commands={
        "exec": _EXEC,
        "config": (
            *_LEAVE,
            Command("exit", lines.to_mode("exec")),
            Command("vlan <vlans>", lines.vlan_now),
            Command("no vlan <vlans>", _no_vlan),
            Command("interface <port>", lines.interface),
            Command("interface <line>", lines.port_range),
            *lines.unrelated(_UNRELATED),
        ),
        "config-vlan": (
            *_LEAVE,
            Command("exit", lines.to_mode("config")),
            Command("name <word>", _name),
            Command("no name", lines.unnamed_now),
            Command("state active", lines.nothing),
            Command("no shutdown", lines.nothing),
        ),
        "config-if": (
            *_LEAVE,
            Command("exit", lines.to_mode("config")),
            *lines.SWITCHPORT,
            *lines.unrelated_of_ports(_UNRELATED_PORT),
        ),
    },
    invalid="% Invalid command at '^' marker.",
    incomplete="% Incomplete command at '^' marker.",
    ambiguous=lambda _: "% Ambiguous command at '^' marker.",
    after_error="",
    port_kinds=nxos_text.PORT_KINDS,
    mark=True,
    marks_all=True,
    hostname_width=63,
    text=nxos_text.whole,
    bad_vlans=lambda _: "                ^\n% Invalid value/range at '^' marker.",
    reserved=_reserved,
    shows_anywhere=True,
    wrong_port="% Invalid interface format at '^' marker.",
    has_user_mode=False,
    prompt=lambda shell: f"{shell.device.name}{f'({shell.mode})' if shell.configuring else ''}# ",
)
