"""Static routes on simulated routers of every platform: there, gone, replaced, saved; and what goes wrong."""

import asyncio

import pytest

from clients.errors import UnavailableError
from tenancy.edge import RouterPlatform
from tests.clients.devices.routers.conftest import RouterScene
from tests.clients.devices.routers.wishes import BOTH, HOP, HOP6, OTHER_HOP, V4, V6

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


async def converged(router: RouterScene) -> None:
    """Announces until it is done; a commit of Junos that nobody confirmed goes back by itself first."""
    while True:
        try:
            await router.done("announce", BOTH)
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
