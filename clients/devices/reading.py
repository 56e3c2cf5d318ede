"""The state of a switch, read over a session: every VLAN, and the trunks in question."""

from collections.abc import Iterable

from clients.devices.command_line import CommandLine, UnreadableError
from clients.devices.dialect import Carried, Dialect, NoTrunkError, State, port_word
from clients.devices.session import Session
from clients.errors import RefusedError, UnavailableError


def read_state(session: Session, dialect: Dialect, ports: Iterable[str]) -> State:
    """What is configured now. Raises UnavailableError for an answer that is not understood."""
    reading = dialect.reading
    trunks: dict[str, Carried] = {}
    no_trunks: dict[str, str] = {}
    try:
        listed = session.read(reading.vlans)
        if words := error_in(session, dialect.cli, listed):
            raise UnreadableError(f"`{reading.vlans}` was answered with {words}")
        vlans = reading.parse_vlans(listed)
        for port in ports:
            output = session.read(reading.port.format(port=port_word(dialect, port)))
            try:
                if words := error_in(session, dialect.cli, output):
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


def error_in(session: Session, cli: CommandLine, output: str) -> str | None:
    """As the session tells it. A login that may not read is no port that is missing: raises RefusedError."""
    words = session.error_in(output)
    if words is not None and cli.denied.search(words):
        raise RefusedError(
            f"{session.where}: the login may not read what it has to ({words}): give it the rights there",
            reason="login-refused",
        )
    return words
