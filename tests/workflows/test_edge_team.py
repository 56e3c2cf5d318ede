"""Where the edge team configures its routers itself: it is told exactly what to do, and nothing passes without its word."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.worker import UnsandboxedWorkflowRunner

from cli.exit_codes import ExitCode
from clients.errors import RefusedError
from lab.switches import Login, Switch
from tenancy.approval import Decision, statement
from tenancy.edge_work import EdgePreview, EdgeWork
from tenancy.kinds import VPC
from tests.cli.running import berth, complaint
from tests.clients.stand_in import stand_in
from tests.signing import signer
from tests.workflows.approving import approval_of, seen
from tests.workflows.edge_world import OMAR, EdgeWorld, addresses, by_edge_team, record, running_edge_world
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.vlan_world import NADIA, PASSWORD, carried, decide, vlan_platform, vlan_tenant, waiting
from tests.workflows.world import (
    Document,
    Run,
    cancelled,
    failure,
    grown,
    parked,
    platform_file,
    resolve,
    running_world,
    status,
    tenant_document,
    until,
)
from workflows import sandbox
from workflows.approval import Approvals
from workflows.face import LEFT_BEHIND, ApprovalStatus, Offboarded, Status, StepState


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[EdgeWorld]:
    """A platform whose routers Berth does not know at all."""
    async with running_edge_world(client, tmp_path, name, by_edge_team(name)) as made:
        yield made


@pytest.fixture
async def watched(client: Client, tmp_path: Path, name: str) -> AsyncIterator[EdgeWorld]:
    """The same with a neighbour that is read."""
    async with running_edge_world(client, tmp_path, name, by_edge_team(name, neighbour=True)) as made:
        yield made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What nobody has long to confirm, announce or withdraw; a document says whole minutes."""
    monkeypatch.setattr(sandbox, "runner", UnsandboxedWorkflowRunner)
    confirm, actions = Approvals.confirm, set[str]()

    async def quickly(self: Approvals, preview: EdgePreview, rules: Any, *more: Any, **others: Any) -> Any:
        if preview.document.action in actions:
            rules = rules.model_copy(update={"remind_every": 0.3, "expires_after": 1.5})
        return await confirm(self, preview, rules, *more, **others)

    monkeypatch.setattr(Approvals, "confirm", quickly)
    return actions


async def asked(run: Run) -> EdgeWork:
    """What the edge team is asked to do, once it is asked."""
    return preview_in(await waiting(run)).document


def preview_in(shown: ApprovalStatus) -> EdgePreview:
    assert isinstance(shown.preview, EdgePreview)
    return shown.preview


async def confirmed(world: EdgeWorld, run: Run, by: str = NADIA, **more: Any) -> EdgeWork:
    """The edge team does what it was asked, and confirms it."""
    shown = await waiting(run)
    work = preview_in(shown).document
    world.done_by_hand(work)
    await decide(run, "approve", by=by, plan=shown.plan, **more)
    return work


async def onboarded(world: EdgeWorld, document: Document | None = None) -> Any:
    """The hand-over of an onboarding that the edge team confirms."""
    run = await world.onboard(document)
    await confirmed(world, run)
    return await asyncio.wait_for(run.result(), PATIENCE)


async def refused(run: Run, word: str, **decision: Any) -> str:
    """Why a decision does not count."""
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await decide(run, word, **decision)
    return str(getattr(error.value.cause, "message", ""))


async def holds_addresses(world: EdgeWorld) -> bool:
    """Whether the tenant still has its external IPs."""
    return f"ovn-eips/{world.name}--egress" in (await world.state())[0]


def state_of(found: Status, step: str) -> StepState:
    return {one.id: one.state for one in found.steps}[step]


async def test_a_run_is_done_once_the_edge_team_has_confirmed_its_routes(world: EdgeWorld) -> None:
    run = await world.onboard()

    work = await asked(run)
    attributes = (await run.describe()).typed_search_attributes
    assert [pair.value for pair in attributes if pair.key.name == "BerthStage"] == ["approval"]
    world.done_by_hand(work)
    answer = await decide(run, "approve", plan=(await waiting(run)).plan, comment="on both routers")
    assert answer == f"the announcement of 3 routes approved by {NADIA}: the run goes on"
    told = await run.result()

    (hop,) = told["routerAddresses"]
    assert work.model_dump(mode="json") == {
        "tenant": world.name,
        "action": "announce",
        "tag": 4200,
        "routes": [
            {"prefix": f"{address}/32", "nextHop": hop, "description": f"berth-{world.name}"}
            for address in addresses(told)
        ],
    }
    assert json.loads(work.as_json()) == work.model_dump(mode="json")
    (given,) = told["confirmations"]
    assert (given["decision"]["by"], given["decision"]["comment"]) == (NADIA, "on both routers")
    assert given["preview"]["document"] == work.model_dump(mode="json")
    assert given["at"] == (await approval_of(run)).decided.isoformat()  # type: ignore[union-attr]  # it was decided
    kept = await record(world)
    assert kept is not None
    assert kept["confirmations"] == [given]


async def test_a_rejection_undoes_the_run_and_nobody_has_to_withdraw_what_was_never_there(world: EdgeWorld) -> None:
    before = await world.state()
    run = await world.onboard()
    shown = await waiting(run)

    answer = await decide(run, "reject", plan=shown.plan, by=OMAR, comment="the fabric is frozen")

    assert answer == f"the announcement of 3 routes rejected by {OMAR}: the run undoes what it did"
    error = await failure(run)
    assert f"the announcement of 3 routes was rejected by {OMAR}" in error.message
    assert "the fabric is frozen" in error.message
    assert await world.state() == before
    assert preview_in(await approval_of(run)).document.action == "announce"


async def test_a_cancel_while_nobody_has_confirmed_undoes_the_run(world: EdgeWorld) -> None:
    before = await world.state()
    run = await world.onboard()
    await asked(run)

    await run.cancel()

    await cancelled(run)
    assert await world.state() == before
    assert (await approval_of(run)).state == "withdrawn"


async def test_where_nobody_confirms_in_time_the_run_is_undone_and_the_team_is_told_to_clean_up(
    hurried: set[str], client: Client, tmp_path: Path, name: str
) -> None:
    hurried.add("announce")
    notices: list[dict[str, str]] = []

    async def respond(request: web.Request) -> web.Response:
        notices.append(await request.json())
        return web.Response()

    async with stand_in(respond) as webhook:
        (tmp_path / "url").touch(mode=0o600)
        (tmp_path / "url").write_text(webhook.url.replace("http://", "json://"))
        rules = {"approvers": [NADIA], "notify": [{"file": str(tmp_path / "url")}]}
        announce = by_edge_team(name, approval=rules)
        async with running_edge_world(client, tmp_path, name, announce) as world:
            before = await world.state()
            error = await failure(await world.onboard())
            assert "nobody approved the announcement of 3 routes within" in error.message
            assert await world.state() == before
    titles = [one["title"] for one in notices]
    what = f"Berth: the announcement of 3 routes for tenant {name}"
    assert titles[0] == f"{what} waits for approval"
    assert any(title.startswith(f"{what} still waits for approval, since") for title in titles)
    (last,) = [one for one in notices if one["title"] == f"{what} was approved by nobody in time, and is undone"]
    assert "What is configured of it already has to go" in last["message"]
    assert "Route: 203.0.113." in last["message"]


async def test_a_run_that_fails_after_the_confirmation_waits_until_the_routes_are_withdrawn(world: EdgeWorld) -> None:
    before = await world.state()
    world.strikes.after["hand-over"] = refusal()
    run = await world.onboard()
    shown = await waiting(run)
    await confirmed(world, run)

    await until(run, lambda now: now.approval is not None and now.approval.plan != shown.plan, "the withdrawal")

    work = await asked(run)
    assert (work.action, work.routes) == ("withdraw", preview_in(shown).document.routes)
    assert await holds_addresses(world)
    # That they were announced does not say that they are gone.
    stale = await refused(run, "approve", plan=shown.plan)
    assert "the plan has changed since it was shown" in stale
    assert "-announce with tag 4200 | +withdraw with tag 4200" in stale
    assert await holds_addresses(world)
    await confirmed(world, run, by=OMAR)
    await failure(run)
    assert await world.state() == before
    steps = {one.id: one for one in (await status(run)).steps}
    assert (steps["edge-team"].state, steps["edge-team"].note) == (StepState.UNDONE, f"confirmed by {OMAR}")


async def test_a_confirmation_in_the_moment_of_a_cancel_is_taken_back_by_the_team(
    client: Client, tmp_path: Path, name: str
) -> None:
    async with running_edge_world(client, tmp_path, name, by_edge_team(name), serving=False) as world:
        async with world.serving():
            before = await world.state()
            run = await world.onboard()
            shown = await waiting(run)
        # Both wait for a worker, and come to the run at once.
        await run.signal("approve", {"plan": shown.plan, "by": NADIA})
        await run.cancel()
        async with world.serving():
            await seen(run, lambda found: found.state == "waiting" and found.plan != shown.plan)
            assert (await asked(run)).action == "withdraw"
            assert await holds_addresses(world)
            await decide(run, "approve", plan=(await waiting(run)).plan)
            await cancelled(run)
            assert await world.state() == before


async def test_offboarding_gives_nothing_back_before_the_team_has_confirmed_the_withdrawal(world: EdgeWorld) -> None:
    told = await onboarded(world)
    run = await world.offboard()

    work = await asked(run)
    assert work.action == "withdraw"
    assert [route.prefix for route in work.routes] == [f"{address}/32" for address in addresses(told)]
    attributes = (await run.describe()).typed_search_attributes
    assert [pair.value for pair in attributes if pair.key.name == "BerthStage"] == ["approval"]
    assert await holds_addresses(world)
    await confirmed(world, run, comment="gone")

    removed = Offboarded.model_validate(await run.result())
    (given,) = removed.confirmations
    assert (given.decision.by, given.decision.comment, given.preview.document) == (NADIA, "gone", work)
    assert removed.removed[0] == "Routes configured by the edge team"
    assert world.edge.holds("nobody") == {}
    assert not await holds_addresses(world)


async def test_a_withdrawal_that_is_rejected_waits_for_an_operator_and_is_asked_again(world: EdgeWorld) -> None:
    await onboarded(world)
    run = await world.offboard()

    answer = await decide(run, "reject", plan=(await waiting(run)).plan, comment="the change window is closed")

    assert answer == f"the withdrawal of 3 routes rejected by {NADIA}: the run waits for an operator"
    await asked_again(world, run, f"was rejected by {NADIA}")


async def test_a_withdrawal_that_nobody_confirms_in_time_waits_for_an_operator_and_is_asked_again(
    hurried: set[str], world: EdgeWorld
) -> None:
    await onboarded(world)
    hurried.add("withdraw")
    run = await world.offboard()
    await parked(run)
    hurried.clear()

    await asked_again(world, run, "nobody approved the withdrawal of 3 routes within")


async def asked_again(world: EdgeWorld, run: Run, why: str) -> None:
    """An operator has the team asked once more, and it confirms; nothing is given back before."""
    (waits,) = (await parked(run)).parked
    assert waits.step == "edge-team"
    assert why in waits.reason
    assert await holds_addresses(world)
    await resolve(run, decision="retry", by="on call")
    await confirmed(world, run)
    await asyncio.wait_for(run.result(), PATIENCE)
    assert not await holds_addresses(world)


async def test_what_the_team_has_withdrawn_is_asked_for_again_where_the_tenant_stays_after_all(
    world: EdgeWorld,
) -> None:
    await onboarded(world)
    world.strikes.before["undo-configmap-berth-network"] = refusal()
    run = await world.offboard()
    await confirmed(world, run)
    await parked(run)
    await resolve(run, decision="abort", reason="it stays", by="on call")
    await failure(run)

    again = await world.onboard()

    assert (await asked(again)).action == "announce"
    await confirmed(world, again)
    await asyncio.wait_for(again.result(), PATIENCE)


async def test_an_operator_may_leave_a_withdrawal_and_what_stays_is_named(world: EdgeWorld) -> None:
    await onboarded(world)
    run = await world.offboard()
    await decide(run, "reject", plan=(await waiting(run)).plan, comment="that router is scrap")
    await parked(run)

    await resolve(run, decision="skip", reason="the router is scrap", by="on call")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert "Routes configured by the edge team (left as it is by on call: the router is scrap)" in error.message


async def test_a_cancelled_offboarding_leaves_everything_and_the_next_one_asks_again(world: EdgeWorld) -> None:
    await onboarded(world)
    run = await world.offboard()
    await asked(run)

    await run.cancel()

    await cancelled(run)
    assert await holds_addresses(world)
    again = await world.offboard()
    await confirmed(world, again)
    await asyncio.wait_for(again.result(), PATIENCE)


async def test_the_neighbours_word_counts_beside_the_teams(hasty: None, watched: EdgeWorld) -> None:
    """Confirmed and not heard of is not done; confirmed and not forgotten is not gone."""
    step, looks = f"neighbour-{watched.name}-fabric", watched.edge.looks
    run = await watched.onboard()
    shown = await waiting(run)
    await decide(run, "approve", plan=shown.plan)
    await until(run, lambda now: state_of(now, step) is StepState.RUNNING and watched.edge.looks > looks, "a look")
    watched.done_by_hand(preview_in(shown).document)
    assert (await run.result())["heardBy"] == [f"{watched.name}-fabric"]

    run = await watched.offboard()
    shown = await waiting(run)
    await decide(run, "approve", plan=shown.plan)
    found = await parked(run)
    assert [one.step for one in found.parked] == [step]
    assert await holds_addresses(watched)
    watched.done_by_hand(preview_in(shown).document)
    await resolve(run, decision="retry", by="on call")
    await asyncio.wait_for(run.result(), PATIENCE)


async def test_what_the_team_configured_before_it_rejected_has_to_be_forgotten(
    hasty: None,
    watched: EdgeWorld,
) -> None:
    before = await watched.state()
    run = await watched.onboard()
    shown = await waiting(run)
    watched.done_by_hand(preview_in(shown).document)

    await decide(run, "reject", plan=shown.plan, comment="on second thoughts, no")

    found = await parked(run)
    assert [one.step for one in found.parked] == [f"neighbour-{watched.name}-fabric"]
    assert await holds_addresses(watched)
    watched.edge.device("theirs").running.clear()
    await resolve(run, decision="retry", by="on call")
    await failure(run)
    assert await watched.state() == before


async def test_a_tenant_that_is_onboarded_again_unchanged_is_not_asked_about(world: EdgeWorld) -> None:
    told = await onboarded(world)

    again = await world.onboarded()

    assert again["confirmations"] == told["confirmations"]
    steps = {one.id: one for one in (await status(world.handles[-1])).steps}
    assert (steps["edge-team"].state, steps["edge-team"].note) == (StepState.DONE, f"confirmed before by {NADIA}")


async def test_a_tenant_that_grows_is_asked_about_for_what_is_new_only_and_keeps_the_rest_where_it_grows_in_vain(
    world: EdgeWorld,
) -> None:
    told = await onboarded(world)
    kept = await record(world)
    world.strikes.after["hand-over"] = refusal()
    run = await world.onboard(grown(tenant_document(world.name)))
    new = await confirmed(world, run)
    assert len(new.routes) == 1
    assert new.routes[0].prefix not in [f"{address}/32" for address in addresses(told)]
    await seen(run, lambda found: preview_in(found).document.action == "withdraw")
    assert (await confirmed(world, run)).routes == new.routes
    await failure(run)
    assert await record(world) == kept
    del world.strikes.after["hand-over"]

    run = await world.onboard(grown(tenant_document(world.name)))
    await confirmed(world, run, by=OMAR)
    again = await asyncio.wait_for(run.result(), PATIENCE)

    assert [one["decision"]["by"] for one in again["confirmations"]] == [NADIA, OMAR]
    run = await world.offboard()
    assert len((await confirmed(world, run)).routes) == 4
    await asyncio.wait_for(run.result(), PATIENCE)
    assert world.edge.device("theirs").running == {}


async def test_another_tag_is_another_route_and_is_asked_about(world: EdgeWorld) -> None:
    await onboarded(world)
    platform_file(world.settings.platform.parent, by_edge_team(world.name, tag=77))
    run = await world.onboard()

    assert (await confirmed(world, run)).tag == 77

    told = await asyncio.wait_for(run.result(), PATIENCE)
    (given,) = told["confirmations"]
    assert given["preview"]["document"]["tag"] == 77


async def test_a_decision_about_an_earlier_runs_addresses_is_none_about_this_ones(world: EdgeWorld) -> None:
    run = await world.onboard()
    old = await waiting(run)
    await run.cancel()
    await cancelled(run)
    run = await world.onboard()
    now = await waiting(run)
    assert now.plan != old.plan

    told = await refused(run, "approve", plan=old.plan)

    assert f"which was never shown in this run: what waits now is {now.plan}" in told
    assert (await approval_of(run)).state == "waiting"
    await run.cancel()
    await cancelled(run)


async def test_who_requested_a_run_cannot_confirm_it_and_one_without_a_requester_changes_nothing(
    world: EdgeWorld,
) -> None:
    before = await world.state()
    nobody = await world.start("OnboardTenant", {"tenant": tenant_document(world.name)})
    assert "nobody is named as requester" in (await failure(nobody)).message
    assert await world.state() == before
    run = await world.start("OnboardTenant", {"tenant": tenant_document(world.name), "requestedBy": NADIA})
    plan = (await waiting(run)).plan
    assert f"{NADIA} requested it, and may not approve it as well" in await refused(run, "approve", plan=plan)
    assert "'mallory' is no approver" in await refused(run, "approve", plan=plan, by="mallory")
    assert "VLAN 12 has nothing to do with" in await refused(run, "approve", plan=plan, by=OMAR, vlan=12)
    await decide(run, "approve", plan=plan, by=OMAR)
    await asyncio.wait_for(run.result(), PATIENCE)

    nobody = await world.start("OffboardTenant", {"tenant": world.name})
    assert "nobody is named as requester" in (await failure(nobody)).message
    assert await holds_addresses(world)
    run = await world.start("OffboardTenant", {"tenant": world.name, "requestedBy": OMAR})
    plan = (await waiting(run)).plan
    assert f"{OMAR} requested it, and may not approve it as well" in await refused(run, "approve", plan=plan, by=OMAR)
    await decide(run, "approve", plan=plan)
    await asyncio.wait_for(run.result(), PATIENCE)


async def test_only_who_holds_the_key_confirms_where_that_is_signed(client: Client, tmp_path: Path, name: str) -> None:
    nadia, mallory = signer(tmp_path, NADIA), signer(tmp_path, "mallory")
    (tmp_path / "edge_signers").write_text(nadia.line('namespaces="berth-approval"'))
    rules = {"approvers": [NADIA, OMAR], "signing": "ssh", "allowedSigners": str(tmp_path / "edge_signers")}
    async with running_edge_world(client, tmp_path, name, by_edge_team(name, approval=rules)) as world:
        for run, action in ((await world.onboard(), "announce"), (None, "withdraw")):
            run = run or await world.offboard()
            shown = preview_in(await waiting(run))
            assert "it is not signed" in await refused(run, "approve", plan=shown.hash)
            made = Decision(plan=shown.hash, by=NADIA)
            text = statement("approve", shown, made)
            assert f'edge: "{action}"' in text
            forged = mallory.sign(text)
            assert "its signature is refused" in await refused(run, "approve", plan=shown.hash, signature=forged)
            await decide(run, "approve", plan=shown.hash, signature=nadia.sign(text))
            await asyncio.wait_for(run.result(), PATIENCE)


async def test_an_offboarding_stops_where_nobody_is_left_to_confirm_the_withdrawal(world: EdgeWorld) -> None:
    await onboarded(world)
    platform_file(world.settings.platform.parent)

    error = await failure(await world.offboard())

    assert "no longer says who confirms that they are withdrawn" in error.message
    assert await holds_addresses(world)


@pytest.mark.parametrize("how", ["the record was taken away", "the run was terminated while it waited"])
async def test_the_team_is_asked_to_withdraw_what_it_may_have_configured(world: EdgeWorld, how: str) -> None:
    if how.startswith("the record"):
        await onboarded(world)

        def without_record(vpc: Any) -> Any:
            annotations = {key: one for key, one in vpc["metadata"]["annotations"].items() if "announced" not in key}
            return {**vpc, "metadata": {**vpc["metadata"], "annotations": annotations}}

        await world.api.edit(VPC, world.name, without_record)
    else:
        run = await world.onboard()
        world.done_by_hand(await asked(run))
        await run.terminate()
    configured = {f"{address}/32": hop for address, (hop, _) in world.edge.device("theirs").running.items()}

    run = await world.offboard()

    work = await asked(run)
    assert {route.prefix: route.next_hop for route in work.routes} == configured
    await confirmed(world, run)
    await asyncio.wait_for(run.result(), PATIENCE)
    assert not await holds_addresses(world)


async def test_the_vlan_and_the_routes_are_approved_one_after_the_other_by_different_people(
    client: Client, tmp_path: Path, name: str
) -> None:
    eda = "eda@example.com"
    async with AsyncExitStack() as stack:
        leaf = await stack.enter_async_context(
            Switch("cisco-ios", name=f"{name}-leaf1", login=Login("berth", PASSWORD))
        )
        platform, known_hosts = vlan_platform(tmp_path, [leaf])
        document = json.loads(platform.read_text())
        document["spec"]["announce"] = by_edge_team(name, approval={"approvers": [eda]})
        platform.write_text(json.dumps(document))
        world = await stack.enter_async_context(
            running_world(client, tmp_path, name, platform=platform, known_hosts=known_hosts)
        )
        run = await world.onboard(vlan_tenant(name))
        vlan = await waiting(run)
        assert "is no approver" in await refused(run, "approve", plan=vlan.plan, by=eda)
        await decide(run, "approve", plan=vlan.plan)
        edge = await seen(run, lambda found: found.state == "waiting" and found.plan != vlan.plan)
        told = await refused(run, "approve", plan=vlan.plan, by=eda)
        assert "which was about VLAN 2000" in told
        assert "about the announcement of 1 route" in told
        assert "is no approver" in await refused(run, "approve", plan=edge.plan)
        assert edge.state == (await approval_of(run)).state == "waiting"
        await decide(run, "approve", plan=edge.plan, by=eda)
        handed_over = await asyncio.wait_for(run.result(), PATIENCE)
        assert handed_over["approval"]["decision"]["by"] == NADIA
        assert [one["decision"]["by"] for one in handed_over["confirmations"]] == [eda]
        assert carried(leaf, leaf.startup, 2000)[0] == f"berth-{name}"

        run = await world.offboard()
        withdrawal = await waiting(run)
        assert carried(leaf, leaf.startup, 2000)[0] == f"berth-{name}"
        await decide(run, "approve", plan=withdrawal.plan, by=eda)
        await asyncio.wait_for(run.result(), PATIENCE)
        assert carried(leaf, leaf.startup, 2000) == (None, [])


async def test_the_team_sees_the_document_and_the_lines_and_decides_with_berth(
    temporal_address: str, client: Client, tmp_path: Path, name: str
) -> None:
    async def ran(*arguments: str) -> Any:
        return await asyncio.to_thread(berth, "--temporal-address", temporal_address, *arguments, folder=tmp_path)

    announce = by_edge_team(name, linesFor=["frr", "arista-eos"])
    async with running_edge_world(client, tmp_path, name, announce) as world:
        run = await world.onboard()
        shown = await waiting(run)
        work = preview_in(shown).document
        listed = json.loads((await ran("approvals", "--json")).stdout)["approvals"]
        (mine,) = [one for one in listed if one["tenant"] == name]
        assert mine["approval"]["preview"]["document"] == work.model_dump(mode="json")
        assert "the announcement of 3 routes" in (await ran("approvals")).stdout

        looked = await ran("approve", name, "--as", NADIA)

        assert looked.returncode == ExitCode.USAGE
        assert work.as_json() in looked.stdout
        expected = [
            f"ip route {route.prefix} {route.next_hop}{of_the_platform}"
            for of_the_platform in (" tag 4200", f" tag 4200 name berth-{name}")
            for route in work.routes
        ]
        assert [line for one in preview_in(shown).platforms for line in one.lines] == expected
        metadata = str(await run.query("__temporal_workflow_metadata"))
        for line in expected:
            assert line in looked.stdout
            assert line in metadata
        assert "WAITS FOR APPROVAL of the announcement of 3 routes since" in (await ran("status", name)).stdout
        done = await ran("approve", name, "--as", NADIA, "--yes", "--plan", work_plan(shown), "--json")
        assert json.loads(done.stdout)["document"] == work.model_dump(mode="json")
        (given,) = (await asyncio.wait_for(run.result(), PATIENCE))["confirmations"]
        assert len(given["preview"]["platforms"]) == 2
        # All annotations of a VPC share 256 KiB: the lines of 128 external IPs would not leave room for the document.
        recorded = await record(world)
        assert recorded is not None
        assert recorded["confirmations"] == [{**given, "preview": {**given["preview"], "platforms": []}}]

        run = await world.offboard()
        gone = await waiting(run)
        (mine,) = [
            one for one in json.loads((await ran("approvals", "--json")).stdout)["approvals"] if one["tenant"] == name
        ]
        assert mine["approval"]["preview"]["document"]["action"] == "withdraw"
        assert [line for one in preview_in(gone).platforms for line in one.lines] == [
            f"no ip route {route.prefix} {route.next_hop}{tag}" for tag in (" tag 4200", "") for route in work.routes
        ]
        late = await ran("approve", name, "--as", NADIA, "--yes", "--plan", work_plan(shown))
        assert (late.returncode, "was never shown in this run" in complaint(late)) == (ExitCode.REFUSED, True)
        done = await ran("approve", name, "--as", NADIA, "--yes", "--plan", work_plan(gone))
        assert "the withdrawal of 3 routes approved by" in done.stdout, done.stderr
        await asyncio.wait_for(run.result(), PATIENCE)


def work_plan(shown: ApprovalStatus) -> str:
    assert shown.plan is not None
    return shown.plan


async def test_lines_that_cannot_be_written_down_undo_the_run(
    monkeypatch: pytest.MonkeyPatch, client: Client, tmp_path: Path, name: str
) -> None:
    def none(platform: str, *_: object) -> tuple[str, ...]:
        raise RefusedError(f"{platform}: correct announce.nextHops", reason="rejected")

    monkeypatch.setattr("activities.edge.all_lines", none)
    async with running_edge_world(client, tmp_path, name, by_edge_team(name, linesFor=["vyos"])) as world:
        before = await world.state()
        error = await failure(await world.onboard())
        assert "vyos: correct announce.nextHops" in error.message
        assert await world.state() == before
