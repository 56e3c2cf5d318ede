"""Whose an address at the edge is, as the platform's own objects tell: external IPs, and reserved public addresses."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address

from clients.kube_ovn.client import KubeOvn
from tenancy import names
from tenancy.devices import EdgeRequest
from tenancy.edge import Announce, OneToOneNat
from tenancy.kinds import CONFIG_MAP, OVN_EIP, Object
from tenancy.plan import owner_of

TAKES_AWAY = ("withdraw", "untranslate")


async def refusals_of_addresses(
    kube: KubeOvn, requests: Sequence[EdgeRequest], announce: Announce
) -> Mapping[str, str]:
    """By the request's ID, why its addresses are not to be touched at the edge for its tenant now.

    To be announced or translated, an address has to be held by the tenant: an external IP by an OvnEip, a public one by its
    reservation. To be taken away, it must not be somebody else's by now. So nobody has a route made, or taken, by signalling
    a device's queue. Raises what the client raises.
    """
    pool = announce.pool if isinstance(announce, OneToOneNat) else None
    eips, reserved = await asyncio.gather(
        kube.list(OVN_EIP), kube.list(CONFIG_MAP, namespace=pool.namespace) if pool is not None else _nothing()
    )
    external = {address: owner_of(eip) or f"OvnEip {eip['metadata']['name']}" for eip in eips for address in _held(eip)}
    public = {str(one["metadata"]["name"]): owner_of(one) for one in reserved}
    refusals = {}
    for request in requests:
        for what, address, owner in _owners(request, external, public, translated=pool is not None):
            if owner == request.tenant or (owner is None and request.action in TAKES_AWAY):
                continue
            whose = f"{owner}'s" if owner else "nobody's"
            refusals[request.id] = f"{what} {address} is {whose}, not {request.tenant}'s: nothing was changed"
            break
    return refusals


def _owners(
    request: EdgeRequest, external: Mapping[str, str], public: Mapping[str, str | None], *, translated: bool
) -> Iterator[tuple[str, str, str | None]]:
    """What each address of a request is, the address, and whose."""
    for route in request.routes:
        if translated:
            yield "public address", route.address, public.get(names.public_address(route.address))
        else:
            yield "external IP", route.address, external.get(route.address)
    for pair in request.translations:
        yield "public address", pair.public, public.get(names.public_address(pair.public))
        yield "external IP", pair.external, external.get(pair.external)


def _held(eip: Object) -> Iterator[str]:
    """The addresses of an OvnEip: those it has, and those it is to have."""
    for part in ("spec", "status"):
        for key in ("v4Ip", "v6Ip"):
            with suppress(ValueError):  # what is none yet
                yield str(ip_address(str((eip.get(part) or {}).get(key))))


async def _nothing() -> list[Object]:
    return []
