"""What the lines of a configuration do that Cisco's and Arista's switches share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_interface

from lab.switches.configuration import Port, numbers
from lab.switches.device import RejectedError, default_vlan_name
from lab.switches.grammar import Command
from lab.switches.shell import CiscoShell
from lab.switches.switchport import Change, change_allowed


def vlan_list(shell: CiscoShell, text: str) -> frozenset[int]:
    """The VLANs of `10,20-30`. Raises RejectedError in the dialect's words."""
    try:
        return frozenset(numbers(text))
    except ValueError:
        raise RejectedError(shell.dialect.bad_vlans(text)) from None


def one_vlan(shell: CiscoShell, text: str) -> int:
    """The VLAN of `10`. Raises RejectedError for a list of several, too."""
    vlans = vlan_list(shell, text)
    if len(vlans) != 1:
        raise RejectedError(shell.dialect.bad_vlans(text))
    return next(iter(vlans))


def interface(shell: CiscoShell, text: str) -> str:
    """`interface <port>`; a bundle comes into being when it is named."""
    name = shell.full_name(text)
    known = {port.lower() for port in shell.running.ports}
    if name.lower().startswith("port-channel") and name.lower() not in known:
        shell.running.put(Port(name))
    port = shell.port(text)
    told = shell.enter("config-if")
    shell.ports = (port,)
    return told


def port_range(shell: CiscoShell, text: str) -> str:
    """`interface range gi1/0/1 - 4, gi1/0/7`."""
    found: list[str] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part, "", ""
        if not shell.full_name(part):
            first, dash, last = part.rpartition("-")
            if not shell.full_name(first):
                raise RejectedError(shell.wrong_at(shell.last_word))
        port = shell.port(first)
        stem, number = port.rstrip("0123456789"), port[len(port.rstrip("0123456789")) :]
        if dash and not last.isdigit():
            raise RejectedError(shell.dialect.invalid)
        found += [shell.port(f"{stem}{one}") for one in range(int(number), int(last or number) + 1)]
    told = shell.enter("config-if")
    shell.ports = tuple(found)
    return told


def on_ports(change: Callable[[Port], Port]) -> Callable[[CiscoShell], None]:
    """A line that changes the ports of interface mode."""

    def run(shell: CiscoShell) -> None:
        for name in shell.ports:
            shell.running.put(change(shell.running.ports[name]))

    return run


def allowed(change: Change) -> Callable[..., None]:
    """`switchport trunk allowed vlan ...`."""

    def run(shell: CiscoShell, text: str = "") -> None:
        vlans = vlan_list(shell, text) if text else frozenset[int]()
        on_ports(lambda port: change_allowed(port, change, vlans))(shell)

    return run


def access(shell: CiscoShell, text: str) -> str:
    """`switchport access vlan <vlan>`; whether a VLAN that is missing is made is the dialect's."""
    vlan = one_vlan(shell, text)
    on_ports(lambda port: replace(port, access=vlan))(shell)
    if vlan in shell.running.vlans or not shell.dialect.makes_access_vlans:
        return ""
    shell.running.vlans[vlan] = default_vlan_name(vlan)
    return f"% Access VLAN does not exist. Creating vlan {vlan}\n"


def native(shell: CiscoShell, text: str) -> None:
    """`switchport trunk native vlan <vlan>`."""
    vlan = one_vlan(shell, text)
    on_ports(lambda port: replace(port, native=vlan))(shell)


def address(version: int) -> Callable[[CiscoShell, str], None]:
    """`ip address <address> <mask>`, `ipv6 address <address>/<length>`; a port has one of IPv4, and may have more of IPv6."""

    def run(shell: CiscoShell, text: str) -> None:
        try:
            found = ip_interface("/".join(text.split()))
        except ValueError:
            raise RejectedError(shell.wrong_at(shell.last_word)) from None
        if found.version != version or ("/" not in text and " " not in text):
            raise RejectedError(shell.wrong_at(shell.last_word))
        on_ports(lambda port: replace(port, addresses=_with(port.addresses, str(found), version)))(shell)

    return run


def no_address(version: int) -> Callable[..., None]:
    """`no ip address`, whatever follows."""

    def run(shell: CiscoShell, _: str = "") -> None:
        on_ports(
            lambda port: replace(
                port, addresses=tuple(one for one in port.addresses if ip_interface(one).version != version)
            )
        )(shell)

    return run


def kept(word: str) -> Callable[..., None]:
    """A line of a port that is kept as it is; another one of its first word takes its place."""

    def run(shell: CiscoShell, text: str = "") -> None:
        line = f"{word} {text}".strip()
        on_ports(lambda port: replace(port, other=(*_without(port.other, word), line)))(shell)

    return run


def dropped(word: str) -> Callable[..., None]:
    """`no ...` of such a line."""

    def run(shell: CiscoShell, _: str = "") -> None:
        on_ports(lambda port: replace(port, other=_without(port.other, word)))(shell)

    return run


def kept_on_top(word: str) -> Callable[[CiscoShell, str], None]:
    """A top-level line that is kept as it is."""

    def run(shell: CiscoShell, text: str) -> None:
        line = f"{word} {text}"
        if line not in shell.running.other:
            shell.running.other.append(line)

    return run


def dropped_on_top(word: str) -> Callable[[CiscoShell, str], None]:
    """`no ...` of such a line."""

    def run(shell: CiscoShell, text: str) -> None:
        shell.running.other[:] = [line for line in shell.running.other if line != f"{word} {text}"]

    return run


def vlan_now(shell: CiscoShell, text: str) -> str:
    """`vlan <vlans>` where VLANs come into being at once."""
    vlans = vlan_list(shell, text)
    for vlan in sorted(vlans):
        if reason := shell.dialect.reserved(vlan):
            raise RejectedError(reason)
    told = shell.enter("config-vlan")
    for vlan in sorted(vlans):
        shell.running.vlans.setdefault(vlan, default_vlan_name(vlan))
    shell.vlans = tuple(sorted(vlans))
    return told


def unnamed_now(shell: CiscoShell) -> None:
    """`no name` where it takes effect at once."""
    shell.running.vlans.update({vlan: default_vlan_name(vlan) for vlan in shell.vlans if vlan != 1})


def close(shell: CiscoShell) -> None:
    """The session ends."""
    shell.closed = True


def to_mode(mode: str) -> Callable[[CiscoShell], str]:
    """`exit` and `end`."""
    return lambda shell: shell.leave(mode)


def nothing(_: CiscoShell, *__: str) -> None:
    """A line that is taken, and changes nothing here."""


def page_by(shell: CiscoShell, rows: str) -> None:
    """`terminal length <number>`."""
    shell.session.page_by(int(rows))


async def enable(shell: CiscoShell) -> str:
    """To privileged mode, with the enable secret."""
    secret = shell.device.enable_secret
    if shell.mode != "user" or secret is None:
        shell.mode = "exec"
        return ""
    for _ in range(3):
        given = await shell.session.ask("Password: ", echo=False)
        fault = shell.device.faults.on("deny-enable")
        if fault and fault.message:
            raise RejectedError(fault.message)
        if given == secret and not fault:
            shell.mode = "exec"
            return ""
    raise RejectedError("% Bad secrets\n")


def disable(shell: CiscoShell) -> None:
    """Back to user mode."""
    shell.mode = "user"


async def do(shell: CiscoShell, line: str) -> str:
    """`do ...`: a command of privileged mode, from within configuration mode."""
    mode, shell.mode = shell.mode, "exec"
    try:
        return await shell.run(line)
    finally:
        shell.mode = mode


ADDRESSES = (
    Command("ip address <line>", address(4)),
    Command("no ip address", no_address(4)),
    Command("no ip address <line>", no_address(4)),
    Command("ipv6 address <line>", address(6)),
    Command("no ipv6 address", no_address(6)),
    Command("no ipv6 address <line>", no_address(6)),
)
DOWN = (
    Command("shutdown", kept("shutdown")),
    Command("no shutdown", dropped("shutdown")),
)
SWITCHPORT = (
    Command("switchport", on_ports(lambda port: replace(port, mode="access") if port.mode == "routed" else port)),
    Command("no switchport", on_ports(lambda port: replace(port, mode="routed"))),
    *ADDRESSES,
    *DOWN,
    Command("switchport mode access", on_ports(lambda port: replace(port, mode="access"))),
    Command("switchport mode trunk", on_ports(lambda port: replace(port, mode="trunk"))),
    Command("no switchport mode", on_ports(lambda port: replace(port, mode="access"))),
    Command("switchport access vlan <vlans>", access),
    Command("no switchport access vlan", on_ports(lambda port: replace(port, access=1))),
    Command("switchport trunk native vlan <vlans>", native),
    Command("no switchport trunk native vlan", on_ports(lambda port: replace(port, native=1))),
    Command("switchport trunk allowed vlan <vlans>", allowed("replace")),
    Command("switchport trunk allowed vlan add <vlans>", allowed("add")),
    Command("switchport trunk allowed vlan remove <vlans>", allowed("remove")),
    Command("switchport trunk allowed vlan except <vlans>", allowed("except")),
    Command("switchport trunk allowed vlan all", allowed("all")),
    Command("switchport trunk allowed vlan none", allowed("none")),
    Command("no switchport trunk allowed vlan", allowed("all")),
)
SESSION = (
    Command("exit", close),
    Command("logout", close),
    Command("quit", close),
    Command("terminal monitor", nothing),
    Command("terminal no monitor", nothing),
)


def unrelated(words: Sequence[str]) -> tuple[Command, ...]:
    """Top-level lines of these first words are kept as they are."""
    return (
        *(Command(f"{word} <line>", kept_on_top(word)) for word in words),
        *(Command(f"no {word} <line>", dropped_on_top(word)) for word in words),
    )


def unrelated_of_ports(words: Sequence[str]) -> tuple[Command, ...]:
    """Lines of ports of these first words are kept as they are."""
    return (
        *(Command(f"{word} <line>", kept(word)) for word in words),
        *(Command(f"no {word}", dropped(word)) for word in words),
        *(Command(f"no {word} <line>", dropped(word)) for word in words),
    )


def _with(addresses: Sequence[str], one: str, version: int) -> tuple[str, ...]:
    kept = [other for other in addresses if other != one and (version == 6 or ip_interface(other).version != version)]
    return (*kept, one)


def _without(lines: Sequence[str], word: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line != word and not line.startswith(f"{word} "))
