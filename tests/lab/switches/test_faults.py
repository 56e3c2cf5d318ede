"""Faults of a simulated switch: each does what it says."""

import asyncio
from collections.abc import AsyncIterator

import asyncssh
import pytest

from lab.switches import Switch
from tests.lab.switches.client import PASSWORD, SECRET, connected, login, session


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with Switch("cisco-ios", name="leaf-1", login=login(enable_secret=SECRET)) as one:
        yield one


async def made(switch: Switch, vlan: int) -> str:
    """Make a VLAN; what was told, where the session ended before its end."""
    async with session(switch) as client:
        try:
            await client.each("configure terminal", f"vlan {vlan}", "end", "write memory", "exit")
        except (EOFError, asyncssh.Error, OSError) as error:
            return str(error) or type(error).__name__
        return ""


async def test_a_connection_dropped_before_a_line_takes_effect(switch: Switch) -> None:
    fault = switch.faults.add(effect="drop", line="^end", times=1)
    await made(switch, 100)
    assert 100 not in switch.running.vlans
    assert switch.faults.struck(fault) == 1
    entry = list(switch.journal)[-1]
    assert (entry.line, entry.accepted, entry.fault) == ("end", None, "drop")


async def test_a_connection_dropped_after_a_line_took_effect(switch: Switch) -> None:
    switch.faults.add(effect="lose-answer", line="^vlan", times=1)
    await made(switch, 100)
    assert 100 in switch.running.vlans
    assert 100 not in switch.startup.vlans


@pytest.mark.parametrize(("effect", "saved"), [("drop", False), ("lose-answer", True)])
async def test_a_connection_dropped_around_a_save(switch: Switch, effect: str, saved: bool) -> None:
    switch.faults.add(effect=effect, line="^write", times=1)
    await made(switch, 100)
    assert 100 in switch.running.vlans
    assert (100 in switch.startup.vlans) == saved


async def test_a_line_that_hangs_gets_no_answer_and_the_rest_is_noted(switch: Switch) -> None:
    fault = switch.faults.add(effect="hang", line="^vlan")
    async with session(switch) as client:
        await client.send("configure terminal")
        client.type("vlan 100\n")
        await switch.faults.striking(fault)
        client.type("name x\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.until()
    assert switch.journal.lines()[-2:] == ["vlan 100", "name x"]
    assert 100 not in switch.running.vlans


async def test_a_slow_line_takes_effect_late(switch: Switch) -> None:
    fault = switch.faults.add(effect="slow", line="^no vlan", seconds=0.05)
    await switch.change("vlan 100")
    async with session(switch) as client:
        await client.send("configure terminal")
        client.type("no vlan 100\n")
        await switch.faults.striking(fault)
        assert 100 in switch.running.vlans
        await client.until()
    assert 100 not in switch.running.vlans


async def test_a_slow_save_goes_on_where_the_client_has_gone() -> None:
    async with Switch("cisco-ios", name="leaf-1", login=login(), save_seconds=0.05) as switch:
        await switch.change("vlan 100")
        saved = asyncio.Event()
        switch._device.saved.append(saved.set)
        async with session(switch) as client:
            await client.send("write memory", "Building")
            assert 100 not in switch.startup.vlans
        await saved.wait()
        assert 100 in switch.startup.vlans


async def test_a_line_answered_with_an_error_has_no_effect(switch: Switch) -> None:
    switch.faults.add(effect="error", line="^vlan 100", message="% Platform resources exhausted", skip=1)
    async with session(switch) as client:
        await client.each("configure terminal", "vlan 100", "exit", "no vlan 100")
        assert "% Platform resources exhausted" in await client.send("vlan 100")
        await client.send("end")
    assert 100 not in switch.running.vlans


async def test_a_line_that_is_ignored_is_taken_and_has_no_effect(switch: Switch) -> None:
    switch.faults.add(effect="ignore", line="allowed vlan")
    async with session(switch) as client:
        answers = await client.each("configure terminal", "int gi1/0/1", "switchport trunk allowed vlan add 100", "end")
    assert "%" not in answers[2]
    assert switch.running.ports["GigabitEthernet1/0/1"].allowed == frozenset({1})


async def test_a_save_that_is_ignored_says_ok(switch: Switch) -> None:
    await switch.change("vlan 100")
    switch.faults.add(effect="ignore", line="^write")
    async with session(switch) as client:
        assert "[OK]" in await client.send("write memory")
    assert 100 not in switch.startup.vlans


async def test_log_messages_burst_into_an_answer(switch: Switch) -> None:
    switch.faults.add(effect="syslog", line="^show vlan")
    async with session(switch) as client:
        shown = await client.send("show vlan brief")
    assert "%SYS-5-CONFIG_I: Configured from console" in shown
    assert shown.index("default") < shown.index("%SYS-5") < shown.index("trnet-default")


async def test_a_switch_that_restarts_while_it_is_configured(switch: Switch) -> None:
    await switch.change("vlan 50")
    switch.faults.add(effect="reload", line="^write", times=1)
    await made(switch, 100)
    assert set(switch.running.vlans) == {1}
    await made(switch, 100)
    assert 100 in switch.startup.vlans


async def test_a_save_that_is_refused(switch: Switch) -> None:
    await switch.change("vlan 100")
    switch.faults.add(effect="deny-save", times=1)
    async with session(switch) as client:
        assert "%Error opening nvram:/startup-config" in await client.send("write memory")
        assert 100 not in switch.startup.vlans
        assert "[OK]" in await client.send("write memory")
    assert 100 in switch.startup.vlans


async def test_connections_refused_until_the_fault_is_removed(switch: Switch) -> None:
    fault = switch.faults.add(effect="refuse")
    with pytest.raises(ConnectionRefusedError):
        async with session(switch):
            pass
    switch.faults.remove(fault)
    await switch.listening()
    await made(switch, 100)
    assert 100 in switch.running.vlans


async def test_a_connection_cut_before_the_banner(switch: Switch) -> None:
    switch.faults.add(effect="no-banner", times=1)
    with pytest.raises((asyncssh.ConnectionLost, OSError)):
        async with session(switch):
            pass
    async with session(switch):
        pass


@pytest.mark.parametrize("how", ["fault", "limit"])
async def test_no_terminal_line_left_closes_the_channel(switch: Switch, how: str) -> None:
    if how == "fault":
        switch.faults.add(effect="no-session", times=1)
    else:
        switch._doorway.lines = 0
    async with connected(switch) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(term_type="vt100")
    assert switch.sessions.opened == 0


async def test_a_password_that_was_changed(switch: Switch) -> None:
    switch.login.password = "another"
    with pytest.raises(asyncssh.PermissionDenied):
        async with session(switch):
            pass
    async with session(switch, password="another"):
        pass
    assert switch.logins == [("berth", "password", False), ("berth", "password", True)]


async def test_a_login_that_is_denied(switch: Switch) -> None:
    switch.faults.add(effect="deny-login", times=1)
    with pytest.raises(asyncssh.PermissionDenied):
        async with session(switch):
            pass
    async with session(switch):
        pass


async def test_an_account_is_locked_after_wrong_passwords() -> None:
    async with Switch("cisco-ios", name="leaf-1", login=login(lock_after=2)) as switch:
        for password in ("wrong", "wrong too", PASSWORD):
            with pytest.raises(asyncssh.PermissionDenied):
                async with session(switch, password=password):
                    pass
        assert switch.login.locked
        switch.login.wrong = 0
        async with session(switch):
            pass


async def test_another_host_key(switch: Switch) -> None:
    known = switch.host_key
    fault = switch.faults.add(effect="change-host-key")
    trusted = asyncssh.import_known_hosts(f"[127.0.0.1]:{switch.port} {known}\n")
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await asyncssh.connect("127.0.0.1", switch.port, known_hosts=trusted, config=None, username="berth")
    assert switch.host_key != known
    switch.faults.remove(fault)
    assert switch.host_key == known
    async with session(switch):
        pass


async def test_a_wrong_enable_secret(switch: Switch) -> None:
    async with session(switch, enable=False) as client:
        await client.send("enable", "Password: $")
        await client.send("no", "Password: $")
        await client.send("nope", "Password: $")
        assert "% Bad secrets" in await client.send("never")
    assert "never" not in str(switch.journal.listed())


async def test_an_enable_secret_that_is_denied(switch: Switch) -> None:
    switch.faults.add(effect="deny-enable", times=1)
    async with session(switch, enable=False) as client:
        await client.send("enable", "Password: $")
        await client.send(SECRET, "Password: $")
        assert (await client.send(SECRET)).endswith("leaf-1#")


async def test_an_enable_secret_that_is_denied_at_once(switch: Switch) -> None:
    switch.faults.add(effect="deny-enable", message="% Error in authentication.")
    async with session(switch, enable=False) as client:
        await client.send("enable", "Password: $")
        answer = await client.send(SECRET)
    assert "% Error in authentication.\n" in answer
    assert answer.endswith("leaf-1>")


async def test_a_key_opens_it_and_another_does_not(switch: Switch) -> None:
    key, stranger = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    switch.login.authorized_keys = (key.export_public_key().decode(),)
    async with session(switch, client_keys=[key], password=None):
        pass
    with pytest.raises(asyncssh.PermissionDenied):
        async with session(switch, client_keys=[stranger], password=None):
            pass


async def test_a_command_without_a_terminal_is_noted_and_refused(switch: Switch) -> None:
    async with connected(switch) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.run("no vlan 10")
    assert [entry.line for entry in switch.journal] == ["no vlan 10"]
