"""SSH signatures as `ssh-keygen -Y sign` makes them (OpenSSH's PROTOCOL.sshsig), verified against an allowed-signers file.

Own code of few lines, because the one library of it on PyPI (sshsig 0.3) reads short fields and trailing bytes as if
nothing was wrong, knows neither principals nor validity, and no Python from 3.14 on. The keys are `cryptography`'s.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from tenancy.mistakes import shown

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
LONGEST_SIGNATURE = 16 * 1024
"""Characters of an armoured signature. One by the largest RSA key that OpenSSH makes (16384 bits) has about 5700."""
RSA_BITS = range(2048, 16384 + 1)
"""Sizes of RSA keys that are accepted: the lower limit is NIST SP 800-131A's, the upper one is OpenSSH's."""
MAGIC = b"SSHSIG"
KEY_TYPES = ("ssh-ed25519", "ssh-rsa")

_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|\+00:00)", re.ASCII)
_VALIDITY = re.compile(
    r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])[0-5]\d([0-5]\d)?)?Z", re.ASCII | re.IGNORECASE
)


class _RefusedError(Exception):
    """Why; for the inside of this file."""


@dataclass(frozen=True)
class _Signature:
    key: bytes
    namespace: bytes
    hash: str
    algorithm: bytes
    value: bytes


@dataclass(frozen=True)
class _Signer:
    """One line of an allowed-signers file (ssh-keygen(1), ALLOWED SIGNERS)."""

    where: str
    principals: str
    options: dict[str, str]
    key_type: str
    key: bytes


def refusal_of_signature(
    armoured: str, message: str, *, namespace: str, principal: str, allowed_signers: str, at: str
) -> str | None:
    """Why this is no signature of `message` by `principal`, in words; None where it is one.

    `allowed_signers` is the text of the file, `at` the moment it was made in ISO 8601, UTC, on which a key's `valid-after`
    and `valid-before` depend. Nothing in the arguments makes it raise.
    """
    try:
        found = _signature(armoured)
        if found.namespace != namespace.encode():
            raise _RefusedError(
                f"it was made in namespace {shown(found.namespace.decode(errors='replace'))}, expected {namespace!r}:"
                f" sign with `ssh-keygen -Y sign -n {namespace}`"
            )
        _allow(found.key, namespace, principal, allowed_signers, _moment(at))
        digest = hashlib.new(found.hash, message.encode()).digest()
        signed = MAGIC + b"".join(_field(part) for part in (namespace.encode(), b"", found.hash.encode(), digest))
        _verify(found, signed)
    except _RefusedError as refused:
        return str(refused)
    except UnicodeEncodeError:
        return "what was to be signed is no text that can be written"
    return None


def without_a_key(approvers: Iterable[str], allowed_signers: str) -> tuple[str, ...]:
    """The approvers that no line of the file lists: they can sign nothing. Raises ValueError, in words, for no such file."""
    try:
        signers = list(_signers(allowed_signers))
    except _RefusedError as refused:
        raise ValueError(str(refused)) from None
    return tuple(name for name in approvers if not any(_matches(name, signer.principals) for signer in signers))


def _signature(armoured: str) -> _Signature:
    if len(armoured) > LONGEST_SIGNATURE:
        raise _RefusedError(f"it has {len(armoured)} characters, at most {LONGEST_SIGNATURE} are expected")
    text = armoured.strip(" \t\r\n")
    if not text.startswith(BEGIN) or not text.endswith(END) or len(text) < len(BEGIN) + len(END):
        raise _RefusedError(f"it is not what stands in the .sig file, from {BEGIN} to {END}")
    fields = _Fields(_decoded(re.sub(r"[ \t\r\n]", "", text[len(BEGIN) : -len(END)])))
    if fields.take(len(MAGIC)) != MAGIC or fields.number() != 1:
        raise _RefusedError("it is not an SSH signature of version 1")
    key, namespace, reserved, hash_name, signature = (fields.field() for _ in range(5))
    fields.end()
    if reserved:
        raise _RefusedError("its reserved field is not empty, so it says something this program does not know")
    if hash_name not in (b"sha256", b"sha512"):
        raise _RefusedError(f"its hash is {shown(hash_name.decode(errors='replace'))}, expected sha256 or sha512")
    inner = _Fields(signature)
    algorithm, value = inner.field(), inner.field()
    inner.end()
    return _Signature(key, namespace, hash_name.decode(), algorithm, value)


def _verify(found: _Signature, signed: bytes) -> None:
    key = _public_key(found.key)
    try:
        match key, found.algorithm:
            case Ed25519PublicKey(), b"ssh-ed25519":
                key.verify(found.value, signed)
            case RSAPublicKey(), b"rsa-sha2-256":
                key.verify(found.value, signed, PKCS1v15(), SHA256())
            case RSAPublicKey(), b"rsa-sha2-512":
                key.verify(found.value, signed, PKCS1v15(), SHA512())
            case _:
                algorithm = shown(found.algorithm.decode(errors="replace"))
                raise _RefusedError(
                    f"it is one of algorithm {algorithm}, expected ssh-ed25519, rsa-sha2-256 or rsa-sha2-512"
                )
    except InvalidSignature:
        raise _RefusedError(
            "it does not fit: something else was signed (another plan, comment, VLAN or name), or it was changed"
        ) from None


def _public_key(blob: bytes) -> object:
    kind = _Fields(blob).field().decode(errors="replace")
    if kind not in KEY_TYPES:
        raise _RefusedError(f"its key is of type {shown(kind)}, expected {' or '.join(KEY_TYPES)}")
    try:
        key = load_ssh_public_key(f"{kind} ".encode() + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm):
        raise _RefusedError(f"its key is no key of type {kind}") from None
    if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
        raise _RefusedError(f"its RSA key has {key.key_size} bits, expected {RSA_BITS[0]} to {RSA_BITS[-1]}")
    return key


def _allow(key: bytes, namespace: str, principal: str, allowed_signers: str, at: str) -> None:
    """Passes where a line allows the key; otherwise the reason nearest to a pass is raised."""
    refusals = []
    for signer in _signers(allowed_signers):
        if not _matches(principal, signer.principals):
            continue
        refusal = _refusal_of_line(signer, key, namespace, at)
        if refusal is None:
            return
        # Of another key's line there is nothing to say, unless that line could never allow one.
        if signer.key == key or "cert-authority" in signer.options:
            refusals.append(f"{signer.where}: {refusal}")
    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    why = f" ({'; '.join(refusals[:3])})" if refusals else ""
    raise _RefusedError(
        f"its key SHA256:{fingerprint} is not allowed for {shown(principal)} in the allowed-signers file{why}:"
        " sign with the key that is listed there, or have yours listed"
    )


def _refusal_of_line(signer: _Signer, key: bytes, namespace: str, at: str) -> str | None:
    options = signer.options
    if "cert-authority" in options:
        return "cert-authority is not supported: list each approver's own key"
    if signer.key != key:
        return "another key"
    if "namespaces" in options and not _matches(namespace, options["namespaces"]):
        return f"only for namespaces {shown(options['namespaces'])}"
    if "valid-after" in options and at < _padded(options["valid-after"]):
        return f"valid only after {options['valid-after']}"
    if "valid-before" in options and at > _padded(options["valid-before"]):
        return f"valid only before {options['valid-before']}"
    return None


def _signers(text: str) -> Iterator[_Signer]:
    """The lines of the file. One that cannot be read spoils it, as it does for OpenSSH."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        where = f"line {number} of the allowed-signers file"
        try:
            yield _signer(stripped, where)
        except _RefusedError as refused:
            raise _RefusedError(f"{where} cannot be read: {refused}") from None


def _signer(line: str, where: str) -> _Signer:
    quoted = re.match(r'"([^"]*)"[ \t]+|([^" \t]+)[ \t]+', line)
    if not quoted:
        raise _RefusedError("expected principals, options and a public key")
    rest, options = line[quoted.end() :], {}
    # Options stand before the key's type, as in authorized_keys, and hold no blanks outside their quotes.
    if not re.match(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+[ \t]", rest, re.ASCII):
        span = re.match(r'(?:"(?:\\"|[^"])*"|[^" \t])+(?=[ \t])', rest)
        options, rest = _options(span.group() if span else rest), rest[span.end() if span else 0 :].lstrip(" \t")
    words = rest.split(None, 2)
    if len(words) < 2:
        raise _RefusedError("expected the key's type and the key, e.g. ssh-ed25519 AAAA...")
    blob = _decoded(words[1])
    if _Fields(blob).field() != words[0].encode():
        raise _RefusedError(f"its key is not of the type it says, {shown(words[0])}")
    return _Signer(where, quoted.group(1) or quoted.group(2) or "", options, words[0], blob)


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = text
    while rest:
        found = re.match(r'(cert-authority|(namespaces|valid-after|valid-before)="((?:\\"|[^"])*)")(,|$)', rest, re.I)
        if not found:
            raise _RefusedError(f"{shown(rest)} is no option of it")
        name = (found.group(2) or found.group(1)).lower()
        value = (found.group(3) or "").replace('\\"', '"')
        if name in options:
            raise _RefusedError(f"{name} stands there twice")
        if name.startswith("valid-") and not _VALIDITY.fullmatch(value):
            raise _RefusedError(
                f"{name} is {shown(value)}, expected UTC with a Z at its end, e.g. 20270101Z or 202701011200Z,"
                " because local time is not the same on every worker"
            )
        options[name] = value
        rest = rest[found.end() :]
    return options


def _matches(name: str, patterns: str) -> bool:
    """Whether a list of patterns matches, as ssh_config(5) says in PATTERNS: `*`, `?`, and `!` before what must not."""
    good = False
    for pattern in patterns.split(","):
        bare = pattern.removeprefix("!")
        if fnmatchcase(name, bare.replace("[", "[[]")):
            if pattern != bare:
                return False
            good = True
    return good


def _moment(at: str) -> str:
    found = _MOMENT.fullmatch(at)
    if not found:
        raise _RefusedError(f"the time of the decision is {shown(at)}, expected ISO 8601 in UTC")
    return "".join(found.groups())


def _padded(validity: str) -> str:
    return validity.rstrip("zZ").ljust(14, "0")


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _RefusedError("it is no base64") from None
    # Python lets the unused bits of the last letter be anything.
    if base64.b64encode(data).decode() != text:
        raise _RefusedError("it is no base64")
    return data


class _Fields:
    """RFC 4251 section 5: numbers of four bytes, and strings after their length."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, length: int) -> bytes:
        if length > len(self._data):
            raise _RefusedError("it is cut off")
        taken, self._data = self._data[:length], self._data[length:]
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def field(self) -> bytes:
        return self.take(self.number())

    def end(self) -> None:
        if self._data:
            raise _RefusedError("something stands after its end")
