"""A server as a child: how its end is told, and that nothing of it stays behind."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.processes import Child, EndedError, ProcessId

WAITS = "import signal; print('up', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"

Make = Callable[[str], Child]


async def never() -> bool:
    return False


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    children: list[Child] = []

    def _make(code: str) -> Child:
        log = tmp_path / f"{len(children)}.log"
        children.append(Child("the server", [sys.executable, "-c", code], folder=tmp_path, log=log))
        return children[-1]

    yield _make
    for child in children:
        await child.kill()


def up(child: Child) -> Callable[[], Coroutine[None, None, bool]]:
    async def says_so() -> bool:
        return child.log.read_text().endswith("up\n")

    return says_so


def wait_until_gone(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], 30.0)[0], f"process {pid} still runs"
    finally:
        os.close(process)


async def test_an_end_at_the_start_is_told_with_the_log_and_its_last_line(make: Make) -> None:
    child = make("import sys; print('one'); sys.exit('no such \\x1b[31mtable')")
    with pytest.raises(EndedError) as caught:
        await child.start(never)
    assert str(caught.value) == (
        f"the server ended with exit code 1: read {child.log}, its last line is 'no such \\x1b[31mtable'"
    )


async def test_the_last_line_of_an_earlier_start_is_not_taken_for_one_of_this(make: Make) -> None:
    child = make("import os; os._exit(7) if os.path.exists('once') else os.mkdir('once'); print('up')")
    with pytest.raises(EndedError, match="its last line is 'up'"):
        await child.start(never)
    with pytest.raises(EndedError, match=r"exit code 7: .* it wrote nothing"):
        await child.start(never)


async def test_a_server_that_never_answers_is_named_and_not_left_running(make: Make) -> None:
    child = make(WAITS)
    with pytest.raises(LabError, match=r"the server did not answer within 0\.3 s: read .*0\.log"):
        await child.start(never, seconds=0.3)
    assert not child.runs()


async def test_a_cancelled_start_leaves_nothing_running(make: Make) -> None:
    child = make(WAITS)
    asked = asyncio.Event()

    async def ask() -> bool:
        asked.set()
        return False

    starting = asyncio.create_task(child.start(ask))
    await asked.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not child.runs()


async def test_a_server_that_ignores_the_request_to_stop_is_killed(make: Make) -> None:
    child = make(DEAF)
    await child.start(up(child))
    await child.stop(seconds=0.2)
    assert not child.runs()


async def test_a_second_start_of_a_running_server_is_refused(make: Make) -> None:
    child = make(WAITS)
    await child.start(up(child))
    with pytest.raises(LabError, match=f"already runs as process {child.pid}"):
        await child.start(up(child))


async def test_only_an_end_nobody_asked_for_is_a_failure(make: Make) -> None:
    child = make(WAITS)
    failed = asyncio.create_task(child.failed())
    await child.start(up(child))
    await child.kill()
    await child.start(up(child))
    assert not failed.done()
    os.kill(child.pid, signal.SIGKILL)
    assert str(await failed).startswith("the server was killed by SIGKILL: read ")


async def test_a_server_is_out_of_reach_of_the_terminals_ctrl_c(make: Make) -> None:
    child = make(WAITS)
    await child.start(up(child))
    assert os.getsid(child.pid) == child.pid


def test_a_zombie_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        identity = ProcessId.of(process.pid)
        assert identity.runs()
        assert not ProcessId(process.pid, identity.started - 1).runs()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.runs()
    assert ProcessId.find(process.pid) is None


PARENT = """
import asyncio, sys
from pathlib import Path
from lab.processes import Child

async def main():
    child = Child("c", [sys.executable, "-c", "import signal; signal.pause()"], folder=Path(), log=Path("c.log"))
    async def yes():
        return True
    await child.start(yes)
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_server_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        identity = ProcessId.of(pid)
        parent.kill()
    wait_until_gone(pid)
    assert not identity.runs()
