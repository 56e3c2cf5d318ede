"""How runs look: at 80 columns, with text nobody vouches for, and in a terminal that knows ASCII only."""

import time
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from rich.console import Console, RenderableType

from cli.approval_view import pending_view
from cli.approvals import Pending
from cli.commands_look import list_view
from cli.expected import Expected, Usual
from cli.follow import Watched
from cli.progress import Lines, picture
from cli.runs import Entry, Run, Trouble
from cli.show import edge_now_view, hand_over_view, run_line, run_view
from cli.terminal import clean, printable
from cli.times import brief, took
from tenancy.approval import Preview
from tenancy.handover import AddressHandedOver, HandOver, RouteHandedOver, SubnetHandedOver
from tests.cli.looking import console, shown
from workflows.face import ApprovalStatus, Awaited, DeviceSeen, EdgeSeen, Outcome, Parked, Status, StepState, StepStatus

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = BEGAN + timedelta(seconds=10)
LONG = "a-tenant-with-24-letters"
HOSTILE = "\x1b[31mred\x1b[0m [bold]not bold[/bold] \u202egnp.exe\nsecond line\x07"


def _console(width: int = 80, *, encoding: str = "utf-8", height: int = 24) -> Console:
    return console(width, encoding=encoding, height=height)


def _shown(view: RenderableType, console: Console | None = None) -> list[str]:
    return shown(view, console)


def _step(
    identity: str, state: StepState, *, note: str | None = None, seconds: float | None = 2.0, title: str | None = None
) -> StepStatus:
    waits = state is StepState.WAITING
    ends = seconds is not None and state not in (StepState.WAITING, StepState.RUNNING, StepState.UNDOING)
    return StepStatus(
        id=identity,
        stage="subnets",
        title=title or f"Step {identity}",
        state=state,
        started=None if waits else BEGAN,
        finished=BEGAN + timedelta(seconds=seconds or 0) if ends else None,
        note=note,
    )


def _status(*steps: StepStatus, tenant: str = LONG, outcome: Outcome = Outcome.RUNNING, **more: object) -> Status:
    return Status.model_validate(
        {
            "tenant": tenant,
            "workflow": "OnboardTenant",
            "run": "run-1",
            "requested_by": "somebody with a rather long name",
            "outcome": outcome,
            "stage": "subnets",
            "steps": steps,
            **more,
        }
    )


def test_every_state_of_a_step_fits_into_80_columns() -> None:
    title = f"OvnSnatRule {LONG}--{LONG}"
    steps = [_step(state.value, state, note="created, 203.0.113.255", title=title) for state in StepState]
    lines = _shown(run_view(_status(*steps), NOW))
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if "OvnSnatRule" in line]) == len(StepState)


def test_the_time_of_a_running_step_counts_on_and_that_of_a_finished_one_stands() -> None:
    lines = _shown(run_view(_status(_step("a", StepState.DONE), _step("b", StepState.RUNNING)), NOW))
    assert lines[1].endswith("2.0 s")
    assert lines[2].endswith("10.0 s")


def test_why_a_step_is_retried_is_told_in_full_with_the_attempt() -> None:
    reason = "Kubernetes API at https://api.example:6443 refused the connection: " + "it is not listening " * 5
    lines = _shown(run_view(_status(_step("a", StepState.RUNNING)), NOW, {"a": Trouble(4, reason)}))
    assert "retrying (attempt 4)" in lines[1]
    assert " ".join(" ".join(lines[2:]).split()) == reason.strip()


def test_a_paused_step_says_how_to_go_on() -> None:
    lines = _shown(run_view(_status(_step("a", StepState.RUNNING)), NOW, {"a": Trouble(1, "", paused=True)}))
    assert "temporal activity unpause --activity-id a" in " ".join(" ".join(lines).split())


def test_what_waits_for_an_operator_comes_with_the_commands_that_decide() -> None:
    parked = Parked(step="vpc-acme", title="Vpc acme", reason="a finalizer of somebody else holds it", since=BEGAN)
    lines = _shown(run_view(_status(tenant="acme", outcome=Outcome.NEEDS_OPERATOR, parked=[parked]), NOW))
    text = "\n".join(lines)
    assert "NEEDS OPERATOR Vpc acme" in text
    assert "a finalizer of somebody else holds it" in text
    for command in ("retry --step vpc-acme", "skip --step vpc-acme --reason '...'", "abort"):
        assert f"berth resolve acme {command}" in text


def test_an_offboarding_says_removed_where_an_onboarding_says_undone() -> None:
    steps = (_step("a", StepState.UNDONE), _step("b", StepState.UNDOING))
    onboarding = "\n".join(_shown(run_view(_status(*steps), NOW)))
    offboarding = "\n".join(_shown(run_view(_status(*steps, workflow="OffboardTenant"), NOW)))
    assert "undone" in onboarding
    assert "undoing" in onboarding
    assert "removed" in offboarding
    assert "removing" in offboarding


@pytest.mark.parametrize("text", [HOSTILE, "[/]", "[link=http://x]", "\r\n\t", "\x9b31m"], ids=range(5))
def test_text_from_outside_can_neither_style_nor_control_the_terminal(text: str) -> None:
    step = _step("a", StepState.FAILED, note=text, title=text)
    shown = "\n".join(_shown(run_view(_status(step, failure=text), NOW, {"a": Trouble(2, text)})))
    assert not [letter for letter in shown.replace("\n", "") if not letter.isprintable()]
    assert "\n".join(_shown(clean("[bold]not bold[/bold]"))) == "[bold]not bold[/bold]"


def test_text_from_outside_stays_on_one_line_and_keeps_its_words() -> None:
    assert printable("one\n  two\tthree  four") == "one two three  four"
    assert printable("\x1b[31m") == "\\x1b[31m"


def test_a_terminal_that_knows_ascii_only_gets_ascii_only() -> None:
    steps = [_step(state.value, state) for state in StepState]
    lines = _shown(run_view(_status(*steps, requested_by="somebody"), NOW), _console(encoding="ascii"))
    assert all(line.isascii() for line in lines)


def test_the_hand_over_tells_all_a_cluster_needs_at_80_columns() -> None:
    told = HandOver(
        tenant=LONG,
        mode="overlay",
        platform="lab",
        namespace=f"tenant-{LONG}",
        vpc=LONG,
        subnets=(
            SubnetHandedOver(
                name=LONG,
                network_subnet=f"{LONG}--{LONG}",
                cidrs=("10.0.0.0/22", "fd00:acae:1111:2222::/64"),
                gateways=("10.0.0.1", "fd00:acae:1111:2222::1"),
                mtu=9000,
            ),
        ),
        external_ips=(
            AddressHandedOver(
                name="egress",
                use="snat",
                addresses=("203.0.113.5",),
                serves=(LONG,),
                public=("198.51.100.9",),
                routes=(RouteHandedOver(prefix="198.51.100.9/32", next_hop=None),),
            ),
            AddressHandedOver(name="jump", use="floatingIP", addresses=("203.0.113.6",), serves=("10.0.0.10",)),
            AddressHandedOver(name="web", use="loadBalancer", addresses=("203.0.113.7",), serves=()),
        ),
        announce="one-to-one-nat",
        announced_on=("edge-1", "edge-2"),
        translated_on=("nat-1",),
        heard_by=("fabric-1",),
        router_addresses=("203.0.113.4",),
        block_policy="realised",
        plan_hash="0" * 64,
        requested_by="somebody",
    )
    lines = _shown(hand_over_view(told))
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 80
    for needed in (
        f"network.subnet {LONG}--{LONG}",
        "gateway 10.0.0.1, fd00:acae:1111:2222::1",
        f"203.0.113.5 egress: SNAT for {LONG}, outside it is 198.51.100.9",
        "announced 1 route on edge-1, edge-2, translated by nat-1, heard by fabric-1",
        "203.0.113.6 jump: floating IP of 10.0.0.10",
        "203.0.113.7 web: for load balancers",
        "router 203.0.113.4",
        "block policy realised",
        f"namespace tenant-{LONG}",
    ):
        assert needed in text


def test_what_a_running_step_waits_for_is_told_below_it() -> None:
    why = "edge-1: `write memory` failed, it did not say that it saved (tries: 3)"
    lines = _shown(run_view(_status(_step("announce-edge-1", StepState.RUNNING, note=why)), NOW))
    assert " ".join(" ".join(lines).split()).endswith(why)


def test_what_is_announced_now_names_each_device_and_what_it_lacks() -> None:
    seen = EdgeSeen(
        devices=(
            DeviceSeen(device="nat-1", role="translator", in_force=("198.51.100.9",)),
            DeviceSeen(device="edge-1", role="router", missing=("198.51.100.9",)),
            DeviceSeen(device="fabric-1", role="neighbour", problem=HOSTILE),
        )
    )
    lines = _shown(edge_now_view(seen))
    assert lines[1].split() == ["✓", "nat-1", "translates", "198.51.100.9"]
    assert lines[2].split() == ["✗", "edge-1", "does", "not:", "198.51.100.9"]
    assert "could not be asked" in lines[3]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (-3, "0.0 s")],
)
def test_durations_are_short(seconds: float, expected: str) -> None:
    assert took(BEGAN, BEGAN + timedelta(seconds=seconds)) == expected


def _watched(name: str, *states: StepState) -> Watched:
    steps = [_step(f"{name}-{number}", state) for number, state in enumerate(states)]
    return Watched(name, None, status=_status(*steps, tenant=name))


def test_many_runs_fit_on_a_small_screen_and_each_is_on_it() -> None:
    states = [StepState.DONE] * 10 + [StepState.RUNNING] * 3
    watched = [_watched(f"tenant-{number}", *states) for number in range(10)]
    console = _console()
    lines = _shown(picture(watched, NOW, console, 24), console)
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    for one in watched:
        assert any(line.startswith(one.tenant) for line in lines)


def test_on_a_screen_too_small_for_every_step_those_under_way_are_shown() -> None:
    watched = [_watched("acme", *[StepState.DONE] * 30, StepState.RUNNING)]
    console = _console()
    text = "\n".join(_shown(picture(watched, NOW, console, 24), console))
    assert "Step acme-30" in text
    assert "Step acme-29" not in text
    assert "30 of 31 steps" in text


def test_a_log_gets_one_line_for_each_change_and_none_for_another_attempt() -> None:
    console = _console(200)
    lines = Lines(console)
    one = _watched("acme", StepState.WAITING)
    lines.update([one])
    one.status = _status(_step("a", StepState.RUNNING), tenant="acme")
    for attempt in (2, 3, 4):
        one.troubles = {"a": Trouble(attempt, "the API is away")}
        lines.update([one])
    one.troubles = {"a": Trouble(5, "the API is slow")}
    lines.update([one])
    one.troubles = {}
    one.status = _status(_step("a", StepState.DONE, note="created"), tenant="acme")
    lines.update([one])
    lines.update([one])
    assert _shown("", console)[:-1] == [
        "acme: Step a: running",
        "acme: Step a: retrying (attempt 2): the API is away",
        "acme: Step a: retrying (attempt 5): the API is slow",
        "acme: Step a: done (created, 2.0 s)",
    ]


def test_a_log_tells_why_a_run_could_not_go_on_though_nobody_saw_the_step_fail() -> None:
    console = _console(200)
    lines = Lines(console)
    one = _watched("acme", StepState.WAITING)
    step = _step("a", StepState.UNDONE)
    one.status = _status(step, tenant="acme", outcome=Outcome.UNDONE, failure="Step a: not today")
    lines.update([one])
    lines.update([one])
    told = _shown("", console)[:-1]
    assert told[0] == "acme: could not go on: Step a: not today"
    assert len(told) == 2


KNOWN = Expected(steps={"a": Usual(1.0, 5), "b": Usual(2.0, 1)}, rest={"a": Usual(14.0, 5), "b": Usual(12.0, 1)})


def test_a_step_under_way_says_what_such_steps_take_and_the_run_what_is_left() -> None:
    steps = (_step("a", StepState.DONE), _step("b", StepState.RUNNING))
    lines = shown(run_view(_status(*steps, tenant="acme"), BEGAN + timedelta(seconds=2.5), expected=KNOWN))
    assert "last time 2.0 s" in lines[2]
    assert lines[2].endswith("2.5 s")
    assert "usually" not in lines[1]
    assert "about 10 s left" in lines[0]


def test_a_step_that_takes_much_longer_than_usual_says_so_in_words() -> None:
    status = _status(_step("a", StepState.RUNNING), tenant="acme")
    lines = shown(run_view(status, NOW, expected=KNOWN))
    assert "SLOW, usually 1.0 s" in lines[1]
    assert "left" not in lines[0]
    assert "usually" not in "".join(shown(run_view(status, NOW)))
    assert "SLOW, usually 1.0 s: Step a" in shown(run_line(status, NOW, {}, KNOWN))[0]
    one = Watched("acme", None, status=status, expected=KNOWN)
    console = _console(200)
    log = Lines(console)
    log.update([one])
    log.update([one])
    assert _shown("", console)[:-1] == [
        "acme: Step a: running",
        "acme: Step a: still running, usually 1.0 s",
    ]


def test_an_approval_says_until_when_people_have_time_and_nothing_is_expected_of_them() -> None:
    waits = Awaited(plan="p", vlan=7, approvers=("nadia",), since=BEGAN, expires=BEGAN + timedelta(days=7))
    status = _status(_step("approval", StepState.RUNNING), tenant="acme", approval=waits)
    known = Expected(steps={"approval": Usual(1.0, 5)}, rest={"approval": Usual(1.0, 5)})
    lines = shown(run_view(status, NOW, expected=known))
    assert "expires Jan  9" in lines[1]
    assert "SLOW" not in "".join(lines)
    assert "left" not in lines[0]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_run_is_whole_on_a_narrow_terminal(width: int) -> None:
    title = f"OvnSnatRule {LONG}--{LONG}"
    steps = [_step(state.value, state, note="created, 203.0.113.255", title=title) for state in StepState]
    lines = _shown(run_view(_status(*steps), NOW, expected=KNOWN), _console(width))
    assert max(map(len, lines)) <= width
    assert len([line for line in lines if "OvnSnatRule" in line]) == len(StepState)


def test_a_remark_gets_the_room_that_a_title_does_not_need() -> None:
    step = _step("a", StepState.DONE, title="Short", note="a remark of more than two parts of five of a line, in full")
    assert "in full" in shown(run_view(_status(step), NOW))[1]
    step = _step("a", StepState.DONE, title="A title of more than three parts of five of a line", note="brief")
    assert "of five of a line brief" in shown(run_view(_status(step), NOW))[1]


def test_the_list_of_tenants_fits_into_80_columns_and_into_40() -> None:
    entry = Entry(LONG, "OffboardTenant", "needs-operator", True, BEGAN - timedelta(days=3), None, "r")
    for width in (40, 80, 120):
        lines = _shown(list_view([entry], NOW, width), _console(width))
        assert len(lines) == 2
        assert max(map(len, lines)) <= width
    assert LONG in lines[1]
    assert LONG in _shown(list_view([entry], NOW, 80), _console(80))[1]


def test_what_waits_for_approval_is_whole_at_every_width() -> None:
    preview = Preview(
        tenant=LONG, run="r", requested_by="somebody", vlan=2000, by_hand=False, plan="0" * 64, switches=()
    )
    approvers = ("nadia@example.com", "omar@example.com", "peter.with.a.long.name@example.com")
    status = ApprovalStatus.model_construct(
        tenant=LONG, state="waiting", preview=preview, approvers=approvers, since=BEGAN, expires=NOW
    )
    run = Run(LONG, "OnboardTenant", Mock(), "berth")
    for width in (40, 80, 120):
        lines = _shown(pending_view([Pending(run, status), Pending(run, None, HOSTILE)], NOW, width), _console(width))
        text = "".join("".join(lines).split())
        assert max(map(len, lines)) <= width
        assert "\x1b" not in text
        assert text.count(LONG) == 2
        for approver in approvers:
            assert approver in text


@pytest.mark.parametrize(
    ("at", "expected"),
    [(timedelta(), "03:04:15"), (timedelta(days=7), "Jan  9 03:04"), (timedelta(days=400), "2027-02-06")],
)
def test_a_moment_is_as_short_as_it_can_be_told_apart(
    at: timedelta, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        told = brief(NOW + at, NOW)
    time.tzset()
    assert told == expected
