"""What became of the requests of one batch so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from clients.devices.session import RejectedLineError
from clients.devices.steps import Step
from clients.devices.subject import RequestT, StateT, Subject
from clients.errors import RefusedError


@dataclass
class Tally(Generic[StateT, RequestT]):
    """Refusals and lines sent, by the request's ID."""

    subject: Subject[StateT, RequestT]
    where: str
    refused: dict[str, RefusedError] = field(default_factory=dict)
    sent: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def planned(self, state: StateT, requests: Sequence[RequestT]) -> list[tuple[RequestT, tuple[Step, ...]]]:
        """Those that need something from this state on, each as if those before it had taken effect.

        One that is refused is noted.
        """
        found, model = [], state
        for request in requests:
            try:
                steps = self.subject.needs(model, request)
                self.subject.allowed(request, steps)
            except RefusedError as error:
                self.refused[request.id] = error
                continue
            model = self.subject.after(model, request)
            if steps:
                found.append((request, steps))
        return found

    def lacking(self, state: StateT, request: RequestT) -> bool:
        """Whether the request would still need something from this state on, or be refused there."""
        try:
            return bool(self.subject.needs(state, request))
        except RefusedError:
            return True

    def groups(self, requests: Sequence[RequestT]) -> list[list[RequestT]]:
        """The requests, in their order, in groups without two about the same thing.

        What the first left there is read before a line of the second is sent; else what could not be taken away from one
        tenant would be given to the next.
        """
        groups: list[list[RequestT]] = [[]]
        for request in requests:
            if any(self.subject.meet(request, earlier) for earlier in groups[-1]):
                groups.append([])
            groups[-1].append(request)
        return groups

    def note(self, request: RequestT, lines: Sequence[str]) -> None:
        """Lines that were sent for a request."""
        self.sent[request.id] = (*self.sent.get(request.id, ()), *lines)

    def reject(self, request: RequestT, error: RejectedLineError) -> None:
        """The device did not take a line of it."""
        self.refused[request.id] = RefusedError(
            f"{self.where}: line {error.line!r} was rejected: {error.words}: nothing of {self.subject.named(request)} was "
            "left changed; see what the device does not allow",
            reason="rejected",
        )

    def without_effect(self, request: RequestT, lines: Sequence[str]) -> None:
        """The device took every line and shows nothing of it."""
        self.refused[request.id] = RefusedError(
            f"{self.where}: the lines for {self.subject.named(request)} were taken and have no effect ("
            f"{'; '.join(lines)}): see what the device does with them by hand",
            reason="rejected",
        )

    def left_behind(self, request: RequestT, what: str) -> None:
        """Taking it back did not work either, which a person has to know."""
        self.refused[request.id] = RefusedError(
            f"{self.refused[request.id]}; BUT it could not be taken back: {what}: put it right by hand",
            reason="rejected",
        )
