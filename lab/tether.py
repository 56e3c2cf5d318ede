"""Becomes a command that dies with the process that started it: `python tether.py PARENT_PID COMMAND ...`.

A lab that is killed with SIGKILL cannot stop its servers any more; left alone they would keep the state folder and the
ports, and the next lab would start a second server over the same database. Linux kills them for us when it is asked
to (PR_SET_PDEATHSIG, prctl(2)). The request is made here, between fork and exec, in a process of one thread: a
`preexec_fn` would run Python in a fork of a process with threads, which may deadlock. It holds across exec.
SIGKILL and not SIGTERM: when the lab is gone they are gone, and both servers' state is made to bear it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _become(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"cannot be tethered to process {parent}: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            sys.exit(f"process {parent} was gone before {command[0]} could start")
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted: the arguments are ours, one by one
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
