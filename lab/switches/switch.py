"""One simulated switch or router, listening: `async with Switch("cisco-ios", name="leaf-1", ...) as switch`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import asyncssh

from lab.errors import LabError
from lab.ports import HOST, reserve
from lab.ports import Port as ReservedPort
from lab.switches.configuration import Configuration, Port, StaticRoute, trunk
from lab.switches.device import Device, Peer, RejectedError, Sessions
from lab.switches.dialects import SYSTEMS, DialectName
from lab.switches.faults import Faults
from lab.switches.journal import Journal
from lab.switches.server import Connection, Doorway, Login
from lab.switches.session import Session
from lab.switches.terminal import Terminal

_BACKLOG = 100


class Switch:
    """A switch with an SSH server on the loopback.

    Args:
        dialect: what it runs.
        name: its host name.
        login: who may log in.
        port: TCP port; 0 takes a free one.
        host: the address it listens on.
        host_key: its private key in OpenSSH's form; None makes a new one (Ed25519).
        ports: its ports. A name is a trunk that lets VLAN 1 through; None makes the dialect's usual ones.
        vlans: ID to name, besides VLAN 1.
        other: top-level lines of its configuration that have nothing to do with VLANs.
        routes: its static routes.
        save_seconds: what a save (or a commit) takes.
        command_seconds: what every line takes.
        boot_seconds: what a restart takes, in which it answers nobody.
        minute_seconds: what it takes for a minute where it waits for minutes, as a confirmed commit does.
        lines: how many sessions there may be at once; None is the dialect's own limit.
        state_file: where its start-up configuration is kept; what is there already wins over `ports`, `vlans`, `other`,
            `routes`.

    Entering raises LabError where the port is taken or the state file is not readable.
    """

    def __init__(
        self,
        dialect: DialectName,
        *,
        name: str,
        login: Login,
        port: int = 0,
        host: str = HOST,
        host_key: str | None = None,
        ports: Sequence[str | Port] | None = None,
        vlans: Mapping[int, str] | None = None,
        other: Sequence[str] = (),
        routes: Sequence[StaticRoute] = (),
        save_seconds: float = 0.0,
        command_seconds: float = 0.0,
        boot_seconds: float = 0.0,
        minute_seconds: float = 60.0,
        lines: int | None = None,
        state_file: Path | None = None,
    ) -> None:
        system = SYSTEMS[dialect]
        self.dialect: DialectName = dialect
        self.name = name
        self.login = login
        self.faults = Faults()
        self.journal = Journal()
        given = [trunk(one) if isinstance(one, str) else one for one in (system.ports if ports is None else ports)]
        configuration = Configuration(
            {1: "default", **(vlans or {})}, {one.name: one for one in given}, list(other), list(routes)
        )
        self._system = system
        self._store = system.new_store(name, configuration)
        self._device = Device(
            name,
            self.faults,
            self.journal,
            login.enable_secret,
            save_seconds=save_seconds,
            command_seconds=command_seconds,
            minute_seconds=minute_seconds,
            restart=self.reload,
        )
        self._device.saved.append(self._keep)
        self._doorway = Doorway(
            self._device,
            self._store,
            login,
            system.lines if lines is None else lines,
            system.line_limit,
            system.greeting,
            system.more,
            lambda session: system.new_shell(self._device, self._store, session),
        )
        self._boot_seconds = boot_seconds
        self._boot: asyncio.TimerHandle | None = None
        self._up = asyncio.Event()
        self._state_file = state_file
        self._key = asyncssh.import_private_key(host_key) if host_key else asyncssh.generate_private_key("ssh-ed25519")
        self._other_key: asyncssh.SSHKey | None = None
        self._host, self._wanted_port = host, port
        self._reserved: ReservedPort | None = None
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._changing = asyncio.Lock()
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens. Raises LabError while it is not entered."""
        if self._reserved is None:
            raise LabError(f"switch {self.name} is not running: enter it with `async with`")
        return self._reserved.number

    @property
    def host_key(self) -> str:
        """The public host key it shows now, as known_hosts has it: `ssh-ed25519 AAAA...`."""
        return " ".join(self._shown_key().export_public_key().decode().split()[:2])

    @property
    def running(self) -> Configuration:
        """What it does now; as data, and not to be changed."""
        return self._store.running

    @property
    def startup(self) -> Configuration:
        """What it does after a restart."""
        return self._store.startup

    @property
    def sessions(self) -> Sessions:
        """How many sessions there were, and are."""
        return self._device.sessions

    @property
    def logins(self) -> list[tuple[str, str, bool]]:
        """Every try to log in: username, `password` or `key`, whether it was taken."""
        return self._doorway.logins

    def text(self, which: Literal["running", "startup"]) -> str:
        """A configuration as the switch itself writes it."""
        return self._store.text(which)

    def reload(self) -> None:
        """Restart: every session is cut, running := start-up. It is up again after `boot_seconds`."""
        self._doorway.cut_all()
        self._store.reload()
        self._go_down()
        if self._boot_seconds:
            self._boot = asyncio.get_running_loop().call_later(self._boot_seconds, self._come_up)
            self._close()
        else:
            self._come_up()

    @property
    def is_up(self) -> bool:
        """Whether it runs: not while it is not entered, nor while it restarts."""
        return self._up.is_set()

    async def up(self) -> None:
        """Wait until it runs and listens, after a restart."""
        await self._up.wait()
        await self.listening()

    async def program(self, forward: Callable[[Configuration], Awaitable[None]]) -> None:
        """Have real ports programmed as the running configuration says: now, and with each line a client sends.

        After `reload` it has to be called again.
        """
        self._device.forward = forward
        await forward(self.running)

    @property
    def announced(self) -> frozenset[str]:
        """The networks it tells its BGP neighbours now; none while it is down."""
        return self._system.announced(self._store, self._device) if self.is_up else frozenset()

    def table(self) -> list[dict[str, Any]]:
        """The routes it uses, as plain data. Raises LabError where it has no such table here."""
        if self._system.table is None:
            raise LabError(f"{self.name} ({self.dialect}) shows no routing table: expected a router that runs frr")
        return self._system.table(self._store, self._device)

    @property
    def changed(self) -> list[Callable[[], None]]:
        """Told after its running configuration may have changed, and when it is up or down."""
        return self._device.changed

    @property
    def peers(self) -> dict[str, Peer]:
        """Its BGP neighbours whose session is up, by address."""
        return self._device.peers

    def hear(self, network: str, next_hop: str) -> None:
        """A BGP neighbour announces a network to it."""
        self._device.heard[network] = next_hop

    def unhear(self, network: str) -> None:
        """The neighbour withdraws it."""
        self._device.heard.pop(network, None)

    async def change(self, *lines: str) -> str:
        """Somebody else changes the configuration by hand: configuration lines, in force at once and not saved.

        Nothing of it is in the journal, and no fault strikes it. Raises LabError with what the switch says to a line it
        does not take; the lines before it stay.
        """
        console = Session(0, "console", _apart(self._device), self._store, Terminal(lambda _: None), lambda: None)
        shell = self._system.new_shell(_apart(self._device), self._store, console)
        console.shell = shell
        said = []
        for line in self._system.by_hand(lines):
            try:
                said.append(await shell.run(line))
            except RejectedError as error:
                raise LabError(f"switch {self.name} does not take {line!r}: {str(error).strip()}") from error
            finally:
                self._device.tell_changed()
        shell.close()
        return "\n".join(text for text in said if text)

    async def __aenter__(self) -> Self:
        if self._state_file and self._state_file.exists():
            try:
                self._store.restore(self._state_file.read_bytes())
            except (OSError, ValueError) as error:
                raise LabError(f"{self._state_file} is not a switch's state: remove it and start again") from error
        self._reserved = reserve(self._wanted_port or None, self._host)
        try:
            await self._listen()
        except BaseException:
            self._reserved.release()
            self._reserved = None
            raise
        self.faults.listeners.append(self._follow_faults)
        self._come_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.listeners.remove(self._follow_faults)
        self._go_down()
        self._close()
        self._doorway.cut_all()
        await asyncio.gather(*self._opening, *self._doorway.tasks, return_exceptions=True)
        self._close()
        if self._reserved:
            self._reserved.release()
            self._reserved = None
        if self._doorway.errors and error is None:
            raise self._doorway.errors[0]

    async def _listen(self) -> None:
        self._acceptor = await asyncssh.listen(
            self._host,
            self.port,
            reuse_address=True,
            backlog=_BACKLOG,
            server_factory=lambda: Connection(self._doorway),
            server_host_keys=[self._shown_key()],
            server_version=self._system.banner,
            line_editor=False,
            kbdint_auth=False,
            gss_host=None,
            encoding="utf-8",
            errors="replace",
            login_timeout=30,
            agent_forwarding=False,
            allow_scp=False,
            compression_algs=None,
        )

    def _close(self) -> None:
        if self._acceptor:
            self._acceptor.close()
            self._acceptor = None

    def _go_down(self) -> None:
        if self._boot:
            self._boot.cancel()
            self._boot = None
        self._up.clear()
        self._device.tell_changed()

    def _come_up(self) -> None:
        self._boot = None
        self._up.set()
        self._follow_faults()
        self._device.tell_changed()

    @property
    def _answers(self) -> bool:
        return self.is_up and not self.faults.lasting("refuse")

    def _follow_faults(self) -> None:
        """Some faults change how the switch listens."""
        if not self._answers:
            self._close()
        elif self._acceptor:
            self._acceptor.update(server_host_keys=[self._shown_key()])
        else:
            task = asyncio.create_task(self._reopen())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _reopen(self) -> None:
        async with self._changing:
            if not self._acceptor and self._reserved and self._answers:
                await self._listen()

    async def listening(self) -> None:
        """Wait until it listens again after a `refuse` was removed."""
        await asyncio.gather(*self._opening)

    def _shown_key(self) -> asyncssh.SSHKey:
        if not self.faults.lasting("change-host-key"):
            return self._key
        if self._other_key is None:
            self._other_key = asyncssh.generate_private_key("ssh-ed25519")
        return self._other_key

    def _keep(self) -> None:
        """Write the start-up configuration, all or nothing."""
        if self._state_file:
            draft = self._state_file.with_name(f"{self._state_file.name}.{os.getpid()}")
            draft.write_bytes(self._store.dump())
            draft.replace(self._state_file)


def _apart(device: Device) -> Device:
    """The same switch for somebody at its console: privileged, not in the journal, struck by no fault."""
    return Device(
        device.name, Faults(), Journal(), saved=device.saved, minute_seconds=device.minute_seconds, heard=device.heard
    )
