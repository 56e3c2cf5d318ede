"""Reads the protobuf bodies that `kubectl create` sends for a few built-in kinds; answers are always JSON.

Newer kubectl sends protobuf from its imperative commands (`create namespace`, `auth can-i`); field numbers are those of
k8s.io/api's generated.proto files.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.kube.statuses import bad_request, unsupported_media_type

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message: its JSON name and how its value is read."""

    name: str
    kind: str = "text"
    repeated: bool = False
    message: dict[int, "_Field"] = field(default_factory=dict)


_METADATA = {
    1: _Field("name"),
    2: _Field("generateName"),
    3: _Field("namespace"),
    5: _Field("uid"),
    6: _Field("resourceVersion"),
    11: _Field("labels", "map"),
    12: _Field("annotations", "map"),
    14: _Field("finalizers", repeated=True),
}
_NAME_ONLY = {1: _Field("name")}
_REFERENCE = {3: _Field("name")}
_RESOURCE = {
    1: _Field("namespace"),
    2: _Field("verb"),
    3: _Field("group"),
    4: _Field("version"),
    5: _Field("resource"),
    6: _Field("subresource"),
    7: _Field("name"),
}
_OBJECT = _Field("metadata", "message", message=_METADATA)
_MESSAGES = {
    "Namespace": {1: _OBJECT},
    "ConfigMap": {1: _OBJECT, 2: _Field("data", "map"), 3: _Field("binaryData", "bytes map")},
    "Secret": {1: _OBJECT, 2: _Field("data", "bytes map"), 3: _Field("type"), 4: _Field("stringData", "map")},
    "ServiceAccount": {
        1: _OBJECT,
        2: _Field("secrets", "message", repeated=True, message=_REFERENCE),
        3: _Field("imagePullSecrets", "message", repeated=True, message=_NAME_ONLY),
    },
    "SelfSubjectAccessReview": {
        1: _OBJECT,
        2: _Field("spec", "message", message={1: _Field("resourceAttributes", "message", message=_RESOURCE)}),
    },
}


def decode(body: bytes) -> dict[str, Any]:
    """A body as the object it means. Raises StatusError: 400 when it is broken, 415 for a kind that is not read here."""
    try:
        return _decode(body)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise bad_request(f"the protobuf body is broken: {str(error)[:100]!r}") from error


def _decode(body: bytes) -> dict[str, Any]:
    if not body.startswith(_MAGIC):
        raise ValueError("it does not begin with the magic number of Kubernetes")
    version = kind = ""
    raw = b""
    for number, value in _fields(body[len(_MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            names = {part: text.decode() for part, text in _fields(value) if isinstance(text, bytes)}
            version, kind = names.get(1, ""), names.get(2, "")
        elif number == 2 and isinstance(value, bytes):
            raw = value
    if kind not in _MESSAGES:
        raise unsupported_media_type(f"{MEDIA_TYPE} of kind {kind[:60]}", ["application/json", "application/yaml"])
    return {"apiVersion": version, "kind": kind, **_message(raw, _MESSAGES[kind])}


def _message(raw: bytes, known: dict[int, _Field]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for number, value in _fields(raw):
        spec = known.get(number)
        if spec is None or not isinstance(value, bytes):
            continue
        match spec.kind:
            case "map" | "bytes map":
                entry = {part: text for part, text in _fields(value) if isinstance(text, bytes)}
                text = entry.get(2, b"")
                read = text.decode() if spec.kind == "map" else base64.b64encode(text).decode()
                told.setdefault(spec.name, {})[entry.get(1, b"").decode()] = read
                continue
            case "message":
                decoded: Any = _message(value, spec.message)
            case _:
                decoded = value.decode()
        if spec.repeated:
            told.setdefault(spec.name, []).append(decoded)
        elif decoded != "":
            told[spec.name] = decoded
    return told


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a message on the wire: number and value, bytes for what has a length."""
    position = 0
    while position < len(raw):
        tag, position = _number(raw, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _number(raw, position)
            yield number, value
        elif wire == 2:
            length, position = _number(raw, position)
            if position + length > len(raw):
                raise ValueError("a field is longer than its message")
            yield number, raw[position : position + length]
            position += length
        else:
            position += {1: 8, 5: 4}[wire] if wire in {1, 5} else len(raw)
            yield number, 0


def _number(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
