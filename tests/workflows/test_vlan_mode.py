"""Mode vlan from end to end: on real SSH servers that behave as switches do, asserted on the switches' own state."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from tenancy import names
from tenancy.approval import Preview
from tenancy.kinds import SUBNET, VLAN, VPC
from tenancy.plan import owner_of
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.vlan_world import (
    NADIA,
    VlanWorld,
    decide,
    everywhere,
    running_vlan_world,
    vlan_tenant,
    waiting,
)
from tests.workflows.world import Run, cancelled, failure, parked, resolve, status, until
from workflows.face import LEFT_BEHIND, REFUSED, Outcome


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[VlanWorld]:
    async with running_vlan_world(client, tmp_path, name) as made:
        yield made


async def test_a_tenant_gets_its_vlan_on_every_switch_once_it_is_approved(world: VlanWorld) -> None:
    handed_over = await world.approved()

    assert handed_over["vlan"] == 2000
    assert world.carries(2000) == everywhere(world, 2000, world.name)
    approval = handed_over["approval"]
    assert approval["decision"]["by"] == NADIA
    vpc = await world.api.get(VPC, names.vpc(world.name))
    assert vpc is not None
    assert json.loads(vpc["metadata"]["annotations"][names.APPROVAL_ANNOTATION]) == approval
    subnet = await world.api.get(SUBNET, names.subnet(world.name, "prod"))
    assert subnet is not None
    assert subnet["spec"]["vlan"] == "vlan-2000"
    assert subnet["spec"]["logicalGateway"] is True
    (run,) = world.handles
    attributes = (await run.describe()).typed_search_attributes
    assert [pair.value for pair in attributes if pair.key.name == "BerthVlan"] == [2000]


async def test_no_line_is_sent_to_a_switch_before_the_approval(world: VlanWorld) -> None:
    run, shown = await world.asked()
    assert isinstance(shown.preview, Preview)
    for switch, told in zip(world.switches, shown.preview.switches, strict=True):
        assert told.switch == switch.name
        assert told.lines
        assert [entry.line for entry in switch.journal if entry.configuring] == []
    assert world.carries(2000) == []

    await decide(run, "approve", plan=shown.plan)
    await run.result()
    for switch, told in zip(world.switches, shown.preview.switches, strict=True):
        sent = [entry.line.strip() for entry in switch.journal if entry.configuring and entry.accepted]
        assert set(sent) >= {line.strip() for line in told.lines}


async def test_a_rejected_approval_frees_the_vlan_and_touches_no_switch(world: VlanWorld) -> None:
    for switch in world.switches:
        await switch.change("interface GigabitEthernet1/0/4", "description somebody is still at it")
    before = [(switch.text("running"), switch.text("startup")) for switch in world.switches]
    run, shown = await world.asked()
    await decide(run, "reject", plan=shown.plan, comment="not in this maintenance window")

    failed = await failure(run)
    assert failed.type == REFUSED
    assert "rejected by nadia@example.com" in failed.message
    assert "not in this maintenance window" in failed.message
    assert [(switch.text("running"), switch.text("startup")) for switch in world.switches] == before
    assert await world.reserved() == []


async def test_a_cancel_while_the_network_team_thinks_leaves_nothing(world: VlanWorld) -> None:
    run, _ = await world.asked()
    await run.cancel()
    await cancelled(run)
    assert await world.reserved() == []
    assert world.carries(2000) == []


async def test_offboarding_takes_the_vlan_off_every_switch_for_good(world: VlanWorld) -> None:
    before = [switch.text("startup") for switch in world.switches]
    await world.approved()
    result = await world.offboarded()

    assert "Vlan vlan-2000" in result["removed"]
    assert [switch.text("startup") for switch in world.switches] == before
    assert [switch.text("running") for switch in world.switches] == before
    assert await world.reserved() == []


@pytest.mark.parametrize("step", ["vpc-{tenant}", "subnet-{tenant}--prod", "verify", "hand-over"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_step_that_fails_takes_the_vlan_off_every_switch_again(
    world: VlanWorld, step: str, moment: str
) -> None:
    before = [switch.text("startup") for switch in world.switches]
    struck = step.format(tenant=world.name)
    getattr(world.strikes, moment)[struck] = refusal()
    run, shown = await world.asked()
    await decide(run, "approve", plan=shown.plan)

    assert (await failure(run)).type == REFUSED
    assert (await status(run)).outcome is Outcome.UNDONE
    assert [switch.text("startup") for switch in world.switches] == before
    assert [switch.text("running") for switch in world.switches] == before
    assert await world.reserved() == []


async def test_an_id_that_a_switch_knows_under_a_foreign_name_is_passed_over_and_told(world: VlanWorld) -> None:
    await world.switches[1].change("vlan 2000", "name storage")
    handed_over = await world.approved()
    assert handed_over["vlan"] == 2001
    (run,) = world.handles
    note = next(step.note for step in (await status(run)).steps if step.id == "vlan")
    assert note is not None
    assert f"VLAN 2000 is known to {world.switches[1].name}" in note
    assert world.switches[1].running.vlans[2000] == "storage"


async def test_a_wish_is_honoured_or_refused_with_the_reason(world: VlanWorld) -> None:
    handed_over = await world.approved(vlan_tenant(world.name, vlan=2042))
    assert handed_over["vlan"] == 2042
    await world.offboarded()
    await world.switches[0].change("vlan 2042", "name storage")
    failed = await failure(await world.onboard(vlan_tenant(world.name, vlan=2042)))
    assert f"VLAN 2042 is known to {world.switches[0].name}" in failed.message


async def test_a_switch_that_changed_since_the_preview_is_shown_and_decided_again(world: VlanWorld) -> None:
    """Whoever approved saw fewer lines than would now be sent."""
    first = world.switches[0]
    await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan all")
    run, shown = await world.asked()
    await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan 1")
    await decide(run, "approve", plan=shown.plan)

    await until(run, lambda seen: seen.approval is not None and seen.approval.plan != shown.plan, "another preview")
    again = await waiting(run)
    with pytest.raises(WorkflowUpdateFailedError) as stale:
        await decide(run, "approve", plan=shown.plan)
    assert "the plan has changed since it was shown" in str(stale.value.cause)
    assert "GigabitEthernet1/0/1" in str(stale.value.cause)
    await decide(run, "approve", plan=again.plan)
    await asyncio.wait_for(run.result(), PATIENCE)
    assert world.carries(2000) == everywhere(world, 2000, world.name)


async def test_a_tenant_whose_switches_need_nothing_is_not_asked_about_again(world: VlanWorld) -> None:
    first = await world.approved()
    document = vlan_tenant(world.name)
    document["spec"]["subnets"].append({"name": "dev", "cidrs": ["10.21.0.0/24"]})
    again = await world.onboarded(document)
    assert again["vlan"] == 2000
    assert again["approval"] == first["approval"]


async def test_an_earlier_approval_that_counts_no_more_is_asked_for_anew_and_once(
    world: VlanWorld, tmp_path: Path
) -> None:
    """Not by looking at the switches for ever."""
    await world.approved()
    platform = tmp_path / "platform.yaml"
    document = json.loads(platform.read_text())
    document["spec"]["vlan"]["approval"]["approvers"] = ["olga@example.com"]
    platform.write_text(json.dumps(document))

    run, shown = await world.asked()
    await decide(run, "approve", by="olga@example.com", plan=shown.plan)
    handed_over = await asyncio.wait_for(run.result(), PATIENCE)
    assert handed_over["approval"]["decision"]["by"] == "olga@example.com"
    assert world.carries(2000) == everywhere(world, 2000, world.name)


async def test_a_run_of_a_living_tenant_that_fails_leaves_its_vlan_where_it_was(world: VlanWorld) -> None:
    await world.approved()
    # Whoever renamed it: it is there, and was there before the run.
    await world.switches[1].change("vlan 2000", "name renamed")
    before = [switch.text("running") for switch in world.switches]
    failed = await failure(await world.onboard(vlan_tenant(world.name)))
    assert "under the name 'renamed'" in failed.message
    assert [switch.text("running") for switch in world.switches] == before
    assert await world.reserved() == ["vlan-2000"]


async def test_a_run_nobody_requested_is_refused_since_nobody_could_approve_it(world: VlanWorld) -> None:
    run = await world.start("OnboardTenant", {"tenant": vlan_tenant(world.name)})
    assert "nobody is named as requester" in (await failure(run)).message


async def test_the_requester_may_not_approve(world: VlanWorld) -> None:
    run = await world.start("OnboardTenant", {"tenant": vlan_tenant(world.name), "requestedBy": NADIA.upper()})
    shown = await waiting(run)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await decide(run, "approve", plan=shown.plan)
    assert "may not approve it as well" in str(refused.value.cause)
    await run.cancel()
    await cancelled(run)


async def test_a_switch_that_is_down_is_waited_for_and_named(world: VlanWorld) -> None:
    down = world.switches[1]
    identity = down.faults.add(effect="refuse")
    run = await world.onboard(vlan_tenant(world.name))
    seen = await until(
        run,
        lambda seen: any(down.name in (step.note or "") for step in seen.steps if step.id == f"survey-{down.name}"),
        "the reason on the board",
    )
    assert seen.outcome is Outcome.RUNNING
    down.faults.remove(identity)
    await down.listening()
    shown = await waiting(run)
    await decide(run, "approve", plan=shown.plan)
    await asyncio.wait_for(run.result(), PATIENCE)


async def test_gateways_on_the_switches_get_acls_that_say_what_the_block_policy_says(
    client: Client, tmp_path: Path, name: str
) -> None:
    async with running_vlan_world(client, tmp_path, name, vlan={"gateway": "physical"}) as world:
        handed_over = await world.approved(vlan_tenant(name, externalIPs=[]))
        assert handed_over["blockPolicy"] == "asserted"
        subnet, vpc = await world.api.get(SUBNET, names.subnet(name, "prod")), await world.api.get(VPC, name)
        assert subnet is not None
        assert vpc is not None
        assert "logicalGateway" not in subnet["spec"]
        said = {(route["priority"], route["match"], route["action"]) for route in vpc["spec"]["policyRoutes"]}
        assert {(acl["priority"], acl["match"], acl["action"]) for acl in subnet["spec"]["acls"]} == said
        assert {acl["direction"] for acl in subnet["spec"]["acls"]} == {"from-lport"}


@pytest.mark.timeout(600)  # half a minute where nothing else runs
async def test_a_hundred_tenants_at_once_each_get_a_vlan_of_their_own(
    client: Client, tmp_path: Path, name: str
) -> None:
    async with running_vlan_world(client, tmp_path, name, dialects=("cisco-ios",)) as world:
        tenants = [f"{name}-{number}" for number in range(100)]

        async def started(tenant: str) -> Run:
            request = {"tenant": vlan_tenant(tenant, externalIPs=[]), "requestedBy": "a test"}
            return await world.start("OnboardTenant", request, id=names.workflow(tenant))

        runs = await asyncio.gather(*map(started, tenants))
        # One after the other: a hundred who ask at once keep the worker from what they ask about.
        plans = [(await waiting(run)).plan for run in runs]
        await asyncio.gather(*(decide(run, "approve", plan=plan) for run, plan in zip(runs, plans, strict=True)))
        given = [int((await asyncio.wait_for(run.result(), PATIENCE))["vlan"]) for run in runs]

        assert sorted(given) == list(range(2000, 2100))
        (switch,) = world.switches
        for tenant, vlan in zip(tenants, given, strict=True):
            assert world.carries(vlan) == everywhere(world, vlan, tenant)
        objects = {one["metadata"]["name"]: owner_of(one) for one in await world.api.list(VLAN)}
        assert {f"vlan-{vlan}": tenant for tenant, vlan in zip(tenants, given, strict=True)}.items() <= objects.items()
        # One writer, and everybody in few sessions.
        assert switch.sessions.opened < 30


@pytest.mark.parametrize("words", ["anna?", "{vlan}; write erase"])
async def test_what_people_say_of_themselves_never_reaches_a_switch(world: VlanWorld, words: str) -> None:
    await world.switches[0].change("vlan 10", "name office")
    request = {"tenant": vlan_tenant(world.name, externalIPs=[]), "requestedBy": words}
    run = await world.start("OnboardTenant", request)
    shown = await waiting(run)
    await decide(run, "approve", plan=shown.plan, comment=words)
    await asyncio.wait_for(run.result(), PATIENCE)
    assert isinstance(shown.preview, Preview)
    for switch, told in zip(world.switches, shown.preview.switches, strict=True):
        sent = [entry.line.strip() for entry in switch.journal if entry.configuring]
        assert set(sent) <= {*told.lines, "end"}
    assert world.switches[0].running.vlans[10] == "office"


async def test_a_trunk_that_left_the_platforms_document_loses_the_vlan_all_the_same(
    world: VlanWorld, tmp_path: Path
) -> None:
    before = [switch.text("startup") for switch in world.switches]
    await world.approved()
    platform = tmp_path / "platform.yaml"
    document = json.loads(platform.read_text())
    for switch in document["spec"]["vlan"]["switches"]:
        switch["trunks"] = switch["trunks"][:1]
    platform.write_text(json.dumps(document))
    await world.offboarded()
    assert world.carries(2000) == []
    assert [switch.text("startup") for switch in world.switches] == before


async def test_an_operator_may_leave_a_vlan_on_a_switch_and_no_other_tenant_gets_its_id(
    world: VlanWorld,
) -> None:
    await world.approved()
    down = world.switches[1]
    down.faults.add(effect="refuse")
    leaving = await world.offboard()
    seen = await parked(leaving)
    assert down.name in seen.parked[0].reason
    await resolve(leaving, decision="skip", reason="it burned down", by="an operator")
    assert (await failure(leaving)).type == LEFT_BEHIND
    down.faults.clear()
    await down.listening()
    assert await world.reserved() == []
    other = f"{world.name}-next"
    run = await world.start(
        "OnboardTenant", {"tenant": vlan_tenant(other), "requestedBy": "a test"}, id=f"tenant-{other}"
    )
    await decide(run, "approve", plan=(await waiting(run)).plan)
    assert (await asyncio.wait_for(run.result(), PATIENCE))["vlan"] == 2001
    assert down.running.vlans[2000] == f"berth-{world.name}"
