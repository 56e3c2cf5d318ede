"""What keeps an object from going away: finalizers, and whatever still uses it, by name."""

from typing import Any

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain, some
from clients.kube_ovn.ensure import finalizers
from clients.kube_ovn.objects import Objects, is_being_deleted
from tenancy.kinds import IP, OVN_DNAT_RULE, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, SUBNET, Kind, Object


async def what_holds(objects: Objects, held: Object) -> str:
    """One line for a person. Never raises for what it cannot read: it says so."""
    state = "its deletion is asked for" if is_being_deleted(held) else "nobody asked for its deletion"
    parts = [f"{state}, finalizers: {finalizers(held)}"]
    try:
        parts += await _users(objects, held)
    except (UnavailableError, RefusedError) as error:
        parts.append(f"what uses it could not be read ({error})")
    return "; ".join(parts)


async def _users(objects: Objects, held: Object) -> list[str]:
    name, status = held["metadata"]["name"], held.get("status") or {}
    match held["kind"]:
        case "Subnet":
            # Kube-OVN 1.17 pkg/controller/subnet.go: the finalizer goes when nothing uses an address.
            using = f"v4usingIPs {_count(status, 'v4usingIPs')}, v6usingIPs {_count(status, 'v6usingIPs')}"
            return [
                f"addresses in use: {using} (VIPs count, too)",
                *await _naming(objects, IP, name, ("subnet", "attachSubnets")),
                *await _naming(objects, OVN_EIP, name, ("externalSubnet",)),
            ]
        case "OvnEip":
            # pkg/controller/ovn_eip.go: not while a NAT rule uses it.
            rules = (OVN_FIP, OVN_SNAT_RULE, OVN_DNAT_RULE)
            return [line for rule in rules for line in await _naming(objects, rule, name, ("ovnEip",))]
        case "Vpc":
            # pkg/controller/vpc.go: not while it has subnets.
            return await _naming(objects, SUBNET, name, ("vpc",))
        case "Namespace":
            conditions = status.get("conditions") or ()
            return [plain(one.get("message")) for one in conditions if one.get("status") == "True"]
        case _:
            return []


async def _naming(objects: Objects, kind: Kind, name: str, fields: tuple[str, ...]) -> list[str]:
    """The objects of a kind that name the held one in their spec, as one line or none."""
    found, _ = await objects.find(kind)
    users = [one["metadata"]["name"] for one in found if any(_names(one, field, name) for field in fields)]
    return [f"{kind.name} {some(users)}"] if users else []


def _names(user: Object, field: str, name: str) -> bool:
    value: Any = (user.get("spec") or {}).get(field)
    return name in value if isinstance(value, list) else value == name


def _count(status: Object, field: str) -> str:
    return plain(status.get(field, "unknown"), 20)
