"""The Dockerfile says what the code says, and makes an image that is closed and holds what it needs."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.command_line import parse
from tests.deploy.containers import DOCKERFILE, ROOT, services, stages
from workers.settings import Settings, load_settings

STAGES = stages()
FINAL = ("worker", "lab")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_stage_that_is_asked_for_is_there_and_the_default_is_the_worker() -> None:
    asked = {service["build"]["target"] for service in services().values() if "build" in service}
    assert asked == set(FINAL)
    assert list(STAGES)[-1] == "worker"


def test_every_image_is_made_from_one_exact_version_of_a_python_that_berth_takes() -> None:
    (base,) = {stage.base for stage in STAGES.values()}
    version = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-[a-z]+", base)
    assert version is not None
    least = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["project"]["requires-python"])
    assert least is not None
    assert (int(version[1]), int(version[2])) >= (int(least[1]), int(least[2]))


@pytest.mark.parametrize("name", FINAL)
def test_a_container_runs_as_a_number_that_is_not_root_and_is_asked_how_it_is(name: str) -> None:
    user = re.fullmatch(r"(\d+):(\d+)", STAGES[name].last("USER"))
    assert user is not None
    assert "0" not in user.groups()
    (made,) = STAGES[name].all("RUN")
    assert made == f"install --directory --owner={user[1]} --group={user[2]} --mode=0750 /etc/berth"
    assert STAGES[name].health_check


@pytest.mark.parametrize("name", FINAL)
def test_the_command_of_the_image_is_one_that_berth_takes(name: str) -> None:
    parse(STAGES[name].command)


def test_the_worker_is_asked_by_a_command_of_berth_and_listens_where_the_image_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = STAGES["worker"]
    assert worker.command == ["berth", "worker"]
    parse(worker.health_check)
    for name, value in worker.environment.items():
        if name.startswith("BERTH_"):
            monkeypatch.setenv(name, value)
            assert name.removeprefix("BERTH_").lower() in Settings.model_fields
    settings = load_settings()
    assert (settings.health_address, settings.metrics_address) == ("0.0.0.0:8080", "0.0.0.0:9464")
    assert worker.last("EXPOSE").split() == ["8080", "9464"]
    assert (settings.platform, settings.known_hosts) == (
        Path("/etc/berth/platform.yaml"),
        Path("/etc/berth/known_hosts"),
    )


def test_the_lab_is_asked_by_the_file_it_writes_when_it_serves() -> None:
    lab = STAGES["lab"]
    program, option, file = lab.health_check
    assert (program, option) == ("test", "-s")
    assert lab.command[lab.command.index("--ready-file") + 1] == file
    assert lab.command[lab.command.index("--kubernetes-port") + 1] == lab.last("EXPOSE")
    service = services()["lab"]
    assert f"--ready-file={file}" in service["command"]
    assert service["ports"] == [f"127.0.0.1:{lab.last('EXPOSE')}:{lab.last('EXPOSE')}"]
    assert f"--kubernetes-port={lab.last('EXPOSE')}" in service["command"]


def test_nothing_is_installed_that_the_lock_does_not_hold_with_its_hash() -> None:
    steps = [text for name in ("build", "build-lab") for text in STAGES[name].all("RUN")]
    lines = {line.strip() for text in steps for line in text.split("&&") if "pip" in line and "venv" not in line}
    (fetched,) = (line for line in lines if " download " in line)
    assert {"--require-hashes", "--no-deps", "requirements.lock"} <= set(fetched.split())
    others = lines - {fetched}
    assert len(others) == 3
    assert all("--no-index --find-links=/wheels" in line for line in others)
    lock = (ROOT / "requirements.lock").read_text()
    # `asyncssh` is all that the simulated platform needs of the extra.
    (extra,) = (line.split()[-1] for line in others if "asyncssh" in line)
    assert re.search(rf"^{extra}==", lock, re.MULTILINE)
    assert any(named.startswith(extra) for named in PROJECT["project"]["optional-dependencies"]["lab"])


def test_the_image_is_built_from_the_packages_and_their_examples_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let = {line.removeprefix("!") for line in rules if line.startswith("!")}
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    metadata = {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert let == {*wheel["packages"], *wheel["force-include"], *metadata, "requirements.lock"}
    assert all((ROOT / name).exists() for name in let)
    for line in re.findall(r"^COPY (?!--from)(.*) \./$", DOCKERFILE.read_text(), re.MULTILINE):
        assert line in {".", *let}


def test_arguments_that_docker_reads_as_json_are_json() -> None:
    for stage in STAGES.values():
        for text in (*stage.all("CMD"), *stage.all("ENTRYPOINT")):
            assert all(isinstance(word, str) for word in json.loads(text))
