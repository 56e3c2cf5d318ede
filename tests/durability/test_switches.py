"""Workers die while they configure switches: no request is lost, and none that was given up is applied."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from cli.main import run as berth
from lab.switches import Login, Switch
from lab.switches.dialects import DialectName
from tests.durability.outcomes import Run, results
from tests.durability.scene import PLATFORM, Scene, eventually, within
from tests.durability.tenants import tenant
from tests.workflows.vlan_world import TRUNKS, as_documented, carried, host_keys

PASSWORD = "a-password-of-the-switches"
DIALECTS: tuple[DialectName, ...] = ("cisco-ios", "cisco-nxos", "arista-eos", "juniper-junos")
NADIA = "nadia@example.com"


@pytest.fixture
async def switches(scene: Scene, tmp_path: Path) -> AsyncIterator[list[Switch]]:
    """One of each dialect, and the scene's platform in mode vlan with them."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(
                Switch(dialect, name=f"leaf-{number}", login=Login("berth", PASSWORD), minute_seconds=1.0)
            )
            for number, dialect in enumerate(DIALECTS, 1)
        ]
        (tmp_path / "password").touch(mode=0o600)
        (tmp_path / "password").write_text(PASSWORD)
        vlan = {
            "providerNetwork": "external",
            "range": {"first": 2000, "last": 2099},
            "credentials": [
                {"name": "switches", "username": "berth", "password": {"file": str(tmp_path / "password")}}
            ],
            "switches": as_documented(made),
            "approval": {"approvers": [NADIA]},
        }
        document = {**PLATFORM, "spec": {**PLATFORM["spec"], "mode": "vlan", "vlan": vlan}}
        (tmp_path / "vlan.json").write_text(json.dumps(document))
        (tmp_path / "known_hosts").write_text(host_keys(made))
        yield made


def settings(folder: Path) -> dict[str, str]:
    return {"BERTH_PLATFORM": str(folder / "vlan.json"), "BERTH_KNOWN_HOSTS": str(folder / "known_hosts")}


async def asked(scene: Scene, name: str) -> tuple[Run, str]:
    """An onboarding that waits for approval, and the plan's hash."""
    run = await scene.onboard(tenant(name), by="anna@example.com")
    return run, await until_asked(run)


async def test_a_worker_killed_while_it_configures_every_switch_is_followed_by_another(
    scene: Scene, switches: list[Switch], tmp_path: Path
) -> None:
    worker = await scene.worker(**settings(tmp_path))
    before = [switch.startup.copy() for switch in switches]
    waiting = [await asked(scene, name) for name in ("one", "two", "three", "given-up")]
    held = [switch.faults.add(effect="slow", line="berth-", seconds=3, times=1) for switch in switches]
    for run, plan in waiting:
        await run.execute_update("approve", {"plan": plan, "by": NADIA})
    for switch, fault in zip(switches, held, strict=True):
        await within(switch.faults.striking(fault), f"{switch.name} is being configured")

    await worker.kill()
    *runs, (given_up, _) = waiting
    await given_up.cancel()
    await scene.worker(**settings(tmp_path))
    await scene.worker(**settings(tmp_path))

    handed_over = await results([run for run, _ in runs])
    with pytest.raises(WorkflowFailureError) as ended:
        await within(given_up.result(), "the end of the run that was given up")
    assert isinstance(ended.value.cause, CancelledError)
    vlans = {str(one["tenant"]): int(one["vlan"]) for one in handed_over}
    assert len(set(vlans.values())) == 3
    for switch, then in zip(switches, before, strict=True):
        assert switch.startup == switch.running
        wanted = {vlan: f"berth-{name}" for name, vlan in vlans.items()}
        assert switch.startup.vlans == {**then.vlans, **wanted}
        for vlan, name in wanted.items():
            assert carried(switch, switch.startup, vlan) == (name, TRUNKS[switch.dialect])


async def test_workers_of_the_platform_and_beside_the_devices_are_replaced_one_after_another_and_no_run_fails(
    scene: Scene,
    switches: list[Switch],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform = {**settings(tmp_path), "BERTH_SERVES": "platform", "BERTH_SHUTDOWN_GRACE": "1"}
    devices = {**platform, "BERTH_SERVES": "devices"}
    first = await scene.worker(**platform)
    runs = [await scene.onboard(tenant(name), by="anna@example.com") for name in ("one", "two", "three")]

    # Without a worker beside the devices they wait, and whoever asks is told for whom.
    await eventually(
        lambda: scene.status(runs[0]),
        lambda seen: any(step.id.startswith("survey-") and step.state == "running" for step in seen.steps),
        "a switch is asked",
    )
    for key, value in scene.environment().items():
        monkeypatch.setenv(key, value)
    assert await asyncio.to_thread(berth, ["status", "one", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["missing"]
    assert told.startswith("no worker serves berth-devices, so nothing is done on devices: start one where they can")
    assert [switch.sessions.opened for switch in switches] == [0, 0, 0, 0]

    # It comes later than the runs; then all are replaced, while the switches are being configured.
    beside = await scene.worker(**devices)
    waiting = [await until_asked(run) for run in runs]
    held = [switch.faults.add(effect="slow", line="berth-", seconds=2, times=1) for switch in switches]
    second = await scene.worker(**platform)
    await asyncio.gather(
        *(run.execute_update("approve", {"plan": plan, "by": NADIA}) for run, plan in zip(runs, waiting, strict=True))
    )
    for switch, fault in zip(switches, held, strict=True):
        await within(switch.faults.striking(fault), f"{switch.name} is being configured")
    first.terminate()
    beside.terminate()
    await scene.worker(**devices)
    assert [await first.ended(), await beside.ended()] == [0, 0]
    handed_over = await results(runs)
    await second.kill()

    vlans = {int(one["vlan"]): f"berth-{one['tenant']}" for one in handed_over}
    for switch in switches:
        assert switch.startup == switch.running
        assert {vlan: switch.startup.vlans.get(vlan) for vlan in vlans} == vlans
    failed = [
        event.workflow_task_failed_event_attributes.failure.message
        for run in runs
        async for event in run.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    assert failed == []


async def until_asked(run: Run) -> str:
    """The hash of the plan that a run shows the network team, once it waits for it."""
    found = await eventually(
        lambda: run.query("approval"), lambda seen: seen["state"] == "waiting", f"{run.id} waits for approval"
    )
    return str(found["plan"])


async def test_a_switch_that_comes_back_is_never_told_what_was_given_up_meanwhile(
    scene: Scene, switches: list[Switch], tmp_path: Path
) -> None:
    await scene.worker(**settings(tmp_path))
    before = [switch.startup.copy() for switch in switches]
    stays, plan = await asked(scene, "stays")
    leaves, other = await asked(scene, "leaves")
    down = switches[1]
    identity = down.faults.add(effect="refuse")
    await stays.execute_update("approve", {"plan": plan, "by": NADIA})
    await leaves.execute_update("approve", {"plan": other, "by": NADIA})
    for run in (stays, leaves):
        await eventually(
            lambda run=run: scene.status(run),  # type: ignore[misc]  # mypy reads no defaults of a lambda
            lambda seen: any(step.id == f"switch-{down.name}" and "tries" in (step.note or "") for step in seen.steps),
            "the board says that the switch is down",
        )
    await leaves.cancel()
    # Whether anything of it is on a switch that is down nobody can know: an operator is told, and nothing is forgotten.
    parked = await eventually(lambda: scene.status(leaves), lambda seen: bool(seen.parked), "an operator is asked")
    assert [one.step for one in parked.parked] == [f"switch-{down.name}"]
    down.faults.remove(identity)
    await down.listening()
    (handed_over,) = await results([stays])
    await leaves.execute_update("resolve", {"decision": "retry"})
    with pytest.raises(WorkflowFailureError) as ended:
        await within(leaves.result(), "the end of the run that was given up")
    assert isinstance(ended.value.cause, CancelledError)

    vlan = int(handed_over["vlan"])
    for switch, then in zip(switches, before, strict=True):
        assert switch.startup == switch.running
        assert switch.startup.vlans == {**then.vlans, vlan: "berth-stays"}
    assert not any("berth-leaves" in line for line in down.journal.lines(configuring=True))
