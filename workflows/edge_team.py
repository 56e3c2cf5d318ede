"""The edge team's part of a run: what it has to do is written down, it confirms that, and nothing goes before it has."""

from collections.abc import Sequence
from functools import partial

from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from activities.edge import EdgeInstructions, EdgeSteps, RecordedAnnouncement, WrittenDown
from tenancy.announcement import Announcement, Route
from tenancy.approval import Confirmation
from tenancy.devices import EdgeRequest
from tenancy.edge import ByEdgeTeam
from tenancy.edge_team import standing, unconfirmed, work
from tenancy.edge_work import EdgePreview, RouteAction
from tenancy.plan import Stage
from workflows.approval import Approvals
from workflows.board import Board
from workflows.face import REFUSED, StepState
from workflows.removal import TRIES, Removal
from workflows.stepping import carried_out, take_step
from workflows.steps import by_edge_team, edge_lines


class EdgeTeam:
    """Who configures the edge routers by hand."""

    def __init__(self, board: Board, approvals: Approvals, announce: ByEdgeTeam, allowed_signers: str) -> None:
        """Raises ApplicationError of type REFUSED where nobody requested the run, and so nobody could be another."""
        status = board.status()
        if not status.requested_by.strip():
            raise ApplicationError(
                "nobody is named as requester, so nobody could be another and confirm what is done at the edge: start the"
                " run with requestedBy",
                type=REFUSED,
                non_retryable=True,
            )
        self._board = board
        self._approvals = approvals
        self._announce = announce
        self._signers = allowed_signers or None
        self._tenant, self._run, self._requested_by = status.tenant, status.run, status.requested_by
        self._withdrawn: list[Confirmation] = []

    @property
    def withdrawn(self) -> tuple[Confirmation, ...]:
        """What the team has confirmed to have withdrawn."""
        return tuple(self._withdrawn)

    def standing(self, routes: Sequence[Route], before: Sequence[Confirmation]) -> tuple[Confirmation, ...]:
        """The confirmations of earlier runs that are about these routes."""
        return standing(work(self._tenant, "announce", self._announce.tag, routes), before)

    def missing(self, routes: Sequence[Route], before: Sequence[Confirmation]) -> tuple[Route, ...]:
        """The routes that nobody has confirmed as they are wanted now."""
        return unconfirmed(work(self._tenant, "announce", self._announce.tag, routes), routes, before)

    async def written_down(self, *wishes: tuple[RouteAction, Sequence[Route]]) -> list[EdgePreview]:
        """A step: what the team has to do for each of these, with the lines for its routers."""
        asked = EdgeInstructions(
            requests=tuple(
                EdgeRequest(tenant=self._tenant, action=action, routes=tuple(routes)) for action, routes in wishes
            ),
            tag=self._announce.tag,
            platforms=self._announce.lines_for,
        )
        written: WrittenDown = await take_step(self._board, edge_lines(), EdgeSteps.edge_instructions, asked)
        return [
            EdgePreview(
                run=self._run,
                requested_by=self._requested_by,
                document=work(self._tenant, action, self._announce.tag, routes),
                platforms=lines,
            )
            for (action, routes), lines in zip(wishes, written.lines, strict=True)
        ]

    def nothing_to_do(self, before: Sequence[Confirmation]) -> None:
        """Says on the board that all has been confirmed before."""
        self._board.mark(edge_lines().id, StepState.DONE, "nothing new")
        given = f"confirmed before by {', '.join(dict.fromkeys(one.decision.by for one in before))}" if before else ""
        self._board.mark(by_edge_team().id, StepState.DONE, given)

    async def announced(self, preview: EdgePreview) -> Confirmation:
        """A step: waits until the team has confirmed that it has done this."""
        return await self._confirmed(preview)

    def withdrawal(
        self, withdraw: EdgePreview, left: Announcement, *, once: EdgePreview | None = None, stage: str = Stage.EDGE
    ) -> Removal:
        """Waits until the team has confirmed that it has withdrawn this; with `once`, if it has confirmed that before.

        `left` is what is recorded before it is asked, without the confirmations of what is to go. Rejected, or confirmed by
        nobody in time, it is left to an operator, and asked again where that says retry.
        """
        return Removal(by_edge_team(stage), by=partial(self._taken_back, withdraw, left, once))

    async def _taken_back(self, withdraw: EdgePreview, left: Announcement, once: EdgePreview | None) -> str | bool:
        if not withdraw.document.routes or (once is not None and not self._approvals.has_approved(once)):
            return False
        # Once it is asked nobody knows what is there: a run that stops here must not leave a word that it is announced.
        await carried_out(
            EdgeSteps.record_announcement,
            RecordedAnnouncement(tenant=self._tenant, announcement=left),
            id="unconfirmed",
            summary="Confirmation taken off the record",
            retry_policy=RetryPolicy(maximum_attempts=TRIES),
        )
        confirmation = await self._confirmed(withdraw)
        self._withdrawn.append(confirmation)
        return f"confirmed by {confirmation.decision.by}"

    async def _confirmed(self, preview: EdgePreview) -> Confirmation:
        return await self._approvals.confirm(preview, self._announce.approval, self._signers, step=by_edge_team())
