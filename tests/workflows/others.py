"""What others do on the platform meanwhile: people with kubectl, other controllers, workloads."""

from collections.abc import Callable
from typing import Any

import aiohttp

from tests.workflows.world import World

KUBE_OVN = "apis/kubeovn.io/v1"
Manifest = dict[str, Any]


async def make(world: World, path: str, manifest: Manifest) -> None:
    """Somebody else makes an object."""
    async with aiohttp.ClientSession() as session, session.post(f"{world.kube.url}/{path}", json=manifest) as answer:
        assert answer.status == 201, await answer.text()
    await world.settle()


async def unmake(world: World, path: str) -> None:
    """Somebody deletes an object."""
    async with aiohttp.ClientSession() as session, session.delete(f"{world.kube.url}/{path}") as answer:
        assert answer.status in (200, 202), await answer.text()
    await world.settle()


async def change(world: World, path: str, edit: Callable[[Manifest], object]) -> None:
    """Somebody edits an object."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{world.kube.url}/{path}") as answer:
            thing = await answer.json()
        edit(thing)
        async with session.put(f"{world.kube.url}/{path}", json=thing) as answer:
            assert answer.status == 200, await answer.text()
    await world.settle()


def kube_ovn(kind: str, name: str, spec: Manifest, labels: dict[str, str] | None = None) -> Manifest:
    """An object of Kube-OVN's."""
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": "kubeovn.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(name: str, subnet: str | None = None) -> Manifest:
    """A pod, in a subnet of the tenant's if one is named."""
    annotations = {"ovn.kubernetes.io/logical_switch": subnet} if subnet else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
