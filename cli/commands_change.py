"""The commands that change tenants' networks: `onboard`, `offboard` and `resolve`."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

import typer
from pydantic import TypeAdapter, ValidationError
from temporalio.client import Client

from cli.documents import STDIN, read_names, read_tenants
from cli.endings import End
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.follow import Watched, follow
from cli.options import As, Files, Json, Tenant, Wait
from cli.progress import progress
from cli.report import report
from cli.runs import Workflow, latest, start, tell
from cli.session import Session, session
from cli.terminal import clean, show, show_json
from tenancy.documents import to_plain
from tenancy.fields import Name
from tenancy.mistakes import shown
from workflows.face import Resolve

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def onboard(context: typer.Context, files: Files, by: As, wait: Wait = True, json: Json = False) -> int:
    """Give tenants their networks, or bring networks up to what their documents say.

    Nothing is started before every document is good. Ctrl-C detaches: the runs go on.
    """
    here = session(context)
    sources = read_tenants(files, here.platform)
    documents = {source.tenant.name: to_plain(source.tenant) for source in sources}
    return asyncio.run(_change(here, "OnboardTenant", documents, by, wait=wait, json=json))


def offboard(
    context: typer.Context,
    targets: Annotated[
        list[str], typer.Argument(metavar="TENANT|FILE...", help="Tenants' names, or files with their documents.")
    ],
    by: As,
    wait: Wait = True,
    json: Json = False,
) -> int:
    """Take tenants' networks back. Addresses in use stop it, and are named."""
    here = session(context)
    # A name never holds a dot or a slash, so no file can pass for a tenant.
    files = [target for target in targets if target == STDIN or "." in target or "/" in target]
    named = [_name(target) for target in targets if target not in files]
    documents = {name: name for name in (*named, *read_names(files))}
    return asyncio.run(_change(here, "OffboardTenant", documents, by, wait=wait, json=json))


def resolve(
    context: typer.Context,
    tenant: Tenant,
    decision: Annotated[
        Literal["retry", "skip", "abort"],
        typer.Argument(help="retry the step; skip it: leave its object and go on; abort: leave it and all the rest."),
    ],
    by: As,
    step: Annotated[str | None, typer.Option(help="The step's ID, where several wait.")] = None,
    reason: Annotated[str | None, typer.Option(help="Needed to skip; kept in the run's history.")] = None,
    json: Json = False,
) -> int:
    """Decide about a step that waits for an operator."""
    told = Resolve(decision=decision, step=step, reason=reason, by=by)
    answer = asyncio.run(_resolve(session(context), tenant, told))
    if json:
        show_json({"tenant": tenant, "decision": decision, "step": step, "answer": answer})
    else:
        show(clean(f"{tenant}: {answer}; see what comes of it with `berth status {tenant} --wait`"))
    return ExitCode.OK


def _name(target: str) -> str:
    try:
        return _NAME.validate_python(target, strict=True)
    except ValidationError as error:
        message = f"{shown(target)} is neither a tenant's name nor a YAML file: name one of `berth list`"
        raise CommandError(ExitCode.USAGE, message) from error


async def _change(
    here: Session, workflow: Workflow, documents: Mapping[str, object], by: str, *, wait: bool, json: bool
) -> ExitCode:
    async with here.temporal() as client:
        watched = await asyncio.gather(
            *(_start(client, here, workflow, tenant, document, by) for tenant, document in documents.items())
        )
        if wait:
            await watch(client, watched)
    return report(watched, json=json)


async def _start(client: Client, here: Session, workflow: Workflow, tenant: str, document: object, by: str) -> Watched:
    try:
        return Watched(tenant, await start(client, here.settings.task_queue, workflow, tenant, document, by))
    except CommandError as error:
        # The other tenants of this command are not to suffer.
        return Watched(tenant, None, end=End(error.code, "conflict", error.message))


async def watch(client: Client, watched: list[Watched]) -> None:
    """Shows the runs until they have ended, or until Ctrl-C, which leaves them to themselves."""
    try:
        with progress() as view:
            await follow(client, watched, view)
    except asyncio.CancelledError:
        for one in watched:
            if one.end is None:
                message = (
                    f"not followed any more, but the run goes on: look again with `berth status {one.tenant} --wait`,"
                    f" undo it with `temporal workflow cancel --workflow-id {one.run.handle.id if one.run else ''}`"
                )
                one.end = End(ExitCode.DETACHED, "running", message)


async def _resolve(here: Session, tenant: str, decision: Resolve) -> str:
    async with here.temporal() as client:
        run, _ = await latest(client, tenant)
        return await tell(client, run, "resolve", decision)
