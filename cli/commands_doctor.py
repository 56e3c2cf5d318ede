"""`berth doctor`: whether what a run will need is there, and the one way host keys come to be trusted."""

import asyncio
import sys
from typing import Annotated

import typer

from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.options import Json
from cli.session import Session, session
from cli.terminal import clean, say, show, show_json
from workers.settings import ConfigurationError


def doctor(
    context: typer.Context,
    trust_hosts: Annotated[
        bool,
        typer.Option("--trust-hosts", help="Show the host keys of devices nobody has trusted yet, and record them."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the fingerprints were compared already.")] = False,
    json: Json = False,
) -> int:
    """Log in to every switch and edge router as the worker does, and say what is wrong with the remedy; nothing is changed there.

    A host key is trusted by a person who has compared its fingerprint with the device's console, and by nobody else.
    """
    here = session(context)
    try:
        recorded = asyncio.run(_trusted(here, yes=yes, json=json)) if trust_hosts else []
        return asyncio.run(_examined(here, recorded, json=json))
    except ConfigurationError as error:
        raise configuration_failure(error) from error


async def _trusted(here: Session, *, yes: bool, json: bool) -> list[str]:
    """Which hosts' keys were recorded."""
    from workers.doctor import trust_host_keys, untrusted_host_keys  # Netmiko and the Kubernetes client take a second

    say("asking the devices for their host keys")
    keys, findings = await untrusted_host_keys(here.settings)
    for finding in findings:
        say(finding.message)
    if not keys:
        return []
    for key in keys:
        say(f"{key.host}  {key.type}  {key.fingerprint}")
    if not yes:
        if json or not sys.stdin.isatty():
            message = "a person has to compare the fingerprints: run it in a terminal, or with --yes once that is done"
            raise CommandError(ExitCode.USAGE, message)
        if not typer.confirm(f"Are these the keys the devices' consoles show? Record {len(keys)} of them?", err=True):
            raise CommandError(ExitCode.REFUSED, "no host key was recorded")
    return [key.host for key in trust_host_keys(here.settings, keys)]


async def _examined(here: Session, recorded: list[str], *, json: bool) -> ExitCode:
    from workers.doctor import examine_devices

    say("logging in to every device")
    findings = await examine_devices(here.settings)
    failed = any(finding.state == "failed" for finding in findings)
    if json:
        show_json({"recorded": recorded, "findings": [finding.model_dump(mode="json") for finding in findings]})
    else:
        for host in recorded:
            show(clean(f"{host}: host key recorded"))
        for finding in findings:
            style = "red" if finding.state == "failed" else "green"
            show(clean(f"{finding.state}  {finding.subject}: {finding.message}", style))
        if not findings:
            show(clean("passed  the platform has no devices: no switches, and nothing at the edge", "green"))
    return ExitCode.REFUSED if failed else ExitCode.OK
