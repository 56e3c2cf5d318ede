"""A headless Chromium that is told what to show, and says when it stands there: over the DevTools protocol."""

import asyncio
import base64
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = "chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
SECONDS = 90.0


class Browser:
    """One page of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def show(self, url: str, width: int, height: int, until: str) -> None:
        """Opens a page of this size, and returns once this text stands on it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self._call("Emulation.setDeviceMetricsOverride", **size)
        await self._call("Page.navigate", url=url)
        async with asyncio.timeout(SECONDS):
            while until not in (await self.text()):
                await asyncio.sleep(0.2)  # the page tells nobody
        await asyncio.sleep(2.0)  # frames, and what fades in

    async def text(self) -> str:
        """All text of the page."""
        return str(await self.run("document.body ? document.body.innerText : ''"))

    async def run(self, script: str) -> Any:
        """What a script says in the page."""
        answer = await self._call("Runtime.evaluate", expression=script)
        return answer["result"].get("value")

    async def picture(self, path: Path, scale: float = 1.0) -> None:
        """Writes what is seen as PNG."""
        size = {side: await self.run(f"window.inner{side.capitalize()}") for side in ("width", "height")}
        clip = {"x": 0, "y": 0, **size, "scale": scale}
        answer = await self._call("Page.captureScreenshot", format="png", clip=clip)
        path.write_bytes(  # nothing else waits
            base64.b64decode(answer["data"])
        )

    async def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(SECONDS):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']['message']}")
                    return answer["result"]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser with an empty profile, which goes with the block."""
    profile = tempfile.mkdtemp(prefix="berth-")
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *FLAGS,
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = Path(profile) / "DevToolsActivePort"
        async with asyncio.timeout(SECONDS):
            while not port.exists() or "\n" not in port.read_text():
                await asyncio.sleep(0.1)
        address = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{address}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)
