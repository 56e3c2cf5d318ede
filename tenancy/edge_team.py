"""From the routes of a tenant to what the edge team is asked, and which of them it has confirmed before."""

from collections.abc import Iterable, Sequence

from tenancy.announcement import Route
from tenancy.approval import Confirmation
from tenancy.devices import vlan_name
from tenancy.edge_work import EdgeRoute, EdgeWork, RouteAction


def work(tenant: str, action: RouteAction, tag: int, routes: Iterable[Route]) -> EdgeWork:
    """The document about these routes."""
    return EdgeWork(
        tenant=tenant,
        action=action,
        tag=tag,
        routes=tuple(
            EdgeRoute(prefix=route.prefix, next_hop=route.next_hop, description=vlan_name(tenant)) for route in routes
        ),
    )


def standing(wanted: EdgeWork, confirmations: Sequence[Confirmation]) -> tuple[Confirmation, ...]:
    """The confirmations that still are about a route that is wanted, as it is wanted."""
    return tuple(
        one
        for one in confirmations
        if one.preview.document.tag == wanted.tag and not set(wanted.routes).isdisjoint(one.preview.document.routes)
    )


def unconfirmed(wanted: EdgeWork, routes: Sequence[Route], confirmations: Sequence[Confirmation]) -> tuple[Route, ...]:
    """Of `routes`, in the order of the document, those nobody has confirmed as they are wanted."""
    confirmed = {route for one in standing(wanted, confirmations) for route in one.preview.document.routes}
    return tuple(route for route, told in zip(routes, wanted.routes, strict=True) if told not in confirmed)
