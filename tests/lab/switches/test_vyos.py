"""The VyOS dialect over SSH: candidates of each session, commits, saves."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab.switches import StaticRoute, Switch
from tests.lab.switches.client import Client, session
from tests.lab.switches.routers import in_netmiko, router

HOST = "198.51.100.7/32"
ROUTE = f"protocols static route {HOST}"
CONFIGURING = "berth@edge-1# "


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with router("vyos") as one:
        yield one


async def test_netmiko_commits_reads_back_and_saves(switch: Switch) -> None:
    def work(connection: Any) -> Any:
        connection.send_config_set(
            [f"set {ROUTE} next-hop 203.0.113.9", f"set {ROUTE} description berth-acme"], error_pattern="failed"
        )
        connection.commit()
        connection.send_command("save", expect_string="#")
        same = connection.send_command("compare saved", expect_string="#")
        connection.exit_config_mode()
        return same, connection.send_command("show configuration commands | match static")

    same, commands = await asyncio.to_thread(in_netmiko, switch, work)
    assert "No changes between working and saved configurations." in same
    assert commands.splitlines() == [
        f"set {ROUTE} next-hop 203.0.113.9",
        f"set {ROUTE} description 'berth-acme'",
    ]
    assert switch.startup == switch.running
    assert switch.running.routes == [StaticRoute(HOST, "203.0.113.9", 0, "berth-acme")]


async def test_a_commit_that_its_scripts_refuse_changes_nothing(switch: Switch) -> None:
    async with session(switch) as client:
        *_, told = await client.each("configure", f"set {ROUTE} blackhole", f"set {ROUTE} reject", "commit")
    assert (
        f'Can not use both blackhole and reject for prefix "{HOST}"!\n\n[[protocols static]] failed\nCommit failed'
        in told
    )
    assert switch.running.routes == []


async def test_prompts_and_what_leaving_says(switch: Switch) -> None:
    async with session(switch) as client:
        entered, made, refused, _, left = await client.each(
            "configure", f"set {ROUTE} blackhole", "exit", "commit", "exit"
        )
        assert entered.endswith("[edit]\nberth@edge-1# ")
        assert made.endswith(f"set {ROUTE} blackhole\n[edit]\nberth@edge-1# ")
        assert (
            "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit.\n[edit]\n"
            in refused
        )
        assert left.endswith("Warning: configuration changes have not been saved.\nexit\nberth@edge-1:~$ ")
        *_, discarded = await client.each("configure", f"delete {ROUTE}", "exit discard")
        assert discarded.endswith("exit\nberth@edge-1:~$ ")
    assert [route.destination for route in switch.running.routes] == [HOST]


async def test_what_a_session_did_not_commit_is_nobody_elses_and_lost_with_it(switch: Switch) -> None:
    async with session(switch) as one, session(switch) as other:
        await one.each("configure", f"set {ROUTE} blackhole")
        await other.send("configure")
        assert "No changes between working and active" in await other.send("compare")
        assert "No configuration changes to commit" in await other.send("commit")
    assert switch.running.routes == []


async def test_a_commit_keeps_what_others_committed_meanwhile(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} blackhole")
        await switch.change("set protocols static route 192.0.2.0/24 blackhole")
        assert "192.0.2.0/24 {" in await client.send("show protocols static")
        await client.send("commit")
    assert {route.destination for route in switch.running.routes} == {HOST, "192.0.2.0/24"}


async def test_two_commits_at_once_do_not_go() -> None:
    async with (
        router("vyos", save_seconds=0.2) as switch,
        session(switch) as one,
        session(switch) as other,
    ):
        await one.each("configure", f"set {ROUTE} blackhole")
        await other.each("configure", "set protocols static route 192.0.2.0/24 blackhole")
        one.type("commit\n")
        await one.until("commit")
        told = await until_locked(switch, other)
        await one.until()
        assert "Configuration system temporarily locked due to another commit in progress" in told
        assert [route.destination for route in switch.running.routes] == [HOST]


async def until_locked(switch: Switch, client: Client) -> str:
    async with asyncio.timeout(5):
        while not switch._store.committing:  # type: ignore[attr-defined] # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
    return await client.send("commit")


async def test_what_is_compared(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} next-hop 203.0.113.9", f"set {ROUTE} description 'a b'")
        compared, commands = await client.each("compare", "compare commands")
        await client.each("commit", f"delete {ROUTE} description")
        less, saved = await client.each("compare", "compare saved")
    assert (
        "[]\n"
        "+ protocols {\n"
        "+     static {\n"
        f"+         route {HOST} {{\n"
        "+             next-hop 203.0.113.9 {\n"
        "+             }\n"
        '+             description "a b"\n'
        "+         }\n"
        "+     }\n"
        "+ }\n"
    ) in compared
    assert f"\nset {ROUTE} next-hop 203.0.113.9\nset {ROUTE} description 'a b'\n" in commands
    assert f'[protocols static route {HOST}]\n- description "a b"\n' in less
    assert "+     static {" in saved


async def test_deleting_leaves_what_is_above(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} next-hop 203.0.113.9", "commit")
        await client.each(f"delete {ROUTE} next-hop 203.0.113.9", "commit")
        assert f"\nset {ROUTE}\n" in await client.send("run show configuration commands")
        assert switch.running.routes == []
        await client.each(f"delete {ROUTE}", "commit")
        assert "\nset protocols static\n" in await client.send("run show configuration commands")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"set {ROUTE} next-hop 203.0.113.9 tag 4200", "Configuration path: protocols static route"),
        (f"set {ROUTE} tag 4200", f"Configuration path: {ROUTE} [tag] is not valid\n  Set failed"),
        (f"set {ROUTE} next-hop", f"Configuration path: [{ROUTE} next-hop] requires a value\n  Set failed"),
        (f"set {ROUTE} next-hop 2001:db8:f::9", "Error: 2001:db8:f::9 is not a valid IPv4 address"),
        ("set protocols static route 198.51.100.7 blackhole", "Error: 198.51.100.7 is not a valid IPv4 prefix"),
        ("set protocols static route 198.51.100.7/24 blackhole", "Value validation failed\n  Set failed"),
        ("set protocols static route6 198.51.100.7/32 blackhole", "is not a valid IPv6 prefix"),
        (f"set {ROUTE} blackhole tag 0", "Value validation failed\n  Set failed"),
        (f"set {ROUTE} description {'x' * 256}", "Description too long (limit 255 characters)"),
        (f"set {ROUTE} description 'open", "No closing quotation"),
        (f"set {ROUTE} description two words", "is not valid\n  Set failed"),
        (f"delete {ROUTE} nonsense", "is not valid\n  Delete failed"),
        ("nonsense", "Invalid command: [nonsense]"),
        ("show configuration commands", "is not valid"),
    ],
)
async def test_lines_it_refuses(switch: Switch, line: str, told: str) -> None:
    async with session(switch) as client:
        _, answer, compared = await client.each("configure", line, "compare")
    assert told in answer
    assert "No changes" in compared
    assert next(one for one in switch.journal if one.line == line).accepted is False


async def test_what_is_there_already_or_not_there_is_no_error(switch: Switch) -> None:
    async with session(switch) as client:
        _, _, again, _, gone = await client.each(
            "configure", f"set {ROUTE} blackhole", f"set {ROUTE} blackhole", f"delete {ROUTE}", f"delete {ROUTE}"
        )
    assert f"Configuration path: [{ROUTE} blackhole] already exists" in again
    assert "Nothing to delete (the specified node does not exist)" in gone


async def test_a_save_says_nothing_and_warns_of_what_is_not_committed(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} blackhole", "commit")
        assert await client.send("save") == "save\n[edit]\nberth@edge-1# "
        assert len(switch.startup.routes) == 1
        await client.send(f"delete {ROUTE}")
        assert "Warning: you have uncommitted changes that will not be saved." in await client.send("save")
    assert len(switch.startup.routes) == 1


async def test_a_save_that_fails(switch: Switch) -> None:
    switch.faults.add(effect="deny-save", times=1)
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} blackhole", "commit")
        assert "No space left on device" in await client.send("save")
        assert "+ protocols {" in await client.send("compare saved")
        await client.send("save")
    assert len(switch.startup.routes) == 1


async def test_a_commit_that_is_not_confirmed_ends_in_a_reboot() -> None:
    async with router("vyos", minute_seconds=0.05) as switch, session(switch) as client:
        await client.each("configure", f"set {ROUTE} blackhole")
        await client.send("commit-confirm 1", r"Proceed \? \[Y/n\] $")
        client.type("y\n")
        assert "Initialized commit-confirm; 1 minutes to confirm before reboot" in await client.ended()
        assert switch.running.routes == []


async def test_a_commit_that_is_confirmed_stays(switch: Switch) -> None:
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} blackhole")
        await client.send("commit-confirm", r"Proceed \? \[Y/n\] $")
        await client.send("y")
        assert "Reboot timer stopped" in await client.send("confirm")
        assert "No confirm pending" in await client.send("confirm")
    assert len(switch.running.routes) == 1


async def test_the_place_that_is_edited(switch: Switch) -> None:
    async with session(switch) as client:
        entered = (await client.each("configure", f"edit {ROUTE}"))[1]
        assert entered.endswith(f"[edit {ROUTE}]\n{CONFIGURING}")
        await client.each("set blackhole tag 4200", "top", "commit")
    assert switch.running.routes == [StaticRoute(HOST, None, 4200)]


async def test_the_table(switch: Switch) -> None:
    await switch.change(
        f"set {ROUTE} next-hop 203.0.113.9", "set protocols static route6 2001:db8::7/128 blackhole tag 4200"
    )
    switch.hear("192.0.2.0/24", "203.0.113.8")
    async with session(switch) as client:
        one = await client.send(f"show ip route {HOST}")
        six = await client.send("show ipv6 route 2001:db8::7/128")
        table = await client.send("show ip route")
        absent = await client.send("show ip route 198.51.100.8/32")
    assert (
        f"\nRouting entry for {HOST}\n"
        '  Known via "static", distance 1, metric 0, best\n'
        "  Last update 00:00:12 ago\n"
        "  * 203.0.113.9, via eth0, weight 1\n"
    ) in one
    assert "metric 0, tag 4200, best\n" in six
    assert "  * unreachable (blackhole), weight 1\n" in six
    assert f"\nS>* {HOST} [1/0] via 203.0.113.9, eth0, weight 1, 00:00:12\n" in table
    assert "\nB>* 192.0.2.0/24 [20/0] via 203.0.113.8, eth0, weight 1, 00:00:12\n" in table
    assert "% Network not in table" in absent


async def test_a_line_that_is_ignored_changes_no_candidate(switch: Switch) -> None:
    switch.faults.add(effect="ignore", line="next-hop")
    async with session(switch) as client:
        await client.each("configure", f"set {ROUTE} next-hop 203.0.113.9", f"set {ROUTE} description x", "commit")
    assert f"{HOST} {{\n            description x" in switch.text("running")
    assert switch.running.routes == []
