"""The network team's decision: one counts, and each other is refused with its reason, however it was sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import Replayer

from tenancy.approval import Approval, Decision, Preview, statement
from tests.signing import Signer, signer
from tests.workflows.approving import Approving, Desk, approval_of, decision, desk, preview, seen
from tests.workflows.strikes import PATIENCE
from workflows import sandbox
from workflows.converter import data_converter
from workflows.face import REFUSED, STAGE, ApprovalStatus, Status
from workflows.steps import APPROVAL

Run = WorkflowHandle[Any, Any]


@pytest.fixture
async def at(client: Client, name: str) -> AsyncIterator[Desk]:
    async with desk(client, f"approvals-{name}") as made:
        yield made


async def send(run: Run, word: str, argument: object) -> str:
    answer = await run.execute_update(word, argument)
    return str(answer)


async def refusal(run: Run, argument: object, word: str = "approve") -> str:
    """Why a decision is refused, as its sender reads it: one line, and nothing of it in the run's history."""
    before = await accepted(run)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await run.execute_update(word, argument)
    message = str(getattr(refused.value.cause, "message", ""))
    assert message.isprintable()
    assert await accepted(run) == before
    return message


async def accepted(run: Run) -> int:
    kinds = [event.event_type async for event in run.fetch_history_events()]
    return kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)


async def approvals(run: Run) -> list[Approval]:
    return [Approval.model_validate(one) for one in await asyncio.wait_for(run.result(), PATIENCE)]


async def failure(run: Run) -> str:
    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(run.result(), PATIENCE)
    assert getattr(ended.value.cause, "type", None) == REFUSED
    return str(getattr(ended.value.cause, "message", ""))


async def refused_signal(run: Run, why: str) -> ApprovalStatus:
    """What the run tells once the last signal was refused for this reason."""
    return await seen(run, lambda found: bool(found.refused) and why in found.refused[-1].reason)


async def details(run: Run) -> str:
    described = await run.query("__temporal_workflow_metadata")
    return str(described.current_details)


async def test_an_approved_run_goes_on_and_keeps_who_approved_what_when_and_why(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    waiting = await approval_of(run)
    assert (waiting.state, waiting.preview, waiting.plan) == ("waiting", shown, shown.hash)
    described = await run.describe()
    assert described.typed_search_attributes[STAGE] == "approval"

    answer = await send(run, "approve", decision(shown, comment="go ahead"))

    (given,) = await approvals(run)
    assert answer == "VLAN 120 approved by olga: the run goes on"
    assert (given.preview, given.decision.by, given.decision.comment) == (shown, "olga", "go ahead")
    ended = await approval_of(run)
    assert ended.state == "approved"
    assert ended.decided is not None
    assert given.at == ended.decided.isoformat()
    status = Status.model_validate(await run.query("status"))
    assert status.approval is None
    (step,) = status.steps
    assert (step.state, step.note) == ("done", f"approved by olga at {ended.decided:%Y-%m-%d %H:%M:%S} UTC: go ahead")


async def test_a_signal_counts_as_an_update_does(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    await run.signal("approve", {"plan": shown.hash, "by": "olga"})
    (given,) = await approvals(run)
    assert given.decision == decision(shown)


@pytest.mark.parametrize("way", ["update", "signal"])
async def test_a_rejection_ends_the_run_with_who_when_and_why(at: Desk, name: str, way: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    no = decision(shown, "oskar", comment="120 is the printers'")
    if way == "update":
        assert await send(run, "reject", no) == "VLAN 120 rejected by oskar: the run undoes what it did"
    else:
        await run.signal("reject", no)
    message = await failure(run)
    assert message.startswith("VLAN 120 was rejected by oskar at 20")
    assert message.endswith(" UTC: 120 is the printers'")


def wrong_decisions(shown: Preview) -> list[tuple[str, object, str]]:
    good = {"plan": shown.hash, "by": "olga"}
    return [
        ("approve", {**good, "by": "mallory"}, "'mallory' is no approver: the platform document lists olga, oskar"),
        ("approve", {**good, "by": "Olga"}, "'Olga' is no approver"),
        ("approve", {**good, "by": "anna"}, "anna requested it, and may not approve it as well"),
        ("approve", {**good, "plan": "0" * 64}, "which was never shown in this run"),
        ("approve", {**good, "plan": ""}, "which was never shown in this run"),
        ("approve", {**good, "vlan": 121}, "VLAN 121 is not the preview's 120"),
        ("approve", {**good, "vlan": 4095}, "not a decision: vlan = 4095"),
        ("approve", {**good, "comment": "a\nb"}, "write one line of 500 characters"),
        ("approve", {**good, "comment": "x" * 501}, "write one line of 500 characters"),
        ("approve", {**good, "signature": "x" * 20000}, "signature has 20000 characters"),
        ("approve", {**good, "coment": "x"}, "coment = 'x': unknown key; did you mean comment?"),
        ("approve", {"by": "olga"}, "plan: is missing"),
        ("approve", None, "not a decision: (document) = null"),
        ("approve", [good], "not a decision"),
        ("approve", "yes", "not a decision: (document) = 'yes'"),
        ("reject", good, "a rejection needs a reason"),
        ("reject", {**good, "comment": "  "}, "a rejection needs a reason"),
        ("reject", {**good, "comment": "no", "by": "mallory"}, "'mallory' is no approver"),
    ]


async def test_a_wrong_decision_is_refused_with_its_reason_and_leaves_no_trace(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    for word, argument, why in wrong_decisions(shown):
        assert why in await refusal(run, argument, word), (word, argument)
    assert (await approval_of(run)).state == "waiting"
    await send(run, "approve", decision(shown))
    await approvals(run)


async def test_a_wrong_signal_is_told_on_the_board_and_the_run_waits_on(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    for number, (word, argument, why) in enumerate(wrong_decisions(shown)):
        await run.signal(word, argument)
        told = await refused_signal(run, why)
        assert (told.state, told.refused[-1].word, len(told.refused)) == ("waiting", word, min(number + 1, 5))
    assert "Refused: reject by mallory" in await details(run)
    await run.signal("approve", decision(shown))
    await approvals(run)


async def test_nobody_can_approve_a_run_that_names_no_requester(at: Desk, name: str) -> None:
    shown = preview(name, requested_by=" ")
    run = await at.ask(shown)
    assert "start it with requestedBy" in await refusal(run, decision(shown))
    await send(run, "reject", decision(shown, comment="start it again, with your name"))
    assert "with your name" in await failure(run)


@pytest.mark.parametrize("requester", ["OLGA", " olga ", "ＯＬＧＡ"])
async def test_another_spelling_of_the_requester_is_no_second_pair_of_eyes(at: Desk, name: str, requester: str) -> None:
    shown = preview(name, requested_by=requester)
    run = await at.ask(shown)
    assert "may not approve it as well" in await refusal(run, decision(shown))
    await send(run, "approve", decision(shown, "oskar"))
    await approvals(run)


async def test_a_decision_about_an_earlier_preview_is_stale_and_told_what_changed(at: Desk, name: str) -> None:
    first = preview(name)
    changed = [one.model_copy(update={"lines": ("vlan 121", *one.lines[1:])}) for one in first.switches]
    second = first.model_copy(update={"vlan": 121, "switches": tuple(changed)})
    run = await at.ask(first, second)
    await send(run, "approve", decision(first))
    await seen(run, lambda found: found.plan == second.hash)

    message = await refusal(run, decision(first, "oskar"))

    assert f"what waits now is {second.hash}" in message
    for part in ("-VLAN 120", "+VLAN 121", "-leaf-1: vlan 120", "+leaf-1: vlan 121"):
        assert part in message
    assert "name berth" not in message
    await send(run, "approve", decision(second, "oskar"))
    assert [one.decision.by for one in await approvals(run)] == ["olga", "oskar"]


async def test_after_a_decision_a_double_and_a_contradiction_are_told_apart(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown, hold=True)
    await send(run, "approve", decision(shown))
    at_ = f"{(await approval_of(run)).decided:%Y-%m-%d %H:%M:%S} UTC"

    assert f"olga approved it already at {at_}: one decision is enough" == await refusal(run, decision(shown, "oskar"))
    contradiction = await refusal(run, decision(shown, "oskar", comment="no"), "reject")
    assert f"olga approved it already at {at_}: a decision is taken once; to stop the run, cancel it" in contradiction
    await run.signal("reject", decision(shown, "oskar", comment="no"))
    assert "already" in (await seen(run, lambda found: len(found.refused) == 1)).refused[0].reason

    await run.signal("release")
    (given,) = await approvals(run)
    assert given.decision.by == "olga"


async def test_of_decisions_that_arrive_together_one_is_taken(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown, hold=True)
    sent = [
        run.execute_update(word, decision(shown, by, comment="my reason"))
        for word, by in [("approve", "olga"), ("approve", "oskar"), ("reject", "oskar"), ("reject", "olga")]
    ]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [isinstance(answer, str) for answer in answers].count(True) == 1, answers
    assert await accepted(run) == 1
    await run.terminate()


@pytest.mark.parametrize("word", ["approve", "reject"])
async def test_what_comes_too_late_is_told_so(at: Desk, name: str, word: str) -> None:
    shown = preview(name)
    run = await at.ask(shown, expires_after=0.1, hold=True)
    await seen(run, lambda found: found.state == "expired")
    late = await refusal(run, decision(shown, comment="at last"), word)
    assert late.startswith("it is too late: the time to decide was up at 20")
    await run.signal("release")
    await failure(run)


async def test_a_decision_that_comes_too_late_while_no_worker_is_there_does_not_count(
    client: Client, name: str
) -> None:
    shown, queue = preview(name), f"approvals-{name}"
    async with desk(client, queue) as at:
        run = await at.ask(shown, expires_after=1.0)
    async with asyncio.timeout(PATIENCE):
        while True:
            kinds = [event.event_type async for event in run.fetch_history_events()]
            if EventType.EVENT_TYPE_TIMER_FIRED in kinds:
                break
            await asyncio.sleep(0.05)  # Temporal tells nobody but a worker
    await run.signal("approve", decision(shown))
    async with desk(client, queue):
        assert "nobody approved VLAN 120" in await failure(run)


async def test_when_nobody_decides_people_are_reminded_and_then_it_ends_and_says_so(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown, rules={"notify": [{"file": "/x"}]}, remind_every=0.3, expires_after=1.5)
    message = await failure(run)
    assert message.startswith("nobody approved VLAN 120 within 0:00:01")
    assert message.endswith("(asked: olga, oskar, anna)")
    ended = await approval_of(run)
    assert ended.state == "expired"
    assert ended.reminders >= 2
    kinds = [notice.kind for notice in at.told.notices]
    assert kinds[:2] == ["asked", "reminder"]
    timers = [event async for event in run.fetch_history_events() if event.HasField("timer_started_event_attributes")]
    assert b"approval of VLAN 120 by one of olga, oskar, anna" in timers[0].user_metadata.summary.data


async def test_a_cancel_ends_the_wait(at: Desk, name: str) -> None:
    run = await at.ask(preview(name))
    await run.cancel()
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(run.result(), PATIENCE)
    ended = await approval_of(run)
    assert ended.state == "withdrawn"
    assert Status.model_validate(await run.query("status")).approval is None


async def test_notices_say_all_that_is_needed_and_never_hold_the_run_up(at: Desk, name: str) -> None:
    at.told.fails = True
    shown = preview(name)
    run = await at.ask(shown, rules={"notify": [{"file": "/x"}]})
    asked = await at.told.told("asked")
    assert (asked.tenant, asked.vlan, asked.plan, asked.requested_by) == (name, 120, shown.hash, "anna")
    status = await seen(run, lambda found: found.notice is not None)
    assert status.notice == "notify entry 1 (file /x): did not take it"
    assert "Not everybody could be notified: notify entry 1 (file /x): did not take it" in await details(run)
    await send(run, "approve", decision(shown, comment="fine"))
    await approvals(run)


async def test_where_nobody_is_to_be_notified_no_step_is_taken(at: Desk, name: str) -> None:
    shown = preview(name)
    run = await at.ask(shown)
    await send(run, "approve", decision(shown))
    await approvals(run)
    assert at.told.notices == []


async def test_the_board_says_who_must_act_how_and_shows_every_line_as_it_is(at: Desk, name: str) -> None:
    evil = "description ``` | <b>bold</b> \x1b[31m"
    shown = preview(name)
    switch = shown.switches[0].model_copy(update={"lines": ("vlan 120", evil)})
    shown = shown.model_copy(update={"switches": (switch,)})
    run = await at.ask(shown)
    told = await details(run)
    assert "**WAITS FOR APPROVAL** of VLAN 120 by one of: olga, oskar, anna" in told
    assert f"`berth approve {name} --plan {shown.hash}`" in told
    assert "\n```\nvlan 120\n" in told
    assert told.count("```") == 2
    assert "\x1b" not in told
    status = Status.model_validate(await run.query("status"))
    assert status.approval is not None
    assert (status.approval.plan, status.approval.vlan) == (shown.hash, 120)
    await send(run, "reject", decision(shown, comment="no"))
    await failure(run)
    assert "WAITS FOR APPROVAL" not in await details(run)


async def test_who_works_by_hand_may_say_which_vlan_it_was(at: Desk, name: str) -> None:
    shown = preview(name, by_hand=True)
    run = await at.ask(shown, vlans=(120, 121, 130))
    assert "VLAN 131 is none tenants may get: expected one of 120-121,130" in await refusal(
        run, decision(shown, vlan=131)
    )
    await send(run, "approve", decision(shown, vlan=130))
    (given,) = await approvals(run)
    assert given.vlan == 130


def signed(key: Signer, word: Any, shown: Preview, made: Decision) -> Decision:
    return made.model_copy(update={"signature": key.sign(statement(word, shown, made))})


async def test_where_decisions_are_signed_only_the_key_decides(at: Desk, name: str, tmp_path: Path) -> None:
    olga, other = signer(tmp_path, "olga"), signer(tmp_path, "oskar", "rsa", 2048)
    shown = preview(name)
    run = await at.ask(
        shown,
        rules={"signing": "ssh", "allowedSigners": "/etc/berth/signers"},
        allowed_signers=olga.line('namespaces="berth-approval"') + other.line(),
    )
    assert (await approval_of(run)).signed
    plain = decision(shown)
    good = signed(olga, "approve", shown, plain)
    wrong = [
        (plain, "it is not signed"),
        (signed(other, "approve", shown, plain), "is not allowed for 'olga'"),
        (signed(olga, "reject", shown, plain), "something else was signed"),
        (good.model_copy(update={"comment": "and more"}), "something else was signed"),
        (good.model_copy(update={"by": "oskar"}), "is not allowed for 'oskar'"),
        (plain.model_copy(update={"signature": "forged"}), "it is not what stands in the .sig file"),
        (plain.model_copy(update={"signature": olga.sign("x", namespace="git")}), "made in namespace 'git'"),
    ]
    for forged, why in wrong:
        assert why in await refusal(run, forged)
        await run.signal("approve", forged)
        await refused_signal(run, why)
    await send(run, "approve", good)
    (given,) = await approvals(run)
    assert given.decision == good
    # A worker that takes the run over verifies the same, whatever its clock says.
    replayer = Replayer(workflows=[Approving], workflow_runner=sandbox.runner(), data_converter=data_converter)
    await replayer.replay_workflow(await run.fetch_history())


async def test_the_step_is_the_one_people_know(at: Desk, name: str) -> None:
    run = await at.ask(preview(name))
    (step,) = Status.model_validate(await run.query("status")).steps
    assert (step.id, step.state) == (APPROVAL.id, "running")
    await run.terminate()
