"""Cisco IOS: exactly which lines, and what is on the switch afterwards."""

from tests.clients.devices.scene import Scene

LINES = (
    "vlan 100",
    "name berth-acme",
    "exit",
    "interface GigabitEthernet1/0/1",
    "switchport trunk allowed vlan add 100",
    "exit",
    "interface GigabitEthernet1/0/2",
    "switchport trunk allowed vlan add 100",
    "exit",
)


async def test_a_preview_is_the_lines_and_nothing_is_sent(ios: Scene) -> None:
    assert await ios.lines() == LINES
    assert ios.changed() == []


async def test_an_ensure_sends_the_lines_that_were_previewed_and_saves(ios: Scene) -> None:
    before = ios.running.copy()
    (outcome,) = await ios.work(ios.approved(LINES))
    assert (outcome.result, outcome.lines) == ("done", LINES), outcome.message
    assert ios.changed() == [*LINES, "end"]
    assert ios.running.vlans == {**before.vlans, 100: "berth-acme"}
    assert ios.carries(100) == ["GigabitEthernet1/0/1", "GigabitEthernet1/0/2", "GigabitEthernet1/0/3"]
    assert ios.running.ports["GigabitEthernet1/0/1"].allowed == frozenset({1, *range(10, 21), 100})
    assert ios.running.other == before.other
    assert ios.startup == ios.running


async def test_an_ensure_that_is_done_sends_nothing_and_saves_again(ios: Scene) -> None:
    await ios.ensure(("acme", 100))
    ios.simulated.journal.clear()
    (outcome,) = await ios.work(ios.request("ensure"))
    assert (outcome.result, outcome.lines) == ("done", ())
    assert ios.changed() == []
    assert ios.simulated.journal.lines()[-1] == "write memory"


async def test_an_absent_leaves_what_was_there_before(ios: Scene) -> None:
    before = ios.running.copy()
    await ios.ensure(("acme", 100))
    outcome = await ios.ask("absent")
    assert outcome.result == "done", outcome.message
    assert outcome.lines == (
        "interface GigabitEthernet1/0/1",
        "switchport trunk allowed vlan remove 100",
        "exit",
        "interface GigabitEthernet1/0/2",
        "switchport trunk allowed vlan remove 100",
        "exit",
        "no vlan 100",
    )
    assert ios.running == ios.startup == before
    again = await ios.ask("absent")
    assert (again.result, again.lines) == ("done", ())


async def test_a_survey_tells_whose_ids_are_whose(ios: Scene) -> None:
    await ios.ensure(("acme", 100), ("globex", 101))
    told = (await ios.ask("survey", vlan=None)).survey
    assert told is not None
    assert (told.foreign, told.own) == ("1,10,20,101,1002-1005", (100,))


async def test_what_is_unrestricted_is_left_so(ios: Scene) -> None:
    ios.trunks = ("GigabitEthernet1/0/3",)
    await ios.ensure(("acme", 100))
    assert ios.changed() == ["vlan 100", "name berth-acme", "exit", "end"]
    await ios.ask("absent")
    assert ios.running.ports["GigabitEthernet1/0/3"].allowed is None


async def test_a_list_that_is_wrapped_over_lines_is_read_whole(ios: Scene) -> None:
    await ios.simulated.change(
        "interface GigabitEthernet1/0/1",
        "switchport trunk allowed vlan " + ",".join(str(number) for number in range(2, 100, 2)),
        "exit",
    )
    many = frozenset(range(2, 100, 2))
    assert "allowed vlan add" in ios.simulated.text("running")
    (outcome,) = await ios.ensure(("acme", 98))
    assert outcome.result == "done", outcome.message
    assert "interface GigabitEthernet1/0/1" not in outcome.lines
    await ios.ensure(("globex", 100))
    assert ios.running.ports["GigabitEthernet1/0/1"].allowed == many | {100}
