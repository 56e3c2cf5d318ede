"""`berth demo`: everything once, in half a minute, on a platform of its own."""

import asyncio
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.terminal import clean, show


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running in the end, until Ctrl-C.")] = False,
) -> int:
    """Show all of it in half a minute, on a platform of its own that is gone afterwards."""
    from cli.demo_scenes import play  # needs the packages of the extra `lab`

    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="berth-demo-"))
    # Told to end, it ends as with Ctrl-C: whatever it started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(play(home, keep=keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        shutil.rmtree(home)
        raise CommandError(ExitCode.DETACHED, "interrupted; nothing of the demo is left running") from None
    except BaseException:
        show(clean(f"the logs are in {home}", "yellow"))
        raise
    shutil.rmtree(home)
    show(
        "",
        clean(f"That was all, in {time.monotonic() - began:.0f} s, and nothing is left running.", "bold"),
        clean("Next: `berth lab`, and in another terminal here `berth onboard examples/acme.yaml`."),
    )
    return ExitCode.OK
