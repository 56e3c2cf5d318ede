"""Candidates: what somebody else does at the same time is never committed, lost or overwritten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncssh
import pytest

from clients.errors import UnavailableError
from tests.clients.devices.scene import PASSWORD, Scene

only_eos = pytest.mark.parametrize("any_switch", ["arista-eos"], indirect=True)
only_junos = pytest.mark.parametrize("any_switch", ["juniper-junos"], indirect=True)


@asynccontextmanager
async def somebody_else(scene: Scene, *lines: str) -> AsyncIterator[Callable[[str], None]]:
    """Another session of the same login, which has typed these lines and stays."""
    async with (
        asyncssh.connect(
            "127.0.0.1", scene.simulated.port, username="berth", password=PASSWORD, known_hosts=None, config=[]
        ) as connection,
        connection.create_process(term_type="vt100") as process,
    ):
        await process.stdout.readuntil(">")
        for line in lines:
            process.stdin.write(f"{line}\n")
            await process.stdout.readuntil("# ")
        yield process.stdin.write


@only_junos
async def test_a_candidate_that_somebody_holds_is_waited_for(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    async with somebody_else(any_switch, "configure exclusive"):
        with pytest.raises(UnavailableError, match="somebody else is at work"):
            await any_switch.work(any_switch.approved(lines))
    assert 100 not in any_switch.running.vlans
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message


@only_junos
async def test_uncommitted_changes_of_others_are_never_committed(any_switch: Scene) -> None:
    lines = await any_switch.lines()
    async with somebody_else(any_switch, "configure", "set vlans theirs vlan-id 77"):
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
