"""How a run, its steps and its hand-over look to a person, at 80 columns as well as at 200."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.expected import Expected
from cli.runs import Trouble
from cli.step_line import MOVING, SAID_BELOW, Sign, is_slow, step_line, step_reason, usual
from cli.terminal import clean
from cli.times import about, moment, took
from tenancy.handover import HandOver
from workflows.face import (
    ONBOARD,
    Awaited,
    EdgeSeen,
    Outcome,
    Parked,
    Status,
    StepState,
)

OUTCOME_STYLE: Mapping[str, str] = {
    Outcome.RUNNING: "cyan",
    Outcome.UNDOING: "yellow",
    Outcome.NEEDS_OPERATOR: "bold red",
    Outcome.DONE: "green",
    Outcome.UNDONE: "yellow",
    Outcome.STOPPED: "yellow",
    Outcome.LEFT_BEHIND: "bold red",
}

AT_REST = frozenset({StepState.WAITING, StepState.DONE, StepState.UNDONE, StepState.SKIPPED})
"""States of steps that nobody waits for now."""


def run_view(
    status: Status,
    now: datetime,
    troubles: Mapping[str, Trouble] | None = None,
    *,
    only_moving: bool = False,
    ended: str | None = None,
    expected: Expected | None = None,
) -> RenderableType:
    """One run with its steps, or with those alone that somebody waits for. Running steps are timed until `now`.

    `ended` is the word for a run that was ended from outside, which it could not say of itself. `expected` is what its
    steps usually take.
    """
    parts: list[RenderableType] = [headline(status, now, ended, expected)]
    for step in status.steps:
        trouble = (troubles or {}).get(step.id)
        if only_moving and step.state in AT_REST:
            continue
        parts.append(step_line(status, step, now, trouble, expected))
        if reason := step_reason(step, trouble):
            parts.append(Padding(reason, (0, 0, 0, 6)))
    parts.extend(parked_view(status.tenant, parked) for parked in status.parked if not ended)
    if status.approval is not None and not ended:
        parts.append(awaited_view(status.tenant, status.approval))
    if status.failure and not _said_already(status):
        parts.append(Padding(clean(status.failure, "red"), (0, 0, 0, 2)))
    return Group(*parts)


def run_line(
    status: Status, now: datetime, troubles: Mapping[str, Trouble], expected: Expected | None = None
) -> RenderableType:
    """One run on one line, for where there are many: how it stands, and what it is at."""
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(width=24, no_wrap=True)
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    busy = [step for step in status.steps if step.state in MOVING]
    retrying = [trouble.reason for trouble in troubles.values()]
    slow = [f"SLOW, {usual(step, expected)}: {step.title}" for step in busy if is_slow(step, now, expected)]
    at = clean(", ".join(retrying or slow or [step.title for step in busy]), "yellow" if retrying or slow else "")
    count = Text(f"{finished(status)}/{len(status.steps)} ", style="dim")
    line.add_row(
        clean(status.tenant, "bold"),
        Text.assemble(Text(status.outcome.value, style=OUTCOME_STYLE[status.outcome]), " ", count, at),
        Text.assemble(_left(status, now, expected), Text(run_took(status, now), style="dim")),
    )
    return line


def _said_already(status: Status) -> bool:
    """Whether the failure of a run stands below its step already."""
    notes = [step.note for step in status.steps if step.state in SAID_BELOW and step.note]
    return any(note in (status.failure or "") for note in notes)


def headline(
    status: Status, now: datetime, ended: str | None = None, expected: Expected | None = None
) -> RenderableType:
    """Which run it is, how it stands, how long it has taken, and how long it will go on where that is known."""
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
            Text(f"  {finished(status)} of {len(status.steps)} steps" if status.steps else "", style="dim"),
            clean(who, "dim"),
        ),
        Text.assemble(_left(status, now, expected), Text(run_took(status, now), style="dim")),
    )
    return line


def parked_view(tenant: str, parked: Parked, indent: int = 2) -> RenderableType:
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
    return Padding(lines, (0, 0, 0, indent))


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


def _left(status: Status, now: datetime, expected: Expected | None) -> Text:
    seconds = expected.left(status, now) if expected is not None else None
    return Text("" if seconds is None else f"about {about(seconds)} left  ", style="cyan")


def finished(status: Status) -> int:
    """How many of a run's steps have come to an end."""
    return sum(step.finished is not None for step in status.steps)


def run_took(status: Status, now: datetime) -> str:
    """How long a run has been at work, until `now` or until its end."""
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
