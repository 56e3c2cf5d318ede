"""The commands that run something: `worker`, and the lab with its environment and its faults."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.session import session
from cli.terminal import clean, say, show, show_json
from cli.until_stopped import told_to_stop, until_stopped, written_when_ready
from lab.errors import LabError
from lab.home import RunningDevice, RunningLab, find_lab, home_folder
from workers.settings import ConfigurationError

if TYPE_CHECKING:
    from lab.kube.faults import Fault  # its package needs those of the extra `lab`

app = typer.Typer(help="The embedded platform, for trying Berth out: Temporal, a simulated Kubernetes API, a worker.")
faults = typer.Typer(no_args_is_help=True, help="Let the simulated platform misbehave.")
app.add_typer(faults, name="fault")


def worker(
    context: typer.Context,
    ready_file: Annotated[
        Path | None, typer.Option(help="Holds the process ID while tasks are taken, e.g. for a readiness probe.")
    ] = None,
) -> int:
    """Serve the task queue until SIGTERM or Ctrl-C; steps under way get time to finish."""
    # The Kubernetes client takes a second to load, which no other command needs.
    from workers.exposing import prometheus
    from workers.logs import set_up_logs
    from workers.worker import serve

    settings = session(context).settings
    try:
        set_up_logs(settings.log_format, settings.log_level, prometheus(settings))
    except ConfigurationError as error:
        raise configuration_failure(error) from error

    with written_when_ready(ready_file) as ready:
        try:
            asyncio.run(serve(settings, ready=ready))
        except ConfigurationError as error:
            raise configuration_failure(error) from error
    return ExitCode.OK


@app.callback(invoke_without_command=True)
def lab(
    context: typer.Context,
    ui_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of Temporal's Web UI; any free one if left out.")
    ] = None,
    mode: Annotated[
        Literal["overlay", "vlan"], typer.Option(help="vlan: tenants have VLANs on the lab's simulated switches.")
    ] = "overlay",
    json: Json = False,
) -> int:
    """Start everything and leave it running until Ctrl-C; `berth` in another terminal finds it by itself.

    State is kept in .berth/ here, or in BERTH_HOME.
    """
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    said = session(context).overrides.get("platform")
    if said is not None and mode == "vlan":
        raise CommandError(ExitCode.USAGE, "--platform and --mode exclude each other: a document says its mode itself")
    return asyncio.run(_run_lab(Path(said) if said else None, ui_port, vlan=mode == "vlan", json=json))


@app.command("env")
def env(json: Json = False) -> int:
    """Print what `temporal` and `kubectl` need to reach the lab: eval "$(berth lab env)"."""
    found = running_lab()
    if json:
        show_json(found.model_dump(mode="json"))
    else:
        typer.echo("\n".join(found.env()))
    return ExitCode.OK


@faults.command("add")
def add_fault(
    effect: Annotated[
        str,
        typer.Argument(
            help="Towards callers: refuse, error, lose-answer, drop, slow, hang."
            " In the controller: never-ready, late, stuck-finalizer, paused."
        ),
    ],
    verb: Annotated[
        str, typer.Option(help="get, list, watch, create, update, patch, delete; globs are allowed.")
    ] = "*",
    plural: Annotated[str, typer.Option(help="Kind, as in a URL: vpcs, subnets, ovn-eips, ...")] = "*",
    namespace: Annotated[str, typer.Option(help="Namespace.")] = "*",
    name: Annotated[str, typer.Option(help="Object's name, e.g. 'acme--*'.")] = "*",
    times: Annotated[int | None, typer.Option(help="How often it strikes; for ever if left out.")] = None,
    skip: Annotated[int, typer.Option(help="How many matching calls pass first.")] = 0,
    status: Annotated[int | None, typer.Option(help="HTTP status of the answer.")] = None,
    message: Annotated[str, typer.Option(help="What the answer says.")] = "",
    seconds: Annotated[float, typer.Option(help="How slow, or how late.")] = 1.0,
    retry_after: Annotated[int | None, typer.Option(help="Retry-After of the answer, in seconds.")] = None,
    json: Json = False,
) -> int:
    """Switch a fault on, e.g.: berth lab fault add error --verb create --plural subnets --times 3."""
    from lab.kube.faults import Fault

    try:
        fault = Fault.model_validate(
            {
                "effect": effect,
                "verb": verb,
                "plural": plural,
                "namespace": namespace,
                "name": name,
                "times": times,
                "skip": skip,
                "status": status,
                "message": message,
                "seconds": seconds,
                "retry_after": retry_after,
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors())
        raise CommandError(ExitCode.USAGE, f"no fault the lab knows: {wrong}") from error
    identity = asyncio.run(_add(running_lab(), fault))
    if json:
        show_json({"id": identity})
    else:
        show(clean(f"{identity}: on; switch it off with `berth lab fault clear {identity}`"))
    return ExitCode.OK


@faults.command("list")
def list_faults(json: Json = False) -> int:
    """List the faults that are on, and how often each struck."""
    found = asyncio.run(_faults(running_lab()))
    if json:
        show_json({"faults": found})
        return ExitCode.OK
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("ID", "EFFECT", "VERB", "KIND", "NAME", "STRUCK"):
        table.add_column(column, overflow="fold")
    for one in found:
        struck = f"{one['struck']} of {one['times'] or 'any'}"
        table.add_row(*(clean(one[key]) for key in ("id", "effect", "verb", "plural", "name")), struck)
    if found:
        show(table)
    else:
        say("no fault is on")
    return ExitCode.OK


@faults.command("clear")
def clear_faults(
    identity: Annotated[str | None, typer.Argument(metavar="ID", help="Only this one.")] = None, json: Json = False
) -> int:
    """Switch one fault off, or, without an ID, all."""
    asyncio.run(_clear(running_lab(), identity))
    if json:
        show_json({"cleared": identity or "all"})
    else:
        show(clean(f"{identity or 'every fault'}: off"))
    return ExitCode.OK


def running_lab() -> RunningLab:
    """The lab that runs here. Raises CommandError where there is none."""
    try:
        found = find_lab()
    except LabError as error:
        raise CommandError(ExitCode.UNREACHABLE, str(error)) from error
    if found is None:
        raise CommandError(ExitCode.UNREACHABLE, f"no lab runs at {home_folder()}: start one with `berth lab`")
    return found


async def _run_lab(platform: Path | None, ui_port: int | None, *, vlan: bool, json: bool) -> ExitCode:
    # These need the packages of the extra `lab`.
    from cli.lab_platform import OVERLAY, VLAN
    from cli.lab_worker import ground

    stop = told_to_stop()
    async with ground(
        home_folder(), platform=platform, document=VLAN if vlan else OVERLAY, ui_port=ui_port, progress=say
    ) as here:
        lab = here.lab
        if json:
            show_json(lab.model_dump(mode="json"))
        else:
            show(*_told(lab, here.worker_log, vlan=vlan))
        await until_stopped(stop, here.failed(say))
    return ExitCode.OK


def _told(lab: RunningLab, worker_log: Path, *, vlan: bool) -> list[Text]:
    lines = (
        f"Temporal UI    {lab.temporal_ui_url}",
        f"Temporal       {lab.temporal_address}",
        f"Kubernetes     {lab.kubernetes_url}",
        f"platform       {lab.platform}",
        f"worker's log   {worker_log}",
        *([f"switches       {_listed(lab.switches)}"] if vlan else []),
        f"routers        {_listed(lab.routers)}",
        f"               login {lab.username}, password in {lab.password_file}; see `berth lab device --help`",
        f"next, in another terminal here: berth onboard examples/{'umbrella' if vlan else 'acme'}.yaml",
        *(["and in a third, as the network team: berth approve umbrella --as nadia@example.com"] if vlan else []),
        'for temporal and kubectl:       eval "$(berth lab env)"',
        "Ctrl-C stops it; the state is kept",
    )
    return [clean(line) for line in lines]


def _listed(devices: Sequence[RunningDevice]) -> str:
    return ", ".join(f"{one.name} {one.dialect} at port {one.port}" for one in devices)


async def _add(lab: RunningLab, fault: "Fault") -> str:
    from cli.lab_control import lab_control

    async with lab_control(lab.kubernetes_url) as control:
        return await control.add_fault(fault)


async def _faults(lab: RunningLab) -> list[dict[str, object]]:
    from cli.lab_control import lab_control

    async with lab_control(lab.kubernetes_url) as control:
        return await control.faults()


async def _clear(lab: RunningLab, identity: str | None) -> None:
    from cli.lab_control import lab_control

    async with lab_control(lab.kubernetes_url) as control:
        await control.clear_faults(identity)
