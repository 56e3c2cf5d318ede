"""The SSH face of a simulated switch: who may log in, and a terminal for each session."""

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh

from lab.switches.device import Device, RejectedError, Shell, Store
from lab.switches.journal import Entry
from lab.switches.session import Session
from lab.switches.terminal import GoneError, Terminal


@dataclass(slots=True)
class Login:
    """Who may log in to a switch."""

    username: str
    password: str | None = field(default=None, repr=False)
    enable_secret: str | None = field(default=None, repr=False)
    """None where a login is privileged at once."""
    authorized_keys: tuple[str, ...] = ()
    """Public keys in OpenSSH's form."""
    lock_after: int | None = None
    """How many wrong passwords in a row lock the account, for good."""
    wrong: int = 0
    """How many there were in a row."""

    @property
    def locked(self) -> bool:
        """Whether the account is locked."""
        return self.lock_after is not None and self.wrong >= self.lock_after

    def takes_password(self, username: str, password: str) -> bool:
        """Whether somebody may log in with it; a wrong one counts."""
        if self.locked or self.password is None or username != self.username:
            return False
        if hmac.compare_digest(password.encode(), self.password.encode()):
            self.wrong = 0
            return True
        self.wrong += 1
        return False

    def takes_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether somebody may log in with it."""
        return (
            not self.locked
            and username == self.username
            and any(asyncssh.import_public_key(text) == key for text in self.authorized_keys)
        )


@dataclass(slots=True)
class Doorway:
    """What connections need of their switch."""

    device: Device
    store: Store
    login: Login
    lines: int
    """How many sessions there may be at once."""
    line_limit: int | None
    greeting: str
    more: str
    new_shell: Callable[[Session], Shell]
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    errors: list[BaseException] = field(default_factory=list)
    """Bugs of the simulator, for a test to see."""
    logins: list[tuple[str, str, bool]] = field(default_factory=list)
    """Username, `password` or `key`, and whether it was taken: every try."""

    def cut_all(self) -> None:
        """End every connection without a word, and what its session was doing."""
        for connection in list(self.connections):
            connection.abort()
        for task in self.tasks:
            if task is not _current_task():
                task.cancel()


class Connection(asyncssh.SSHServer):
    """One client's connection."""

    def __init__(self, doorway: Doorway) -> None:
        self._doorway = doorway
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client has connected."""
        self._connection = conn
        # At every login asyncssh reads its configuration files again, in a thread of the loop's own pool. There are none;
        # and where clients of this very process have taken all of those threads, everybody would wait for everybody.
        conn.reload_config = _nothing_to_reload  # type: ignore[method-assign]
        self._doorway.connections.add(conn)
        if self._doorway.device.faults.on("no-banner"):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        if self._connection is not None:
            self._doorway.connections.discard(self._connection)

    def password_auth_supported(self) -> bool:
        """Passwords are asked for."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys are taken."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Whether the password is right."""
        return self._noted(username, "password", self._doorway.login.takes_password(username, password))

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the key is known."""
        return self._noted(username, "key", self._doorway.login.takes_key(username, key))

    def session_requested(self) -> "Channel":
        """A client wants a session."""
        assert self._connection is not None  # noqa: S101 - asyncssh calls connection_made first
        return Channel(self._doorway, self._connection)

    def _noted(self, username: str, how: str, taken: bool) -> bool:
        taken = taken and not self._doorway.device.faults.on("deny-login")
        self._doorway.logins.append((username, how, taken))
        return taken


class Channel(asyncssh.SSHServerSession[str]):
    """One session's channel."""

    def __init__(self, doorway: Doorway, connection: asyncssh.SSHServerConnection) -> None:
        self._doorway = doorway
        self._connection = connection
        self._channel: asyncssh.SSHServerChannel[str] | None = None
        self._terminal: Terminal | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        """The channel is open."""
        self._channel = chan

    def shell_requested(self) -> bool:
        """A switch that has no line left closes the channel instead of an answer."""
        device = self._doorway.device
        if device.sessions.open >= self._doorway.lines or device.faults.on("no-session"):
            self._opened.close()
            return False
        return True

    def exec_requested(self, command: str) -> bool:
        """Commands without a terminal are noted and refused."""
        user = str(self._connection.get_extra_info("username"))
        self._doorway.device.journal.add(Entry(0, user, command, configuring=False, accepted=False))
        return False

    def session_started(self) -> None:
        """Serve the session."""
        channel, doorway = self._opened, self._doorway
        doorway.device.sessions.opened += 1
        doorway.device.sessions.open += 1
        terminal = self._terminal = Terminal(channel.write, limit=doorway.line_limit, more=doorway.more)
        terminal.write(doorway.greeting)
        user = str(self._connection.get_extra_info("username"))
        number = doorway.device.sessions.opened
        session = Session(number, user, doorway.device, doorway.store, terminal, self._connection.abort)
        task = asyncio.create_task(self._serve(session))
        doorway.tasks.add(task)
        task.add_done_callback(doorway.tasks.discard)

    def data_received(self, data: str, datatype: int | None) -> None:
        """The client types."""
        if self._terminal:
            self._terminal.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what it asked last is carried out all the same."""
        if self._terminal:
            self._terminal.hang_up()

    def eof_received(self) -> bool:
        """The client says nothing more."""
        if self._terminal:
            self._terminal.hang_up()
        return False

    async def _serve(self, session: Session) -> None:
        try:
            await session.serve(self._doorway.new_shell(session))
        except (GoneError, RejectedError):
            pass
        except Exception as error:
            self._doorway.errors.append(error)
            self._connection.abort()
            raise
        finally:
            self._doorway.device.sessions.open -= 1
            self._opened.close()
            # The last line of a session ends the connection, too.
            self._connection.close()

    @property
    def _opened(self) -> "asyncssh.SSHServerChannel[str]":
        assert self._channel is not None  # noqa: S101 - asyncssh calls connection_made first
        return self._channel


async def _nothing_to_reload() -> None:
    pass


def _current_task() -> "asyncio.Task[None] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
