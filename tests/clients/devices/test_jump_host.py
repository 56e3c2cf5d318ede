"""The way over a jump host is as strict as the way to the switch."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncssh
import pytest

from clients.devices import Login, work
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome
from tenancy.switches import JumpHost
from tests.clients.devices.scene import Scene

JUMP_PASSWORD = "jump-password-41dd"
CUT = "the connection goes while this is looked at"


class _Door(asyncssh.SSHServer):
    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        if password == CUT:
            self._connections[-1].abort()
        return (username, password) == ("jumper", JUMP_PASSWORD)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


@dataclass
class Jump:
    port: int
    line: str

    async def ask(self, scene: Scene, password: str = JUMP_PASSWORD) -> list[DeviceOutcome]:
        return await work(
            scene.switch.model_copy(
                update={"jump_host": JumpHost(host="127.0.0.1", port=self.port, credentials="jump")}
            ),
            scene.login,
            [scene.request("survey")],
            known_hosts=scene.known_hosts,
            alive=scene.alive,
            progress=scene.progress.append,
            jump=Login(username="jumper", password=password),
        )


@pytest.fixture
async def jump() -> AsyncIterator[Jump]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    connections: list[asyncssh.SSHServerConnection] = []
    async with asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: _Door(connections), server_host_keys=[key]
    ) as server:
        port = server.get_port()
        yield Jump(port, f"[127.0.0.1]:{port} {' '.join(key.export_public_key().decode().split()[:2])}\n")
        # The listener's end is not theirs.
        for connection in connections:
            connection.abort()
            await connection.wait_closed()


async def test_a_switch_behind_a_jump_host_is_reached(ios: Scene, jump: Jump) -> None:
    ios.known_hosts.write_text(ios.known_hosts.read_text() + jump.line)
    (outcome,) = await jump.ask(ios)
    assert outcome.result == "done"


async def test_an_unknown_jump_host_is_refused(ios: Scene, jump: Jump) -> None:
    with pytest.raises(RefusedError, match=rf"jump host \[127.0.0.1\]:{jump.port}: no host key") as refused:
        await jump.ask(ios)
    assert refused.value.reason == "host-key-unknown"


async def test_a_switch_behind_a_jump_host_must_be_known_itself(ios: Scene, jump: Jump) -> None:
    ios.known_hosts.write_text(jump.line)
    with pytest.raises(RefusedError, match=r"switch leaf-1 .* no host key") as refused:
        await jump.ask(ios)
    assert refused.value.reason == "host-key-unknown"


async def test_a_jump_host_that_refuses_the_login_is_named(ios: Scene, jump: Jump) -> None:
    ios.known_hosts.write_text(ios.known_hosts.read_text() + jump.line)
    with pytest.raises(RefusedError, match=r"jump host .* login jumper was refused") as refused:
        await jump.ask(ios, password="wrong-password-0f")
    assert refused.value.reason == "login-refused"
    assert "wrong-password" not in str(refused.value)


async def test_a_connection_that_is_cut_while_the_login_is_decided_about_is_no_refusal(ios: Scene, jump: Jump) -> None:
    ios.known_hosts.write_text(ios.known_hosts.read_text() + jump.line)
    with pytest.raises(UnavailableError, match="was cut before it decided about the login"):
        await jump.ask(ios, CUT)
