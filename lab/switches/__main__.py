"""Simulated switches as a process: `python -m lab.switches --config FILE --state FOLDER --port-file FILE`, until SIGTERM."""

import argparse
import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import asyncssh
from aiohttp import web

from lab.ports import HOST
from lab.switches.control import control, served
from lab.switches.documents import FabricDocument, Served, SwitchDocument
from lab.switches.peering import SECONDS, Peering
from lab.switches.server import Login
from lab.switches.switch import Switch


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.switches", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON: which switches, see lab.switches.documents")
    parser.add_argument(
        "--state", type=Path, required=True, help="folder of their host keys and start-up configurations"
    )
    parser.add_argument(
        "--host", default=HOST, help="address the devices listen on; the control API keeps to the loopback"
    )
    parser.add_argument("--port-file", type=Path, help="where the ports are written, as JSON, once all listen")
    parser.add_argument("--control-port", type=int, default=0, help="of the control API; 0 takes a free one")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    document = FabricDocument.model_validate_json(arguments.config.read_bytes())
    arguments.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        switches = {
            one.name: await stack.enter_async_context(_switch(one, arguments.state, arguments.host))
            for one in document.switches
        }
        for peering in document.peerings:
            seconds = SECONDS if peering.seconds is None else peering.seconds
            link = Peering(switches[peering.edge], switches[peering.neighbour], seconds=seconds)
            await stack.enter_async_context(link)
        runner = web.AppRunner(control(switches), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, arguments.control_port).start()
        if arguments.port_file:
            told = Served(
                control=runner.addresses[0][1], switches=tuple(served(switch) for switch in switches.values())
            )
            _write(arguments.port_file, told.model_dump_json(indent=2).encode())
        await stopping.wait()


def _switch(one: SwitchDocument, state: Path, host: str) -> Switch:
    return Switch(
        one.dialect,
        name=one.name,
        login=Login(
            one.username,
            one.password.get_secret_value() if one.password else None,
            one.enable_secret.get_secret_value() if one.enable_secret else None,
            one.authorized_keys,
            one.lock_after,
        ),
        port=one.port,
        host=host,
        host_key=_host_key(state / f"{one.name}.key"),
        ports=None if one.ports is None else [port.made() for port in one.ports],
        vlans=one.vlans,
        other=one.other,
        routes=[route.made() for route in one.routes],
        save_seconds=one.save_seconds,
        command_seconds=one.command_seconds,
        boot_seconds=one.boot_seconds,
        minute_seconds=one.minute_seconds,
        lines=one.lines,
        state_file=state / f"{one.name}.json",
    )


def _host_key(path: Path) -> str:
    """The switch's private key, the same for as long as the folder is there."""
    if not path.exists():
        _write(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return path.read_text()


def _write(path: Path, content: bytes) -> None:
    """For this user only, all or nothing: whoever reads the file finds the whole of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


asyncio.run(_serve(_arguments()))
