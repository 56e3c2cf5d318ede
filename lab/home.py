"""The lab's state folder, `.berth/`: how everybody else finds the lab that runs in it."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import LabError
from lab.lock import lock_folder
from lab.ports import HOST
from lab.processes import ProcessId

FOLDER = ".berth"
HOME_VARIABLE = "BERTH_HOME"

_DESCRIPTION = "lab.json"
_PORTS = "ports.json"


class StaleLabError(LabError):
    """A lab left its description behind and is gone."""


class Ports(BaseModel):
    """Where the servers of a folder's last lab listened: there its next one does, too, so that no shell has to be told."""

    model_config = ConfigDict(frozen=True)

    temporal: int | None = None
    ui: int | None = None
    kubernetes: int | None = None
    control: int | None = None
    """Of the devices' control API."""
    devices: dict[str, int] = Field(default_factory=dict)
    """Of the switches and routers, by name."""


class RunningDevice(BaseModel):
    """A simulated switch or router of a lab, at the lab's host."""

    model_config = ConfigDict(frozen=True)

    name: str
    dialect: str
    """As `platform` in a platform's document."""
    port: int


class RunningLab(BaseModel):
    """What a client needs to use a lab: the contents of `.berth/lab.json`."""

    model_config = ConfigDict(frozen=True)

    home: Path
    """The state folder."""
    temporal_address: str
    """Of the gRPC frontend, host:port."""
    temporal_namespace: str
    temporal_ui_url: str | None
    """None where Temporal is none of the lab's, as with the two others."""
    kubernetes_url: str
    kubeconfig: Path
    programs: Path | None
    """The folder of the `temporal` program the lab runs."""
    platform: Path | None
    """The platform document that describes this lab."""
    host: str = HOST
    """The name or address by which clients reach the API, the switches and the routers."""
    switches: tuple[RunningDevice, ...]
    routers: tuple[RunningDevice, ...]
    """The edge, and its neighbour in the fabric."""
    switches_url: str
    """Of their control API, and the routers'."""
    known_hosts: Path
    """The devices' host keys, in OpenSSH's form."""
    username: str
    """Of the login to the devices."""
    password_file: Path
    """Where its password is."""
    lab: ProcessId
    """The process that supervises the others."""
    temporal: ProcessId | None
    kubernetes: ProcessId
    fabric: ProcessId
    """That of the switches and routers."""

    def env(self) -> list[str]:
        """The lines for a shell after which `temporal` and `kubectl` talk to this lab."""
        values = {
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self.temporal_namespace,
            "KUBECONFIG": str(self.kubeconfig),
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        return lines if self.programs is None else [*lines, f'export PATH={shlex.quote(str(self.programs))}:"$PATH"']


@dataclass(frozen=True, slots=True)
class Home:
    """A state folder this process has locked; made by `take_home`."""

    folder: Path
    lock: int
    """The descriptor of the lock; a process that inherits it holds the lock as well."""

    @property
    def kubeconfig(self) -> Path:
        """Where the kubeconfig is."""
        return self.folder / "kubeconfig"

    def publish(self, lab: RunningLab) -> None:
        """Let clients find the lab as it is now."""
        _write(self.kubeconfig, json.dumps(_kubeconfig(lab.kubernetes_url), indent=2))
        _write(self.folder / _DESCRIPTION, lab.model_dump_json(indent=2))

    def remember(self, ports: Ports) -> None:
        """Keep the ports for the next lab of this folder."""
        _write(self.folder / _PORTS, ports.model_dump_json())

    def remembered(self) -> Ports:
        """The ports of the last lab of this folder; none where that cannot be told."""
        try:
            return Ports.model_validate_json((self.folder / _PORTS).read_bytes())
        except (OSError, ValidationError):
            return Ports()

    def withdraw(self) -> None:
        """Let nobody find the lab any more."""
        (self.folder / _DESCRIPTION).unlink(missing_ok=True)

    def release(self) -> None:
        """Give the folder up for the next lab."""
        os.close(self.lock)


async def take_home(folder: Path) -> Home:
    """Take the folder, made if need be, for a lab of this process; what an earlier lab wrote about itself is removed.

    Raises LabError when another lab runs in it, or the folder cannot be used.
    """
    home = Home(folder, await lock_folder(folder))
    home.withdraw()
    return home


def home_folder(start: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where a lab started now keeps its state: BERTH_HOME, else `.berth` in `start` (the current directory)."""
    named = environment.get(HOME_VARIABLE)
    return Path(named).absolute() if named else (start or Path.cwd()).absolute() / FOLDER


def find_lab(start: Path | None = None, environment: Mapping[str, str] = os.environ) -> RunningLab | None:
    """The lab that runs here: that of BERTH_HOME when it is set, else the nearest `.berth` in `start` or above.

    `start` is the current directory unless given. None when nothing says that a lab runs.
    Raises StaleLabError when something says so but its process is gone, LabError when it cannot be read.
    """
    if environment.get(HOME_VARIABLE):
        folders = [home_folder(start, environment)]
    else:
        here = (start or Path.cwd()).absolute()
        folders = [parent / FOLDER for parent in (here, *here.parents)]
    for folder in folders:
        path = folder / _DESCRIPTION
        try:
            text = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise LabError(
                f"cannot read {path} ({error.strerror}): start a lab of your own with `berth lab`"
            ) from error
        return _running(path, text)
    return None


def _running(path: Path, text: bytes) -> RunningLab:
    try:
        lab = RunningLab.model_validate_json(text)
    except ValidationError as error:
        raise LabError(f"{path} is not a lab's description: remove it and start the lab again") from error
    if not lab.lab.runs():
        raise StaleLabError(
            f"the lab of {lab.home} is gone (its process {lab.lab.pid} ended without stopping it):"
            " start it again with `berth lab`, its state is kept"
        )
    return lab


def _kubeconfig(url: str) -> dict[str, object]:
    """A kubeconfig as kubectl reads it; JSON is YAML. The simulated API asks nobody who they are."""
    name = "berth-lab"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def _write(path: Path, text: str) -> None:
    """Write a file for this user only, all or nothing: whoever reads it finds the whole text."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    draft.replace(path)
