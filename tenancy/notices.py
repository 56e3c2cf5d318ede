"""What people are told of an approval that waits or was decided: a title, and a text without any secret."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tenancy.edge_work import RouteAction
from tenancy.fields import Name
from tenancy.vlans import VlanId

MOST_ROUTES = 20
"""Routes named one by one."""


class Notice(BaseModel):
    """One notice about one run."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["asked", "reminder", "approved", "rejected", "expired", "cancelled"]
    tenant: Name
    run: str
    about: str = ""
    """What it is about, in a few words; left out, the VLAN."""
    vlan: VlanId | None = None
    edge: RouteAction | None = None
    """What the edge team is to do with the routes; None where it is about a VLAN."""
    routes: tuple[str, ...] = ()
    plan: str
    """Hash of the preview."""
    requested_by: str
    approvers: tuple[str, ...]
    since: str
    expires: str
    """Both as people read them, UTC."""
    switches: tuple[str, ...] = ()
    by_hand: bool = False
    signed: bool = False
    decided_by: str | None = None
    comment: str | None = None


def title(notice: Notice) -> str:
    """One line."""
    what = f"{notice.about or f'VLAN {notice.vlan}'} for tenant {notice.tenant}"
    match notice.kind:
        case "asked":
            return f"Berth: {what} waits for approval"
        case "reminder":
            return f"Berth: {what} still waits for approval, since {notice.since}"
        case "expired" if notice.edge == "withdraw":
            return f"Berth: {what} was approved by nobody in time, and an operator has to decide"
        case "expired":
            return f"Berth: {what} was approved by nobody in time, and is undone"
        case "cancelled":
            return f"Berth: {what} was cancelled while it waited for approval"
        case _:
            return f"Berth: {what} was {notice.kind} by {notice.decided_by}"


def body(notice: Notice) -> str:
    """The text: who asks, for what, and how to decide."""
    return "\n".join(_lines(notice))


def _lines(notice: Notice) -> Iterator[str]:
    yield f"Requested by: {notice.requested_by or 'nobody named'}"
    yield f"Tenant: {notice.tenant}"
    if notice.edge is None:
        yield f"VLAN: {notice.vlan}"
        yield f"Switches: {', '.join(notice.switches) or 'none'}"
        yield f"Configured by: {'the network team, by hand' if notice.by_hand else 'Berth, once approved'}"
    else:
        more = len(notice.routes) - MOST_ROUTES
        yield f"To {notice.edge} on every edge router, by hand: approve once that is done"
        yield from (f"Route: {route}" for route in notice.routes[:MOST_ROUTES])
        yield from [f"and {more} routes more"] if more > 0 else []
        if notice.edge == "announce" and notice.kind in ("expired", "rejected", "cancelled"):
            yield "What is configured of it already has to go: the addresses may be another tenant's next"
    yield f"Plan: {notice.plan}"
    yield f"Run: {notice.run}"
    if notice.comment:
        yield f"Comment: {notice.comment}"
    if notice.kind in ("asked", "reminder"):
        key = " --key FILE" if notice.signed else ""
        yield f"Waits since: {notice.since}, until {notice.expires}"
        yield f"May decide: {', '.join(notice.approvers)}"
        yield ""
        yield f"Look and approve: berth approve {notice.tenant}{key}{' --vlan ID' if notice.by_hand else ''}"
        yield f"Reject: berth reject {notice.tenant}{key} --reason '...'"
