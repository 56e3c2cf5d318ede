"""The edge: translations first, then the routes, then the neighbours' word; and back in reverse."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.decisions import UNAVAILABLE
from activities.edge import EdgeSteps, RecordedAnnouncement
from activities.public_addresses import (
    PublicAddresses,
    PublicAddressSteps,
    ReleasePublicAddresses,
    ReservePublicAddresses,
)
from tenancy.announcement import Announcement, Route, joined
from tenancy.devices import EdgeRequest
from tenancy.edge import OneToOneNat
from tenancy.plan import EdgePlan, Stage
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from workflows.asking import Asking
from workflows.board import Board
from workflows.edge_team import EdgeTeam
from workflows.face import StepState, StepStatus
from workflows.removal import TRIES, Removal, Removals
from workflows.stepping import side_by_side, take_step, to_its_end
from workflows.steps import ANNOUNCEMENT, PUBLIC_ADDRESSES, answer_of, routes_at, routes_on, translations_on

FIRST_LOOK, LONGEST_LOOK = timedelta(seconds=1), timedelta(minutes=5)
"""Until a neighbour is asked again, doubled each time: BGP passes a route on within seconds, or something is wrong."""
LONGEST_HISTORY, HEAVIEST_HISTORY = 25_000, 20_000_000
"""Events and bytes of a run that waits for a neighbour. Temporal ends a run at 51,200 and at 50 MB, with nothing undone; the
undo needs its part."""
MOST_TOLD = 5
"""Addresses named one by one."""


class OwnEdge:
    """What is announced of one tenant, from its public addresses until every neighbour has heard of them."""

    def __init__(self, board: Board, removals: Removals, asking: Asking, *, run: str) -> None:
        self._board = board
        self._removals = removals
        self._asking = asking
        self._tenant = board.status().tenant
        self._run = run

    async def answers(self, plan: EdgePlan) -> None:
        """Every device is there and takes the login, before anything is made."""
        nothing = EdgeRequest(tenant=self._tenant, action="look")
        await self._ask_all([*plan.translators, *plan.routers, *plan.neighbours], answer_of, nothing)

    async def public_addresses(
        self, tenant: TenantNetwork, platform: Platform, *, was_there: bool
    ) -> Mapping[str, Sequence[str]]:
        """Public addresses of the tenant's own, by external IP: a pool that is dry is known before anything is made.

        `was_there` says that the tenant had some before the run. Nothing where there is no pool.
        """
        announce, provider = platform.spec.announce, platform.spec.provider_network
        if not isinstance(announce, OneToOneNat) or provider is None or not tenant.spec.external_ips:
            return {}
        undo = ReleasePublicAddresses(tenant=self._tenant, run=self._run)
        self._register(
            [Removal(PUBLIC_ADDRESSES, PublicAddressSteps.release_public_addresses, undo, was_there=was_there)]
        )
        wanted = ReservePublicAddresses(
            tenant=self._tenant,
            run=self._run,
            external_ips=tuple(ip.name for ip in tenant.spec.external_ips),
            pool=announce.pool,
            families=tuple(sorted(cidr.version for cidr in provider.cidrs)),
        )
        reserved: PublicAddresses = await take_step(
            self._board, PUBLIC_ADDRESSES, PublicAddressSteps.reserve_public_addresses, wanted
        )
        return reserved.addresses

    async def announce(
        self, wanted: Announcement, before: Announcement | None, part_of: str | None, team: EdgeTeam | None = None
    ) -> Announcement:
        """Makes it so. Each step's undo leaves alone what the tenant had before the run.

        Args:
            wanted: all that is to be announced.
            before: what the VPC said was announced before the run.
            part_of: ID of the step whose own undo takes the record away with it.
            team: who configures the routers; None where Berth does.

        Returns what is announced, with whose confirmation.
        """
        self._register(
            [
                Removal(
                    ANNOUNCEMENT,
                    EdgeSteps.record_announcement,
                    RecordedAnnouncement(tenant=self._tenant, announcement=before),
                    part_of=part_of,
                    was_there=before is not None,
                    needed="nobody would know any more what is announced where",
                )
            ]
        )
        # Written before the first line is sent: an offboarding withdraws what is recorded, wherever that was.
        await self._record(joined(before, wanted))
        translators, neighbours, routers = self._as_before(wanted, before)
        self._register(translators)
        await self._ask_all(
            wanted.translators if wanted.translations else (),
            translations_on,
            EdgeRequest(tenant=self._tenant, action="translate", translations=wanted.translations),
        )
        # Before the routes, so that undo looks after they are withdrawn.
        self._register(neighbours)
        self._register(routers)
        await self._ask_all(
            wanted.routers,
            routes_on,
            EdgeRequest(tenant=self._tenant, action="announce", routes=wanted.routes),
        )
        if team is not None:
            wanted = await self._by_team(team, wanted, before)
        await side_by_side(
            [
                _heard(self._board, self._asking, self._tenant, neighbour, wanted.routes)
                for neighbour in wanted.neighbours
            ]
        )
        return wanted

    def _as_before(
        self, wanted: Announcement, before: Announcement | None
    ) -> tuple[list[Removal], list[Removal], list[Removal]]:
        """What brings translators, neighbours and routers back to how they were, each device by itself: one may be new."""
        new = wanted.new_routes(before)
        neighbours = _forgotten_by(wanted.neighbours, self._board, self._asking, self._tenant, new) if new else []
        translators = [
            _taken_off(self._asking, translations_on(name), name, wish)
            for name in wanted.translators
            if (pairs := wanted.new_translations_on(name, before))
            for wish in [EdgeRequest(tenant=self._tenant, action="untranslate", translations=pairs)]
        ]
        routers = [
            Removal(routes_on(name), by=partial(self._routed_as_before, name, new, others))
            for name in wanted.routers
            for new, others in [(wanted.new_routes_on(name, before), wanted.routes_in_place_of(name, before))]
            if new or others
        ]
        return translators, neighbours, routers

    async def _routed_as_before(self, router: str, new: Sequence[Route], others: Sequence[Route]) -> bool:
        """Withdraws what is new, and announces again what the run announced otherwise. True where anything was sent."""
        wishes = [
            EdgeRequest(tenant=self._tenant, action=action, routes=tuple(routes))
            for action, routes in (("withdraw", new), ("announce", others))
            if routes
        ]
        return any([await self._asking.take_back(routes_on(router), router, wish) for wish in wishes])

    async def _by_team(self, team: EdgeTeam, wanted: Announcement, before: Announcement | None) -> Announcement:
        """Has the team configure what it has not confirmed before. Its undo is asked of the team as well."""
        given = team.standing(wanted.routes, before.confirmations if before else ())
        missing = team.missing(wanted.routes, given)
        if not missing:
            team.nothing_to_do(given)
            return wanted.model_copy(update={"confirmations": given})
        new = wanted.new_routes(before)
        to_do, undo = await team.written_down(
            ("announce", missing), ("withdraw", [route for route in missing if route in new])
        )
        left = joined(before, wanted.model_copy(update={"confirmations": given}))
        self._register([team.withdrawal(undo, left, once=to_do)])
        confirmation = await team.announced(to_do)
        confirmed = wanted.model_copy(update={"confirmations": (*given, confirmation)})
        await self._record(joined(before, confirmed).brief)
        return confirmed

    async def _record(self, announcement: Announcement) -> None:
        given = RecordedAnnouncement(tenant=self._tenant, announcement=announcement)
        await take_step(self._board, ANNOUNCEMENT, EdgeSteps.record_announcement, given)

    def _register(self, phase: Sequence[Removal]) -> None:
        self._removals.new_phase()
        for removal in phase:
            self._removals.register(removal)

    async def _ask_all(self, devices: Sequence[str], step: Callable[[str], StepStatus], wish: EdgeRequest) -> None:
        await side_by_side([self._asking.take(step(device), device, wish) for device in devices])


def off_the_edge(
    board: Board, asking: Asking, tenant: str, announced: Announcement, stage: str = Stage.EDGE
) -> tuple[list[Removal], list[Removal], list[Removal]]:
    """What takes this off the edge: of the translators, of the neighbours, of the routers; the last are to go first.

    A neighbour only waits until it has forgotten the routes, since what it still sends must still be translated.
    """
    if not announced.external_ips:
        return [], [], []
    untranslate = EdgeRequest(tenant=tenant, action="untranslate", translations=announced.translations)
    withdraw = EdgeRequest(tenant=tenant, action="withdraw", routes=announced.routes)
    return (
        [_taken_off(asking, translations_on(name, stage), name, untranslate) for name in announced.translators],
        _forgotten_by(announced.neighbours, board, asking, tenant, announced.routes, stage),
        [_taken_off(asking, routes_on(name, stage), name, withdraw) for name in announced.routers],
    )


def _forgotten_by(
    neighbours: Sequence[str],
    board: Board,
    asking: Asking,
    tenant: str,
    routes: Sequence[Route],
    stage: str = Stage.EDGE,
) -> list[Removal]:
    return [
        Removal(step, by=partial(_forgotten, board, asking, step, tenant, name, routes))
        for name in neighbours
        for step in [routes_at(name, stage)]
    ]


def _taken_off(asking: Asking, step: StepStatus, device: str, wish: EdgeRequest) -> Removal:
    return Removal(step, by=partial(asking.take_back, step, device, wish))


async def _heard(board: Board, asking: Asking, tenant: str, neighbour: str, routes: Sequence[Route]) -> None:
    """A whole step: waits until a neighbour has heard of every route, however long that takes."""
    step = routes_at(neighbour)
    board.mark(step.id, StepState.RUNNING, "")
    await to_its_end(board, step, _looked(board, asking, step, tenant, neighbour, routes, there=True))
    board.mark(step.id, StepState.DONE, "")


async def _forgotten(
    board: Board, asking: Asking, step: StepStatus, tenant: str, neighbour: str, routes: Sequence[Route]
) -> bool:
    """Waits until a neighbour has forgotten every route.

    Raises a final ApplicationError of type UNAVAILABLE once it has been asked often enough to ask an operator.
    """
    await _looked(board, asking, step, tenant, neighbour, routes, there=False, tries=TRIES)
    return True


async def _looked(
    board: Board,
    asking: Asking,
    step: StepStatus,
    tenant: str,
    neighbour: str,
    routes: Sequence[Route],
    *,
    there: bool,
    tries: int | None = None,
) -> None:
    """Looks until all routes are there, or none is."""
    wish, wait, looks = EdgeRequest(tenant=tenant, action="look", routes=tuple(routes)), FIRST_LOOK, 0
    while True:
        outcome = await asking.ask(step, neighbour, wish, tries=tries)
        looks += 1
        wrong = [route.prefix for route in routes if (route.address in outcome.in_force) is not there]
        if not wrong:
            return
        named = ", ".join(wrong[:MOST_TOLD]) + (f" and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else "")
        why = f"{neighbour} {'has not heard of' if there else 'still has a route to'} {named} (looks: {looks})"
        if looks == tries:
            raise ApplicationError(
                f"{why}: see what else announces it, and its session with the edge",
                type=UNAVAILABLE,
                non_retryable=True,
            )
        if tries is None and _is_long():
            raise ApplicationError(
                f"{why}, and the history of this run is nearly full: see the router's redistribution and its session with"
                f" {neighbour}, and start the run again",
                type=UNAVAILABLE,
                non_retryable=True,
            )
        board.mark(step.id, board.step(step.id).state, why)
        await workflow.sleep(wait, summary=f"{neighbour}: until the next look")
        wait = min(2 * wait, LONGEST_LOOK)


def _is_long() -> bool:
    info = workflow.info()
    return info.get_current_history_length() > LONGEST_HISTORY or info.get_current_history_size() > HEAVIEST_HISTORY
