"""Options that several commands share."""

import getpass
import os
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")]
Wait = Annotated[
    bool,
    typer.Option("--wait/--detach", help="Follow the runs until they have ended, or return once they are started."),
]
Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="YAML files with TenantNetwork documents; - is stdin.")
]


def os_user() -> str:
    """Who runs this command, as the operating system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"uid {os.getuid()}"


As = Annotated[
    str, typer.Option("--as", metavar="NAME", default_factory=os_user, show_default="your user name", help="Who asks.")
]

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
