"""How these tests speak to the simulator: plain HTTP, as any client would."""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from lab.kube import KubeSimulator
from lab.kube.kinds import KINDS

Manifest = dict[str, Any]
DROP = {"priority": 32000, "match": "ip4.dst == 203.0.113.0/24", "action": "drop"}


def path_of(plural: str, name: str = "", namespace: str = "", subresource: str = "") -> str:
    """The URL path of a kind, an object, or a part of it."""
    kind = KINDS[plural]
    start = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
    scope = ["namespaces", namespace] if namespace else []
    return "/".join(filter(None, [start, *scope, plural, name, subresource]))


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP status of an answer and the JSON in it."""

    status: int
    body: Any
    headers: dict[str, str]


class Caller:
    """A client of one simulator."""

    def __init__(self, kube: KubeSimulator, http: aiohttp.ClientSession) -> None:
        self.kube = kube
        self.http = http

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """One request, whatever comes of it."""
        async with self.http.request(method, path, json=body, **options) as answer:
            text = await answer.text()
            return Answer(
                answer.status, json.loads(text) if text.startswith(("{", "[")) else text, dict(answer.headers)
            )

    async def create(self, plural: str, name: str, spec: Manifest | None = None, **more: Any) -> Manifest:
        """Create an object and let the controller do what it will; `namespace` and `metadata` may be given."""
        namespace = more.pop("namespace", "")
        manifest = {"metadata": {"name": name, **more.pop("metadata", {})}, **more}
        if spec is not None:
            manifest["spec"] = spec
        answer = await self.call("POST", path_of(plural, namespace=namespace), manifest)
        assert answer.status == 201, answer.body
        await self.kube.settled()
        return dict(answer.body)

    async def get(self, plural: str, name: str, namespace: str = "") -> Manifest:
        """An object that is there."""
        answer = await self.call("GET", path_of(plural, name, namespace))
        assert answer.status == 200, answer.body
        return dict(answer.body)

    async def status(self, plural: str, name: str) -> Manifest:
        """An object's status."""
        return dict((await self.get(plural, name)).get("status") or {})

    async def merge(
        self, plural: str, name: str, patch: Manifest, namespace: str = "", subresource: str = ""
    ) -> Answer:
        """A merge patch; the controller does what it will."""
        headers = {"Content-Type": "application/merge-patch+json"}
        path = path_of(plural, name, namespace, subresource)
        answer = await self.call("PATCH", path, patch, headers=headers)
        await self.kube.settled()
        return answer

    async def delete(self, plural: str, name: str, namespace: str = "", options: Manifest | None = None) -> Answer:
        """Delete an object; the controller does what it will."""
        answer = await self.call("DELETE", path_of(plural, name, namespace), options)
        await self.kube.settled()
        return answer

    async def exists(self, plural: str, name: str, namespace: str = "") -> bool:
        """Whether an object is there."""
        return (await self.call("GET", path_of(plural, name, namespace))).status == 200

    async def tenant(self, name: str = "red", **vpc: Any) -> None:
        """A namespace, a VPC with a block policy, and one subnet of it."""
        await self.create("namespaces", name)
        await self.create("vpcs", name, {"namespaces": [name], "policyRoutes": [DROP], **vpc})
        await self.create("subnets", f"{name}--a", {"vpc": name, "cidrBlock": "10.0.0.0/24", "namespaces": [name]})
