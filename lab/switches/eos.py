"""Arista EOS: what its commands do. A VLAN is made, named or renamed at once, or with a configuration session's commit.

Two VLANs may have one name. Wordings are those of Arista's manuals and of public transcripts; those of what a VLAN or a
commit is refused for are modelled after them.
"""

from lab.switches import eos_routes, eos_sessions, eos_text, lines
from lab.switches.configuration import ranges
from lab.switches.device import RejectedError
from lab.switches.grammar import Command
from lab.switches.shell import CiscoShell, Dialect, filtered

DEFAULT_PORTS = tuple(f"Ethernet{number}" for number in range(1, 5))
TERMINAL_LINES = 50
_UNRELATED = (
    "ip",
    "ipv6",
    "ntp",
    "logging",
    "snmp-server",
    "spanning-tree",
    "aaa",
    "clock",
    "service",
    "username",
    "lldp",
)
_UNRELATED_PORT = (
    "description",
    "spanning-tree",
    "storm-control",
    "channel-group",
    "speed",
    "mtu",
    "lldp",
    "load-interval",
)
_SESSION_NAME = 6
"""How much of a configuration session's name the prompt shows."""


def prompt(shell: CiscoShell) -> str:
    """What it prints before it reads a line."""
    name = shell.device.name
    if not shell.configuring:
        return f"{name}{'>' if shell.mode == 'user' else '#'}"
    where = "config" + (f"-s-{shell.edit[:_SESSION_NAME]}" if shell.edit else "")
    match shell.mode:
        case "config-vlan":
            where += f"-vlan-{ranges(shell.vlans)}"
        case "config-if":
            where += f"-if-{','.join(eos_text.short(port) for port in shell.ports)}"
    return f"{name}({where})#"


def _no_vlan(shell: CiscoShell, text: str) -> None:
    vlans = lines.vlan_list(shell, text)
    if 1 in vlans:
        raise RejectedError("% Default VLAN 1 cannot be deleted")
    for vlan in vlans:
        shell.running.vlans.pop(vlan, None)


def _name(shell: CiscoShell, name: str) -> None:
    if 1 in shell.vlans:
        raise RejectedError("% Default VLAN 1 cannot be renamed")
    shell.running.vlans.update(dict.fromkeys(shell.vlans, name))


def _configure(shell: CiscoShell) -> None:
    shell.mode = "config"


def _length(shell: CiscoShell, rows: str) -> str:
    lines.page_by(shell, rows)
    return "Pagination disabled." if rows == "0" else f"Pagination set to {rows} lines."


async def save(shell: CiscoShell) -> str:
    """`write memory`: what runs, not what a session holds."""
    await shell.device.pause(shell.device.save_seconds)
    if fault := shell.device.faults.on("deny-save"):
        raise RejectedError(
            fault.message or "% Error copying system:/running-config to flash:/startup-config (No space left on device)"
        )
    shell.store.startup = shell.store.running.copy()
    shell.device.tell_saved()
    return "Copy completed successfully."


async def _reload(shell: CiscoShell) -> str:
    answer = (await shell.session.ask("Proceed with reload? [confirm]")).strip().lower()
    if answer not in {"", "y", "yes"}:
        return ""
    shell.closed = True
    shell.device.restart()
    return ""


def _show_some(shell: CiscoShell, text: str) -> str:
    vlans = lines.vlan_list(shell, text)
    if not vlans & set(shell.store.running.vlans):
        raise RejectedError(f"% VLAN {text} not found in current VLAN database")
    return eos_text.vlan_table(shell.store.running, only=vlans)


def _show_section(shell: CiscoShell, pattern: str) -> str:
    return filtered(eos_text.whole(shell.device.name, shell.store.running), [f"section {pattern}"])


_SHOW = (
    Command("show vlan", lambda shell: eos_text.vlan_table(shell.store.running)),
    Command("show vlan brief", lambda shell: eos_text.vlan_table(shell.store.running)),
    Command("show vlan <vlans>", _show_some),
    Command("show interfaces trunk", lambda shell: eos_text.trunks(shell.store.running)),
    Command("show interfaces <port> trunk", lambda shell, port: eos_text.trunks(shell.store.running, shell.port(port))),
    Command("show interfaces switchport", lambda shell: eos_text.switchports(shell.store.running)),
    Command(
        "show interfaces <port> switchport",
        lambda shell, port: eos_text.switchports(shell.store.running, shell.port(port)),
    ),
    Command("show version", lambda shell: eos_text.version(shell.device.name)),
    *eos_routes.SHOW,
)
_SHOW_PRIVILEGED = (
    *_SHOW,
    Command("show running-config", lambda shell: eos_text.whole(shell.device.name, shell.store.running)),
    Command(
        "show running-config interfaces <port>",
        lambda shell, port: eos_text.one_port(shell.store.running, shell.port(port)),
    ),
    Command("show running-config section <line>", _show_section),
    Command("show startup-config", lambda shell: eos_text.saved(shell.device.name, shell.store.startup)),
    Command("show session-config", eos_sessions.show),
    Command("show session-config diffs", eos_sessions.differences),
    Command("show session-config named <word> diffs", eos_sessions.differences_named),
    Command("show configuration sessions", eos_sessions.overview),
    Command("show configuration sessions detail", eos_sessions.overview),
)
_TERMINAL = (
    *lines.SESSION,
    Command("terminal length <number>", _length),
    Command("terminal width <number>", lambda _, columns: f"Width set to {columns} columns."),
)
_SAVE = (
    Command("write", save),
    Command("write memory", save),
    Command("copy running-config startup-config", save),
)
_LEAVE = (Command("end", eos_sessions.leave), Command("do <line>", lines.do))

EOS = Dialect(
    name="arista-eos",
    commands={
        "user": (*_SHOW, *_TERMINAL, Command("enable", lines.enable)),
        "exec": (
            *_SHOW_PRIVILEGED,
            *_TERMINAL,
            *_SAVE,
            Command("enable", lines.enable),
            Command("disable", lines.disable),
            Command("configure", _configure),
            Command("configure terminal", _configure),
            Command("configure session", eos_sessions.open_session),
            Command("configure session <word>", eos_sessions.open_session),
            Command("configure session <word> commit", eos_sessions.commit_named),
            Command("configure session <word> commit timer <word>", eos_sessions.commit_named),
            Command("configure session <word> abort", eos_sessions.abort_named),
            Command("no configure session <word>", eos_sessions.abort_named),
            Command("reload", _reload),
        ),
        "config": (
            *_LEAVE,
            Command("exit", eos_sessions.leave),
            Command("commit", eos_sessions.commit),
            Command("commit timer <word>", eos_sessions.commit),
            Command("abort", eos_sessions.abort),
            Command("vlan <vlans>", lines.vlan_now),
            Command("no vlan <vlans>", _no_vlan),
            Command("interface <port>", lines.interface),
            Command("interface <line>", lines.port_range),
            *eos_routes.CONFIG,
            *lines.unrelated(_UNRELATED),
        ),
        "config-vlan": (
            *_LEAVE,
            Command("exit", lines.to_mode("config")),
            Command("name <name>", _name),
            Command("no name", lines.unnamed_now),
            Command("state active", lines.nothing),
        ),
        "config-if": (
            *_LEAVE,
            Command("exit", lines.to_mode("config")),
            *lines.SWITCHPORT,
            *lines.unrelated_of_ports(_UNRELATED_PORT),
        ),
    },
    invalid="% Invalid input",
    incomplete="% Incomplete command",
    ambiguous=lambda _: "% Ambiguous command",
    after_error="",
    port_kinds=eos_text.PORT_KINDS,
    mark=False,
    marks_all=False,
    hostname_width=63,
    text=eos_text.whole,
    bad_vlans=lambda _: "% Invalid input",
    shows_anywhere=True,
    prompt=prompt,
)
