"""The queue of a device: one session at a time for all that has gathered, and an answer of its own for each request."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError

from activities.decisions import Pace
from clients.errors import RefusedError, UnavailableError
from tenancy.approval import Approval, statement
from tests.signing import signer
from tests.workflows.strikes import PATIENCE
from tests.workflows.switchboard import APPROVER, Switchboard, a_switchboard, approval, asked
from tests.workflows.world import parked, resolve, status, until
from workflows.converter import data_converter
from workflows.face import StepState


@pytest.fixture
async def idle(client: Client, tmp_path: Path) -> AsyncIterator[Switchboard]:
    """Switches, and nobody who serves their queues."""
    async with a_switchboard(client, tmp_path) as board:
        yield board


@pytest.fixture
async def board(idle: Switchboard) -> AsyncIterator[Switchboard]:
    """Switches, and a worker that serves their queues."""
    async with idle.serving():
        yield idle


async def ended(run: WorkflowHandle[Any, Any]) -> Any:
    return await asyncio.wait_for(run.result(), PATIENCE)


async def failure(run: WorkflowHandle[Any, Any]) -> BaseException:
    with pytest.raises(WorkflowFailureError) as raised:
        await ended(run)
    return raised.value.cause


async def test_a_request_is_done_saved_and_answered(board: Switchboard) -> None:
    (outcome,) = await ended(await board.ask("acme", 120, "ensure"))

    assert (outcome["result"], outcome["lines"]) == ("done", ["vlan 120"])
    assert board.switch.saved == {120: "acme"}


async def test_nobody_is_answered_before_the_device_has_saved(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    run = await board.ask("acme", 120, "ensure")
    await board.switch.begun(1)
    seen = await board.until(lambda seen: seen.under_way_since is not None, "a session")

    assert [one.under_way for one in seen.queue] == [True]
    assert (await status(run)).steps[0].state is StepState.RUNNING
    assert board.switch.saved == {}

    board.switch.gate.set()
    await ended(run)
    assert board.switch.saved == {120: "acme"}


async def test_what_a_hundred_tenants_ask_at_once_takes_few_sessions(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    runs = [await board.ask(f"t{number}", 100 + number, "ensure") for number in range(100)]
    await board.until(lambda seen: len(seen.queue) == 100, "all of them")
    board.switch.gate.set()
    await asyncio.gather(*map(ended, runs))

    sizes = [len(session) for session in board.switch.sessions]
    assert sizes[1:] == [50, 50 - sizes[0]] or (sum(sizes) == 100 and len(sizes) <= 4)
    assert max(sizes) == 50
    assert board.switch.saved == {100 + number: f"t{number}" for number in range(100)}


async def test_requests_keep_the_order_in_which_they_came(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    first = await board.ask("first", 100, "ensure")
    await board.switch.begun(1)
    # All of these gather behind the first, two of one tenant among them.
    later = []
    for number in range(8):
        later.append(await board.ask(f"t{number}", 110 + number, "ensure"))
        await board.until(lambda seen, queued=number + 2: len(seen.queue) == queued, "one more")  # type: ignore[misc]
    later.append(await board.ask("both", 130, "ensure"))
    await board.until(lambda seen: len(seen.queue) == 10, "the first of one tenant")
    # The same tenant's, by another run: which of two that one run asks at once comes first is anybody's guess.
    later.append(await board.ask("both-again", 130, "absent"))
    await board.until(lambda seen: len(seen.queue) == 11, "both of one tenant")
    board.switch.gate.set()
    await asyncio.gather(*map(ended, [first, *later]))

    assert board.switch.asked_for() == [
        ("first", "ensure"),
        *((f"t{number}", "ensure") for number in range(8)),
        ("both", "ensure"),
        ("both", "absent"),
    ]
    assert 130 not in board.switch.saved


async def test_a_bad_request_fails_alone(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    first = await board.ask("first", 100, "ensure")
    await board.switch.begun(1)
    board.switch.rejected = {"bad"}
    bad, good = await board.ask("bad", 101, "ensure"), await board.ask("good", 102, "ensure")
    unapproved = await board.ask_all("rogue", [{"device": board.device, "action": "ensure", "vlan": 103}])
    stranger = await board.ask_all(
        "stranger",
        [
            {
                "device": board.device,
                "action": "ensure",
                "vlan": 104,
                "approval": approval("stranger", 104, board.device, by="mallory@example.net"),
            }
        ],
    )
    stolen = await board.ask_all(
        "thief",
        [{"device": board.device, "action": "ensure", "vlan": 105, "approval": approval("acme", 105, board.device)}],
    )
    await board.until(lambda seen: len(seen.queue) == 6, "all of them")
    board.switch.gate.set()
    await ended(first)
    await ended(good)

    cause = await failure(bad)
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.message) == ("rejected", f"{board.device}: '% Invalid input'")
    for run in (unapproved, stranger, stolen):
        cause = await failure(run)
        assert isinstance(cause, ApplicationError)
        assert cause.type == "not-approved"
    assert board.switch.saved == {100: "first", 102: "good"}
    assert len(board.switch.sessions) == 2


async def test_a_request_that_breaks_a_session_in_an_unforeseen_way_keeps_nobody_else_from_the_device(
    board: Switchboard,
) -> None:
    board.switch.gate = asyncio.Event()
    first = await board.ask("first", 100, "ensure")
    await board.switch.begun(1)
    board.switch.poisoned = {"bad"}
    bad = await board.ask("bad", 101, "ensure")
    good = [await board.ask(f"t{number}", 110 + number, "ensure") for number in range(5)]
    await board.until(lambda seen: len(seen.queue) == 7, "all of them")
    board.switch.gate.set()
    await asyncio.gather(ended(first), *map(ended, good))

    cause = await failure(bad)
    assert isinstance(cause, ApplicationError)
    assert cause.type == "failed"


async def test_a_device_that_is_away_is_tried_again_and_says_why_on_the_board(board: Switchboard) -> None:
    board.switch.down = UnavailableError("10.0.0.1 port 22 refuses connections: is it up?")
    run = await board.ask("acme", 120, "ensure")

    seen = (await until(run, lambda seen: bool(seen.steps[0].note), "a note")).steps[0]
    assert seen.state is StepState.RUNNING
    assert seen.note is not None
    assert seen.note.startswith(f"{board.device}: 10.0.0.1 port 22 refuses connections: is it up? (tries: ")
    device = await board.until(lambda seen: seen.failures >= 3, "three tries")
    assert device.reason == "10.0.0.1 port 22 refuses connections: is it up?"

    board.switch.down = None
    await ended(run)
    assert board.switch.saved == {120: "acme"}
    assert (await status(run)).steps[0].note == ""


async def test_between_two_tries_requests_join_and_the_device_is_not_tried_sooner_for_them(idle: Switchboard) -> None:
    async with idle.serving(pace=Pace(first_delay=2.0, longest_delay=2.0)):
        idle.switch.errors = [UnavailableError("down")]
        first = await idle.ask("first", 100, "ensure")
        await idle.until(lambda seen: seen.failures == 1, "a failure")
        others = [await idle.ask(f"t{number}", 110 + number, "ensure") for number in range(5)]
        await idle.until(lambda seen: len(seen.queue) == 6, "all of them")
        assert len(idle.switch.sessions) == 1
        await asyncio.gather(ended(first), *map(ended, others))

    assert [len(session) for session in idle.switch.sessions] == [1, 6]


@pytest.mark.parametrize("reason", ["login-refused", "host-key-changed", "host-key-unknown", "enable-refused"])
async def test_a_device_that_refuses_berth_is_not_tried_for_each_who_waits(board: Switchboard, reason: str) -> None:
    board.switch.gate = asyncio.Event()
    first = await board.ask("first", 100, "ensure")
    await board.switch.begun(1)
    board.switch.down = RefusedError("switch says no", reason=reason)
    runs = [await board.ask(f"t{number}", 110 + number, "ensure") for number in range(60)]
    await board.until(lambda seen: len(seen.queue) == 61, "all of them")
    board.switch.gate.set()
    await ended(first)

    causes = await asyncio.gather(*map(failure, runs))
    assert {cause.type for cause in causes if isinstance(cause, ApplicationError)} == {reason}
    assert len(board.switch.sessions) == 2
    assert (await board.status()).next_try is not None


async def test_a_device_the_platform_does_not_know_is_refused(board: Switchboard) -> None:
    cause = await failure(await board.ask("acme", 100, "survey", device="nowhere"))

    assert isinstance(cause, ApplicationError)
    assert cause.type == "no-such-device"


async def test_a_cancelled_request_that_waits_is_never_sent(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    first = await board.ask("first", 100, "ensure")
    await board.switch.begun(1)
    run = await board.ask("acme", 120, "ensure")
    await board.until(lambda seen: len(seen.queue) == 2, "both")
    await run.cancel()

    assert isinstance(await failure(run), CancelledError)
    board.switch.gate.set()
    await ended(first)
    assert board.switch.asked_for() == [("first", "ensure")]


async def test_a_cancel_while_it_is_under_way_waits_for_what_became_of_it_before_it_is_undone(
    board: Switchboard,
) -> None:
    board.switch.gate = asyncio.Event()
    run = await board.ask("acme", 120, "ensure", undo=True)
    await board.switch.begun(1)
    await run.cancel()
    await board.until(lambda seen: any(one.withdrawn for one in seen.queue), "the withdrawal")
    assert (await status(run)).steps[0].state is StepState.RUNNING
    board.switch.gate.set()

    assert isinstance(await failure(run), CancelledError)
    assert board.switch.asked_for() == [("acme", "ensure"), ("acme", "absent")]
    assert board.switch.saved == {}


async def test_a_cancel_while_the_device_is_away_ends_the_waiting(board: Switchboard) -> None:
    board.switch.down = UnavailableError("down")
    run = await board.ask("acme", 120, "ensure")
    await board.switch.begun(2)
    await run.cancel()

    assert isinstance(await failure(run), CancelledError)
    assert (await board.status()).queue == ()


async def test_an_undo_that_cannot_reach_the_device_waits_for_an_operator_and_is_tried_again(
    board: Switchboard,
) -> None:
    run = await board.ask_all(
        "acme", [*asked("acme", 120, board.device, "ensure"), {**REFUSED, "device": board.device}], undo=True
    )
    # The second request is refused, by which time the device has gone.
    board.switch.gate = None
    await board.switch.begun(1)
    board.switch.down = UnavailableError("down")
    seen = await parked(run)
    assert "down (tries: 8)" in seen.parked[0].reason
    assert (await board.until(lambda seen: not seen.queue, "nothing left in the queue")).queue == ()

    board.switch.down = None
    while (seen := await status(run)).parked:
        await resolve(run, decision="retry", step=seen.parked[0].step)
        await asyncio.sleep(0.05)
    await failure(run)
    assert board.switch.saved == {}


REFUSED = {"action": "ensure", "vlan": 121}


async def test_a_run_that_is_gone_keeps_nobody_from_their_answer(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    gone, there = await board.ask("gone", 100, "ensure"), await board.ask("there", 101, "ensure")
    await board.until(lambda seen: len(seen.queue) == 2, "both")
    await gone.terminate()
    board.switch.gate.set()

    assert (await ended(there))[0]["result"] == "done"


async def test_a_request_whose_run_is_gone_is_not_carried_out_later(board: Switchboard) -> None:
    board.switch.down = UnavailableError("down")
    gone = await board.ask("gone", 100, "ensure")
    await board.switch.begun(1)
    await gone.terminate()
    await board.until(lambda seen: not seen.queue, "it to be dropped")
    board.switch.down = None
    await ended(await board.ask("there", 101, "ensure"))

    assert board.switch.saved == {101: "there"}


async def test_two_workers_never_work_on_one_device_at_once(board: Switchboard, temporal_address: str) -> None:
    second = await Client.connect(temporal_address, data_converter=data_converter)
    async with board.serving(second):
        runs = [await board.ask(f"t{number}", 100 + number, "ensure", "absent") for number in range(40)]
        await asyncio.gather(*map(ended, runs))

    assert board.switch.most_at_once == 1
    assert board.switch.saved == {}


async def test_devices_do_not_wait_for_one_another(board: Switchboard) -> None:
    (other,) = [name for name in board.switches if name != board.device]
    board.switch.gate = asyncio.Event()
    held = await board.ask("acme", 120, "ensure")
    await board.switch.begun(1)
    await ended(await board.ask("globex", 121, "ensure", device=other))
    board.switch.gate.set()
    await ended(held)


async def test_a_queue_that_is_cancelled_ends_its_session_first(board: Switchboard) -> None:
    board.switch.gate = asyncio.Event()
    run = await board.ask("acme", 120, "ensure")
    await board.switch.begun(1)
    queue = board.queue_of()
    await queue.cancel()
    await board.until(lambda seen: seen.under_way_since is not None, "the session going on")
    board.switch.gate.set()

    assert (await ended(run))[0]["result"] == "done"
    assert isinstance(await failure(queue), CancelledError)


@pytest.mark.parametrize(
    "nonsense",
    [None, 7, {}, {"request": {"id": "x"}}, {"request": 3, "workflow": "a", "run": ""}, ["a"], {"request": {"id": 3}}],
    ids=repr,
)
async def test_nonsense_is_passed_over(board: Switchboard, nonsense: object) -> None:
    board.switch.gate = asyncio.Event()
    run = await board.ask("acme", 120, "ensure")
    await board.switch.begun(1)
    for signal in ("request", "withdraw"):
        await board.queue_of().signal(signal, nonsense)
    for signal in ("device_answered", "device_waits"):
        await run.signal(signal, nonsense)
    board.switch.gate.set()

    assert (await ended(run))[0]["result"] == "done"


async def test_an_approval_by_a_key_that_counts_no_more_is_refused_whenever_it_says_it_was_given(
    board: Switchboard, tmp_path: Path
) -> None:
    """Whoever left the team and kept the key may write any time into what is signalled to the queue."""
    left = replace(signer(tmp_path, "left"), name=APPROVER)
    allowed = tmp_path / "allowed"
    allowed.write_text(left.line('valid-before="20260101Z"'))
    document = json.loads(board.platform.read_text())
    document["spec"]["vlan"]["approval"] |= {"signing": "ssh", "allowedSigners": str(allowed)}
    board.platform.write_text(json.dumps(document))
    forged = Approval.model_validate(approval("acme", 120, board.device))
    text = statement("approve", forged.preview, forged.decision)
    decided = forged.decision.model_copy(update={"signature": left.sign(text)})
    forged = forged.model_copy(update={"decision": decided, "at": "2025-11-24T12:00:00+00:00"})

    ask = {"device": board.device, "action": "ensure", "vlan": 120, "approval": forged.model_dump(mode="json")}
    refused = await failure(await board.ask_all("acme", [ask]))
    assert isinstance(refused, ApplicationError)
    assert refused.type == "not-approved"
    assert "does not now" in refused.message
    assert board.switch.running == {}


async def test_to_verify_what_was_made_by_hand_takes_an_approval_of_that(board: Switchboard) -> None:
    """It says that a tenant has a VLAN, under whatever name."""
    for more in ({}, {"approval": approval("acme", 120, board.device)}):
        run = await board.ask_all("acme", [{"device": board.device, "action": "verify", "vlan": 120, **more}])
        refused = await failure(run)
        assert isinstance(refused, ApplicationError)
        assert refused.type == "not-approved"


NOBODY = "11111111-1111-4111-8111-111111111111"
"""A run there is none of."""
GOOD = {
    "request": {"id": "a-request", "tenant": "acme", "action": "survey"},
    "workflow": "tenant-acme",
    "run": NOBODY,
    "asked": "2026-11-24T10:00:00Z",
}


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        pytest.param("request", {**GOOD, "asked": "2026-11-24T10:00:00"}, id="time without a zone"),
        pytest.param("request", {**GOOD, "workflow": ""}, id="no workflow"),
        pytest.param("request", {**GOOD, "workflow": "w" * 1200}, id="long workflow"),
        pytest.param("request", {**GOOD, "run": "no-uuid"}, id="no run"),
        pytest.param("request", {**GOOD, "request": {"id": "b"}, "run": "no-uuid"}, id="unreadable, no run"),
        pytest.param(
            "request", {**GOOD, "request": {"id": "b"}, "workflow": "w" * 1200}, id="unreadable, long workflow"
        ),
        pytest.param("withdraw", {"id": "b", "workflow": "", "run": NOBODY}, id="withdrawal, no workflow"),
        pytest.param("withdraw", {"id": "b", "workflow": "w" * 1200, "run": NOBODY}, id="withdrawal, long workflow"),
        pytest.param("withdraw", {"id": "b", "workflow": "tenant-acme", "run": "no-uuid"}, id="withdrawal, no run"),
    ],
)
async def test_no_signal_keeps_the_device_from_the_others(
    board: Switchboard, signal: str, message: dict[str, Any]
) -> None:
    """Temporal fails a task that signals what can be no workflow, and tries it again for ever."""
    await board.client.start_workflow(
        "DeviceQueue",
        id=board.queue_of().id,
        task_queue=board.queue,
        start_signal=signal,
        # As if it was sent now, which is when a device's queue takes it.
        start_signal_args=[
            {**message, "asked": datetime.now(UTC).isoformat()} if message.get("asked") == GOOD["asked"] else message
        ],
    )
    (outcome,) = await ended(await board.ask("globex", 120, "ensure"))
    assert outcome["result"] == "done"
    assert await board.failed_tasks() == []
