"""`berth deployments`: the versions of the worker, which one new runs go to, and which ones may be stopped."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.session import Session, session
from cli.terminal import clean, say, show, show_json
from cli.times import moment
from workers.settings import ConfigurationError

app = typer.Typer(help="Versions of the worker: look, or choose the one that new runs go to.")
_STYLE = {"current": "green", "ramping": "cyan", "draining": "yellow", "drained": "dim"}


@app.callback(invoke_without_command=True)
def deployments(context: typer.Context, json: Json = False) -> int:
    """Show each version of BERTH_DEPLOYMENT: whether new runs go to it, and how many runs still end on it."""
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    here = session(context)
    deployment = _deployment(here)
    found = asyncio.run(_versions(here, deployment))
    if json:
        show_json({"deployment": deployment, "versions": found})
    elif found:
        show(_table(found))
        for one in found:
            if part := lacking(one):
                say(
                    f"version {one['build_id']} is needed, and no worker of it serves {part}: start one with"
                    f" BERTH_DEPLOYMENT={deployment} BERTH_BUILD_ID={one['build_id']}"
                )
        if not any(one["state"] == "current" for one in found):
            say("no version is current, so nothing new is taken: `berth deployments use BUILD_ID`")
    else:
        say(f"Temporal knows no worker of deployment {deployment}: start one with BERTH_DEPLOYMENT={deployment}")
    return ExitCode.OK


def lacking(one: dict[str, Any]) -> str | None:
    """What nobody of a version does that has to be done by it."""
    if one["needed"] and not one["platform_workers"]:
        return "the platform"
    # What runs of a version that drains ask of devices is done by the current one.
    return "devices" if one["state"] in ("current", "ramping") and not one["device_workers"] else None


@app.command("use")
def use(
    context: typer.Context,
    build_id: Annotated[str, typer.Argument(metavar="BUILD_ID", help="BERTH_BUILD_ID of the version's workers.")],
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for its workers to come.")
    ] = 10.0,
    json: Json = False,
) -> int:
    """Send new runs, and the queues of devices, to this version; runs under way end on theirs."""
    here = session(context)
    deployment = _deployment(here)
    changed = asyncio.run(_use(here, deployment, build_id, timedelta(seconds=wait)))
    if json:
        show_json({"deployment": deployment, "current": build_id, "changed": changed})
    else:
        show(clean(f"version {build_id} of deployment {deployment} is current" + ("" if changed else " already")))
    return ExitCode.OK


def _deployment(here: Session) -> str:
    if here.settings.deployment is None:
        raise CommandError(
            ExitCode.USAGE, "BERTH_DEPLOYMENT is not set: workers without it have no versions to choose from"
        )
    return here.settings.deployment


async def _versions(here: Session, deployment: str) -> list[dict[str, Any]]:
    from workers.deployments import versions

    async with here.temporal() as client:
        try:
            found = await versions(client, deployment, here.settings.task_queue)
        except ConfigurationError as error:
            raise configuration_failure(error) from error
    return [
        {**asdict(one), "needed": one.needed, "since": one.since.isoformat() if one.since else None} for one in found
    ]


async def _use(here: Session, deployment: str, build_id: str, wait: timedelta) -> bool:
    from workers.deployments import make_current

    async with here.temporal() as client:
        try:
            return await make_current(client, deployment, build_id, here.settings.task_queue, wait=wait)
        except ConfigurationError as error:
            raise configuration_failure(error) from error


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("VERSION", "STATE", "RUNS", "WORKERS", "BESIDE DEVICES", "SINCE", ""):
        table.add_column(column, no_wrap=column != "VERSION", overflow="fold")
    for one in found:
        table.add_row(
            clean(one["build_id"], "bold"),
            clean(one["state"], _STYLE.get(one["state"], "")),
            clean(str(one["runs"])),
            clean(str(one["platform_workers"])),
            clean(str(one["device_workers"])),
            clean(moment(datetime.fromisoformat(one["since"])) if one["since"] else ""),
            clean("" if one["needed"] else "may be stopped", "dim"),
        )
    return table
