"""The scene of `berth demo` in mode vlan: switches, the network team's approval, and the VLAN gone again.

As the other scenes it checks what it tells, and raises CommandError where it is not so.
"""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client

from cli.approval_view import pending_view, preview_view
from cli.approvals import Pending, asked, pending
from cli.demo_stage import expect, followed, scene, started
from cli.documents import read_platform_file, read_tenants
from cli.errors import CommandError
from cli.examples import example
from cli.exit_codes import ExitCode
from cli.lab_control import DeviceControl, device_control
from cli.lab_platform import VLAN, write_lab_platform
from cli.report import end_view
from cli.runs import tell
from cli.terminal import clean, show, stdout
from lab.home import RunningLab
from tenancy.approval import Decision, Preview
from tenancy.devices import vlan_name
from tenancy.documents import to_plain
from tenancy.handover import HandOver
from workflows.face import APPROVE, Offboarded

TENANT = "umbrella"
NADIA = "nadia@example.com"
WAITS_WITHIN = 30.0
"""Seconds until the run must have come to wait for the network team."""
LOOK_AGAIN_AFTER = 0.1


async def play_vlan(client: Client, lab: RunningLab, platform: Path) -> None:
    """A tenant on a platform in mode vlan, in and out again.

    The worker reads its platform's document anew for each run, so this writes the one in mode vlan where it does.
    """
    scene(
        "A VLAN for each tenant",
        "The same platform as an installation in mode vlan, with four simulated switches (IOS, NX-OS, EOS, Junos) over SSH.",
    )
    await asyncio.to_thread(write_lab_platform, lab, VLAN, platform)
    (source,) = read_tenants([str(example(f"{TENANT}.yaml"))], read_platform_file(platform))
    async with device_control(lab.switches_url) as switches:
        before = await _startup(switches, lab)
        watched = await started(client, "OnboardTenant", {TENANT: to_plain(source.tenant)})
        show(pending_view([await _waiting(client)], datetime.now(UTC), stdout().width))
        run, status, preview = await asked(client, TENANT)
        scene("The network team decides", f"What `berth approve {TENANT}` shows: the exact lines for each switch.")
        show(preview_view(status, preview))
        untouched = await _startup(switches, lab)
        expect(untouched == before, "no switch was touched before the approval", untouched)
        decision = Decision(plan=preview.hash, by=NADIA, comment="as agreed")
        show(clean(f"{NADIA}: approve. {await tell(client, run, APPROVE, decision)}", "bold green"))
        end = (await followed(client, watched))[TENANT]
        expect(isinstance(end.result, HandOver), f"{TENANT} is onboarded", end)
        scene("On the switches", "Read from their start-up configurations: nothing is called done that is not saved.")
        assert isinstance(preview, Preview)  # noqa: S101  # for mypy: the lab has no edge team
        carried = await _lines_about(switches, lab, preview.vlan)
        for name, lines in carried.items():
            show(clean(f"{name}: {' | '.join(lines)}"))
        expect(all(carried.values()), "every switch has saved the VLAN", carried)
        if (view := end_view(TENANT, end)) is not None:
            show(view)
        end = (await followed(client, await started(client, "OffboardTenant", {TENANT: TENANT})))[TENANT]
        expect(isinstance(end.result, Offboarded), f"{TENANT} is offboarded", end)
        left = await _startup(switches, lab)
        expect(left == before, "every switch is as it was", left)
        show(clean("Every switch's start-up configuration is exactly as before.", "green"))


async def _startup(switches: DeviceControl, lab: RunningLab) -> dict[str, str]:
    return {one.name: await switches.text(one.name, "startup") for one in lab.switches}


async def _lines_about(switches: DeviceControl, lab: RunningLab, vlan: int) -> dict[str, list[str]]:
    """By switch: the lines of its start-up configuration that bear the VLAN's ID or name."""
    wanted = re.compile(rf"\b{vlan}\b|\b{re.escape(vlan_name(TENANT))}\b")
    return {
        name: [line.strip() for line in text.splitlines() if wanted.search(line)]
        for name, text in (await _startup(switches, lab)).items()
    }


async def _waiting(client: Client) -> Pending:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + WAITS_WITHIN
    while loop.time() < give_up:
        for one in await pending(client):
            if one.run.tenant == TENANT and one.status is not None:
                return one
        await asyncio.sleep(LOOK_AGAIN_AFTER)  # a list of runs has no push
    raise CommandError(ExitCode.UNEXPECTED, f"the demo expected that {TENANT} waits for the network team; it does not")
