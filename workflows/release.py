"""Giving back what a living tenant's document no longer says: last of all, and for good.

An address that was given back may be another tenant's at once, so nothing here is undone. What cannot go waits for an
operator, and a run that is started again goes on with what is still there.
"""

from activities.edge import EdgeSteps, RecordedAnnouncement
from activities.public_addresses import PublicAddressSteps, ReleasePublicAddresses
from activities.vpc import OwnExceptions, RouterPort
from tenancy.announcement import Announcement
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE
from tenancy.plan import Stage
from tenancy.release import Released
from workflows.asking import Asking
from workflows.board import Board
from workflows.edge import off_the_edge
from workflows.outside import exceptions_withdrawn, object_gone, off_the_outside, way_out_closed
from workflows.removal import Removal, Removals
from workflows.steps import ANNOUNCEMENT, OWN_ADDRESSES, PUBLIC_ADDRESSES, ROUTER_PORT, given_back


class OwnRelease:
    """What one tenant gives back."""

    def __init__(self, board: Board, asking: Asking, tenant: str) -> None:
        self._board = board
        self._asking = asking
        self._tenant = tenant
        self.begun = False
        """From then on nothing of the run is undone."""
        self.removals = Removals(board)
        """What an operator decides about, once it has begun."""

    async def carry_out(self, released: Released, left: Announcement | None) -> None:
        """Gives it back. `left` is what the record of the announcement is to say then; None for nothing.

        Raises ApplicationError of type LEFT_BEHIND where something stays by an operator's decision, or CancelledError.
        """
        self.begun = True
        for phase in off_the_outside(
            edge=(
                off_the_edge(self._board, self._asking, self._tenant, released.announcement, Stage.RELEASE)
                if released.announcement is not None
                else ()
            ),
            rules=[
                *self._record(released, left),
                *self._exceptions(released),
                *self._objects(released, OVN_FIP.name, OVN_SNAT_RULE.name),
            ],
            public=self._public(released),
            addresses=[*self._objects(released, OVN_EIP.name), *self._way_out(released)],
        ):
            self.removals.new_phase()
            for removal in phase:
                self.removals.register(removal)
        await self.removals.carry_out()

    def _record(self, released: Released, left: Announcement | None) -> list[Removal]:
        if released.announcement is None:
            return []
        # Before the addresses go: a record that names another's address would have it withdrawn.
        given = RecordedAnnouncement(tenant=self._tenant, announcement=left)
        needed = "another tenant may be given the addresses it names"
        return [Removal(given_back(ANNOUNCEMENT), EdgeSteps.record_announcement, given, needed=needed)]

    def _exceptions(self, released: Released) -> list[Removal]:
        if not released.addresses:
            return []
        given = OwnExceptions(tenant=self._tenant, only=released.addresses)
        return [exceptions_withdrawn(given_back(OWN_ADDRESSES), given)]

    def _objects(self, released: Released, *kinds: str) -> list[Removal]:
        return [object_gone(self._tenant, one.kind, one.name, stage=Stage.RELEASE) for one in released.of(*kinds)]

    def _public(self, released: Released) -> list[Removal]:
        if not released.public:
            return []
        given = ReleasePublicAddresses(tenant=self._tenant, external_ips=released.external_ips)
        return [Removal(given_back(PUBLIC_ADDRESSES), PublicAddressSteps.release_public_addresses, given)]

    def _way_out(self, released: Released) -> list[Removal]:
        if released.router_port is None:
            return []
        outside = tuple(released.router_port["extraExternalSubnets"])
        port = RouterPort(tenant=self._tenant, external_subnets=outside, spec=released.router_port)
        return [way_out_closed(given_back(ROUTER_PORT), port)]
