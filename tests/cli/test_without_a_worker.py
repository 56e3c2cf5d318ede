"""A run nobody serves: what can be told without a worker, and that somebody has to start one."""

import asyncio
import json
import subprocess
from pathlib import Path

from cli.exit_codes import ExitCode
from cli.lab_worker import connect_to
from lab.embedded import Lab
from tests.cli.running import PLATFORM, berth, complaint, tenant
from workflows.face import SEARCH_ATTRIBUTES


async def _berth(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(berth, *arguments, folder=folder)


async def test_a_run_nobody_serves_is_told_with_what_to_do_about_it(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(tenant("acme"))
    lab = Lab(tmp_path / ".berth", search_attributes=SEARCH_ATTRIBUTES, platform=PLATFORM, stop_seconds=0)
    async with lab:
        started = await _berth(tmp_path, "onboard", "acme.yaml", "--detach")
        assert started.returncode == ExitCode.OK, started.stderr

        asked, decided, listed, again = await asyncio.gather(
            _berth(tmp_path, "status", "acme"),
            _berth(tmp_path, "resolve", "acme", "retry"),
            _berth(tmp_path, "list", "--json"),
            _berth(tmp_path, "onboard", "acme.yaml"),
        )
        for done in (asked, decided):
            assert done.returncode == ExitCode.UNREACHABLE
            assert "no worker is serving task queue berth: start one with `berth worker`" in complaint(done)
        (entry,) = json.loads(listed.stdout)["tenants"]
        assert (entry["tenant"], entry["state"], entry["running"]) == ("acme", "running", True)
        tree = await _berth(tmp_path, "status", "acme", "--tree")
        assert tree.returncode == ExitCode.UNREACHABLE
        assert tree.stdout.startswith("acme  onboarding  running")
        assert "shown is what Temporal itself has recorded" in tree.stderr
        assert again.returncode == ExitCode.CONFLICT
        assert "another run of acme is under way" in complaint(again)

        client = await connect_to(lab.running)
        await client.get_workflow_handle("tenant-acme").terminate(reason="by the test")
        ended = await _berth(tmp_path, "status", "acme")
        assert ended.returncode == ExitCode.OK
        assert "terminated (by the test), so nothing was undone" in complaint(ended)
        assert "no worker is serving task queue berth" in ended.stderr
        (entry,) = json.loads((await _berth(tmp_path, "list", "--json")).stdout)["tenants"]
        assert (entry["state"], entry["running"]) == ("terminated", False)
    # Leaving at once after the client is gone can crash the process.
    await asyncio.sleep(0.2)
