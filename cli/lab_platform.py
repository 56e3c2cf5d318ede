"""The lab as an installation: an example platform's document with the lab's simulated switches and routers in it."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cli.examples import example
from lab.home import RunningLab

OVERLAY = "platform.yaml"
VLAN = "platform-vlan.yaml"


def lab_platform(lab: RunningLab, document: str) -> str:
    """The text of an example document for this lab, comments and all."""
    yaml = YAML()
    filled = yaml.load(example(document).read_text(encoding="utf-8"))
    spec = filled["spec"]
    ports = {device.name: device.port for device in (*lab.switches, *lab.routers)}
    for part in (spec.get("vlan"), spec.get("announce")):
        if part is None:
            continue
        for one in part["credentials"]:
            one["username"] = lab.username
            one["password"]["file"] = str(lab.password_file)
        for device in _devices(part):
            device["host"], device["port"] = lab.host, ports[device["name"]]
    text = io.StringIO()
    yaml.dump(filled, text)
    return text.getvalue()


def write_lab_platform(lab: RunningLab, document: str, path: Path) -> None:
    """Writes it where the worker reads it."""
    path.write_text(lab_platform(lab, document), encoding="utf-8")


def _devices(part: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for kind in ("switches", "routers", "neighbours"):
        yield from part.get(kind, ())
