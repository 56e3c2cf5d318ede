"""How a run, its steps and its hand-over look to a person, at 80 columns as well as at 200."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.runs import Trouble
from cli.terminal import clean
from tenancy.handover import HandOver
from workflows.face import (
    ONBOARD,
    Awaited,
    EdgeSeen,
    Outcome,
    Parked,
    Status,
    StepState,
    StepStatus,
    is_meant_to_go,
    state_word,
)

LOOK: Mapping[StepState, tuple[str, str, str]] = {
    StepState.WAITING: ("·", ".", "dim"),
    StepState.RUNNING: ("▸", ">", "cyan"),
    StepState.DONE: ("✓", "+", "green"),
    StepState.FAILED: ("✗", "x", "bold red"),
    StepState.UNDOING: ("↺", "<", "yellow"),
    StepState.UNDONE: ("○", "o", "yellow"),
    StepState.NEEDS_OPERATOR: ("!", "!", "bold red"),
    StepState.SKIPPED: ("–", "-", "yellow"),
}
"""By state: its sign, the sign where the terminal knows ASCII only, and its style."""

OUTCOME_STYLE: Mapping[str, str] = {
    Outcome.RUNNING: "cyan",
    Outcome.UNDOING: "yellow",
    Outcome.NEEDS_OPERATOR: "bold red",
    Outcome.DONE: "green",
    Outcome.UNDONE: "yellow",
    Outcome.STOPPED: "yellow",
    Outcome.LEFT_BEHIND: "bold red",
}

SAID_BELOW = frozenset({StepState.FAILED, StepState.NEEDS_OPERATOR})
"""States whose note is a reason: a line of its own below the step, in full."""


AT_REST = frozenset({StepState.WAITING, StepState.DONE, StepState.UNDONE, StepState.SKIPPED})
"""States of steps that nobody waits for now."""


class Sign:
    """The sign of a step's state, in what the terminal can show."""

    def __init__(self, state: StepState) -> None:
        self._fancy, self._plain, self._style = LOOK[state]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._plain if options.ascii_only else self._fancy, style=self._style)


def run_view(
    status: Status,
    now: datetime,
    troubles: Mapping[str, Trouble] | None = None,
    *,
    only_moving: bool = False,
    ended: str | None = None,
) -> RenderableType:
    """One run with its steps, or with those alone that somebody waits for. Running steps are timed until `now`.

    `ended` is the word for a run that was ended from outside, which it could not say of itself.
    """
    parts: list[RenderableType] = [headline(status, now, ended)]
    for step in status.steps:
        trouble = (troubles or {}).get(step.id)
        if only_moving and step.state in AT_REST:
            continue
        parts.append(_step(status, step, now, trouble))
        if reason := _reason(step, trouble):
            parts.append(Padding(reason, (0, 0, 0, 6)))
    parts.extend(parked_view(status.tenant, parked) for parked in status.parked if not ended)
    if status.approval is not None and not ended:
        parts.append(awaited_view(status.tenant, status.approval))
    if status.failure and not _said_already(status):
        parts.append(Padding(clean(status.failure, "red"), (0, 0, 0, 2)))
    return Group(*parts)


def run_line(status: Status, now: datetime, troubles: Mapping[str, Trouble]) -> RenderableType:
    """One run on one line, for where there are many: how it stands, and what it is at."""
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(width=24, no_wrap=True)
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    busy = [step.title for step in status.steps if step.state in (StepState.RUNNING, StepState.UNDOING)]
    retrying = [trouble.reason for trouble in troubles.values()]
    at = clean(", ".join(retrying or busy), "yellow" if retrying else "")
    count = Text(f"{_finished(status)}/{len(status.steps)} ", style="dim")
    line.add_row(
        clean(status.tenant, "bold"),
        Text.assemble(Text(status.outcome.value, style=OUTCOME_STYLE[status.outcome]), " ", count, at),
        Text(_run_took(status, now), style="dim"),
    )
    return line


def _said_already(status: Status) -> bool:
    """Whether the failure of a run stands below its step already."""
    notes = [step.note for step in status.steps if step.state in SAID_BELOW and step.note]
    return any(note in (status.failure or "") for note in notes)


def headline(status: Status, now: datetime, ended: str | None = None) -> RenderableType:
    """Which run it is, how it stands, and how long it has taken."""
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    verb = "onboarding" if status.workflow == ONBOARD else "offboarding"
    who = f"  for {status.requested_by}" if status.requested_by else ""
    line.add_row(
        Text.assemble(
            clean(status.tenant, "bold"),
            f"  {verb}",
            "  ",
            Text(ended, style="bold red") if ended else Text(status.outcome.value, style=OUTCOME_STYLE[status.outcome]),
            Text(f"  {_finished(status)} of {len(status.steps)} steps" if status.steps else "", style="dim"),
            clean(who, "dim"),
        ),
        Text(_run_took(status, now), style="dim"),
    )
    return line


def _step(status: Status, step: StepStatus, now: datetime, trouble: Trouble | None) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=1)
    line.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
    line.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
    line.add_column(min_width=8, justify="right", no_wrap=True)
    waits = step.state is StepState.WAITING
    line.add_row(
        "",
        Sign(_as_done(status, step)),
        clean(step.title, "dim" if waits else ""),
        _remark(status, step, trouble),
        Text("" if waits else took(step.started, step.finished or now), style="dim"),
    )
    return line


def _remark(status: Status, step: StepStatus, trouble: Trouble | None) -> Text:
    if trouble is not None and trouble.paused:
        return Text("paused", style="yellow")
    if trouble is not None:
        return Text(f"retrying (attempt {trouble.attempt})", style="yellow")
    if step.state in (StepState.WAITING, StepState.RUNNING):
        return Text("")
    if step.state is StepState.DONE:
        return clean(step.note or "", "dim")
    word = Text(state_word(status.workflow, step), style=LOOK[_as_done(status, step)][2])
    return word if step.state in SAID_BELOW or not step.note else Text.assemble(word, clean(f" ({step.note})", "dim"))


def _reason(step: StepStatus, trouble: Trouble | None) -> Text | None:
    if trouble is not None and trouble.paused:
        resume = f"`temporal activity unpause --activity-id {step.id}`"
        return clean(f"paused by an operator, go on with {resume} {trouble.reason}", "yellow")
    if trouble is not None:
        return clean(trouble.reason, "yellow")
    if step.state in SAID_BELOW and step.note:
        return clean(step.note, LOOK[step.state][2])
    if step.state is StepState.RUNNING and step.note:
        return clean(step.note, "yellow")
    return None


def _as_done(status: Status, step: StepStatus) -> StepState:
    gone = step.state is StepState.UNDONE and is_meant_to_go(status.workflow, step)
    return StepState.DONE if gone else step.state


def parked_view(tenant: str, parked: Parked) -> RenderableType:
    """What waits for a decision, and the commands that decide."""
    at = f"berth resolve {tenant} "
    step = f" --step {parked.step}"
    lines = Text.assemble(
        Text("NEEDS OPERATOR ", style="bold red"),
        clean(parked.title, "bold"),
        " since ",
        moment(parked.since),
        "\n",
        clean(parked.reason),
        "\n",
        clean(f"{at}retry{step}", "cyan"),
        "   try again\n",
        clean(f"{at}skip{step} --reason '...'", "cyan"),
        "   leave it, and go on\n",
        clean(f"{at}abort --reason '...'", "cyan"),
        "   leave it and all the rest",
    )
    return Padding(lines, (0, 0, 0, 2))


def awaited_view(tenant: str, awaited: Awaited) -> RenderableType:
    """What waits for an approver, since when, and the commands that decide."""
    lines = Text.assemble(
        Text("WAITS FOR APPROVAL ", style="bold yellow"),
        f"of {awaited.about or f'VLAN {awaited.vlan}'} since ",
        moment(awaited.since),
        ", expires at " if awaited.vlan is None else ", undone at ",
        moment(awaited.expires),
        "\n",
        clean(f"by one of {', '.join(awaited.approvers)}"),
        "\n",
        clean(f"berth approve {tenant}", "cyan"),
        "   look at what the edge team has to do, and confirm it\n"
        if awaited.vlan is None
        else "   look at the lines for the switches, and approve them\n",
        clean(f"berth reject {tenant} --reason '...'", "cyan"),
        "   it will not be done" if awaited.vlan is None else "   undo the run",
    )
    return Padding(lines, (0, 0, 0, 2))


def hand_over_view(told: HandOver) -> RenderableType:
    """What a Cluster of the tenant needs, and what to tell the tenant."""
    facts = _facts()
    facts.add_row("VPC", clean(told.vpc))
    facts.add_row("namespace", clean(told.namespace))
    if told.vlan is not None:
        facts.add_row("VLAN", clean(str(told.vlan), "bold"))
    if told.approval is not None:
        given = told.approval
        details = [
            f"on {moment(datetime.fromisoformat(given.at))}",
            *([given.decision.comment] if given.decision.comment else []),
        ]
        facts.add_row("approved by", Text.assemble(clean(given.decision.by, "bold"), "  ", _dim(details)))
    for subnet in told.subnets:
        details = [", ".join(subnet.cidrs), f"gateway {', '.join(subnet.gateways)}"]
        if subnet.mtu is not None:
            details.append(f"MTU {subnet.mtu}")
        facts.add_row("network.subnet", Text.assemble(clean(subnet.network_subnet, "bold"), "  ", _dim(details)))
    for ip in told.external_ips:
        serves = {"snat": "SNAT for ", "floatingIP": "floating IP of ", "loadBalancer": "for load balancers"}[ip.use]
        what = [f"{ip.name}: {serves}{', '.join(ip.serves)}"]
        if ip.public:
            what.append(f"outside it is {', '.join(ip.public)}")
        facts.add_row("external IP", Text.assemble(clean(", ".join(ip.addresses) or "none", "bold"), "  ", _dim(what)))
    if told.router_addresses:
        text = clean(", ".join(told.router_addresses), "bold")
        facts.add_row("router", Text.assemble(text, "  ", _dim(["next hop of routes to the external IPs"])))
    if told.announce is not None:
        facts.add_row("announced", _announced(told))
    proof = {
        "realised": "the VPC was born with it, so OVN holds it",
        "asserted": "written later; Kube-OVN confirms no edit",
    }[told.block_policy]
    facts.add_row("block policy", Text.assemble(Text(told.block_policy, style="bold"), "  ", _dim([proof])))
    return Group(clean(f"Hand-over of {told.tenant}", "bold"), Padding(facts, (0, 0, 0, 2)))


def _announced(told: HandOver) -> Text:
    places = [f"on {', '.join(told.announced_on)}"] if told.announced_on else []
    places += [f"translated by {', '.join(told.translated_on)}"] if told.translated_on else []
    places += [f"heard by {', '.join(told.heard_by)}"] if told.heard_by else []
    if told.confirmations:
        places.append(
            f"by the edge team, as {', '.join(dict.fromkeys(one.decision.by for one in told.confirmations))} confirmed"
        )
    count = sum(len(ip.routes) for ip in told.external_ips)
    return Text.assemble(clean(f"{count} route{'s' if count != 1 else ''}", "bold"), "  ", _dim(places))


def edge_now_view(seen: EdgeSeen) -> RenderableType:
    """What each device at the edge holds at this moment of what the hand-over promises."""
    rows = Table.grid(padding=(0, 1))
    rows.add_column(width=1)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for one in seen.devices:
        verb = {"router": "announces", "neighbour": "has heard of", "translator": "translates"}[one.role]
        if one.problem is not None:
            state, words = StepState.NEEDS_OPERATOR, clean(f"could not be asked: {one.problem}", "red")
        elif one.missing:
            state, words = StepState.FAILED, clean(f"does not: {', '.join(one.missing)}", "bold red")
        else:
            state, words = StepState.DONE, clean(f"{verb} {', '.join(one.in_force) or 'nothing'}")
        rows.add_row(Sign(state), clean(one.device, "bold"), words)
    return Group(Text("Announced now", style="bold"), Padding(rows, (0, 0, 0, 2)))


def took(started: datetime | None, until: datetime | None) -> str:
    """Seconds with a tenth, or minutes and hours where that says more."""
    if started is None or until is None:
        return ""
    seconds = max(0.0, (until - started).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def moment(at: datetime) -> str:
    """A moment in this terminal's own time zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _finished(status: Status) -> int:
    return sum(step.finished is not None for step in status.steps)


def _run_took(status: Status, now: datetime) -> str:
    starts = [step.started for step in status.steps if step.started]
    if not starts:
        return ""
    ends = [step.finished for step in status.steps if step.finished]
    still = status.outcome in (Outcome.RUNNING, Outcome.UNDOING, Outcome.NEEDS_OPERATOR)
    return took(min(starts), now if still or not ends else max(ends))


def _facts() -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    return facts


def _dim(details: list[str]) -> Text:
    return clean(", ".join(details), "dim")
