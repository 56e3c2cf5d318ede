"""Routes on the lab's edge router, with its faults: what came of it there, on what it starts with, and at its neighbour."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from clients.devices import Login, work
from clients.errors import RefusedError, UnavailableError
from lab.switches import Switch
from tenancy.announcement import Route
from tenancy.devices import DeviceOutcome, EdgeAction, EdgeRequest
from tenancy.edge import EdgeRouter
from tests.lab.switches.client import PASSWORD
from tests.lab.switches.frr_pair import Routers, routers

V4, V6 = "203.0.113.10", "2001:db8:113::10"
ROUTES = (Route(address=V4, next_hop="203.0.113.2"), Route(address=V6, next_hop="2001:db8:113::2"))
LINES = {f"ip route {V4}/32 203.0.113.2 tag 4200", f"ipv6 route {V6}/128 2001:db8:113::2 tag 4200"}
NETWORKS = {f"{V4}/32", f"{V6}/128"}


@dataclass
class Scene:
    """The lab's routers, and what is asked of them."""

    pair: Routers
    known_hosts: Path
    ids: "count[int]" = field(default_factory=count)

    async def ask(
        self, action: EdgeAction, routes: Sequence[Route] = ROUTES, *, neighbour: bool = False
    ) -> DeviceOutcome:
        asked = self.pair.fabric if neighbour else self.pair.edge
        request = EdgeRequest(id=f"request-{next(self.ids)}", tenant="acme", action=action, routes=tuple(routes))
        router = EdgeRouter(name=asked.name, platform="frr", host="127.0.0.1", port=asked.port, credentials="routers")
        (outcome,) = await work(
            router,
            Login(username="berth", password=PASSWORD),
            [request],
            known_hosts=self.known_hosts,
            alive=lambda: True,
            progress=lambda _: None,
            neighbour=neighbour,
        )
        return outcome


def lines(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith(("ip route", "ipv6 route"))}


def runs(edge: Switch) -> set[str]:
    return lines(edge.text("running"))


def starts_with(edge: Switch) -> set[str]:
    return lines(edge.text("startup"))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with routers() as pair:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text("".join(f"[127.0.0.1]:{one.port} {one.host_key}\n" for one in (pair.edge, pair.fabric)))
        yield Scene(pair, known_hosts)


async def test_a_route_is_announced_seen_at_the_neighbour_and_withdrawn(scene: Scene) -> None:
    assert (await scene.ask("announce")).result == "done"
    assert starts_with(scene.pair.edge) == LINES
    assert await scene.pair.heard() == NETWORKS
    assert set((await scene.ask("look")).in_force) == {V4, V6}
    assert set((await scene.ask("look", neighbour=True)).in_force) == {V4, V6}
    assert (await scene.ask("withdraw")).result == "done"
    assert starts_with(scene.pair.edge) == set()
    assert await scene.pair.heard() == set()
    assert (await scene.ask("look", neighbour=True)).in_force == ()


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        ("drop", "^ipv6 route"),
        ("lose-answer", "^ipv6 route"),
        ("reload", "^ipv6 route"),
        ("drop", "^write"),
        ("lose-answer", "^write"),
        ("reload", "^write"),
        ("deny-save", r"\S"),
    ],
)
async def test_whatever_strikes_the_next_session_ends_it(scene: Scene, effect: str, line: str) -> None:
    fault = scene.pair.edge.faults.add(effect=effect, line=line, times=1)
    with pytest.raises(UnavailableError):
        await scene.ask("announce")
    assert scene.pair.edge.faults.struck(fault) == 1
    # Nothing was reported done, so nothing need be there after a power cut; what is there is ours.
    assert starts_with(scene.pair.edge) <= LINES
    assert (await scene.ask("announce")).result == "done"
    scene.pair.edge.reload()
    assert runs(scene.pair.edge) == LINES
    assert await scene.pair.heard() == NETWORKS


async def test_a_rejected_line_leaves_nothing_behind(scene: Scene) -> None:
    scene.pair.edge.faults.add(effect="error", line="^ipv6 route", message="% Configuration failed.")
    outcome = await scene.ask("announce")
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert runs(scene.pair.edge) == set()
    assert await scene.pair.heard() == set()


async def test_a_line_that_is_taken_and_has_no_effect_is_never_done(scene: Scene) -> None:
    scene.pair.edge.faults.add(effect="ignore", line="^ip route")
    outcome = await scene.ask("announce")
    assert outcome.result == "refused", outcome
    assert runs(scene.pair.edge) == set()
    assert f"{V4}/32" not in await scene.pair.heard()


async def test_a_route_of_somebody_else_is_left_alone(scene: Scene) -> None:
    foreign = f"ip route {V4}/32 203.0.113.9"
    await scene.pair.edge.change(foreign)
    outcome = await scene.ask("announce")
    assert (outcome.result, outcome.reason) == ("refused", "foreign-route")
    assert runs(scene.pair.edge) == {foreign}


async def test_another_host_key_and_another_password_are_refused(scene: Scene) -> None:
    key = scene.pair.edge.faults.add(effect="change-host-key")
    with pytest.raises(RefusedError) as refused:
        await scene.ask("announce")
    assert refused.value.reason == "host-key-changed"
    scene.pair.edge.faults.remove(key)
    scene.pair.edge.login.password = "another"
    with pytest.raises(RefusedError) as refused:
        await scene.ask("announce")
    assert refused.value.reason == "login-refused"
    assert runs(scene.pair.edge) == set()
