"""Whether a command line of a container is one that `berth` takes."""

from collections.abc import Sequence
from typing import Any

import typer

from cli.main import app


def parse(command: Sequence[str]) -> None:
    """Raises where `berth` would refuse the command line for what it says; nothing runs."""
    program, *rest = command
    assert program == "berth"
    found: Any = typer.main.get_command(app)
    context = found.make_context(program, rest)
    while hasattr(found, "resolve_command"):
        name, found, rest = found.resolve_command(context, [*context._protected_args, *context.args])
        context = found.make_context(name, rest, parent=context)
