"""Static routes on simulated routers of every platform: there, gone, replaced, saved; and what goes wrong."""

import asyncio
import re

import pytest
from netmiko.vyos.vyos_ssh import VyOSSSH

from clients.errors import UnavailableError
from tenancy.devices import EdgeAction
from tenancy.edge import RouterPlatform
from tests.clients.devices.routers.conftest import RouterScene
from tests.clients.devices.routers.wishes import BOTH, HOP, HOP6, OTHER_HOP, V4, V6
from tests.clients.devices.scene import ENABLE, somebody_else

NET4, NET6 = f"{V4}/32", f"{V6}/128"
SET4, SET6 = f"set routing-options static route {NET4}", f"set routing-options rib inet6.0 static route {NET6}"
LINES: dict[RouterPlatform, tuple[str, ...]] = {
    "cisco-iosxe": (
        f"ip route {V4} 255.255.255.255 {HOP} tag 4200 name berth-acme",
        f"ipv6 route {NET6} {HOP6} tag 4200 name berth-acme",
    ),
    "arista-eos": (
        f"ip route {NET4} {HOP} tag 4200 name berth-acme",
        f"ipv6 route {NET6} {HOP6} tag 4200 name berth-acme",
    ),
    "juniper-junos": (f"{SET4} next-hop {HOP}", f"{SET4} tag 4200", f"{SET6} next-hop {HOP6}", f"{SET6} tag 4200"),
    "vyos": (
        f"set protocols static route {NET4} next-hop {HOP}",
        f"set protocols static route {NET4} description berth-acme",
        f"set protocols static route6 {NET6} next-hop {HOP6}",
        f"set protocols static route6 {NET6} description berth-acme",
    ),
}


async def test_routes_of_both_families_are_there_saved_and_gone_again(router: RouterScene) -> None:
    assert (await router.done("announce", BOTH)).lines == LINES[router.platform]
    assert router.statics() == router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}
    assert (await router.done("announce", BOTH)).lines == ()
    assert (await router.done("look", BOTH)).in_force == (V4, V6)
    assert len((await router.done("withdraw", BOTH)).lines) == 2
    assert router.statics() == router.statics("startup") == set()
    assert (await router.done("withdraw", BOTH)).lines == ()
    assert (await router.done("look", BOTH)).in_force == ()


async def test_what_is_discarded_is_there_and_gone_again(router: RouterScene) -> None:
    wish = {V4: None, V6: None}
    await router.done("announce", wish)
    assert router.statics("startup") == {(NET4, None), (NET6, None)}
    assert (await router.done("look", wish)).in_force == (V4, V6)
    assert (await router.done("announce", wish)).lines == ()
    await router.done("withdraw", BOTH)
    assert router.statics() == set()


async def test_a_changed_next_hop_replaces_the_route(router: RouterScene) -> None:
    for hop in (HOP, OTHER_HOP, None, HOP):
        await router.done("announce", {V4: hop, V6: HOP6})
        assert router.statics("startup") == {(NET4, hop), (NET6, HOP6)}
        assert (await router.done("look", {V4: hop})).in_force == (V4,)
    assert (await router.done("look", {V4: OTHER_HOP})).in_force == ()


async def test_a_look_tells_what_is_not_in_the_routing_table(router: RouterScene) -> None:
    unreachable = {"198.51.100.9": "203.0.113.77", V4: HOP}
    await router.done("announce", unreachable)
    assert (await router.done("look", unreachable)).in_force == (V4,)


async def test_a_neighbour_is_asked_for_any_route_and_not_for_its_configuration(router: RouterScene) -> None:
    for network, hop in ((NET4, "192.0.2.99"), (NET6, "2001:db8:ff::99"), ("198.51.100.0/24", "192.0.2.99")):
        router.simulated.hear(network, hop)
    wish = {**BOTH, "198.51.100.8": HOP}
    assert (await router.done("look", wish, neighbour=True)).in_force == (V4, V6)
    assert (await router.done("look", wish)).in_force == ()
    router.simulated.unhear(NET4)
    assert (await router.done("look", wish, neighbour=True)).in_force == (V6,)
    refused = await router.ask("announce", wish, neighbour=True)
    assert (refused.result, refused.reason) == ("refused", "invalid-request")
    assert router.statics() == set()


async def test_a_route_of_another_tenant_is_refused_where_the_platform_tells_whose_it_is(router: RouterScene) -> None:
    await router.done("announce", BOTH)
    for action in ("announce", "withdraw"):
        outcome = await router.ask(action, BOTH, "globex")
        assert outcome.result == "done" if router.platform == "juniper-junos" else outcome.reason == "foreign-route"
        if outcome.result == "refused":
            assert "named 'berth-acme'" in outcome.message
            assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


THEIRS: dict[RouterPlatform, tuple[tuple[str, ...], ...]] = {
    "cisco-iosxe": (
        (f"ip route {V4} 255.255.255.255 {HOP}",),
        (f"ip route {V4} 255.255.255.255 {HOP} tag 7 name berth-acme",),
        (f"ip route {V4} 255.255.255.255 {HOP} 200 tag 4200 name berth-acme",),
        (f"ip route {V4} 255.255.255.255 GigabitEthernet1 tag 4200 name berth-acme",),
    ),
    "arista-eos": (
        (f"ip route {NET4} {HOP}",),
        (f"ip route {NET4} Null0 tag 4200",),
        (f"ip route {NET4} {HOP} 200 tag 4200 name berth-acme",),
    ),
    "juniper-junos": (
        (f"{SET4} next-hop {HOP}",),
        (f"{SET4} discard", f"{SET4} tag 7"),
        (f"{SET4} next-hop {HOP}", f"{SET4} tag 4200", f"{SET4} preference 200"),
    ),
    "vyos": (
        (f"set protocols static route {NET4} next-hop {HOP}",),
        (f"set protocols static route {NET4} blackhole", f"set protocols static route {NET4} description berth-acme"),
        (
            f"set protocols static route {NET4} next-hop {HOP} distance 200",
            f"set protocols static route {NET4} description berth-acme",
        ),
    ),
}


async def test_a_foreign_route_is_refused_and_left_alone(router: RouterScene) -> None:
    for theirs in THEIRS[router.platform]:
        await router.simulated.change(*theirs)
        before = router.simulated.text("running")
        for action in ("announce", "withdraw"):
            refused, done = await router.work(
                router.request(action, BOTH), router.request("withdraw", {"198.51.100.8": HOP}, "globex")
            )
            assert (refused.result, refused.reason, done.result) == ("refused", "foreign-route", "done")
            assert NET4 in refused.message
            assert router.simulated.text("running") == before
        undo = theirs[0].split(f"{HOP} ")[0] if router.platform in ("cisco-iosxe", "arista-eos") else ""
        await router.simulated.change(
            f"no {undo}" if undo else f"delete {theirs[0].partition(NET4)[0].removeprefix('set ')}{NET4}"
        )
        assert router.statics() == set()


ERRORS: dict[RouterPlatform, str] = {
    "cisco-iosxe": "%Invalid next hop address (it's this router)",
    "arista-eos": "% Invalid input",
    "juniper-junos": "error: invalid value",
    "vyos": "\n  Value validation failed\n  Set failed\n",
}


async def test_a_rejected_line_leaves_nothing_and_the_other_tenants_have_theirs(router: RouterScene) -> None:
    fault = router.simulated.faults.add(
        effect="error", line=rf"^(?!show).*{V6}", message=ERRORS[router.platform], times=1
    )
    rejected, done = await router.work(
        router.request("announce", BOTH), router.request("announce", {"198.51.100.8": HOP}, "globex")
    )
    assert router.simulated.faults.struck(fault) == 1
    assert (rejected.result, rejected.reason, done.result) == ("refused", "rejected", "done")
    assert router.statics() == router.statics("startup") == {("198.51.100.8/32", HOP)}


async def test_one_session_serves_fifty_tenants(router: RouterScene) -> None:
    wishes = {f"tenant-{i}": {f"198.51.100.{i}": HOP, f"2001:db8:100::{i:x}": HOP6} for i in range(1, 51)}
    outcomes = await router.work(*(router.request("announce", wish, tenant) for tenant, wish in wishes.items()))
    assert {outcome.result for outcome in outcomes} == {"done"}
    assert len(router.statics("startup")) == 100
    looked = await router.work(*(router.request("look", wish, tenant) for tenant, wish in wishes.items()))
    assert [outcome.in_force for outcome in looked] == [tuple(wish) for wish in wishes.values()]
    outcomes = await router.work(*(router.request("withdraw", wish, tenant) for tenant, wish in wishes.items()))
    assert {outcome.result for outcome in outcomes} == {"done"}
    assert router.statics("startup") == set()


@pytest.mark.parametrize("router", ["cisco-iosxe", "arista-eos", "vyos"], indirect=True)
async def test_a_refused_save_is_never_done_and_the_next_try_saves(router: RouterScene) -> None:
    router.simulated.faults.add(effect="deny-save", times=1)
    with pytest.raises(UnavailableError, match=r"router edge-1 .* failed"):
        await router.ask("announce", BOTH)
    assert router.statics("startup") == set()
    assert (await router.done("announce", BOTH)).lines == ()
    assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


@pytest.mark.parametrize("line", [rf"^(?!show).*{V6}", "^(?:end|commit)", "^(?:write memory|save|commit)$"])
async def test_a_session_that_is_lost_in_the_middle_converges_with_the_next(router: RouterScene, line: str) -> None:
    fault = router.simulated.faults.add(effect="lose-answer", line=line, times=1)
    with pytest.raises(UnavailableError, match="whether it took effect is unknown"):
        await router.ask("announce", BOTH)
    assert router.simulated.faults.struck(fault) == 1
    await converged(router)
    assert router.statics() == router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


async def converged(router: RouterScene, action: EdgeAction = "announce") -> None:
    """Asks until it is done; a commit of Junos that nobody confirmed goes back by itself first."""
    while True:
        try:
            await router.done(action, BOTH)
        except UnavailableError as error:
            if error.retry_after is None:
                raise
        else:
            return


@pytest.mark.parametrize("router", ["arista-eos"], indirect=True)
async def test_a_route_somebody_makes_at_the_same_moment_is_not_taken_back(router: RouterScene) -> None:
    """It looks much like what Berth does itself."""
    fault = router.simulated.faults.add(effect="slow", line="^show session-config diffs", seconds=0.3, times=1)
    batch = asyncio.create_task(router.ask("announce", BOTH))
    await router.simulated.faults.striking(fault)
    await router.simulated.change(f"ip route 198.51.100.8/32 {HOP} tag 4200 name berth-globex")
    before = router.simulated.text("running")
    with pytest.raises(UnavailableError, match=r"a change of the route to 198\.51\.100\.8/32 would be committed"):
        await batch
    assert router.simulated.text("running") == before
    await router.done("announce", BOTH)
    assert ("198.51.100.8/32", HOP) in router.statics("startup")


with_confirmation = pytest.mark.parametrize("router", ["arista-eos", "juniper-junos"], indirect=True)


@with_confirmation
async def test_a_confirmation_that_is_rejected_is_not_done_and_the_commit_goes_back(router: RouterScene) -> None:
    line, message = {
        "arista-eos": ("^configure session .* commit$", "% Session berth-0 does not exist"),
        "juniper-junos": ("^commit$", "error: could not commit"),
    }[router.platform]
    router.simulated.faults.add(effect="error", line=line, message=message, times=1)
    with pytest.raises(UnavailableError, match=f"{message}.*: the commit before goes back by itself"):
        await router.ask("announce", BOTH)
    assert router.statics("startup") == set()
    await converged(router)
    assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


@pytest.mark.parametrize("router", ["arista-eos"], indirect=True)
async def test_a_commit_whose_time_ran_out_before_it_was_confirmed_is_not_done(router: RouterScene) -> None:
    router.simulated.faults.add(effect="slow", line="^configure session .* commit$", seconds=1.5, times=1)
    with pytest.raises(UnavailableError, match="does not exist': the commit before"):
        await router.ask("announce", BOTH)
    assert router.statics() == router.statics("startup") == set()
    await router.done("announce", BOTH)
    assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


@with_confirmation
async def test_a_commit_that_cannot_be_taken_back_either_is_not_done(router: RouterScene) -> None:
    line, message = {
        "arista-eos": ("^configure session .* abort$", "% Internal error"),
        "juniper-junos": ("^rollback 1", "error: could not open configuration file"),
    }[router.platform]
    ignored = {"arista-eos": f"^ipv6 route {V6}", "juniper-junos": f"^set .*{V6}/128 tag"}[router.platform]
    router.simulated.faults.add(effect="ignore", line=ignored, times=1)
    router.simulated.faults.add(effect="error", line=line, message=message, times=1)
    with pytest.raises(UnavailableError, match=f"{message}.*: the commit before goes back by itself"):
        await router.ask("announce", BOTH)
    await converged(router)
    assert router.statics() == router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


@pytest.mark.parametrize("router", ["juniper-junos", "vyos"], indirect=True)
async def test_a_configuration_mode_that_is_not_left_after_the_commit_is_not_done(router: RouterScene) -> None:
    message = {"juniper-junos": "error: internal error", "vyos": "Cannot exit: configuration modified."}[
        router.platform
    ]
    router.simulated.faults.add(effect="error", line="^exit", message=message, times=1)
    with pytest.raises(UnavailableError, match=f"^.*{message}.*: the commit before (?:goes back|is in effect)"):
        await router.ask("announce", BOTH)
    assert router.statics("startup") == set()
    await converged(router)
    assert router.statics() == router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


async def test_a_line_that_is_taken_and_does_nothing_leaves_nothing_half_applied(router: RouterScene) -> None:
    """The other tenant of the session has its routes all the same."""
    lines = {line for line in LINES[router.platform] if V4 in line}
    other = ("198.51.100.8/32", HOP)
    for line in lines:
        fault = router.simulated.faults.add(effect="ignore", line=f"^{re.escape(line)}$")
        refused, done = await router.work(
            router.request("announce", BOTH), router.request("announce", {"198.51.100.8": HOP}, "globex")
        )
        assert router.simulated.faults.struck(fault) >= 1
        assert (refused.result, refused.reason, done.result) == ("refused", "rejected", "done"), line
        assert "BUT" not in refused.message
        assert router.statics() == router.statics("startup") == {other}
        router.simulated.faults.clear()
        await router.done("announce", BOTH)
        await router.done("withdraw", BOTH)


@pytest.mark.parametrize("router", ["vyos"], indirect=True)
async def test_what_vyos_would_do_half_is_never_active(router: RouterScene) -> None:
    await router.done("announce", {V4: HOP})
    for line in ("description berth-acme$", "next-hop", f"^delete .*{NET4}$"):
        router.simulated.faults.add(effect="ignore", line=line)
        refused = await router.ask("announce", {V4: OTHER_HOP, V6: HOP6})
        assert (refused.result, refused.reason) == ("refused", "rejected"), line
        assert router.simulated.journal.lines(configuring=True)[-2:] == ["compare commands", "exit discard"]
        router.simulated.faults.clear()
        assert router.statics() == {(NET4, HOP)}
        assert (await router.done("look", {V4: HOP})).in_force == (V4,)


@pytest.mark.parametrize("router", ["arista-eos"], indirect=True)
async def test_while_a_commit_of_somebody_else_waits_to_be_confirmed_ours_waits_too(router: RouterScene) -> None:
    async with somebody_else(
        router.simulated.port,
        "enable",
        ENABLE,
        "configure session theirs",
        "logging buffered 100",
        "commit timer 01:00:00",
    ) as say:
        with pytest.raises(UnavailableError, match="somebody else is at work on the configuration"):
            await router.ask("announce", BOTH)
        assert router.statics() == set()
        await say("configure session theirs commit")
    await router.done("announce", BOTH)
    assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


FULL: dict[RouterPlatform, tuple[str, str]] = {
    "cisco-iosxe": ("^write memory", "%Error writing (No space left on device)"),
    "arista-eos": ("^commit timer", "% Cannot commit session: No space left on device"),
    "juniper-junos": ("^commit (?:check|confirmed)", "error: /config/juniper.conf: No space left on device"),
    "vyos": ("^commit", "OSError: [Errno 28] No space left on device"),
}


async def test_a_full_disk_is_no_fault_of_the_request(router: RouterScene) -> None:
    line, message = FULL[router.platform]
    router.simulated.faults.add(effect="error", line=line, message=message)
    with pytest.raises(UnavailableError, match="No space left on device"):
        await router.ask("announce", BOTH)
    assert router.statics("startup") == set()
    router.simulated.faults.clear()
    await router.done("announce", BOTH)
    assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}


@pytest.mark.parametrize("router", ["juniper-junos"], indirect=True)
async def test_junos_that_cannot_write_what_it_commits_is_asked_again(router: RouterScene) -> None:
    router.simulated.faults.add(effect="deny-save", times=1)
    with pytest.raises(UnavailableError, match="no fault of the request"):
        await router.ask("announce", BOTH)
    assert router.statics() == set()
    await router.done("announce", BOTH)


async def test_a_session_that_is_lost_after_any_line_of_a_withdrawal_converges_with_the_next(
    router: RouterScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Netmiko listens for two seconds of silence there, and these are fifty sessions.
    reads = VyOSSSH._test_channel_read
    monkeypatch.setattr(VyOSSSH, "_test_channel_read", lambda self: reads(self, pattern=r"[$#]"))
    await router.done("announce", BOTH)
    router.simulated.journal.clear()
    await router.done("withdraw", BOTH)
    for number, line in enumerate(router.simulated.journal.lines()):
        await converged(router)
        assert router.statics("startup") == {(NET4, HOP), (NET6, HOP6)}
        fault = router.simulated.faults.add(effect="lose-answer", skip=number, times=1)
        with pytest.raises(UnavailableError):
            await router.ask("withdraw", BOTH)
        assert router.simulated.faults.struck(fault) == 1, line
        router.simulated.faults.clear()
        await converged(router, "withdraw")
        assert router.statics() == router.statics("startup") == set(), line
