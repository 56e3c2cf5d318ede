"""What the containers of `docker compose --profile lab up` run, run here: the same commands with the same variables.

Files are in a folder of the test, names are `localhost`, ports are free ones, and Temporal is the lab's own.
"""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.ports import reserve
from lab.temporal import start_temporal
from tests.cli.running import BERTH, SECONDS
from tests.cli.running import environment as shell
from tests.deploy.containers import ROOT, environment, ours, run, services

SERVICES = services()


def free_port() -> str:
    port = reserve()
    port.release()
    return str(port.number)


@dataclass(frozen=True)
class Machine:
    """The ground in place of the containers: what stands in the file, and what it is here."""

    here: Mapping[str, str]

    def words(self, text: str) -> str:
        for there, here in self.here.items():
            text = text.replace(there, here)
        return text

    def command(self, service: Mapping[str, Any], command: list[str]) -> list[str]:
        program, *arguments = command
        assert program == "berth"
        return [str(BERTH), *map(self.words, arguments)]

    def variables(self, service: Mapping[str, Any]) -> dict[str, str]:
        said = {name: self.words(value) for name, value in environment(service).items() if name.startswith("BERTH_")}
        return shell(**said)

    def once(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A container that ends by itself: with these arguments, or those of the file."""
        service = SERVICES[name]
        command = ["berth", *arguments] if arguments else run(service)
        return subprocess.run(
            self.command(service, command),
            cwd=self.words(service["working_dir"]) if "working_dir" in service else "/",
            env=self.variables(service),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def service(self, name: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A container that runs until it is stopped."""
        service = SERVICES[name]
        with (
            log.open("wb") as out,
            subprocess.Popen(
                self.command(service, run(service)), cwd="/", env=self.variables(service), stdout=out, stderr=out
            ) as process,
        ):
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                code = process.wait(SECONDS)
        assert code == 0, log.read_text()

    def well(self, name: str) -> bool:
        """What its health check says."""
        stage = ours(SERVICES[name])
        assert stage is not None
        program, *arguments = map(self.words, stage.health_check)
        command = [str(BERTH) if program == "berth" else program, *arguments]
        return (
            subprocess.run(command, env=self.variables(SERVICES[name]), capture_output=True, check=False).returncode
            == 0
        )

    def until_well(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """As Docker asks: again and again, until it is well or has ended."""
        while not self.well(name):
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)  # it tells nobody that it has become well


async def test_the_containers_of_the_lab_onboard_a_tenant_together(tmp_path: Path) -> None:
    temporal = await start_temporal(tmp_path, search_attributes={})
    machine = Machine(
        {
            "/etc/berth": str(tmp_path / "etc"),
            "/tmp/lab.ready": str(tmp_path / "lab.ready"),  # noqa: S108
            "/tenants": str(ROOT / "examples"),
            "--reached-as=lab": "--reached-as=localhost",
            "temporal:7233": temporal.address,
            "0.0.0.0:8080": f"127.0.0.1:{free_port()}",
            "0.0.0.0:9464": f"127.0.0.1:{free_port()}",
            "=6443": f"={free_port()}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104
        }
    )
    try:
        with machine.service("lab", tmp_path / "lab.log") as lab:
            machine.until_well("lab", lab, tmp_path / "lab.log")
            done = machine.once("setup")
            assert done.returncode == 0, done.stderr
            with machine.service("worker", tmp_path / "worker.log") as worker:
                machine.until_well("worker", worker, tmp_path / "worker.log")
                done = machine.once("cli", "onboard", "acme.yaml")
                assert done.returncode == 0, done.stderr
                # As `docker compose exec lab berth lab device routes`: what the edge announces has reached its neighbour.
                routes = machine.once("lab", "lab", "device", "routes")
                assert "203.0.113." in routes.stdout
            assert not machine.well("worker")
        assert not machine.well("lab")
    finally:
        await temporal.stop()
