"""What a living tenant gives back: the external IPs it has and its document no longer names, and all that hangs on them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tenancy import manifests, names
from tenancy.announcement import Announcement, recorded, supposed
from tenancy.fields import NAME_PATTERN, Address
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE, Object
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork

OUTSIDE = (OVN_EIP.name, OVN_FIP.name, OVN_SNAT_RULE.name)
"""Kinds of what is given back."""


class ReleasedObject(BaseModel):
    """One object that goes."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["OvnEip", "OvnFip", "OvnSnatRule"]
    name: str


class Released(BaseModel):
    """What is given back, once all that the document says is there."""

    model_config = ConfigDict(frozen=True)

    objects: tuple[ReleasedObject, ...] = ()
    external_ips: tuple[str, ...] = ()
    """As the tenant's document called them. A rule may go alone, where its external IP is put to another use."""
    addresses: tuple[str, ...] = ()
    """Of the provider network: what these external IPs hold."""
    public: bool = False
    """Whether public addresses are reserved for them."""
    announcement: Announcement | None = None
    """What is announced of them, and where."""
    router_port: Object | None = None
    """What goes of the VPC's spec with the last external IP: its way out."""

    def of(self, *kinds: str) -> tuple[ReleasedObject, ...]:
        """The objects of these kinds."""
        return tuple(one for one in self.objects if one.kind in kinds)


def released(
    tenant: TenantNetwork,
    platform: Platform,
    *,
    left_over: Sequence[Object],
    held: Mapping[str, Sequence[Address]],
    vpc: Object | None,
) -> Released | None:
    """What is given back; None for nothing.

    `left_over` is what the tenant has and its document no longer says, `held` are the external IPs it has with their
    addresses, `vpc` is its VPC, if it has one. Raises ValueError, in words, where the record of what is announced cannot
    be read.
    """
    announced = recorded(vpc) or supposed(platform.spec.announce, held, public=public_addresses(left_over))
    if platform.spec.provider_network is None:
        return None
    kept = {ip.name for ip in tenant.spec.external_ips}
    part = announced.without(kept) if announced is not None else None
    reserved = {name for thing in left_over if (name := public_address_for(thing)) is not None}
    gone = {*held, *reserved, *(one.name for one in (part.external_ips if part is not None else ()))} - kept
    found = Released(
        objects=tuple(
            ReleasedObject.model_validate({"kind": thing["kind"], "name": thing["metadata"]["name"]})
            for thing in sorted(left_over, key=lambda thing: (thing["kind"], thing["metadata"]["name"]))
            if thing["kind"] in OUTSIDE and may_go(tenant.name, platform, thing)
        ),
        external_ips=tuple(sorted(gone)),
        addresses=tuple(str(address) for name in sorted(gone) for address in held.get(name, ())),
        public=bool(reserved),
        announcement=part,
        router_port=_way_out(tenant, platform, vpc),
    )
    return found if found != Released() else None


def may_go(tenant: str, platform: Platform, thing: Object) -> bool:
    """Whether an object of the tenant's is given back where the document no longer says it: what is outside alone."""
    if platform.spec.provider_network is None:
        return False
    is_ours = thing["kind"] in OUTSIDE and names.belongs(tenant, thing["metadata"]["name"])
    return is_ours or public_address_for(thing) is not None


def public_address_for(thing: Object) -> str | None:
    """The external IP that a ConfigMap reserves a public address for; None for any other object."""
    reserves = (thing["metadata"].get("labels") or {}).get(names.RESERVES_LABEL)
    return (thing.get("data") or {}).get("externalIP") if reserves == names.PUBLIC_ADDRESS else None


def public_addresses(objects: Iterable[Object]) -> dict[str, list[Address]]:
    """By external IP, the public addresses that ConfigMaps among these reserve."""
    found: dict[str, list[Address]] = {}
    for thing in objects:
        name, address = public_address_for(thing), names.reserved_address(str(thing["metadata"]["name"]))
        # What is inside can be edited.
        if address is not None and name and re.fullmatch(NAME_PATTERN, name) and "--" not in name:
            found.setdefault(name, []).append(address)
    return found


def _way_out(tenant: TenantNetwork, platform: Platform, vpc: Object | None) -> Object | None:
    provider = platform.spec.provider_network
    if provider is None or vpc is None or tenant.spec.external_ips:
        return None
    spec = vpc.get("spec") or {}
    is_open = spec.get("enableExternal") and provider.external_subnet in (spec.get("extraExternalSubnets") or ())
    return manifests.router_port(provider) if is_open else None


def obstacles_of(
    found: Released, wanted: Sequence[Object], observed: Sequence[Object], vpc: Object | None
) -> Iterator[str]:
    """Why not all of it can be given back by one run, given what is wanted beside it."""
    there = {(thing["kind"], thing["metadata"]["name"]) for thing in observed}
    going = {(one.kind, one.name) for one in found.of(OVN_FIP.name, OVN_SNAT_RULE.name)}
    for rule in observed:
        if (rule["kind"], rule["metadata"]["name"]) not in going:
            continue
        eip = (rule.get("spec") or {}).get("ovnEip")
        for other in wanted:
            comes = (
                other.get("spec", {}).get("ovnEip") == eip and (other["kind"], other["metadata"]["name"]) not in there
            )
            if comes and other["kind"] != rule["kind"]:
                yield (
                    f"OvnEip {eip} has {rule['kind']} {rule['metadata']['name']}, and {other['kind']}"
                    f" {other['metadata']['name']} is to take its place: onboard first with this external IP for use"
                    " loadBalancer, then with this document"
                )
    announced = found.announcement
    # Those it has confirmed stay its own, though Berth announces the others by now.
    if announced is not None and (announced.method == "none" or announced.confirmations):
        yield (
            f"external IP {', '.join(found.external_ips)} is announced by the edge team, and only an offboarding asks it to"
            " withdraw a route: keep it in the document, or offboard the tenant"
        )
    if found.router_port is not None and vpc is not None:
        ours = found.router_port["extraExternalSubnets"]
        if others := [name for name in vpc["spec"]["extraExternalSubnets"] if name not in ours]:
            yield (
                f"Vpc {vpc['metadata']['name']} has a port on external subnet {', '.join(map(str, others))}, not Berth's, and its"
                " way out goes with the last external IP: take that off spec.extraExternalSubnets, or keep an external IP"
            )
