"""Secrets are read from the place that was named, and from nowhere that others can read."""

import os
import stat
from pathlib import Path

import pytest

from clients.errors import RefusedError, UnavailableError
from clients.secrets import EXPOSED, LARGEST, secret_value, where_is
from tenancy.switches import SecretKey, SecretReference, _SecretReference

VALUE = "s3cr3t and more"


def reference(**place: object) -> SecretReference:
    return _SecretReference.model_validate(place)


async def no_secret(namespace: str, name: str, key: str) -> str:
    raise AssertionError(f"nobody asked for {namespace}/{name} {key}")


def written(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    file = folder / "a.password"
    file.write_bytes(data)
    file.chmod(mode)
    return file


async def test_a_variable_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTH_TEST_SECRET", VALUE)
    assert await secret_value(reference(environment="BERTH_TEST_SECRET"), no_secret) == VALUE
    monkeypatch.setenv("BERTH_TEST_SECRET", "")
    with pytest.raises(UnavailableError, match="environment variable BERTH_TEST_SECRET: no secret is there: set it"):
        await secret_value(reference(environment="BERTH_TEST_SECRET"), no_secret)


@pytest.mark.parametrize(("data", "value"), [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\nb\n\n", "a\nb\n")])
async def test_one_line_end_of_a_file_does_not_count(tmp_path: Path, data: str, value: str) -> None:
    file = written(tmp_path, data.encode())
    assert await secret_value(reference(file=str(file)), no_secret) == value


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o440])
async def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, VALUE.encode(), mode)
    with pytest.raises(RefusedError, match=rf"has mode {mode:04o}.*chmod 600 a.password") as refused:
        await secret_value(reference(file=str(file)), no_secret)
    assert refused.value.reason == EXPOSED


@pytest.mark.parametrize(
    ("owner", "worker", "groups", "mode", "is_read"),
    [
        (0, 10001, [10001], 0o440, True),
        (0, 10001, [10001], 0o444, False),
        (0, 10001, [20002], 0o440, False),
        (0, 0, [10001], 0o440, False),
        (10001, 10001, [10001], 0o440, False),
    ],
    ids=["as Kubernetes mounts it", "for everybody", "another group's", "the worker is root", "the worker's own"],
)
async def test_a_file_of_roots_may_be_read_through_the_workers_group_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: int,
    worker: int,
    groups: list[int],
    mode: int,
    is_read: bool,
) -> None:
    file = written(tmp_path, VALUE.encode(), mode)
    real = os.fstat

    def of_this_owner(opened: int) -> os.stat_result:
        fields = list(real(opened))
        fields[stat.ST_UID], fields[stat.ST_GID] = owner, 10001
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", of_this_owner)
    monkeypatch.setattr(os, "geteuid", lambda: worker)
    monkeypatch.setattr(os, "getegid", lambda: 20002)
    monkeypatch.setattr(os, "getgroups", lambda: groups)
    reading = secret_value(reference(file=str(file)), no_secret)
    if is_read:
        assert await reading == VALUE
    else:
        with pytest.raises(RefusedError, match="others than the worker can read it"):
            await reading


async def test_a_link_is_followed_as_mounted_secrets_need(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written(tmp_path, VALUE.encode()))
    assert await secret_value(reference(file=str(link)), no_secret) == VALUE


async def test_what_is_no_readable_text_is_said_without_saying_what_it_is(tmp_path: Path) -> None:
    for data, told in [
        (b"", "no secret is there"),
        (b"\n", "no secret is there"),
        (b"s3cr3t\xff", "is no text"),
        (b"s3cr3t" * LARGEST, "is larger than"),
    ]:
        with pytest.raises(UnavailableError, match=told) as seen:
            await secret_value(reference(file=str(written(tmp_path, data))), no_secret)
        assert "s3cr3t" not in f"{seen.value} {seen.value.__cause__!r}"


async def test_a_missing_file_a_folder_and_a_pipe_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, told in [
        ("none", r"cannot be read \(No such file"),
        (".", "Is a directory"),
        ("pipe", "no regular file"),
    ]:
        with pytest.raises(UnavailableError, match=told):
            await secret_value(reference(file=str(tmp_path / name)), no_secret)


async def test_a_kubernetes_secret_is_asked_for_by_its_three_names() -> None:
    asked: list[tuple[str, str, str]] = []

    async def read_secret(namespace: str, name: str, key: str) -> str:
        asked.append((namespace, name, key))
        return VALUE

    place = reference(secret=SecretKey(namespace="berth", name="switches", key="password"))
    assert await secret_value(place, read_secret) == VALUE
    assert asked == [("berth", "switches", "password")]
    assert where_is(place) == "Secret berth/switches, key password"
