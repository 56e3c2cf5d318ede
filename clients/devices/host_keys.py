"""Which host keys are trusted: one OpenSSH known_hosts file, and nothing is added to it silently."""

import asyncio
import os
import re
import socket
import tempfile
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from paramiko import HostKeys, Transport
from paramiko.ssh_exception import SSHException
from pydantic import BaseModel, ConfigDict

from clients.errors import RefusedError, UnavailableError

CONNECT_SECONDS = 10.0
TRUST = "look at the key on the switch's console, then run `berth doctor --trust-hosts`"


class OfferedKey(BaseModel):
    """The host key a switch shows, which says nothing yet about whose it is."""

    model_config = ConfigDict(frozen=True)

    host: str
    """As known_hosts writes it: `leaf-1.example.net`, or `[10.0.0.1]:2222`."""
    type: str
    fingerprint: str
    """As `ssh-keygen -l` writes it: `SHA256:...`."""
    line: str
    """For known_hosts."""


def known_as(host: str, port: int) -> str:
    """The name of a host in known_hosts; the port is part of it unless it is 22."""
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: bytes) -> str:
    """SHA256 fingerprint of a public key's bytes, as OpenSSH writes it."""
    return "SHA256:" + b64encode(sha256(key).digest()).decode().rstrip("=")


def trusted(path: Path, host: str, port: int, where: str) -> HostKeys:
    """The keys of the file. Raises RefusedError `host-key-unknown` where it holds none of this host.

    Netmiko itself would go on without a word if the file were missing.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise RefusedError(
            f"{where}: known_hosts file {path} cannot be read ({error.strerror}), so no host key is trusted: {TRUST}, or "
            "correct the file's rights",
            reason="host-key-unknown",
        ) from error
    if re.search(r"^@(revoked|cert-authority)\b", text, re.MULTILINE):
        # Paramiko passes over such a line, and would trust a key that was revoked.
        raise RefusedError(
            f"{where}: known_hosts file {path} holds a line that begins with @revoked or @cert-authority, which is not "
            "supported: remove it, and with it the keys that were revoked",
            reason="host-key-unknown",
        )
    keys = HostKeys()
    keys.load(str(path))
    if keys.lookup(known_as(host, port)) is None:
        raise RefusedError(
            f"{where}: no host key of {known_as(host, port)} in {path}: {TRUST}",
            reason="host-key-unknown",
        )
    return keys


async def offered(host: str, port: int) -> OfferedKey:
    """The key a switch shows. Nothing is sent but the key exchange. Raises UnavailableError."""
    return await asyncio.to_thread(_offered, host, port)


def _offered(host: str, port: int) -> OfferedKey:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
            transport = Transport(connection)
            transport.banner_timeout = CONNECT_SECONDS
            try:
                transport.start_client(timeout=CONNECT_SECONDS)
                key = transport.get_remote_server_key()
            finally:
                transport.close()
    except (OSError, SSHException, EOFError) as error:
        raise UnavailableError(
            f"{known_as(host, port)}: shows no host key ({type(error).__name__}): check that it is up and speaks SSH there"
        ) from error
    name = known_as(host, port)
    return OfferedKey(
        host=name,
        type=key.get_name(),
        fingerprint=fingerprint(key.asbytes()),
        line=f"{name} {key.get_name()} {key.get_base64()}",
    )


def trust(path: Path, keys: list[OfferedKey]) -> list[OfferedKey]:
    """Append the keys of hosts the file does not know; returns those that were appended.

    The file is replaced in one step, so that nobody reads half a line. Raises RefusedError `host-key-changed` where it
    holds another key of a host: which of the two is right is for a person to find out.
    """
    text = path.read_text() if path.exists() else ""
    known = HostKeys()
    if text:
        known.load(str(path))
    new = []
    for key in keys:
        there = known.lookup(key.host)
        if there is None:
            new.append(key)
        elif not any(fingerprint(one.asbytes()) == key.fingerprint for one in there.values()):
            raise RefusedError(
                f"{key.host}: shows key {key.fingerprint}, and {path} holds another one: find out which is right, and remove "
                f"the wrong line by hand (`ssh-keygen -f {path} -R '{key.host}'`)",
                reason="host-key-changed",
            )
    if new:
        whole = text + ("\n" if text and not text.endswith("\n") else "") + "".join(f"{key.line}\n" for key in new)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return new
