"""From where a secret is to what it is: an environment variable, a file of the worker's, or a Kubernetes Secret."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

from clients.errors import RefusedError, UnavailableError
from tenancy.switches import SecretReference

ReadSecret = Callable[[str, str, str], Awaitable[str]]
"""`read_secret(namespace, name, key)`: one value of a Kubernetes Secret, decoded. Raises as every client does."""

LARGEST = 64 * 1024
"""Bytes. No password, key or URL is longer; a Kubernetes Secret may hold a megabyte, which would be a mix-up."""
EXPOSED = "secret-exposed"
"""Reason of the refusal of a file that others than the worker can read."""


async def secret_value(reference: SecretReference, read_secret: ReadSecret) -> str:
    """The secret at this place. It is in no message of what this raises.

    Raises UnavailableError where it is not there or cannot be read, because an operator can mend that and no tenant is
    at fault; RefusedError of reason `secret-exposed` for a file that its group or everybody can read, but for a file of root's
    that the worker's own group can.
    """
    if reference.environment is not None:
        return _some(os.environ.get(reference.environment), where_is(reference), "set it for the worker")
    if reference.file is not None:
        text = await asyncio.to_thread(_in_file, reference.file)
        return _some(text, where_is(reference), "write the secret into it")
    assert reference.secret is not None  # noqa: S101  # the document's rule: exactly one of the three
    key = reference.secret
    text = await read_secret(key.namespace, key.name, key.key)
    return _some(text, where_is(reference), "add the key to the Secret")


def where_is(reference: SecretReference) -> str:
    """Where a secret is, in words: for messages and logs, which may name the place but never the value."""
    if reference.environment is not None:
        return f"environment variable {reference.environment}"
    if reference.file is not None:
        return f"file {reference.file}"
    key = reference.secret
    return f"Secret {key.namespace}/{key.name}, key {key.key}" if key is not None else "nowhere"


def _some(text: str | None, where: str, remedy: str) -> str:
    if not text:
        raise UnavailableError(f"{where}: no secret is there: {remedy}")
    if len(text) > LARGEST:
        raise UnavailableError(
            f"{where}: holds {len(text)} characters, at most {LARGEST} are expected: is it a secret?"
        )
    return text


def _forbidden(found: os.stat_result) -> int:
    """The bits of its mode by which others could read a file.

    What root owns and the worker does not, it can read through its group alone: that is how Kubernetes hands a Secret to a
    process that is not root (pkg/volume/volume_linux.go gives the files to the pod's fsGroup, with mode 0440).
    """
    through_group = found.st_uid == 0 != os.geteuid() and found.st_gid in (os.getegid(), *os.getgroups())
    return stat.S_IROTH if through_group else stat.S_IRGRP | stat.S_IROTH


def _in_file(path: str) -> str:
    where = f"file {path}"
    try:
        # A pipe would keep a thread waiting for ever. Links are followed: a mounted Secret is made of them.
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(opened, "rb") as file:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                raise UnavailableError(f"{where}: is no regular file: name a file that holds the secret")
            if found.st_mode & _forbidden(found):
                mode = stat.S_IMODE(found.st_mode)
                raise RefusedError(
                    f"{where}: has mode {mode:04o}, so others than the worker can read it: chmod 600 {Path(path).name}",
                    reason=EXPOSED,
                )
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UnavailableError(f"{where}: cannot be read ({error.strerror}): is it the worker's own?") from error
    if len(data) > LARGEST:
        raise UnavailableError(f"{where}: is larger than {LARGEST} bytes: is it a secret?")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # Without its cause, whose repr holds what was read.
        raise UnavailableError(f"{where}: is no text in UTF-8: write the secret as text") from None
    return text.removesuffix("\n").removesuffix("\r")
