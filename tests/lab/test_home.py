"""The state folder: who may use it, and how a lab in it is found."""

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.home import Home, RunningDevice, RunningLab, StaleLabError, find_lab, home_folder, take_home
from lab.processes import ProcessId

NOWHERE: dict[str, str] = {}


def described(folder: Path, process: ProcessId | None = None) -> RunningLab:
    me = process or ProcessId.of(os.getpid())
    return RunningLab(
        home=folder,
        temporal_address="127.0.0.1:7233",
        temporal_namespace="default",
        temporal_ui_url="http://127.0.0.1:8233",
        kubernetes_url="http://127.0.0.1:6443",
        kubeconfig=folder / "kubeconfig",
        programs=folder / "bin",
        platform=None,
        switches=(RunningDevice(name="leaf-1", dialect="cisco-ios", port=2201),),
        routers=(RunningDevice(name="edge-1", dialect="frr", port=2205),),
        switches_url="http://127.0.0.1:2200",
        known_hosts=folder / "known_hosts",
        username="berth",
        password_file=folder / "switches.password",
        lab=me,
        temporal=me,
        kubernetes=me,
        fabric=me,
    )


async def published(folder: Path, process: ProcessId | None = None) -> tuple[Home, RunningLab]:
    home = await take_home(folder)
    lab = described(folder, process)
    home.publish(lab)
    return home, lab


async def test_a_lab_is_found_from_below_its_folder_and_not_from_beside_it(tmp_path: Path) -> None:
    home, lab = await published(tmp_path / "work" / ".berth")
    try:
        below = tmp_path / "work" / "tenants" / "green"
        below.mkdir(parents=True)
        assert find_lab(below, NOWHERE) == lab
        assert find_lab(tmp_path / "work", NOWHERE) == lab
        assert find_lab(tmp_path, NOWHERE) is None
    finally:
        home.release()


async def test_the_nearest_lab_is_found(tmp_path: Path) -> None:
    outer, _ = await published(tmp_path / ".berth")
    inner, lab = await published(tmp_path / "inner" / ".berth")
    try:
        assert find_lab(tmp_path / "inner", NOWHERE) == lab
    finally:
        outer.release()
        inner.release()


async def test_a_withdrawn_lab_is_not_found(tmp_path: Path) -> None:
    home, _ = await published(tmp_path / ".berth")
    home.withdraw()
    home.release()
    assert find_lab(tmp_path, NOWHERE) is None


async def test_berth_home_names_the_folder_for_starting_and_for_finding(tmp_path: Path) -> None:
    named = tmp_path / "state of mine"
    environment = {"BERTH_HOME": str(named)}
    assert home_folder(tmp_path, environment) == named
    assert home_folder(tmp_path, {"BERTH_HOME": ""}) == tmp_path / ".berth"
    here, _ = await published(tmp_path / ".berth")
    try:
        assert find_lab(tmp_path, environment) is None
        home, lab = await published(named)
        assert find_lab(Path("/"), environment) == lab
        home.release()
    finally:
        here.release()


async def test_a_description_whose_process_is_gone_is_reported_as_stale(tmp_path: Path) -> None:
    done = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await done.wait()
    home, _ = await published(tmp_path / ".berth", ProcessId(done.pid, 1))
    home.release()
    with pytest.raises(StaleLabError, match=f"the lab of {tmp_path}/.berth is gone .its process {done.pid} "):
        find_lab(tmp_path, NOWHERE)


async def test_a_process_number_given_to_another_process_is_reported_as_stale(tmp_path: Path) -> None:
    me = ProcessId.of(os.getpid())
    home, _ = await published(tmp_path / ".berth", ProcessId(me.pid, me.started + 1))
    home.release()
    with pytest.raises(StaleLabError):
        find_lab(tmp_path, NOWHERE)


@pytest.mark.parametrize("text", ["", "{", '{"home": "/tmp"}', "[]", "\x00"])
def test_a_description_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / ".berth").mkdir()
    (tmp_path / ".berth" / "lab.json").write_text(text)
    with pytest.raises(LabError, match=r"lab\.json is not a lab's description: remove it"):
        find_lab(tmp_path, NOWHERE)


async def test_taking_the_folder_removes_what_an_earlier_lab_said_of_itself(tmp_path: Path) -> None:
    home, _ = await published(tmp_path / ".berth")
    home.release()
    again = await take_home(tmp_path / ".berth")
    try:
        assert find_lab(tmp_path, NOWHERE) is None
    finally:
        again.release()


async def test_a_second_lab_in_a_folder_is_refused_with_the_firsts_process(tmp_path: Path) -> None:
    home, lab = await published(tmp_path / ".berth")
    try:
        with pytest.raises(LabError, match=f"a lab already runs in .* as process {os.getpid()}: ") as caught:
            await take_home(tmp_path / ".berth")
        assert "\n" not in str(caught.value)
        assert find_lab(tmp_path, NOWHERE) == lab
    finally:
        home.release()


async def test_a_folder_is_taken_only_when_the_servers_of_a_killed_lab_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / ".berth"
    home = await take_home(folder)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE, pass_fds=[home.lock]
    )
    home.release()
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    (folder / "lock").write_text(f"{gone.pid}\n")
    taking = asyncio.create_task(take_home(folder))
    await asyncio.wait([taking], timeout=0.2)
    assert not taking.done()
    await server.communicate(b"\n")
    (await taking).release()


async def test_a_folder_that_cannot_be_made_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match=r"cannot keep the lab's state in .*/file/.berth .*: set BERTH_HOME"):
        await take_home(tmp_path / "file" / ".berth")
    assert find_lab(tmp_path / "file", NOWHERE) is None


async def test_only_their_owner_reads_the_files(tmp_path: Path) -> None:
    home, lab = await published(tmp_path / ".berth")
    home.publish(lab)
    home.release()
    for path in (lab.kubeconfig, tmp_path / ".berth" / "lab.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / ".berth").iterdir()) == ["kubeconfig", "lab.json", "lock"]


async def test_the_kubeconfig_leads_to_the_simulated_api(tmp_path: Path) -> None:
    home, lab = await published(tmp_path / ".berth")
    home.release()
    config = json.loads(lab.kubeconfig.read_text())
    [context] = [entry["context"] for entry in config["contexts"] if entry["name"] == config["current-context"]]
    [cluster] = [entry["cluster"] for entry in config["clusters"] if entry["name"] == context["cluster"]]
    assert cluster == {"server": lab.kubernetes_url}
    assert context["user"] in [entry["name"] for entry in config["users"]]


def test_a_shell_takes_the_environment_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "it's $HOME; `touch x`"
    lines = "\n".join(described(folder).env())
    printed = 'printf "%s\\n" "$TEMPORAL_ADDRESS" "$TEMPORAL_NAMESPACE" "$KUBECONFIG" "$PATH"'
    shell = shutil.which("sh")
    assert shell
    answer = subprocess.run(
        [shell, "-c", f'eval "$1"\n{printed}', "sh", lines],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout.splitlines() == [
        "127.0.0.1:7233",
        "default",
        f"{folder}/kubeconfig",
        f"{folder}/bin:/usr/bin:/bin",
    ]
    assert not list(tmp_path.iterdir())
