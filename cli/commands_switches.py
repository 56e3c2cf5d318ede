"""`berth lab switch`: looking at the lab's simulated switches, restarting them, and letting them misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from cli.commands_lab import running_lab
from cli.exit_codes import ExitCode
from cli.lab_control import SwitchControl, switch_control
from cli.options import Json
from cli.terminal import clean, show, show_json

app = typer.Typer(no_args_is_help=True, help="The simulated switches: leaf-1 to leaf-4.")
Name = Annotated[str, typer.Argument(metavar="SWITCH", help="leaf-1, leaf-2, leaf-3 or leaf-4.")]


@app.command("show")
def show_configuration(
    switch: Name,
    startup: Annotated[bool, typer.Option("--startup", help="What it does after a restart.")] = False,
    json: Json = False,
) -> int:
    """Print a switch's configuration as it writes it itself."""
    which = "startup" if startup else "running"
    text = _do(lambda control: control.text(switch, which))
    if json:
        show_json({"switch": switch, which: text})
    else:
        typer.echo(text.rstrip("\n"))
    return ExitCode.OK


@app.command("reload")
def reload_switch(switch: Name, json: Json = False) -> int:
    """Restart a switch: every session is cut, and what it had not saved is gone."""
    _do(lambda control: control.reload(switch))
    return _told(switch, "restarted", json=json)


@app.command("fault")
def add_fault(
    switch: Name,
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
    message: Annotated[str, typer.Option(help="What the switch says.")] = "",
    json: Json = False,
) -> int:
    """Switch a fault on, e.g.: berth lab switch fault leaf-1 drop --line 'allowed vlan' --times 1."""
    fault = {
        "effect": effect,
        "line": line,
        "times": times,
        "skip": skip,
        "seconds": seconds,
        "message": message,
    }
    identity = _do(lambda control: control.add_fault(switch, fault))
    return _told(switch, f"{identity} is on; `berth lab switch clear {switch}` switches it off", json=json)


@app.command("clear")
def clear_faults(switch: Name, json: Json = False) -> int:
    """Switch every fault of a switch off."""
    _do(lambda control: control.clear_faults(switch))
    return _told(switch, "every fault is off", json=json)


def _told(switch: str, what: str, *, json: bool) -> ExitCode:
    if json:
        show_json({"switch": switch, "answer": what})
    else:
        show(clean(f"{switch}: {what}"))
    return ExitCode.OK


def _do(call: Callable[[SwitchControl], Awaitable[Any]]) -> Any:
    async def called() -> Any:
        async with switch_control(running_lab().switches_url) as control:
            return await call(control)

    return asyncio.run(called())
