"""What goes wrong on a switch: the outcome, and what is on the switch afterwards."""

import asyncio

import pytest

from clients.devices import session as session_module
from clients.errors import RefusedError, UnavailableError
from tests.clients.devices.scene import Scene, approval, login_of


async def converges(scene: Scene, *lines: str) -> None:
    """The next call gets it done, from whatever the last one left."""
    scene.simulated.faults.clear()
    await scene.simulated.listening()
    (outcome,) = await scene.work(scene.approved(lines or await scene.lines()))
    assert outcome.result == "done", outcome.message
    assert scene.running.vlans[100] == "berth-acme"
    assert set(scene.trunks) <= set(scene.carries(100))
    assert scene.startup == scene.running


async def test_a_line_that_was_not_approved_is_not_sent(ios: Scene) -> None:
    lines = await ios.lines()
    before = ios.running.copy()
    (outcome,) = await ios.work(ios.approved([line for line in lines if "0/2" not in line]))
    assert (outcome.result, outcome.reason) == ("refused", "not-approved")
    assert "'interface GigabitEthernet1/0/2' is not among the lines approved for leaf-1" in outcome.message
    assert ios.changed() == []
    assert ios.running == before


@pytest.mark.parametrize("which", ["none", "another switch", "another tenant", "another VLAN", "another preview"])
async def test_an_approval_of_something_else_is_none(ios: Scene, which: str) -> None:
    lines = await ios.lines()
    given = {
        "none": None,
        "another switch": approval("leaf-2", lines),
        "another tenant": approval("leaf-1", lines, "globex"),
        "another VLAN": approval("leaf-1", lines, "acme", 101),
        "another preview": approval("leaf-1", lines).model_copy(
            update={"decision": approval("leaf-1", lines[:3]).decision}
        ),
    }[which]
    (outcome,) = await ios.work(ios.request("ensure", approval=given))
    assert (outcome.result, outcome.reason) == ("refused", "not-approved")
    assert ios.changed() == []


async def test_a_vlan_of_somebody_else_is_never_touched(ios: Scene) -> None:
    await ios.simulated.change("vlan 100", "name theirs", "exit", *joined("GigabitEthernet1/0/1"))
    before = ios.running.copy()
    outcomes = await ios.work(
        ios.request("preview"), ios.request("ensure"), ios.request("absent"), ios.request("ensure", "globex", 10)
    )
    assert [(one.result, one.reason) for one in outcomes] == [("refused", "foreign-vlan")] * 4
    assert "VLAN 100 is there under the name 'theirs'" in outcomes[0].message
    assert ios.changed() == []
    assert ios.running == before


async def test_a_tenant_never_gets_a_second_vlan_of_its_name(ios: Scene) -> None:
    await ios.ensure(("acme", 100))
    outcome = await ios.ask("preview", vlan=101)
    assert (outcome.result, outcome.reason) == ("refused", "foreign-vlan")
    assert "VLAN 100 bears the name berth-acme already" in outcome.message


async def test_a_vlan_that_was_lost_before_it_had_its_name_is_ours_while_nobody_uses_it(ios: Scene) -> None:
    before, lines = ios.running.copy(), await ios.lines()
    await ios.simulated.change("vlan 100", "exit")
    assert await ios.lines() == lines
    assert (await ios.ask("absent")).lines == ("no vlan 100",)
    assert ios.running == before
    await ios.simulated.change("vlan 100", "exit", *joined("GigabitEthernet1/0/1"))
    assert (await ios.ask("preview")).reason == (await ios.ask("absent")).reason == "foreign-vlan"
    await ios.simulated.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan remove 100", "exit")
    await ios.simulated.change("interface GigabitEthernet1/0/3", "switchport mode access", "switchport access vlan 100")
    assert (await ios.ask("preview")).reason == (await ios.ask("absent")).reason == "foreign-vlan"


async def test_a_trunk_without_its_vlan_is_cleared_and_a_foreign_one_is_left(ios: Scene) -> None:
    await ios.simulated.change(*joined("GigabitEthernet1/0/1"))
    assert (await ios.ask("absent")).result == "done"
    assert ios.carries(100) == ["GigabitEthernet1/0/3"]


def joined(port: str, vlan: int = 100) -> list[str]:
    return [f"interface {port}", f"switchport trunk allowed vlan add {vlan}", "exit"]


@pytest.mark.parametrize("action", ["survey", "preview", "ensure", "verify"])
async def test_a_trunk_that_is_none_is_told(ios: Scene, action: str) -> None:
    await ios.simulated.change("interface GigabitEthernet1/0/2", "switchport mode access", "exit")
    outcome = await ios.ask(action)  # type: ignore[arg-type]  # parametrised
    assert (outcome.result, outcome.reason) == ("refused", "missing-trunk")
    assert "GigabitEthernet1/0/2" in outcome.message
    ios.trunks = ("GigabitEthernet1/0/1", "GigabitEthernet9/0/9")
    outcome = await ios.ask(action)  # type: ignore[arg-type]  # parametrised
    assert (outcome.result, outcome.reason) == ("refused", "missing-trunk")
    assert "GigabitEthernet9/0/9: the switch has no such port" in outcome.message


async def test_by_hand_work_is_verified_line_by_line(ios: Scene) -> None:
    outcome = await ios.ask("verify")
    assert (outcome.result, outcome.reason) == ("refused", "not-there")
    assert outcome.message.endswith("missing: " + "; ".join(await ios.lines()))
    await ios.simulated.change("vlan 100", "name whatever", "exit", *joined("GigabitEthernet1/0/1"))
    outcome = await ios.ask("verify")
    assert outcome.message.endswith(
        "missing: interface GigabitEthernet1/0/2; switchport trunk allowed vlan add 100; exit"
    )
    await ios.simulated.change(*joined("GigabitEthernet1/0/2"))
    assert (await ios.ask("verify")).result == "done"
    outcome = await ios.ask("verify-absent")
    assert (outcome.result, outcome.reason) == ("refused", "still-there")
    assert outcome.message.endswith("exit; no vlan 100")
    await ios.simulated.change("no vlan 100")
    assert (await ios.ask("verify-absent")).result == "done"
    assert ios.changed() == []
    assert "write memory" not in ios.simulated.journal.lines()


@pytest.mark.parametrize(
    "line",
    [
        "^vlan 100",
        "^name berth-acme",
        "^interface GigabitEthernet1/0/2",
        "allowed vlan add 100",
    ],
)
async def test_a_rejected_request_fails_alone_and_leaves_nothing(ios: Scene, line: str) -> None:
    before = ios.running.copy()
    previews = [await ios.lines("acme", 100), await ios.lines("globex", 101)]
    ios.simulated.faults.add(effect="error", line=line, message="% Command rejected: \x07not in this mood", times=1)
    rejected, done = await ios.work(ios.approved(previews[0]), ios.approved(previews[1], "globex", 101))
    assert (rejected.result, rejected.reason, done.result) == ("refused", "rejected", "done")
    assert "not in this mood" in rejected.message
    assert rejected.message.isprintable()
    assert "could not be taken back" not in rejected.message
    assert 100 not in ios.running.vlans
    assert ios.carries(100) == ["GigabitEthernet1/0/3"]
    assert ios.carries(101) == ["GigabitEthernet1/0/1", "GigabitEthernet1/0/2", "GigabitEthernet1/0/3"]
    assert ios.running.vlans == {**before.vlans, 101: "berth-globex"}
    assert ios.startup == ios.running


async def test_what_cannot_be_taken_back_is_told(ios: Scene) -> None:
    lines = await ios.lines()
    ios.simulated.faults.add(effect="error", line="^interface GigabitEthernet1/0/2", message="% Invalid", times=1)
    ios.simulated.faults.add(effect="error", line="^no vlan 100", message="% Invalid")
    (outcome,) = await ios.work(ios.approved(lines))
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert "could not be taken back: VLAN 100 is there" in outcome.message


async def test_a_line_that_is_lost_once_is_sent_again(ios: Scene) -> None:
    lines = await ios.lines()
    ios.simulated.faults.add(effect="ignore", line="allowed vlan add", times=1)
    (outcome,) = await ios.work(ios.approved(lines))
    assert outcome.result == "done", outcome.message
    assert set(ios.trunks) <= set(ios.carries(100))
    assert ios.startup == ios.running


async def test_lines_without_effect_are_no_success(ios: Scene) -> None:
    before, lines = ios.running.copy(), await ios.lines()
    ios.simulated.faults.add(effect="ignore", line="allowed vlan add")
    (outcome,) = await ios.work(ios.approved(lines))
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert "have no effect" in outcome.message
    assert ios.running == before


@pytest.mark.parametrize("effect", ["drop", "lose-answer", "reload"])
@pytest.mark.parametrize("line", ["^show vlan", "^configure", "^vlan", "^exit", "add 100", "^end", "^write memory"])
async def test_a_lost_session_is_unavailable_and_the_next_one_converges(ios: Scene, effect: str, line: str) -> None:
    lines = await ios.lines()
    fault = ios.simulated.faults.add(effect=effect, line=line, times=1)
    with pytest.raises(UnavailableError, match=r"leaf-1 .* is missing|leaf-1 .*no session"):
        await ios.work(ios.approved(lines))
    assert ios.simulated.faults.struck(fault) == 1
    await converges(ios, *lines)


async def test_a_switch_that_hangs_is_given_up(ios: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = await ios.lines()
    monkeypatch.setattr(session_module.Session.change, "__kwdefaults__", {"seconds": 0.3, "questions": None})
    ios.simulated.faults.add(effect="hang", line="^name")
    with pytest.raises(UnavailableError, match="no answer in time"):
        await ios.work(ios.approved(lines))
    monkeypatch.undo()
    await converges(ios)


@pytest.mark.parametrize("message", ["", "% Error opening nvram: (disk full)", "Building configuration...\nhm"])
async def test_done_is_said_only_when_it_was_saved(ios: Scene, message: str) -> None:
    lines = await ios.lines()
    ios.simulated.faults.add(effect="deny-save", message=message)
    with pytest.raises(UnavailableError, match=r"`write memory` failed"):
        await ios.work(ios.approved(lines))
    assert 100 not in ios.startup.vlans
    await converges(ios)


@pytest.mark.parametrize("line", ["^show vlan", "^show running", "^vlan", "add 100", "^write"])
async def test_log_messages_between_the_lines_confuse_nothing(ios: Scene, line: str) -> None:
    lines = await ios.lines()
    ios.simulated.faults.add(effect="syslog", line=line)
    (outcome,) = await ios.work(ios.approved(lines))
    assert (outcome.result, outcome.lines) == ("done", lines), outcome.message
    assert ios.startup == ios.running


async def test_a_wrong_password_is_tried_once(ios: Scene) -> None:
    ios.login = login_of(password="wrong-password-55aa")
    with pytest.raises(RefusedError, match="login berth was refused") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "login-refused"
    assert len(ios.simulated.logins) == 1


@pytest.mark.parametrize("secret", ["wrong-enable-secret", None])
async def test_a_wrong_enable_secret_is_tried_once(ios: Scene, secret: str | None) -> None:
    ios.login = login_of(enable=secret)
    with pytest.raises(RefusedError, match="enable secret") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "enable-refused"


async def test_an_unknown_host_key_is_refused_before_the_password_is_sent(ios: Scene) -> None:
    ios.known_hosts.write_text("")
    with pytest.raises(RefusedError, match=r"no host key of \[127.0.0.1\]:\d+ in .*trust-hosts") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "host-key-unknown"
    ios.known_hosts.unlink()
    with pytest.raises(RefusedError, match="cannot be read") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "host-key-unknown"
    assert ios.simulated.logins == []


async def test_a_changed_host_key_is_refused_before_the_password_is_sent(ios: Scene) -> None:
    ios.simulated.faults.add(effect="change-host-key")
    with pytest.raises(RefusedError, match=r"shows host key SHA256:\S+, expected SHA256:\S+") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "host-key-changed"
    assert ios.simulated.logins == []


@pytest.mark.parametrize("effect", ["refuse", "no-banner", "no-session"])
async def test_a_switch_without_room_is_unavailable(ios: Scene, effect: str) -> None:
    ios.simulated.faults.add(effect=effect)
    with pytest.raises(UnavailableError, match="leaf-1"):
        await ios.ask("survey")
    await converges(ios)


@pytest.mark.parametrize("after", range(8))
async def test_a_worker_that_was_silent_for_too_long_sends_nothing_more(ios: Scene, after: int) -> None:
    lines = await ios.lines()
    ios.simulated.journal.clear()
    asked = iter(range(100))
    ios.alive = lambda: next(asked) < after
    with pytest.raises(UnavailableError, match="silent for too long"):
        await ios.work(ios.approved(lines))
    assert ios.changed() == list(lines)[: max(after - 1, 0)]
    ios.alive = lambda: True
    await converges(ios, *lines)


async def test_a_cancelled_batch_stops_before_its_next_line(ios: Scene) -> None:
    lines = await ios.lines()
    fault = ios.simulated.faults.add(effect="slow", line="^name", seconds=0.5)
    batch = asyncio.create_task(ios.work(ios.approved(lines)))
    await ios.simulated.faults.striking(fault)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert ios.changed() == ["vlan 100", "name berth-acme"]
    await converges(ios, *lines)


async def test_a_login_without_rights_is_told_and_leaves_nothing(ios: Scene) -> None:
    before, lines = ios.running.copy(), await ios.lines()
    ios.simulated.faults.add(effect="error", line="^interface", message="% Authorization failed.")
    (outcome,) = await ios.work(ios.approved(lines))
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert "Authorization failed" in outcome.message
    assert ios.running == before
    ios.simulated.faults.add(effect="error", line="^show running", message="% Authorization failed.")
    with pytest.raises(RefusedError, match="may not read") as refused:
        await ios.ask("survey")
    assert refused.value.reason == "login-refused"


async def test_a_vlan_that_could_not_be_taken_away_is_not_made_another_tenants_in_the_same_batch(ios: Scene) -> None:
    lines = await ios.lines("globex", 100)
    await ios.ensure(("acme", 100))
    ios.simulated.faults.add(effect="error", line="^no vlan 100", message="% Invalid", times=1)
    absent, ensure = await ios.work(ios.request("absent"), ios.approved(lines, "globex", 100))
    assert (absent.result, absent.reason) == ("refused", "rejected")
    assert (ensure.result, ensure.reason) == ("refused", "foreign-vlan")
    assert ios.running.vlans[100] == "berth-acme"
    assert ios.carries(100)[:2] == list(ios.trunks)
