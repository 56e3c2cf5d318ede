"""The undo of every step: its answer lost, refused and tried again, skipped and aborted. Nothing stays unsaid."""

from typing import Any

import pytest

from tenancy import names
from tenancy.kinds import OVN_EIP
from tests.workflows.strikes import hiccup, refusal
from tests.workflows.world import (
    Run,
    State,
    World,
    failure,
    grown,
    parked,
    resolve,
    status,
    step_ids,
    step_titles,
    tenant_document,
    until,
)
from workflows.face import LEFT_BEHIND, REFUSED, Outcome, StepState
from workflows.steps import BLOCK_POLICY, HAND_OVER, OWN_ADDRESSES, PREFLIGHT, RECORD, ROUTER_PORT, VERIFY

SAMPLE = "sample"
CHANGING = [
    step
    for step in step_ids(tenant_document(SAMPLE))
    if step not in (PREFLIGHT.id, BLOCK_POLICY.id, VERIFY.id, RECORD.id)
]
"""The steps with an undo of their own. Policy and record stand on the VPC, and go or are put back with it."""
ENDED = (Outcome.LEFT_BEHIND, Outcome.UNDONE)


def of(world: World, step: str) -> str:
    """A step of the sample, as the world's tenant has it."""
    return step.replace(SAMPLE, world.name)


async def held_up(world: World, step: str) -> Run:
    """An onboarding whose last step is refused, and that waits for an operator in the undo of a step."""
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-{of(world, step)}"] = refusal("held up")
    run = await world.onboard()
    await parked(run)
    return run


def left(world: World, before: State, after: State) -> set[str]:
    """The titles of the steps whose work a platform holds now and did not hold before."""
    titles: set[str] = set()
    for key in after[0].keys() - before[0].keys():
        thing = after[0][key]
        name = thing["metadata"]["name"]
        if thing["kind"] == OVN_EIP.name and name == names.router_port_eip(world.name, "external"):
            titles.add(ROUTER_PORT.title)
        elif thing["kind"] not in ("ServiceAccount",) and name != "kube-root-ca.crt":
            titles.add(f"{thing['kind']} {name}")
    vpc: dict[str, Any] = after[0].get(f"vpcs/{world.name}", {})
    held = [route["match"] for route in vpc.get("spec", {}).get("policyRoutes", ()) if route["priority"] == 32100]
    if any("203.0.113." in match for match in held):
        titles.add(OWN_ADDRESSES.title)
    return titles


@pytest.mark.parametrize("step", CHANGING)
async def test_an_undo_whose_answer_is_lost_is_taken_again(world: World, step: str) -> None:
    before = await world.state()
    world.strikes.once = True
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-{of(world, step)}"] = hiccup()
    world.strikes.after[f"undo-{of(world, step)}"] = hiccup()

    assert (await failure(await world.onboard())).type == REFUSED

    assert world.strikes.taken.count(f"undo-{of(world, step)}") == 3
    assert await world.state() == before


@pytest.mark.parametrize("step", CHANGING)
async def test_an_undo_that_fails_waits_for_an_operator_and_goes_on_once_told(world: World, step: str) -> None:
    before = await world.state()

    run = await held_up(world, step)

    seen = await status(run)
    assert [(one.step, one.reason) for one in seen.parked] == [(of(world, step), "held up")]
    assert seen.outcome is Outcome.NEEDS_OPERATOR
    assert seen.stage == "needs-operator"
    waiting = next(one for one in seen.steps if one.id == of(world, step))
    assert (waiting.state, waiting.note) == (StepState.NEEDS_OPERATOR, "held up")
    world.strikes.before.clear()
    await resolve(run, decision="retry", by="on call")
    assert (await failure(run)).type == REFUSED
    assert await world.state() == before


@pytest.mark.parametrize("step", [step for step in CHANGING if step != OWN_ADDRESSES.id])
async def test_what_is_skipped_is_named_in_the_end_and_is_exactly_what_stays(world: World, step: str) -> None:
    before = await world.state()
    run = await held_up(world, step)
    skipped: list[str] = []
    while (seen := await until(run, lambda now: bool(now.parked) or now.outcome in ENDED, "a decision")).parked:
        # What is left keeps other things from going: those wait for a decision, too, and are left as well.
        skipped.append(seen.parked[0].step)
        await resolve(run, decision="skip", step=skipped[-1], reason="by hand", by="on call")

    error = await failure(run)

    assert skipped[0] == of(world, step)
    stays = left(world, before, await world.state())
    if not stays:  # it was a part of something else, and went with it
        assert error.type == REFUSED
        assert await world.state() == before
        return
    assert error.type == LEFT_BEHIND
    assert {text.split(" (")[0] for text in error.details[0]} == stays
    assert all(text.endswith("(left as it is by on call: by hand)") for text in error.details[0])
    assert all(text in error.message for text in error.details[0])


@pytest.mark.parametrize("step", CHANGING)
async def test_an_abort_names_exactly_what_stays(world: World, step: str) -> None:
    before = await world.state()
    run = await held_up(world, step)

    answer = await resolve(run, decision="abort", reason="moving house", by="on call")

    assert "whatever has not been removed yet stays" in answer
    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert {text.split(" (")[0] for text in error.details[0]} == left(world, before, await world.state())
    assert step_titles(tenant_document(world.name))[of(world, step)] in error.message
    assert all("by on call: moving house" in text for text in error.details[0])
    seen = await status(run)
    assert seen.parked == ()
    assert {one.state for one in seen.steps} & {StepState.NEEDS_OPERATOR, StepState.UNDOING} == set()


async def test_an_abort_of_a_second_onboarding_does_not_call_for_removing_what_was_there_before(world: World) -> None:
    document = tenant_document(world.name)
    await world.onboarded(document)
    before = await world.state()
    world.strikes.after[HAND_OVER.id] = refusal()
    world.strikes.before[f"undo-subnet-{world.name}--stage"] = refusal("held up")
    run = await world.onboard(grown(document))
    await parked(run)

    await resolve(run, decision="abort", reason="moving house", by="on call")

    told = (await failure(run)).details[0]
    removable = {text.split(" (")[0] for text in told if "was there before" not in text}
    assert removable == left(world, before, await world.state()) - {OWN_ADDRESSES.title}
    assert any(text.startswith(f"Vpc {world.name} (was there before") for text in told)
