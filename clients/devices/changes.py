"""From what a switch has and what is asked to the lines that are missing. Pure: nothing is sent from here."""

from collections.abc import Iterable, Iterator, Sequence

from clients.devices.dialect import EVERY_VLAN, Dialect, State, port_word, rendered
from clients.devices.steps import Step
from clients.errors import RefusedError
from tenancy.devices import DeviceRequest, Survey, vlan_name
from tenancy.mistakes import shown
from tenancy.vlans import as_ranges


def to_ensure(dialect: Dialect, state: State, request: DeviceRequest, switch: str, where: str) -> tuple[Step, ...]:
    """What is missing until the VLAN is there under the tenant's name, on every trunk.

    A VLAN that nobody named or uses is given the name: most likely a session of ours was lost before its second line.
    Raises RefusedError `foreign-vlan` or `missing-trunk`.
    """
    vlan, name = _vlan(request), vlan_name(request.tenant)
    _trunks_there(state, request, where)
    _not_foreign(dialect, state, request, switch, where, "choose another ID, or have it removed there")
    twin = next((number for number, other in state.vlans.items() if other == name and number != vlan), None)
    if twin is not None:
        # Junos would give the VLAN of this name another ID, and IOS refuses two of a name.
        raise RefusedError(
            f"{where}: VLAN {twin} bears the name {name} already, and a tenant has one VLAN: take VLAN {twin} away "
            f"there before VLAN {vlan} is made",
            reason="foreign-vlan",
        )
    steps = []
    if vlan not in state.vlans or vlan in state.nameless:
        steps.append(_step(dialect, "create", vlan, name))
    steps += [
        _step(dialect, "join", vlan, name, port)
        for port in request.trunks
        if (carried := state.trunks[port]) is not EVERY_VLAN and vlan not in carried
    ]
    return tuple(steps)


def to_absent(dialect: Dialect, state: State, request: DeviceRequest, where: str) -> tuple[Step, ...]:
    """What takes the tenant's VLAN away: off the trunks first, then the VLAN.

    A VLAN that is nobody's any more is still taken off the trunks: a switch that restarted in the middle may have forgotten
    the VLAN and kept the trunks. A VLAN under another name keeps its trunks, since whose they are cannot be told. A trunk
    that is not there carries nothing. A VLAN that nobody named or uses goes, too. Raises RefusedError `foreign-vlan`.
    """
    vlan, name = _vlan(request), vlan_name(request.tenant)
    _not_foreign(
        dialect,
        state,
        request,
        "",
        where,
        "nothing was touched: look who made it, and remove it by hand if it has to go",
    )
    steps = [
        _step(dialect, "leave", vlan, name, port)
        for port in request.trunks
        if (carried := state.trunks.get(port, frozenset())) is not EVERY_VLAN and vlan in carried
    ]
    if vlan in state.vlans:
        steps.append(_step(dialect, "delete", vlan, name))
    return tuple(steps)


def survey(state: State, request: DeviceRequest, where: str) -> Survey:
    """Which IDs the switch knows, and whose they are. Raises RefusedError `missing-trunk`."""
    _trunks_there(state, request, where)
    name = vlan_name(request.tenant)
    return Survey(
        foreign=as_ranges(number for number, other in state.vlans.items() if other != name),
        own=tuple(sorted(number for number, other in state.vlans.items() if other == name)),
    )


def by_hand(dialect: Dialect, state: State, request: DeviceRequest, where: str) -> tuple[Step, ...]:
    """What the network team has still to send until the VLAN is known, under any name, and on every trunk.

    Raises RefusedError `missing-trunk`.
    """
    vlan, name = _vlan(request), vlan_name(request.tenant)
    _trunks_there(state, request, where)
    missing = [] if vlan in state.vlans else [_step(dialect, "create", vlan, name)]
    missing += [
        _step(dialect, "join", vlan, name, port)
        for port in request.trunks
        if (carried := state.trunks[port]) is not EVERY_VLAN and vlan not in carried
    ]
    return tuple(missing)


def verify(dialect: Dialect, state: State, request: DeviceRequest, where: str) -> None:
    """The VLAN is known, under any name, and on every trunk. Raises RefusedError `not-there` or `missing-trunk`."""
    if missing := by_hand(dialect, state, request, where):
        vlan = _vlan(request)
        raise RefusedError(f"{where}: VLAN {vlan} is not as asked; missing: {_told(missing)}", reason="not-there")


def verify_absent(dialect: Dialect, state: State, request: DeviceRequest, where: str) -> None:
    """The VLAN is not known any more. Raises RefusedError `still-there`."""
    vlan = _vlan(request)
    if vlan not in state.vlans:
        return
    name = state.vlans[vlan]
    steps = [
        _step(dialect, "leave", vlan, name, port)
        for port in request.trunks
        if (carried := state.trunks.get(port, frozenset())) is not EVERY_VLAN and vlan in carried
    ]
    steps.append(_step(dialect, "delete", vlan, name))
    raise RefusedError(
        f"{where}: VLAN {vlan} is still there, named {shown(name)}; what removes it: {_told(steps)}",
        reason="still-there",
    )


def approved(switch: str, request: DeviceRequest, steps: Sequence[Step], where: str) -> None:
    """Every line was shown to an approver of this tenant's VLAN. Raises RefusedError `not-approved`."""
    if not steps:
        return
    first = steps[0].lines[0]
    if request.approval is None:
        raise RefusedError(f"{where}: nobody approved {first!r}: ask for an approval first", reason="not-approved")
    preview, decision = request.approval.preview, request.approval.decision
    if (preview.tenant, preview.vlan) != (request.tenant, request.vlan):
        raise RefusedError(
            f"{where}: {first!r} is for VLAN {request.vlan} of {request.tenant}, but the approval is for VLAN "
            f"{preview.vlan} of {preview.tenant}: ask for a new approval",
            reason="not-approved",
        )
    if preview.by_hand or decision.plan != preview.hash:
        why = "leaves the switches to the network team" if preview.by_hand else "was given for another preview"
        raise RefusedError(f"{where}: {first!r}: the approval {why}: ask for a new approval", reason="not-approved")
    allowed = {line for told in preview.switches if told.switch == switch for line in told.lines}
    unheard = next((line for step in steps for line in step.lines if line not in allowed), None)
    if unheard is not None:
        raise RefusedError(
            f"{where}: line {unheard!r} is not among the lines approved for {switch}, the switch has changed since: ask "
            "for a new approval",
            reason="not-approved",
        )


def after(state: State, request: DeviceRequest) -> State:
    """The state once an `ensure` or an `absent` took effect."""
    vlan, vlans, trunks = _vlan(request), dict(state.vlans), dict(state.trunks)
    if request.action == "ensure":
        vlans[vlan] = vlan_name(request.tenant)
    else:
        vlans.pop(vlan, None)
    for port in request.trunks:
        carried = trunks.get(port)
        if carried is not None:
            trunks[port] = carried | {vlan} if request.action == "ensure" else carried - {vlan}
    return State(vlans, trunks, state.no_trunks, state.nameless - {vlan})


def _vlan(request: DeviceRequest) -> int:
    if request.vlan is None:
        raise RefusedError(f"request {request.id}: names no VLAN, and {request.action} needs one", reason="rejected")
    return request.vlan


def _step(dialect: Dialect, what: str, vlan: int, name: str, port: str = "") -> Step:
    templates, inverse = {
        "create": (dialect.create, dialect.delete),
        "delete": (dialect.delete, dialect.create),
        "join": (dialect.join, dialect.leave),
        "leave": (dialect.leave, dialect.join),
    }[what]
    port = port_word(dialect, port)
    return Step(
        rendered(templates, vlan=vlan, name=name, port=port), rendered(inverse, vlan=vlan, name=name, port=port)
    )


def _told(steps: Sequence[Step]) -> str:
    return "; ".join(line for step in steps for line in step.lines)


def no_trunks(state: State, ports: Iterable[str], where: str) -> Iterator[str]:
    """What is said of each port that is no trunk."""
    for port in ports:
        if port not in state.trunks:
            yield (
                f"{where}: trunk {port}: {state.no_trunks.get(port, 'was not read')}: correct the platform's document, or "
                "make the port a trunk"
            )


def _trunks_there(state: State, request: DeviceRequest, where: str) -> None:
    for missing in no_trunks(state, request.trunks, where):
        raise RefusedError(missing, reason="missing-trunk")


def _not_foreign(dialect: Dialect, state: State, request: DeviceRequest, switch: str, where: str, remedy: str) -> None:
    vlan, name = _vlan(request), vlan_name(request.tenant)
    if vlan not in state.vlans or vlan in state.nameless:
        return
    if dialect.named:
        if state.vlans[vlan] == name:
            return
        raise RefusedError(
            f"{where}: VLAN {vlan} is there under the name {shown(state.vlans[vlan])}, expected {name}: {remedy}",
            reason="foreign-vlan",
        )
    # Nothing on the switch tells whose it is. It was made for this run if the run's approval is for making it; and taking
    # it away is asked only for an ID that was reserved for the tenant.
    made = set(_step(dialect, "create", vlan, name).lines)
    told = request.approval.preview.switches if request.approval is not None else ()
    if request.action != "absent" and not any(one.switch == switch and made <= set(one.lines) for one in told):
        raise RefusedError(
            f"{where}: VLAN {vlan} is there already, and {dialect.platform} does not tell whose it is: {remedy}",
            reason="foreign-vlan",
        )
