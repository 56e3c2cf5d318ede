"""`berth doctor`: whether what a run will need is there, and the one way host keys come to be trusted."""

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.doctor_view import counts, show_findings
from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode, worst
from cli.options import Json
from cli.session import session
from cli.terminal import clean, say, show, show_json
from workers.doctor.findings import Area, Finding
from workers.settings import ConfigurationError, Settings

if TYPE_CHECKING:
    from workers.doctor.examination import Examination

PATIENCE = 2.0
"""Seconds after which people are told what has not answered yet, and again each time as many have passed."""


def doctor(
    context: typer.Context,
    areas: Annotated[
        list[Area] | None,
        typer.Argument(help="Look at these alone; what they need is looked at, too.", show_default=False),
    ] = None,
    trust_hosts: Annotated[
        bool,
        typer.Option("--trust-hosts", help="Show the host keys of devices nobody has trusted yet, and record them."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the fingerprints were compared already.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning counts as a failure.")] = False,
    json: Json = False,
) -> int:
    """Look at all that a run will need: settings, Temporal, Kubernetes, the platform, every device. Nothing is changed there.

    Each line is passed, warned, failed with the remedy, or skipped because of another. A host key is trusted by a person who
    has compared its fingerprint with the device's console, and by nobody else.
    """
    here = session(context)
    try:
        settings = here.settings
    except CommandError as error:
        return _told([_no_settings(error)], [], code=error.code, json=json)
    try:
        recorded = asyncio.run(_trusted(settings, yes=yes, json=json)) if trust_hosts else []
    except ConfigurationError as error:
        raise configuration_failure(error) from error
    found = asyncio.run(_examined(settings, areas or ()))
    return _told(found, recorded, code=exit_code(found, strict=strict), json=json)


def exit_code(found: Sequence[Finding], *, strict: bool = False) -> ExitCode:
    """What a script is told: the most urgent of what was found."""
    failed = [finding for finding in found if finding.state == "failed" or (strict and finding.state == "warned")]
    return worst(_code(finding) for finding in failed)


def _code(finding: Finding) -> ExitCode:
    if not finding.answered:
        return ExitCode.UNREACHABLE
    return ExitCode.USAGE if finding.area is Area.CONFIGURATION else ExitCode.REFUSED


def _no_settings(error: CommandError) -> Finding:
    return Finding(area=Area.CONFIGURATION, subject="settings", state="failed", message=error.message)


async def _trusted(settings: Settings, *, yes: bool, json: bool) -> list[str]:
    """Which hosts' keys were recorded."""
    from workers.doctor.devices import (  # Netmiko and the Kubernetes client take a second
        trust_host_keys,
        untrusted_host_keys,
    )

    say("asking the devices for their host keys")
    keys, unasked = await untrusted_host_keys(settings)
    for why in unasked:
        say(why)
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
    return [key.host for key in trust_host_keys(settings, keys)]


async def _examined(settings: Settings, areas: Sequence[Area]) -> list[Finding]:
    from workers.doctor.examination import Examination

    examination = Examination(settings, areas)
    looking = asyncio.ensure_future(examination.findings())
    while not (await asyncio.wait({looking}, timeout=PATIENCE))[0]:
        say(_still(examination))
    return looking.result()


def _still(examination: "Examination") -> str:
    waiting = examination.under_way
    more = f" and {len(waiting) - 5} more" if len(waiting) > 5 else ""
    return f"still looking at {', '.join(waiting[:5])}{more}"


def _told(found: Sequence[Finding], recorded: Sequence[str], *, code: ExitCode, json: bool) -> ExitCode:
    if json:
        show_json(_plain(found, recorded, code))
        return code
    for host in recorded:
        show(clean(f"{host}: host key recorded"))
    show_findings(found)
    return code


def _plain(found: Sequence[Finding], recorded: Sequence[str], code: ExitCode) -> dict[str, Any]:
    return {
        "exitCode": int(code),
        "counts": counts(found),
        "recorded": list(recorded),
        "findings": [finding.model_dump(mode="json", exclude={"answered"}) for finding in found],
    }
