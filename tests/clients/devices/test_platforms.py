"""Each platform with a simulator: the same wishes, the same state afterwards, whatever its lines are."""

import pytest

from clients.errors import UnavailableError
from tests.clients.devices.scene import Scene

LINES = {
    "cisco-nxos": (
        "vlan 100",
        "name berth-acme",
        "exit",
        "interface Ethernet1/1",
        "switchport trunk allowed vlan add 100",
        "exit",
        "interface Ethernet1/2",
        "switchport trunk allowed vlan add 100",
        "exit",
    ),
    "arista-eos": (
        "vlan 100",
        "name berth-acme",
        "exit",
        "interface Ethernet1",
        "switchport trunk allowed vlan add 100",
        "exit",
        "interface Ethernet2",
        "switchport trunk allowed vlan add 100",
        "exit",
    ),
    "juniper-junos": (
        "set vlans berth-acme vlan-id 100",
        "set interfaces ge-0/0/1 unit 0 family ethernet-switching vlan members berth-acme",
        "set interfaces ge-0/0/2 unit 0 family ethernet-switching vlan members berth-acme",
    ),
}


async def test_the_lines_are_those_of_the_platform(any_switch: Scene) -> None:
    if any_switch.platform in LINES:
        assert await any_switch.lines() == LINES[any_switch.platform]
        assert any_switch.changed() == []


async def test_in_and_out_leaves_what_was_there(any_switch: Scene) -> None:
    before = any_switch.running.copy()
    lines = await any_switch.lines()
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert (outcome.result, outcome.lines) == ("done", lines), outcome.message
    assert any_switch.running.vlans == {**before.vlans, 100: "berth-acme"}
    assert len(any_switch.carries(100)) == 3
    assert any_switch.startup == any_switch.running

    (again,) = await any_switch.work(any_switch.request("ensure"))
    assert (again.result, again.lines) == ("done", ())

    outcome = await any_switch.ask("absent")
    assert outcome.result == "done", outcome.message
    assert any_switch.running == any_switch.startup == before
    again = await any_switch.ask("absent")
    assert (again.result, again.lines) == ("done", ())


async def test_several_tenants_go_in_with_one_session(any_switch: Scene) -> None:
    opened = any_switch.simulated.sessions.opened
    outcomes = await any_switch.ensure(("acme", 100), ("globex", 101), ("initech", 102))
    assert [outcome.result for outcome in outcomes] == ["done"] * 3, outcomes
    assert any_switch.simulated.sessions.opened == opened + 2
    survey = (await any_switch.ask("survey", vlan=None)).survey
    assert survey is not None
    assert survey.own == (100,)
    assert "101-102" in survey.foreign


async def test_what_is_somebody_elses_is_refused(any_switch: Scene) -> None:
    before = any_switch.running.copy()
    for action in ("preview", "ensure", "absent"):
        outcome = await any_switch.ask(action, vlan=10)
        assert (outcome.result, outcome.reason) == ("refused", "foreign-vlan")
    assert (await any_switch.ask("verify", vlan=10)).result == "done"
    assert (await any_switch.ask("verify", vlan=30)).reason == "not-there"
    assert (await any_switch.ask("verify-absent", vlan=10)).reason == "still-there"
    assert (await any_switch.ask("verify-absent", vlan=30)).result == "done"
    assert any_switch.running == before


async def test_a_rejected_request_fails_alone(any_switch: Scene) -> None:
    previews = [await any_switch.lines("acme", 100), await any_switch.lines("globex", 101)]
    any_switch.simulated.faults.add(
        effect="error", line="berth-acme", message="error: not in this mood\n% not in this mood", times=1
    )
    before = any_switch.running.copy()
    rejected, done = await any_switch.work(
        any_switch.approved(previews[0]), any_switch.approved(previews[1], "globex", 101)
    )
    assert (rejected.result, rejected.reason, done.result) == ("refused", "rejected", "done")
    assert "not in this mood" in rejected.message
    assert "could not be taken back" not in rejected.message
    assert any_switch.running.vlans == {**before.vlans, 101: "berth-globex"}
    assert len(any_switch.carries(101)) == 3
    assert any_switch.startup == any_switch.running


async def test_lines_without_effect_are_no_success(any_switch: Scene) -> None:
    before, lines = any_switch.running.copy(), await any_switch.lines()
    any_switch.simulated.faults.add(effect="ignore", line="vlan (add 100|members berth-acme)")
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert (outcome.result, outcome.reason) == ("refused", "rejected"), outcome
    assert any_switch.running == before


@pytest.mark.parametrize("effect", ["drop", "lose-answer", "reload"])
@pytest.mark.parametrize(
    "line",
    [r"^configure", r"^(vlan|set vlans)", r"^name", r"add 100|members", r"^commit", r" commit$", "^(write|copy)"],
)
async def test_a_lost_session_converges(any_switch: Scene, effect: str, line: str) -> None:
    lines = await any_switch.lines()
    fault = any_switch.simulated.faults.add(effect=effect, line=line, times=1)
    try:
        await any_switch.work(any_switch.approved(lines))
    except UnavailableError:
        assert any_switch.simulated.faults.struck(fault) == 1
    else:
        assert any_switch.simulated.faults.struck(fault) == 0
    for _ in range(100):
        try:
            (outcome,) = await any_switch.work(any_switch.approved(lines))
        except UnavailableError:  # a commit that waits to go back
            continue
        break
    assert outcome.result == "done", outcome.message
    assert any_switch.running.vlans[100] == "berth-acme"
    assert len(any_switch.carries(100)) == 3
    assert any_switch.startup == any_switch.running


async def test_a_failed_save_or_commit_is_no_success(any_switch: Scene) -> None:
    before, lines = any_switch.startup.copy(), await any_switch.lines()
    fault = any_switch.simulated.faults.add(effect="deny-save")
    failing = any_switch.simulated.faults.add(effect="fail-commit", line="check")
    if any_switch.platform == "juniper-junos":
        (outcome,) = await any_switch.work(any_switch.approved(lines))
        assert (outcome.result, outcome.reason) == ("refused", "rejected")
    else:
        with pytest.raises(UnavailableError, match="failed"):
            await any_switch.work(any_switch.approved(lines))
        assert any_switch.simulated.faults.struck(fault) == 1
    assert any_switch.startup == before
    any_switch.simulated.faults.remove(fault)
    any_switch.simulated.faults.remove(failing)
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message
    assert any_switch.startup == any_switch.running
