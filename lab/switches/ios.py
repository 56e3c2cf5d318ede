"""Cisco IOS, in VTP mode transparent: what its commands do.

A VLAN is made, named or renamed when VLAN mode is left, not before; a session that is lost inside it changes nothing.
Wordings are those of Catalyst switches as Cisco's manuals and public transcripts show them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.switches import ios_text
from lab.switches.configuration import Port, numbers
from lab.switches.device import RejectedError, default_vlan_name
from lab.switches.grammar import Command
from lab.switches.shell import CiscoShell, Dialect
from lab.switches.switchport import Change, change_allowed

DEFAULT_VLANS = (1, 1002, 1003, 1004, 1005)
DEFAULT_PORTS = tuple(f"GigabitEthernet1/0/{number}" for number in range(1, 5))
TERMINAL_LINES = 16
_COPY = "Destination filename [startup-config]? "
_UNRELATED = (
    "ip",
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
_UNRELATED_PORT = ("description", "spanning-tree", "storm-control", "channel-group", "speed", "duplex", "mtu", "cdp")


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


def _vlan_list(text: str) -> frozenset[int]:
    try:
        return frozenset(numbers(text))
    except ValueError:
        raise RejectedError(
            f"Command rejected: Bad VLAN list - character #{len(text) + 1} (EOL) delimits a VLAN number"
            "\n which is out of the range 1..4094.\n"
        ) from None


def _vlan(shell: CiscoShell, text: str) -> str:
    vlans = _vlan_list(text)
    told = shell.enter("config-vlan")
    shell.vlans = tuple(sorted(vlans))
    for vlan in vlans - set(shell.running.vlans) - set(DEFAULT_VLANS):
        shell.pending[vlan] = None
    return told


def _no_vlan(shell: CiscoShell, text: str) -> None:
    vlans = _vlan_list(text)
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


def _interface(shell: CiscoShell, text: str) -> str:
    name = shell.full_name(text)
    if name.lower().startswith("port-channel") and name not in shell.running.ports:
        shell.running.put(Port(name))
    port = shell.port(text)
    told = shell.enter("config-if")
    shell.ports = (port,)
    return told


def _range(shell: CiscoShell, text: str) -> str:
    """`interface range gi1/0/1 - 4, gi1/0/7`."""
    found: list[str] = []
    for part in text.split(","):
        first, _, last = part.replace(" ", "").partition("-")
        if not shell.full_name(first):
            first, last = part.replace(" ", ""), ""
        port = shell.port(first)
        stem, _, number = port.rpartition("/")
        ends = int(number), int(last) if last.isdigit() else int(number)
        found += [shell.port(f"{stem}/{one}") for one in range(ends[0], ends[1] + 1)]
    told = shell.enter("config-if")
    shell.ports = tuple(found)
    return told


def _on_ports(change: Callable[[Port], Port]) -> Callable[[CiscoShell], None]:
    def run(shell: CiscoShell) -> None:
        for name in shell.ports:
            shell.running.put(change(shell.running.ports[name]))

    return run


def _allowed(change: Change) -> Callable[..., None]:
    def run(shell: CiscoShell, text: str = "") -> None:
        vlans = _vlan_list(text) if text else frozenset[int]()
        _on_ports(lambda port: change_allowed(port, change, vlans))(shell)

    return run


def _access(shell: CiscoShell, text: str) -> str:
    (vlan,) = _vlan_list(text)
    _on_ports(lambda port: replace(port, access=vlan))(shell)
    if vlan in shell.running.vlans:
        return ""
    shell.running.vlans[vlan] = default_vlan_name(vlan)
    return f"% Access VLAN does not exist. Creating vlan {vlan}\n"


def _native(shell: CiscoShell, text: str) -> None:
    (vlan,) = _vlan_list(text)
    _on_ports(lambda port: replace(port, native=vlan))(shell)


def _kept_line(word: str) -> Callable[[CiscoShell, str], None]:
    """A line of a port that is kept as it is; another one of its first word takes its place."""

    def run(shell: CiscoShell, text: str = "") -> None:
        line = f"{word} {text}".strip()
        _on_ports(lambda port: replace(port, other=(*_without(port.other, word), line)))(shell)

    return run


def _dropped_line(word: str) -> Callable[..., None]:
    def run(shell: CiscoShell, _: str = "") -> None:
        _on_ports(lambda port: replace(port, other=_without(port.other, word)))(shell)

    return run


def _without(lines: Sequence[str], word: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line != word and not line.startswith(f"{word} "))


def _unrelated(word: str) -> Callable[[CiscoShell, str], None]:
    return lambda shell, text: shell.running.other.append(f"{word} {text}")


def _no_unrelated(word: str) -> Callable[[CiscoShell, str], None]:
    def run(shell: CiscoShell, text: str) -> None:
        shell.running.other[:] = [line for line in shell.running.other if line != f"{word} {text}"]

    return run


async def _enable(shell: CiscoShell) -> str:
    secret = shell.device.enable_secret
    if shell.mode != "user" or secret is None:
        shell.mode = "exec"
        return ""
    for _ in range(3):
        given = await shell.session.ask("Password: ", echo=False)
        if given == secret and not shell.device.faults.on("deny-enable"):
            shell.mode = "exec"
            return ""
    raise RejectedError("% Bad secrets\n")


def _disable(shell: CiscoShell) -> None:
    shell.mode = "user"


def _exit(shell: CiscoShell) -> None:
    shell.closed = True


def _leave_to(mode: str) -> Callable[[CiscoShell], str]:
    return lambda shell: shell.leave(mode)


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


def _page_by(shell: CiscoShell, rows: str) -> None:
    shell.session.page_by(int(rows))


def _nothing(_: CiscoShell, *__: str) -> None:
    return None


async def _do(shell: CiscoShell, line: str) -> str | None:
    """`do ...`: a command of privileged mode, from within configuration mode."""
    mode, shell.mode = shell.mode, "exec"
    try:
        return await shell.run(line)
    finally:
        shell.mode = mode


def _show_vlan_id(shell: CiscoShell, text: str) -> str:
    (vlan,) = _vlan_list(text)
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
    Command("show privilege", lambda shell: f"Current privilege level is {1 if shell.mode == 'user' else 15}"),
)
_SHOW_PRIVILEGED = (
    *_SHOW,
    Command("show running-config", lambda shell: ios_text.whole(shell.device.name, shell.running)),
    Command("show running-config interface <port>", lambda s, port: ios_text.one_port(s.running, s.port(port))),
    Command("show running-config vlan", lambda shell: ios_text.vlans_only(shell.running)),
    Command("show running-config vlan <vlans>", lambda s, text: ios_text.vlans_only(s.running, _vlan_list(text))),
    Command("show startup-config", lambda shell: ios_text.saved(shell.device.name, shell.store.startup)),
)
_SESSION = (
    Command("exit", _exit),
    Command("logout", _exit),
    Command("quit", _exit),
    Command("terminal length <number>", _page_by),
    Command("terminal width <number>", _nothing),
    Command("terminal monitor", _nothing),
    Command("terminal no monitor", _nothing),
    Command("terminal no length", lambda shell: _page_by(shell, "24")),
)
_EXEC = (
    *_SHOW_PRIVILEGED,
    *_SESSION,
    Command("enable", _enable),
    Command("disable", _disable),
    Command("configure", _configure_from),
    Command("configure terminal", _configure),
    Command("write", save),
    Command("write memory", save),
    Command("copy running-config startup-config", _copy),
    Command("reload", _reload),
)
_LEAVE = (Command("end", _leave_to("exec")), Command("do <line>", _do))
_CONFIG = (
    *_LEAVE,
    Command("exit", _leave_to("exec")),
    Command("vlan <vlans>", _vlan),
    Command("no vlan <vlans>", _no_vlan),
    Command("interface <port>", _interface),
    Command("interface range <line>", _range),
    Command("vtp mode transparent", lambda _: "Setting device to VTP Transparent mode for VLANS."),
    *(Command(f"{word} <line>", _unrelated(word)) for word in _UNRELATED),
    *(Command(f"no {word} <line>", _no_unrelated(word)) for word in _UNRELATED),
)
_CONFIG_VLAN = (
    *_LEAVE,
    Command("exit", _leave_to("config")),
    Command("name <name>", _name),
    Command("no name", _no_name),
    Command("state active", _nothing),
)
_CONFIG_PORT = (
    *_LEAVE,
    Command("exit", _leave_to("config")),
    Command("switchport", _nothing),
    Command("switchport mode access", _on_ports(lambda port: replace(port, mode="access"))),
    Command("switchport mode trunk", _on_ports(lambda port: replace(port, mode="trunk"))),
    Command("no switchport mode", _on_ports(lambda port: replace(port, mode="access"))),
    Command("switchport access vlan <vlans>", _access),
    Command("no switchport access vlan", _on_ports(lambda port: replace(port, access=1))),
    Command("switchport trunk encapsulation dot1q", _nothing),
    Command("switchport trunk native vlan <vlans>", _native),
    Command("no switchport trunk native vlan", _on_ports(lambda port: replace(port, native=1))),
    Command("switchport trunk allowed vlan <vlans>", _allowed("replace")),
    Command("switchport trunk allowed vlan add <vlans>", _allowed("add")),
    Command("switchport trunk allowed vlan remove <vlans>", _allowed("remove")),
    Command("switchport trunk allowed vlan except <vlans>", _allowed("except")),
    Command("switchport trunk allowed vlan all", _allowed("all")),
    Command("switchport trunk allowed vlan none", _allowed("none")),
    Command("no switchport trunk allowed vlan", _allowed("all")),
    Command("switchport nonegotiate", _kept_line("switchport nonegotiate")),
    Command("no switchport nonegotiate", _dropped_line("switchport nonegotiate")),
    Command("shutdown", _kept_line("shutdown")),
    Command("no shutdown", _dropped_line("shutdown")),
    *(Command(f"{word} <line>", _kept_line(word)) for word in _UNRELATED_PORT),
    *(Command(f"no {word}", _dropped_line(word)) for word in _UNRELATED_PORT),
    *(Command(f"no {word} <line>", _dropped_line(word)) for word in _UNRELATED_PORT),
)

IOS = Dialect(
    name="cisco-ios",
    commands={
        "user": (*_SHOW, *_SESSION, Command("enable", _enable)),
        "exec": _EXEC,
        "config": _CONFIG,
        "config-vlan": _CONFIG_VLAN,
        "config-if": _CONFIG_PORT,
    },
    invalid="% Invalid input detected at '^' marker.",
    incomplete="% Incomplete command.\n",
    ambiguous=lambda error: f'% Ambiguous command:  "{error.text}"',
    port_kinds=ios_text.PORT_KINDS,
    mark=True,
    hostname_width=20,
    text=ios_text.whole,
    line_limit=254,
    settle=settle,
)
