"""TCP ports, on 127.0.0.1 unless said otherwise, chosen by us and kept ours while a server that should listen there is down."""

import socket
import sys
from dataclasses import dataclass

from lab.errors import LabError

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Port:
    """A port that stays reserved until it is released."""

    number: int
    _socket: socket.socket

    def release(self) -> None:
        """Give the port up."""
        self._socket.close()


def reached_at(listen: str) -> str:
    """The address at which this machine itself reaches a server that listens there."""
    return HOST if listen == "0.0.0.0" else listen  # noqa: S104 - nothing is bound here


def still_free(number: int | None, host: str = HOST) -> int | None:
    """The port where it can be had now; None where somebody else has it, or none is given."""
    if number is None:
        return None
    try:
        reserve(number, host).release()
    except LabError:
        return None
    return number


def reserve(number: int | None = None, host: str = HOST) -> Port:
    """The given port of this address, or a free one.

    On Linux the reservation is a socket that is bound and never listens: with SO_REUSEADDR on both sides a server may
    listen there all the same, while the kernel gives the port to nobody who asks for a free one, nor to an outgoing
    connection. So a server can be killed and come back where it was. Elsewhere the port is only known to be free now.

    Raises LabError when something listens on the given port.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if number is not None:
            # Connections of the last server there may linger in TIME_WAIT for a minute: they do not make it taken.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, number or 0))
        # Only now for a free port: set before, two reservations could be given the same one.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except (OSError, OverflowError) as error:
        bound.close()
        raise LabError(
            f"port {number} on {host} cannot be used ({error}): end what listens there, or choose another port"
        ) from error
    port = Port(bound.getsockname()[1], bound)
    if sys.platform != "linux":
        port.release()
    return port
