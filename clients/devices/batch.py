"""One session's work: read once, carry out each request, read back, save once, and answer each request for itself."""

from collections.abc import Sequence

from clients.devices import candidate, line_by_line
from clients.devices.command_line import CommandLine, Saving
from clients.devices.session import RejectedLineError, Session
from clients.devices.spans import spanning
from clients.devices.subject import RequestT, StateT, Subject
from clients.devices.tally import Tally
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome


def carry_out(
    session: Session, cli: CommandLine, subject: Subject[StateT, RequestT], requests: Sequence[RequestT]
) -> list[DeviceOutcome]:
    """The outcomes, in the order of the requests.

    Raises UnavailableError where the outcome is unknown or not saved, and RefusedError where the device refuses the login
    what it needs; asking again for all of it is always right.
    """
    if cli.candidate is not None:
        candidate.clear_stale(session, cli.candidate)
    with spanning("read"):
        state = subject.read()
    tally = Tally(subject, session.where)
    changing = [request for request in requests if subject.changes(request)]
    with spanning("apply", requests=len(changing)):
        if cli.candidate is not None:
            state = candidate.apply(session, cli.candidate, state, changing, tally)
        else:
            state = line_by_line.apply(session, cli, state, changing, tally)
    # Also where nothing was missing: an earlier try may have died between its last line and the save.
    if cli.saving is not None and any(request.id not in tally.refused for request in changing):
        with spanning("save"):
            _save(session, cli.saving)
        if cli.saving.read_again and subject.read() != state:
            raise UnavailableError(
                f"{session.where}: what runs changed while it was saved, so what was saved is not certain: the next try reads "
                "again, and saves again"
            )
    return [_answer(state, request, tally) for request in requests]


def _answer(state: StateT, request: RequestT, tally: Tally[StateT, RequestT]) -> DeviceOutcome:
    sent = tally.sent.get(request.id, ())
    try:
        if (refused := tally.refused.get(request.id)) is not None:
            raise refused
        return tally.subject.answer(state, request, sent)
    except RefusedError as error:
        return DeviceOutcome(id=request.id, result="refused", reason=error.reason, message=str(error), lines=sent)


def _save(session: Session, saving: Saving) -> None:
    enter, leave = saving.inside or (None, None)
    try:
        if enter is not None:
            session.change(enter)
        output = session.change(saving.command, seconds=saving.seconds, questions=saving.questions)
        if saving.proof is not None:
            output = session.read(saving.proof)
        problem = None if saving.success.search(output) else "it did not say that it saved"
    except RejectedLineError as error:
        problem = f"it answered {error.words}"
    if problem is not None:
        raise UnavailableError(
            f"{session.where}: `{saving.command}` failed, {problem}: what runs is right, and would be lost in a restart; see "
            "whether its flash is full or write-protected"
        )
    if leave is not None:
        session.change(leave)
