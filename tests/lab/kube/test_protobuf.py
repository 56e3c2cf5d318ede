"""The protobuf bodies of kubectl's imperative commands."""

import pytest

from tests.lab.kube.caller import Caller, path_of

HEADERS = {"Content-Type": "application/vnd.kubernetes.protobuf"}


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def _body(kind: bytes, raw: bytes) -> bytes:
    return b"k8s\x00" + _field(1, _field(1, b"v1") + _field(2, kind)) + _field(2, raw) + _field(3, b"") + _field(4, b"")


METADATA = _field(1, _field(1, b"red") + bytes([7 << 3, 0]) + _field(11, _field(1, b"a") + _field(2, b"b")))


async def test_a_namespace_is_created_from_protobuf(caller: Caller) -> None:
    body = _body(b"Namespace", METADATA + _field(2, b"") + _field(3, b""))
    async with caller.http.post(path_of("namespaces"), data=body, headers=HEADERS) as answer:
        assert answer.status == 201
        assert (await answer.json())["metadata"]["labels"]["a"] == "b"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"json", 400),
        (_body(b"Namespace", METADATA)[:-20], 400),
        (_body(b"Namespace", b"\x0a\xff"), 400),
        (_body(b"Deployment", METADATA), 415),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(caller: Caller, body: bytes, status: int) -> None:
    async with caller.http.post(path_of("namespaces"), data=body, headers=HEADERS) as answer:
        assert answer.status == status
        assert (await answer.json())["kind"] == "Status"
