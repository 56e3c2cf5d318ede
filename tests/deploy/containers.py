"""Dockerfile and docker-compose.yml as data: what each container is, with what the image says underneath."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class Stage:
    """One stage of the Dockerfile: its instructions after those of the stages it is made from."""

    base: str
    """The image underneath it all."""
    instructions: Sequence[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """What every instruction of this name says."""
        return [text for instruction, text in self.instructions if instruction == name]

    def last(self, name: str) -> str:
        """What the last instruction of this name says: the one in force."""
        return self.all(name)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """Every variable it sets."""
        return dict(pair.split("=", 1) for text in self.all("ENV") for pair in shlex.split(text))

    @property
    def command(self) -> list[str]:
        """What a container of it runs, unless told otherwise."""
        entrypoint: list[str] = json.loads(self.last("ENTRYPOINT"))
        return [*entrypoint, *json.loads(self.last("CMD"))]

    @property
    def health_check(self) -> list[str]:
        """What is run to see whether a container of it is well."""
        found: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD")[2])
        return found


def stages() -> dict[str, Stage]:
    """The stages of the Dockerfile, by name."""
    text = "".join(line for line in DOCKERFILE.read_text().splitlines(keepends=True) if not line.startswith("#"))
    made: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    name = ""
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        instruction, _, rest = line.partition(" ")
        if instruction == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            under = made.get(image)
            base = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], image)
            made[name] = Stage(under.base if under else base, under.instructions if under else ())
        else:
            made[name] = Stage(made[name].base, (*made[name].instructions, (instruction, rest.strip())))
    return made


def services(variables: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml, with these variables, or none, filled in as Docker Compose does."""
    text = _VARIABLE.sub(lambda found: _value(found, variables or {}), COMPOSE.read_text())
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(text)["services"]
    return found


def variables() -> set[str]:
    """The variables that docker-compose.yml takes from `.env`."""
    return {found["name"] for found in _VARIABLE.finditer(COMPOSE.read_text()) if found["name"]}


def ours(service: Mapping[str, Any]) -> Stage | None:
    """The stage of the Dockerfile that a service is made from; None where it is somebody else's image."""
    return stages()[service["build"]["target"]] if "build" in service else None


def run(service: Mapping[str, Any]) -> list[str]:
    """What a container of ours runs: the command of the service, else that of the image, with the image's entrypoint."""
    stage = ours(service)
    assert stage is not None
    entrypoint: list[str] = json.loads(stage.last("ENTRYPOINT"))
    return [*entrypoint, *service["command"]] if "command" in service else stage.command


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """Every variable in a container: the image's and the service's."""
    stage = ours(service)
    said = {name: str(value) for name, value in service.get("environment", {}).items()}
    return {**(stage.environment if stage else {}), **said}


def mounts(service: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """What is mounted where in a container: target to source, and whether it may only be read."""
    parts = (volume.split(":") for volume in service.get("volumes", ()))
    return {part[1]: (part[0], part[2:] == ["ro"]) for part in parts}


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    return variables.get(found["name"]) or found["default"] or ""
