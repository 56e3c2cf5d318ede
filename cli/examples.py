"""Where the example documents are: beside the packages in a checkout, inside this one in an installed wheel."""

from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode


def example(name: str) -> Path:
    """The path of an example, e.g. `acme.yaml`. Raises CommandError where the installation came without it."""
    here = Path(__file__).resolve().parent
    for folder in (here / "examples", here.parent / "examples"):
        if (folder / name).is_file():
            return folder / name
    message = f"example {name} is not part of this installation: run this in a checkout of berth"
    raise CommandError(ExitCode.USAGE, message)
