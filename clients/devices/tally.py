"""What became of the requests of one batch so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clients.devices.changes import Step, approved, to_absent, to_ensure
from clients.devices.dialect import EVERY_VLAN, Dialect, State
from clients.devices.session import RejectedLineError
from clients.errors import RefusedError
from tenancy.devices import DeviceRequest


@dataclass
class Tally:
    """Refusals and lines sent, by the request's ID."""

    switch: str
    where: str
    refused: dict[str, RefusedError] = field(default_factory=dict)
    sent: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def steps(self, dialect: Dialect, state: State, request: DeviceRequest) -> tuple[Step, ...]:
        """What the request needs from this state on; nothing where it is refused, which is noted."""
        try:
            if request.action == "absent":
                return to_absent(dialect, state, request, self.where)
            steps = to_ensure(dialect, state, request, self.switch, self.where)
            approved(self.switch, request, steps, self.where)
        except RefusedError as error:
            self.refused[request.id] = error
            return ()
        return steps

    def lacking(self, dialect: Dialect, state: State, request: DeviceRequest) -> bool:
        """Whether the request would still need something from this state on, or be refused there."""
        try:
            if request.action == "absent":
                return bool(to_absent(dialect, state, request, self.where))
            return bool(to_ensure(dialect, state, request, self.switch, self.where))
        except RefusedError:
            return True

    def note(self, request: DeviceRequest, lines: Sequence[str]) -> None:
        """Lines that were sent for a request."""
        self.sent[request.id] = (*self.sent.get(request.id, ()), *lines)

    def reject(self, request: DeviceRequest, error: RejectedLineError) -> None:
        """The switch did not take a line of it."""
        self.refused[request.id] = RefusedError(
            f"{self.where}: line {error.line!r} was rejected: {error.words}: nothing of VLAN {request.vlan} of "
            f"{request.tenant} was left changed; see what the switch does not allow",
            reason="rejected",
        )

    def without_effect(self, request: DeviceRequest, lines: Sequence[str]) -> None:
        """The switch took every line and shows nothing of it."""
        self.refused[request.id] = RefusedError(
            f"{self.where}: the lines for VLAN {request.vlan} of {request.tenant} were taken and have no effect ("
            f"{'; '.join(lines)}): see what the switch does with them by hand",
            reason="rejected",
        )

    def left_behind(self, request: DeviceRequest, what: str) -> None:
        """Taking it back did not work either, which a person has to know."""
        self.refused[request.id] = RefusedError(
            f"{self.refused[request.id]}; BUT it could not be taken back: {what}: put it right by hand",
            reason="rejected",
        )


def lasting(requests: Sequence[DeviceRequest]) -> list[DeviceRequest]:
    """Of several requests about one VLAN the last, since it says what has to be there in the end."""
    return list({request.vlan: request for request in requests}.values())


def differences(before: State, now: State, request: DeviceRequest) -> list[str]:
    """What about the request's VLAN is not as it was, for people."""
    vlan = request.vlan or 0
    found = []
    if before.vlans.get(vlan) != now.vlans.get(vlan):
        found.append(f"VLAN {vlan} is {'there' if vlan in now.vlans else 'gone'}")
    for port in request.trunks:
        was, is_ = (_on(state, port, vlan) for state in (before, now))
        if was != is_:
            found.append(f"{port} {'carries' if is_ else 'does not carry'} VLAN {vlan}")
    return found


def _on(state: State, port: str, vlan: int) -> bool:
    carried = state.trunks.get(port, frozenset())
    return carried is EVERY_VLAN or vlan in carried
