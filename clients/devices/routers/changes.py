"""From the routes a router has and what is asked to the lines that are missing. Pure: nothing is sent from here."""

from collections.abc import Mapping
from ipaddress import ip_network

from clients.devices.routers.dialect import Network, RouteDialect, Static, Statics, rendered
from clients.devices.steps import Step
from clients.errors import RefusedError
from tenancy.announcement import Route
from tenancy.devices import EdgeRequest, vlan_name
from tenancy.mistakes import shown


def asked(dialect: RouteDialect, request: EdgeRequest, tag: int) -> dict[Network, Static]:
    """The routes of a request as the router would have them."""
    return {network_of(route): _owned(dialect, request, tag, Static(route.next_hop)) for route in request.routes}


def network_of(route: Route) -> Network:
    """The address as a network of one host."""
    return ip_network(route.prefix)


def to_announce(dialect: RouteDialect, state: Statics, request: EdgeRequest, tag: int, where: str) -> tuple[Step, ...]:
    """What is missing until each address has the route asked for, and no other of the tenant's.

    Raises RefusedError `foreign-route`, or `rejected` for a next hop of the other family.
    """
    steps: list[Step] = []
    for network, wanted in asked(dialect, request, tag).items():
        _one_family(network, wanted, request, where)
        held = state.get(network, ())
        _not_foreign(dialect, network, held, request, tag, where, "nothing was touched: look who made it")
        if not dialect.several:
            steps += (
                [*_all_removed(dialect, network, held), _added(dialect, network, wanted)] if held != (wanted,) else []
            )
            continue
        added = [] if wanted in held else [_added(dialect, network, wanted)]
        gone = [_removed(dialect, network, static) for static in held if static != wanted]
        # One after the other leaves a moment without a route, which the neighbours hear of. But a next hop does not stand
        # beside a discard.
        beside = wanted.next_hop is not None and all(static.next_hop for static in held)
        steps += [*added, *gone] if beside else [*gone, *added]
    return tuple(steps)


def to_withdraw(dialect: RouteDialect, state: Statics, request: EdgeRequest, tag: int, where: str) -> tuple[Step, ...]:
    """What takes the tenant's routes to the addresses away, whatever their next hop. Raises RefusedError `foreign-route`."""
    steps: list[Step] = []
    for network in asked(dialect, request, tag):
        held = state.get(network, ())
        _not_foreign(
            dialect, network, held, request, tag, where, "nothing was touched: remove it by hand if it has to go"
        )
        steps += _all_removed(dialect, network, held)
    return tuple(steps)


def after(dialect: RouteDialect, state: Statics, request: EdgeRequest, tag: int) -> Statics:
    """The routes once an `announce` or a `withdraw` took effect."""
    routes = dict(state)
    for network, wanted in asked(dialect, request, tag).items():
        if request.action == "announce":
            routes[network] = (wanted,)
        else:
            routes.pop(network, None)
    return routes


def differences(before: Statics, now: Statics, wanted: Mapping[Network, Static]) -> list[str]:
    """Which of the tenant's own routes are not as they were, for people."""
    found = []
    for network, asked_for in wanted.items():
        was, is_ = (
            [one for one in state.get(network, ()) if _owner(one) == _owner(asked_for)] for state in (before, now)
        )
        if set(was) != set(is_):
            found.append(f"the route to {network} is {', '.join(map(told, is_)) or 'gone'}")
    return found


def _owner(static: Static) -> tuple[int | None, str | None]:
    return static.tag, static.name


def told(static: Static) -> str:
    """A route's way, tag and name, for people."""
    words = ["discarded" if static.next_hop is None else f"via {static.next_hop}"]
    words += [f"tag {static.tag}"] if static.tag is not None else ["without a tag"]
    words += [f"named {shown(static.name)}"] if static.name is not None else []
    words += [shown(static.other)] if static.other else []
    return " ".join(words)


def _added(dialect: RouteDialect, network: Network, static: Static) -> Step:
    return Step(
        rendered(dialect, dialect.announce, network, static), rendered(dialect, dialect.withdraw, network, static)
    )


def _removed(dialect: RouteDialect, network: Network, static: Static) -> Step:
    step = _added(dialect, network, static)
    return Step(step.inverse, step.lines)


def _all_removed(dialect: RouteDialect, network: Network, held: tuple[Static, ...]) -> list[Step]:
    return [_removed(dialect, network, static) for static in (held if dialect.several else held[:1])]


def _owned(dialect: RouteDialect, request: EdgeRequest, tag: int, static: Static) -> Static:
    """The same way, as Berth writes it for the tenant."""
    tagged = static.next_hop is None or dialect.tagged_hops
    return Static(static.next_hop, tag if tagged else None, vlan_name(request.tenant) if dialect.named else None)


def _one_family(network: Network, wanted: Static, request: EdgeRequest, where: str) -> None:
    # FRR takes an address of the other family for the name of an interface, and says nothing.
    if wanted.next_hop is not None and ip_network(wanted.next_hop).version != network.version:
        raise RefusedError(
            f"{where}: the route to {network} of {request.tenant} has next hop {wanted.next_hop}, expected an IPv"
            f"{network.version} address: correct announce.nextHops",
            reason="rejected",
        )


def _not_foreign(
    dialect: RouteDialect,
    network: Network,
    held: tuple[Static, ...],
    request: EdgeRequest,
    tag: int,
    where: str,
    remedy: str,
) -> None:
    for static in held:
        if static != (ours := _owned(dialect, request, tag, static)):
            raise RefusedError(
                f"{where}: there is a route to {network} already, {told(static)}, expected it {told(ours)}: {remedy}",
                reason="foreign-route",
            )
