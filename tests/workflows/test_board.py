"""What a run tells the outside: its status, its details and summaries in the Temporal UI, its search attributes."""

import asyncio
import json
import re
from typing import Any

from temporalio.api.enums.v1 import EventType

from tests.workflows.strikes import PATIENCE, refusal
from tests.workflows.world import (
    Run,
    World,
    failure,
    parked,
    resolve,
    status,
    step_ids,
    step_titles,
    tenant_document,
)
from workflows.face import MODE, STAGE, TENANT
from workflows.steps import HAND_OVER


async def details(run: Run) -> str:
    """The run's details as the Temporal UI shows them: Markdown."""
    metadata = await run.query("__temporal_workflow_metadata")
    found = metadata["currentDetails"] if isinstance(metadata, dict) else metadata.current_details
    assert isinstance(found, str)
    return found


def table(markdown: str) -> dict[str, list[str]]:
    """The rows of the details' table, by the step's title."""
    rows = [line.strip("|").split(" | ") for line in markdown.splitlines() if line.startswith("| ")]
    assert [cell.strip() for cell in rows[0]] == ["Step", "State", "Started", "Seconds", "Note"]
    return {row[0].strip().replace("`", ""): [cell.strip() for cell in row[1:]] for row in rows[1:]}


async def test_the_details_tell_the_truth_at_every_step(world: World) -> None:
    seen: dict[str, str] = {}
    titles = step_titles(tenant_document(world.name))

    def look_at(step: str) -> Any:
        async def look() -> None:
            seen[step] = await details(world.client.get_workflow_handle(f"tenant-{world.name}"))

        return look

    world.strikes.on_start.update({step: look_at(step) for step in titles})

    run = await world.onboard()
    await run.result()

    assert seen.keys() == titles.keys()
    for step, markdown in seen.items():
        rows = table(markdown)
        assert markdown.startswith(f"### Onboarding {world.name}: running\nRequested by a test\n")
        assert rows[titles[step]][0] == "running"
        assert re.fullmatch(r"\d\d:\d\d:\d\d", rows[titles[step]][1])
        assert step == "preflight" or list(rows) == list(titles.values())
    markdown = await details(run)
    # Two dashes would be shown as one long one, were they not code.
    assert f"| Subnet `{world.name}--prod` |" in markdown
    rows = table(markdown)
    assert {row[0] for row in rows.values()} == {"done"}
    assert all(re.fullmatch(r"\d+\.\d", row[2]) for row in rows.values())
    assert rows[f"Vpc {world.name}"][3] == "created"
    assert rows["Block policy"][3] == "realised"
    assert re.fullmatch(r"created, 203\.0\.113\.\d+", rows[f"OvnEip {world.name}--web"][3])


async def test_text_from_outside_cannot_break_the_details(world: World) -> None:
    world.strikes.after[HAND_OVER.id] = refusal("not | `now` <script>")
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("first\nsecond | third")
    run = await world.start("OnboardTenant", {"tenant": tenant_document(world.name), "requestedBy": "<b>|`me`"})
    await parked(run)

    markdown = await details(run)

    assert "<" not in markdown
    assert "Requested by &lt;b>\\|'me'" in markdown
    assert "**It could not go on:** ConfigMap berth-network: not \\| 'now' &lt;script>" in markdown
    assert f"**NEEDS OPERATOR** Vpc {world.name}:" in markdown
    assert f"`berth resolve {world.name} retry|skip|abort --step vpc-{world.name} --reason ...`" in markdown
    assert "first\nsecond" not in markdown
    assert all(line.count(" | ") == 4 for line in markdown.splitlines() if line.startswith("| "))
    await resolve(run, decision="abort")
    await failure(run)


async def test_every_activity_says_what_it_is_about_and_can_be_named_by_its_step(world: World) -> None:
    onboarding = await world.onboard()
    await onboarding.result()
    offboarding = await world.offboard()
    await offboarding.result()

    told = {**await summaries(onboarding), **await summaries(offboarding)}

    titles = step_titles(tenant_document(world.name))
    assert {step: told[step] for step in titles} == titles
    assert told[f"undo-vpc-{world.name}"] == f"Remove Vpc {world.name}"
    assert told.keys() > {"inventory", "gone", "undo-configmap-berth-network"}
    assert all(told.values())


async def summaries(run: Run) -> dict[str, str]:
    """The summary of each activity, by its ID."""
    return {
        event.activity_task_scheduled_event_attributes.activity_id: json.loads(event.user_metadata.summary.data)
        async for event in run.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    }


async def test_a_run_that_waits_can_be_found_by_its_search_attributes(world: World) -> None:
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)

    query = f'BerthTenant = "{world.name}" AND BerthStage = "needs-operator" AND BerthMode = "overlay"'
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        # The visibility store follows the history with a delay of its own, and tells nobody when it has.
        while not found:
            found = [one.id async for one in world.client.list_workflows(query)]
    assert found == [run.id]
    await resolve(run, decision="abort")
    await failure(run)
    assert (await attributes(run))["BerthStage"] == "left-behind"


async def test_the_search_attributes_follow_the_run_from_stage_to_stage(world: World) -> None:
    stages: list[str] = []

    async def look() -> None:
        stages.append((await attributes(world.client.get_workflow_handle(f"tenant-{world.name}")))["BerthStage"])

    steps = step_ids(tenant_document(world.name))
    world.strikes.on_start.update(dict.fromkeys(steps, look))

    run = await world.onboard()
    await run.result()

    # The router's port and the external IPs are made side by side, so the first of the two may pass unseen.
    assert [one for one in dict.fromkeys(stages) if one != "router-port"] == [
        "preflight",
        "vpc",
        "subnets",
        "namespace",
        "block-policy",
        "external-ips",
        "translation",
        "verify",
        "hand-over",
    ]
    assert await attributes(run) == {"BerthTenant": world.name, "BerthStage": "done", "BerthMode": "overlay"}


async def test_an_offboarding_tells_that_it_removes(world: World) -> None:
    await world.onboarded()
    seen: list[str] = []

    async def look() -> None:
        seen.append((await attributes(world.client.get_workflow_handle(f"tenant-{world.name}")))["BerthStage"])

    undos = [f"undo-vpc-{world.name}", f"undo-namespace-tenant-{world.name}"]
    world.strikes.on_start.update(dict.fromkeys(["inventory", *undos, "gone"], look))

    run = await world.offboard()
    await run.result()

    assert seen == ["inventory", "removal", "removal", "removal"]
    assert (await attributes(run))["BerthStage"] == "done"
    rows = table(await details(run))
    assert rows[f"Vpc {world.name}"][0] == "removed"


async def test_a_step_that_went_well_in_the_end_keeps_no_word_of_what_went_wrong_before(world: World) -> None:
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-vpc-{world.name}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)
    world.strikes.before.clear()

    await resolve(run, decision="retry", by="on call")
    await failure(run)

    assert "held up" not in {one.note for one in (await status(run)).steps}


async def attributes(run: Run) -> dict[str, str]:
    """Berth's search attributes of a run."""
    found = (await run.describe()).typed_search_attributes
    return {key.name: value for key in (TENANT, STAGE, MODE) if (value := found.get(key)) is not None}


async def test_the_status_is_plain_json_in_camel_case(world: World) -> None:
    run = await world.onboard()
    await run.result()

    told = await run.query("status")

    assert set(told) == {
        "vlan",
        "approval",
        "tenant",
        "workflow",
        "run",
        "requestedBy",
        "outcome",
        "stage",
        "mode",
        "planHash",
        "steps",
        "parked",
        "failure",
        "handOver",
    }
    assert (told["tenant"], told["workflow"], told["outcome"]) == (world.name, "OnboardTenant", "done")
    assert told["run"] == run.result_run_id
    assert re.fullmatch(r"[0-9a-f]{64}", told["planHash"])
    assert set(told["steps"][0]) == {"id", "stage", "title", "state", "started", "finished", "note"}
    assert told["handOver"] == await run.result()
    assert {"externalIPs", "routerAddresses", "blockPolicy", "planHash", "requestedBy"} <= set(told["handOver"])


async def test_the_hand_over_is_also_kept_in_the_tenants_namespace(world: World) -> None:
    handed_over = await world.onboarded()

    held = world.kube.dump()[f"configmaps/tenant-{world.name}/berth-network"]["data"]

    assert json.loads(held["hand-over.json"]) == handed_over
    assert held["network.subnet"] == f"{world.name}--prod"
    assert (await status(world.handles[0])).hand_over is not None
