"""Whether a worker lives and takes work, as probes and people are told."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli.main import run as berth
from clients.errors import UnavailableError
from lab.ports import reserve
from tests.durability.scene import Scene, a_scene, eventually
from tests.durability.tenants import tenant
from workers import health
from workers.connect import connect_kubernetes
from workers.health import Readiness, ask_health, health_pages, known_to
from workers.settings import ConfigurationError, UnreachableError, load_settings


class System:
    """Temporal or Kubernetes: answers, fails, or says nothing."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.silent = False
        self.asked = 0

    async def __call__(self) -> None:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is kept, and none waited for."""
    monkeypatch.setattr(health, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.05)


@pytest.fixture
def temporal() -> System:
    return System()


@pytest.fixture
def kubernetes() -> System:
    return System()


@pytest.fixture
def ready(temporal: System, kubernetes: System) -> Readiness:
    return Readiness(temporal, kubernetes, ("berth", "berth-devices"), ("berth", "1.2"))


async def test_a_worker_is_ready_that_serves_and_whom_both_systems_answer(ready: Readiness) -> None:
    assert await ready.look() == {
        "ready": True,
        "draining": False,
        "serves": ["berth", "berth-devices"],
        "deployment": "berth",
        "buildId": "1.2",
        "temporal": "answers",
        "kubernetes": "answers",
    }


async def test_a_worker_without_temporal_is_not_ready_and_is_again_once_it_is_back(
    ready: Readiness, temporal: System
) -> None:
    temporal.silent = True
    seen = await ready.look()
    assert (seen["ready"], seen["temporal"]) == (False, "no answer within 0.05 s")
    temporal.silent = False
    assert (await ready.look())["ready"] is True


async def test_kubernetes_has_to_answer_once_and_may_go_later(ready: Readiness, kubernetes: System) -> None:
    kubernetes.error = UnavailableError("cannot get Namespace default: connection refused")
    seen = await ready.look()
    assert (seen["ready"], seen["kubernetes"]) == (False, "cannot get Namespace default: connection refused")
    kubernetes.error = None
    assert (await ready.look())["ready"] is True
    kubernetes.error = UnavailableError("gone")
    seen = await ready.look()
    assert (seen["ready"], seen["kubernetes"]) == (True, "gone")


@pytest.mark.parametrize(("status", "ready"), [(403, True), (401, False)])
async def test_a_worker_that_may_not_read_the_version_is_known_and_one_with_a_wrong_token_is_not(
    status: int, ready: bool
) -> None:
    async with kubernetes_that_answers(status) as url:
        kube = await connect_kubernetes(load_settings(kube_server=url))
        try:
            seen = await Readiness(System(), lambda: known_to(kube), ()).look()
        finally:
            await kube.close()
    assert (seen["ready"], "401" in seen["kubernetes"]) == (ready, not ready)


@asynccontextmanager
async def kubernetes_that_answers(status: int) -> AsyncIterator[str]:
    """An API server that answers this to everything; where it is."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": status, "message": "no"}, status=status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_who_asks_often_does_not_make_the_worker_ask_often(
    ready: Readiness, temporal: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEEP_SECONDS", 60.0)
    await asyncio.gather(*(ready.look() for _ in range(50)))
    assert temporal.asked == 1


@pytest.fixture
async def page(ready: Readiness) -> AsyncIterator[str]:
    """Where the pages are."""
    port = reserve()
    address = f"127.0.0.1:{port.number}"
    port.release()
    async with health_pages(address, ready):
        yield address


async def test_the_pages_answer_with_the_status_that_a_probe_reads(
    page: str, ready: Readiness, temporal: System
) -> None:
    async with aiohttp.ClientSession() as http:

        async def status(path: str) -> int:
            async with http.get(f"http://{page}{path}") as answer:
                return answer.status

        assert [await status(path) for path in ("/livez", "/readyz", "/")] == [200, 200, 404]
        temporal.silent = True
        # It lives all the same: to kill it would not bring Temporal back.
        assert [await status(path) for path in ("/livez", "/readyz")] == [200, 503]
        temporal.silent = False
        ready.drain()
        assert [await status(path) for path in ("/livez", "/readyz")] == [200, 503]


@pytest.mark.parametrize("listens", ["0.0.0.0", "[::]", "localhost"])  # noqa: S104  # for the length of a test
async def test_a_worker_that_listens_everywhere_is_asked_on_this_machine(ready: Readiness, listens: str) -> None:
    port = reserve()
    port.release()
    async with health_pages(f"{listens}:{port.number}", ready):
        seen = await asyncio.to_thread(ask_health, f"{listens}:{port.number}")
    assert seen["ready"] is True


async def test_a_port_that_is_taken_is_told_with_the_setting(page: str, ready: Readiness) -> None:
    with pytest.raises(ConfigurationError, match=f"BERTH_HEALTH_ADDRESS = {page}: cannot be listened at"):
        async with health_pages(page, ready):
            pass


@pytest.mark.parametrize("address", ["8080", ":8080", "host:", "host:http", "host:70000", "::1:8080", "[::1]"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ConfigurationError, match="expected host:port"):
        ask_health(address)


async def _closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _says_else(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{"ready": "yes"}')
    writer.close()


@pytest.mark.parametrize(("answers", "told"), [(_closes, "no worker answers"), (_says_else, "is no worker of Berth")])
async def test_what_is_no_worker_is_not_taken_for_one(answers: Callable[..., Any], told: str) -> None:
    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnreachableError, match=told):
            await asyncio.to_thread(ask_health, f"127.0.0.1:{port}")


async def test_a_worker_told_to_stop_is_not_ready_at_once_and_still_ends_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = reserve()
    port.release()
    address = f"0.0.0.0:{port.number}"  # for the length of a test
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BERTH_HEALTH_ADDRESS", address)

    async def asked() -> tuple[int, dict[str, Any]]:
        code = await asyncio.to_thread(berth, ["health", "--json"])
        return code, json.loads(capsys.readouterr().out)

    async with a_scene(tmp_path) as scene:
        worker = await scene.worker(BERTH_HEALTH_ADDRESS=address)
        code, told = await asked()
        assert (code, told["ready"], told["serves"]) == (0, True, ["berth", "berth-devices"])
        slow = await scene.fault("slow", verb="create", plural="vpcs", seconds=3)
        onboarding = await scene.onboard(tenant("slow"))
        await scene.struck(slow)

        worker.terminate(signal.SIGTERM)

        code, told = await eventually(asked, lambda seen: seen[0] != 0, "it drains", seconds=2)
        assert (code, told["draining"]) == (6, True)
        assert not await made(scene)
        assert await worker.ended() == 0
        assert await made(scene)
        code, told = await asked()
        assert code == 6
        assert "no worker answers at BERTH_HEALTH_ADDRESS" in told["error"]["message"]
        await onboarding.terminate()


async def made(scene: Scene) -> bool:
    """Whether a VPC was made."""
    return any(
        (call["verb"], call["plural"], call["status"]) == ("create", "vpcs", 201) for call in await scene.calls()
    )
