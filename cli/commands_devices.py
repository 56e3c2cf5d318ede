"""`berth lab device`: looking at the lab's simulated switches and routers, restarting them, and letting them misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.commands_lab import running_lab
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.terminal import clean, show, show_json

if TYPE_CHECKING:
    from cli.lab_control import DeviceControl

app = typer.Typer(
    no_args_is_help=True, help="The simulated switches leaf-1 to leaf-4, and the routers edge-1 and fabric-1."
)
Name = Annotated[str, typer.Argument(metavar="DEVICE", help="leaf-1 to leaf-4, edge-1, fabric-1.")]


@app.command("show")
def show_configuration(
    device: Name,
    startup: Annotated[bool, typer.Option("--startup", help="What it does after a restart.")] = False,
    json: Json = False,
) -> int:
    """Print a device's configuration as it writes it itself."""
    which = "startup" if startup else "running"
    text = _do(lambda control: control.text(device, which))
    if json:
        show_json({"device": device, which: text})
    else:
        typer.echo(text.rstrip("\n"))
    return ExitCode.OK


@app.command("routes")
def show_routes(
    device: Annotated[str, typer.Argument(metavar="ROUTER", help="edge-1, or fabric-1, its neighbour.")] = "fabric-1",
    json: Json = False,
) -> int:
    """Print the routes a router uses now; those of BGP are what its neighbour announces."""
    found = _do(lambda control: control.routes(device))
    if json:
        show_json({"device": device, "routes": found})
        return ExitCode.OK
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("NETWORK", "FROM", "NEXT HOP", "TAG"):
        table.add_column(column, overflow="fold")
    for one in found:
        ways = "discards" if one["discards"] else ", ".join(one["next_hops"]) or "here"
        table.add_row(*(clean(str(text)) for text in (one["network"], one["protocol"], ways, one["tag"] or "")))
    show(table)
    return ExitCode.OK


@app.command("reload")
def reload_device(device: Name, json: Json = False) -> int:
    """Restart a device: every session is cut, and what it had not saved is gone."""
    _do(lambda control: control.reload(device))
    return _told(device, "restarted", json=json)


@app.command("fault")
def add_fault(
    device: Name,
    effect: Annotated[
        str,
        typer.Argument(
            help="At a line: drop, lose-answer, hang, slow, error, ignore, syslog, reload."
            " At a save or commit: deny-save, fail-commit."
            " At a connection: refuse, no-banner, no-session, deny-login, deny-enable, change-host-key."
        ),
    ],
    line: Annotated[str, typer.Option(help="Regular expression that a line must match.")] = r"\S",
    times: Annotated[int | None, typer.Option(min=1, help="How often it strikes; for ever if left out.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="How many matching lines pass first.")] = 0,
    seconds: Annotated[float, typer.Option(help="How slow.")] = 1.0,
    message: Annotated[str, typer.Option(help="What the device says.")] = "",
    json: Json = False,
) -> int:
    """Switch a fault on, e.g.: berth lab device fault leaf-1 drop --line 'allowed vlan' --times 1."""
    fault = {
        "effect": effect,
        "line": line,
        "times": times,
        "skip": skip,
        "seconds": seconds,
        "message": message,
    }
    identity = _do(lambda control: control.add_fault(device, fault))
    return _told(device, f"{identity} is on; `berth lab device clear {device}` switches it off", json=json)


@app.command("clear")
def clear_faults(device: Name, json: Json = False) -> int:
    """Switch every fault of a device off."""
    _do(lambda control: control.clear_faults(device))
    return _told(device, "every fault is off", json=json)


def _told(device: str, what: str, *, json: bool) -> ExitCode:
    if json:
        show_json({"device": device, "answer": what})
    else:
        show(clean(f"{device}: {what}"))
    return ExitCode.OK


def _do(call: "Callable[[DeviceControl], Awaitable[Any]]") -> Any:
    # It brings aiohttp and the simulator, which no command for tenants needs.
    from cli.lab_control import device_control

    async def called() -> Any:
        async with device_control(running_lab().switches_url) as control:
            return await call(control)

    return asyncio.run(called())
