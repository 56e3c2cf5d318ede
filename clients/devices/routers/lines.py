"""All the lines of a request, as for a router that has none of it, or all: for a page, or for people who send them by hand."""

from clients.devices.routers import ROUTERS
from clients.devices.routers.changes import after, to_announce, to_withdraw
from clients.devices.steps import lines_of
from tenancy.devices import EdgeRequest
from tenancy.edge import RouterPlatform


def all_lines(platform: RouterPlatform, request: EdgeRequest, tag: int) -> tuple[str, ...]:
    """Of an `announce`, or of a `withdraw`. Raises RefusedError for a next hop of the other family."""
    dialect = ROUTERS[platform]
    if request.action == "announce":
        return lines_of(to_announce(dialect, {}, request, tag, platform))
    state = after(dialect, {}, request.model_copy(update={"action": "announce"}), tag)
    return lines_of(to_withdraw(dialect, state, request, tag, platform))
