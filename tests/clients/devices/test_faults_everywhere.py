"""What goes wrong with a switch of any dialect: nothing of it counts as done, and what is on the switch is told or mended."""

import asyncio

import pytest

from clients.devices import session as session_module
from clients.errors import RefusedError, UnavailableError
from lab.switches.configuration import Configuration
from tests.clients.devices.scene import PASSWORD, Scene, login_of

SAVES = "^(write|copy|commit)"
"""A line that saves, or puts into effect what is then saved with it."""


@pytest.fixture
async def lines(any_switch: Scene) -> tuple[str, ...]:
    return await any_switch.lines()


@pytest.fixture
def before(any_switch: Scene) -> tuple[Configuration, Configuration]:
    return any_switch.running.copy(), any_switch.startup.copy()


async def converges(scene: Scene, lines: tuple[str, ...]) -> None:
    """Once the fault has gone the next calls get it done, whatever the last one left."""
    scene.simulated.faults.clear()
    await scene.simulated.listening()
    scene.trust()
    scene.login = login_of()
    for _ in range(100):
        try:
            (outcome,) = await scene.work(scene.approved(lines))
        except UnavailableError:  # a commit that waits to go back
            continue
        break
    assert outcome.result == "done", outcome.message
    assert_done(scene)


def assert_done(scene: Scene) -> None:
    assert scene.running.vlans == {1: "default", 10: "office", 20: "voice", 100: "berth-acme"}
    assert len(scene.carries(100)) == 3
    assert scene.startup == scene.running


@pytest.mark.parametrize("effect", ["refuse", "no-banner", "no-session"])
async def test_a_switch_nobody_gets_into_is_as_it_was(
    any_switch: Scene, lines: tuple[str, ...], before: tuple[Configuration, Configuration], effect: str
) -> None:
    any_switch.simulated.faults.add(effect=effect)
    with pytest.raises(UnavailableError, match="leaf-1"):
        await any_switch.work(any_switch.approved(lines))
    assert (any_switch.running, any_switch.startup) == before
    await converges(any_switch, lines)


async def test_a_wrong_password_is_tried_once_and_changes_nothing(
    any_switch: Scene, lines: tuple[str, ...], before: tuple[Configuration, Configuration]
) -> None:
    any_switch.login = login_of(password="wrong-password-55aa")
    tried = len(any_switch.simulated.logins)
    with pytest.raises(RefusedError, match="login berth was refused") as refused:
        await any_switch.work(any_switch.approved(lines))
    assert refused.value.reason == "login-refused"
    assert any_switch.simulated.logins[tried:] == [("berth", "password", False)]
    assert (any_switch.running, any_switch.startup) == before
    await converges(any_switch, lines)


@pytest.mark.parametrize("any_switch", ["cisco-ios", "arista-eos"], indirect=True)
@pytest.mark.parametrize("message", ["", "% Error in authentication."])
async def test_a_wrong_enable_secret_changes_nothing(
    any_switch: Scene, lines: tuple[str, ...], before: tuple[Configuration, Configuration], message: str
) -> None:
    any_switch.simulated.faults.add(effect="deny-enable", message=message)
    with pytest.raises(RefusedError, match="the enable secret was refused") as refused:
        await any_switch.work(any_switch.approved(lines))
    assert refused.value.reason == "enable-refused"
    assert (any_switch.running, any_switch.startup) == before
    await converges(any_switch, lines)


@pytest.mark.parametrize("reason", ["host-key-unknown", "host-key-changed"])
async def test_where_the_host_key_is_not_the_trusted_one_no_password_is_sent(
    any_switch: Scene, lines: tuple[str, ...], before: tuple[Configuration, Configuration], reason: str
) -> None:
    tried = len(any_switch.simulated.logins)
    if reason == "host-key-unknown":
        any_switch.known_hosts.write_text("")
    else:
        any_switch.simulated.faults.add(effect="change-host-key")
    with pytest.raises(RefusedError) as refused:
        await any_switch.work(any_switch.approved(lines))
    assert refused.value.reason == reason
    assert any_switch.simulated.logins[tried:] == []
    assert (any_switch.running, any_switch.startup) == before
    await converges(any_switch, lines)


@pytest.mark.parametrize("line", ["^show", "^(vlan|set vlans)", "berth-acme", "add 100|members"])
async def test_a_switch_that_hangs_is_given_up_and_nothing_is_saved(
    any_switch: Scene,
    lines: tuple[str, ...],
    before: tuple[Configuration, Configuration],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module.Session.change, "__kwdefaults__", {"seconds": 0.4, "questions": None})
    monkeypatch.setattr(session_module.Session.read, "__kwdefaults__", {"seconds": 0.4})
    fault = any_switch.simulated.faults.add(effect="hang", line=line)
    with pytest.raises(UnavailableError, match="no answer in time"):
        await any_switch.work(any_switch.approved(lines))
    assert any_switch.simulated.faults.struck(fault) == 1
    assert any_switch.startup == before[1]
    assert len(any_switch.carries(100)) < 3
    monkeypatch.undo()
    await converges(any_switch, lines)


async def test_nobody_is_answered_before_a_slow_save_is_over(any_switch: Scene, lines: tuple[str, ...]) -> None:
    fault = any_switch.simulated.faults.add(effect="slow", line=SAVES, seconds=0.7)
    batch = asyncio.create_task(any_switch.work(any_switch.approved(lines)))
    await any_switch.simulated.faults.striking(fault)
    assert 100 not in any_switch.startup.vlans
    assert not batch.done()
    (outcome,) = await batch
    assert outcome.result == "done", outcome.message
    assert_done(any_switch)


@pytest.mark.parametrize("line", ["^show", "^(vlan|set)", "berth-acme", "add 100|members", SAVES, "^(end|exit)"])
async def test_log_messages_between_the_lines_confuse_nothing(
    any_switch: Scene, lines: tuple[str, ...], line: str
) -> None:
    any_switch.simulated.faults.add(effect="syslog", line=line)
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert (outcome.result, outcome.lines) == ("done", lines), outcome.message
    assert_done(any_switch)


async def test_a_reload_once_it_is_done_changes_nothing(any_switch: Scene, lines: tuple[str, ...]) -> None:
    (outcome,) = await any_switch.work(any_switch.approved(lines))
    assert outcome.result == "done", outcome.message
    any_switch.simulated.reload()
    assert_done(any_switch)


@pytest.mark.parametrize("any_switch", ["cisco-ios", "cisco-nxos"], indirect=True)
async def test_what_somebody_else_configures_at_the_same_time_stays(any_switch: Scene, lines: tuple[str, ...]) -> None:
    fault = any_switch.simulated.faults.add(effect="slow", line="^name", seconds=0.3, times=1)
    batch = asyncio.create_task(any_switch.work(any_switch.approved(lines)))
    await any_switch.simulated.faults.striking(fault)
    await any_switch.simulated.change("vlan 77", "name theirs", "exit", "ntp server 192.0.2.1")
    (outcome,) = await batch
    assert outcome.result == "done", outcome.message
    assert any_switch.running.vlans[77] == "theirs"
    assert any_switch.running.vlans[100] == "berth-acme"
    assert any_switch.running.other == ["ntp server 192.0.2.1"]
    assert len(any_switch.carries(100)) == 3
    assert any_switch.startup == any_switch.running


async def test_an_account_that_is_locked_is_not_logged_in_to_for_each_who_waits(
    any_switch: Scene, lines: tuple[str, ...], before: tuple[Configuration, Configuration]
) -> None:
    any_switch.simulated.login.lock_after = 2
    any_switch.login = login_of(password="wrong-password-55aa")
    with pytest.raises(RefusedError):
        await any_switch.work(any_switch.approved(lines), any_switch.request("survey", "globex"))
    assert not any_switch.simulated.login.locked
    assert (any_switch.running, any_switch.startup) == before
    any_switch.login = login_of(password=PASSWORD)
    await converges(any_switch, lines)
