"""Secrets: where they are read from, which are refused, and that nothing prints them."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
import pytest

from clients.devices.credentials import login_of
from clients.errors import UnavailableError
from tenancy.switches import Credentials, SecretKey
from tests.clients.devices.scene import PASSWORD, Scene


async def no_secret(namespace: str, name: str, key: str) -> str:
    raise AssertionError((namespace, name, key))


def credentials(**places: object) -> Credentials:
    return Credentials.model_validate({"name": "netops", "username": "berth", **places})


async def test_a_secret_is_read_from_each_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_secret(namespace: str, name: str, key: str) -> str:
        assert (namespace, name, key) == ("berth-system", "switches", "enable")
        return "from-kubernetes"

    file = tmp_path / "password"
    file.write_text("from-file\n")
    file.chmod(0o600)
    monkeypatch.setenv("BERTH_TEST_SECRET", "from-environment")
    by_variable = await login_of(credentials(password={"environment": "BERTH_TEST_SECRET"}), read_secret)
    assert by_variable.password == "from-environment"
    login = await login_of(
        credentials(
            password={"file": str(file)},
            enableSecret={"secret": SecretKey(namespace="berth-system", name="switches", key="enable").model_dump()},
        ),
        read_secret,
    )
    assert (login.password, login.enable_secret) == ("from-file", "from-kubernetes")


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
@pytest.mark.parametrize("passphrase", [None, "key-passphrase-77"])
async def test_a_private_key_logs_in(ios: Scene, tmp_path: Path, algorithm: str, passphrase: str | None) -> None:
    key = asyncssh.generate_private_key(algorithm)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(key.export_private_key(passphrase=passphrase))
    places: dict[str, object] = {"privateKey": {"file": str(file)}, "enableSecret": {"file": str(tmp_path / "enable")}}
    (tmp_path / "enable").touch(mode=0o600)
    (tmp_path / "enable").write_text("enable-secret-93ab")
    if passphrase:
        with pytest.raises(UnavailableError, match=r"credentials netops: private key: it .*needs a passphrase"):
            await login_of(credentials(**places), no_secret)
        (tmp_path / "passphrase").touch(mode=0o600)
        (tmp_path / "passphrase").write_text(passphrase)
        places["passphrase"] = {"file": str(tmp_path / "passphrase")}
    ios.login = await login_of(credentials(**places), no_secret)
    ios.simulated.login.authorized_keys = (key.export_public_key().decode(),)
    assert (await ios.ask("survey")).result == "done"
    assert [how for _, how, taken in ios.simulated.logins if taken] == ["key"]


def test_a_login_prints_nothing_but_its_name(ios: Scene) -> None:
    for text in (repr(ios.login), str(ios.login), f"{ios.login}"):
        assert PASSWORD not in text
        assert "enable" not in text


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An SSH agent of its own that holds one key; the key's public half."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed")
    key, file = asyncssh.generate_private_key("ssh-ed25519"), tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(key.export_private_key())
    with TemporaryDirectory() as short:  # the path of a socket may have a hundred characters
        socket = f"{short}/agent"
        with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()  # it says where it listens once it does
                monkeypatch.setenv("SSH_AUTH_SOCK", socket)
                subprocess.run(["ssh-add", "-q", str(file)], check=True)
                file.unlink()
                yield key.export_public_key().decode()
            finally:
                process.terminate()


async def test_a_key_of_the_agent_logs_in_where_the_document_says_so(ios: Scene, agent: str, tmp_path: Path) -> None:
    (tmp_path / "enable").touch(mode=0o600)
    (tmp_path / "enable").write_text("enable-secret-93ab")
    ios.simulated.login.authorized_keys = (agent,)
    ios.login = await login_of(credentials(agent=True, enableSecret={"file": str(tmp_path / "enable")}), no_secret)
    assert (await ios.ask("survey")).result == "done"
    assert [how for _, how, taken in ios.simulated.logins if taken] == ["key"]


async def test_a_key_of_the_agent_is_not_offered_where_the_document_does_not_say_so(ios: Scene, agent: str) -> None:
    ios.simulated.login.authorized_keys = (agent,)
    assert (await ios.ask("survey")).result == "done"
    assert ios.simulated.logins == [("berth", "password", True)]
