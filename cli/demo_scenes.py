"""The scenes of `berth demo`: two tenants, their routes, a bad document, a failure that is undone, a tenant taken back, a VLAN.

Each checks what it tells. Whatever is not as told raises CommandError, so that the demo ends with a message and a code.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from temporalio.client import Client

from cli.demo_edge import play_announced, play_forgotten
from cli.demo_stage import aside, expect, followed, scene, started
from cli.demo_vlan import play_vlan
from cli.documents import read_platform_file, read_tenants
from cli.endings import End
from cli.errors import CommandError
from cli.examples import example
from cli.exit_codes import ExitCode
from cli.lab_control import LabControl, lab_control
from cli.lab_platform import OVERLAY
from cli.lab_worker import connect_to, ground
from cli.report import end_view
from cli.runs import Workflow, reaching
from cli.terminal import clean, show
from cli.until_stopped import told_to_stop
from cli.whats_there import KINDS, whats_there
from lab.kube.faults import Fault
from tenancy.documents import to_plain
from tenancy.handover import HandOver
from tenancy.kinds import OVN_FIP, VPC
from tenancy.names import external_ip
from workflows.face import Offboarded

SETTLED_WITHIN = 10.0
"""Seconds in which Kube-OVN's own books, e.g. of free addresses, have to be right again after an undo."""
LOOK_AGAIN_AFTER = 0.05
MISTAKES = 8
"""How many there are in examples/mistakes.yaml."""


async def play(home: Path, *, keep: bool) -> None:
    """All scenes, with the platform's state in this folder. Raises CommandError at the first that goes wrong."""
    scene("A platform", "Temporal's real server, a simulated Kubernetes API with Kube-OVN in it, and a worker.")
    async with ground(home, stop_seconds=2.0, progress=aside) as here:
        show(clean(f"The Temporal UI, while this runs: {here.lab.temporal_ui_url}", "bold"))
        client = await connect_to(here.lab)
        async with reaching(client), lab_control(here.lab.kubernetes_url) as control:
            acme, globex = await _two_tenants(client, control)
            await play_announced(here.lab, (acme, globex))
            _bad_document()
            await _failure(client, control)
            await _taken_back(client, control)
            await play_forgotten(here.lab, gone=globex, kept=acme)
            await play_vlan(client, here.lab, home / OVERLAY)
        if keep:
            scene("Yours to look at", f"Everything runs on until Ctrl-C: {here.lab.temporal_ui_url}")
            show(clean(f"For `berth` in another terminal: export BERTH_HOME={home}"))
            await told_to_stop().wait()
        aside("stopping everything")


async def _two_tenants(client: Client, control: LabControl) -> tuple[HandOver, HandOver]:
    scene("Two tenants at once", "Both use 10.0.0.0/22: each VPC is a routing domain of its own. Acme is dual stack.")
    ends = await _run(client, "OnboardTenant", _documents("acme.yaml", "globex.yaml"))
    handed_over = {tenant: end.result for tenant, end in ends.items() if isinstance(end.result, HandOver)}
    expect(len(handed_over) == 2, "both tenants are onboarded", ends)
    scene("What now exists", "Read from the Kubernetes API, as `kubectl get vpcs,subnets,ovn-eips` would.")
    found = [await _found(control, tenant) for tenant in ends]
    show(whats_there({kind.name: [thing for one in found for thing in one[kind.name]] for kind in KINDS}))
    expect(all(len(one[VPC.name]) == 1 for one in found), "each tenant has its VPC", found)
    scene("What a Cluster needs of it", "The hand-over: the run's result, and a ConfigMap in the tenant's namespace.")
    for tenant, end in ends.items():
        if (view := end_view(tenant, end)) is not None:
            show(view)
    return handed_over["acme"], handed_over["globex"]


def _bad_document() -> None:
    scene("A bad document", "examples/mistakes.yaml is refused before anything is started, all of it named at once.")
    try:
        read_tenants([str(example("mistakes.yaml"))], read_platform_file(example("platform.yaml")))
    except CommandError as error:
        for finding in error.findings:
            show(clean(f"line {finding.mistake.line}: {finding.mistake.model_copy(update={'line': None})}"))
        expect(len(error.findings) == MISTAKES, f"all {MISTAKES} mistakes are named", error.findings)
    else:
        expect(False, "a bad document is refused", "it was accepted")


async def _failure(client: Client, control: LabControl) -> None:
    jump = external_ip("initech", "jump")
    scene("A step that fails", f"The platform will refuse to create {OVN_FIP.name} {jump}, near the end of the run.")
    before = await control.dump()
    fault = Fault(effect="refuse", verb="create", plural=OVN_FIP.plural, name=jump, message="no floating IPs today")
    identity = await control.add_fault(fault)
    ends = await _run(client, "OnboardTenant", _documents("initech.yaml"))
    expect(ends["initech"].code is ExitCode.REFUSED, "the run is refused", ends)
    show(clean(str(ends["initech"].message)))
    struck = [one["struck"] for one in await control.faults() if one["id"] == identity]
    expect(struck == [1], "the fault struck once", struck)
    await control.clear_faults(identity)
    different = await _different(control, before)
    expect(not different, "the platform holds exactly what it held before", different)
    show(
        clean(f"All {len(before)} objects of the platform are exactly as before: nothing of initech is left.", "green")
    )


async def _taken_back(client: Client, control: LabControl) -> None:
    scene(
        "A tenant taken back", "In the order of the undo, and proven by reading back. Addresses in use would stop it."
    )
    ends = await _run(client, "OffboardTenant", {"globex": "globex"})
    expect(isinstance(ends["globex"].result, Offboarded), "globex is offboarded", ends)
    left = await _found(control, "globex")
    expect(not any(left.values()), "nothing of globex is left", left)
    kept = await _found(control, "acme")
    expect(len(kept[VPC.name]) == 1, "acme is not touched", kept)
    show(clean("Nothing of globex is left, and acme is not touched.", "green"))


async def _run(client: Client, workflow: Workflow, documents: Mapping[str, object]) -> dict[str, End]:
    return await followed(client, await started(client, workflow, documents))


def _documents(*files: str) -> dict[str, object]:
    platform = read_platform_file(example("platform.yaml"))
    sources = read_tenants([str(example(file)) for file in files], platform)
    return {source.tenant.name: to_plain(source.tenant) for source in sources}


async def _found(control: LabControl, tenant: str) -> dict[str, Sequence[dict[str, Any]]]:
    return {kind.name: await control.objects(kind, tenant) for kind in KINDS}


async def _different(control: LabControl, before: Mapping[str, Any]) -> list[str]:
    """Names of the objects that are not as before, once Kube-OVN has had time to bring its own books up to date."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLED_WITHIN
    while True:
        now = await control.dump()
        different = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        if not different or loop.time() > deadline:
            return different
        await asyncio.sleep(LOOK_AGAIN_AFTER)  # a dump of everything has no watch
