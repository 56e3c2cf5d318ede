"""Decisions about a real onboarding, sent in every way there is: one counts, and no other puts a line on a switch."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.worker import UnsandboxedWorkflowRunner

from cli.exit_codes import ExitCode
from lab.temporal import temporal_binary
from tenancy.approval import Approval, Decision, Preview, Word, statement
from tenancy.kinds import VLAN
from tests.cli.running import SECONDS, berth, complaint, environment
from tests.clients.stand_in import stand_in
from tests.signing import Signer, signer
from tests.workflows.approving import approval_of, seen
from tests.workflows.strikes import PATIENCE
from tests.workflows.vlan_world import (
    NADIA,
    VlanWorld,
    decide,
    everywhere,
    running_vlan_world,
    vlan_tenant,
    waiting,
)
from tests.workflows.world import Run, failure, parked, resolve, until
from workflows import sandbox
from workflows.approval import Approvals
from workflows.face import ONBOARD, REFUSED

OMAR, ANNA = "omar@example.com", "anna@example.com"
"""Another approver, and one who asks for VLANs as well."""
Way = Callable[[Run, str, dict[str, Any]], Awaitable[str]]


class Ways:
    """The ways a decision takes to a run. Each answers with why it was refused, or with nothing."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder

    async def python(self, run: Run, word: str, decision: dict[str, Any]) -> str:
        try:
            await run.execute_update(word, decision)
        except WorkflowUpdateFailedError as refused:
            return str(getattr(refused.cause, "message", ""))
        return ""

    async def signal(self, run: Run, word: str, decision: dict[str, Any]) -> str:
        before = await approval_of(run)
        await run.signal(word, decision)
        return await _told(run, before)

    async def temporal(self, run: Run, word: str, decision: dict[str, Any]) -> str:
        done = await self._temporal(run, "update", "execute", "--name", word, "--input", json.dumps(decision))
        return done.stderr if done.returncode else ""

    async def temporal_signal(self, run: Run, word: str, decision: dict[str, Any]) -> str:
        before = await approval_of(run)
        sent = await self._temporal(run, "signal", "--name", word, "--input", json.dumps(decision))
        assert sent.returncode == 0, sent.stderr
        return await _told(run, before)

    async def berth(self, run: Run, word: str, decision: dict[str, Any]) -> str:
        arguments = [word, run.id.removeprefix("tenant-"), "--as", decision["by"], "--yes", "--plan", decision["plan"]]
        if comment := decision.get("comment"):
            arguments += ["--comment" if word == "approve" else "--reason", comment]
        if signature := decision.get("signature"):
            (self.folder / "decision.sig").write_text(signature)
            arguments += ["--signature", str(self.folder / "decision.sig")]
        done = await asyncio.to_thread(berth, "--temporal-address", self.address, *arguments, folder=self.folder)
        return complaint(done) if done.returncode != ExitCode.OK else ""

    async def _temporal(self, run: Run, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(temporal_binary()), "workflow", *arguments, "--workflow-id", run.id, "--address", self.address]
        return await asyncio.to_thread(
            lambda: subprocess.run(
                command,
                cwd=self.folder,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        )

    def all(self) -> list[Way]:
        return [self.python, self.signal, self.temporal, self.temporal_signal, self.berth]


async def _told(run: Run, before: Any) -> str:
    """What the board says of a signal that was refused."""
    told = await seen(run, lambda found: found.refused != before.refused)
    return told.refused[-1].reason


@pytest.fixture
async def world(client: Client, tmp_path: Path, name: str) -> AsyncIterator[VlanWorld]:
    async with running_vlan_world(client, tmp_path, name) as made:
        yield made


@pytest.fixture
def ways(temporal_address: str, tmp_path: Path) -> Ways:
    return Ways(temporal_address, tmp_path)


def untouched(world: VlanWorld) -> bool:
    return [entry.line for switch in world.switches for entry in switch.journal if entry.configuring] == []


def signed(key: Signer, word: Word, shown: Preview, **made: Any) -> dict[str, Any]:
    decision = Decision(plan=shown.hash, **made)
    signature = key.sign(statement(word, shown, decision))
    return decision.model_copy(update={"signature": signature}).model_dump(exclude_none=True)


@pytest.fixture
async def signing(client: Client, tmp_path: Path, name: str) -> AsyncIterator[tuple[VlanWorld, Signer, Signer]]:
    """A platform where decisions are signed, Nadia's key, and one that nobody has allowed."""
    nadia, mallory = signer(tmp_path, NADIA), signer(tmp_path, "mallory")
    signers = tmp_path / "allowed_signers"
    signers.write_text(nadia.line('namespaces="berth-approval"') + signer(tmp_path, ANNA, "rsa", 2048).line())
    rules = {"approvers": [NADIA, ANNA], "signing": "ssh", "allowedSigners": str(signers)}
    async with running_vlan_world(client, tmp_path, name, vlan={"approval": rules}) as world:
        yield world, nadia, mallory


async def test_whoever_has_all_of_temporal_and_no_key_cannot_approve(
    signing: tuple[VlanWorld, Signer, Signer], ways: Ways
) -> None:
    world, nadia, mallory = signing
    run, asked = await world.asked()
    assert asked.signed
    shown = asked.preview
    assert isinstance(shown, Preview)
    plain = {"plan": shown.hash, "by": NADIA}
    good = signed(nadia, "approve", shown, by=NADIA, comment="go ahead")
    forged: list[tuple[str, dict[str, Any], str]] = [
        ("approve", plain, "signed"),
        ("approve", signed(mallory, "approve", shown, by=NADIA), "is not allowed for"),
        ("approve", {**good, "comment": "something else"}, "something else was signed"),
        ("approve", signed(nadia, "reject", shown, by=NADIA), "something else was signed"),
        ("approve", {**good, "by": ANNA}, "is not allowed for"),
        ("reject", {**good, "comment": "no"}, "something else was signed"),
    ]
    for word, decision, why in forged:
        for way in ways.all():
            assert why in await way(run, word, decision), (way, word, why)
    assert (await approval_of(run)).state == "waiting"
    assert untouched(world)

    assert await ways.berth(run, "approve", good) == ""
    handed_over = await asyncio.wait_for(run.result(), PATIENCE)
    assert handed_over["approval"]["decision"]["signature"] == good["signature"]
    assert world.carries(2000) == everywhere(world, 2000, world.name)


async def test_an_approval_without_the_key_lets_no_line_onto_a_switch_though_its_queue_is_told(
    signing: tuple[VlanWorld, Signer, Signer],
) -> None:
    world, nadia, mallory = signing
    run, asked = await world.asked()
    assert isinstance(asked.preview, Preview)
    made = [{"plan": asked.preview.hash, "by": NADIA}, signed(mallory, "approve", asked.preview, by=NADIA)]
    for decision in made:
        forged = {"preview": asked.preview.model_dump(), "decision": decision, "at": "2026-11-24T12:00:00+00:00"}
        await world.send(action="ensure", vlan=2000, approval=Approval.model_validate(forged))
    assert untouched(world)
    good = signed(nadia, "reject", asked.preview, by=NADIA, comment="somebody plays with it")
    await run.execute_update("reject", good)
    await failure(run)


async def test_an_approval_that_was_good_once_puts_nothing_back_on_a_switch(world: VlanWorld) -> None:
    """Whoever can signal in Temporal can send it again: after the tenant has gone, and when it is there anew."""
    handed_over = await world.approved()
    old = Approval.model_validate(handed_over["approval"])
    await world.offboarded()
    await world.send(action="ensure", vlan=2000, approval=old)
    assert world.carries(2000) == []
    run, shown = await world.asked()
    await world.send(action="ensure", vlan=2000, approval=old)
    assert world.carries(2000) == []
    await decide(run, "approve", plan=shown.plan)
    await asyncio.wait_for(run.result(), PATIENCE)
    assert world.carries(2000) == everywhere(world, 2000, world.name)


async def test_a_vlan_that_is_not_reserved_for_the_tenant_is_taken_off_no_switch(world: VlanWorld) -> None:
    """One without a name of its own could pass for a VLAN of ours that was lost half-made."""
    await world.switches[0].change("vlan 300")
    await world.asked()
    await world.send(action="absent", vlan=300)
    assert 300 in world.switches[0].running.vlans


async def test_stale_and_self_given_decisions_are_refused_in_every_way(
    client: Client, tmp_path: Path, name: str, ways: Ways
) -> None:
    rules = {"approvers": [NADIA, OMAR, ANNA]}
    async with running_vlan_world(client, tmp_path, name, vlan={"approval": rules}) as world:
        first = world.switches[0]
        await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan all")
        run = await world.start(ONBOARD, {"tenant": vlan_tenant(name), "requestedBy": ANNA})
        shown = await waiting(run)
        await first.change("interface GigabitEthernet1/0/1", "switchport trunk allowed vlan 1")
        await decide(run, "approve", plan=shown.plan)
        await until(run, lambda now: now.approval is not None and now.approval.plan != shown.plan, "another preview")
        again = await waiting(run)
        before = [switch.text("running") for switch in world.switches]
        for way in ways.all():
            told = await way(run, "approve", {"plan": shown.plan, "by": NADIA})
            assert "the plan has changed since it was shown" in told, way
            assert f"+{first.name}: interface GigabitEthernet1/0/1" in told, way
            told = await way(run, "approve", {"plan": again.plan, "by": ANNA})
            assert f"{ANNA} requested it, and may not approve it as well" in told, way
            told = await way(run, "approve", {"plan": again.plan, "by": "mallory"})
            assert "'mallory' is no approver" in told, way
        assert [switch.text("running") for switch in world.switches] == before
        await run.signal("approve", {"plan": again.plan, "by": OMAR})
        await asyncio.wait_for(run.result(), PATIENCE)
        assert world.carries(2000) == everywhere(world, 2000, name)


async def test_after_the_decision_a_double_and_a_contradiction_change_nothing(
    client: Client, tmp_path: Path, name: str, ways: Ways
) -> None:
    async with running_vlan_world(client, tmp_path, name) as world:
        held = world.fault(effect="never-ready", plural="vpcs", name=name)
        run, shown = await world.asked()
        await decide(run, "approve", plan=shown.plan)
        await until(run, lambda now: any(step.id == f"vpc-{name}" and step.started for step in now.steps), "the VPC")
        for way in ways.all():
            double = await way(run, "approve", {"plan": shown.plan, "by": OMAR})
            contradiction = await way(run, "reject", {"plan": shown.plan, "by": OMAR, "comment": "no"})
            if way == ways.berth:
                assert double == contradiction
                assert f"nothing waits for approval: it was approved by {NADIA}" in double
            else:
                assert f"{NADIA} approved it already at" in double
                assert "one decision is enough" in double
                assert "a decision is taken once; to stop the run, cancel it" in contradiction
        world.kube.faults.remove(held)
        handed_over = await asyncio.wait_for(run.result(), PATIENCE)
        assert handed_over["approval"]["decision"]["by"] == NADIA
        assert world.carries(2000) == everywhere(world, 2000, name)
        # Once the run has ended there is nobody left to tell.
        assert "its latest run has ended" in await ways.berth(
            run, "reject", {"plan": shown.plan, "by": OMAR, "comment": "x"}
        )
        assert "already completed" in await ways.temporal(run, "reject", {"plan": shown.plan, "by": OMAR})


async def test_where_nobody_decides_people_are_reminded_and_the_run_undoes_itself_and_says_so(
    client: Client, tmp_path: Path, name: str, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "runner", UnsandboxedWorkflowRunner)
    ask = Approvals.ask

    async def soon(self: Approvals, preview: Preview, rules: Any, *more: Any, **others: Any) -> Any:
        # A document says whole minutes.
        quick = rules.model_copy(update={"remind_every": 0.3, "expires_after": 1.5})
        return await ask(self, preview, quick, *more, **others)

    monkeypatch.setattr(Approvals, "ask", soon)
    titles: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        titles.append((await request.json())["title"])
        return web.Response()

    async with stand_in(respond) as webhook:
        (tmp_path / "url").touch(mode=0o600)
        (tmp_path / "url").write_text(webhook.url.replace("http://", "json://"))
        rules = {"approvers": [NADIA, OMAR], "notify": [{"file": str(tmp_path / "url")}]}
        async with running_vlan_world(client, tmp_path, name, vlan={"approval": rules}) as world:
            # The undo is held, so that somebody can come too late.
            held = world.fault(effect="refuse", verb="delete", plural="vlans", message="not now")
            run, shown = await world.asked()
            await parked(run)
            for way in ways.all():
                for word in ("approve", "reject"):
                    late = await way(run, word, {"plan": shown.plan, "by": NADIA, "comment": "at last"})
                    assert (
                        "it was expired" if way == ways.berth else "it is too late: the time to decide was up"
                    ) in late
            world.kube.faults.remove(held)
            await resolve(run, decision="retry")
            failed = await failure(run)
            assert failed.type == REFUSED
            assert "nobody approved VLAN 2000 within" in failed.message
            assert "everything it did is undone" in failed.message
            assert (await approval_of(run)).reminders >= 1
            assert untouched(world)
            assert [one for one in await world.api.list(VLAN) if one["metadata"]["name"] == "vlan-2000"] == []
    assert titles[0] == f"Berth: VLAN 2000 for tenant {name} waits for approval"
    assert any("still waits for approval, since" in title for title in titles)
    assert f"Berth: VLAN 2000 for tenant {name} was approved by nobody in time, and is undone" in titles


@pytest.mark.parametrize("way", ["python", "signal", "temporal", "temporal_signal", "berth"])
async def test_a_rejection_undoes_the_run_whichever_way_it_came(
    client: Client, tmp_path: Path, name: str, ways: Ways, way: str
) -> None:
    async with running_vlan_world(client, tmp_path, name, dialects=("cisco-ios",)) as world:
        run, shown = await world.asked()
        decision = {"plan": shown.plan, "by": OMAR, "comment": "not in this rack"}
        sending = asyncio.ensure_future(getattr(ways, way)(run, "reject", decision))
        failed = await failure(run)
        sending.cancel()
        assert f"rejected by {OMAR}" in failed.message
        assert "not in this rack" in failed.message
        assert untouched(world)
