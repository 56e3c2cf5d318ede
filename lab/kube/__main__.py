"""The simulator as a process: `python -m lab.kube --port-file PATH` listens, writes its port, and ends on SIGTERM."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from lab.kube.kinds import KINDS
from lab.kube.seed import Platform
from lab.kube.simulator import KubeSimulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.kube", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where the port is written once it listens")
    parser.add_argument("--state", type=Path, help="SQLite file; without it nothing outlives the process")
    parser.add_argument("--ready-delay", type=float, default=0.2, metavar="SECONDS")
    parser.add_argument(
        "--ready-delay-of", action="append", default=[], type=_delay, metavar="KINDS=SECONDS", help="vpcs=1.5, say"
    )
    parser.add_argument("--cleanup-delay", type=float, default=0.05, metavar="SECONDS")
    parser.add_argument("--external-cidr", action="append", metavar="CIDR", help="one per family; 203.0.113.0/24")
    parser.add_argument("--pool-size", type=int, metavar="COUNT", help="how many external addresses may be given out")
    return parser.parse_args()


def _delay(text: str) -> tuple[str, float]:
    plural, _, seconds = text.partition("=")
    if plural not in KINDS:
        raise argparse.ArgumentTypeError(f"{plural!r} is no kind of the lab: expected one of {', '.join(KINDS)}")
    return plural, float(seconds)


async def _serve(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    platform = Platform(tuple(arguments.external_cidr or ["203.0.113.0/24"]), arguments.pool_size)
    simulator = KubeSimulator(
        arguments.state,
        host=arguments.host,
        port=arguments.port,
        platform=platform,
        ready_delay=arguments.ready_delay,
        ready_delays=dict(arguments.ready_delay_of),
        cleanup_delay=arguments.cleanup_delay,
    )
    async with simulator as kube:
        if arguments.port_file:
            _write(arguments.port_file, f"{kube.port}\n")
        await stopping.wait()


def _write(path: Path, text: str) -> None:
    """All or nothing: whoever reads the file finds the whole text in it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


asyncio.run(_serve(_arguments()))
