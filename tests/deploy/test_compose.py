"""docker-compose.yml says what the code says, Docker Compose takes it, and what its containers would run works together."""

import json
import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lab.home import HOME_VARIABLE
from tests.deploy.command_line import parse
from tests.deploy.containers import COMPOSE, ROOT, environment, mounts, ours, run, services, variables
from workers.settings import Settings, load_settings

SERVICES = services()
OURS = sorted(name for name, service in SERVICES.items() if ours(service) is not None)
SETTINGS = {f"BERTH_{name.upper()}" for name in Settings.model_fields}


def each(names: "list[str]") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", names)


@each(sorted(SERVICES))
def test_every_container_is_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]  # noqa: S108  # what programs may count on
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & service.keys()
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert not any("docker.sock" in source for source, _ in mounts(service).values())


@each(sorted(SERVICES))
def test_every_image_is_pinned_by_an_exact_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", SERVICES[name]["image"])


@each(OURS)
def test_our_images_bear_the_version_of_berth(name: str) -> None:
    assert SERVICES[name]["image"].partition(":")[2] == Settings().build_id


@each(sorted(SERVICES))
def test_no_password_stands_in_an_environment(name: str) -> None:
    secret = re.compile("PASSWORD|PWD|TOKEN|SECRET|KEY")
    assert all(variable.endswith("_FILE") for variable in environment(SERVICES[name]) if secret.search(variable))


@each(OURS)
def test_every_command_of_ours_is_one_that_berth_takes(name: str) -> None:
    if SERVICES[name]["command"] != ["--help"]:
        parse(run(SERVICES[name]))


@each(OURS)
def test_every_variable_of_ours_is_a_setting_and_its_value_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {variable: value for variable, value in environment(SERVICES[name]).items() if variable.startswith("BERTH_")}
    assert said.keys() - {HOME_VARIABLE} <= SETTINGS
    for variable, value in said.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.temporal_address is not None
    host, _, port = settings.temporal_address.partition(":")
    assert f"127.0.0.1:{port}:{port}" in SERVICES[host]["ports"]
    assert port in SERVICES[host]["healthcheck"]["test"]


@each(["worker", "cli", "setup"])
def test_the_files_that_a_container_reads_are_mounted_and_not_to_be_written(name: str) -> None:
    said = environment(SERVICES[name])
    config = mounts(SERVICES[name])["/etc/berth"]
    assert config == ("lab", True)
    for variable in ("BERTH_PLATFORM", "BERTH_KNOWN_HOSTS", "BERTH_KUBECONFIG"):
        assert Path(said[variable]).parent == Path("/etc/berth")
    folder = services({"BERTH_CONFIG_DIR": "./etc"})[name]
    assert mounts(folder)["/etc/berth"] == ("./etc", True)


def test_what_the_lab_writes_is_what_the_worker_reads() -> None:
    lab = SERVICES["lab"]
    assert environment(lab)[HOME_VARIABLE] == "/etc/berth"
    assert mounts(lab)["/etc/berth"] == ("lab", False)
    assert "--reached-as=lab" in lab["command"]
    assert services({"BERTH_LAB_MODE": "vlan"})["lab"]["command"][5] == "--mode=vlan"
    for service in (SERVICES["worker"], SERVICES["setup"]):
        assert service["depends_on"]["lab"] == {"condition": "service_healthy", "required": False}


def test_the_documents_of_the_cli_are_the_examples_unless_said_otherwise() -> None:
    cli = SERVICES["cli"]
    assert mounts(cli)[cli["working_dir"]] == ("./examples", True)
    assert mounts(services({"BERTH_TENANTS_DIR": "/home/me/tenants"})["cli"])[cli["working_dir"]] == (
        "/home/me/tenants",
        True,
    )


def test_every_container_that_is_waited_for_says_when_it_is_there() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            needed = SERVICES[name]
            healthy = not needed.get("healthcheck", {}).get("disable", False)
            if wait["condition"] == "service_healthy":
                stage = ours(needed)
                assert healthy
                assert "healthcheck" in needed or (stage is not None and stage.health_check)
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert not str(needed.get("restart", "no")).startswith(("always", "unless"))


def test_only_who_needs_the_database_reaches_it_and_its_password() -> None:
    document = YAML(typ="safe").load(COMPOSE.read_text())
    assert document["networks"]["database"] == {"internal": True}
    assert {name for name, one in SERVICES.items() if "database" in one.get("networks", ())} == {
        "postgresql",
        "schema",
        "temporal",
    }
    knowing = {name: mounts(one)["/run/password"] for name, one in SERVICES.items() if "/run/password" in mounts(one)}
    assert knowing.pop("password") == ("password", False)
    assert knowing == dict.fromkeys(("postgresql", "schema", "temporal"), ("password", True))


def test_the_password_is_made_once_and_by_chance_or_not_at_all(tmp_path: Path) -> None:
    (script,) = SERVICES["password"]["command"]
    here = script.replace("/run/password", str(tmp_path))
    shell = SERVICES["password"]["entrypoint"]
    file = tmp_path / "postgresql"
    without_chance = here.replace("/dev/urandom", str(tmp_path / "nothing"))
    assert subprocess.run([*shell, without_chance], capture_output=True, check=False).returncode != 0
    assert not file.exists()
    made = set()
    for _ in range(2):
        subprocess.run([*shell, here], check=True)
        made.add(file.read_text())
    assert len(made) == 1
    assert re.fullmatch("[0-9a-f]{64}", made.pop())
    assert file.stat().st_mode & 0o777 == 0o444


def test_every_volume_is_declared_and_every_mounted_file_is_there() -> None:
    named = set(YAML(typ="safe").load(COMPOSE.read_text())["volumes"])
    sources = {source for service in SERVICES.values() for source, _ in mounts(service).values()}
    assert {source for source in sources if not source.startswith(".")} == named
    assert all((ROOT / source).exists() for source in sources - named)


def test_schema_and_server_are_of_one_version_and_speak_of_the_same_databases() -> None:
    schema, server = SERVICES["schema"], SERVICES["temporal"]
    assert schema["image"].partition(":")[2] == server["image"].partition(":")[2]
    tool, said = environment(schema), environment(server)
    assert tool["SQL_PLUGIN"] == said["DB"]
    assert tool["SQL_HOST"] == said["POSTGRES_SEEDS"] == "postgresql"
    assert tool["SQL_PORT"] == said["DB_PORT"]
    assert tool["SQL_USER"] == said["POSTGRES_USER"] == environment(SERVICES["postgresql"])["POSTGRES_USER"]
    (script,) = schema["command"]
    databases = {re.search(r"--database (\w+)", line)[1] for line in script.splitlines() if "--database" in line}  # type: ignore[index]
    assert databases == {said["DBNAME"], said["VISIBILITY_DBNAME"]}
    assert mounts(server)[said["DYNAMIC_CONFIG_FILE_PATH"]] == ("./deploy/compose/temporal.yaml", True)


def test_the_ui_is_where_the_documentation_says_and_takes_calls_from_there() -> None:
    ui = SERVICES["ui"]
    said = environment(ui)
    assert ui["ports"] == [f"127.0.0.1:{said['TEMPORAL_UI_PORT']}:{said['TEMPORAL_UI_PORT']}"]
    assert f"http://localhost:{said['TEMPORAL_UI_PORT']}" in said["TEMPORAL_CORS_ORIGINS"].split(",")
    assert said["TEMPORAL_ADDRESS"] == environment(SERVICES["worker"])["BERTH_TEMPORAL_ADDRESS"]
    assert said["TEMPORAL_UI_PORT"] in ui["healthcheck"]["test"][-1]


def test_variables_of_the_file_are_explained_and_none_is_mistaken_for_a_setting() -> None:
    assert variables() == {"BERTH_CONFIG_DIR", "BERTH_TENANTS_DIR", "BERTH_LAB_MODE"}
    assert not variables() & SETTINGS
    page = (ROOT / "docs/how-to/compose.md").read_text()
    for name in variables():
        assert f"#   {name}" in COMPOSE.read_text()
        assert name in page


def test_a_stopped_worker_gets_longer_than_its_steps_do() -> None:
    grace = float(str(SERVICES["worker"]["stop_grace_period"]).removesuffix("s"))
    assert grace > Settings().shutdown_grace


def test_the_page_names_every_service_and_speaks_only_of_services_there_are() -> None:
    page = (ROOT / "docs/how-to/compose.md").read_text()
    assert all(f"`{name}`" in page for name in SERVICES)
    for line in re.findall(r"docker compose (?:.* )?(?:exec|run|logs|restart|stop)(?: -\S+)* ([a-z]+)", page):
        assert line in SERVICES


def test_docker_compose_takes_the_file_with_every_profile(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not here")
    version = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=True).stdout.strip()
    document = YAML(typ="safe").load(COMPOSE.read_text())
    if version.startswith("1."):
        # The last of the first line, which Debian 12 has, knows neither of these.
        del document["name"]
        for one in chain.from_iterable(
            service.get("depends_on", {}).values() for service in document["services"].values()
        ):
            one.pop("required", None)
    file = tmp_path / "docker-compose.json"
    file.write_text(json.dumps(document))
    command = [
        program,
        "--file",
        str(file),
        "--project-directory",
        str(ROOT),
        "--profile",
        "lab",
        "--profile",
        "cli",
        "config",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    taken = YAML(typ="safe").load(done.stdout)["services"]
    assert taken.keys() == SERVICES.keys()
    assert taken["worker"]["command"] == SERVICES["worker"]["command"]
