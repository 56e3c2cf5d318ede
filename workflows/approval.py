"""Waiting for an approver: shows the exact preview, takes the one decision that counts, and says why others do not."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.notify import NoticeSteps
from tenancy.approval import AnyPreview, Approval, Confirmation, Decision, Preview, Word, refusal_of, subject
from tenancy.edge_work import EdgePreview
from tenancy.mistakes import shown
from tenancy.notices import Notice
from tenancy.vlans import ApprovalRules
from workflows.approval_text import details
from workflows.board import Board
from workflows.face import APPROVAL as QUERY
from workflows.face import APPROVE, REFUSED, REJECT, ApprovalStatus, Awaited, RefusedDecision, StepState, StepStatus
from workflows.request import approver_decision_in
from workflows.stepping import reason_of
from workflows.steps import APPROVAL

NOTICE_TRIES = 5
"""How often a notice is tried. Reminders follow anyway."""
NOTICE_TIMEOUT = timedelta(minutes=2)
KEPT_REFUSALS = 5
"""Refused signals that stay visible."""


class _Asked(NamedTuple):
    preview: AnyPreview
    rules: ApprovalRules
    allowed_signers: str | None
    vlans: frozenset[int] | None


class Approvals:
    """The approvals of one run: one at a time, each asked once, or again with a newer preview."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._status = ApprovalStatus(tenant=board.status().tenant)
        self._asked: _Asked | None = None
        self._approved: set[str] = set()
        self._notices: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        """Has the run answer the query `approval`, and take `approve` and `reject` as updates and as signals."""

        def decider(word: Word) -> None:
            def decide(decision: Any = None) -> str:
                return self.decide(word, decision)

            def check(decision: Any = None) -> None:
                self.check(word, decision)

            def told(decision: Any = None) -> None:
                self.told(word, decision)

            workflow.set_update_handler(word, decide, validator=check)
            workflow.set_signal_handler(word, told)

        workflow.set_query_handler(QUERY, self.status)
        decider(APPROVE)
        decider(REJECT)

    def status(self) -> ApprovalStatus:
        """The answer to the query `approval`."""
        return self._status

    async def ask(
        self,
        preview: Preview,
        rules: ApprovalRules,
        allowed_signers: str | None = None,
        *,
        vlans: Collection[int] | None = None,
        step: StepStatus = APPROVAL,
    ) -> Approval:
        """Waits until an approver has approved this preview. `step` has to be declared on the board.

        `allowed_signers` is the text of that file, where decisions are signed; `vlans` are the IDs the network team may
        choose from where it works by hand. A preview asked before is stale from here on.

        Raises a final ApplicationError of type REFUSED once it is rejected or nobody decided in time, and
        CancelledError.
        """
        chosen = None if vlans is None else frozenset(vlans)
        decision, at = await self._waited(_Asked(preview, rules, allowed_signers, chosen), step)
        return Approval(preview=preview, decision=decision, at=at.isoformat())

    async def confirm(
        self, preview: EdgePreview, rules: ApprovalRules, allowed_signers: str | None = None, *, step: StepStatus
    ) -> Confirmation:
        """The same of the edge team: waits until it has confirmed that this is done. Raises as `ask` does.

        A step that is being undone stays so.
        """
        decision, at = await self._waited(_Asked(preview, rules, allowed_signers, None), step)
        return Confirmation(preview=preview, decision=decision, at=at.isoformat())

    def has_approved(self, preview: AnyPreview) -> bool:
        """Whether somebody has approved this, though the run may have been cancelled in that moment."""
        return preview.hash in self._approved

    async def _waited(self, asked: _Asked, step: StepStatus) -> tuple[Decision, datetime]:
        preview, rules = asked.preview, asked.rules
        before = (*self._status.earlier, self._status.preview) if self._status.preview else ()
        now = workflow.now()
        self._asked = asked
        self._status = ApprovalStatus(
            tenant=preview.tenant,
            state="waiting",
            preview=preview,
            plan=preview.hash,
            approvers=rules.approvers,
            signed=rules.signing == "ssh",
            since=now,
            expires=now + timedelta(seconds=rules.expires_after),
            earlier=tuple(one for one in before if one is not None and one.hash != preview.hash),
            refused=self._status.refused,
        )
        self._mark(step, StepState.RUNNING, f"waits for one of {', '.join(rules.approvers)}")
        self._tell()
        self._notify("asked")
        try:
            await self._decided()
        except asyncio.CancelledError:
            if self._status.state == "waiting":
                self._end("withdrawn")
                # An approver has done nothing yet; the edge team may have.
                if isinstance(preview, EdgePreview):
                    self._notify("cancelled")
            self._mark(step, StepState.FAILED, "cancelled")
            raise
        return self._outcome(asked, step)

    def _mark(self, step: StepStatus, state: StepState, note: str) -> None:
        undoing = self._board.step(step.id).state is StepState.UNDOING
        self._board.mark(step.id, StepState.UNDOING if undoing else state, note)

    async def _decided(self) -> None:
        """Returns once somebody has decided, or the time is up."""
        asked, status = self._asked, self._status
        assert asked is not None  # noqa: S101  # for mypy: set by its only caller
        assert status.expires is not None  # noqa: S101
        every, who = timedelta(seconds=asked.rules.remind_every), ", ".join(asked.rules.approvers)
        while self._status.state == "waiting":
            now = workflow.now()
            if now >= status.expires:
                self._end("expired")
                return
            try:
                await workflow.wait_condition(
                    lambda: self._status.state != "waiting",
                    timeout=min(every, status.expires - now),
                    timeout_summary=f"approval of {subject(asked.preview)} by one of {who}"[:200],
                )
            except TimeoutError:
                # A decision may have come in the very moment.
                if self._status.state == "waiting" and workflow.now() < status.expires:
                    self._status = self._status.model_copy(update={"reminders": self._status.reminders + 1})
                    self._notify("reminder")

    def _outcome(self, asked: _Asked, step: StepStatus) -> tuple[Decision, datetime]:
        decision, at = self._status.decision, self._status.decided
        what, rules = subject(asked.preview), asked.rules
        if decision is None or at is None:
            self._notify("expired")
            names = ", ".join(rules.approvers)
            why = f"nobody approved {what} within {timedelta(seconds=rules.expires_after)} (asked: {names})"
            self._mark(step, StepState.FAILED, why)
            raise ApplicationError(why, type=REFUSED, non_retryable=True)
        comment = f": {decision.comment}" if decision.comment else ""
        told = f"{self._status.state} by {decision.by} at {_moment(at)}{comment}"
        if self._status.state == "rejected":
            self._notify("rejected")
            self._mark(step, StepState.FAILED, told)
            raise ApplicationError(f"{what} was {told}", type=REFUSED, non_retryable=True)
        self._notify("approved")
        self._mark(step, StepState.DONE, told)
        return decision, at

    def check(self, word: Word, raw: object) -> None:
        """For the validator of an update: raises a final ApplicationError of type REFUSED where it cannot count."""
        if refusal := self._refusal(word, approver_decision_in(raw)):
            raise ApplicationError(refusal, type=REFUSED, non_retryable=True)

    def decide(self, word: Word, raw: object) -> str:
        """Takes a decision, and says what follows from it. Raises as `check` does."""
        # Again, though a validator may have looked: what follows depends on nothing but this history.
        self.check(word, raw)
        decision, preview = approver_decision_in(raw), self._status.preview
        self._status = self._status.model_copy(update={"decision": decision})
        self._end("approved" if word == "approve" else "rejected")
        assert preview is not None  # noqa: S101  # for mypy: `check` has refused where nothing was asked
        if word == "approve":
            self._approved.add(preview.hash)
            follows = "the run goes on"
        else:
            follows = _otherwise(preview)
        return f"{subject(preview, decision)} {self._status.state} by {decision.by}: {follows}"

    def told(self, word: Word, raw: object) -> None:
        """Takes a decision that came as a signal. Whoever sent it gets no answer, so a refusal stands on the board."""
        try:
            self.decide(word, raw)
        except ApplicationError as refused:
            by = raw.get("by") if isinstance(raw, dict) else None
            name = by if isinstance(by, str) and by.isprintable() and len(by) <= 200 else shown(by)
            one = RefusedDecision(word=word, by=name, at=workflow.now(), reason=refused.message[:2000])
            kept = (*self._status.refused, one)[-KEPT_REFUSALS:]
            self._status = self._status.model_copy(update={"refused": kept})
            workflow.logger.warning("a decision sent as a signal was refused", extra={"reason": refused.message})
            self._tell()

    def _refusal(self, word: Word, decision: Decision) -> str | None:
        status, asked = self._status, self._asked
        if asked is None:
            return f"tenant {status.tenant}: nothing waits for an approval yet: see `berth approvals`"
        # A decision and the end of its time may come in one task, after all workers were away: it comes first there.
        is_over = status.state == "waiting" and status.expires is not None and workflow.now() >= status.expires
        if status.state == "expired" or is_over:
            up = _moment(status.expires)
            return f"it is too late: the time to decide was up at {up}, and {_otherwise(asked.preview)}"
        if status.state == "withdrawn":
            return "it is too late: the run was cancelled while it waited"
        if status.decision is not None:
            return _decided_already(word, decision, status)
        return refusal_of(
            word,
            asked.preview,
            decision,
            rules=asked.rules,
            at=workflow.now().isoformat(),
            allowed_signers=asked.allowed_signers,
            earlier=status.earlier,
            vlans=asked.vlans,
        )

    def _end(self, state: Literal["approved", "rejected", "expired", "withdrawn"]) -> None:
        self._status = self._status.model_copy(update={"state": state, "decided": workflow.now()})
        self._tell()

    def _tell(self) -> None:
        status = self._status
        awaited = None
        if status.state == "waiting" and status.preview and status.plan and status.since and status.expires:
            awaited = Awaited(
                plan=status.plan,
                about=subject(status.preview),
                vlan=status.preview.vlan if isinstance(status.preview, Preview) else None,
                approvers=status.approvers,
                since=status.since,
                expires=status.expires,
            )
        self._board.await_approval(awaited, details(status))

    def _notify(self, kind: Literal["asked", "reminder", "approved", "rejected", "expired", "cancelled"]) -> None:
        """Has people notified while the run goes on, whether that works or not."""
        status, asked = self._status, self._asked
        if asked is None or not asked.rules.notify:
            return
        preview, decision = asked.preview, status.decision
        notice = Notice(
            kind=kind,
            tenant=preview.tenant,
            run=preview.run,
            about=subject(preview, decision),
            plan=preview.hash,
            requested_by=preview.requested_by,
            approvers=status.approvers,
            since=_moment(status.since),
            expires=_moment(status.expires),
            signed=status.signed,
            decided_by=decision.by if decision else None,
            comment=decision.comment if decision else None,
            **_particulars(preview, decision),
        )
        task = asyncio.create_task(self._notified(notice))
        # The loop itself keeps no hold of its tasks.
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _notified(self, notice: Notice) -> None:
        try:
            await workflow.execute_activity(
                NoticeSteps.notify.__name__,
                notice,
                summary=f"Notify: {notice.kind}",
                start_to_close_timeout=NOTICE_TIMEOUT,
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=NOTICE_TRIES),
            )
        except ActivityError as error:
            self._status = self._status.model_copy(update={"notice": reason_of(error)[:500]})
            workflow.logger.warning("a notice was not sent", extra={"reason": reason_of(error)})
        else:
            self._status = self._status.model_copy(update={"notice": None})
        self._tell()


def _otherwise(preview: AnyPreview) -> str:
    """What a run does where a preview is not approved."""
    if isinstance(preview, EdgePreview) and preview.document.action == "withdraw":
        return "the run waits for an operator"
    return "the run undoes what it did"


def _particulars(preview: AnyPreview, decision: Decision | None) -> dict[str, Any]:
    if isinstance(preview, Preview):
        return {
            "vlan": (decision.vlan if decision else None) or preview.vlan,
            "switches": tuple(switch.switch for switch in preview.switches),
            "by_hand": preview.by_hand,
        }
    routes = preview.document.routes
    told = tuple(f"{route.prefix} via {route.next_hop}" if route.next_hop else route.prefix for route in routes)
    return {"edge": preview.document.action, "routes": told}


def _decided_already(word: Word, decision: Decision, status: ApprovalStatus) -> str:
    done = status.decision
    assert done is not None  # noqa: S101  # for mypy: its only caller has looked
    before = f"{done.by} {status.state} it already at {_moment(status.decided)}"
    same = (word == "approve") == (status.state == "approved")
    if same and decision.plan == done.plan:
        return f"{before}: one decision is enough"
    if same or word == "approve":
        return f"{before}: a decision is taken once"
    return f"{before}: a decision is taken once; to stop the run, cancel it: `temporal workflow cancel`"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "?"
