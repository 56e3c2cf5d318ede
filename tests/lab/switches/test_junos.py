"""The Junos dialect over SSH: candidates, commits, locks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from netmiko import ConnectHandler

from lab.switches import Port, Switch, trunk
from tests.lab.switches.client import PASSWORD, login, session

GE0 = "ge-0/0/0"
SWITCHING = "unit 0 family ethernet-switching"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with made() as one:
        yield one


def made(**fields: Any) -> Switch:
    ports = [trunk(GE0, "1,10"), trunk("ge-0/0/1", "ALL"), Port("ge-0/0/2", access=10)]
    return Switch(
        "juniper-junos",
        name="leaf-4",
        login=login(),
        ports=ports,
        vlans={10: "mgmt"},
        other=["snmp community public"],
        **fields,
    )


def in_netmiko(switch: Switch, work: Any) -> Any:
    with ConnectHandler(
        device_type="juniper_junos", host="127.0.0.1", port=switch.port, username="berth", password=PASSWORD
    ) as connection:
        return work(connection)


@pytest.mark.filterwarnings("ignore:path is deprecated")  # textfsm templates' own
async def test_netmiko_configures_commits_and_reads_back(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        lines = ["set vlans berth-blue vlan-id 100", f"set interfaces {GE0} {SWITCHING} vlan members berth-blue"]
        connection.config_mode("configure exclusive")
        connection.send_config_set(lines, error_pattern="error", exit_config_mode=False)
        connection.commit(check=True)
        assert "commit complete" in connection.commit()
        connection.exit_config_mode()
        return connection.send_command("show vlans", use_textfsm=True, raise_parsing_error=True)

    vlans = await asyncio.to_thread(in_netmiko, switch, work)
    assert {row["vlan_name"]: row["tag"] for row in vlans} == {"default": "1", "mgmt": "10", "berth-blue": "100"}
    assert vlans[0]["interfaces"] == ["ge-0/0/0.0*", "ge-0/0/1.0*"]
    assert switch.running == switch.startup
    assert switch.running.ports[GE0].allowed == frozenset({1, 10, 100})
    assert "snmp community public" in switch.running.other


async def test_netmiko_is_told_of_a_commit_that_fails(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        connection.send_config_set([f"set interfaces {GE0} {SWITCHING} vlan members nobody"], exit_config_mode=False)
        connection.commit()

    with pytest.raises(ValueError, match="Commit failed"):
        await asyncio.to_thread(in_netmiko, switch, work)


async def test_lines_change_nothing_until_they_are_committed(switch: Switch) -> None:
    async with session(switch) as client:
        answers = await client.each("configure", "set vlans blue vlan-id 100")
        assert answers[0].endswith("Entering configuration mode\n\n[edit]\nberth@leaf-4# ")
        assert 100 not in switch.running.vlans
        compared = await client.send("show | compare")
        assert "commit complete" in await client.send("commit")
        assert (await client.send("exit")).endswith("Exiting configuration mode\n\nberth@leaf-4> ")
    assert "[edit vlans]\n+   blue {\n+       vlan-id 100;\n+   }\n" in compared
    assert switch.running.vlans[100] == switch.startup.vlans[100] == "blue"


async def test_the_configuration_in_braces_and_as_set_lines(switch: Switch) -> None:
    async with session(switch) as client:
        await client.send("set cli screen-length 0")
        braces = await client.send(f"show configuration interfaces {GE0}")
        lines = await client.send(f"show configuration interfaces {GE0} | display set")
        vlan = await client.send("show configuration vlans | display set | match mgmt")
    assert "interface-mode trunk;\n        vlan {\n            members [ default mgmt ];\n" in braces
    assert f"set interfaces {GE0} {SWITCHING} vlan members mgmt\n" in lines
    assert "\nset vlans mgmt vlan-id 10\n" in vlan


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("set vlans blue vlan-id 5000", "Value 5000 is not within range (1..4094)"),
        ("set vlans", "syntax error, expecting"),
        ("set nonsense", "^\nsyntax error."),
        ("set vlans two words vlan-id 5", "^\nsyntax error."),
        ("nonsense", "^\nunknown command."),
        ("delete vlans nobody", "warning: statement not found"),
        ("rollback 9", "error: could not open configuration file"),
    ],
)
async def test_lines_it_refuses(switch: Switch, line: str, told: str) -> None:
    async with session(switch) as client:
        await client.send("configure")
        assert told in await client.send(line)
        assert "+" not in await client.send("show | compare")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([f"set interfaces {GE0} {SWITCHING} vlan members nobody"], "No vlan matches vlan tag nobody"),
        (["set vlans twin vlan-id 10"], "Duplicate vlan-id"),
        (["delete vlans mgmt"], "No vlan matches vlan tag mgmt"),
    ],
)
async def test_a_commit_of_nonsense_fails_and_leaves_the_candidate(switch: Switch, lines: list[str], told: str) -> None:
    before = switch.running
    async with session(switch) as client:
        await client.each("configure", *lines)
        for commit in ("commit check", "commit"):
            answer = await client.send(commit)
            assert told in answer
            assert "error: configuration check-out failed" in answer
        assert "[edit" in await client.send("show | compare")
        await client.send("rollback 0")
        assert "commit complete" in await client.send("commit")
    assert switch.running == before


async def test_a_newline_in_a_name_is_a_second_line(switch: Switch) -> None:
    async with session(switch) as client:
        await client.send("configure")
        client.type("set vlans a\nset vlans mgmt vlan-id 11\n")
        await client.until(r"vlan-id 11\n\n\[edit\]\nberth@leaf-4# $")
        await client.send("commit")
    assert switch.running.vlans[11] == "mgmt"


async def test_nobody_configures_beside_who_does_it_exclusively(switch: Switch) -> None:
    async with session(switch) as one, session(switch) as two:
        await one.each("configure exclusive", "set vlans blue vlan-id 100")
        for how in ("configure", "configure exclusive", "configure private"):
            refused = await two.send(how)
            assert "error: configuration database locked by:\n  berth terminal pts/1" in refused
            assert refused.endswith("berth@leaf-4> ")
        await one.send("exit", r"Discard uncommitted changes\? \[yes,no\] \(yes\) $")
        await one.send("yes")
        assert "Entering configuration mode" in await two.send("configure exclusive")
        assert "+" not in await two.send("show | compare")


async def test_a_lost_session_gives_up_its_lock_and_its_changes(switch: Switch) -> None:
    switch.faults.add(effect="drop", line="^commit", times=1)
    async with session(switch) as client:
        await client.each("configure exclusive", "set vlans blue vlan-id 100")
        client.type("commit\n")
        await client.ended()
    async with session(switch) as client:
        await client.send("configure exclusive")
        assert "+" not in await client.send("show | compare")


async def test_what_a_lost_session_left_in_the_shared_candidate_goes_in_with_the_next_commit(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", "set vlans left vlan-id 100")
    async with session(switch) as client:
        assert "changed but not committed" in await client.send("configure")
        await client.each("set vlans mine vlan-id 200", "commit")
    assert {100, 200} <= set(switch.running.vlans)


async def test_a_private_candidate_is_merged_and_its_loss_leaves_nothing(switch: Switch) -> None:
    async with session(switch) as one, session(switch) as two:
        await one.each("configure private", "set vlans blue vlan-id 100")
        await two.each("configure private", "set vlans red vlan-id 200", "commit")
        await one.send("commit")
    assert {100, 200} <= set(switch.running.vlans)
    async with session(switch) as client:
        await client.each("configure private", "set vlans lost vlan-id 300")
    async with session(switch) as client:
        await client.send("configure private")
        assert "lost" not in await client.send("show | compare")


async def test_shared_changes_keep_others_from_configuring_alone(switch: Switch) -> None:
    async with session(switch) as one, session(switch) as two:
        await one.each("configure", "set vlans blue vlan-id 100")
        assert "error: shared configuration database modified" in await two.send("configure private")
        assert "error: configuration database modified" in await two.send("configure exclusive")


async def test_a_confirmed_commit_is_taken_back_unless_confirmed() -> None:
    async with made(minute_seconds=0.05) as switch, session(switch) as client:
        await client.each("configure", "set vlans blue vlan-id 100")
        told = await client.send("commit confirmed 1")
        assert "commit confirmed will be automatically rolled back in 1 minutes unless confirmed" in told
        assert "commit complete" in told
        async with asyncio.timeout(5):
            while 100 in switch.running.vlans:  # noqa: ASYNC110 - the switch tells nobody
                await asyncio.sleep(0.01)
        assert 100 not in switch.startup.vlans


@pytest.mark.parametrize("confirmation", ["commit", "commit check"])
async def test_a_confirmed_commit_stays_once_confirmed(switch: Switch, confirmation: str) -> None:
    async with session(switch) as client:
        await client.each("configure", "set vlans blue vlan-id 100")
        assert "# commit confirmed will be rolled back in 10 minutes" in await client.send("commit confirmed")
        assert 100 in switch.running.vlans
        assert 100 not in switch.startup.vlans
        await client.send(confirmation)
    assert 100 in switch.startup.vlans


async def test_a_restart_takes_an_unconfirmed_commit_back(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", "set vlans blue vlan-id 100", "commit confirmed 5")
        switch.reload()
    assert 100 not in switch.running.vlans


@pytest.mark.parametrize(("where", "check"), [("check", False), ("commit", True)])
async def test_a_check_or_a_commit_that_fails(switch: Switch, where: str, check: bool) -> None:
    switch.faults.add(effect="fail-commit", line=where)
    async with session(switch) as client:
        await client.each("configure", "set vlans blue vlan-id 100")
        assert ("check succeeds" in await client.send("commit check")) == check
        assert ("commit complete" in await client.send("commit")) != check
    assert (100 in switch.running.vlans) != check


async def test_a_commit_whose_answer_is_lost(switch: Switch) -> None:
    switch.faults.add(effect="lose-answer", line="^commit", times=1)
    async with session(switch) as client:
        await client.each("configure", "set vlans blue vlan-id 100")
        client.type("commit\n")
        assert "commit complete" not in await client.ended()
    assert 100 in switch.startup.vlans


async def test_places_are_edited_and_left(switch: Switch) -> None:
    async with session(switch) as client:
        answers = await client.each("configure", "edit vlans blue", "set vlan-id 100", "up", "top", "commit and-quit")
    assert "[edit vlans blue]\n" in answers[1]
    assert "[edit vlans]\n" in answers[3]
    assert answers[-1].endswith("Exiting configuration mode\n\nberth@leaf-4> ")
    assert switch.running.vlans[100] == "blue"


async def test_somebody_else_changes_it_by_hand(switch: Switch) -> None:
    await switch.change("set vlans someone vlan-id 77", f"set interfaces {GE0} {SWITCHING} vlan members 77")
    assert switch.running.vlans[77] == "someone"
    assert 77 in (switch.running.ports[GE0].allowed or ())
