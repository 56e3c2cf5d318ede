"""What the scenes of `berth demo` have in common: how they are told, what they expect, how they start and follow runs."""

from collections.abc import Mapping

from temporalio.client import Client

from cli.endings import End
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.follow import Watched, follow
from cli.options import os_user
from cli.progress import progress
from cli.runs import Workflow, start
from cli.terminal import clean, show, stdout
from workflows.face import TASK_QUEUE


def scene(title: str, told: str) -> None:
    """A new scene, and what it is about."""
    show("", clean(f"== {title}", "bold cyan"), clean(told))


def aside(told: str) -> None:
    """Something that goes on behind the scenes."""
    show(clean(f"   {told}", "dim"))


def expect(holds: bool, what: str, instead: object) -> None:
    """Ends the demo where something is not as told. Raises CommandError."""
    if not holds:
        raise CommandError(ExitCode.UNEXPECTED, f"the demo expected that {what}; instead: {instead}")


async def started(client: Client, workflow: Workflow, documents: Mapping[str, object]) -> list[Watched]:
    """A run for each tenant."""
    by = os_user()
    return [
        Watched(tenant, await start(client, TASK_QUEUE, workflow, tenant, document, by))
        for tenant, document in documents.items()
    ]


async def followed(client: Client, watched: list[Watched]) -> dict[str, End]:
    """The end of each run, by tenant, shown until then."""
    with progress(stdout()) as view:
        await follow(client, watched, view)
    return {one.tenant: one.end for one in watched if one.end is not None}
