"""A device's queue over the real client, on simulated switches that speak SSH."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from lab.switches import Login, trunk
from lab.switches import Switch as Simulated
from tenancy.approval import Approval, Decision, Preview, SwitchLines
from tests.workflows.strikes import PATIENCE
from tests.workflows.switchboard import APPROVER, Switchboard, a_switchboard, device_worker, platform_document
from workers.devices import sessions

TRUNK = "GigabitEthernet1/0/1"
PASSWORD = "a-password-of-the-switch"


@dataclass
class Real:
    """A board whose device is a simulated switch."""

    board: Switchboard
    switch: Simulated


async def no_secret(namespace: str, name: str, key: str) -> str:
    raise AssertionError("no test keeps a secret in Kubernetes")


@pytest.fixture
async def real(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Real]:
    monkeypatch.setenv("SWITCH_PASSWORD", PASSWORD)
    known_hosts = tmp_path / "known_hosts"
    async with (
        a_switchboard(client, tmp_path) as board,
        Simulated(
            "cisco-ios",
            name=board.device,
            login=Login(username="berth", password=PASSWORD),
            ports=[trunk(TRUNK, "1,10-20")],
            vlans={10: "office"},
        ) as switch,
    ):
        document = platform_document([board.device])
        document["spec"]["vlan"]["switches"][0]["port"] = switch.port
        board.platform.write_text(json.dumps(document))
        known_hosts.write_text(f"[127.0.0.1]:{switch.port} {switch.host_key}\n")
        async with device_worker(client, board.queue, board.platform, sessions(no_secret, known_hosts)):
            yield Real(board, switch)


async def ask(real: Real, tenant: str, vlan: int, action: str, **more: Any) -> WorkflowHandle[Any, Any]:
    asks = [{"device": real.board.device, "action": action, "vlan": vlan, "trunks": [TRUNK], **more}]
    return await real.board.ask_all(tenant, asks)


async def outcome(run: WorkflowHandle[Any, Any]) -> Any:
    (one,) = await asyncio.wait_for(run.result(), PATIENCE)
    return one


async def approved(real: Real, tenant: str, vlan: int, *, by_hand: bool = False) -> dict[str, Any]:
    """An approval of just what the switch says would be sent."""
    lines = (await outcome(await ask(real, tenant, vlan, "preview")))["lines"]
    preview = Preview(
        tenant=tenant,
        run="a-run",
        requested_by="anna@example.net",
        vlan=vlan,
        by_hand=by_hand,
        switches=(SwitchLines(switch=real.board.device, lines=tuple(lines)),),
        plan="a-plan",
    )
    decision = Decision(plan=preview.hash, by=APPROVER)
    return Approval(preview=preview, decision=decision, at="2026-11-24T12:00:00+00:00").model_dump(mode="json")


async def test_a_tenants_vlan_is_previewed_made_proven_and_taken_away(real: Real) -> None:
    approval = await approved(real, "acme", 120)
    assert 120 not in real.switch.running.vlans

    made = await outcome(await ask(real, "acme", 120, "ensure", approval=approval))
    assert made["lines"] == approval["preview"]["switches"][0]["lines"]
    assert real.switch.startup.vlans[120] == "berth-acme"
    assert real.switch.startup.ports[TRUNK].carries(120)
    by_hand = await approved(real, "acme", 120, by_hand=True)
    assert (await outcome(await ask(real, "acme", 120, "verify", approval=by_hand)))["result"] == "done"

    await outcome(await ask(real, "acme", 120, "absent"))
    assert 120 not in real.switch.startup.vlans
    assert not real.switch.startup.ports[TRUNK].carries(120)
    assert real.switch.startup.vlans[10] == "office"


async def test_twenty_tenants_at_once_take_few_sessions(real: Real) -> None:
    tenants = {f"t{number}": 200 + number for number in range(20)}
    approvals = await asyncio.gather(*(approved(real, tenant, vlan) for tenant, vlan in tenants.items()))
    runs = [
        await ask(real, tenant, vlan, "ensure", approval=approval)
        for (tenant, vlan), approval in zip(tenants.items(), approvals, strict=True)
    ]
    await asyncio.gather(*map(outcome, runs))

    assert {vlan for vlan in tenants.values() if vlan in real.switch.startup.vlans} == set(tenants.values())


async def test_a_host_key_that_changed_is_refused_and_not_tried_again(real: Real) -> None:
    (real.board.platform.parent / "known_hosts").write_text(
        f"[127.0.0.1]:{real.switch.port} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcw0XlC3dK2M0f9Cw9z4r7VqUoZz1rX2m8m0n3m5a9P\n"
    )
    with pytest.raises(WorkflowFailureError) as raised:
        await outcome(await ask(real, "acme", 120, "survey"))

    cause = raised.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "host-key-changed"
    assert (await real.board.status()).failures == 1
