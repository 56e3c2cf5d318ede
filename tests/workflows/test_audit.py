"""The audit: what is not as a tenant's recorded document says is found, wherever it is, and nothing else is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tenancy import names
from tests.workflows.edge_world import EdgeWorld
from tests.workflows.others import KUBE_OVN, change, kube_ovn, make, unmake
from tests.workflows.vlan_world import running_vlan_world
from tests.workflows.world import World, failure, tenant_document
from workflows.face import AUDIT_FLEET, AuditReport

LABEL = "berth.network/tenant"
Meddle = Callable[[World], Awaitable[None]]


async def audited(world: World, *scope: Any) -> AuditReport:
    """What an audit of this world tells."""
    run = await world.started(AUDIT_FLEET, f"audit-{world.name}", args=list(scope))
    return AuditReport.model_validate(await asyncio.wait_for(run.result(), 60))


def told(report: AuditReport) -> set[tuple[str, str | None, str]]:
    return {(one.kind, one.tenant, one.subject) for one in report.findings}


async def policy(world: World, edit: Callable[[list[Any]], object]) -> None:
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: edit(vpc["spec"]["policyRoutes"]))
    world.kube.northbound.exposures.clear()  # the test itself opened the way, for a moment


async def drop_taken_away(world: World) -> None:
    await policy(world, lambda routes: routes.pop(0))


async def way_let_through(world: World) -> None:
    hole = {"priority": 32200, "action": "allow", "match": "ip4.dst == 10.16.0.0/16"}
    await policy(world, lambda routes: routes.append(hole))


async def rule_deleted(world: World) -> None:
    await unmake(world, f"{KUBE_OVN}/ovn-fips/{world.name}--bastion")


async def subnet_changed(world: World) -> None:
    await change(world, f"{KUBE_OVN}/subnets/{world.name}--dev", lambda thing: thing["spec"].update(mtu=1400))


async def default_route_gone(world: World) -> None:
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"].update(staticRoutes=[]))


async def hand_over_deleted(world: World) -> None:
    await unmake(world, f"api/v1/namespaces/tenant-{world.name}/configmaps/{names.HAND_OVER}")


async def label_taken_off(world: World) -> None:
    path = f"{KUBE_OVN}/ovn-eips/{world.name}--web"
    await change(world, path, lambda thing: thing["metadata"]["labels"].pop(LABEL))


async def address_added(world: World) -> None:
    spec = {"externalSubnet": "external", "type": "nat"}
    await make(world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", f"{world.name}--more", spec, {LABEL: world.name}))


async def record_taken_away(world: World) -> None:
    await _annotated(world, lambda annotations: annotations.pop(names.DOCUMENT_ANNOTATION))


async def record_spoilt(world: World) -> None:
    await _annotated(world, lambda annotations: annotations.update({names.DOCUMENT_ANNOTATION: "{"}))


async def document_refused(world: World) -> None:
    text = '{"apiVersion": "berth.network/v1", "kind": "TenantNetwork", "metadata": {"name": "x"}, "spec": {"subnets": []}}'
    await _annotated(world, lambda annotations: annotations.update({names.DOCUMENT_ANNOTATION: text}))


async def _annotated(world: World, edit: Callable[[dict[str, str]], object]) -> None:
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: edit(vpc["metadata"]["annotations"]))


async def unready(world: World) -> None:
    path = f"{KUBE_OVN}/vpcs/{world.name}"
    await change(world, path, lambda vpc: vpc["metadata"].setdefault("finalizers", []).append("others/hold"))
    await unmake(world, path)


ONE_BY_ONE: list[tuple[Meddle, str, str]] = [
    (drop_taken_away, "block-policy", "Vpc {name}"),
    (way_let_through, "block-policy", "Vpc {name}"),
    (rule_deleted, "missing", "OvnFip {name}--bastion"),
    (subnet_changed, "changed", "Subnet {name}--dev"),
    (default_route_gone, "changed", "Vpc {name}"),
    (hand_over_deleted, "missing", "ConfigMap berth-network"),
    (address_added, "left-over", "OvnEip {name}--more"),
    (label_taken_off, "left-over", "OvnEip {name}--web"),
    (document_refused, "refused", "Vpc {name}"),
    (record_spoilt, "record", "Vpc {name}"),
    (record_taken_away, "unfinished", "Vpc {name}"),
    (unready, "not-ready", "Vpc {name}"),
]
"""Each comes on top of those before it, but what makes the record unreadable hides them, so that stands last."""


async def test_an_audit_finds_each_thing_that_is_not_as_the_recorded_document_says(world: World) -> None:
    await world.onboarded()
    assert told(await audited(world)) == set()
    before: set[tuple[str, str | None, str]] = set()
    for meddle, kind, subject in ONE_BY_ONE[:8]:
        await meddle(world)
        found = told(await audited(world))
        expected = (kind, world.name, subject.format(name=world.name))
        assert expected in found, meddle.__name__
        assert before <= found | {("changed", world.name, f"OvnEip {world.name}--web")}, meddle.__name__
        before = found


@pytest.mark.parametrize(
    ("meddle", "kind", "subject"), ONE_BY_ONE[8:], ids=lambda value: getattr(value, "__name__", "")
)
async def test_an_audit_tells_of_a_tenant_whose_record_says_nothing(
    world: World, meddle: Meddle, kind: str, subject: str
) -> None:
    await world.onboarded()
    await meddle(world)

    assert (kind, world.name, subject.format(name=world.name)) in told(await audited(world))


async def test_an_audit_of_one_tenant_says_nothing_of_another(world: World) -> None:
    await world.onboarded()
    await rule_deleted(world)

    report = await audited(world, {"tenants": ["another"]})

    assert (report.tenants, report.findings) == (0, ())


async def test_an_audit_says_nothing_of_a_tenant_that_a_run_changes_meanwhile(world: World) -> None:
    world.fault(effect="error", verb="create", plural="ovn-fips", status=503)
    run = await world.onboard()
    await world.strikes.tried(f"floating-ip-{world.name}--bastion", 2)

    report = await audited(world)

    assert (report.findings, report.under_way) == ((), (world.name,))
    # A run may wait for weeks, and none takes a drop away for a moment.
    await drop_taken_away(world)
    report = await audited(world)
    assert told(report) == {("block-policy", world.name, f"Vpc {world.name}")}
    await run.cancel()


async def test_an_audit_finds_what_a_terminated_run_left(world: World) -> None:
    world.fault(effect="error", verb="create", plural="ovn-fips", status=503)
    run = await world.onboard(tenant_document(world.name))
    await world.strikes.tried(f"floating-ip-{world.name}--bastion", 2)
    await run.terminate("a test")

    report = await audited(world)

    # The VPC is born with the document; what no run came to is missing.
    assert told(report) == {
        ("missing", world.name, f"OvnFip {world.name}--bastion"),
        ("missing", world.name, f"ConfigMap {names.HAND_OVER}"),
    }


async def test_an_audit_finds_a_vlan_that_nobody_reserved_and_one_that_a_switch_lost(
    client: Any, tmp_path: Any, name: str
) -> None:
    async with running_vlan_world(client, tmp_path, name) as world:
        await world.approved()
        first, second = world.switches
        assert told(await audited(world)) == set()
        reserved = int((await world.reserved())[0].removeprefix("vlan-"))
        await first.change(f"no vlan {reserved}")
        await second.change(f"vlan {reserved + 7}", "name left-by-somebody")

        report = await audited(world)

        assert told(report) == {
            ("vlan-missing", name, f"switch {first.name} VLAN {reserved}"),
            ("forgotten-vlan", None, f"switch {second.name} VLAN {reserved + 7}"),
        }
        second.faults.add(effect="refuse")
        assert ("device", None, f"switch {second.name}") in told(await audited(world))


async def test_a_vlan_that_was_reserved_while_the_switches_were_asked_is_not_forgotten(
    client: Any, tmp_path: Any, name: str
) -> None:
    async with running_vlan_world(client, tmp_path, name, dialects=["cisco-ios"]) as world:
        (switch,) = world.switches
        await switch.change("vlan 2050", "name berth-later")
        await switch.change("vlan 2051", "name left-by-somebody")
        asked = switch.faults.add(effect="slow", line="show", seconds=1, times=1)
        run = await world.started(AUDIT_FLEET, f"audit-{name}", args=[])
        await asyncio.wait_for(switch.faults.striking(asked), 20)
        reserved = kube_ovn("Vlan", names.vlan(2050), {"id": 2050, "provider": "external"}, {LABEL: "later"})
        await make(world, f"{KUBE_OVN}/vlans", reserved)

        report = AuditReport.model_validate(await asyncio.wait_for(run.result(), 60))

        assert told(report) == {("forgotten-vlan", None, f"switch {switch.name} VLAN 2051")}


async def test_an_audit_finds_a_route_that_is_no_longer_announced(edge: EdgeWorld) -> None:
    await edge.onboarded()
    assert told(await audited(edge)) == set()
    router = edge.edge.device(f"{edge.name}-edge-1")
    address = next(iter(router.running))
    router.running.pop(address)

    report = await audited(edge)

    assert ("route-missing", edge.name, f"router {edge.name}-edge-1 {address}") in told(report)


async def test_an_audit_of_what_is_no_scope_is_refused(world: World) -> None:
    error = await failure(await world.started(AUDIT_FLEET, f"audit-{world.name}", args=["everything"]))
    assert error.type == "InvalidDocument"
    assert "write {tenants: [name, ...]}" in error.message
