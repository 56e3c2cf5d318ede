"""The commands on a real lab with a real worker: what they do, what they tell people, what they tell scripts."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
from contextlib import suppress
from typing import Any

import pytest
from temporalio.client import Client

from cli.exit_codes import ExitCode
from lab.temporal import temporal_binary
from tests.cli.conftest import Ground
from tests.cli.running import BERTH, EXAMPLES, SECONDS, complaint, environment, tenant


def _status(ground: Ground, name: str) -> dict[str, Any]:
    done = ground.berth("status", name, "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_several_tenants_are_onboarded_listed_shown_and_offboarded(ground: Ground) -> None:
    one, two = ground.document("one", external=True), ground.document("two")
    onboarded = ground.berth("onboard", one, two, "--as", "the test")
    assert onboarded.returncode == ExitCode.OK, onboarded.stderr
    assert "network.subnet  one--one" in onboarded.stdout
    assert "network.subnet  two--one" in onboarded.stdout
    assert "one: Subnet one--one: done (created" in onboarded.stderr

    listed = {entry["tenant"]: entry for entry in json.loads(ground.berth("list", "--json").stdout)["tenants"]}
    for name in ("one", "two"):
        assert (listed[name]["workflow"], listed[name]["state"], listed[name]["running"]) == (
            "OnboardTenant",
            "done",
            False,
        )
    assert "one" in ground.berth("list").stdout

    told = _status(ground, "one")
    assert told["workflowId"] == "tenant-one"
    assert told["handOver"]["subnets"][0]["networkSubnet"] == "one--one"
    assert told["status"]["requestedBy"] == "the test"
    assert {step["state"] for step in told["status"]["steps"]} == {"done"}
    assert "Hand-over of one" in ground.berth("status", "one").stdout

    offboarded = ground.berth("offboard", "one", two, "--json")
    assert offboarded.returncode == ExitCode.OK, offboarded.stderr
    ends = {run["tenant"]: run for run in json.loads(offboarded.stdout)["runs"]}
    assert "Subnet one--one" in ends["one"]["removed"]
    assert "Vpc two" in ends["two"]["removed"]
    again = ground.berth("offboard", "one")
    assert again.returncode == ExitCode.REFUSED
    assert "check the tenant's name" in complaint(again)


def test_json_of_a_waiting_command_is_one_document_with_the_progress_elsewhere(ground: Ground) -> None:
    done = ground.berth("onboard", ground.document("jason"), "--json")
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["outcome"], run["exitCode"]) == ("done", 0)
    assert run["handOver"]["vpc"] == "jason"
    assert "jason: Vpc jason: done" in done.stderr


def test_a_plan_tells_what_is_there_already_and_what_is_in_the_way(ground: Ground) -> None:
    document = ground.document("planned")
    assert ground.berth("onboard", document).returncode == ExitCode.OK
    done = ground.berth("plan", document)
    assert done.returncode == ExitCode.OK
    assert "0 to create, 0 to change, 3 to keep" in done.stdout
    moved = ground.berth("plan", ground.document("planned", cidr="10.1.0.0/24"))
    assert moved.returncode == ExitCode.REFUSED
    assert "obstacle: Subnet planned--one cannot be changed in place" in moved.stdout


def test_a_refused_step_is_undone_and_the_reason_is_told(faultless: Ground) -> None:
    faultless.let("refuse", verb="create", plural="ovn-eips", name="refused--*", message="no more")
    document = faultless.document("refused", external=True)
    done = faultless.berth("onboard", document)
    assert done.returncode == ExitCode.REFUSED
    assert "no more" in complaint(done)
    assert "everything it did is undone" in complaint(done)
    assert done.stdout == ""
    told = _status(faultless, "refused")
    assert (told["outcome"], told["exitCode"]) == ("undone", ExitCode.REFUSED)
    assert "everything it did is undone" in told["message"]
    tree = [line.strip() for line in faultless.berth("status", "refused", "--tree").stdout.splitlines()]
    undo = next(number for number, line in enumerate(tree) if line.startswith("undo "))
    assert any(line.startswith("✗ OvnEip refused--egress") for line in tree[:undo])
    assert any(re.match("✓ Vpc refused +created, undone", line) for line in tree[:undo])
    assert any(re.match("○ Vpc refused +undone", line) for line in tree[undo:])
    record = json.loads(faultless.berth("status", "refused", "--tree", "--json").stdout)["record"]
    assert {one["step"] for one in record["tries"] if one["undoes"]} > {"vpc-refused"}


def test_faults_are_listed_with_how_often_they_struck_and_cleared(faultless: Ground) -> None:
    added = faultless.berth("lab", "fault", "add", "error", "--name", "never-there", "--times", "3", "--json")
    identity = json.loads(added.stdout)["id"]
    (listed,) = json.loads(faultless.berth("lab", "fault", "list", "--json").stdout)["faults"]
    assert (listed["id"], listed["struck"], listed["times"]) == (identity, 0, 3)
    assert "never-there" in faultless.berth("lab", "fault", "list").stdout
    assert faultless.berth("lab", "fault", "clear", identity).returncode == ExitCode.OK
    assert json.loads(faultless.berth("lab", "fault", "list", "--json").stdout) == {"faults": []}
    unknown = faultless.berth("lab", "fault", "clear", identity)
    assert unknown.returncode == ExitCode.NOT_FOUND
    assert "berth lab fault list" in complaint(unknown)


def test_a_tenant_under_way_is_not_started_twice_and_ctrl_c_leaves_it_running(faultless: Ground) -> None:
    faultless.let("error", verb="create", plural="vpcs", name="slow")
    document = faultless.document("slow")
    with subprocess.Popen(
        [BERTH, "onboard", document, "--json"],
        cwd=faultless.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stderr is not None
        retrying = next((line for line in following.stderr if "retrying" in line), "")
        assert retrying.startswith("slow: Vpc slow: retrying (attempt ")
        assert "500" in retrying
        second = faultless.berth("onboard", document, faultless.document("quick"), "--json")
        following.send_signal(signal.SIGINT)
        told, remarks = following.communicate(timeout=SECONDS)
    assert "Traceback" not in remarks
    assert following.returncode == ExitCode.DETACHED
    (detached,) = json.loads(told)["runs"]
    assert detached["outcome"] == "running"
    assert "berth status slow --wait" in detached["message"]

    assert second.returncode == ExitCode.CONFLICT
    ends = {run["tenant"]: run for run in json.loads(second.stdout)["runs"]}
    assert ends["quick"]["outcome"] == "done"
    assert ends["slow"]["outcome"] == "conflict"
    assert detached["runId"] in ends["slow"]["message"]

    faultless.clear_faults()
    ended = faultless.berth("status", "slow", "--wait", "--json")
    assert ended.returncode == ExitCode.OK
    run = json.loads(ended.stdout)
    assert run["status"]["outcome"] == "done"
    assert (run["runId"], run["outcome"]) == (detached["runId"], "done")


def test_what_a_stopped_worker_leaves_is_decided_by_an_operator(faultless: Ground) -> None:
    document = faultless.document("stuck")
    assert faultless.berth("onboard", document).returncode == ExitCode.OK
    # Refused for good, so that the removal is not tried eight times first.
    faultless.let("refuse", verb="delete", plural="subnets", name="stuck--one", message="held")
    parked = faultless.berth("offboard", "stuck")
    assert parked.returncode == ExitCode.NEEDS_OPERATOR
    assert "berth resolve stuck skip --step subnet-stuck--one" in " ".join(parked.stderr.split())
    assert _status(faultless, "stuck")["status"]["outcome"] == "needs-operator"
    assert "NEEDS OPERATOR Subnet stuck--one" in faultless.berth("status", "stuck").stdout

    without_reason = faultless.berth("resolve", "stuck", "skip", "--json")
    assert without_reason.returncode == ExitCode.REFUSED
    assert "needs a reason" in complaint(without_reason)
    assert json.loads(without_reason.stdout)["error"]["kind"] == "refused"

    faultless.clear_faults()
    decided = faultless.berth("resolve", "stuck", "retry", "--as", "the operator")
    assert decided.returncode == ExitCode.OK, decided.stderr
    assert "trying again to remove subnet-stuck--one" in decided.stdout
    assert faultless.berth("status", "stuck", "--wait").returncode == ExitCode.OK

    assert "the operator decided retry" in faultless.berth("status", "stuck", "--tree").stdout

    too_late = faultless.berth("resolve", "stuck", "retry")
    assert too_late.returncode == ExitCode.REFUSED
    assert "nothing waits for a decision" in complaint(too_late)


def test_what_an_operator_left_behind_is_told_by_the_exit_code(faultless: Ground) -> None:
    assert faultless.berth("onboard", faultless.document("left")).returncode == ExitCode.OK
    faultless.let("refuse", verb="delete", plural="subnets", name="left--one", message="held")
    assert faultless.berth("offboard", "left").returncode == ExitCode.NEEDS_OPERATOR
    aborted = faultless.berth("resolve", "left", "abort", "--reason", "a test")
    assert aborted.returncode == ExitCode.OK, aborted.stderr
    ended = faultless.berth("status", "left", "--wait")
    assert ended.returncode == ExitCode.NEEDS_OPERATOR
    assert "Subnet left--one" in complaint(ended)


def test_a_terminated_run_is_shown_as_terminated_and_its_clock_stands_still(faultless: Ground) -> None:
    faultless.let("never-ready", plural="vpcs", name="ended")

    async def terminate() -> None:
        client = await Client.connect(faultless.lab.temporal_address)
        await client.get_workflow_handle("tenant-ended").terminate("out of patience")

    with subprocess.Popen(
        [BERTH, "onboard", faultless.document("ended")],
        cwd=faultless.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stderr is not None
        assert next((line for line in following.stderr if line.startswith("ended: Vpc ended: running")), None)
        asyncio.run(terminate())
        following.communicate(timeout=SECONDS)
        assert following.returncode == ExitCode.NEEDS_OPERATOR

    shown = [faultless.berth("status", "ended") for _ in range(2)]

    assert [one.returncode for one in shown] == [ExitCode.OK, ExitCode.OK]
    assert shown[0].stdout == shown[1].stdout
    assert re.search(r"^ended +onboarding +terminated", shown[0].stdout)
    assert "nothing was undone" in complaint(shown[0])
    told = json.loads(faultless.berth("status", "ended", "--json").stdout)
    assert (told["outcome"], told["status"]["outcome"]) == ("terminated", "terminated")
    faultless.clear_faults()
    assert faultless.berth("offboard", "ended").returncode == ExitCode.OK


def test_what_preflight_would_refuse_is_an_obstacle_of_the_plan(faultless: Ground) -> None:
    taken = faultless.document("taken", external=True)
    text = taken.read_text()
    taken.write_text(text.replace("use: snat,", "use: snat, address: 203.0.113.2,"))
    assert taken.read_text() != text

    done = faultless.berth("plan", taken)

    assert done.returncode == ExitCode.REFUSED
    assert "obstacle: external IP" in done.stdout
    assert "203.0.113.2 is held by OvnEip" in done.stdout


def test_a_mistake_on_the_command_line_is_json_too(ground: Ground) -> None:
    for arguments in (
        ["status", "--json"],
        ["resolve", "acme", "bogus", "--json"],
        ["lab", "fault", "clear", "99", "--json"],
    ):
        done = ground.berth(*arguments)
        assert done.returncode in (ExitCode.USAGE, ExitCode.NOT_FOUND)
        assert json.loads(done.stdout)["error"]["exitCode"] == done.returncode


def test_a_detached_onboarding_returns_at_once_and_goes_on(ground: Ground) -> None:
    done = ground.berth("onboard", ground.document("detached"), "--detach", "--json")
    assert done.returncode == ExitCode.OK
    (run,) = json.loads(done.stdout)["runs"]
    assert run["outcome"] == "started"
    assert ground.berth("status", "detached", "--wait").returncode == ExitCode.OK


def test_mistakes_that_only_the_worker_can_find_are_told_as_any_other(ground: Ground) -> None:
    """Without the platform's document the command cannot know that the CIDR is reserved."""
    done = subprocess.run(
        [BERTH, "--temporal-address", ground.lab.temporal_address, "onboard", "-"],
        cwd=ground.folder,
        env=environment(),
        input=tenant("reserved", cidr="10.96.0.0/24"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == ExitCode.INVALID
    assert "onboarding reserved: 1 mistake" in complaint(done)
    assert "10.96.0.0/24" in done.stderr
    assert "berth plan" not in done.stderr


@pytest.mark.parametrize("command", [["status", "nobody"], ["resolve", "nobody", "retry"]])
def test_a_tenant_nobody_knows_is_not_found(ground: Ground, command: list[str]) -> None:
    done = ground.berth(*command)
    assert done.returncode == ExitCode.NOT_FOUND
    assert "no run of tenant nobody" in complaint(done)


def test_the_environment_of_the_lab_serves_temporals_own_program(ground: Ground) -> None:
    printed = ground.berth("lab", "env")
    asked = subprocess.run(
        [
            "bash",
            "-c",
            f'{printed.stdout}\ntype -P temporal\ntemporal operator namespace describe "$TEMPORAL_NAMESPACE"',
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.splitlines()[0] == str(temporal_binary())
    assert json.loads(ground.berth("lab", "env", "--json").stdout)["kubernetes_url"] == ground.lab.kubernetes_url


def test_berth_finds_the_lab_from_a_folder_below_and_says_so_once(ground: Ground) -> None:
    below = ground.folder / "below"
    below.mkdir(exist_ok=True)
    done = subprocess.run(
        [BERTH, "list", "--json"],
        cwd=below,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == ExitCode.OK
    assert done.stderr == f"using the lab at {ground.lab.home}\n"


def test_settings_of_another_temporal_win_over_the_lab(ground: Ground) -> None:
    elsewhere = {"BERTH_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        [BERTH, "list"],
        cwd=ground.folder,
        env=environment(**elsewhere),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == ExitCode.UNREACHABLE
    assert "127.0.0.1:1" in complaint(done)
    assert "using the lab" not in done.stderr


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_fills_the_screen_and_leaves_it_as_it_was(ground: Ground, ends: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    variables = environment(TERM="xterm-256color", COLUMNS="80", LINES="24")
    with subprocess.Popen(
        [BERTH, "watch"], cwd=ground.folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen, sent = b"", False
        with suppress(OSError):  # EIO is how a terminal says that nobody writes to it any more
            while part := os.read(ours, 65536):
                seen += part
                if not sent and b" tenant" in seen:
                    process.send_signal(ends)
                    sent = True
        assert process.wait(SECONDS) == ExitCode.OK
    os.close(ours)
    entered, left = seen.index(b"\x1b[?1049h"), seen.rindex(b"\x1b[?1049l")
    assert entered < seen.index(b" tenant") < left
    assert seen.rindex(b"\x1b[?25h") > seen.index(b"\x1b[?25l")
    assert b" tenant" in seen[left:]  # what was seen last stays
    assert b"Traceback" not in seen


def test_a_watch_in_a_pipe_tells_changes_as_lines_until_it_is_interrupted(faultless: Ground) -> None:
    with subprocess.Popen(
        [BERTH, "watch", "seen", "--json", "--every", "0.5"],
        cwd=faultless.folder,
        env=environment(FORCE_COLOR="1", TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert faultless.berth("onboard", faultless.document("seen")).returncode == ExitCode.OK
        told = [json.loads(watching.stdout.readline())]
        while told[-1]["running"]:
            told.append(json.loads(watching.stdout.readline()))
        watching.send_signal(signal.SIGINT)
        rest, remarks = watching.communicate(timeout=SECONDS)
    assert watching.returncode == ExitCode.OK
    assert (rest, "Traceback" in remarks) == ("", False)
    assert {one["tenant"] for one in told} == {"seen"}
    assert (told[-1]["state"], told[-1]["closed"] is not None) == ("done", True)


def test_the_examples_are_onboarded_side_by_side(ground: Ground) -> None:
    done = ground.berth("onboard", EXAMPLES / "acme.yaml", EXAMPLES / "globex.yaml")
    assert done.returncode == ExitCode.OK, done.stderr
    assert "network.subnet  acme--dev" in done.stdout
    assert "floating IP of 10.0.0.10" in done.stdout
    assert os.environ.get("BERTH_HOME") is None
