"""Candidates: what somebody else does at the same time is never committed, lost or overwritten."""

import asyncio

import pytest

from clients.errors import UnavailableError
from tests.clients.devices.scene import ENABLE, Scene, somebody_else

only_eos = pytest.mark.parametrize("any_switch", ["arista-eos"], indirect=True)
only_junos = pytest.mark.parametrize("any_switch", ["juniper-junos"], indirect=True)


@only_junos
async def test_a_candidate_that_somebody_holds_is_waited_for(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    async with somebody_else(any_switch.simulated.port, "configure exclusive"):
        with pytest.raises(UnavailableError, match="somebody else is at work"):
            await any_switch.work(any_switch.approved(lines))
    assert 100 not in any_switch.running.vlans
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message


@only_junos
async def test_uncommitted_changes_of_others_are_never_committed(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    async with somebody_else(any_switch.simulated.port, "configure", "set vlans theirs vlan-id 77"):
        with pytest.raises(UnavailableError, match="somebody else"):
            await any_switch.work(any_switch.approved(lines))
        assert {77, 100}.isdisjoint(any_switch.running.vlans)


@only_junos
async def test_a_commit_that_waits_is_not_confirmed_by_the_next_worker(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    any_switch.simulated.faults.add(effect="lose-answer", line="^commit confirmed", times=1)
    with pytest.raises(UnavailableError):
        await any_switch.work(any_switch.approved(lines))
    assert 100 in any_switch.running.vlans
    with pytest.raises(UnavailableError, match=r"waits to be confirmed, and goes back by itself") as waits:
        await any_switch.work(any_switch.request("survey", "globex"))
    assert waits.value.retry_after


@only_eos
async def test_what_changed_since_the_session_began_is_not_overwritten(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    fault = any_switch.simulated.faults.add(effect="slow", line="^show session-config diffs", seconds=0.3, times=1)
    batch = asyncio.create_task(any_switch.work(any_switch.approved(lines)))
    await any_switch.simulated.faults.striking(fault)
    await any_switch.simulated.change("ntp server 192.0.2.1")
    with pytest.raises(UnavailableError, match="somebody else changes the configuration"):
        await batch
    assert any_switch.running.other == ["ntp server 192.0.2.1"]
    assert 100 not in any_switch.running.vlans
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message
    assert any_switch.running.other == ["ntp server 192.0.2.1"]


@only_eos
@pytest.mark.parametrize("line", ["^name", "^commit timer"])
async def test_sessions_of_a_worker_that_died_are_taken_away(any_switch: Scene, line: str) -> None:
    lines = await any_switch.lines()
    for _ in range(7):
        any_switch.simulated.faults.add(effect="lose-answer", line=line, times=1)
        with pytest.raises(UnavailableError):
            await any_switch.work(any_switch.approved(lines))
        any_switch.simulated.faults.clear()
    assert (await any_switch.ask("survey", vlan=None)).result == "done"
    assert 100 not in any_switch.running.vlans
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message


@pytest.mark.parametrize("any_switch", ["arista-eos", "juniper-junos"], indirect=True)
async def test_a_commit_that_fails_is_tried_for_each_alone(any_switch: Scene) -> None:
    previews = [await any_switch.lines("acme", 100), await any_switch.lines("globex", 101)]
    any_switch.simulated.faults.add(effect="fail-commit", times=2)
    rejected, done = await any_switch.work(
        any_switch.approved(previews[0]), any_switch.approved(previews[1], "globex", 101)
    )
    assert (rejected.result, rejected.reason, done.result) == ("refused", "rejected", "done")
    assert 100 not in any_switch.running.vlans
    assert 101 in any_switch.startup.vlans


@only_eos
@pytest.mark.parametrize(
    "theirs",
    [
        ("vlan 300",),
        ("interface Ethernet2", "switchport trunk allowed vlan add 20"),
        ("interface Ethernet3", "switchport trunk allowed vlan 1-20"),
        ("vlan 30", "name berth-other"),
    ],
)
async def test_what_somebody_does_with_other_vlans_meanwhile_is_not_taken_back(
    any_switch: Scene, theirs: tuple[str, ...]
) -> None:
    """It looks much like what Berth does itself."""
    lines = await any_switch.lines()
    fault = any_switch.simulated.faults.add(effect="slow", line="^show session-config diffs", seconds=0.3, times=1)
    batch = asyncio.create_task(any_switch.work(any_switch.approved(lines)))
    await any_switch.simulated.faults.striking(fault)
    await any_switch.simulated.change(*theirs)
    before = any_switch.simulated.text("running")
    with pytest.raises(UnavailableError, match="somebody else changes the configuration"):
        await batch
    assert any_switch.simulated.text("running") == before


@only_eos
async def test_while_a_commit_of_somebody_else_waits_to_be_confirmed_ours_waits_too(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    async with somebody_else(
        any_switch.simulated.port, "enable", ENABLE, "configure session theirs", "vlan 77", "commit timer 01:00:00"
    ) as say:
        with pytest.raises(UnavailableError, match="somebody else is at work on the configuration"):
            await any_switch.work(any_switch.approved(lines))
        assert 100 not in any_switch.running.vlans
        await say("configure session theirs commit")
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message
    assert {77, 100} <= set(any_switch.startup.vlans)


@pytest.mark.parametrize("any_switch", ["arista-eos", "juniper-junos"], indirect=True)
async def test_a_confirmation_that_is_rejected_is_not_done_and_the_commit_goes_back(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    any_switch.simulated.faults.add(
        effect="error", line="^(?:configure session .* commit|commit)$", message="error: could not commit", times=1
    )
    with pytest.raises(UnavailableError, match=r"could not commit.*: the commit before goes back"):
        await any_switch.work(any_switch.approved(lines))
    assert 100 not in any_switch.startup.vlans
