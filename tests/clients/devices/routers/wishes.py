"""What the tests of the routers ask for, be the routers simulated or real."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from tenancy.announcement import Route
from tenancy.devices import EdgeAction, EdgeRequest

TAG = 4200
V4, V6 = "198.51.100.7", "2001:db8:100::7"
HOP, HOP6, OTHER_HOP = "192.0.2.7", "2001:db8:ff::7", "192.0.2.8"
Wish: TypeAlias = Mapping[str, str | None]
"""Address -> next hop; None where it is discarded."""
BOTH: Wish = {V4: HOP, V6: HOP6}


@dataclass
class Wishes:
    """Requests, each with an ID of its own."""

    ids: "count[int]" = field(default_factory=count, kw_only=True)

    def request(self, action: EdgeAction, wish: Wish, tenant: str = "acme") -> EdgeRequest:
        routes = tuple(Route(address=address, next_hop=hop) for address, hop in wish.items())
        return EdgeRequest(id=f"request-{next(self.ids)}", tenant=tenant, action=action, routes=routes)
