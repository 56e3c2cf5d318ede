"""Mode vlan through crashes: workers die and switches lose power in the middle of a batch, and every switch ends right."""

import asyncio
import json
from typing import Any

from cli.lab_control import DeviceControl, device_control
from cli.lab_platform import VLAN, lab_platform
from tenancy.yaml_text import read_yaml
from tests.durability.scene import EXTERNAL_CIDR, Scene, eventually, within
from tests.durability.tenants import tenant
from workflows.face import APPROVE

NADIA = "nadia@example.com"
TENANTS = [f"v{number}" for number in range(6)]
SAVES = {
    "leaf-1": "^write",
    "leaf-2": "^copy running",
    "leaf-3": "^write",
    "leaf-4": "^commit confirmed",
}
"""The line of each switch that makes what runs outlast a power cut."""


def use_vlan_mode(scene: Scene) -> None:
    """The scene's platform as an installation in mode vlan, on the lab's own switches."""
    document: Any = read_yaml(lab_platform(scene.lab.running, VLAN), "platform-vlan.yaml")[0].data
    # Its edge router is on another provider network than this one.
    del document["spec"]["announce"]
    document["spec"]["providerNetwork"] |= {"cidrs": [EXTERNAL_CIDR], "gateways": ["198.18.0.1"]}
    assert scene.lab.running.platform is not None
    scene.lab.running.platform.write_text(json.dumps(document))


async def worker(scene: Scene) -> Any:
    return await scene.worker(BERTH_KNOWN_HOSTS=str(scene.lab.running.known_hosts))


async def approved(scene: Scene) -> list[Any]:
    """A run for each tenant, approved as soon as all of them wait."""
    runs = [await scene.onboard(tenant(name)) for name in TENANTS]
    plans = []
    for run in runs:
        status = await eventually(
            lambda run=run: scene.status(run),  # type: ignore[misc]
            lambda seen: seen.approval is not None,
            "an approval is asked",
        )
        assert status.approval is not None
        plans.append(status.approval.plan)
    await asyncio.gather(
        *(run.execute_update(APPROVE, {"plan": plan, "by": NADIA}) for run, plan in zip(runs, plans, strict=True))
    )
    return runs


async def startup(scene: Scene, switches: DeviceControl) -> dict[str, str]:
    return {one.name: await switches.text(one.name, "startup") for one in scene.lab.running.switches}


async def hung_while_saving(switches: DeviceControl) -> None:
    """Waits until every switch hangs in a save."""
    for name, line in SAVES.items():

        async def struck(name: str = name) -> list[int]:
            found: list[dict[str, Any]] = await switches.faults(name)
            return [one["struck"] for one in found]

        await eventually(struck, any, f"{name} saves ({line})")


async def cut_in_the_middle_of_a_save(scene: Scene, switches: DeviceControl, serving: Any) -> None:
    """The worker is killed while every switch saves, and the power of the switches goes before they have."""
    await hung_while_saving(switches)
    await serving.kill()
    await scene.lab.kill_switches()
    await scene.lab.restart_switches()


async def test_workers_and_switches_that_die_amid_a_batch_leave_every_switch_right(scene: Scene) -> None:
    use_vlan_mode(scene)
    async with device_control(scene.lab.running.switches_url) as switches:
        before = await startup(scene, switches)
        serving = await worker(scene)
        for name, line in SAVES.items():
            await switches.add_fault(name, {"effect": "hang", "line": line})
        runs = await approved(scene)
        await cut_in_the_middle_of_a_save(scene, switches, serving)
        assert await startup(scene, switches) == before
        serving = await worker(scene)

        results = [await within(run.result(), f"onboarding {run.id}") for run in runs]
        vlans = sorted(result["vlan"] for result in results)
        assert vlans == list(range(2000, 2000 + len(TENANTS)))
        now = await startup(scene, switches)
        for result in results:
            for name, text in now.items():
                assert f"berth-{result['tenant']}" in text, name
                assert str(result["vlan"]) in text or f"{vlans[0]}-{vlans[-1]}" in text, name

        for name, line in SAVES.items():
            await switches.add_fault(name, {"effect": "hang", "line": line})
        leaving = [await scene.offboard(name) for name in TENANTS]
        await cut_in_the_middle_of_a_save(scene, switches, serving)
        assert await startup(scene, switches) == now
        await worker(scene)
        for run in leaving:
            await within(run.result(), f"offboarding {run.id}")
        assert await startup(scene, switches) == before
