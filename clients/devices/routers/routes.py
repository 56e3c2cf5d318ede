"""What a session with a router is about: the static routes to tenants' addresses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from clients.devices.command_line import UnreadableError
from clients.devices.reading import error_in
from clients.devices.routers.changes import after, asked, differences, network_of, to_announce, to_withdraw
from clients.devices.routers.dialect import Network, RouteDialect, Statics
from clients.devices.session import Session
from clients.devices.steps import Step
from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome, EdgeRequest

ParsedT = TypeVar("ParsedT")
WIDEST = {4: 16, 6: 48}
"""Prefix lengths. The Internet has routes of /24 and of /48 at the longest: some hundred of them are inside, not a million."""


class RouterRoutes:
    """The static routes of one router, and its routing table where one looks.

    Of a neighbour, which is only read, no configuration is.
    """

    def __init__(
        self, session: Session, dialect: RouteDialect, tag: int, requests: Iterable[EdgeRequest], *, neighbour: bool
    ) -> None:
        self._session = session
        self._dialect = dialect
        self._tag = tag
        self._neighbour = neighbour
        self._looked = [network_of(route) for one in requests if one.action == "look" for route in one.routes]
        self._table: Mapping[Network, bool] | None = None
        self._configuration = ""

    def read(self) -> Statics:
        """Every static route that is configured now."""
        if self._neighbour:
            return {}
        reading = self._dialect.reading
        if reading.ready is not None:
            command, parts = reading.ready
            if not parts.search(answer := self._session.read(command)):
                raise UnavailableError(
                    f"{self._session.where}: `{command}` names {answer.strip() or 'nothing'}, so a part of it is down, and "
                    "with it a part of its configuration: nothing is changed until it is up again"
                )
        self._configuration, routes = self._understood(reading.command, reading.parse)
        return routes

    def changes(self, request: EdgeRequest) -> bool:
        """Whether it is about more than looking."""
        return request.action != "look"

    def meet(self, one: EdgeRequest, other: EdgeRequest) -> bool:
        """Whether two are about one address."""
        return not {route.address for route in one.routes}.isdisjoint(route.address for route in other.routes)

    def needs(self, state: Statics, request: EdgeRequest) -> tuple[Step, ...]:
        """What is missing until the routes are there, or gone."""
        way = to_withdraw if request.action == "withdraw" else to_announce
        return way(self._dialect, state, request, self._tag, self._session.where)

    def allowed(self, request: EdgeRequest, steps: Sequence[Step]) -> None:
        """Every line, for whose the addresses are was found out before; but none on a neighbour."""
        if self._neighbour:
            raise RefusedError(
                f"{self._session.where}: {request.action}: it is only read: name one of announce.routers",
                reason="invalid-request",
            )

    def after(self, state: Statics, request: EdgeRequest) -> Statics:
        """The routes once the request took effect."""
        return after(self._dialect, state, request, self._tag)

    def differences(self, before: Statics, now: Statics, request: EdgeRequest) -> list[str]:
        """Which of the request's routes are not as they were."""
        return differences(before, now, asked(self._dialect, request, self._tag))

    def named(self, request: EdgeRequest) -> str:
        """The routes and whose they are."""
        listed = ", ".join(route.prefix for route in request.routes)
        return f"the route{'s' * (len(request.routes) > 1)} to {listed} of {request.tenant}"

    def foreign(self, diff: str, requests: Sequence[EdgeRequest]) -> str | None:
        """What in a candidate's diff none of these requests asked for."""
        ours = {network_of(route) for request in requests for route in request.routes}
        try:
            others = self._dialect.changed(diff) - ours
        except UnreadableError as error:
            return str(error)
        return f"a change of the route to {min(map(str, others))}" if others else None

    def staged(self, diff: str) -> Statics | None:
        """The routes once a candidate with this diff is committed, where a commit does not go back by itself."""
        if self._dialect.staged is None:
            return None
        return self._dialect.reading.parse(self._dialect.staged(self._configuration, diff))

    def answer(self, state: Statics, request: EdgeRequest, sent: tuple[str, ...]) -> DeviceOutcome:
        """What is told once all is done; of a look, which routes are in the routing table as asked."""
        if request.action != "look":
            return DeviceOutcome(id=request.id, result="done", lines=sent)
        if self._table is None:
            self._table = self._read_table()
        wanted = asked(self._dialect, request, self._tag)
        in_force = [
            str(network.network_address)
            for network, static in wanted.items()
            if network in self._table
            and (self._neighbour or (self._table[network] and state.get(network) == (static,)))
        ]
        return DeviceOutcome(id=request.id, result="done", in_force=tuple(in_force))

    def _read_table(self) -> Mapping[Network, bool]:
        """All that is routed inside what covers the addresses that are looked at; a command for each of what covers them."""
        table: dict[Network, bool] = {}
        for version, command in self._dialect.table.commands.items():
            for cover in covers(network for network in self._looked if network.version == version):
                asking = command.format(network=cover, address=cover.network_address, mask=cover.netmask)
                table |= self._understood(asking, self._dialect.table.parse)[1]
        return table

    def _understood(self, command: str, parse: Callable[[str], ParsedT]) -> tuple[str, ParsedT]:
        """What the router answers, and what it means."""
        output = self._session.read(command)
        try:
            if words := error_in(self._session, self._dialect.cli, output):
                raise UnreadableError(f"`{command}` was answered with {words}")
            return output, parse(output)
        except UnreadableError as error:
            raise UnavailableError(
                f"{self._session.where}: its answer is not understood, so nothing is changed: {error}: is it really "
                f"{self._dialect.platform}?"
            ) from error


def covers(networks: Iterable[Network]) -> list[Network]:
    """Few networks that hold them all, each of one family and none wider than what an edge router can list at once.

    One that holds everything would do for two pools far apart, and have the whole Internet's table listed.
    """
    near: dict[Network, list[Network]] = {}
    for network in networks:
        near.setdefault(network.supernet(new_prefix=WIDEST[network.version]), []).append(network)
    return [_cover(found) for found in near.values()]


def _cover(networks: Sequence[Network]) -> Network:
    """The smallest network that holds them all; of one family."""
    cover = networks[0]
    while not all(network.network_address in cover for network in networks):
        cover = cover.supernet()
    return cover
