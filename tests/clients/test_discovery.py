"""What an API server says of itself, where it says something else than the simulated one ever would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import KubeOvn
from clients.kube_ovn.rights import Right
from tenancy.kinds import CONFIG_MAP, VPC
from tests.clients.stand_in import client_of, stand_in, status
from tests.workflows.world import PLATFORM_TEXT
from workers.doctor.examination import Examination
from workers.doctor.findings import Area
from workers.settings import Settings


@asynccontextmanager
async def answering(*answers: web.Response, bodies: list[Any] | None = None) -> AsyncIterator[KubeOvn]:
    """A client of a server that gives these answers, one after the other."""
    left = list(answers)

    async def respond(request: web.Request) -> web.Response:
        if bodies is not None:
            bodies.append(await request.json())
        return left.pop(0)

    async with stand_in(respond) as server, client_of(server.url) as kube:
        yield kube


def review(**state: Any) -> web.Response:
    return web.json_response({"kind": "SelfSubjectAccessReview", "status": state}, status=201)


async def test_a_right_is_asked_for_as_rbac_knows_it() -> None:
    asked: list[Any] = []
    right = Right("update", CONFIG_MAP, "why", namespace="kube-system", name="one")
    async with answering(review(allowed=True), review(allowed=True), bodies=asked) as kube:
        assert await kube.may(right)
        assert await kube.may(Right("create", VPC, "why"))
    attributes = [body["spec"]["resourceAttributes"] for body in asked]
    assert attributes == [
        {"verb": "update", "group": "", "resource": "configmaps", "namespace": "kube-system", "name": "one"},
        {"verb": "create", "group": "kubeovn.io", "resource": "vpcs"},
    ]


async def test_what_is_not_allowed_in_so_many_words_is_no_right() -> None:
    async with answering(review(allowed=False, denied=True)) as kube:
        assert not await kube.may(Right("create", VPC, "why"))
    for nothing in (review(), review(allowed="yes"), web.json_response({}, status=201)):
        async with answering(nothing) as kube:
            with pytest.raises(UnavailableError, match="does not tell"):
                await kube.may(Right("create", VPC, "why"))


async def test_a_server_that_is_no_api_server_has_no_version() -> None:
    async with answering(web.json_response({"hello": "there"})) as kube:
        with pytest.raises(UnavailableError, match="is it a Kubernetes API server"):
            await kube.version()
    async with answering(status(403, "Forbidden", "no")) as kube:
        with pytest.raises(RefusedError, match="system:discovery"):
            await kube.version()
    async with answering(status(503, "ServiceUnavailable", "later")) as kube:
        with pytest.raises(UnavailableError, match="cannot tell now"):
            await kube.version()


async def test_a_version_that_may_not_be_read_and_a_verb_that_is_not_served_are_told_and_all_else_is_looked_at(
    tmp_path: Path,
) -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.path == "/version":
            return status(403, "Forbidden", "no")
        if request.method == "POST":
            return review(allowed=True)
        verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
        less = {"subnets": ["get", "list"]}
        plurals = (
            "namespaces configmaps nodes pods services persistentvolumeclaims"
            if request.path == "/api/v1"
            else ("vpcs subnets ovn-eips ovn-fips ovn-snat-rules ovn-dnat-rules ips vlans provider-networks")
        )
        resources = [{"name": plural, "verbs": less.get(plural, verbs)} for plural in plurals.split()]
        return web.json_response({"kind": "APIResourceList", "resources": resources})

    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM_TEXT)
    async with stand_in(respond) as server:
        found = await Examination(Settings(platform=file, kube_server=server.url), [Area.KUBERNETES]).findings()
    states = {one.subject: one.state for one in found}
    assert states == {
        "API server": "warned",
        "kinds of v1": "passed",
        "kinds of kubeovn.io/v1": "failed",
        "rights": "passed",
    }
    (lacking,) = [one.message for one in found if one.state == "failed"]
    assert lacking.startswith("the API server does not serve create, delete, ")
    assert " of subnets: install Kube-OVN 1.17 with its CRDs" in lacking
