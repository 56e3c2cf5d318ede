"""Changes on a switch where each line takes effect at once: a rejected line is answered with the inverse lines."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from clients.devices.changes import Step, after
from clients.devices.dialect import Dialect, State
from clients.devices.reading import read_state
from clients.devices.session import RejectedLineError, Session
from clients.devices.tally import Tally, differences
from clients.errors import UnavailableError
from tenancy.devices import DeviceRequest

TRIES = 2
"""A line may be lost where somebody else configures at the same moment; twice in a row it is refused."""


def apply(
    session: Session,
    dialect: Dialect,
    state: State,
    requests: Sequence[DeviceRequest],
    tally: Tally,
    ports: Iterable[str],
) -> State:
    """Carry out the requests, each for itself; returns the state as read back. Refusals are in the tally."""
    ports = list(ports)
    for group in _one_of_a_vlan(requests):
        state = _together(session, dialect, state, group, tally, ports)
    return state


def _one_of_a_vlan(requests: Sequence[DeviceRequest]) -> list[list[DeviceRequest]]:
    """The requests, in their order, in groups without two about one VLAN.

    What the first left there is read before a line of the second is sent; else a VLAN that could not be taken away from
    one tenant would be named for the next.
    """
    groups: list[list[DeviceRequest]] = [[]]
    for request in requests:
        if any(request.vlan == earlier.vlan for earlier in groups[-1]):
            groups.append([])
        groups[-1].append(request)
    return groups


def _together(
    session: Session,
    dialect: Dialect,
    state: State,
    requests: Sequence[DeviceRequest],
    tally: Tally,
    ports: Sequence[str],
) -> State:
    first, done = state, dict[str, list[Step]]()
    open_requests = list(requests)
    for _ in range(TRIES):
        if not _pass(session, dialect, state, open_requests, tally, done):
            break
        state = read_state(session, dialect, ports)
        open_requests = [
            request
            for request in open_requests
            if request.id not in tally.refused and tally.lacking(dialect, state, request)
        ]
        if not open_requests:
            break
    else:
        state = _give_up(session, dialect, open_requests, tally, done, ports)
    for request in requests:
        if request.id in done and request.id in tally.refused and (left := differences(first, state, request)):
            tally.left_behind(request, ", ".join(left))
    return state


def _pass(
    session: Session,
    dialect: Dialect,
    state: State,
    requests: Sequence[DeviceRequest],
    tally: Tally,
    done: dict[str, list[Step]],
) -> bool:
    """Send what is missing; whether anything was sent."""
    planned, model = [], state
    for request in requests:
        steps = tally.steps(dialect, model, request)
        if request.id not in tally.refused:
            model = after(model, request)
        if steps:
            planned.append((request, steps))
    if not planned:
        return False
    with _configuring(session, dialect):
        for request, steps in planned:
            begun = done.setdefault(request.id, [])
            try:
                for step in steps:
                    begun.append(step)
                    for line in step.lines:
                        tally.note(request, [line])
                        session.change(line)
            except RejectedLineError as error:
                tally.reject(request, error)
                _to_the_top(session, dialect)
                _take_back(session, dialect, begun)
    return True


def _give_up(
    session: Session,
    dialect: Dialect,
    requests: Sequence[DeviceRequest],
    tally: Tally,
    done: dict[str, list[Step]],
    ports: Sequence[str],
) -> State:
    with _configuring(session, dialect):
        for request in requests:
            steps = done.get(request.id, [])
            tally.without_effect(request, [line for step in steps for line in step.lines])
            _take_back(session, dialect, steps)
    return read_state(session, dialect, ports)


def _take_back(session: Session, dialect: Dialect, steps: Sequence[Step]) -> None:
    """The inverse lines, last step first. Reading back tells whether they worked."""
    for step in reversed(steps):
        for line in step.inverse:
            try:
                session.change(line)
            except RejectedLineError:
                _to_the_top(session, dialect)
                break


@contextmanager
def _configuring(session: Session, dialect: Dialect) -> Iterator[None]:
    _enter(session, dialect)
    yield
    # Only where all went well: after a lost line the session is thrown away, and nothing more may be sent.
    _end(session, dialect)


def _enter(session: Session, dialect: Dialect) -> None:
    if dialect.enter is None:
        return
    try:
        output = session.change(dialect.enter)
    except RejectedLineError as error:
        raise UnavailableError(
            f"{session.where}: {dialect.enter!r} was answered with {error.words}: does somebody else hold the configuration?"
        ) from error
    if "locked" in output.lower():
        raise UnavailableError(f"{session.where}: somebody else has locked the configuration: the next try sees")


def _end(session: Session, dialect: Dialect) -> None:
    if dialect.end is not None:
        with suppress(RejectedLineError):  # said about a line before, which is read back
            session.change(dialect.end)


def _to_the_top(session: Session, dialect: Dialect) -> None:
    """Out of whatever mode a rejected line left the session in."""
    _end(session, dialect)
    _enter(session, dialect)
