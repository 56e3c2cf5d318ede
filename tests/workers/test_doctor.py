"""The doctor's looks at what is written down and at Temporal, and the whole command from one end to the other."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from cli.commands_doctor import exit_code
from cli.exit_codes import ExitCode
from cli.main import run
from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from lab.switches import Login, Switch
from lab.temporal import start_temporal
from tests.cli.running import berth
from tests.durability.scene import eventually
from tests.workers.doctor_looks import known
from tests.workflows.vlan_world import PASSWORD, VARIABLE, vlan_platform
from tests.workflows.world import PLATFORM_TEXT, platform_document
from workers.doctor import temporal as look
from workers.doctor.examination import Examination
from workers.doctor.findings import Area, Finding
from workers.settings import Settings
from workflows.face import SEARCH_ATTRIBUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE = 30.0


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Idle:
    """Something for a worker to serve."""

    @workflow.run
    async def run(self) -> None:
        """Nothing."""


@activity.defn
async def idle() -> None:
    """Nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    server = await start_temporal(tmp_path_factory.mktemp("temporal"), search_attributes=SEARCH_ATTRIBUTES)
    yield await Client.connect(server.address)
    await server.stop(seconds=0)


@asynccontextmanager
async def serving(client: Client, queue: str, *, runs: bool = True, build: str | None = None) -> AsyncIterator[None]:
    """A worker on a task queue; of build `build` of a deployment that is named as the queue."""
    deployment = build and WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=queue, build_id=build), use_worker_versioning=True
    )
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Idle] if runs else [],
        activities=[idle],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=deployment or None,
    ):
        yield


def document(folder: Path, text: str | None = None) -> Path:
    path = folder / "platform.yaml"
    path.write_text(text if text is not None else json.dumps(platform_document()))
    return path


async def found(folder: Path, *areas: Area, **settings: Any) -> list[Finding]:
    given = {"platform": folder / "platform.yaml", "known_hosts": folder / "known_hosts", **settings}
    return known(await Examination(Settings(**given), areas).findings())


async def temporal(client: Client, folder: Path, queue: str, **settings: Any) -> list[Finding]:
    address = client.service_client.config.target_host
    return await found(folder, Area.TEMPORAL, temporal_address=address, task_queue=queue, **settings)


async def until(
    finding: Callable[[], Awaitable[list[Finding]]], subject: str, holds: Callable[[Finding], bool]
) -> Finding:
    """The finding about a subject, once it says what is waited for: Temporal hears of a worker when the worker asks."""

    async def told() -> Finding:
        return {one.subject: one for one in await finding()}[subject]

    return await eventually(told, holds, subject, PATIENCE)


def lines(findings: Sequence[Finding]) -> list[str]:
    return [f"{one.state} {one.subject}: {one.message}" for one in findings]


async def test_where_nobody_serves_the_task_queue_that_is_a_failure_that_names_it(
    client: Client, tmp_path: Path
) -> None:
    document(tmp_path)
    server, namespace, queue = await temporal(client, tmp_path, "lonely")
    assert (server.state, "version 1." in server.message) == ("passed", True)
    assert (namespace.state, "BerthTenant" in namespace.message) == ("passed", True)
    assert (queue.subject, queue.state, queue.answered) == ("task queue lonely", "failed", False)
    assert queue.message.startswith(
        "no worker takes its workflow and activity tasks: start `berth worker` with BERTH_SERVES=platform"
    )


async def test_devices_need_a_worker_of_their_own_task_queue(client: Client, tmp_path: Path) -> None:
    vlan_platform(tmp_path, ())
    raw = json.loads((tmp_path / "platform.yaml").read_text())
    leaf = {"name": "leaf-1", "platform": "cisco-ios", "host": "192.0.2.9", "credentials": "switches"}
    raw["spec"]["vlan"]["switches"] = [leaf | {"trunks": ["Port-channel1"]}]
    document(tmp_path, json.dumps(raw))
    async with serving(client, "busy"):
        main = await until(
            lambda: temporal(client, tmp_path, "busy"), "task queue busy", lambda one: one.state == "passed"
        )
        assert main.message.startswith(f"served by {os.getpid()}@")
        (lacking,) = [one for one in await temporal(client, tmp_path, "busy") if one.state == "failed"]
        assert (lacking.subject, lacking.answered) == ("task queue busy-devices", False)
        assert "no worker takes its activity tasks" in lacking.message
        assert "BERTH_SERVES=devices or everything" in lacking.message
        async with serving(client, "busy-devices", runs=False):
            await until(lambda: temporal(client, tmp_path, "busy"), lacking.subject, lambda one: one.state == "passed")


async def test_a_worker_that_asks_for_steps_alone_takes_no_runs(client: Client, tmp_path: Path) -> None:
    document(tmp_path)
    async with serving(client, "half", runs=False):
        half = await until(
            lambda: temporal(client, tmp_path, "half"), "task queue half", lambda one: "and" not in one.message[:50]
        )
    assert (half.state, half.message[:43]) == ("failed", "no worker takes its workflow tasks: start `")


async def test_a_worker_that_went_silent_does_not_serve(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document(tmp_path)
    async with serving(client, "gone"):
        await until(lambda: temporal(client, tmp_path, "gone"), "task queue gone", lambda one: one.state == "passed")
    monkeypatch.setattr(look, "SILENT", timedelta(0))
    queue = (await temporal(client, tmp_path, "gone"))[-1]
    assert queue.state == "failed"
    assert "tasks; the last one asked " in queue.message
    assert " s ago: start" in queue.message


async def test_a_deployment_without_a_current_version_serves_nothing(client: Client, tmp_path: Path) -> None:
    document(tmp_path)

    async def deployed(build: str = "1.0") -> list[Finding]:
        return await temporal(client, tmp_path, "rolled", deployment="rolled", build_id=build)

    unknown = (await deployed())[-1]
    assert (unknown.subject, unknown.state) == ("deployment rolled", "failed")
    assert "Temporal knows no worker deployment rolled: start a worker of it" in unknown.message
    async with serving(client, "rolled", build="1.0"):
        idle = await until(deployed, "deployment rolled", lambda one: "knows no" not in one.message)
        assert idle.state == "failed"
        assert (
            "`temporal worker deployment set-current-version --deployment-name rolled --build-id 1.0`" in idle.message
        )
        await _make_current(client, "rolled", "1.0")
        current = await until(deployed, "deployment rolled", lambda one: one.state != "failed")
        assert (current.state, current.message) == ("passed", "its current version is 1.0")
        (other,) = [one for one in await deployed("2.0") if one.subject == "deployment rolled"]
        assert (other.state, "BERTH_BUILD_ID here is 2.0" in other.message) == ("warned", True)


async def _make_current(client: Client, deployment: str, build: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace="default", deployment_name=deployment, build_id=build, version=f"{deployment}.{build}"
                )
            )
            return
        except RPCError:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)


async def test_a_namespace_that_is_not_prepared_is_one_failure_and_the_workers_are_skipped(
    client: Client, tmp_path: Path
) -> None:
    document(tmp_path)
    seen = lines(await temporal(client, tmp_path, "any", temporal_namespace="nowhere"))
    assert seen[1].startswith("failed namespace nowhere: ")
    assert "namespace nowhere" in seen[1]
    assert seen[2] == "skipped workers: nobody can tell while namespace nowhere is not as it has to be"


async def test_a_temporal_that_is_down_is_one_failure_and_keeps_nobody_from_the_rest(tmp_path: Path) -> None:
    document(tmp_path)
    seen = await found(tmp_path, Area.CONFIGURATION, Area.TEMPORAL, Area.DEVICES, temporal_address="127.0.0.1:1")
    assert [(one.area, one.state) for one in seen] == [
        (Area.CONFIGURATION, "passed"),
        (Area.CONFIGURATION, "passed"),
        (Area.TEMPORAL, "failed"),
        (Area.DEVICES, "passed"),
    ]
    assert not seen[2].answered
    assert "set BERTH_TEMPORAL_ADDRESS" in seen[2].message


async def test_every_mistake_in_the_document_is_a_line_with_its_place(tmp_path: Path) -> None:
    file = document(tmp_path, PLATFORM_TEXT.replace("mode: overlay", "mode: bridge").replace("9000", "90000"))
    seen = await found(tmp_path, Area.CONFIGURATION, Area.PLATFORM, Area.DEVICES)
    wrong = [one.message for one in seen if one.state == "failed"]
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "mode: bridge" in text)
    assert len(wrong) == 2
    assert wrong[0].startswith(f"{file}:{line}: spec.mode = 'bridge': ")
    assert "spec.subnetMtu = 90000" in wrong[1]
    skipped = [(one.area, one.message) for one in seen if one.state == "skipped"]
    why = "not looked at: the platform document cannot be used"
    assert skipped == [(Area.CONFIGURATION, why), (Area.PLATFORM, why), (Area.DEVICES, why)]


async def test_files_and_secrets_that_the_document_names_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BERTH_TESTS_NOWHERE", raising=False)
    signers = tmp_path / "signers"
    approval = {
        "approvers": ["nadia@example.com", "omar@example.com"],
        "signing": "ssh",
        "allowedSigners": str(signers),
        "notify": [{"environment": "BERTH_TESTS_NOWHERE"}, {"secret": {"namespace": "a", "name": "b", "key": "c"}}],
    }
    raw = platform_document({"method": "none", "approval": approval})
    document(tmp_path, json.dumps(raw))

    async def wrong() -> list[str]:
        seen = await found(tmp_path, Area.CONFIGURATION, kube_server="http://127.0.0.1:1")
        return [
            f"{one.subject}: {one.message}" for one in seen if one.state != "passed" and one.area is Area.CONFIGURATION
        ]

    missing, unset, unread = await wrong()
    assert missing.startswith(
        f"allowed signers (spec.announce.approval): allowed-signers file {signers} cannot be read"
    )
    assert unset.startswith(
        "notifications (spec.announce.approval): environment variable BERTH_TESTS_NOWHERE: no secret"
    )
    assert "Secret a/b: the Kubernetes API cannot be used" in unread
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+fPq0Mc0wcX4l5z8n4yD5wq5F6yZk8u1c6M6eH0L7v"
    signers.write_text(f"nadia@example.com {key}\n")
    assert (await wrong())[0] == (
        "allowed signers (spec.announce.approval): "
        f"{signers} lists no key of omar@example.com, who can sign nothing: add a line"
    )
    signers.write_text("nadia@example.com\n")
    assert "line 1 of the allowed-signers file cannot be read" in (await wrong())[0]
    signers.write_text(f"*@example.com {key}\n")
    assert len(await wrong()) == 2


async def test_a_worker_that_serves_one_side_looks_at_that_side_unless_it_is_told_to(tmp_path: Path) -> None:
    document(tmp_path)
    down = {"temporal_address": "127.0.0.1:1", "kube_server": "http://127.0.0.1:1"}
    for serves, left, asked in (("platform", Area.DEVICES, "passed"), ("devices", Area.PLATFORM, "skipped")):
        (skipped,) = [one for one in await found(tmp_path, serves=serves, **down) if one.area is left]
        assert (skipped.state, f"BERTH_SERVES={serves}" in skipped.message) == ("skipped", True)
        (seen,) = [one for one in await found(tmp_path, left, serves=serves, **down) if one.area is left]
        assert (seen.state, "BERTH_SERVES" in seen.message) == (asked, False)


async def test_without_the_file_of_host_keys_the_devices_are_skipped_in_one_line(tmp_path: Path) -> None:
    async with Switch("cisco-ios", name="leaf-1", login=Login("berth", PASSWORD)) as switch:
        vlan_platform(tmp_path, (switch,))
        (tmp_path / "known_hosts").unlink()
        cause, skipped = await found(tmp_path, Area.DEVICES)
        assert (cause.area, cause.subject, cause.state) == (Area.CONFIGURATION, "known hosts", "failed")
        assert "run `berth doctor --trust-hosts`" in cause.message
        assert (skipped.area, skipped.state) == (Area.DEVICES, "skipped")
        assert switch.logins == []


async def test_devices_whose_credentials_are_in_kubernetes_are_skipped_in_one_line_and_the_others_are_not(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        names = ("leaf-1", "leaf-2", "leaf-3")
        login = Login("berth", PASSWORD)
        switches = [await stack.enter_async_context(Switch("cisco-ios", name=name, login=login)) for name in names]
        place = {"secret": {"namespace": "default", "name": "switches", "key": "password"}}
        ours = {"name": "switches", "username": "berth", "password": {"environment": VARIABLE}}
        vlan_platform(tmp_path, switches, credentials=[ours, {**ours, "name": "kept", "password": place}])
        raw = json.loads((tmp_path / "platform.yaml").read_text())
        for switch in raw["spec"]["vlan"]["switches"][1:]:
            switch["credentials"] = "kept"
        document(tmp_path, json.dumps(raw))
        down, *seen = await found(tmp_path, Area.DEVICES, kube_server="http://127.0.0.1:1")
        assert (down.area, down.state) == (Area.KUBERNETES, "failed")
        assert [(one.subject, one.state) for one in seen] == [
            ("switch leaf-1", "passed"),
            ("switch leaf-2, switch leaf-3", "skipped"),
        ]
        assert [len(switch.logins) for switch in switches] == [1, 0, 0]


@asynccontextmanager
async def installation(client: Client, folder: Path, queue: str) -> AsyncIterator[tuple[KubeSimulator, dict[str, str]]]:
    """All that `berth doctor` looks at, in order; and the environment of the command."""
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(KubeSimulator(ready_delay=0.0))
        await kube.settled()
        switch = await stack.enter_async_context(Switch("arista-eos", name="leaf-1", login=Login("berth", PASSWORD)))
        vlan_platform(folder, (switch,))
        await stack.enter_async_context(serving(client, queue))
        await stack.enter_async_context(serving(client, f"{queue}-devices", runs=False))
        for name in (queue, f"{queue}-devices"):
            await until(
                lambda: temporal(client, folder, queue), f"task queue {name}", lambda one: one.state == "passed"
            )
        yield (
            kube,
            {
                "BERTH_TEMPORAL_ADDRESS": client.service_client.config.target_host,
                "BERTH_TASK_QUEUE": queue,
                "BERTH_KUBE_SERVER": kube.url,
                VARIABLE: PASSWORD,
            },
        )


async def test_the_whole_command_on_an_installation_that_is_well_and_on_one_that_is_not(
    client: Client, tmp_path: Path
) -> None:
    async with installation(client, tmp_path, "whole") as (kube, variables):

        async def doctor(*arguments: str, **more: str) -> tuple[int, str, str]:
            done = await asyncio.to_thread(
                berth, "doctor", *arguments, folder=tmp_path, variables={**variables, **more}
            )
            return done.returncode, done.stdout, done.stderr

        code, out, err = await doctor()
        assert (code, err) == (ExitCode.OK, "")
        areas = [line for line in out.splitlines() if "  " not in line][:-1]
        assert areas == ["Configuration", "Temporal", "Kubernetes", "Platform", "Devices"]
        assert "passed  switch leaf-1: arista-eos: host key known, logged in, 2 trunks there" in out
        assert out.splitlines()[-1].endswith(" passed")

        # One failure, two warnings of one cause, and something that takes its time.
        kube.faults.add(Fault(effect="paused"))
        kube.api.patch("subnets", "external", {"spec": {"gateway": "203.0.113.9"}})
        kube.api.store.remove(kube.api.get("pods", "kube-ovn-controller", "kube-system"), {})
        kube.faults.add(Fault(effect="slow", plural="provider-networks", seconds=2.5))
        code, out, err = await doctor("--json")
        told = json.loads(out)
        known([Finding.model_validate(one) for one in told["findings"]])
        assert (code, told["exitCode"]) == (ExitCode.REFUSED, ExitCode.REFUSED)
        states = {one["subject"]: one["state"] for one in told["findings"] if one["state"] != "passed"}
        assert states == {"Kube-OVN": "warned", "range of services": "warned", "Subnet external": "failed"}
        assert told["counts"] == {"passed": len(told["findings"]) - 3, "warned": 2, "failed": 1, "skipped": 0}
        assert "still looking at the platform's prerequisites" in err


def finding(state: Any, area: Area = Area.PLATFORM, **more: Any) -> Finding:
    return Finding(area=area, subject="it", state=state, message="so it is", **more)


@pytest.mark.parametrize(
    ("seen", "code", "strict"),
    [
        ([finding("passed"), finding("warned"), finding("skipped")], ExitCode.OK, ExitCode.REFUSED),
        ([finding("failed"), finding("failed", Area.CONFIGURATION)], ExitCode.REFUSED, ExitCode.REFUSED),
        ([finding("failed", Area.CONFIGURATION), finding("skipped")], ExitCode.USAGE, ExitCode.USAGE),
        ([finding("failed"), finding("failed", answered=False)], ExitCode.UNREACHABLE, ExitCode.UNREACHABLE),
        ([finding("failed", Area.DEVICES)], ExitCode.REFUSED, ExitCode.REFUSED),
    ],
)
async def test_a_script_is_told_the_most_urgent(seen: list[Finding], code: ExitCode, strict: ExitCode) -> None:
    assert (exit_code(seen), exit_code(seen, strict=True)) == (code, strict)


async def test_where_nothing_answers_each_says_so_once_and_the_code_is_that_of_something_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BERTH_PLATFORM", str(document(tmp_path)))
    monkeypatch.setenv("BERTH_TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("BERTH_KUBE_SERVER", "http://127.0.0.1:1")
    assert await asyncio.to_thread(run, ["doctor"]) == ExitCode.UNREACHABLE
    out = capsys.readouterr().out.splitlines()
    states = [line.split("  ")[0] for line in out if "  " in line]
    assert states == ["passed", "passed", "failed", "failed", "skipped", "skipped", "passed"]
    assert out[-1] == "3 passed, 2 failed, 2 skipped"


async def test_settings_that_cannot_be_used_are_the_only_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BERTH_KUBE_POOL_SIZE", "many")
    assert await asyncio.to_thread(run, ["doctor", "--json"]) == ExitCode.USAGE
    (only,) = json.loads(capsys.readouterr().out)["findings"]
    assert (only["area"], only["subject"], only["state"]) == ("configuration", "settings", "failed")
    assert "BERTH_KUBE_POOL_SIZE" in only["message"]
