"""One session's work on a translator: read, change all at once, read back, end flows, save, and answer each request."""

from collections.abc import Sequence

from clients.devices.command_line import UnreadableError
from clients.devices.session import Session
from clients.devices.spans import spanning
from clients.devices.translators.changes import as_asked, edits_of, in_force, translated
from clients.devices.translators.flows import end_all, end_translated
from clients.devices.translators.ruleset import (
    CREATE,
    EMPTY,
    TABLE,
    Edit,
    OtherShapeError,
    State,
    edited,
    has_table,
    read_table,
)
from clients.devices.translators.saving import is_saved, missing, restore, save
from clients.devices.translators.shell import Shell
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome, EdgeRequest

CHANGING = ("translate", "untranslate")


class RejectedError(Exception):
    """nft did not take a transaction, so nothing of it took effect: its words."""


def carry_out(session: Session, word: str, requests: Sequence[EdgeRequest]) -> list[DeviceOutcome]:
    """The outcomes, in the order of the requests. `word` is the session's own.

    Raises UnavailableError where the outcome is unknown or not saved; asking again for all of it is always right.
    """
    return _Batch(Shell(session, word), requests).outcomes()


def gaps(session: Session, word: str) -> list[str]:
    """What keeps Berth from translating there, or from keeping what it would translate; nothing is changed."""
    shell = Shell(session, word)
    if remedies := missing(shell):
        return remedies
    try:
        _Batch(shell, ()).read()
    except OtherShapeError as error:
        return [_foreign(error)]
    return []


def _foreign(error: OtherShapeError) -> str:
    return (
        f"the table {TABLE} is not as Berth makes it: {error}: nothing was changed; see whose it is (`nft list table {TABLE}`),"
        f" then give it another name or `nft delete table {TABLE}`, and Berth makes its own"
    )


class _Batch:
    """What became of the requests so far."""

    def __init__(self, shell: Shell, requests: Sequence[EdgeRequest]) -> None:
        self._shell = shell
        self._requests = requests
        self._refused: dict[str, RefusedError] = {}
        self._edits: dict[str, tuple[Edit, ...]] = {}
        self._sent: dict[str, tuple[str, ...]] = {}
        self._there = False
        """Whether the table is there."""

    def outcomes(self) -> list[DeviceOutcome]:
        self._only_where_it_lasts()
        if self._left(CHANGING) or self._left(("look",)):
            try:
                with spanning("read"):
                    state = self.read()
                if self._left(CHANGING):
                    state = self._change(state)
            except OtherShapeError as error:
                self._refuse(
                    self._requests,
                    _foreign(error),
                    "foreign-translation",
                )
                state = EMPTY
        else:
            state = EMPTY
        return [self._answer(state, request) for request in self._requests]

    def _left(self, actions: Sequence[str]) -> list[EdgeRequest]:
        return [one for one in self._requests if one.action in actions and one.id not in self._refused]

    def _refuse(self, requests: Sequence[EdgeRequest], why: str, reason: str) -> None:
        for request in requests:
            self._refused.setdefault(request.id, RefusedError(f"{self._shell.where}: {why}", reason=reason))

    def _only_where_it_lasts(self) -> None:
        """What would be gone after a restart is not begun, and what cannot be taken out of the file is not taken away."""
        if changing := self._left(CHANGING):
            remedies = missing(self._shell)
            if remedies:
                self._refuse(
                    changing,
                    f"nothing was changed, for it would not outlast a restart: {'; '.join(remedies)}",
                    "rejected",
                )

    def read(self) -> State:
        """What is translated now. Raises OtherShapeError."""
        try:
            self._there = has_table(self._listing("nft -j list tables"))
            return read_table(self._listing(f"nft -j list table {TABLE}")) if self._there else EMPTY
        except UnreadableError as error:
            raise UnavailableError(f"{self._shell.where}: its answer is not understood: {error}") from error

    def _listing(self, command: str) -> str:
        answer = self._shell.read(command)
        if not answer.ok:
            raise self._shell.unclear(command, answer)
        return answer.text

    def _change(self, state: State) -> State:
        if not self._there and restore(self._shell):
            state = self.read()
        # Where it is not, an earlier try may have died before it had ended flows: the file is written after that.
        saved = self._there and is_saved(self._shell)
        with spanning("apply", requests=len(self._left(CHANGING))):
            left = self._apply(state)
        with spanning("verify"):
            state = self.read()
        for request in self._left(CHANGING):
            if not as_asked(state, request, left):
                raise UnavailableError(
                    f"{self._shell.where}: {request.action} for {request.tenant} was taken and is not what is there now: does "
                    f"anybody else change the table {TABLE}? The next try reads what there is"
                )
        for request in self._left(CHANGING):
            self._end_flows(request, state, everything=not saved or bool(self._edits[request.id]))
        if self._there and self._left(CHANGING):
            with spanning("save"):
                save(self._shell)
        return state

    def _apply(self, state: State) -> State:
        """Everything in one transaction; one by one where it is refused. Returns the state that has to be there then."""
        left = self._planned(state)
        try:
            self._transaction(self._left(CHANGING))
        except RejectedError:
            left = state
            for request in self._left(CHANGING):
                try:
                    edits = self._edits[request.id] = edits_of(left, request, self._shell.where)
                    self._transaction([request])
                    left = edited(left, edits)
                except RefusedError as error:
                    self._refused[request.id] = error
                except RejectedError as error:
                    self._refuse(
                        [request],
                        f"{request.action} for {request.tenant} was rejected: {error}: nothing of it was left changed; see what "
                        "nft does not allow",
                        "rejected",
                    )
        return left

    def _planned(self, state: State) -> State:
        for request in self._left(CHANGING):
            try:
                self._edits[request.id] = edits_of(state, request, self._shell.where)
                state = edited(state, self._edits[request.id])
            except RefusedError as error:
                self._refused[request.id] = error
        return state

    def _transaction(self, requests: Sequence[EdgeRequest]) -> None:
        """All of it or nothing, checked first. Raises RejectedError."""
        lines = [edit.line for request in requests for edit in self._edits[request.id]]
        if not lines:
            return
        # Gathered in a variable, since a line has its limit. Nothing has begun by that, and it is lost with the session.
        for command in ("b=", *(f"b=\"$b\"'{line}\\n'" for line in (*([] if self._there else CREATE), *lines))):
            self._shell.read(command)
        for command in ('printf %b "$b" | nft -c -f -', 'printf %b "$b" | nft -f -'):
            answer = self._shell.change(command)
            if not answer.ok:
                raise RejectedError(answer.words)
        self._there = True
        for request in requests:
            self._note(request, [edit.line for edit in self._edits[request.id]])

    def _end_flows(self, request: EdgeRequest, state: State, *, everything: bool) -> None:
        for pair in request.translations:
            if everything:
                self._note(request, end_all(self._shell, pair))
            if request.action == "untranslate" and not translated(state, pair):
                self._note(request, end_translated(self._shell, pair))

    def _note(self, request: EdgeRequest, lines: Sequence[str]) -> None:
        self._sent[request.id] = (*self._sent.get(request.id, ()), *lines)

    def _answer(self, state: State, request: EdgeRequest) -> DeviceOutcome:
        lines = self._sent.get(request.id, ())
        if (error := self._refused.get(request.id)) is not None:
            return DeviceOutcome(id=request.id, result="refused", reason=error.reason, message=str(error), lines=lines)
        if request.action == "look":
            return DeviceOutcome(id=request.id, result="done", in_force=in_force(state, request))
        return DeviceOutcome(id=request.id, result="done", lines=lines)
