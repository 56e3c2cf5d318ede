"""The rules of a device's queue, whatever comes in whichever order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tenancy.devices import DeviceOutcome, DeviceRequest
from workflows.face import DeviceAsk, DeviceWaits, DeviceWithdrawal
from workflows.queueing import (
    EACH_TRY_IS_TOLD,
    HEAVIEST_BATCH,
    HEAVIEST_HAND_ON,
    KEEP_ANSWERS_FOR,
    MOST_ANSWERS,
    MOST_AT_ONCE,
    HandedOn,
    Queue,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


RUN, AFTER_A_RESET = "7a1b0c9e-0000-4000-8000-000000000001", "7a1b0c9e-0000-4000-8000-000000000002"


def ask(id: str, *, run: str = RUN, action: str = "ensure", trunks: int = 0, tenant: str = "acme") -> DeviceAsk:
    ports = [f"Ethernet{number // 900 + 1}/{number % 900 + 1}" for number in range(trunks)]
    request = DeviceRequest.model_validate({"id": id, "tenant": tenant, "action": action, "vlan": 120, "trunks": ports})
    return DeviceAsk(request=request, workflow="tenant-acme", run=run, asked=NOW)


def withdrawal(id: str) -> DeviceWithdrawal:
    return DeviceWithdrawal(id=id, workflow="tenant-acme", run=RUN)


def done(id: str) -> DeviceOutcome:
    return DeviceOutcome(id=id, result="done")


def drawn(queue: Queue) -> list[str]:
    return [request.id for request in queue.draw()]


def test_asked_again_while_it_waits_nothing_happens_but_the_answer_goes_to_the_latest_run() -> None:
    queue = Queue(HandedOn())
    assert queue.ask(ask("a"), NOW) is None
    assert queue.ask(ask("a", run=AFTER_A_RESET), NOW) is None

    assert drawn(queue) == ["a"]
    waited = queue.answer(done("a"), NOW)
    assert waited is not None
    assert waited.ask.run == AFTER_A_RESET


def test_asked_again_after_the_answer_the_same_answer_is_given_and_nothing_is_done() -> None:
    queue = Queue(HandedOn())
    queue.ask(ask("a"), NOW)
    queue.draw()
    queue.answer(done("a"), NOW)

    assert queue.ask(ask("a"), NOW + timedelta(minutes=10)) == done("a")
    assert queue.ask(ask("a"), NOW + timedelta(minutes=20)) == done("a")
    assert drawn(queue) == []


def test_a_request_that_arrives_after_its_withdrawal_is_not_done() -> None:
    queue = Queue(HandedOn())
    first = queue.withdraw(withdrawal("a"), NOW)
    again = queue.ask(ask("a"), NOW)

    assert first is not None
    assert first.result == "withdrawn"
    assert again == first
    assert drawn(queue) == []


def test_withdrawn_while_under_way_it_is_answered_with_what_became_of_it() -> None:
    queue = Queue(HandedOn())
    queue.ask(ask("a"), NOW)
    queue.draw()

    assert queue.withdraw(withdrawal("a"), NOW) is None
    queue.answer(done("a"), NOW)
    assert queue.withdraw(withdrawal("a"), NOW) == done("a")


def test_withdrawn_while_under_way_it_drops_out_where_the_batch_fails() -> None:
    queue = Queue(HandedOn())
    for id in ("a", "b"):
        queue.ask(ask(id), NOW)
    queue.draw()
    queue.withdraw(withdrawal("a"), NOW)
    withdrawn, news = queue.put_back("down")

    assert [(outcome.id, outcome.result) for outcome in withdrawn] == [("a", "withdrawn")]
    assert [waits for _, waits in news] == [DeviceWaits(id="b", reason="down", tries=1)]
    queue.answer(withdrawn[0], NOW)
    assert drawn(queue) == ["b"]


def test_a_batch_is_neither_too_long_nor_too_heavy_and_a_heavy_request_still_gets_through() -> None:
    queue = Queue(HandedOn())
    for number in range(60):
        queue.ask(ask(f"light-{number}"), NOW)
    for number in range(40):
        queue.ask(ask(f"heavy-{number}", trunks=90), NOW)
    queue.ask(ask("heaviest", trunks=HEAVIEST_BATCH // 300), NOW)

    sizes = []
    while batch := drawn(queue):
        sizes.append(len(batch))
        for id in batch:
            queue.answer(done(id), NOW)
    assert sizes[0] == MOST_AT_ONCE
    assert max(sizes[1:]) < MOST_AT_ONCE
    assert sizes[-1] == 1


def test_a_request_too_heavy_to_be_handed_on_is_refused_at_once() -> None:
    queue = Queue(HandedOn())
    outcome = queue.ask(ask("a", trunks=HEAVIEST_HAND_ON // 300), NOW)

    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("refused", "invalid-request")
    assert drawn(queue) == []


def test_what_is_handed_on_is_bounded_and_says_where_it_is_not_all() -> None:
    queue = Queue(HandedOn())
    for number in range(100):
        queue.ask(ask(f"heavy-{number}", trunks=90), NOW)

    assert not queue.fits()
    handed_on = queue.handed_on()
    assert 0 < len(handed_on.waiting) < 100
    assert len(handed_on.model_dump_json()) < HEAVIEST_HAND_ON
    assert drawn(Queue(handed_on))[0] == "heavy-0"


def test_answers_are_kept_for_long_enough_and_not_for_ever() -> None:
    queue = Queue(HandedOn())
    for number in range(MOST_ANSWERS + 10):
        queue.answer(done(str(number)), NOW)
    assert queue.answers() == MOST_ANSWERS
    assert queue.ask(ask(str(MOST_ANSWERS + 9)), NOW) is not None

    queue.answer(done("late"), NOW + KEEP_ANSWERS_FOR + timedelta(seconds=1))
    assert queue.answers() == 1


def test_news_of_a_device_that_stays_away_become_rare_even_if_the_reason_changes_each_time() -> None:
    queue = Queue(HandedOn())
    queue.ask(ask("a"), NOW)
    told = []
    for number in range(1, 10_001):
        queue.draw()
        _, news = queue.put_back(f"down for {number} s")
        told += [waits.tries for _, waits in news]

    assert told[:EACH_TRY_IS_TOLD] == list(range(1, EACH_TRY_IS_TOLD + 1))
    assert len(told) < 60


def test_nobody_waits_for_it_any_more_so_it_is_not_made_but_still_taken_away() -> None:
    queue = Queue(HandedOn())
    queue.ask(ask("make"), NOW)
    queue.ask(ask("take-away", action="absent"), NOW)
    for id in ("make", "take-away", "unknown"):
        queue.abandon(id)

    assert drawn(queue) == ["take-away"]


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "withdraw", "draw", "done", "fail", "stop", "hand-on"]), st.sampled_from("abcdefgh")
    ),
    max_size=60,
)


@given(_EVENTS)
def test_each_request_is_answered_once_never_after_a_withdrawal_and_in_its_order(
    events: list[tuple[str, str]],
) -> None:
    queue = Queue(HandedOn())
    asked: list[str] = []
    answered: dict[str, DeviceOutcome] = {}
    under_way: list[str] = []

    def record(outcome: DeviceOutcome) -> None:
        assert answered.setdefault(outcome.id, outcome) == outcome

    for event, id in events:
        match event:
            case "ask":
                if (again := queue.ask(ask(id), NOW)) is not None:
                    assert answered[id] == again
                elif id not in asked:
                    asked.append(id)
            case "withdraw":
                if (outcome := queue.withdraw(withdrawal(id), NOW)) is not None:
                    assert id not in under_way
                    record(outcome)
            case "draw" if not under_way:
                under_way = drawn(queue)
                assert not set(under_way) & set(answered)
                assert under_way == [one for one in asked if one in under_way]
            case "done":
                for one in under_way:
                    assert queue.answer(done(one), NOW) is not None
                    record(done(one))
                under_way = []
            case "fail" | "stop" if under_way:
                withdrawn, _ = queue.put_back("down" if event == "fail" else None)
                for outcome in withdrawn:
                    assert queue.answer(outcome, NOW) is not None
                    record(outcome)
                under_way = []
            case "hand-on" if not under_way:
                queue = Queue(HandedOn.model_validate_json(queue.handed_on().model_dump_json()))
    assert {one.ask.request.id for one in queue.all_waiting()} == set(asked) - set(answered)
