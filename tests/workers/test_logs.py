"""What a worker writes down: each line of a run says whose it is, known failures in one line, and no secret anywhere."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from tests.durability.outcomes import Run, history, reaches, refusal, results
from tests.durability.scene import Scene, a_scene, within
from tests.durability.tenants import tenant
from workers.logs import StepContext
from workflows.face import Outcome

TOKEN = "eyJhbGciOiJub25lIn0.a-secret-of-the-worker"
ABOUT_THE_WORKER = {
    "serving",
    "stopping: steps under way get time to finish",
    "Beginning worker shutdown, will wait 0:00:20 before cancelling activities",
}
"""Lines that belong to no run."""


async def eventful_life(scene: Scene) -> list[Run]:
    """Runs that succeed, are tried again, are refused, are invalid, are cancelled and wait for an operator."""
    faults: list[tuple[str, dict[str, Any]]] = [
        ("error", {"verb": "create", "plural": "subnets", "name": "well--*", "status": 503, "times": 2}),
        # An API server that no longer takes the token: it is read again and tried again.
        ("error", {"verb": "create", "plural": "vpcs", "name": "well", "status": 401, "times": 2}),
        ("drop", {"verb": "create", "plural": "ovn-eips", "name": "well--*", "times": 1}),
        ("refuse", {"verb": "create", "plural": "ovn-fips", "name": "bad--*", "message": "not allowed"}),
        ("refuse", {"verb": "delete", "plural": "subnets", "name": "bad--*", "times": 1, "message": "not allowed"}),
    ]
    for effect, fields in faults:
        await scene.fault(effect, **fields)
    held = await scene.fault("never-ready", plural="ovn-eips", name="gone--*")
    well, bad = await scene.onboard(tenant("well")), await scene.onboard(tenant("bad", floating=True))
    gone, wrong = await scene.onboard(tenant("gone")), await scene.onboard({**tenant("wrong"), "spec": {"x": 1}})

    await results([well])
    await refusal(wrong)
    await scene.struck(held)
    await gone.cancel()
    with pytest.raises(WorkflowFailureError):
        await within(gone.result(), "the end of the cancelled run")
    await reaches(scene, bad, Outcome.NEEDS_OPERATOR)
    await bad.execute_update("resolve", {"decision": "retry"})
    await refusal(bad)
    return [well, bad, gone, wrong]


async def test_logs_of_an_eventful_life(tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with a_scene(folder) as scene:
        settings: dict[str, str | None] = {
            "BERTH_KUBECONFIG": None,
            "BERTH_KUBE_SERVER": scene.lab.running.kubernetes_url,
            "BERTH_KUBE_TOKEN_FILE": str(token),
            "BERTH_LOG_LEVEL": "debug",
        }
        worker = await scene.worker(**settings)
        runs = await eventful_life(scene)
        worker.terminate()
        assert await worker.ended() == 0
        histories = [str(event) for run in runs for event in await history(run)]

    lines = worker.lines()
    known = {(run.id, run.run_id) for run in runs}
    told = [line for line in lines if line["level"] != "debug"]
    of_runs = [line for line in told if "tenant" in line or "workflow" in line or "run" in line]
    for line in of_runs:
        assert (line["workflow"], line["run"]) in known, line
        assert line["workflow"] == f"tenant-{line['tenant']}"
    others = {line["event"] for line in told if line not in of_runs}
    assert others <= ABOUT_THE_WORKER
    # Each kind of trouble was told, of the tenant that had it, and in one line.
    events = {(line["tenant"], line["event"]) for line in of_runs}
    assert events == {
        ("well", "step will be tried again"),
        ("well", "the run is done"),
        ("bad", "step refused"),
        ("bad", "the run is undoing"),
        ("bad", "the run is needs-operator"),
        ("bad", "the run is undone"),
        ("gone", "the run is undoing"),
        ("gone", "the run is undone"),
        ("wrong", "the run is undone"),
    }
    (waits,) = [line for line in of_runs if line["event"] == "the run is needs-operator"]
    assert (waits["level"], "not allowed" in waits["reason"]) == ("warning", True)
    assert all(line["reason"] and line["step"] and line["attempt"] for line in of_runs if "step " in line["event"])
    assert [line for line in told if "exception" in line or "Traceback" in json.dumps(line)] == []

    assert any("well" in text for text in histories)
    assert [text for text in histories if TOKEN in text] == []
    # Everything the processes wrote: logs, and the databases behind Temporal and the platform.
    written = {file: file.read_bytes() for file in files_in(folder)}
    assert any(b"tenant-well" in content for file, content in written.items() if file.name.startswith("temporal.db"))
    assert [str(file) for file, content in written.items() if TOKEN.encode() in content] == []


def files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_an_unexpected_failure_shows_where_but_no_local_variable() -> None:
    script = (
        "import sys, logging; from workers.logs import set_up_logs; set_up_logs(sys.argv[1], 'info')\n"
        "def open_the_door():\n"
        "    password = 'open ' + 'sesame'\n"
        "    raise KeyError('no such door')\n"
        "try:\n"
        "    open_the_door()\n"
        "except KeyError:\n"
        "    logging.getLogger('somebody').exception('it failed')\n"
    )
    for form in ("json", "console"):
        ran = subprocess.run([sys.executable, "-P", "-c", script, form], capture_output=True, text=True, check=True)
        assert "open_the_door" in ran.stderr
        assert "KeyError" in ran.stderr
        assert "open sesame" not in ran.stderr
        assert ran.stdout == ""


async def test_what_temporals_core_has_to_say_is_a_line_like_any_other(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        # The run is ended from outside while a step of it works: the core complains of the step's late answer.
        slow = await scene.fault("slow", verb="create", plural="vpcs", name="late", seconds=1)
        worker = await scene.worker()
        run = await scene.onboard(tenant("late"))
        await scene.struck(slow)
        await run.terminate()
        worker.terminate()
        assert await worker.ended() == 0

    assert [line["level"] for line in worker.lines() if "Activity not found" in line["event"]] == ["warning"]


async def test_what_a_library_logs_inside_a_step_bears_the_steps_tenant_workflow_and_run() -> None:
    seen: list[dict[str, Any]] = []

    class Logs(ActivityInboundInterceptor):
        async def execute_activity(self, input: ExecuteActivityInput) -> Any:
            seen.append(structlog.contextvars.get_contextvars())

    async def step() -> None:
        inside = StepContext().intercept_activity(Logs(cast(ActivityInboundInterceptor, None)))
        await inside.execute_activity(cast(ExecuteActivityInput, None))

    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, workflow_id="tenant-acme", workflow_run_id="run-1", activity_id="vpc-acme"
    )
    await environment.run(step)

    assert seen == [{"tenant": "acme", "workflow": "tenant-acme", "run": "run-1", "step": "vpc-acme"}]
    assert structlog.contextvars.get_contextvars() == {}
