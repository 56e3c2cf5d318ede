"""Changes on a device with a candidate: staged together, looked at, in effect for a while, read back, then confirmed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from re import Pattern
from secrets import token_hex

from clients.devices.command_line import Candidate
from clients.devices.session import RejectedLineError, Session
from clients.devices.spans import spanning
from clients.devices.steps import Step, lines_of
from clients.devices.subject import RequestT, StateT
from clients.devices.tally import Tally
from clients.errors import UnavailableError
from tenancy.mistakes import shown


class _NotCommittedError(Exception):
    """The candidate as a whole did not go in, and is gone; with the error of a line, or None where it had no effect."""

    def __init__(self, error: RejectedLineError | None) -> None:
        super().__init__()
        self.error = error


class _NotStagedError(Exception):
    """A line of a request was rejected; the candidate is gone."""

    def __init__(self, request: str, error: RejectedLineError) -> None:
        super().__init__()
        self.request = request
        self.error = error


def clear_stale(session: Session, candidate: Candidate) -> None:
    """Take away what a session of ours left behind when its worker died.

    Raises UnavailableError where a commit still waits to be confirmed and goes back by itself.
    """
    if candidate.stale is None or not (found := list(candidate.stale_ours.finditer(session.read(candidate.stale)))):
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
    candidate: Candidate,
    state: StateT,
    requests: Sequence[RequestT],
    tally: Tally[StateT, RequestT],
) -> StateT:
    """Carry out the requests, together where that works; returns the state as read back. Refusals are in the tally."""
    groups = tally.groups(requests)
    while groups:
        group, *groups = groups
        planned = tally.planned(state, group)
        if not planned:
            continue
        before = state
        try:
            state = _commit(session, _named(candidate), planned, tally)
        except _NotStagedError as error:
            rejected = next(request for request in group if request.id == error.request)
            tally.reject(rejected, error.error)
            groups.insert(0, [request for request in group if request is not rejected])
        except _NotCommittedError as error:
            state = tally.subject.read()
            if len(planned) > 1:
                # Whose line it was is not said; alone, each tells.
                groups = [[request] for request, _ in planned] + groups
            elif error.error is not None:
                tally.reject(planned[0][0], error.error)
            else:
                tally.without_effect(planned[0][0], lines_of(planned[0][1]))
                if left := tally.subject.differences(before, state, planned[0][0]):
                    tally.left_behind(planned[0][0], ", ".join(left))
    return state


def _commit(
    session: Session,
    candidate: Candidate,
    planned: Sequence[tuple[RequestT, tuple[Step, ...]]],
    tally: Tally[StateT, RequestT],
) -> StateT:
    _open(session, candidate)
    for request, steps in planned:
        for line in lines_of(steps):
            try:
                session.change(line)
            except RejectedLineError as error:
                _discard(session, candidate)
                raise _NotStagedError(request.id, error) from error
    requests = [request for request, _ in planned]
    _only_ours(session, candidate, requests, tally)
    if candidate.check is not None and candidate.checked is not None:
        _expect(session, candidate, candidate.check, candidate.checked)
    _expect(session, candidate, candidate.commit, candidate.committed)
    if candidate.close is not None:
        _once_in_effect(session, candidate, (candidate.close,))
    with spanning("verify"):
        state = tally.subject.read()
    if any(tally.lacking(state, request) for request in requests):
        _once_in_effect(session, candidate, candidate.revert)
        raise _NotCommittedError(None)
    output = _once_in_effect(session, candidate, candidate.confirm)
    if not candidate.confirmed.search(output):
        raise UnavailableError(
            f"{session.where}: the commit was not confirmed ({shown(output.strip())}), and goes back by itself: the next try "
            "reads what there is"
        )
    if candidate.stale is not None and (left := candidate.stale_ours.search(session.read(candidate.stale))):
        raise UnavailableError(
            f"{session.where}: the commit still waits to be confirmed ({shown(left[0])}), and goes back by itself: the next "
            "try reads what there is"
        )
    for request, steps in planned:
        tally.note(request, lines_of(steps))
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


def _only_ours(
    session: Session, candidate: Candidate, requests: Sequence[RequestT], tally: Tally[StateT, RequestT]
) -> None:
    """A commit takes all that is staged with it: what is not ours is not committed, nor is half of what is ours.

    Raises UnavailableError, or _NotCommittedError where a line was taken and staged nothing.
    """
    diff = session.read(candidate.diff)
    if (foreign := tally.subject.foreign(diff, requests)) is not None:
        _discard(session, candidate)
        raise UnavailableError(
            f"{session.where}: somebody else changes the configuration at this moment ({foreign} would be committed with "
            "ours): nothing was committed, the next try sees whether they are done"
        )
    staged = tally.subject.staged(diff)
    if staged is not None and any(tally.lacking(staged, request) for request in requests):
        _discard(session, candidate)
        raise _NotCommittedError(None)


def _expect(session: Session, candidate: Candidate, line: str, success: Pattern[str]) -> None:
    try:
        output = session.change(line, seconds=candidate.seconds)
        error = None if success.search(output) else RejectedLineError(line, shown(output.strip()))
    except RejectedLineError as rejected:
        error = rejected
    if error is None:
        return
    _discard(session, candidate)
    if candidate.busy.search(error.words) or _somebody_waits(session, candidate):
        raise UnavailableError(
            f"{session.where}: {line!r} was answered with {error.words}: somebody else is at work on the configuration; the "
            "next try sees whether they are done"
        )
    if candidate.ailing.search(error.words):
        raise UnavailableError(
            f"{session.where}: {line!r} was answered with {error.words}: nothing was committed, and it is no fault of the "
            "request; see whether its flash is full or write-protected"
        )
    raise _NotCommittedError(error)


def _somebody_waits(session: Session, candidate: Candidate) -> bool:
    """Whether a commit of somebody else's waits to be confirmed; no other goes in before that."""
    return candidate.stale is not None and candidate.waiting.search(session.read(candidate.stale)) is not None


def _once_in_effect(session: Session, candidate: Candidate, lines: Sequence[str]) -> str:
    """What the device answers to lines after the commit.

    Raises UnavailableError for one that is rejected: what was committed is in effect all the same.
    """
    output = ""
    for line in lines:
        try:
            output += session.change(line, seconds=candidate.seconds)
        except RejectedLineError as error:
            left = "goes back by itself unless it was confirmed" if candidate.confirm else "is in effect, and not saved"
            raise UnavailableError(
                f"{session.where}: {line!r} was answered with {error.words}: the commit before {left}: the next try reads what "
                "there is"
            ) from error
    return output


def _discard(session: Session, candidate: Candidate) -> None:
    for line in candidate.discard:
        with suppress(RejectedLineError):  # it closes in any case; what is there is read afterwards
            session.change(line)
