"""What a run did, as a tree: its stages, the steps in them, how often each was tried, and the undo as a branch of its own."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.branches import Branch
from cli.history import Decided, Recorded, Session, Try
from cli.runs import Run, Workflow
from cli.show import headline, parked_view
from cli.step_line import LOOK, SAID_BELOW, Line, Sign, as_done
from cli.terminal import clean
from cli.times import brief, took
from tenancy.plan import Stage
from workflows.face import OFFBOARD, ONBOARD, Outcome, Status, StepState, StepStatus, is_meant_to_go, state_word

MOST_LINES = 12
"""Of those sent to a device in one session that are shown."""
TOOK_BACK = frozenset({StepState.UNDOING, StepState.UNDONE, StepState.NEEDS_OPERATOR, StepState.SKIPPED})


def tree_view(status: Status, told: Recorded, now: datetime, *, ended: str | None = None) -> RenderableType:
    """The whole run. `ended` is the word for one that was ended from outside, which it could not say of itself."""
    tree = Branch(headline(status, now, ended))
    for stage, steps in _stages(status):
        branch = tree.add(_stage_line(stage, [_span(step, _done(told, step), now) for step in steps]))
        for step in steps:
            _add_step(branch, status, told, step, now)
    for end in told.ended:
        by, why = f" by {end.by}" if end.by else "", f": {end.reason}" if end.reason else ""
        tree.add(clean(f"{brief(end.at, now)}  {end.how}{by}{why}", "yellow"))
    undone = [step for step in status.steps if _is_undone(status, told, step)]
    loose = [one for one in told.decisions if one.step is None]
    if undone or told.undo_began is not None:
        undo = tree.add(_undo_line(status, told, now))
        for step in sorted(undone, key=lambda step: _undo_began(told, step, now)):
            _add_undo(undo, status, told, step, now)
        _add_decisions(undo, loose, now)
    else:
        _add_decisions(tree, loose, now)
        if status.failure:
            tree.add(clean(status.failure, "red"))
    for parked in status.parked if not ended else ():
        tree.add(parked_view(status.tenant, parked, indent=0))
    if not told.is_whole:
        tree.add(Text("what came later is not shown: see the run's history in the Temporal UI", style="dim"))
    return tree


def status_of_record(run: Run, told: Recorded) -> Status:
    """A run's account as far as its record has it, for a run that nobody answers for: what was begun, not what is to come."""
    steps: dict[str, StepStatus] = {}
    for one in _in_order(told.tries, told.sessions):
        title = one.title.removeprefix("Remove ") if isinstance(one, Try) else f"{one.device}: {one.action}"
        begun = steps.get(one.step) or StepStatus(id=one.step, stage=one.stage, title=title, started=one.began)
        update = {"state": _state_of(run.workflow, one), "finished": one.ended, "note": _note_of(one)}
        steps[one.step] = begun.model_copy(update=update)
    undoing = told.undo_began is not None
    return Status(
        tenant=run.tenant,
        workflow=run.workflow,
        run=run.run_id,
        requested_by="",
        outcome=Outcome.UNDOING if undoing else Outcome.RUNNING,
        stage="",
        steps=tuple(steps.values()),
    )


def _state_of(workflow: Workflow, one: Try | Session) -> StepState:
    takes_back = one.undoes or (isinstance(one, Try) and one.takes_back) or workflow == OFFBOARD
    if one.ended is None:
        return StepState.UNDOING if takes_back else StepState.RUNNING
    if _failure(one) is not None:
        return StepState.FAILED
    return StepState.UNDONE if takes_back else StepState.DONE


def _note_of(one: Try | Session) -> str | None:
    if (failure := _failure(one)) is not None:
        return failure
    return one.outcome if isinstance(one, Try) else None


def _in_order(tries: Sequence[Try], sessions: Sequence[Session]) -> list[Try | Session]:
    both: list[Try | Session] = [*tries, *sessions]
    return sorted(both, key=lambda one: one.began)


def _stages(status: Status) -> Iterator[tuple[str, list[StepStatus]]]:
    """Stages in their order, each with its steps; an offboarding has one for all it removes."""
    stages: dict[str, list[StepStatus]] = {}
    for step in status.steps:
        removes = status.workflow == OFFBOARD and step.stage != "inventory"
        stages.setdefault("removal" if removes else step.stage, []).append(step)
    yield from stages.items()


def _done(told: Recorded, step: StepStatus, *, undoes: bool = False) -> list[Try | Session]:
    return _in_order(told.of(step.id, undoes=undoes), told.sessions_of(step.id, undoes=undoes))


def _span(step: StepStatus, done: Sequence[Try | Session], now: datetime) -> tuple[datetime, datetime] | None:
    """From when until when a step was at work, before anything was undone; None for one that was not."""
    if done:
        return done[0].began, done[-1].ended or now
    if step.started is None or step.state in TOOK_BACK:
        return None
    return step.started, step.finished or now


def _stage_line(stage: str, spans: Sequence[tuple[datetime, datetime] | None]) -> RenderableType:
    known = [span for span in spans if span is not None]
    lasted = took(min(began for began, _ in known), max(ended for _, ended in known)) if known else ""
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(Text(stage.replace("-", " "), style="bold" if known else "dim"), Text(lasted, style="dim"))
    return line


def _add_step(branch: Branch, status: Status, told: Recorded, step: StepStatus, now: datetime) -> None:
    done = _done(told, step)
    state, note = _forward(status, step, done)
    was_undone = step.state is StepState.UNDONE and not is_meant_to_go(status.workflow, step)
    if state is StepState.FAILED:
        word = "failed"
    elif state is StepState.WAITING or step.state is StepState.DONE or was_undone:
        word = ""
    else:
        word = state_word(status.workflow, step)
    remark = [clean(word, LOOK[state][2]), clean(note if state not in SAID_BELOW else "", "dim")]
    if was_undone:
        remark.append(Text("undone", style="yellow"))
    span = _span(step, done, now)
    added = branch.add(
        Line(
            Sign(state),
            clean(step.title, "dim" if state is StepState.WAITING else ""),
            Text(", ").join(part for part in remark if part),
            Text(took(*span) if span is not None and state is not StepState.WAITING else "", style="dim"),
            indent=False,
        )
    )
    if state in SAID_BELOW and note:
        added.add(clean(note, LOOK[state][2]))
    _add_details(added, done)
    if is_meant_to_go(status.workflow, step):
        _add_decisions(added, [one for one in told.decisions if one.step == step.id], now)


def _forward(status: Status, step: StepStatus, done: Sequence[Try | Session]) -> tuple[StepState, str]:
    """How a step went before anything was undone, and what is told of that."""
    last = done[-1] if done else None
    if is_meant_to_go(status.workflow, step) or step.state not in TOOK_BACK:
        outcome = last.outcome if isinstance(last, Try) and step.state is StepState.DONE else None
        return as_done(status, step), step.note or outcome or ""
    if last is None:
        # Of what was never begun the undo is told all the same: it was looked for.
        return StepState.WAITING, ""
    if (failure := _failure(last)) is not None:
        return StepState.FAILED, failure
    if last.ended is None:
        return StepState.FAILED, "never came to its end"
    return StepState.DONE, (last.outcome or "") if isinstance(last, Try) else ""


def _failure(one: Try | Session) -> str | None:
    if isinstance(one, Try):
        return one.failure
    if one.outcome is None or one.outcome.result == "done":
        return None
    return one.outcome.message or one.outcome.reason or one.outcome.result


def _add_details(branch: Branch, done: Sequence[Try | Session]) -> None:
    for one in done:
        if isinstance(one, Try):
            if one.attempts > 1:
                why = f": {one.trouble}" if one.trouble and one.trouble != one.failure else ""
                branch.add(clean(f"{one.attempts} attempts{why}", "yellow"))
            continue
        if one.waits is not None:
            branch.add(clean(f"{one.device}: {one.waits.tries} tries in vain: {one.waits.reason}", "yellow"))
        if one.outcome is not None and one.outcome.lines:
            _add_lines(branch, one, one.outcome.lines)


def _add_lines(branch: Branch, session: Session, lines: Sequence[str]) -> None:
    shows = session.action.startswith("preview")
    told = f"{len(lines)} line{'s' if len(lines) != 1 else ''} {'to send' if shows else 'sent'}"
    added = branch.add(Text.assemble(clean(session.device, "bold"), f": {told}"))
    if shows:
        return
    for line in lines[:MOST_LINES]:
        added.add(clean(line, "cyan"))
    if len(lines) > MOST_LINES:
        added.add(Text(f"and {len(lines) - MOST_LINES} more", style="dim"))


def _is_undone(status: Status, told: Recorded, step: StepStatus) -> bool:
    if status.workflow != ONBOARD or step.stage == Stage.RELEASE:
        return False
    return bool(_done(told, step, undoes=True)) or step.state in TOOK_BACK


def _undo_began(told: Recorded, step: StepStatus, now: datetime) -> datetime:
    return min((one.began for one in _done(told, step, undoes=True)), default=now)


def _undo_line(status: Status, told: Recorded, now: datetime) -> RenderableType:
    why = f", because {status.failure}" if status.failure else ""
    ends = [one.ended for one in _in_order(told.tries, told.sessions) if one.undoes and one.ended is not None]
    over = told.closed is not None
    lasted = took(told.undo_began, max(ends, default=told.undo_began) if over else now)
    return Text.assemble(Text("undo", style="bold yellow"), f" {lasted}" if lasted else "", clean(why, "yellow"))


def _add_undo(branch: Branch, status: Status, told: Recorded, step: StepStatus, now: datetime) -> None:
    done = _done(told, step, undoes=True)
    word = state_word(status.workflow, step)
    note = f" ({step.note})" if step.note and step.state not in SAID_BELOW else ""
    ended = (done[-1].ended or now) if done else None
    added = branch.add(
        Line(
            Sign(step.state),
            clean(step.title),
            Text.assemble(Text(word, style=LOOK[step.state][2]), clean(note, "dim")),
            Text(took(done[0].began, ended) if done else "", style="dim"),
            indent=False,
        )
    )
    reasons = dict.fromkeys(failure for one in done if (failure := _failure(one)) is not None)
    for reason in reasons:
        added.add(clean(reason, "red"))
    _add_details(added, done)
    _add_decisions(added, [one for one in told.decisions if one.step == step.id], now)


def _add_decisions(branch: Branch, decisions: Sequence[Decided], now: datetime) -> None:
    for one in decisions:
        why = f": {one.resolve.reason}" if one.resolve.reason else ""
        by = one.resolve.by or "an operator"
        branch.add(
            Text.assemble(
                brief(one.at, now), "  ", clean(by, "bold"), " decided ", Text(one.resolve.decision, "bold"), clean(why)
            )
        )
