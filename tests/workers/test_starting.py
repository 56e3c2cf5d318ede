"""`berth worker` where it cannot serve: one line that says what to do, and the exit code."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.durability.scene import PLATFORM, Scene, a_scene, run

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path_factory.mktemp("scene")) as here:
        yield here


@pytest.mark.parametrize(
    ("settings", "code", "expected"),
    [
        pytest.param({"BERTH_KUBE_POOL_SIZE": "many"}, 2, "BERTH_KUBE_POOL_SIZE", id="setting"),
        pytest.param({"BERTH_TEMPORAL_ADDRESS": "127.0.0.1:1"}, 6, "BERTH_TEMPORAL_ADDRESS", id="temporal-down"),
        pytest.param({"BERTH_TEMPORAL_NAMESPACE": "no"}, 2, "has no namespace no: run `berth setup`", id="namespace"),
        pytest.param({"BERTH_TEMPORAL_CONFIG": "no.toml"}, 2, "no.toml is not a file", id="temporal-config"),
        pytest.param({"BERTH_KUBECONFIG": "no/config"}, 2, "no/config: no such file", id="kubeconfig"),
        pytest.param({"BERTH_PLATFORM": "no.yaml"}, 2, "'no.yaml' cannot be read", id="no-platform"),
        pytest.param({"BERTH_PLATFORM": "wrong.yaml"}, 2, "line 3: spec.mode = 'bridge'", id="wrong-platform"),
        pytest.param({"BERTH_PLATFORM": "two.yaml"}, 2, "holds 2 YAML documents", id="two-platforms"),
    ],
)
async def test_a_worker_that_cannot_serve_says_why_in_one_line(
    platform: Scene, tmp_path: Path, settings: dict[str, str], code: int, expected: str
) -> None:
    good = json.dumps(PLATFORM)
    (tmp_path / "wrong.yaml").write_text("apiVersion: berth.network/v1\nkind: Platform\nspec: {mode: bridge}\n")
    (tmp_path / "two.yaml").write_text(f"{good}\n---\n{good}")
    environment = {**platform.environment(), **settings, "BERTH_LOG_FORMAT": "json"}

    ran = await run([sys.executable, "-P", "-m", "cli.main", "worker"], environment=environment, folder=tmp_path)

    assert ran.code == code, ran
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("berth: ")
    assert expected in line
