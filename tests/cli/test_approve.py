"""`berth approvals`, `approve` and `reject` as an approver and as a script run them, and the same with plain `temporal`."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from cli.exit_codes import ExitCode
from lab.temporal import temporal_binary
from tenancy.approval import Approval, Preview, statement
from tests.cli.running import SECONDS, at_a_terminal, berth, complaint, environment
from tests.signing import signer
from tests.workflows.approving import Desk, approval_of, decision, desk, preview, seen
from tests.workflows.conftest import client, name, temporal_address  # noqa: F401  # fixtures: the same Temporal
from tests.workflows.strikes import PATIENCE

Ran = subprocess.CompletedProcess[str]
Run = WorkflowHandle[Any, Any]


@dataclass
class Office:
    """A desk where approvals are asked for, and the two programs that decide."""

    desk: Desk
    address: str
    folder: Path

    async def berth(self, *arguments: str | Path, stdin: str | None = None) -> Ran:
        return await asyncio.to_thread(
            berth, "--temporal-address", self.address, *arguments, folder=self.folder, stdin=stdin
        )

    async def temporal(self, run: Run, *arguments: str) -> Ran:
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

    async def at_a_terminal(self, *arguments: str, types: str) -> tuple[int, str]:
        """The exit code and all that was seen, where a person answers."""
        return await asyncio.to_thread(
            at_a_terminal, "--temporal-address", self.address, *arguments, folder=self.folder, types=types
        )


@pytest.fixture
async def office(client: Client, name: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Office]:  # noqa: F811
    async with desk(client, f"office-{name}") as made:
        yield Office(made, temporal_address, tmp_path)


async def given(run: Run) -> Approval:
    (one,) = await asyncio.wait_for(run.result(), PATIENCE)
    return Approval.model_validate(one)


async def rejected(run: Run) -> str:
    with pytest.raises(WorkflowFailureError) as ended:
        await asyncio.wait_for(run.result(), PATIENCE)
    return str(getattr(ended.value.cause, "message", ""))


async def test_what_waits_is_listed_shown_and_approved_by_a_script(office: Office, name: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown)

    listed = json.loads((await office.berth("approvals", "--json")).stdout)["approvals"]
    (mine,) = [one for one in listed if one["tenant"] == name]
    assert (mine["approval"]["plan"], mine["approval"]["preview"]["requestedBy"]) == (shown.hash, "anna")
    assert f"{name}" in (await office.berth("approvals")).stdout

    # Looking decides nothing: there is nobody to ask.
    looked = await office.berth("approve", name, "--as", "olga")
    assert looked.returncode == ExitCode.USAGE
    assert f"say --yes --plan {shown.hash}" in complaint(looked)
    for line in (*shown.switches[0].lines, "leaf-1: 4 lines", "leaf-2: 2 lines"):
        assert line in looked.stdout
    assert (await approval_of(run)).state == "waiting"

    done = await office.berth("approve", name, "--as", "olga", "--yes", "--plan", shown.hash, "--comment", "fine")
    assert done.returncode == ExitCode.OK, done.stderr
    assert "VLAN 120 approved by olga: the run goes on" in done.stdout
    assert (await given(run)).decision == decision(shown, comment="fine")
    again = await office.berth("approve", name, "--as", "olga", "--yes", "--plan", shown.hash)
    assert again.returncode == ExitCode.REFUSED
    assert "nothing waits for approval" in complaint(again)


async def test_json_is_one_document_whatever_happens(office: Office, name: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown)
    for arguments, code in [
        (["--as", "mallory", "--yes", "--plan", shown.hash], ExitCode.REFUSED),
        (["--as", "olga", "--yes"], ExitCode.USAGE),
        (["--as", "olga"], ExitCode.USAGE),
        (["--as", "olga", "--yes", "--plan", shown.hash], ExitCode.OK),
    ]:
        done = await office.berth("approve", name, *arguments, "--json")
        told = json.loads(done.stdout)
        assert done.returncode == code == (told["error"]["exitCode"] if code else 0), done.stderr
    assert (told["decision"], told["plan"], told["by"]) == ("approve", shown.hash, "olga")
    await given(run)


async def test_at_a_terminal_a_person_is_asked_and_silence_is_no(office: Office, name: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown)
    for types in ("\n", "n\n", "no way\nn\n"):
        code, seen = await office.at_a_terminal("approve", name, "--as", "olga", types=types)
        assert code == ExitCode.REFUSED, seen
        assert f"approve VLAN 120 for {name} as olga? [y/N]" in seen
        assert "switchport trunk allowed vlan add 120" in seen
        assert "nothing was decided" in seen
    assert (await approval_of(run)).state == "waiting"
    code, seen = await office.at_a_terminal("approve", name, "--as", "olga", types="y\n")
    assert code == ExitCode.OK, seen
    await given(run)


async def test_a_rejection_needs_a_reason_and_ends_the_run_with_it(office: Office, name: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown)
    unreasoned = await office.berth("reject", name, "--as", "oskar", "--yes", "--plan", shown.hash)
    assert unreasoned.returncode == ExitCode.USAGE
    done = await office.berth(
        "reject", name, "--as", "oskar", "--yes", "--plan", shown.hash, "--reason", "the printers'"
    )
    assert done.returncode == ExitCode.OK, done.stderr
    assert (await rejected(run)).endswith("UTC: the printers'")


@pytest.mark.parametrize(
    ("by", "why"),
    [("mallory", "'mallory' is no approver"), ("anna", "anna requested it, and may not approve it as well")],
)
async def test_who_may_not_decide_is_told_so(office: Office, name: str, by: str, why: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown)
    done = await office.berth("approve", name, "--as", by, "--yes", "--plan", shown.hash)
    assert done.returncode == ExitCode.REFUSED
    assert why in complaint(done)
    assert (await approval_of(run)).state == "waiting"


async def test_a_stale_plan_is_refused_with_what_has_changed(office: Office, name: str) -> None:  # noqa: F811
    first = preview(name)
    lines = ("vlan 121", *first.switches[0].lines[1:])
    second = first.model_copy(
        update={"switches": (first.switches[0].model_copy(update={"lines": lines}), first.switches[1])}
    )
    run = await office.desk.ask(first, second)
    await run.execute_update("approve", decision(first))
    stale = await office.berth("approve", name, "--as", "oskar", "--yes", "--plan", first.hash)
    assert stale.returncode == ExitCode.REFUSED
    assert f"the plan has changed since it was shown: look at what waits now, {second.hash}" in complaint(stale)
    assert "-leaf-1: vlan 120\n" in stale.stderr
    assert "+leaf-1: vlan 121\n" in stale.stderr
    never = await office.berth("approve", name, "--as", "oskar", "--yes", "--plan", "0" * 64)
    assert "was never shown in this run" in complaint(never)
    assert (await approval_of(run)).state == "waiting"


async def test_a_key_signs_and_a_signature_made_elsewhere_counts_too(
    office: Office,
    name: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    key = signer(tmp_path, "olga")
    rules = {"signing": "ssh", "allowedSigners": "/etc/berth/signers"}
    first, second = preview(name), preview(name, plan="1" * 64)
    run = await office.desk.ask(first, second, rules=rules, allowed_signers=key.line())

    def wish(shown: Preview, *more: str | Path) -> tuple[str | Path, ...]:
        return ("approve", name, "--as", "olga", "--comment", "gé", "--yes", "--plan", shown.hash, *more)

    unsigned = await office.berth(*wish(first))
    assert (unsigned.returncode, "decisions are signed here" in complaint(unsigned)) == (ExitCode.USAGE, True)
    other = await office.berth(*wish(first, "--key", signer(tmp_path, "mallory").file))
    assert other.returncode == ExitCode.REFUSED
    assert "is not allowed for 'olga'" in complaint(other)
    missing = await office.berth(*wish(first, "--key", tmp_path / "none"))
    assert (missing.returncode, "did not sign with" in complaint(missing)) == (ExitCode.USAGE, True)
    by_key = await office.berth(*wish(first, "--key", key.file))
    assert by_key.returncode == ExitCode.OK, by_key.stderr

    text = (await office.berth(*wish(second, "--statement"))).stdout
    assert text == statement("approve", second, decision(second, comment="gé"))
    file = tmp_path / "a.sig"
    file.write_text(key.sign(text))
    both = await office.berth(*wish(second, "--signature", file, "--key", key.file))
    assert (both.returncode, "exclude each other" in complaint(both)) == (ExitCode.USAGE, True)
    elsewhere = await office.berth(*wish(second, "--signature", file))
    assert elsewhere.returncode == ExitCode.OK, elsewhere.stderr
    one, two = await asyncio.wait_for(run.result(), PATIENCE)
    assert one["decision"]["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    assert two["decision"]["signature"] == key.sign(text)


async def test_status_says_since_when_it_waits_and_for_whom(office: Office, name: str) -> None:  # noqa: F811
    await office.desk.ask(preview(name))
    told = json.loads((await office.berth("status", name, "--json")).stdout)["status"]["approval"]
    assert (told["vlan"], told["approvers"]) == (120, ["olga", "oskar", "anna"])
    seen = (await office.berth("status", name)).stdout
    assert "WAITS FOR APPROVAL of VLAN 120 since 20" in seen
    assert f"berth approve {name}" in seen


async def test_a_tenant_without_a_run_is_named(office: Office) -> None:
    done = await office.berth("approve", "nobody-there", "--as", "olga")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "no run of tenant nobody-there" in complaint(done)


async def test_all_of_it_can_be_done_with_plain_temporal(office: Office, name: str) -> None:  # noqa: F811
    shown = preview(name)
    run = await office.desk.ask(shown, hold=True)
    asked = await office.temporal(run, "query", "--type", "approval", "--output", "json")
    told = json.loads(asked.stdout)["queryResult"][0]
    assert (told["plan"], told["preview"]["switches"][1]["lines"]) == (shown.hash, list(shown.switches[1].lines))

    async def update(word: str, **argument: str) -> Ran:
        return await office.temporal(run, "update", "execute", "--name", word, "--input", json.dumps(argument))

    good = {"plan": shown.hash, "by": "olga"}
    for word, argument, why in [
        ("approve", {**good, "by": "mallory"}, "is no approver"),
        ("approve", {**good, "by": "anna"}, "may not approve it as well"),
        ("approve", {**good, "plan": "0" * 64}, "was never shown in this run"),
        ("reject", good, "a rejection needs a reason"),
        ("approve", {"plan": shown.hash}, "by: is missing"),
    ]:
        refused = await update(word, **argument)
        assert (refused.returncode, why in refused.stderr) == (1, True), refused
    accepted = await update("approve", **good, comment="by hand")
    assert (accepted.returncode, "the run goes on" in accepted.stdout) == (0, True), accepted
    for word, why in [("approve", "one decision is enough"), ("reject", "a decision is taken once")]:
        refused = await update(word, **good, comment="x")
        assert (refused.returncode, why in refused.stderr) == (1, True), refused
    await run.signal("release")
    assert (await given(run)).decision.comment == "by hand"
    late = await update("approve", **good)
    assert late.returncode == 1


async def test_a_signal_of_plain_temporal_decides_and_a_wrong_one_is_told_on_the_board(
    office: Office,
    name: str,  # noqa: F811
) -> None:
    shown = preview(name)
    run = await office.desk.ask(shown)

    async def signal(word: str, **argument: str) -> None:
        sent = await office.temporal(run, "signal", "--name", word, "--input", json.dumps(argument))
        assert sent.returncode == 0, sent

    await signal("approve", plan=shown.hash, by="mallory")
    (refused,) = (await seen(run, lambda found: bool(found.refused))).refused
    assert "'mallory' is no approver" in refused.reason
    await signal("reject", plan=shown.hash, by="oskar", comment="not in this rack")
    assert (await rejected(run)).endswith("not in this rack")
