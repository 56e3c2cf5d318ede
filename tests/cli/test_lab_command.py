"""`berth lab` and `berth worker` as processes: what they are told to do, and what happens when a part of them dies."""

import json
import os
import signal
import subprocess
from pathlib import Path

from cli.documents import read_platform_file
from cli.exit_codes import ExitCode
from cli.lab_platform import VLAN, write_lab_platform
from lab.home import find_lab
from tenancy.edge import edge_devices
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


def test_the_lab_lists_its_routers_and_the_document_has_them(ground: Ground) -> None:
    assert {router.name for router in ground.lab.routers} == {"edge-1", "fabric-1"}
    assert ground.lab.platform is not None
    announce = read_platform_file(ground.lab.platform).spec.announce
    assert announce is not None
    assert {(device.name, device.host, device.port) for device in edge_devices(announce)} == {
        (router.name, "127.0.0.1", router.port) for router in ground.lab.routers
    }
    (credentials,) = announce.credentials
    assert credentials.username == "berth"
    assert credentials.password is not None
    assert credentials.password.file == str(ground.lab.password_file)


def test_the_vlan_document_has_the_labs_switches_and_routers(ground: Ground, tmp_path: Path) -> None:
    path = tmp_path / "vlan.yaml"
    write_lab_platform(ground.lab, VLAN, path)
    spec = read_platform_file(path).spec
    assert spec.vlan is not None
    assert spec.announce is not None
    assert {device.name: device.port for device in (*spec.vlan.switches, *edge_devices(spec.announce))} == {
        device.name: device.port for device in (*ground.lab.switches, *ground.lab.routers)
    }


def test_a_device_is_looked_at_broken_and_restarted(ground: Ground) -> None:
    shown = ground.berth("lab", "device", "show", "edge-1")
    assert "redistribute static route-map berth" in shown.stdout
    routes = ground.berth("lab", "device", "routes")
    assert ["198.51.100.0/31", "connected", "here"] in [line.split() for line in routes.stdout.splitlines()]
    told = json.loads(ground.berth("lab", "device", "routes", "edge-1", "--json").stdout)
    assert [route["network"] for route in told["routes"] if route["protocol"] == "connected"] == [
        "198.51.100.0/31",
        "203.0.113.0/24",
        "2001:db8:113::/64",
        "2001:db8:ffff::/127",
    ]
    assert ground.berth("lab", "device", "reload", "edge-1").stdout == "edge-1: restarted\n"
    assert "is on" in ground.berth("lab", "device", "fault", "edge-1", "deny-save", "--times", "1").stdout
    assert "every fault is off" in ground.berth("lab", "device", "clear", "edge-1").stdout
    wrong = ground.berth("lab", "device", "routes", "leaf-1")
    assert wrong.returncode == ExitCode.USAGE
    assert "shows no routing table" in complaint(wrong)


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
