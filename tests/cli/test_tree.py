"""The tree of what a run did, from recorded runs: with every try, the undo as a branch of its own, and who decided what."""

from datetime import UTC, datetime
from typing import cast
from unittest.mock import Mock

import pytest

from cli.history import Recorded
from cli.runs import Run
from cli.tree import status_of_record, tree_view
from tests.cli.looking import Screen, console, shown
from tests.cli.test_history import record
from workflows.face import Outcome, Status, StepState, StepStatus

NOW = datetime(2026, 11, 26, tzinfo=UTC)


async def _told(scene: str) -> tuple[Status, Recorded]:
    workflow, told = await record(scene)
    tenant = scene.replace("_", "-")
    return status_of_record(Run(tenant, workflow, Mock(run_id="r"), "berth"), told), told


def _with(status: Status, **states: object) -> Status:
    """With another state and note for a step, as the run itself tells it."""
    steps = [
        step.model_copy(update={"state": states[key], "note": f"note of {step.id}"})
        if (key := step.id.partition("-")[0]) in states
        else step
        for step in status.steps
    ]
    return status.model_copy(update={"steps": tuple(steps), "outcome": Outcome.UNDONE, "failure": "it was struck"})


async def test_the_undo_is_a_branch_of_its_own_with_why_and_who_decided() -> None:
    status, told = await _told("parked_and_resolved")
    lines = shown(tree_view(_with(status, subnet=StepState.SKIPPED), told, NOW), console(100))
    text = "\n".join(lines)
    undo = next(number for number, line in enumerate(lines) if line.strip().startswith("undo "))
    before, after = "\n".join(lines[:undo]), "\n".join(lines[undo:])
    assert "because it was struck" in lines[undo]
    assert "created, 203.0.113.4, undone" in before
    assert "✓ Subnet parked-and-resolved--prod" in before  # it was made, whatever became of it
    assert "– Subnet parked-and-resolved--prod" in after
    assert "✗ ConfigMap berth-network" in before
    assert "struck on purpose" in before
    assert "8 attempts" in after
    assert "on call decided skip: by hand" in after
    assert "on call decided retry" in after
    assert "on call decided abort: by hand" in after
    assert "decided" not in before
    assert not [letter for letter in text if letter in "├└│"]


async def test_what_devices_were_sent_stands_below_the_step_that_sent_it_and_below_its_undo() -> None:
    status, told = await _told("vlan_undone")
    lines = [line.strip() for line in shown(tree_view(status, told, NOW))]
    undo = next(number for number, line in enumerate(lines) if line.startswith("undo "))
    assert "vlan-undone-leaf1: 9 lines to send" in lines[:undo]
    assert "vlan-undone-leaf1: 9 lines sent" in lines[:undo]
    assert "vlan-undone-leaf1: 7 lines sent" in lines[undo:]
    assert "name berth-vlan-undone" in lines[:undo]


async def test_a_preview_that_was_not_sent_shows_none_of_its_lines() -> None:
    status, told = await _told("vlan_rejected")
    lines = [line.strip() for line in shown(tree_view(status, told, NOW))]
    assert any(line.endswith("9 lines to send") for line in lines)
    assert "name berth-vlan-rejected" not in lines


async def test_a_run_nobody_answers_for_is_told_from_its_record_alone() -> None:
    status, told = await _told("refused_and_undone")
    assert {step.state for step in status.steps} <= {StepState.DONE, StepState.UNDONE, StepState.FAILED}
    lines = shown(tree_view(status, told, NOW, ended="undone"))
    assert "undone" in lines[0]
    assert any("Vpc refused-and-undone" in line for line in lines)
    assert any(line.strip().startswith("undo ") for line in lines)


async def test_an_offboarding_has_one_branch_for_all_it_removes() -> None:
    status, told = await _told("nat_offboarded")
    lines = shown(tree_view(status, told, NOW))
    assert [line.split()[0] for line in lines if line.startswith("   ") and line[3] != " "] == ["inventory", "removal"]
    assert any("Vpc nat-offboarded" in line and "removed" in line for line in lines)


@pytest.mark.parametrize(
    ("width", "encoding", "screen"),
    [(40, "utf-8", True), (80, "utf-8", True), (80, "ascii", True), (120, "utf-8", False), (40, "utf-8", False)],
)
async def test_a_tree_fits_any_terminal_and_a_pipe_gets_no_lines_drawn(width: int, encoding: str, screen: bool) -> None:
    status, told = await _told("vlan_undone")
    hostile = StepStatus(id="x", stage="verify", title="\x1b[31mred\x1b[0m\n", state=StepState.FAILED, note="\x07" * 99)
    status = status.model_copy(update={"steps": (*status.steps, hostile), "failure": "why " * 40})
    on = console(width, screen=screen)
    if encoding == "ascii":
        on = console(width, screen=screen, encoding="ascii")
        cast(Screen, on.file).reconfigure(errors="replace")  # as set_up_streams does
    lines = shown(tree_view(status, told, NOW), on)
    assert max(map(len, lines)) <= width
    text = "".join(lines)
    assert text.isprintable()
    assert text.isascii() is (encoding == "ascii")
    assert ("├─" in text) is (screen and encoding != "ascii")
    assert ("|- " in text) is (encoding == "ascii")
