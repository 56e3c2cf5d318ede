"""What others do to a tenant's objects while a run is under way is neither undone nor given away by that run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from tests.workflows.others import KUBE_OVN, change, kube_ovn, make, unmake
from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.test_safety import allowed
from tests.workflows.world import (
    PLATFORM_TEXT,
    Document,
    World,
    cancelled,
    failure,
    grown,
    parked,
    resolve,
    running_world,
    status,
    tenant_document,
    until,
)
from workflows.face import ONBOARD, REFUSED, Outcome
from workflows.steps import BLOCK_POLICY, HAND_OVER, VERIFY

EMERGENCY = {"priority": 32200, "action": "drop", "match": "ip4.dst == 198.51.100.0/24"}


async def undone(world: World, document: Document | None = None) -> None:
    """An onboarding that is refused at its last step, and takes everything back."""
    world.strikes.after[HAND_OVER.id] = refusal()
    assert (await failure(await world.onboard(document))).type == REFUSED
    world.strikes.after.clear()
    await world.settle()


async def exists(world: World, key: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while key not in world.kube.dump():  # noqa: ASYNC110  # a dump has no watch
            await asyncio.sleep(0.01)


async def test_a_label_that_an_administrator_sets_stays(world: World) -> None:
    await world.onboarded()
    label = {"pod-security.kubernetes.io/enforce": "restricted"}

    async def administrator() -> None:
        namespace = f"api/v1/namespaces/tenant-{world.name}"
        await change(world, namespace, lambda thing: thing["metadata"]["labels"].update(label))

    world.strikes.on_start[VERIFY.id] = administrator

    await undone(world)

    assert label.items() <= world.kube.dump()[f"namespaces/tenant-{world.name}"]["metadata"]["labels"].items()


async def test_a_drop_that_an_administrator_adds_survives_the_cancel_of_a_run_that_hangs(world: World) -> None:
    document = tenant_document(world.name)
    await world.onboarded(document)
    world.fault(effect="error", verb="create", plural="subnets", name=f"{world.name}--stage", status=503)
    run = await world.onboard(grown(document))
    await world.strikes.tried(f"subnet-{world.name}--stage", 2)
    await change(
        world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"]["policyRoutes"].append(dict(EMERGENCY))
    )

    await run.cancel()

    await cancelled(run)
    await world.settle()
    policies = world.kube.northbound.dump()["routers"][world.name]["policies"]
    assert EMERGENCY["match"] in {policy["match"] for policy in policies if policy["action"] == "drop"}


@pytest.mark.parametrize("entry", [{"action": "drop"}, {"action": "reroute", "match": "", "nextHopIP": "10.0.0.9"}])
async def test_an_odd_policy_route_in_berths_band_wedges_no_run(world: World, entry: dict[str, Any]) -> None:
    await world.onboarded()
    odd = {"priority": 32500, **entry}
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"]["policyRoutes"].append(odd))

    await world.onboarded()
    await world.offboarded()


async def test_a_reroute_that_somebody_put_into_berths_band_does_not_hold_an_offboarding_up(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    odd = {"priority": 31500, "action": "reroute", "match": "ip4.dst == 198.51.100.0/24", "nextHopIP": "10.0.0.9"}
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["spec"]["policyRoutes"].append(odd))

    await world.offboarded()

    assert await world.state() == before


@pytest.mark.parametrize("plural", ["ovn-eips", "ovn-snat-rules"])
async def test_what_kube_ovn_wrote_into_an_adopted_object_stays(world: World, plural: str) -> None:
    name = f"{world.name}--{'bastion' if plural == 'ovn-eips' else 'prod'}"
    fault = world.fault(effect="late", plural=plural, name=name, seconds=1.0)
    first = await world.onboard()
    await exists(world, f"{plural}/{name}")
    await first.terminate()

    await undone(world)

    world.kube.faults.remove(fault)
    thing = world.kube.dump()[f"{plural}/{name}"]
    if plural == "ovn-eips":
        # Kube-OVN looks for users of an address by what the spec says.
        assert thing["spec"]["v4Ip"] == thing["status"]["v4Ip"]
    else:
        assert "ovn.kubernetes.io/eip_v4_ip" in thing["metadata"]["labels"]


async def test_what_was_on_its_way_out_when_the_run_began_is_not_there_after_it(world: World) -> None:
    await world.onboarded()
    fault = world.fault(effect="stuck-finalizer", plural="subnets", name=f"{world.name}--dev")
    offboarding = await world.offboard()
    await parked(offboarding)
    await resolve(offboarding, decision="abort")
    await failure(offboarding)
    world.strikes.after[HAND_OVER.id] = refusal()
    run = await world.onboard()
    await world.strikes.tried(f"subnet-{world.name}--dev", 2)

    world.kube.faults.remove(fault)

    assert (await failure(run)).type == REFUSED
    assert f"subnets/{world.name}--dev" not in world.kube.dump()


async def test_an_address_that_was_lost_during_the_run_is_not_excepted_by_its_undo(world: World) -> None:
    await world.onboarded()
    eip = world.kube.dump()[f"ovn-eips/{world.name}--web"]
    lost = eip["status"]["v4Ip"]

    async def given_to_another() -> None:
        await unmake(world, f"{KUBE_OVN}/ovn-eips/{world.name}--web")
        spec = {"externalSubnet": "external", "type": "nat", "v4Ip": lost}
        await make(world, f"{KUBE_OVN}/ovn-eips", kube_ovn("OvnEip", "other", spec))

    world.strikes.on_start[BLOCK_POLICY.id] = given_to_another

    await undone(world)

    assert f"ip4.dst == {lost}" not in allowed(world)
    # It was made anew, by this run, which is undone.
    assert f"ovn-eips/{world.name}--web" not in world.kube.dump()


async def test_an_undo_brings_no_exception_back_for_an_address_that_another_tenant_has(world: World) -> None:
    handed = await world.onboarded()
    (web,) = (ip["addresses"][0] for ip in handed["externalIPs"] if ip["name"] == "web")
    await unmake(world, f"{KUBE_OVN}/ovn-eips/{world.name}--web")
    other = tenant_document(f"{world.name}x")
    other["spec"]["externalIPs"] = [{"use": "loadBalancer", "name": "mine", "address": web}]
    started = await world.start(ONBOARD, {"tenant": other}, id=f"tenant-{world.name}x")
    await started.result()

    await undone(world)

    assert f"ip4.dst == {web}" not in allowed(world)


async def test_an_object_whose_mark_of_the_run_was_taken_off_is_not_passed_over(world: World) -> None:
    path = f"{KUBE_OVN}/ovn-eips/{world.name}--web"

    async def somebody() -> None:
        await change(world, path, lambda eip: eip["metadata"]["annotations"].pop("berth.network/run"))

    world.strikes.on_start[VERIFY.id] = somebody
    world.strikes.after[HAND_OVER.id] = refusal()
    before = await world.state()
    run = await world.onboard()

    (waiting,) = (await parked(run)).parked

    assert waiting.step == f"external-ip-{world.name}--web"
    mark = {"berth.network/run": run.result_run_id}
    assert f"annotate it with berth.network/run={run.result_run_id}" in waiting.reason
    await change(world, path, lambda eip: eip["metadata"].update(annotations=mark))
    await resolve(run, decision="retry")
    assert (await failure(run)).type == REFUSED
    assert await world.state() == before


async def test_a_policy_that_was_changed_and_put_back_is_asserted_not_realised(
    client: Client, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM_TEXT)
    async with running_world(client, tmp_path, name, platform=file) as world:
        await world.onboarded()
        file.write_text(PLATFORM_TEXT.replace("      - 10.16.0.0/16      # its pods\n", ""))
        await undone(world)
        file.write_text(PLATFORM_TEXT)

        again = await world.onboarded()

        assert again["blockPolicy"] == "asserted"
        # The operator's own document said so for a moment.
        world.kube.northbound.exposures.clear()


async def test_a_finished_run_that_is_reset_and_fails_leaves_the_tenant_as_it_is(world: World) -> None:
    run = await world.onboard()
    await run.result()
    before = await world.state()
    world.strikes.before[VERIFY.id] = refusal("not today")

    reset = await world.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=run.id, run_id=run.result_run_id or ""),
            reason="once more",
            workflow_task_finish_event_id=4,
            request_id="once",
        )
    )

    again = world.client.get_workflow_handle(run.id, run_id=reset.run_id)
    await until(again, lambda seen: seen.outcome is Outcome.UNDONE, "its end")
    assert await world.state() == before


async def test_the_exceptions_for_its_addresses_cannot_be_left_while_the_addresses_go(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before["undo-own-addresses"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    with pytest.raises(Exception, match="Workflow update failed") as refused:
        await resolve(run, decision="skip", reason="it goes anyway")

    assert "another tenant" in str(refused.value.__cause__) or "next tenant" in str(refused.value.__cause__)
    assert (await status(run)).outcome is Outcome.NEEDS_OPERATOR
    world.strikes.before.clear()
    await resolve(run, decision="retry")
    await run.result()
    assert await world.state() == before


@pytest.mark.parametrize("answer", [{"outcome": "whatever"}, 7, None], ids=str)
async def test_a_step_completed_by_hand_with_what_is_no_answer_is_refused_and_undone(
    world: World, answer: object
) -> None:
    before = await world.state()
    stuck = world.fault(effect="never-ready", plural="vpcs", name=world.name)
    run = await world.onboard()
    await exists(world, f"vpcs/{world.name}")

    by_hand = world.client.get_async_activity_handle(
        workflow_id=run.id, run_id=run.result_run_id, activity_id=f"vpc-{world.name}"
    )
    await by_hand.complete(answer)

    error = await failure(run)
    world.kube.faults.remove(stuck)
    assert error.type == REFUSED
    assert f"Vpc {world.name}: was completed by hand with what is no answer of it" in error.message
    assert await world.state() == before
