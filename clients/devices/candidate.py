"""Changes on a switch with a candidate: staged together, looked at, in effect for a while, read back, then confirmed."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from re import Pattern
from secrets import token_hex

from clients.devices.changes import Step, after
from clients.devices.dialect import Candidate, Dialect, State, UnreadableError
from clients.devices.reading import read_state
from clients.devices.session import RejectedLineError, Session
from clients.devices.tally import Tally, lasting
from clients.errors import UnavailableError
from tenancy.devices import DeviceRequest
from tenancy.mistakes import shown
from tenancy.vlans import as_ranges


class _NotCommittedError(Exception):
    """The candidate as a whole did not go in, and is gone; with the error of a line, or None where it had no effect."""

    def __init__(self, error: RejectedLineError | None) -> None:
        super().__init__()
        self.error = error


class _NotStagedError(Exception):
    def __init__(self, request: DeviceRequest, error: RejectedLineError) -> None:
        super().__init__()
        self.request = request
        self.error = error


def clear_stale(session: Session, candidate: Candidate) -> None:
    """Take away what a session of ours left behind when its worker died.

    Raises UnavailableError where a commit still waits to be confirmed and goes back by itself.
    """
    left = session.read(candidate.stale)
    found = list(candidate.stale_ours.finditer(left))
    if not found:
        return
    if not candidate.clear:
        raise UnavailableError(
            f"{session.where}: a commit waits to be confirmed, and goes back by itself in {candidate.seconds:g} s at the "
            "most: the next try comes after that",
            retry_after=candidate.seconds,
        )
    for one in found:
        for line in candidate.clear:
            with suppress(RejectedLineError):  # whether it worked is looked at
                session.change(line.format(session=one[1]))
    if candidate.stale_ours.search(session.read(candidate.stale)):
        raise UnavailableError(
            f"{session.where}: a session that an earlier worker left behind cannot be taken away yet"
        )


def apply(
    session: Session,
    dialect: Dialect,
    state: State,
    requests: Sequence[DeviceRequest],
    tally: Tally,
    ports: Iterable[str],
) -> State:
    """Carry out the requests, together where that works; returns the state as read back. Refusals are in the tally."""
    ports, groups = list(ports), [list(requests)]
    while groups:
        group, *groups = groups
        planned = _planned(dialect, state, group, tally)
        if not planned:
            continue
        try:
            state = _commit(session, dialect, planned, tally, ports)
        except _NotStagedError as error:
            tally.reject(error.request, error.error)
            groups.insert(0, [request for request in group if request.id != error.request.id])
        except _NotCommittedError as error:
            state = read_state(session, dialect, ports)
            if len(planned) > 1:
                # Whose line it was is not said; alone, each tells.
                groups = [[request] for request, _ in planned] + groups
            elif error.error is not None:
                tally.reject(planned[0][0], error.error)
            else:
                tally.without_effect(planned[0][0], [line for step in planned[0][1] for line in step.lines])
    return state


def _planned(
    dialect: Dialect, state: State, requests: Sequence[DeviceRequest], tally: Tally
) -> list[tuple[DeviceRequest, tuple[Step, ...]]]:
    planned, model = [], state
    for request in requests:
        steps = tally.steps(dialect, model, request)
        if request.id not in tally.refused:
            model = after(model, request)
        if steps:
            planned.append((request, steps))
    return planned


def _commit(
    session: Session,
    dialect: Dialect,
    planned: Sequence[tuple[DeviceRequest, tuple[Step, ...]]],
    tally: Tally,
    ports: Sequence[str],
) -> State:
    assert dialect.candidate is not None  # noqa: S101 - for mypy; the caller asked
    candidate = _named(dialect.candidate)
    _open(session, candidate)
    for request, steps in planned:
        for step in steps:
            for line in step.lines:
                try:
                    session.change(line)
                except RejectedLineError as error:
                    _discard(session, candidate)
                    raise _NotStagedError(request, error) from error
    _only_ours(session, candidate, frozenset(request.vlan or 0 for request, _ in planned))
    if candidate.check is not None and candidate.checked is not None:
        _expect(session, candidate, candidate.check, candidate.checked)
    _expect(session, candidate, candidate.commit, candidate.committed)
    if candidate.close is not None:
        session.change(candidate.close)
    state = read_state(session, dialect, ports)
    requests = [request for request, _ in planned]
    if any(tally.lacking(dialect, state, request) for request in lasting(requests)):
        for line in candidate.revert:
            session.change(line, seconds=candidate.seconds)
        raise _NotCommittedError(None)
    output = ""
    for line in candidate.confirm:
        output += session.change(line, seconds=candidate.seconds)
    if not candidate.confirmed.search(output):
        raise UnavailableError(
            f"{session.where}: the commit was not confirmed ({shown(output.strip())}), and goes back by itself: the next try "
            "reads what there is"
        )
    if (left := candidate.stale_ours.search(session.read(candidate.stale))) is not None:
        raise UnavailableError(
            f"{session.where}: the commit still waits to be confirmed ({shown(left[0])}), and goes back by itself: the next "
            "try reads what there is"
        )
    for request, steps in planned:
        tally.note(request, [line for step in steps for line in step.lines])
    return state


def _named(candidate: Candidate) -> Candidate:
    """The candidate's lines with a session name that nobody used before."""
    name = f"berth-{token_hex(4)}"

    def with_name(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.format(session=name) for line in lines)

    return replace(
        candidate,
        open=candidate.open.format(session=name),
        confirm=with_name(candidate.confirm),
        revert=with_name(candidate.revert),
    )


def _open(session: Session, candidate: Candidate) -> None:
    try:
        output = session.change(candidate.open)
        problem = (
            None if candidate.opened.search(output) and not candidate.busy.search(output) else shown(output.strip())
        )
    except RejectedLineError as error:
        problem = error.words
    if problem is not None:
        raise UnavailableError(
            f"{session.where}: {candidate.open!r} was answered with {problem}: somebody else is at work on the configuration; "
            "the next try sees whether they are done"
        )


def _only_ours(session: Session, candidate: Candidate, vlans: frozenset[int]) -> None:
    """A commit takes all that is staged with it; what is not ours is not committed."""
    diff = session.read(candidate.diff)
    if (foreign := _foreign(candidate, diff, vlans)) is not None:
        _discard(session, candidate)
        raise UnavailableError(
            f"{session.where}: somebody else changes the configuration at this moment ({foreign} would be committed with "
            "ours): nothing was committed, the next try sees whether they are done"
        )


def _foreign(candidate: Candidate, diff: str, vlans: frozenset[int]) -> str | None:
    for line in diff.split("\n"):
        changed = line.strip("\r ")
        if changed[:1] in ("+", "-") and not candidate.own_diff.fullmatch(changed):
            return shown(changed)
    if candidate.changed_vlans is None:
        return None
    try:
        others = candidate.changed_vlans(diff) - vlans
    except UnreadableError as error:
        return str(error)
    return f"a change of VLAN {as_ranges(others)}" if others else None


def _expect(session: Session, candidate: Candidate, line: str, success: Pattern[str]) -> None:
    try:
        output = session.change(line, seconds=candidate.seconds)
        error = None if success.search(output) else RejectedLineError(line, shown(output.strip()))
    except RejectedLineError as rejected:
        error = rejected
    if error is not None:
        _discard(session, candidate)
        raise _NotCommittedError(error)


def _discard(session: Session, candidate: Candidate) -> None:
    for line in candidate.discard:
        with suppress(RejectedLineError):  # it closes in any case; what is there is read afterwards
            session.change(line)
