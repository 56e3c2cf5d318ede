"""FRR 8.4: its one shell, vtysh, as the login shell of a user in the group frrvty, with watchfrr running.

Wordings and behaviour are those of FRR 8.4.4 of Debian 12, as it answered; tests compare with what was recorded. Of its
configuration only static routes can be changed here; the rest is there, is shown, and is what BGP goes by. Start-up
configuration cannot be shown: `show startup-config` prints nothing where all of it is in frr.conf.
"""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, TypeAlias

from lab.switches import frr_bgp_text, frr_rib_text
from lab.switches.configuration import StaticRoute, routed
from lab.switches.device import Device, RejectedError
from lab.switches.frr_config import VERSION, bgp_of, whole
from lab.switches.frr_rib import Entry, best_for, of_version
from lab.switches.frr_routes import Family, added, removed
from lab.switches.frr_store import FrrStore
from lab.switches.grammar import AmbiguousError, Command, IncompleteError, NoCommandError, following, parse
from lab.switches.session import Session
from lab.switches.terminal import END

DEFAULT_PORTS = (routed("ext0", "203.0.113.1/24"), routed("fabric0", "198.51.100.1/31"))
TERMINAL_LINES = 100
"""A shell for each session; the limit is that of sshd's connections that are not logged in."""
GREETING = f"\nHello, this is FRRouting (version {VERSION}).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\n\n"
_CONFIG = "/etc/frr/frr.conf"
_DAEMONS = ("zebra", "bgpd", "staticd")

Reply: TypeAlias = "Awaitable[str | None] | str | None"


@dataclass(slots=True)
class FrrShell:
    """The command line of one session. `mode` is `user`, `exec` or `config`."""

    device: Device
    store: FrrStore
    session: Session
    mode: str = "exec"
    closed: bool = False

    def __post_init__(self) -> None:
        self.session.page_by(0)

    @property
    def configuring(self) -> bool:
        """Whether it is in configuration mode."""
        return self.mode == "config"

    @property
    def prompt(self) -> str:
        """What it prints before it reads a line."""
        return self.device.name + {"user": "> ", "exec": "# ", "config": "(config)# "}[self.mode]

    def settle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The session ends."""

    def help_on(self, typed: str) -> str:
        """What `?` says after this text."""
        return (
            "\n".join(f"  {word}" for word in following(typed, _COMMANDS[self.mode], _KINDS))
            or "% There is no matched command."
        )

    async def run(self, line: str) -> str:
        """Carry out a line; returns what it prints. Raises RejectedError."""
        ended = line.endswith(END)
        line = line.rstrip(END)
        text = ""
        if line.strip() and not line.lstrip().startswith(("!", "#")):
            text = await self._carry_out(line)
        if ended and self.configuring:
            self.mode = "exec"
        return text

    async def _carry_out(self, line: str) -> str:
        body, bar, action = line.partition("|")
        try:
            # Keywords are lower case, and nothing else will do.
            if line.split()[0] != line.split()[0].lower():
                raise NoCommandError(0)
            command, arguments = parse(body if bar else line, _COMMANDS[self.mode], _KINDS)
            reply = command.run(self, *arguments)
            text = (reply if isinstance(reply, str | None) else await reply) or ""
        except NoCommandError:
            raise RejectedError(f"% Unknown command: {line}") from None
        except IncompleteError:
            raise RejectedError(f"% Command incomplete: {line}") from None
        except AmbiguousError:
            raise RejectedError(f"% Ambiguous command: {line}") from None
        return _included(text, action) if bar else text


def table(store: FrrStore, device: Device) -> list[dict[str, Any]]:
    """The routes in use, as plain data."""
    return [
        {
            "network": str(entry.network),
            "protocol": entry.protocol,
            "tag": entry.tag,
            "next_hops": [way.address for way in entry.ways if way.address and not way.resolver],
            "discards": any(way.discards for way in entry.ways),
        }
        for entry in store.rib(device.heard)
    ]


def _included(text: str, action: str) -> str:
    """The one filter there is."""
    verb, _, pattern = action.strip().partition(" ")
    if verb != "include":
        raise RejectedError(f"% Unknown action '{verb}'")
    try:
        wanted = re.compile(pattern.strip())
    except re.error:
        raise RejectedError(f"% Regex compilation error: {pattern.strip()}") from None
    return "".join(f"{line}\n" for line in text.splitlines() if wanted.search(line))


def _to(mode: str) -> Callable[[FrrShell], None]:
    def run(shell: FrrShell) -> None:
        shell.mode = mode

    return run


def _close(shell: FrrShell) -> None:
    shell.closed = True


def _nothing(_: FrrShell, *__: str) -> None:
    pass


async def _do(shell: FrrShell, line: str) -> str:
    shell.mode = "exec"
    try:
        return await shell.run(line)
    except RejectedError as error:
        raise RejectedError(re.sub(r"^(% [A-Z][a-z]+ [a-z]+: )", r"\1do ", str(error))) from None
    finally:
        shell.mode = "config"


def _length(shell: FrrShell, rows: str) -> str:
    shell.session.page_by(0 if rows == "0" else 24)
    if rows == "0":
        return ""
    return (
        '% The "terminal length" command is deprecated and its value is ignored.\n'
        '% Please use "terminal paginate" instead with OS TTY length handling.\n'
    )


def _change(
    change: Callable[[Sequence[StaticRoute], Family, str], list[StaticRoute]], family: Family
) -> Callable[[FrrShell, str], None]:
    def run(shell: FrrShell, text: str) -> None:
        running = shell.store.running
        running.routes[:] = change(running.routes, family, text)
        shell.store.rib(shell.device.heard)

    return run


async def _save(shell: FrrShell) -> str:
    shell.session.write("Note: this version of vtysh never writes vtysh.conf\nBuilding Configuration...\n")
    await shell.device.pause(shell.device.save_seconds)
    if fault := shell.device.faults.on("deny-save"):
        raise RejectedError(
            fault.message
            or f"% Error: failed to open configuration file {_CONFIG}: Read-only file system\n% Configuration write failed."
        )
    shell.store.save()
    shell.device.tell_saved()
    return f"Integrated configuration saved to {_CONFIG}\n[OK]\n"


def _running(shell: FrrShell, daemon: str = "", *, head: bool = True) -> str:
    if daemon and daemon not in _DAEMONS:
        raise NoCommandError(0)
    text = whole(shell.device.name, shell.store.running, daemon)
    return text if head else text[text.index("frr version") :]


def _version(shell: FrrShell) -> str:
    return (
        f"FRRouting {VERSION} ({shell.device.name}) on Linux(6.1.0-18-amd64).\n"
        "Copyright 1996-2005 Kunihiro Ishiguro, et al.\nconfigured with:\n    '--build=x86_64-linux-gnu' '--prefix=/usr'\n"
    )


def _age(shell: FrrShell) -> frr_rib_text.Age:
    return lambda entry: time.time() - shell.store.since(entry)


def _printed(shell: FrrShell, found: Sequence[Entry], version: int, *, json: bool) -> str:
    return frr_rib_text.as_json(found, _age(shell)) if json else frr_rib_text.table(found, version, _age(shell))


def _routes(version: int, protocol: str = "", *, json: bool = False) -> Callable[[FrrShell], str]:
    def run(shell: FrrShell) -> str:
        found = [
            one for one in of_version(shell.store.rib(shell.device.heard), version) if protocol in {"", one.protocol}
        ]
        return _printed(shell, found, version, json=json)

    return run


def _tagged(version: int, *, json: bool = False) -> Callable[[FrrShell, str], str]:
    def run(shell: FrrShell, tag: str) -> str:
        found = [one for one in of_version(shell.store.rib(shell.device.heard), version) if one.tag == int(tag)]
        return _printed(shell, found, version, json=json)

    return run


def _longer(version: int, *, json: bool = False) -> Callable[[FrrShell, str], str]:
    def run(shell: FrrShell, text: str) -> str:
        network = ip_network(text, strict=False)
        found = [
            one
            for one in of_version(shell.store.rib(shell.device.heard), version)
            if one.network.subnet_of(network)  # type: ignore[arg-type]
        ]
        return _printed(shell, found, version, json=json)

    return run


def _prefix(*, json: bool = False) -> Callable[[FrrShell, str], str]:
    def run(shell: FrrShell, text: str) -> str:
        network = ip_network(text, strict=False)
        entry = next((one for one in shell.store.rib(shell.device.heard) if one.network == network), None)
        if entry is None:
            return "{}\n" if json else "% Network not in table\n"
        return frr_rib_text.as_json([entry], _age(shell)) if json else frr_rib_text.details(entry, _age(shell))

    return run


def _address(*, json: bool = False) -> Callable[[FrrShell, str], str]:
    def run(shell: FrrShell, text: str) -> str:
        host = ip_network(text)
        entry = best_for({one.network: one for one in shell.store.rib(shell.device.heard)}, host)
        if entry is None:
            nowhere = "0.0.0.0/0" if host.version == 4 else "::/0"
            return f'{{\n  "{nowhere}":[\n  ]\n}}\n' if json else ""
        return frr_rib_text.as_json([entry], _age(shell)) if json else frr_rib_text.details(entry, _age(shell))

    return run


def _bgp_view(shell: FrrShell) -> frr_bgp_text.View:
    return frr_bgp_text.View(shell.device.name, bgp_of(shell.store.running), shell.device.peers)


def _bgp_table(version: int, *, json: bool = False) -> Callable[[FrrShell], str]:
    def run(shell: FrrShell) -> str:
        paths = [path for path in shell.store.bgp_paths(shell.device.heard) if path.network.version == version]
        return (frr_bgp_text.table_json if json else frr_bgp_text.table)(paths, _bgp_view(shell))

    return run


def _bgp_network(*, json: bool = False) -> Callable[[FrrShell, str], str]:
    def run(shell: FrrShell, text: str) -> str:
        wanted, exact = ip_network(text, strict=False), "/" in text
        holding = (
            one
            for one in shell.store.bgp_paths(shell.device.heard)
            if one.network == wanted
            or (not exact and one.network.version == wanted.version and wanted.subnet_of(one.network))  # type: ignore[arg-type]
        )
        path = max(holding, key=lambda one: one.network.prefixlen, default=None)
        if json:
            return frr_bgp_text.details_json(path, _bgp_view(shell))
        return frr_bgp_text.details(path, _bgp_view(shell)) if path else "% Network not in table\n"

    return run


def _is_network(text: str, version: int, *, prefix: bool) -> bool:
    if ("/" in text) != prefix or (prefix and not text.rpartition("/")[2].isdigit()):
        return False
    try:
        return ip_network(text, strict=False).version == version
    except ValueError:
        return False


_KINDS: dict[str, Callable[[str], bool]] = {
    "<number>": lambda text: text.isascii() and text.isdigit(),
    "<word>": lambda _: True,
    "<prefix4>": lambda text: _is_network(text, 4, prefix=True),
    "<prefix6>": lambda text: _is_network(text, 6, prefix=True),
    "<address4>": lambda text: _is_network(text, 4, prefix=False),
    "<address6>": lambda text: _is_network(text, 6, prefix=False),
}


def _show_routes(version: int) -> tuple[Command, ...]:
    start = "show ip route" if version == 4 else "show ipv6 route"
    found = []
    for json in (False, True):
        end = " json" if json else ""
        found += [
            Command(f"{start}{end}", _routes(version, json=json)),
            *(
                Command(f"{start} {protocol}{end}", _routes(version, protocol, json=json))
                for protocol in ("connected", "static", "bgp")
            ),
            Command(f"{start} tag <number>{end}", _tagged(version, json=json)),
            Command(f"{start} <prefix{version}>{end}", _prefix(json=json)),
            Command(f"{start} <prefix{version}> longer-prefixes{end}", _longer(version, json=json)),
            Command(f"{start} <address{version}>{end}", _address(json=json)),
        ]
    return tuple(found)


def _show_bgp(version: int) -> tuple[Command, ...]:
    starts = (f"show bgp ipv{version} unicast", f"show bgp ipv{version}", *(["show ip bgp"] if version == 4 else []))
    found = []
    for start in starts:
        for json in (False, True):
            end = " json" if json else ""
            found += [
                Command(f"{start}{end}", _bgp_table(version, json=json)),
                Command(f"{start} <prefix{version}>{end}", _bgp_network(json=json)),
                Command(f"{start} <address{version}>{end}", _bgp_network(json=json)),
            ]
    return tuple(found)


_ANYWHERE = (
    *_show_routes(4),
    *_show_routes(6),
    *_show_bgp(4),
    *_show_bgp(6),
    Command("show version", _version),
    Command("show daemons", lambda _: " zebra bgpd watchfrr staticd\n"),
    Command("terminal length <number>", _length),
    Command("terminal paginate", lambda shell: shell.session.page_by(24)),
    Command("no terminal paginate", lambda shell: shell.session.page_by(0)),
    Command("terminal monitor", _nothing),
    Command("enable", _to("exec")),
    Command("exit", _close),
    Command("quit", _close),
)
_COMMANDS: dict[str, Sequence[Command]] = {
    "user": _ANYWHERE,
    "exec": (
        *_ANYWHERE,
        Command("disable", _to("user")),
        Command("end", _nothing),
        Command("configure", _to("config")),
        Command("configure terminal", _to("config")),
        Command("show running-config", _running),
        Command("show running-config <word>", _running),
        Command("show running-config no-header", lambda shell: _running(shell, head=False)),
        Command("show running-config <word> no-header", lambda shell, daemon: _running(shell, daemon, head=False)),
        Command("show startup-config", _nothing),
        Command("write", _save),
        Command("write memory", _save),
        Command("write file", _save),
        Command("write terminal", _running),
        Command("copy running-config startup-config", _save),
    ),
    "config": (
        Command("exit", _to("exec")),
        Command("quit", _to("exec")),
        Command("end", _to("exec")),
        Command("do <line>", _do),
        Command("ip route <line>", _change(added, 4)),
        Command("no ip route <line>", _change(removed, 4)),
        Command("ipv6 route <line>", _change(added, 6)),
        Command("no ipv6 route <line>", _change(removed, 6)),
    ),
}
