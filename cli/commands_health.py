"""`berth health`: whether the worker on this machine takes work, for container health checks and for people."""

from typing import Annotated

import typer

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.session import session
from cli.terminal import clean, show, show_json
from workers.settings import ConfigurationError


def health(
    context: typer.Context,
    address: Annotated[
        str | None, typer.Option(help="host:port of the worker's health pages; left out: BERTH_HEALTH_ADDRESS.")
    ] = None,
    json: Json = False,
) -> int:
    """Ask the worker on this machine whether it takes work; exits 0 where it does.

    It does not while it stops, while Temporal does not answer it, or before Kubernetes has answered it once.
    """
    from workers.health import ask_health  # loads the Kubernetes client

    try:
        seen = ask_health(address or session(context).settings.health_address)
    except ConfigurationError as error:
        raise configuration_failure(error) from error
    if json:
        show_json(seen)
        return ExitCode.OK if seen["ready"] else ExitCode.UNREACHABLE
    if seen["ready"]:
        show(clean(f"ready: serves {', '.join(map(str, seen.get('serves', [])))}", "green"))
        return ExitCode.OK
    why = (
        "it is being stopped"
        if seen.get("draining")
        else f"Temporal: {seen.get('temporal')}; Kubernetes: {seen.get('kubernetes')}"
    )
    raise CommandError(ExitCode.UNREACHABLE, f"the worker takes no work: {why}")
