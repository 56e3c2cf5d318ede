"""One lab at a time in a state folder, however the last one ended."""

import asyncio
import fcntl
import os
from pathlib import Path

from lab.errors import LabError
from lab.processes import ProcessId

_ORPHANS_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 0.01


async def lock_folder(folder: Path) -> int:
    """Make the folder if it is not there, lock it for this process, and return the descriptor that holds the lock.

    The lock is flock(2)'s: it ends with the last process that holds the descriptor. Servers inherit it, so the folder is
    free only when no server writes to it any more, even when the lab was killed.
    Raises LabError when another lab runs in the folder, or the folder cannot be used.
    """
    lock = _open(folder)
    try:
        await _take(folder, lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LabError(
            f"cannot keep the lab's state in {folder} ({error.strerror}): set BERTH_HOME to a folder of yours"
        ) from error


async def _take(folder: Path, lock: int) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _ORPHANS_SECONDS
    while not _taken(lock):
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        if not holder.isdecimal():
            raise LabError(f"another lab is just starting in {folder}: use that one")
        if ProcessId.find(int(holder)):
            raise LabError(
                f"a lab already runs in {folder} as process {holder}: use it, stop it with `kill {holder}`,"
                " or set BERTH_HOME to another folder"
            )
        # That lab was killed, and its servers end a moment after it.
        if loop.time() > deadline:
            raise LabError(
                f"servers of a lab that was killed (process {holder}) still run in {folder}: end the processes that have"
                f" {folder / 'lock'} open"
            )
        await asyncio.sleep(_ASK_AGAIN_SECONDS)  # flock(2) cannot wait with a deadline


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
