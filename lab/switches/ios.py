"""Cisco IOS, in VTP mode transparent: what its commands do on a switch.

A VLAN is made, named or renamed when VLAN mode is left, not before; a session that is lost inside it changes nothing.
Wordings are those of Catalyst switches as Cisco's manuals and public transcripts show them.
"""

from lab.switches import ios_routes, ios_text, lines
from lab.switches.device import RejectedError, default_vlan_name
from lab.switches.grammar import Command
from lab.switches.shell import CiscoShell, Dialect

DEFAULT_VLANS = (1, 1002, 1003, 1004, 1005)
DEFAULT_PORTS = tuple(f"GigabitEthernet1/0/{number}" for number in range(1, 5))
TERMINAL_LINES = 16
_COPY = "Destination filename [startup-config]? "
UNRELATED = (
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
    "errdisable",
)
UNRELATED_PORT = ("description", "spanning-tree", "storm-control", "channel-group", "speed", "duplex", "mtu", "cdp")


def settle(shell: CiscoShell) -> str:
    """Make and name the VLANs that wait. Raises RejectedError where a name would be there twice; none is made then."""
    pending = dict(shell.pending)
    shell.pending.clear()
    vlans = dict(shell.running.vlans)
    for vlan, name in pending.items():
        vlans[vlan] = name or vlans.get(vlan) or default_vlan_name(vlan)
        twin = next((other for other, taken in vlans.items() if taken == vlans[vlan] and other != vlan), None)
        if twin is not None:
            raise RejectedError(
                f"%VLAN #{vlan} and #{twin} have an identical name: {vlans[vlan]}\n%Failed to commit VLAN changes.\n"
            )
    shell.running.vlans.update({vlan: vlans[vlan] for vlan in pending})
    return ""


def _bad_vlans(text: str) -> str:
    return (
        f"Command rejected: Bad VLAN list - character #{len(text) + 1} (EOL) delimits a VLAN number"
        "\n which is out of the range 1..4094.\n"
    )


def _vlan(shell: CiscoShell, text: str) -> str:
    vlans = lines.vlan_list(shell, text)
    told = shell.enter("config-vlan")
    shell.vlans = tuple(sorted(vlans))
    for vlan in vlans - set(shell.running.vlans) - set(DEFAULT_VLANS):
        shell.pending[vlan] = None
    return told


def _no_vlan(shell: CiscoShell, text: str) -> None:
    vlans = lines.vlan_list(shell, text)
    for vlan in sorted(vlans):
        if vlan in DEFAULT_VLANS:
            raise RejectedError(f"%Default VLAN {vlan} may not be deleted.\n")
    for vlan in vlans:
        shell.running.vlans.pop(vlan, None)


def _name(shell: CiscoShell, name: str) -> None:
    if len(shell.vlans) > 1:
        raise RejectedError("%Names can not be assigned to several VLANs at once.\n")
    vlan = shell.vlans[0]
    if vlan in DEFAULT_VLANS:
        raise RejectedError(f"%Default VLAN {vlan} may not have its name changed.\n")
    shell.pending[vlan] = name


def _no_name(shell: CiscoShell) -> None:
    shell.pending.update({vlan: default_vlan_name(vlan) for vlan in shell.vlans if vlan not in DEFAULT_VLANS})


def _configure(shell: CiscoShell) -> str:
    shell.mode = "config"
    return "Enter configuration commands, one per line.  End with CNTL/Z."


async def _configure_from(shell: CiscoShell) -> str:
    answer = await shell.session.ask("Configuring from terminal, memory, or network [terminal]? ")
    if not "terminal".startswith(answer.strip().lower()):
        raise RejectedError('?Must be "terminal", "memory" or "network"')
    return _configure(shell)


async def save(shell: CiscoShell) -> str:
    """`write memory`: the running configuration as it is when the save is through."""
    shell.session.write("Building configuration...\n")
    await shell.device.pause(shell.device.save_seconds)
    if fault := shell.device.faults.on("deny-save"):
        raise RejectedError(fault.message or "%Error opening nvram:/startup-config (Device or resource busy)\n")
    shell.store.startup = shell.running.copy()
    shell.device.tell_saved()
    return "[OK]"


async def _copy(shell: CiscoShell) -> str:
    answer = (await shell.session.ask(_COPY)).strip()
    if answer not in {"", "startup-config"}:
        raise RejectedError(f"%Error opening system:/{answer} (Permission denied)\n")
    return await save(shell)


async def _reload(shell: CiscoShell) -> str:
    if shell.running != shell.store.startup:
        answer = (await shell.session.ask("System configuration has been modified. Save? [yes/no]: ")).strip().lower()
        if answer and "yes".startswith(answer):
            await save(shell)
    answer = (await shell.session.ask("Proceed with reload? [confirm]")).strip().lower()
    if answer not in {"", "y", "yes"}:
        return ""
    shell.closed = True
    shell.device.restart()
    return ""


def _show_vlan_id(shell: CiscoShell, text: str) -> str:
    vlan = lines.one_vlan(shell, text)
    if vlan not in shell.running.vlans:
        raise RejectedError(f"VLAN id {vlan} not found in current VLAN database\n")
    return ios_text.vlan_table(shell.running, only=vlan)


def _show_vlan_name(shell: CiscoShell, text: str) -> str:
    for vlan, name in shell.running.vlans.items():
        if name == text:
            return ios_text.vlan_table(shell.running, only=vlan)
    raise RejectedError(f"VLAN {text} not found in current VLAN database\n")


_SHOW = (
    Command("show vlan", lambda shell: ios_text.vlan_table(shell.running) + ios_text.vlan_details(shell.running)),
    Command("show vlan brief", lambda shell: ios_text.vlan_table(shell.running)),
    Command("show vlan id <vlans>", _show_vlan_id),
    Command("show vlan name <word>", _show_vlan_name),
    Command("show interfaces trunk", lambda shell: ios_text.trunks(shell.running)),
    Command("show interfaces <port> trunk", lambda shell, port: ios_text.trunks(shell.running, shell.port(port))),
    Command("show interfaces switchport", lambda shell: ios_text.switchports(shell.running)),
    Command(
        "show interfaces <port> switchport", lambda shell, port: ios_text.switchports(shell.running, shell.port(port))
    ),
    Command("show interfaces status", lambda shell: ios_text.status(shell.running)),
    Command("show version", lambda shell: ios_text.version(shell.device.name)),
    Command("show vtp status", lambda shell: ios_text.vtp(shell.running)),
    *ios_routes.SHOW,
    Command("show privilege", lambda shell: f"Current privilege level is {1 if shell.mode == 'user' else 15}"),
)
_SHOW_PRIVILEGED = (
    *_SHOW,
    Command("show running-config", lambda shell: ios_text.whole(shell.device.name, shell.running)),
    Command("show running-config interface <port>", lambda s, port: ios_text.one_port(s.running, s.port(port))),
    Command("show running-config vlan", lambda shell: ios_text.vlans_only(shell.running)),
    Command(
        "show running-config vlan <vlans>",
        lambda shell, text: ios_text.vlans_only(shell.running, lines.vlan_list(shell, text)),
    ),
    Command("show startup-config", lambda shell: ios_text.saved(shell.device.name, shell.store.startup)),
)
_SESSION = (
    *lines.SESSION,
    Command("terminal length <number>", lines.page_by),
    Command("terminal width <number>", lines.nothing),
)
_EXEC = (
    *_SHOW_PRIVILEGED,
    *_SESSION,
    Command("enable", lines.enable),
    Command("disable", lines.disable),
    Command("configure", _configure_from),
    Command("configure terminal", _configure),
    Command("write", save),
    Command("write memory", save),
    Command("copy running-config startup-config", _copy),
    Command("reload", _reload),
)
_LEAVE = (Command("end", lines.to_mode("exec")), Command("do <line>", lines.do))
_CONFIG = (
    *_LEAVE,
    Command("exit", lines.to_mode("exec")),
    Command("vlan <vlans>", _vlan),
    Command("no vlan <vlans>", _no_vlan),
    Command("interface <port>", lines.interface),
    Command("interface range <line>", lines.port_range),
    *ios_routes.CONFIG,
    Command("vtp mode transparent", lambda _: "Setting device to VTP Transparent mode for VLANS."),
    *lines.unrelated(UNRELATED),
)
_CONFIG_VLAN = (
    *_LEAVE,
    Command("exit", lines.to_mode("config")),
    Command("name <name>", _name),
    Command("no name", _no_name),
    Command("state active", lines.nothing),
)
_CONFIG_PORT = (
    *_LEAVE,
    Command("exit", lines.to_mode("config")),
    *lines.SWITCHPORT,
    Command("switchport trunk encapsulation dot1q", lines.nothing),
    Command("switchport nonegotiate", lines.kept("switchport nonegotiate")),
    Command("no switchport nonegotiate", lines.dropped("switchport nonegotiate")),
    *lines.unrelated_of_ports(UNRELATED_PORT),
)

IOS = Dialect(
    name="cisco-ios",
    commands={
        "user": (*_SHOW, *_SESSION, Command("enable", lines.enable)),
        "exec": _EXEC,
        "config": _CONFIG,
        "config-vlan": _CONFIG_VLAN,
        "config-if": _CONFIG_PORT,
    },
    invalid="% Invalid input detected at '^' marker.",
    incomplete="% Incomplete command.\n",
    ambiguous=lambda error: f'% Ambiguous command:  "{error.text}"',
    port_kinds=ios_text.PORT_KINDS,
    after_error="\n\n",
    mark=True,
    marks_all=False,
    hostname_width=20,
    text=ios_text.whole,
    line_limit=254,
    pipes_once=True,
    bad_vlans=_bad_vlans,
    makes_access_vlans=True,
    settle=settle,
)
