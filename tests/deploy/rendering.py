"""deploy/kubernetes as the kubectl that is installed renders it."""

import functools
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml  # type: ignore[import-untyped]  # ships no types

from clients.kube_ovn.rights import Serves, rights
from lab.kube.rbac import Grant
from tenancy.edge import OneToOneNat, StaticRoutes
from tenancy.platform import Platform

KUBERNETES = Path(__file__).parents[2] / "deploy/kubernetes"
Manifest = dict[str, Any]
WORKER = "system:serviceaccount:berth:berth-worker"
DEVICE_WORKER = "system:serviceaccount:berth:berth-device-worker"


def folders_for(platform: Platform, *, devices: bool = False) -> list[str]:
    """What the page on Kubernetes says an overlay lists for this platform, with workers for the devices or without."""
    spec, found = platform.spec, ["base"]
    if spec.provider_network is not None:
        found.append("external-ips")
    if spec.vlan is not None:
        found.append("vlan")
    if isinstance(spec.announce, OneToOneNat):
        found.append("one-to-one-nat")
    if devices:
        found.append("device-worker")
        if spec.vlan is not None:
            found.append("device-worker/vlan")
        if isinstance(spec.announce, StaticRoutes):
            found.append("device-worker/static-routes")
        if isinstance(spec.announce, OneToOneNat):
            found.append("device-worker/one-to-one-nat")
    return found


def all_rendered(folders: Sequence[str]) -> list[Manifest]:
    """What is applied with these folders."""
    return [manifest for folder in folders for manifest in rendered(folder)]


@functools.cache
def rendered(folder: str) -> tuple[Manifest, ...]:
    """The objects of one folder."""
    return tuple(render(folder))


def render(folder: str, edit: Callable[[Path], object] = lambda _: None) -> list[Manifest]:
    """The objects of one folder, after an edit of it."""
    with TemporaryDirectory() as place:
        tree = Path(place) / "kubernetes"
        shutil.copytree(KUBERNETES, tree)
        edit(tree / folder)
        if _is_old():
            _write_bases(tree)
        done = subprocess.run(["kubectl", "kustomize", tree / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr or _is_old(), done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one is not None]


@functools.cache
def _is_old() -> bool:
    """Whether this is Debian 12's kubectl 1.20, in which a folder among `resources` is still called a base."""
    told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, check=False)
    return int(json.loads(told.stdout)["clientVersion"]["minor"].rstrip("+")) < 21


def _write_bases(tree: Path) -> None:
    for path in tree.rglob("kustomization.yaml"):
        said = yaml.safe_load(path.read_text())
        folders = [one for one in said["resources"] if (path.parent / one).is_dir()]
        said |= {"bases": folders, "resources": [one for one in said["resources"] if one not in folders]}
        path.write_text(yaml.safe_dump(said))


def granted_by_the_table(platform: Platform, serves: Serves, account: str) -> set[Grant]:
    """What clients/kube_ovn/rights.py says, as RBAC has it."""
    return {
        Grant(
            account=account,
            verb=one.verb,
            group=one.kind.api_version.rpartition("/")[0],
            resource=one.kind.plural,
            namespace=one.namespace or "",
            name=one.name or "",
        )
        for one in rights(platform, serves)
    }


def manifests_of_the_page() -> list[Manifest]:
    """The objects that the page on Kubernetes tells people to make."""
    page = (KUBERNETES.parents[1] / "docs/how-to/kubernetes.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    return [one for block in blocks for one in yaml.safe_load_all(block) if "apiVersion" in one]
