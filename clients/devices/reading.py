"""The state of a switch, read over a session: every VLAN, and the trunks in question."""

from collections.abc import Iterable

from clients.devices.dialect import Carried, Dialect, NoTrunkError, State, UnreadableError, port_word
from clients.devices.session import Session
from clients.errors import UnavailableError


def read_state(session: Session, dialect: Dialect, ports: Iterable[str]) -> State:
    """What is configured now. Raises UnavailableError for an answer that is not understood."""
    reading = dialect.reading
    trunks: dict[str, Carried] = {}
    no_trunks: dict[str, str] = {}
    try:
        listed = session.read(reading.vlans)
        if words := session.error_in(listed):
            raise UnreadableError(f"`{reading.vlans}` was answered with {words}")
        vlans = reading.parse_vlans(listed)
        for port in ports:
            output = session.read(reading.port.format(port=port_word(dialect, port)))
            try:
                if words := session.error_in(output):
                    raise NoTrunkError(f"the switch has no such port ({words})")
                trunks[port] = reading.parse_port(output, port, vlans.names)
            except NoTrunkError as error:
                no_trunks[port] = str(error)
    except UnreadableError as error:
        raise UnavailableError(
            f"{session.where}: its answer is not understood, so nothing is changed: {error}: is it really {dialect.platform}?"
        ) from error
    carried = frozenset[int]().union(*(numbers for numbers in trunks.values() if numbers is not None))
    return State(vlans.names, trunks, no_trunks, vlans.nameless - carried)
