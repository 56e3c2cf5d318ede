"""A platform's document that announces, as raw data that tests change."""

from typing import Any

from tests.tenancy.documents import raw_platform

LOGIN = {"name": "edge", "username": "berth", "password": {"environment": "BERTH_EDGE_PASSWORD"}}
SHELL = {"name": "shell", "username": "berth-nat", "privateKey": {"file": "/etc/berth/nat"}}
ROUTER = {"name": "edge-1", "platform": "frr", "host": "10.0.0.31", "credentials": "edge"}
NEIGHBOUR = {"name": "fabric-1", "platform": "arista-eos", "host": "10.0.0.41", "credentials": "edge"}
TRANSLATOR = {"name": "nat-1", "platform": "linux-nftables", "host": "10.0.0.31", "credentials": "shell"}
POOL = {"name": "dc-public", "cidrs": ["198.51.100.0/24"]}
STATIC = {"method": "static-route", "routers": [ROUTER], "neighbours": [NEIGHBOUR], "credentials": [LOGIN]}
NAT = {
    "method": "one-to-one-nat",
    "pool": POOL,
    "translators": [TRANSLATOR],
    "routers": [ROUTER],
    "neighbours": [NEIGHBOUR],
    "credentials": [LOGIN, SHELL],
}
BY_HAND: dict[str, Any] = {"method": "none", "linesFor": ["frr"], "approval": {"approvers": ["edge@example.com"]}}


def _changed(base: Any, changes: Any) -> Any:
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def static(spec: Any = None, **changes: Any) -> Any:
    """A document with static routes, and these parts of `announce` changed; None leaves one out."""
    return raw_platform(announce=_changed(STATIC, changes), **(spec or {}))


def nat(spec: Any = None, **changes: Any) -> Any:
    """The same with one-to-one NAT."""
    return raw_platform(announce=_changed(NAT, changes), **(spec or {}))


def by_hand(spec: Any = None, **changes: Any) -> Any:
    """The same where the edge team configures its routers itself."""
    return raw_platform(announce=_changed(BY_HAND, changes), **(spec or {}))


def pooled(spec: Any = None, **changes: Any) -> Any:
    """The same with one-to-one NAT, and these parts of its pool changed."""
    return nat(spec, pool=_changed(POOL, changes))
