"""What a session with a switch is about: the tenants' VLANs."""

from collections.abc import Iterable, Sequence

from clients.devices.changes import after, approved, by_hand, survey, to_absent, to_ensure, verify, verify_absent
from clients.devices.command_line import UnreadableError
from clients.devices.dialect import EVERY_VLAN, Dialect, State
from clients.devices.reading import read_state
from clients.devices.session import Session
from clients.devices.steps import Step, lines_of
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.mistakes import shown
from tenancy.vlans import as_ranges


class SwitchVlans:
    """VLANs and trunks of one switch, as far as these requests name them."""

    def __init__(self, session: Session, dialect: Dialect, switch: str, requests: Iterable[DeviceRequest]) -> None:
        self._session = session
        self._dialect = dialect
        self._switch = switch
        self._ports = list(dict.fromkeys(port for request in requests for port in request.trunks))

    def read(self) -> State:
        """What is configured now."""
        return read_state(self._session, self._dialect, self._ports)

    def changes(self, request: DeviceRequest) -> bool:
        """Whether it is about more than looking."""
        return request.action in ("ensure", "absent")

    def meet(self, one: DeviceRequest, other: DeviceRequest) -> bool:
        """Whether two are about one VLAN."""
        return one.vlan == other.vlan

    def needs(self, state: State, request: DeviceRequest) -> tuple[Step, ...]:
        """What is missing until the VLAN is there, or gone."""
        if request.action == "absent":
            return to_absent(self._dialect, state, request, self._session.where)
        return to_ensure(self._dialect, state, request, self._switch, self._session.where)

    def allowed(self, request: DeviceRequest, steps: Sequence[Step]) -> None:
        """Raises RefusedError for a line that was not approved."""
        if request.action != "absent":
            approved(self._switch, request, steps, self._session.where)

    def after(self, state: State, request: DeviceRequest) -> State:
        """The state once the request took effect."""
        return after(state, request)

    def differences(self, before: State, now: State, request: DeviceRequest) -> list[str]:
        """What about the request's VLAN is not as it was."""
        vlan = request.vlan or 0
        found = []
        if before.vlans.get(vlan) != now.vlans.get(vlan):
            found.append(f"VLAN {vlan} is {'there' if vlan in now.vlans else 'gone'}")
        for port in request.trunks:
            was, is_ = (_on(state, port, vlan) for state in (before, now))
            if was != is_:
                found.append(f"{port} {'carries' if is_ else 'does not carry'} VLAN {vlan}")
        return found

    def named(self, request: DeviceRequest) -> str:
        """The VLAN and whose it is."""
        return f"VLAN {request.vlan} of {request.tenant}"

    def foreign(self, diff: str, requests: Sequence[DeviceRequest]) -> str | None:
        """What in a candidate's diff none of these requests asked for."""
        for line in diff.split("\n"):
            changed = line.strip("\r ")
            if changed[:1] in ("+", "-") and not self._dialect.own_diff.fullmatch(changed):
                return shown(changed)
        if self._dialect.changed_vlans is None:
            return None
        try:
            others = self._dialect.changed_vlans(diff) - {request.vlan for request in requests}
        except UnreadableError as error:
            return str(error)
        return f"a change of VLAN {as_ranges(others)}" if others else None

    def staged(self, diff: str) -> None:
        """Not told: on every switch a commit is confirmed only once it was read back, and goes back where it was not."""

    def answer(self, state: State, request: DeviceRequest, sent: tuple[str, ...]) -> DeviceOutcome:
        """What is told once all is done."""
        dialect, where, told = self._dialect, self._session.where, None
        match request.action:
            case "survey":
                told = survey(state, request, where)
            case "preview":
                sent = lines_of(to_ensure(dialect, state, request, self._switch, where))
            case "preview-by-hand":
                sent = lines_of(by_hand(dialect, state, request, where))
            case "verify":
                verify(dialect, state, request, where)
            case "verify-absent":
                verify_absent(dialect, state, request, where)
            case "ensure" | "absent":
                pass
        return DeviceOutcome(id=request.id, result="done", lines=sent, survey=told)


def _on(state: State, port: str, vlan: int) -> bool:
    carried = state.trunks.get(port, frozenset())
    return carried is EVERY_VLAN or vlan in carried
