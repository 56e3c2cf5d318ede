"""A port that is ours before its server listens there, and while the server is down."""

import socket

import pytest

from lab.errors import LabError
from lab.ports import HOST, reserve


def test_a_server_listens_at_a_reserved_port_and_again_after_its_end() -> None:
    port = reserve()
    try:
        for _ in range(2):
            with socket.create_server((HOST, port.number)), socket.create_connection((HOST, port.number)):
                pass
    finally:
        port.release()


def test_nobody_who_asks_for_a_free_port_gets_a_reserved_one() -> None:
    ports = [reserve() for _ in range(300)]
    try:
        numbers = {port.number for port in ports}
        assert len(numbers) == len(ports)
        for number in numbers:
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind((HOST, number))
    finally:
        for port in ports:
            port.release()


def test_a_port_somebody_listens_at_is_refused_by_number() -> None:
    with socket.create_server((HOST, 0)) as listening:
        number = listening.getsockname()[1]
        with pytest.raises(LabError, match=f"port {number} on {HOST} cannot be used .*in use"):
            reserve(number)


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(LabError, match="port 70000 on"):
        reserve(70_000)
