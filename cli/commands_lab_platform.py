"""`berth lab platform`: the simulated platform alone, for a Temporal and workers that run elsewhere, as in containers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.session import session
from cli.terminal import clean, say, show
from cli.until_stopped import told_to_stop, until_stopped, written_when_ready
from lab.errors import LabError
from lab.home import RunningLab, home_folder
from workers.settings import ConfigurationError, Settings, load_settings

DOCUMENT = "platform.yaml"
"""The platform's document in the lab's folder, whatever its mode: a worker elsewhere knows one path."""


def platform(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(help="IPv4 address that the API, the switches and the routers listen on; 0.0.0.0 is all.")
    ] = "127.0.0.1",
    reached_as: Annotated[
        str, typer.Option(help="Name or address by which the workers reach them, for the files they read.")
    ] = "127.0.0.1",
    kubernetes_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the API; that of the last time, or any, if left out.")
    ] = None,
    mode: Annotated[
        Literal["overlay", "vlan"], typer.Option(help="vlan: tenants have VLANs on the simulated switches.")
    ] = "overlay",
    ready_file: Annotated[
        Path | None, typer.Option(help="Holds the process ID while everything answers, e.g. for a health check.")
    ] = None,
) -> int:
    """Run the simulated platform without Temporal and without a worker, until SIGTERM or Ctrl-C.

    What a worker elsewhere needs is written beside the lab's state, in .berth/ here or in BERTH_HOME: platform.yaml,
    known_hosts, kubeconfig, and the password that platform.yaml refers to.
    """
    try:
        settings = load_settings(**session(context).overrides)
    except ConfigurationError as error:
        raise configuration_failure(error) from error

    try:
        with written_when_ready(ready_file) as ready:
            return asyncio.run(_serve(settings, listen, reached_as, kubernetes_port, mode, ready))
    except LabError as error:
        raise CommandError(ExitCode.UNREACHABLE, str(error)) from error
    except OSError as error:
        place = f"{error.filename or home_folder()}"
        raise CommandError(
            ExitCode.UNREACHABLE,
            f"cannot write {place} ({error.strerror}): name another place, or let this user write there",
        ) from error


async def _serve(
    settings: Settings,
    listen: str,
    reached_as: str,
    kubernetes_port: int | None,
    mode: Literal["overlay", "vlan"],
    ready: Callable[[], None],
) -> ExitCode:
    # These need the packages of the extra `lab`.
    from cli.lab_platform import OVERLAY, VLAN, write_lab_platform
    from lab.embedded import Elsewhere, Lab

    stop = told_to_stop()
    home = home_folder()
    temporal = Elsewhere(settings.temporal_address or "127.0.0.1:7233", settings.temporal_namespace or "default")
    async with Lab(
        home,
        platform=home / DOCUMENT,
        elsewhere=temporal,
        listen=listen,
        reached_as=reached_as,
        kubernetes_port=kubernetes_port,
        progress=say,
    ) as lab:
        write_lab_platform(lab.running, VLAN if mode == "vlan" else OVERLAY, home / DOCUMENT)
        show(*(clean(line) for line in _told(lab.running)))
        ready()
        await until_stopped(stop, lab.failed())
    return ExitCode.OK


def _told(lab: RunningLab) -> list[str]:
    devices = [f"{one.name:14} {lab.host}:{one.port}, {one.dialect}" for one in (*lab.switches, *lab.routers)]
    files = (lab.platform, lab.known_hosts, lab.kubeconfig, lab.password_file)
    return [
        f"Kubernetes     {lab.kubernetes_url}",
        *devices,
        f"for a worker   {', '.join(file.name for file in files if file)} in {lab.home}",
    ]
