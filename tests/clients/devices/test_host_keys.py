"""Host keys: what is offered, what is trusted, and that trusting is a person's step."""

from pathlib import Path

import asyncssh
import pytest

from clients.devices.host_keys import known_as, offered, trust
from clients.errors import RefusedError, UnavailableError
from lab.ports import reserve
from tests.clients.devices.scene import Scene


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("leaf-1.example.net", 22, "leaf-1.example.net"),
        ("2001:db8::1", 22, "2001:db8::1"),
        ("2001:db8::1", 2222, "[2001:db8::1]:2222"),
    ],
)
def test_a_host_is_written_as_known_hosts_writes_it(host: str, port: int, name: str) -> None:
    assert known_as(host, port) == name


async def test_a_key_that_is_trusted_opens_the_way(ios: Scene) -> None:
    ios.known_hosts.write_text("# of the network team\nother.example.net ssh-ed25519 AAAA")
    key = await offered("127.0.0.1", ios.simulated.port)
    assert key.line == f"[127.0.0.1]:{ios.simulated.port} {ios.simulated.host_key}"
    assert key.fingerprint == asyncssh.import_public_key(ios.simulated.host_key).get_fingerprint()
    assert trust(ios.known_hosts, [key]) == [key]
    assert ios.known_hosts.read_text() == (
        f"# of the network team\nother.example.net ssh-ed25519 AAAA\n[127.0.0.1]:{ios.simulated.port} {ios.simulated.host_key}\n"
    )
    assert (await ios.ask("survey")).result == "done"
    assert trust(ios.known_hosts, [key]) == []
    assert [path.name for path in ios.known_hosts.parent.iterdir()] == [ios.known_hosts.name]


async def test_another_key_of_a_known_host_is_never_trusted(ios: Scene) -> None:
    ios.simulated.faults.add(effect="change-host-key")
    text = ios.known_hosts.read_text()
    with pytest.raises(RefusedError, match="holds another one") as refused:
        trust(ios.known_hosts, [await offered("127.0.0.1", ios.simulated.port)])
    assert refused.value.reason == "host-key-changed"
    assert ios.known_hosts.read_text() == text


async def test_a_revoked_key_is_not_passed_over(ios: Scene) -> None:
    ios.known_hosts.write_text(ios.known_hosts.read_text() + f"@revoked * {ios.simulated.host_key}\n")
    with pytest.raises(RefusedError, match="@revoked"):
        await ios.ask("survey")


async def test_who_offers_no_key_is_told(tmp_path: Path) -> None:
    free = reserve()
    with pytest.raises(UnavailableError, match=rf"\[127.0.0.1\]:{free.number}: shows no host key"):
        await offered("127.0.0.1", free.number)
    free.release()
