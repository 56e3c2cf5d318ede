"""Whose an address at the edge is, as the platform's own objects tell: external IPs, and reserved public addresses."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.public_addresses import RESERVING
from tenancy import names
from tenancy.devices import TAKES_AWAY, EdgeRequest
from tenancy.edge import Announce, OneToOneNat
from tenancy.kinds import CONFIG_MAP, OVN_EIP, Object
from tenancy.plan import addresses_of, owner_of


async def refusals_of_addresses(
    kube: KubeOvn, requests: Sequence[EdgeRequest], announce: Announce
) -> Mapping[str, str]:
    """By the request's ID, why its addresses are not to be touched at the edge for its tenant now.

    To be announced or translated, an address has to be held by the tenant: an external IP by an OvnEip, a public one by its
    reservation; and a route leads to the tenant's own router or where the platform's document says. To be taken away, it
    must not be somebody else's by now, and of a translation one side has to be the tenant's still. So nobody has a route
    made, or taken, by signalling a device's queue. Raises what the client raises.
    """
    pool = announce.pool if isinstance(announce, OneToOneNat) else None
    eips, reserved = await asyncio.gather(
        kube.list(OVN_EIP),
        # Where there is no pool any more, there may be addresses of one that was.
        kube.list(CONFIG_MAP, namespace=pool.namespace)
        if pool is not None
        else kube.list(CONFIG_MAP, labels=RESERVING),
    )
    external = {
        str(address): owner_of(eip) or f"OvnEip {eip['metadata']['name']}"
        for eip in eips
        for address in addresses_of(eip)
    }
    public = {str(one["metadata"]["name"]): owner_of(one) for one in reserved}
    refusals = {}
    for request in requests:
        for what, address, owner in _owners(request, external, public, translated=pool is not None):
            if owner == request.tenant or (owner is None and request.action in TAKES_AWAY):
                continue
            whose = f"{owner}'s" if owner else "nobody's"
            refusals[request.id] = f"{what} {address} is {whose}, not {request.tenant}'s: nothing was changed"
            break
        for pair in request.translations:
            # The flows at both addresses end with it, whoever's they are.
            if external.get(pair.external) is None and public.get(names.public_address(pair.public)) is None:
                refusals.setdefault(
                    request.id,
                    f"neither public address {pair.public} nor external IP {pair.external} is {request.tenant}'s any more:"
                    " nothing was changed; see what is left there by hand",
                )
        if request.action == "announce" and request.id not in refusals:
            allowed = _next_hops(request.tenant, announce, eips)
            if strange := next((route for route in request.routes if route.next_hop not in allowed), None):
                refusals[request.id] = (
                    f"{strange.prefix} is to lead to {strange.next_hop or 'nowhere'}, expected one of"
                    f" {', '.join(sorted(filter(None, allowed))) or 'none'}, as the platform and its document say:"
                    " nothing was changed"
                )
    return refusals


def _next_hops(tenant: str, announce: Announce, eips: Sequence[Object]) -> set[str | None]:
    """Where routes to a tenant's addresses may lead; None stands for a route that discards."""
    configured: set[str | None] = {str(hop) for hop in announce.next_hops}
    if isinstance(announce, OneToOneNat):
        return {*configured, None}
    # That of its own router as well where another is configured: an undo goes back to it.
    ports = (eip for eip in eips if eip["metadata"]["name"] == names.router_port_eip(tenant, _external_subnet(eip)))
    return configured | {str(address) for port in ports for address in addresses_of(port)}


def _external_subnet(eip: Object) -> str:
    return str((eip.get("spec") or {}).get("externalSubnet", ""))


def _owners(
    request: EdgeRequest, external: Mapping[str, str], public: Mapping[str, str | None], *, translated: bool
) -> Iterator[tuple[str, str, str | None]]:
    """What each address of a request is, the address, and whose."""
    for route in request.routes:
        reserved = names.public_address(route.address)
        # What goes may have been announced in another way than the document says now.
        if reserved in public if request.action in TAKES_AWAY else translated:
            yield "public address", route.address, public.get(reserved)
        else:
            yield "external IP", route.address, external.get(route.address)
    for pair in request.translations:
        yield "public address", pair.public, public.get(names.public_address(pair.public))
        yield "external IP", pair.external, external.get(pair.external)
