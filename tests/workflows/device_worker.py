"""A worker for devices' queues as a process of its own, to be killed or stopped; its switch is a journal in a file.

Arguments: Temporal's address, task queue, the platform's document, the journal, seconds between two lines.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from temporalio.client import Client

from clients.errors import UnavailableError
from tenancy.devices import AnyRequest, DeviceOutcome, DeviceRequest
from tenancy.edge import Announce, EdgeDevice
from tenancy.switches import Switch
from tenancy.vlans import VlanMode
from tests.workflows.switchboard import device_worker
from workflows.converter import data_converter


async def main(address: str, queue: str, platform: Path, journal: Path, pause: float) -> None:
    """Serves until it is killed."""

    def write(line: str) -> None:
        with journal.open("a") as output:
            output.write(f"{os.getpid()} {line}\n")

    async def work(
        device: Switch | EdgeDevice,
        part: VlanMode | Announce,
        requests: Sequence[AnyRequest],
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        told = [f"{one.action} {one.vlan} {one.tenant}" for one in requests if isinstance(one, DeviceRequest)]
        for line in [*told, "save"]:
            if not alive():
                raise UnavailableError("the worker was silent for too long")
            write(line)
            await asyncio.sleep(pause)
        return [DeviceOutcome(id=request.id, result="done") for request in requests]

    client = await Client.connect(address, data_converter=data_converter)
    async with device_worker(client, queue, platform, work):
        await asyncio.Event().wait()


if __name__ == "__main__":
    address, queue, platform, journal, pause = sys.argv[1:]
    asyncio.run(main(address, queue, Path(platform), Path(journal), float(pause)))
