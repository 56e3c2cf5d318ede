"""Histories of real runs, kept so that a change of the workflows' code that would break runs under way is noticed.

`make histories` records those that are missing. Never delete one to make a failing replay pass: a run that is under way
while a new version is deployed replays exactly such a history (see `workflow.patched` in Temporal's SDK).
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from clients.errors import RefusedError, UnavailableError
from lab.temporal import start_temporal
from tenancy.edge_work import EdgePreview
from tests.workflows.edge_world import (
    DOWN,
    EdgeWorld,
    by_edge_team,
    one_to_one_nat,
    running_edge_world,
    static_routes,
)
from tests.workflows.others import KUBE_OVN, unmake
from tests.workflows.strikes import refusal
from tests.workflows.switchboard import Switchboard, a_switchboard
from tests.workflows.vlan_world import VlanWorld, decide, running_vlan_world, waiting
from tests.workflows.world import World, grown, parked, resolve, running_world, shrunk, tenant_document, until
from workflows.converter import data_converter
from workflows.face import SEARCH_ATTRIBUTES

FOLDER = Path(__file__).with_name("histories")
Recorded = WorkflowHandle[object, object]


async def onboarded(world: World) -> Recorded:
    """All goes well."""
    return await world.onboard()


async def grown_later(world: World) -> Recorded:
    """A tenant that is there already gets a subnet and an external IP more."""
    await world.onboarded()
    return await world.onboard(grown(tenant_document(world.name)))


async def refused_and_undone(world: World) -> Recorded:
    """The last step is refused, and everything goes."""
    world.strikes.after["hand-over"] = refusal()
    return await world.onboard()


async def cancelled(world: World) -> Recorded:
    """Somebody cancels it while a step cannot get on."""
    world.fault(effect="error", verb="create", plural="ovn-fips", status=503)
    run = await world.onboard()
    await world.strikes.tried(f"floating-ip-{world.name}--bastion", 2)
    await run.cancel()
    return run


async def parked_and_resolved(world: World) -> Recorded:
    """Two removals wait for an operator: one is tried again, the other is left."""
    undos = [f"undo-subnet-{world.name}--{name}" for name in ("dev", "prod")]
    world.strikes.after["hand-over"] = refusal()
    world.strikes.before.update({undo: refusal("held up") for undo in undos})
    run = await world.onboard()
    await parked(run, len(undos))
    del world.strikes.before[undos[0]]
    await resolve(run, decision="retry", step=undos[0].removeprefix("undo-"), by="on call")
    await resolve(run, decision="skip", step=undos[1].removeprefix("undo-"), reason="by hand", by="on call")
    # The VPC cannot go before its subnet: that waits as well.
    await parked(run)
    await resolve(run, decision="abort", reason="by hand", by="on call")
    return run


async def invalid(world: World) -> Recorded:
    """A request that is refused at once."""
    return await world.start("OnboardTenant", {"tenant": {}}, id=f"tenant-{world.name}")


async def offboarded(world: World) -> Recorded:
    """All of a tenant goes."""
    await world.onboarded()
    return await world.offboard()


async def offboarding_stopped(world: World) -> Recorded:
    """There is nothing of that name."""
    return await world.offboard()


async def audited(world: World) -> Recorded:
    """An audit finds what somebody took away."""
    await world.onboarded()
    await unmake(world, f"{KUBE_OVN}/ovn-fips/{world.name}--bastion")
    return await world.start("AuditFleet", {}, id=f"audit-{world.name}")


SCENES: tuple[Callable[[World], Awaitable[Recorded]], ...] = (
    onboarded,
    grown_later,
    refused_and_undone,
    cancelled,
    parked_and_resolved,
    invalid,
    offboarded,
    offboarding_stopped,
    audited,
)


async def vlan_onboarded(world: VlanWorld) -> Recorded:
    """Approved twice, because a switch changed in between; a decision that does not count in between."""
    first = world.switches[0]
    await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan all")
    run, shown = await world.asked()
    await run.signal("approve", {"by": "nobody", "plan": shown.plan})
    await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan 1")
    await decide(run, "approve", plan=shown.plan)
    await until(run, lambda seen: seen.approval is not None and seen.approval.plan != shown.plan, "another preview")
    await decide(run, "approve", plan=(await waiting(run)).plan)
    return run


async def vlan_undone(world: VlanWorld) -> Recorded:
    """Approved, and the last step is refused: the VLAN goes from the switches."""
    world.strikes.after["hand-over"] = refusal()
    run, shown = await world.asked()
    await decide(run, "approve", plan=shown.plan)
    return run


async def vlan_rejected(world: VlanWorld) -> Recorded:
    """The network team says no."""
    run, shown = await world.asked()
    await decide(run, "reject", plan=shown.plan, comment="not now")
    return run


async def vlan_offboarded(world: VlanWorld) -> Recorded:
    """A tenant goes while a switch is away; an operator leaves it."""
    await world.approved()
    world.switches[1].faults.add(effect="refuse")
    run = await world.offboard()
    await parked(run)
    await resolve(run, decision="skip", reason="by hand", by="on call")
    return run


VLAN_SCENES: tuple[Callable[[VlanWorld], Awaitable[Recorded]], ...] = (
    vlan_onboarded,
    vlan_undone,
    vlan_rejected,
    vlan_offboarded,
)


async def edge_confirmed(world: EdgeWorld) -> Recorded:
    """The edge team configures its routers itself: a decision that does not count, one that does, and one about more."""
    run = await world.onboard()
    await run.signal("approve", {"by": "nobody", "plan": (await waiting(run)).plan})
    await decide(run, "approve", plan=(await waiting(run)).plan)
    await run.result()
    run = await world.onboard(grown(tenant_document(world.name)))
    await decide(run, "approve", plan=(await waiting(run)).plan)
    return run


async def edge_rejected(world: EdgeWorld) -> Recorded:
    """The edge team says no."""
    run = await world.onboard()
    await decide(run, "reject", plan=(await waiting(run)).plan, comment="not now")
    return run


async def edge_undone(world: EdgeWorld) -> Recorded:
    """Confirmed, and the last step is refused: the team rejects the withdrawal, an operator asks again, it confirms."""
    world.strikes.after["hand-over"] = refusal()
    run = await world.onboard()
    announced = (await waiting(run)).plan
    await decide(run, "approve", plan=announced)
    await until(run, lambda now: now.approval is not None and now.approval.plan != announced, "the withdrawal")
    await decide(run, "reject", plan=(await waiting(run)).plan, comment="not now")
    await parked(run)
    await resolve(run, decision="retry", by="on call")
    await decide(run, "approve", plan=(await waiting(run)).plan)
    return run


async def edge_offboarded(world: EdgeWorld) -> Recorded:
    """The edge team withdraws what it announced, and the neighbour has forgotten it."""
    run = await world.onboard()
    shown = await waiting(run)
    assert isinstance(shown.preview, EdgePreview)
    world.done_by_hand(shown.preview.document)
    await decide(run, "approve", plan=shown.plan)
    await run.result()
    run = await world.offboard()
    shown = await waiting(run)
    assert isinstance(shown.preview, EdgePreview)
    world.done_by_hand(shown.preview.document)
    await decide(run, "approve", plan=shown.plan)
    return run


EDGE_TEAM_SCENES: tuple[Callable[[EdgeWorld], Awaitable[Recorded]], ...] = (
    edge_confirmed,
    edge_rejected,
    edge_undone,
    edge_offboarded,
)


async def given_back(world: EdgeWorld) -> Recorded:
    """A living tenant gives one external IP back while a router is away, and keeps the others."""
    await world.onboarded()
    router = world.edge.device(f"{world.name}-edge-1")

    async def away() -> None:
        router.down = DOWN

    world.strikes.on_end["hand-over"] = away
    run = await world.onboard(shrunk(tenant_document(world.name), "web"))
    await parked(run)
    router.down = None
    await resolve(run, decision="retry", by="on call")
    return run


async def all_given_back(world: EdgeWorld) -> Recorded:
    """It gives back all it has outside, its way out with it, and an operator leaves one address."""
    await world.onboarded()
    world.strikes.before[f"undo-release-external-ip-{world.name}--web"] = refusal("held up")
    run = await world.onboard(shrunk(tenant_document(world.name)))
    await parked(run)
    await resolve(run, decision="skip", reason="by hand", by="on call")
    return run


EDGE_SCENES: tuple[Callable[[EdgeWorld], Awaitable[Recorded]], ...] = (given_back, all_given_back)


async def nat_undone(world: EdgeWorld) -> Recorded:
    """A public address for each external IP, translated and announced; the last step is refused, and all of it goes."""
    world.strikes.after["hand-over"] = refusal()
    return await world.onboard()


async def nat_offboarded(world: EdgeWorld) -> Recorded:
    """The same tenant, in and out again."""
    await world.onboarded()
    return await world.offboard()


NAT_SCENES: tuple[Callable[[EdgeWorld], Awaitable[Recorded]], ...] = (nat_undone, nat_offboarded)


async def device_busy(board: Switchboard) -> Recorded:
    """A device's queue: done, refused, withdrawn while under way and while waiting, away for a while, nonsense."""
    board.switch.gate = asyncio.Event()
    board.switch.rejected = {"rejected"}
    board.switch.poisoned = {"poisoned"}
    first = await board.ask("first", 100, "ensure", undo=True)
    await board.switch.begun(1)
    runs = [await board.ask(f"t{number}", 110 + number, "ensure", "absent") for number in range(5)]
    runs += [await board.ask("rejected", 120, "ensure"), await board.ask("poisoned", 121, "ensure")]
    waiting = await board.ask("waiting", 130, "ensure")
    await board.until(lambda seen: len(seen.queue) == 9, "all of them")
    await waiting.cancel()
    await first.cancel()
    await board.queue_of().signal("request", {"nonsense": True})
    await board.until(lambda seen: len(seen.queue) == 8 and seen.queue[0].withdrawn, "both withdrawals")
    board.switch.errors = [UnavailableError("10.0.0.1 port 22 refuses connections: is it up?")]
    board.switch.gate.set()
    await asyncio.gather(*(run.result() for run in (first, waiting, *runs)), return_exceptions=True)
    board.switch.down = RefusedError("switch says no", reason="login-refused")
    with suppress(WorkflowFailureError):
        await (await board.ask("late", 131, "survey")).result()
    # Cancelled, because otherwise it would end only after a minute without a request.
    await board.queue_of().cancel()
    return board.queue_of()


DEVICE_SCENES: tuple[Callable[[Switchboard], Awaitable[Recorded]], ...] = (device_busy,)


async def record(known: Collection[str]) -> dict[str, str]:
    """Plays every scene that is not known; returns its history as JSON, by the scene's name."""
    recorded: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as state:
        server = await start_temporal(Path(state), search_attributes=SEARCH_ATTRIBUTES)
        try:
            client = await Client.connect(server.address, data_converter=data_converter)
            folder = Path(state) / "recorded"
            folder.mkdir()
            for scene in missing(SCENES, known):
                async with running_world(client, folder, _tenant(scene.__name__)) as world:
                    recorded[scene.__name__] = await _ended(client, await scene(world))
            for vlan_scene in missing(VLAN_SCENES, known):
                async with running_vlan_world(client, folder, _tenant(vlan_scene.__name__)) as vlan_world:
                    recorded[vlan_scene.__name__] = await _ended(client, await vlan_scene(vlan_world))
            for edge_scene in missing((*EDGE_SCENES, *NAT_SCENES, *EDGE_TEAM_SCENES), known):
                tenant = _tenant(edge_scene.__name__)
                announce = static_routes(tenant)
                if edge_scene in NAT_SCENES:
                    announce = one_to_one_nat(tenant)
                if edge_scene in EDGE_TEAM_SCENES:
                    announce = by_edge_team(tenant, neighbour=edge_scene is edge_offboarded)
                async with running_edge_world(client, folder, tenant, announce) as edge_world:
                    recorded[edge_scene.__name__] = await _ended(client, await edge_scene(edge_world))
            for device_scene in missing(DEVICE_SCENES, known):
                async with a_switchboard(client, Path(state), device="leaf-1") as board, board.serving():
                    queue = await device_scene(board)
                    with suppress(WorkflowFailureError):
                        await queue.result()
                    recorded[device_scene.__name__] = (await queue.fetch_history()).to_json()
        finally:
            await server.stop(seconds=0)
    await asyncio.sleep(0.2)  # the SDK's threads end a moment later, and leaving before that can crash
    return recorded


Scene = TypeVar("Scene", bound=Callable[..., object])


def missing(scenes: Sequence[Scene], known: Collection[str]) -> list[Scene]:
    """The scenes of which no history is kept yet."""
    return [scene for scene in scenes if scene.__name__ not in known]


def _tenant(scene: str) -> str:
    return scene.replace("_", "-")[:24].strip("-")


async def _ended(client: Client, run: Recorded) -> str:
    with suppress(WorkflowFailureError):  # how some scenes are meant to end
        await run.result()
    return (await client.get_workflow_handle(run.id, run_id=run.result_run_id).fetch_history()).to_json()


def without_the_machine(node: Any) -> Any:
    """A history without what names the machine it was recorded on, which a replay does not look at."""
    if isinstance(node, dict):
        return {key: without_the_machine(value) for key, value in node.items() if key not in ("identity", "stackTrace")}
    if isinstance(node, list):
        return [without_the_machine(value) for value in node]
    # A worker's own task queue bears its process and host.
    return re.sub(r"^\d+@.+", "a-worker", node) if isinstance(node, str) else node


def workflow_id(history: str) -> str:
    """The ID of the run, which its first event tells."""
    first = json.loads(history)["events"][0]
    return str(first["workflowExecutionStartedEventAttributes"]["workflowId"])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in asyncio.run(record({path.stem for path in FOLDER.glob("*.json")})).items():
        (FOLDER / f"{name}.json").write_text(json.dumps(without_the_machine(json.loads(text)), indent=1) + "\n")
