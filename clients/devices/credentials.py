"""From where a secret is to what it is: the worker's environment, a file of its own, or a Kubernetes Secret."""

import os
import stat
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey

from clients.devices.login import Login
from clients.errors import UnavailableError
from tenancy.switches import Credentials, SecretReference

ReadSecret: TypeAlias = Callable[[str, str, str], Awaitable[str]]
"""Namespace, name and key of a Kubernetes Secret -> its value."""


async def value_of(reference: SecretReference, read_secret: ReadSecret) -> str:
    """The secret itself, without a line end at its end.

    Raises UnavailableError where it cannot be read: that is mended on the worker's machine, and the next try reads it again.
    """
    if reference.environment is not None:
        value = os.environ.get(reference.environment)
        if not value:
            raise UnavailableError(
                f"environment variable {reference.environment} is not set for this worker: set it, and start it again"
            )
        return value.rstrip("\r\n")
    if reference.file is not None:
        return _of_file(Path(reference.file))
    where = reference.secret
    if where is None:
        raise UnavailableError("a secret reference names no place: correct the platform's document")
    return (await read_secret(where.namespace, where.name, where.key)).rstrip("\r\n")


def _of_file(path: Path) -> str:
    try:
        with path.open() as file:
            # Asked of the open file: the name may be another file's by now.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise UnavailableError(
                    f"secret file {path} has mode {mode:04o}, so others can read it: `chmod 600 {path}`, and change the secret"
                )
            value = file.read().rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnavailableError(f"secret file {path} cannot be read ({why}): put the secret there, mode 600") from None
    if not value:
        raise UnavailableError(f"secret file {path} is empty: put the secret there")
    return value


async def login_of(credentials: Credentials, read_secret: ReadSecret) -> Login:
    """The login with its secrets, read anew. Raises UnavailableError."""

    async def read(reference: SecretReference | None) -> str | None:
        return None if reference is None else await value_of(reference, read_secret)

    key_text, passphrase = await read(credentials.private_key), await read(credentials.passphrase)
    return Login(
        username=credentials.username,
        password=await read(credentials.password),
        private_key=None if key_text is None else private_key(key_text, passphrase, credentials.name),
        agent=credentials.agent,
        enable_secret=await read(credentials.enable_secret),
        secrets=tuple(text for text in (key_text, passphrase) if text),
    )


def private_key(text: str, passphrase: str | None, of: str) -> PKey:
    """A private key in OpenSSH's or PEM form. Raises UnavailableError that names the credentials, and no part of the key."""
    # Paramiko's own reader takes about every second ECDSA key in OpenSSH's form for another curve's.
    load = load_ssh_private_key if "OPENSSH" in text.partition("\n")[0] else load_pem_private_key
    problem = "it is no private key of type Ed25519, ECDSA or RSA in OpenSSH's or PEM form"
    try:
        key = load((text + "\n").encode(), None if passphrase is None else passphrase.encode())
    except TypeError:
        problem = (
            "it is not encrypted, and a passphrase is named" if passphrase else "it needs a passphrase, none is named"
        )
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is not None:
            problem = "it cannot be read with this passphrase, or is no private key"
    else:
        match key:
            case RSAPrivateKey():
                return RSAKey(key=key)
            case EllipticCurvePrivateKey():
                return ECDSAKey(vals=(key, key.public_key()))
            case Ed25519PrivateKey():
                plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
                return Ed25519Key(file_obj=StringIO(plain.decode()))
            case _:
                pass
    raise UnavailableError(f"credentials {of}: private key: {problem}: correct what the credentials name")
