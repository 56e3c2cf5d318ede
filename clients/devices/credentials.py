"""From the credentials of a platform's document to a login with its secrets."""

from io import StringIO

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
from clients.secrets import ReadSecret, secret_value
from tenancy.switches import Credentials, SecretReference


async def login_of(credentials: Credentials, read_secret: ReadSecret) -> Login:
    """The login with its secrets, read anew. Raises UnavailableError."""

    async def read(reference: SecretReference | None) -> str | None:
        return None if reference is None else await secret_value(reference, read_secret)

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
