"""`berth lab` and `berth worker` as processes: what they are told to do, and what happens when a part of them dies."""

import os
import signal
import subprocess
from pathlib import Path

from cli.exit_codes import ExitCode
from lab.home import find_lab
from tests.cli.conftest import Ground
from tests.cli.running import BERTH, PLATFORM, SECONDS, berth, complaint, environment


def test_a_second_lab_in_the_same_folder_is_refused(ground: Ground) -> None:
    done = ground.berth("lab")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "a lab already runs in" in complaint(done)


def test_a_lab_starts_another_worker_when_one_is_killed_and_stays_where_it_was(tmp_path: Path) -> None:
    places = []
    for _ in range(2):
        with subprocess.Popen(
            [BERTH, "lab"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert next((line for line in process.stdout if line.startswith("Ctrl-C stops it")), None) is not None
            ready = tmp_path / ".berth" / "worker.ready"
            worker = int(ready.read_text())
            os.kill(worker, signal.SIGKILL)
            told = next((line for line in process.stderr if "the worker was killed by SIGKILL" in line), "")
            assert told.rstrip().endswith("starting another")
            assert "another worker goes on" in next((line for line in process.stderr if "goes on" in line), "")
            assert int(ready.read_text()) != worker
            found = find_lab(tmp_path, {})
            assert found is not None
            places.append((found.temporal_address, found.temporal_ui_url, found.kubernetes_url))
            process.send_signal(signal.SIGINT)
            _, remarks = process.communicate(timeout=SECONDS)
        assert process.returncode == ExitCode.OK
        assert "Traceback" not in remarks
    # A shell that was told where the lab is need not be told again.
    assert places[0] == places[1]
    assert find_lab(tmp_path, {}) is None


def test_a_worker_says_when_it_serves_and_ends_on_sigterm(ground: Ground, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with subprocess.Popen(
        [BERTH, "worker", "--ready-file", ready],
        cwd=ground.folder,
        env=environment(BERTH_TASK_QUEUE="another", BERTH_LOG_FORMAT="json"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert next((line for line in process.stderr if '"serving"' in line), None) is not None
        process.terminate()
        assert process.wait(SECONDS) == ExitCode.OK
    assert not ready.exists()


def test_a_worker_that_reaches_no_temporal_says_where_it_looked(tmp_path: Path) -> None:
    variables = {"BERTH_TEMPORAL_ADDRESS": "127.0.0.1:1", "BERTH_PLATFORM": str(PLATFORM)}
    done = berth("worker", folder=tmp_path, variables=variables)
    assert done.returncode == ExitCode.UNREACHABLE
    assert "127.0.0.1:1" in complaint(done)
