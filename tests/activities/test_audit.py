"""An audit's look at the platform: what one tenant's objects hold keeps no other from being looked at, and it fits."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from temporalio.testing import ActivityEnvironment

from activities.audit import MOST_FINDINGS, AuditScope, AuditSteps, PlatformSeen
from activities.decisions import Pace
from clients.kube_ovn.client import KubeOvn
from tenancy import names
from tenancy.announcement import Announced, Announcement, Route
from tenancy.kinds import Kind, Object
from tests.tenancy.documents import raw_platform
from workflows.converter import data_converter

LARGEST = 2 * 1024 * 1024
"""Bytes that Temporal takes as one result."""


class _Platform:
    def __init__(self, things: Sequence[Object]) -> None:
        self._things = things

    async def list(self, kind: Kind, **_: Any) -> list[Object]:
        return [thing for thing in self._things if thing["kind"] == kind.name]


def thing(kind: str, tenant: str, name: str, annotations: dict[str, str] | None = None, **more: Any) -> Object:
    metadata = {"name": name, "labels": {names.LABEL: tenant}, "annotations": annotations or {}}
    return {"kind": kind, "metadata": metadata, **more}


async def seen(folder: Path, things: Sequence[Object]) -> PlatformSeen:
    document = folder / "platform.yaml"
    document.write_text(json.dumps(raw_platform()))
    nobody: Any = None
    steps = AuditSteps(cast(KubeOvn, _Platform(things)), nobody, Pace(), document)
    found: PlatformSeen = await ActivityEnvironment().run(steps.look_at_platform, AuditScope())
    return found


async def test_an_object_that_cannot_be_read_keeps_no_other_tenant_from_being_looked_at(tmp_path: Path) -> None:
    odd = thing("OvnEip", "acme", "acme--web", status={"v4Ip": "pending"})
    told = await seen(tmp_path, [thing("Vpc", "acme", "acme"), odd, thing("Vpc", "brno", "brno")])
    kinds = {(one.tenant, one.kind) for one in told.findings}
    assert kinds == {("acme", "record"), ("brno", "block-policy"), ("brno", "unfinished")}


async def test_an_open_way_is_told_before_a_thousand_trifles(tmp_path: Path) -> None:
    trifles = [thing("Subnet", f"a{number}", f"a{number}--prod") for number in range(MOST_FINDINGS)]
    told = await seen(tmp_path, [*trifles, thing("Vpc", "zulu", "zulu")])
    assert (told.findings[0].tenant, told.findings[0].kind) == ("zulu", "block-policy")
    assert (len(told.findings), told.unsaid) == (MOST_FINDINGS, 2)


async def test_addresses_of_five_thousand_tenants_fit_into_one_result_on_however_many_routers(tmp_path: Path) -> None:
    routers = 4

    def record(number: int) -> str:
        held = [f"203.{network}.{number // 250}.{number % 250}" for network in (0, 1)]
        routes = tuple(Route(address=address, next_hop="203.0.113.1") for address in held)
        return Announcement(
            method="static-route",
            external_ips=(Announced(name="web", routes=routes),),
            routers=tuple(f"edge-{router}" for router in range(routers)),
        ).model_dump_json()

    tenants = [
        thing("Vpc", f"tenant-{number}", f"tenant-{number}", {names.ANNOUNCED_ANNOTATION: record(number)})
        for number in range(5000)
    ]
    told = await seen(tmp_path, tenants)

    (expected,) = told.edge
    assert set(expected.devices) == {f"edge-{router}" for router in range(routers)}
    assert len(expected.routes) == len(told.holders) == 10_000
    (payload,) = await data_converter.encode([told])
    assert len(payload.data) < LARGEST
