"""Many `berth` commands for the price of loading it once: `python -m tests.warm`.

To load `berth` is most of what a short command costs. This process has loaded it, and for each line on stdin (a JSON list: the
terminal, then the command's arguments) forks one that runs the
command at that terminal and ends with its exit code, which is printed. The environment and the folder are this process's own.
"""

import json
import os
import sys

import cli.main


def main() -> None:
    """Serves until stdin is closed."""
    for line in sys.stdin:
        terminal, *arguments = json.loads(line)
        process = os.fork()
        if process == 0:
            _command(terminal, arguments)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _command(terminal: str, arguments: list[str]) -> None:
    os.setsid()
    at = os.open(terminal, os.O_RDWR)  # the first it opens becomes its own
    for stream in (0, 1, 2):
        os.dup2(at, stream)
    os.close(at)
    # As a process begins: nothing read ahead, and lines written as they come.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # open until the end
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.argv = ["berth", *arguments]
    cli.main.main()


if __name__ == "__main__":
    main()
