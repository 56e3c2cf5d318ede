"""The simulated Kubernetes API as a process of the lab: its own answer counts, nobody else's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.ports import HOST
from lab.simulator import LOG, start_simulator


class SaysOk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


async def test_another_server_that_took_the_port_is_not_taken_for_the_lab(tmp_path: Path) -> None:
    await (await start_simulator(tmp_path)).stop()
    thieves: list[HTTPServer] = []

    def steal(stage: str) -> None:
        thieves.append(HTTPServer((HOST, int(stage.rpartition(":")[2])), SaysOk))
        threading.Thread(target=thieves[0].serve_forever).start()

    try:
        with pytest.raises(
            LabError, match=r"the Kubernetes API ended with exit code 1: .*address already in use"
        ) as told:
            await start_simulator(tmp_path, progress=steal)
        assert str(tmp_path / LOG) in str(told.value)
    finally:
        thieves[0].shutdown()
        thieves[0].server_close()
