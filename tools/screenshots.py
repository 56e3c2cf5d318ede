"""`make screenshots`: the pictures of the documentation, of a lab of its own, by headless Chromium. Look at them afterwards.

The Temporal UI is shown as it is; what the terminal says is put on a page first. Needs the program `chromium`.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tools.browser import PROGRAM, Browser, browser

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "assets"
BERTH = Path(sys.executable).with_name("berth")
COLUMNS = 80
DETAILS = (1500, 1180, "Current Details")
"""Width and height in which a run's details can be read, and what stands there once they are: their
text has a frame of its own."""
PAGE = """<html><body style="margin:0;background:#0c0c0c">
<pre style="margin:16px 20px;font:14px/1.35 'DejaVu Sans Mono',monospace;color:{foreground}">{code}</pre></body></html>"""


class Lab:
    """A lab in a folder, and the commands typed beside it."""

    def __init__(self, folder: Path, ui: str) -> None:
        self._folder = folder
        self._ui = ui

    def berth(self, *arguments: str, fails: bool = False) -> str:
        """What a command prints on stdout, with its colours, headed by the command."""
        done = subprocess.run(  # noqa: S603  # our own program
            [BERTH, *arguments],
            cwd=self._folder,
            env=_environment(FORCE_COLOR="1", COLUMNS=str(COLUMNS), TERM="xterm-256color"),
            capture_output=True,
            text=True,
            check=False,
        )
        if (done.returncode != 0) is not fails:
            raise RuntimeError(f"berth {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return f"\x1b[1m$ berth {' '.join(arguments)}\x1b[0m\n{done.stdout}"

    def run_of(self, workflow: str) -> str:
        """The ID of the latest run of a workflow."""
        told = json.loads(self._temporal("workflow", "describe", "--workflow-id", workflow, "--output", "json"))
        return str(told["workflowExecutionInfo"]["execution"]["runId"])

    def url(self, workflow: str, tab: str) -> str:
        """The page of a run in the Temporal UI."""
        return f"{self._ui}/namespaces/default/workflows/{workflow}/{self.run_of(workflow)}/{tab}"

    def _temporal(self, *arguments: str) -> str:
        told = json.loads((self._folder / ".berth" / "lab.json").read_text())
        program = Path(told["programs"]) / "temporal"
        address = ("--address", told["temporal_address"])
        return subprocess.run(  # noqa: S603
            [program, *arguments, *address], env=_environment(), capture_output=True, text=True, check=True
        ).stdout


async def main() -> None:
    """Makes the states, and takes every picture."""
    PICTURES.mkdir(exist_ok=True)
    async with browser() as page:
        with lab("overlay") as here:
            here.berth("onboard", "examples/acme.yaml", "--as", "ada")
            await terminal(page, "terminal-done", here.berth("status", "acme"))
            await page.show(here.url("tenant-acme", "user-metadata"), *DETAILS)
            await picture(page, "temporal-run", 0.7)
            refusal = ("--verb", "create", "--plural", "ovn-fips", "--message", "no floating IPs today")
            here.berth("lab", "fault", "add", "refuse", *refusal)
            here.berth("onboard", "examples/initech.yaml", "--as", "ada", fails=True)
            await terminal(page, "terminal-undone", here.berth("status", "initech"))
        with lab("vlan") as here:
            here.berth("onboard", "--detach", "examples/umbrella.yaml", "--as", "ada")
            _until(lambda: "umbrella" in here.berth("approvals"))
            here.berth("lab", "device", "fault", "leaf-3", "deny-save")
            waits = json.loads(here.berth("approvals", "--json").partition("\n")[2])["approvals"][0]["approval"]
            here.berth("approve", "umbrella", "--as", "nadia@example.com", "--yes", "--plan", str(waits["plan"]))
            _until(lambda: "write memory" in here.berth("status", "umbrella"))
            await terminal(page, "terminal-waits", here.berth("status", "umbrella"))
            await page.show(here.url("tenant-umbrella", "user-metadata"), *DETAILS)
            await picture(page, "temporal-waits", 0.7)


@contextmanager
def lab(mode: str) -> Iterator[Lab]:
    """A lab that lives as long as the block."""
    with tempfile.TemporaryDirectory(prefix="berth-") as home:
        folder = Path(home)
        (folder / "examples").symlink_to(ROOT / "examples")
        command = [BERTH, "lab", "--json", *(("--mode", mode) if mode != "overlay" else ())]
        with subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                if process.stdout is None:
                    raise RuntimeError("no stdout")
                told = ""
                for line in process.stdout:
                    told += line
                    if line.startswith("}"):
                        break
                _until(lambda: (folder / ".berth" / "worker.ready").exists())
                yield Lab(folder, str(json.loads(told)["temporal_ui_url"]))
            finally:
                process.send_signal(signal.SIGINT)


async def terminal(page: Browser, name: str, output: str) -> None:
    """A picture of what a terminal shows."""
    text = Text.from_ansi(output.rstrip("\n"))
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(text)
    document = console.export_html(theme=MONOKAI, code_format=PAGE, inline_styles=True)
    with tempfile.TemporaryDirectory(prefix="berth-") as folder:
        path = Path(folder) / "page.html"
        path.write_text(document, encoding="utf-8")
        await page.show(path.as_uri(), 730, 34 + 19 * (document.count("\n") - 1), "$ berth")
        await picture(page, name)


async def picture(page: Browser, name: str, scale: float = 1.0) -> None:
    """Writes what the page shows."""
    path = PICTURES / f"{name}.png"
    await page.picture(path, scale)
    print(f"{path.name}  {path.stat().st_size // 1000} kB")


def _environment(**more: str) -> dict[str, str]:
    ours = ("BERTH_", "TEMPORAL_", "KUBE", "NO_COLOR")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **more}


def _until(is_so: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.5)


if __name__ == "__main__":
    if shutil.which(PROGRAM) is None:
        sys.exit(f"screenshots need the program {PROGRAM}: apt install {PROGRAM}")
    asyncio.run(main())
