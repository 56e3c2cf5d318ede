"""The lab as an installation in mode vlan: the example platform's document with the lab's simulated switches in it."""

import io
from pathlib import Path

from ruamel.yaml import YAML

from cli.examples import example
from lab.home import RunningLab

PLATFORM = "platform-vlan.yaml"


def vlan_platform(lab: RunningLab) -> str:
    """The text of the document for this lab, comments and all."""
    yaml = YAML()
    document = yaml.load(example(PLATFORM).read_text(encoding="utf-8"))
    vlan = document["spec"]["vlan"]
    ports = {switch.name: switch.port for switch in lab.switches}
    for one in vlan["credentials"]:
        one["username"] = lab.username
        one["password"]["file"] = str(lab.password_file)
    for switch in vlan["switches"]:
        switch["host"], switch["port"] = "127.0.0.1", ports[switch["name"]]
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def write_vlan_platform(lab: RunningLab, path: Path) -> None:
    """Writes it where the worker reads it."""
    path.write_text(vlan_platform(lab), encoding="utf-8")
