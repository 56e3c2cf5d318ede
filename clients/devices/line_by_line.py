"""Changes on a device where each line takes effect at once: a rejected line is answered with the inverse lines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from clients.devices.command_line import CommandLine
from clients.devices.session import RejectedLineError, Session
from clients.devices.spans import spanning
from clients.devices.steps import Step, lines_of
from clients.devices.subject import RequestT, StateT
from clients.devices.tally import Tally
from clients.errors import UnavailableError

TRIES = 2
"""A line may be lost where somebody else configures at the same moment; twice in a row it is refused."""


def apply(
    session: Session,
    cli: CommandLine,
    state: StateT,
    requests: Sequence[RequestT],
    tally: Tally[StateT, RequestT],
) -> StateT:
    """Carry out the requests, each for itself; returns the state as read back. Refusals are in the tally."""
    for group in tally.groups(requests):
        state = _together(session, cli, state, group, tally)
    return state


def _together(
    session: Session,
    cli: CommandLine,
    state: StateT,
    requests: Sequence[RequestT],
    tally: Tally[StateT, RequestT],
) -> StateT:
    first, done = state, dict[str, list[Step]]()
    open_requests = list(requests)
    for _ in range(TRIES):
        if not _pass(session, cli, state, open_requests, tally, done):
            break
        with spanning("verify"):
            state = tally.subject.read()
        open_requests = [
            request for request in open_requests if request.id not in tally.refused and tally.lacking(state, request)
        ]
        if not open_requests:
            break
    else:
        state = _give_up(session, cli, open_requests, tally, done)
    for request in requests:
        if request.id not in done or request.id not in tally.refused:
            continue
        if left := tally.subject.differences(first, state, request):
            tally.left_behind(request, ", ".join(left))
    return state


def _pass(
    session: Session,
    cli: CommandLine,
    state: StateT,
    requests: Sequence[RequestT],
    tally: Tally[StateT, RequestT],
    done: dict[str, list[Step]],
) -> bool:
    """Send what is missing; whether anything was sent."""
    planned = tally.planned(state, requests)
    if not planned:
        return False
    with _configuring(session, cli):
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
                _to_the_top(session, cli)
                _take_back(session, cli, begun)
    return True


def _give_up(
    session: Session,
    cli: CommandLine,
    requests: Sequence[RequestT],
    tally: Tally[StateT, RequestT],
    done: dict[str, list[Step]],
) -> StateT:
    with _configuring(session, cli):
        for request in requests:
            steps = done.get(request.id, [])
            tally.without_effect(request, lines_of(steps))
            _take_back(session, cli, steps)
    return tally.subject.read()


def _take_back(session: Session, cli: CommandLine, steps: Sequence[Step]) -> None:
    """The inverse lines, last step first. Reading back tells whether they worked."""
    for step in reversed(steps):
        for line in step.inverse:
            try:
                session.change(line)
            except RejectedLineError:
                _to_the_top(session, cli)
                break


@contextmanager
def _configuring(session: Session, cli: CommandLine) -> Iterator[None]:
    _enter(session, cli)
    yield
    # Only where all went well: after a lost line the session is thrown away, and nothing more may be sent.
    _end(session, cli)


def _enter(session: Session, cli: CommandLine) -> None:
    if cli.enter is None:
        return
    try:
        output = session.change(cli.enter)
    except RejectedLineError as error:
        raise UnavailableError(
            f"{session.where}: {cli.enter!r} was answered with {error.words}: does somebody else hold the configuration?"
        ) from error
    if "locked" in output.lower():
        raise UnavailableError(f"{session.where}: somebody else has locked the configuration: the next try sees")


def _end(session: Session, cli: CommandLine) -> None:
    if cli.end is not None:
        with suppress(RejectedLineError):  # said about a line before, which is read back
            session.change(cli.end)


def _to_the_top(session: Session, cli: CommandLine) -> None:
    """Out of whatever mode a rejected line left the session in."""
    _end(session, cli)
    _enter(session, cli)
