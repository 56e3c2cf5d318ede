"""Static routes on a real FRR router, asserted on it, on what it starts with, and in the BGP table of its neighbour."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from clients.devices import work
from clients.errors import UnavailableError
from tenancy.devices import DeviceOutcome, EdgeAction, EdgeRequest
from tests.clients.devices.routers.wishes import BOTH, HOP, HOP6, OTHER_HOP, TAG, V4, V6, Wish, Wishes
from tests.dataplane.routers import EDGE, FABRIC, Edge, missing, running_edge

if reason := missing():
    pytest.skip(f"no real routers here: {reason}", allow_module_level=True)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE, LINE6 = f"ip route {V4}/32 {HOP} tag {TAG}", f"ipv6 route {V6}/128 {HOP6} tag {TAG}"


@dataclass
class Scene(Wishes):
    """The routers, and what is asked of them."""

    edge: Edge
    tag: int = TAG
    alive: Callable[[], bool] = lambda: True

    async def work(self, *requests: EdgeRequest, router: str = EDGE) -> list[DeviceOutcome]:
        return await work(
            self.edge.router(router),
            self.edge.login(),
            requests,
            known_hosts=self.edge.known_hosts,
            alive=self.alive,
            progress=lambda _: None,
            tag=self.tag,
            neighbour=router == FABRIC,
        )

    async def ask(self, action: EdgeAction, wish: Wish, tenant: str = "acme", *, router: str = EDGE) -> DeviceOutcome:
        (outcome,) = await self.work(self.request(action, wish, tenant), router=router)
        return outcome

    async def done(self, action: EdgeAction, wish: Wish, *, router: str = EDGE) -> DeviceOutcome:
        outcome = await self.ask(action, wish, router=router)
        assert outcome.result == "done", outcome.message
        return outcome

    def by_hand(self, *lines: str) -> str:
        """What somebody else configures."""
        return self.edge.vtysh("configure terminal", *lines)

    def before(self, ready: Callable[[], bool], act: Callable[[], object]) -> list[int]:
        """Has something happen once, right before a line is sent; the list returned is not empty once it has."""
        struck: list[int] = []

        def alive() -> bool:
            if not struck and ready():
                struck.append(1)
                act()
            return True

        self.alive = alive
        return struck

    def runs(self, line: str) -> Callable[[], bool]:
        """Whether a line of ours has been taken by now."""
        return lambda: line in self.edge.statics()


@pytest_asyncio.fixture(loop_scope="module")
async def own(tmp_path: Path) -> AsyncIterator[Scene]:
    """Routers for a test that kills what they run."""
    async with running_edge(tmp_path / "edge") as edge:
        yield Scene(edge)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    async with running_edge(tmp_path_factory.mktemp("edge")) as edge:
        yield edge


@pytest_asyncio.fixture(loop_scope="module")
async def scene(shared: Edge) -> AsyncIterator[Scene]:
    """Routers that the others of this module use as well; no route is left for them."""
    yield Scene(shared)
    if left := shared.statics():
        shared.vtysh("configure terminal", *(f"no {line}" for line in sorted(left)))
    shared.vtysh("write memory")
    await shared.until_heard(set())
    assert shared.statics() == shared.statics(FABRIC) == set()
    assert "\nip route " not in shared.startup()
    assert "\nipv6 route " not in shared.startup()


async def test_an_announced_route_is_heard_in_the_fabric_and_a_withdrawn_one_forgotten(scene: Scene) -> None:
    assert (await scene.done("announce", BOTH)).lines == (LINE, LINE6)
    await scene.edge.until_heard({V4, V6})
    assert scene.edge.statics() == {LINE, LINE6}
    assert LINE in scene.edge.startup()
    assert LINE6 in scene.edge.startup()
    assert (await scene.done("withdraw", BOTH)).lines == (f"no {LINE}", f"no {LINE6}")
    await scene.edge.until_heard(set())
    assert scene.edge.statics() == set()
    assert V4 not in scene.edge.startup()
    assert V6 not in scene.edge.startup()


async def test_asking_again_sends_no_line_and_is_saved(scene: Scene) -> None:
    await scene.done("announce", BOTH)
    assert (await scene.done("announce", BOTH)).lines == ()
    await scene.done("withdraw", BOTH)
    assert (await scene.done("withdraw", BOTH)).lines == ()


async def test_what_is_announced_without_a_next_hop_is_discarded_and_heard(scene: Scene) -> None:
    await scene.done("announce", {V4: None, V6: None})
    assert scene.edge.statics() == {f"ip route {V4}/32 Null0 tag {TAG}", f"ipv6 route {V6}/128 Null0 tag {TAG}"}
    await scene.edge.until_heard({V4, V6})
    await scene.done("withdraw", {V4: None, V6: None})
    assert scene.edge.statics() == set()


@pytest.mark.parametrize("hop", [OTHER_HOP, None])
async def test_a_changed_next_hop_replaces_the_route_there_and_back(scene: Scene, hop: str | None) -> None:
    await scene.done("announce", BOTH)
    other = f"ip route {V4}/32 {hop or 'Null0'} tag {TAG}"
    # The new way before the old one goes, where both can be there: the fabric does not hear of a change.
    expected = (other, f"no {LINE}") if hop else (f"no {LINE}", other)
    assert (await scene.done("announce", {V4: hop})).lines == expected
    assert scene.edge.statics() == {other, LINE6}
    await scene.done("announce", BOTH)
    assert scene.edge.statics() == {LINE, LINE6}


async def test_a_route_is_withdrawn_whatever_its_next_hop(scene: Scene) -> None:
    await scene.done("announce", {V4: OTHER_HOP, V6: None})
    await scene.done("withdraw", BOTH)
    assert scene.edge.statics() == set()


async def test_one_session_serves_fifty_tenants(scene: Scene) -> None:
    wishes = {f"tenant-{i}": {f"198.51.100.{i}": HOP, f"2001:db8:100::{i}": HOP6} for i in range(1, 51)}
    outcomes = await scene.work(*(scene.request("announce", wish, tenant) for tenant, wish in wishes.items()))
    assert {outcome.result for outcome in outcomes} == {"done"}
    await scene.edge.until_heard({address for wish in wishes.values() for address in wish})
    outcomes = await scene.work(*(scene.request("withdraw", wish, tenant) for tenant, wish in wishes.items()))
    assert {outcome.result for outcome in outcomes} == {"done"}
    await scene.edge.until_heard(set())


async def test_nothing_that_was_reported_done_is_lost_with_the_daemons(own: Scene) -> None:
    await own.done("announce", {V4: HOP, V6: None})
    await own.done("withdraw", {V6: None})
    own.edge.kill()
    await own.edge.until_heard(set())
    await own.edge.start()
    await own.edge.until_heard({V4})
    assert (await own.done("look", {V4: HOP, V6: None})).in_force == (V4,)


async def test_a_look_tells_what_is_routed_as_asked(scene: Scene) -> None:
    unreachable = "198.51.100.9"
    await scene.done("announce", {V4: HOP, V6: HOP6, unreachable: "203.0.113.77"})
    await scene.edge.until_heard({V4, V6})
    asked: Wish = {V4: HOP, V6: HOP6, unreachable: "203.0.113.77", "198.51.100.200": HOP}
    outcome = await scene.done("look", asked)
    assert (outcome.in_force, outcome.lines) == ((V4, V6), ())
    assert (await scene.done("look", {V4: OTHER_HOP, V6: None})).in_force == ()
    assert (await scene.done("look", asked, router=FABRIC)).in_force == (V4, V6)
    assert (await scene.done("look", {V4: OTHER_HOP, V6: None}, router=FABRIC)).in_force == (V4, V6)


async def test_a_neighbour_is_never_configured(scene: Scene) -> None:
    outcome = await scene.ask("announce", BOTH, router=FABRIC)
    assert (outcome.result, outcome.reason) == ("refused", "invalid-request")
    assert scene.edge.statics(FABRIC) == set()


@pytest.mark.parametrize("action", ["announce", "withdraw"])
async def test_a_foreign_route_is_refused_and_left_alone(scene: Scene, action: EdgeAction) -> None:
    other = f"ip route 198.51.100.8/32 {HOP} tag {TAG}"
    for theirs in (
        f"ip route {V4}/32 {HOP}",
        f"ip route {V4}/32 {HOP} tag 7",
        f"ip route {V4}/32 Null0",
        f"ip route {V4}/32 {HOP} tag {TAG} 200",
        f"ip route {V4}/32 provider tag {TAG}",
    ):
        scene.by_hand(theirs)
        refused, done = await scene.work(
            scene.request(action, BOTH), scene.request("announce", {"198.51.100.8": HOP}, "globex")
        )
        assert (refused.result, refused.reason, refused.lines) == ("refused", "foreign-route", ())
        assert f"{V4}/32" in refused.message
        assert done.result == "done"
        assert scene.edge.statics() == {theirs, other}
        scene.by_hand(f"no {theirs}")
        assert scene.edge.statics() == {other}


async def test_routes_of_others_stay_as_they_are(scene: Scene) -> None:
    scene.by_hand("ip route 203.0.113.0/24 Null0", f"ip route 198.51.100.99/32 {HOP}", "ip route 198.51.100.0/24 Null0")
    before = scene.edge.statics()
    await scene.done("announce", BOTH)
    await scene.done("withdraw", BOTH)
    assert scene.edge.statics() == before


async def test_a_next_hop_of_the_other_family_never_reaches_the_router(scene: Scene) -> None:
    outcome = await scene.ask("announce", {V4: HOP6})
    assert (outcome.result, outcome.reason, outcome.lines) == ("refused", "rejected", ())
    assert scene.edge.statics() == set()


async def test_a_rejected_line_leaves_no_half_applied_state(scene: Scene) -> None:
    """FRR takes no next hop for what is discarded; the discard comes into being after Berth has read."""
    second = "198.51.100.8"
    theirs = f"ip route {second}/32 Null0 tag 7"
    struck = scene.before(scene.runs(LINE), lambda: scene.by_hand(theirs))
    rejected, done = await scene.work(
        scene.request("announce", {V4: HOP, second: HOP}), scene.request("announce", {V6: HOP6}, "globex")
    )
    assert struck
    assert (rejected.result, rejected.reason, done.result) == ("refused", "rejected", "done")
    assert "Error description: Route cannot have blackhole" in rejected.message
    assert "was left changed" in rejected.message
    assert "BUT" not in rejected.message
    assert scene.edge.statics() == {theirs, LINE6}
    await scene.edge.until_heard({V6})
    assert V4 not in scene.edge.startup()


async def test_a_tag_the_router_does_not_know_is_rejected(scene: Scene) -> None:
    scene.tag = 2**32
    outcome = await scene.ask("announce", BOTH)
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert "Unknown command" in outcome.message
    assert "nothing of the routes to 198.51.100.7/32, 2001:db8:100::7/128 of acme was left changed" in outcome.message
    assert scene.edge.statics() == set()


async def test_a_route_that_somebody_removes_in_between_is_put_back(scene: Scene) -> None:
    struck = scene.before(scene.runs(LINE), lambda: scene.by_hand(f"no {LINE}"))
    outcome = await scene.done("announce", BOTH)
    assert struck
    assert outcome.lines == (LINE, LINE6, LINE)
    assert scene.edge.statics() == {LINE, LINE6}
    assert LINE in scene.edge.startup()


async def test_a_route_that_somebody_removes_again_and_again_is_refused(scene: Scene) -> None:
    struck: list[str] = []

    def alive() -> bool:
        if LINE in scene.edge.statics():
            struck.append(scene.by_hand(f"no {LINE}"))
        return True

    scene.alive = alive
    outcome = await scene.ask("announce", BOTH)
    assert len(struck) == 2
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert "have no effect" in outcome.message
    assert scene.edge.statics() == set()


async def test_a_route_that_is_removed_while_it_is_saved_is_not_done(scene: Scene) -> None:
    sent = count()
    # The fifth line that may change something is the one that saves.
    struck = scene.before(lambda: next(sent) == 4, lambda: scene.by_hand(f"no {LINE}"))
    with pytest.raises(UnavailableError, match="what runs changed while it was saved"):
        await scene.ask("announce", BOTH)
    assert struck
    assert LINE not in scene.edge.startup()
    assert (await scene.done("announce", BOTH)).lines == (LINE,)
    assert LINE in scene.edge.startup()


async def test_a_route_that_somebody_withdraws_first_is_withdrawn(scene: Scene) -> None:
    await scene.done("announce", BOTH)
    struck = scene.before(scene.runs(LINE6), lambda: scene.by_hand(f"no {LINE}"))
    await scene.done("withdraw", BOTH)
    assert struck
    assert scene.edge.statics() == set()


async def test_a_refused_save_is_never_done_and_the_next_try_saves(scene: Scene) -> None:
    with scene.edge.unwritable():
        with pytest.raises(UnavailableError, match=r"router edge-1 .*`write memory` failed"):
            await scene.ask("announce", BOTH)
        with pytest.raises(UnavailableError, match="`write memory` failed"):
            await scene.ask("announce", BOTH)
    assert LINE not in scene.edge.startup()
    assert (await scene.done("announce", BOTH)).lines == ()
    assert LINE in scene.edge.startup()


async def test_a_session_that_ends_before_saving_converges_with_the_next(scene: Scene) -> None:
    struck = scene.before(scene.runs(LINE6), scene.edge.cut)
    with pytest.raises(UnavailableError, match="whether it took effect is unknown"):
        await scene.ask("announce", BOTH)
    assert struck
    assert scene.edge.statics() == {LINE, LINE6}
    assert LINE not in scene.edge.startup()
    await scene.done("announce", BOTH)
    assert LINE in scene.edge.startup()


async def test_a_router_that_is_restarted_before_saving_converges_with_the_next_session(own: Scene) -> None:
    await own.done("announce", {V4: HOP})
    struck = own.before(own.runs(LINE6), own.edge.kill)
    with pytest.raises(UnavailableError, match="a part of it is gone"):
        await own.ask("announce", BOTH)
    assert struck
    await own.edge.start()
    assert own.edge.statics() == {LINE}
    await own.done("announce", BOTH)
    await own.edge.until_heard({V4, V6})


@pytest.mark.parametrize("daemon", ["staticd", "bgpd"])
async def test_while_a_daemon_is_down_nothing_is_saved_for_its_part_would_be_lost(own: Scene, daemon: str) -> None:
    await own.done("announce", {V4: HOP})
    saved = own.edge.startup()
    own.edge.kill(EDGE, daemon)
    with pytest.raises(UnavailableError, match=r"`show daemons` names .* a part of it is down"):
        await own.ask("withdraw", {V6: HOP6})
    assert own.edge.startup() == saved


async def test_a_daemon_that_dies_in_the_middle_takes_nothing_of_what_was_saved_with_it(own: Scene) -> None:
    await own.done("announce", {V4: HOP})
    saved = own.edge.startup()
    struck = own.before(own.runs(LINE6), lambda: own.edge.kill(EDGE, "staticd"))
    with pytest.raises(UnavailableError):
        await own.ask("announce", {V6: HOP6})
    assert struck
    assert own.edge.startup() == saved
