"""One session's work: read once, carry out each request, read back, save once, and answer each request for itself."""

from collections.abc import Sequence

from clients.devices import candidate, line_by_line
from clients.devices.changes import Step, by_hand, survey, to_ensure, verify, verify_absent
from clients.devices.dialect import Dialect, Saving, State
from clients.devices.reading import read_state
from clients.devices.session import RejectedLineError, Session
from clients.devices.tally import Tally
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome, DeviceRequest


def carry_out(
    session: Session, dialect: Dialect, switch: str, requests: Sequence[DeviceRequest]
) -> list[DeviceOutcome]:
    """The outcomes, in the order of the requests.

    Raises UnavailableError where the outcome is unknown or not saved, and RefusedError where the switch refuses the login
    what it needs; asking again for all of it is always right.
    """
    ports = list(dict.fromkeys(port for request in requests for port in request.trunks))
    if dialect.candidate is not None:
        candidate.clear_stale(session, dialect.candidate)
    state = read_state(session, dialect, ports)
    tally = Tally(switch, session.where)
    changing = [request for request in requests if request.action in ("ensure", "absent")]
    if dialect.candidate is not None:
        state = candidate.apply(session, dialect, state, changing, tally, ports)
    else:
        state = line_by_line.apply(session, dialect, state, changing, tally, ports)
    # Also where nothing was missing: an earlier try may have died between its last line and the save.
    if dialect.saving is not None and any(request.id not in tally.refused for request in changing):
        _save(session, dialect.saving)
    return [_answer(dialect, state, request, tally) for request in requests]


def _answer(dialect: Dialect, state: State, request: DeviceRequest, tally: Tally) -> DeviceOutcome:
    refused = tally.refused.get(request.id)
    lines = tally.sent.get(request.id, ())
    told = None
    try:
        if refused is not None:
            raise refused
        match request.action:
            case "survey":
                told = survey(state, request, tally.where)
            case "preview":
                lines = lines_of(to_ensure(dialect, state, request, tally.switch, tally.where))
            case "preview-by-hand":
                lines = lines_of(by_hand(dialect, state, request, tally.where))
            case "verify":
                verify(dialect, state, request, tally.where)
            case "verify-absent":
                verify_absent(dialect, state, request, tally.where)
            case "ensure" | "absent":
                pass
    except RefusedError as error:
        return DeviceOutcome(id=request.id, result="refused", reason=error.reason, message=str(error), lines=lines)
    return DeviceOutcome(id=request.id, result="done", lines=lines, survey=told)


def lines_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """All the lines, in order."""
    return tuple(line for step in steps for line in step.lines)


def _save(session: Session, saving: Saving) -> None:
    try:
        output = session.change(saving.command, seconds=saving.seconds, questions=saving.questions)
        problem = None if saving.success.search(output) else "it did not say that it saved"
    except RejectedLineError as error:
        problem = f"it answered {error.words}"
    if problem is not None:
        raise UnavailableError(
            f"{session.where}: `{saving.command}` failed, {problem}: what runs is right, and would be lost in a restart; see "
            "whether its flash is full or write-protected"
        )
