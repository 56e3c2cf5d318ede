"""A real lab with a real worker, started by `berth lab` once for all tests of a process."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.lab_control import LabControl, lab_control
from lab.home import RunningLab, find_lab
from lab.kube.faults import Fault
from tests.cli.running import BERTH, berth, environment, tenant


@dataclass(frozen=True)
class Ground:
    """A folder in which `berth` finds a lab."""

    folder: Path
    lab: RunningLab

    def berth(self, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command, on this lab."""
        return berth(*arguments, folder=self.folder, stdin=stdin)

    def document(self, name: str, *, cidr: str = "10.0.0.0/24", external: bool = False) -> Path:
        """The file of a small tenant."""
        path = self.folder / f"{name}.yaml"
        path.write_text(tenant(name, cidr=cidr, external=external))
        return path

    def let(self, effect: str, **fields: object) -> None:
        """Switches a fault on."""
        fault = Fault.model_validate({"effect": effect, **fields})
        asyncio.run(self._control(lambda control: control.add_fault(fault)))

    def clear_faults(self) -> None:
        """Switches every fault off."""
        asyncio.run(self._control(lambda control: control.clear_faults()))

    async def _control(self, act: Callable[[LabControl], Awaitable[object]]) -> None:
        async with lab_control(self.lab.kubernetes_url) as control:
            await act(control)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [BERTH, "lab"], cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            said = next((line for line in process.stdout if line.startswith("Ctrl-C stops it")), None)
            assert said is not None, (folder / "stderr").read_text()
            lab = find_lab(folder, {})
            assert lab is not None
            yield Ground(folder, lab)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    assert find_lab(folder, {}) is None


@pytest.fixture
def faultless(ground: Ground) -> Iterator[Ground]:
    """The ground, on which no fault outlives the test."""
    yield ground
    ground.clear_faults()
