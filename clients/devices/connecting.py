"""How a session is opened: a strict host key, a login, perhaps a jump host; and what each failure of it means."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from netmiko import ConnectHandler
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException, NetmikoTimeoutException
from opentelemetry.trace import SpanKind
from paramiko import Channel, RejectPolicy, SSHClient
from paramiko.ssh_exception import (
    AuthenticationException,
    BadAuthenticationType,
    BadHostKeyException,
    PasswordRequiredException,
    SSHException,
)

from clients.devices.command_line import CommandLine
from clients.devices.host_keys import CONNECT_SECONDS, fingerprint, known_as, trusted
from clients.devices.login import Login
from clients.devices.session import Session
from clients.devices.spans import spanning
from clients.errors import RefusedError, UnavailableError
from tenancy.mistakes import shown
from tenancy.switches import Device, JumpHost

_CUT_OFF = "transport shut down or saw EOF"
"""In the message of an AuthenticationException (paramiko 5.1 auth_handler.py)."""
AUTH_SECONDS = 20.0


@contextmanager
def session(
    device: Device,
    kind: str,
    login: Login,
    cli: CommandLine,
    *,
    known_hosts: Path,
    jump: Login | None,
    alive: Callable[[], bool],
    progress: Callable[[str], None],
) -> Iterator[Session]:
    """A session in the privileged mode; it is cut when left. `kind` is what people call the device, e.g. `switch`.

    Raises UnavailableError, and RefusedError `login-refused`, `host-key-unknown`, `host-key-changed`, `enable-refused`.
    """
    where = f"{kind} {device.name} ({known_as(device.host, device.port)})"
    progress("connect")
    with ExitStack() as stack:
        with spanning("connect", SpanKind.CLIENT):
            trusted(known_hosts, device.host, device.port, where)
            try:
                opened = stack.enter_context(_way(device, known_hosts, jump, where))
                connection = ConnectHandler(
                    device_type=cli.device_type,
                    host=device.host,
                    port=device.port,
                    username=login.username,
                    password=login.password,
                    pkey=login.private_key,
                    allow_agent=login.agent,
                    ssh_strict=True,
                    alt_host_keys=True,
                    alt_key_file=str(known_hosts),
                    conn_timeout=CONNECT_SECONDS,
                    banner_timeout=CONNECT_SECONDS,
                    auth_timeout=AUTH_SECONDS,
                    fast_cli=True,
                    sock=opened,
                )
            except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
                raise failure(error, where, login.username) from error
            opened_session = Session(connection, cli, where, alive, progress)
            stack.callback(opened_session.close)
            if cli.enable:
                opened_session.enable(login.enable_secret)
        yield opened_session


@contextmanager
def _way(device: Device, known_hosts: Path, jump: Login | None, where: str) -> Iterator[Any]:
    """A socket to the device, or a channel through its jump host."""
    if device.jump_host is None:
        with _tcp(device.host, device.port) as opened:
            yield opened
        return
    if jump is None:
        raise RefusedError(f"{where}: has a jump host, and no login for it was given", reason="login-refused")
    with _through(device.jump_host, jump, known_hosts, (device.host, device.port)) as channel:
        yield channel


@contextmanager
def _tcp(host: str, port: int) -> Iterator[socket.socket]:
    with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as opened:
        # A line is a small packet; waiting for company costs a third of a session's time.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        yield opened


@contextmanager
def _through(jump_host: JumpHost, login: Login, known_hosts: Path, target: tuple[str, int]) -> Iterator[Channel]:
    """A channel to the target from a jump host that is as strictly known as the device."""
    where = f"jump host {known_as(jump_host.host, jump_host.port)}"
    trusted(known_hosts, jump_host.host, jump_host.port, where)
    client = SSHClient()
    client.load_host_keys(str(known_hosts))
    client.set_missing_host_key_policy(RejectPolicy())
    with ExitStack() as stack:
        stack.callback(client.close)
        try:
            client.connect(
                jump_host.host,
                jump_host.port,
                login.username,
                login.password,
                pkey=login.private_key,
                allow_agent=login.agent,
                look_for_keys=False,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=AUTH_SECONDS,
                sock=stack.enter_context(_tcp(jump_host.host, jump_host.port)),
            )
            transport = client.get_transport()
            if transport is None:
                raise SSHException("no transport")
            channel = transport.open_channel("direct-tcpip", target, ("127.0.0.1", 0), timeout=CONNECT_SECONDS)
        except (SSHException, OSError, EOFError) as error:
            raise failure(error, where, login.username) from error
        yield channel


def failure(error: Exception, where: str, username: str) -> UnavailableError | RefusedError:
    """What a failed connection means. Netmiko disguises most of them as a timeout, so the causes are looked at, too."""
    chain = list(_chain(error))
    changed = next((one for one in chain if isinstance(one, BadHostKeyException)), None)
    if changed is not None:
        return RefusedError(
            f"{where}: shows host key {fingerprint(changed.key.asbytes())}, expected "
            f"{fingerprint(changed.expected_key.asbytes())}: it was replaced, or somebody is in between; find out, and only "
            "then replace the line in known_hosts",
            reason="host-key-changed",
        )
    if any("not found in known_hosts" in str(one) for one in chain):
        return RefusedError(
            f"{where}: its host key is not in known_hosts: see `berth doctor`", reason="host-key-unknown"
        )
    texts = " ".join(str(one) for one in chain)
    if any(isinstance(one, AuthenticationException | NetmikoAuthenticationException) for one in chain):
        if "timeout" in texts.lower():
            return UnavailableError(
                f"{where}: did not decide about the login in {AUTH_SECONDS:g} s: is its AAA server up?"
            )
        if _CUT_OFF in texts:
            # paramiko says "failed" of a connection that went before the device had decided.
            return UnavailableError(f"{where}: the connection was cut before it decided about the login: see its log")
        taken = next((one.allowed_types for one in chain if isinstance(one, BadAuthenticationType)), None)
        needed = any(isinstance(one, PasswordRequiredException) for one in chain)
        why = "the private key needs a passphrase" if needed else f"it takes {', '.join(taken)}" if taken else ""
        return RefusedError(
            f"{where}: login {username} was refused{f' ({why})' if why else ''}: correct the credentials; it is not tried "
            "again, so that the account is not locked",
            reason="login-refused",
        )
    if "no authentication methods available" in texts.lower():
        return RefusedError(
            f"{where}: login {username} has neither a password nor a key that can be used: name one in the credentials",
            reason="login-refused",
        )
    if "channel closed" in texts.lower():
        return UnavailableError(f"{where}: takes no further session: close some, or raise its limit of VTY lines")
    last = next((one for one in reversed(chain) if not isinstance(one, NetmikoTimeoutException)), error)
    why = shown(str(last).strip().split("\n")[0]) if str(last).strip() else type(last).__name__
    return UnavailableError(f"{where}: no session ({why}): check that it is up and reachable, and speaks SSH there")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
