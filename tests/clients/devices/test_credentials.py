"""Secrets: where they are read from, which are refused, and that nothing prints them."""

from pathlib import Path

import asyncssh
import pytest

from clients.devices.credentials import login_of, value_of
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
        return "from-kubernetes\n"

    file = tmp_path / "password"
    file.write_text("from-file\n")
    file.chmod(0o600)
    monkeypatch.setenv("BERTH_TEST_SECRET", "from-environment")
    login = await login_of(
        credentials(
            password={"file": str(file)},
            enableSecret={"secret": SecretKey(namespace="berth-system", name="switches", key="enable").model_dump()},
        ),
        read_secret,
    )
    assert (login.password, login.enable_secret) == ("from-file", "from-kubernetes")
    reference = credentials(password={"environment": "BERTH_TEST_SECRET"}).password
    assert reference is not None
    assert await value_of(reference, no_secret) == "from-environment"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
async def test_a_file_that_others_can_read_is_refused_by_name(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text("hidden-3f2a")
    file.chmod(mode)
    with pytest.raises(UnavailableError, match=rf"{file} has mode 0{mode:o}.*chmod 600") as refused:
        await login_of(credentials(password={"file": str(file)}), no_secret)
    assert "hidden" not in str(refused.value)


async def test_a_secret_that_is_not_there_is_told_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="BERTH_TEST_NO_SUCH is not set"):
        await login_of(credentials(password={"environment": "BERTH_TEST_NO_SUCH"}), no_secret)
    with pytest.raises(UnavailableError, match="No such file"):
        await login_of(credentials(password={"file": str(tmp_path / "none")}), no_secret)
    (tmp_path / "empty").touch(mode=0o600)
    with pytest.raises(UnavailableError, match="is empty"):
        await login_of(credentials(password={"file": str(tmp_path / "empty")}), no_secret)


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
