"""Who still uses a tenant's network: what must stop its removal, each user by name."""

from clients.errors import RefusedError
from clients.kube_ovn.answers import some
from clients.kube_ovn.client import KubeOvn
from tenancy.kinds import (
    CONFIG_MAP,
    IP,
    NAMESPACE,
    OVN_DNAT_RULE,
    OVN_EIP,
    OVN_FIP,
    OVN_SNAT_RULE,
    POD,
    SERVICE,
    SUBNET,
    VLAN,
    VOLUME_CLAIM,
    VPC,
    Object,
)
from tenancy.plan import owner_of

SUBNET_LABEL = "ovn.kubernetes.io/subnet"
"""Kube-OVN puts it on every IP object (1.17 pkg/controller/ip.go)."""


async def users_of(kube: KubeOvn, found: Object) -> list[str]:
    """What uses the object and is not the tenant's own network, in words; empty where nothing does.

    A subnet is used by addresses, an external IP by rules that are not Berth's, a VPC or a Vlan by subnets that are not Berth's,
    a namespace by pods, services, volume claims and ConfigMaps that are not Berth's: they would go with it. Raises what
    the client raises.
    """
    name, tenant = str(found["metadata"]["name"]), owner_of(found)
    users: list[str] = []
    match found["kind"]:
        case SUBNET.name:
            users += [_address(ip) for ip in await kube.list(IP, labels={SUBNET_LABEL: name})]
        case OVN_EIP.name:
            for kind in (OVN_FIP, OVN_SNAT_RULE, OVN_DNAT_RULE):
                rules = await kube.list(kind)
                users += [_named(rule) for rule in rules if _spec(rule, "ovnEip") == name and owner_of(rule) != tenant]
        case VPC.name:
            subnets = await kube.list(SUBNET)
            users += [_named(one) for one in subnets if _spec(one, "vpc") == name and owner_of(one) != tenant]
        case VLAN.name:
            subnets = await kube.list(SUBNET)
            users += [_named(one) for one in subnets if _spec(one, "vlan") == name and owner_of(one) != tenant]
        case NAMESPACE.name:
            for kind in (POD, SERVICE, VOLUME_CLAIM, CONFIG_MAP):
                found_there = await kube.list(kind, namespace=name)
                users += [_named(thing) for thing in found_there if owner_of(thing) != tenant and not _furniture(thing)]
    return sorted(users)


async def refuse_if_in_use(kube: KubeOvn, found: Object) -> None:
    """Raises RefusedError with reason `in-use` that names the users of an object that is to go."""
    users = await users_of(kube, found)
    if users:
        raise RefusedError(
            f"{found['kind']} {found['metadata']['name']} is still in use by {some(users)}: remove or move these first",
            reason="in-use",
        )


def _furniture(thing: Object) -> bool:
    """What Kubernetes, or Istio as the most common other, puts into every namespace by itself."""
    return thing["kind"] == CONFIG_MAP.name and thing["metadata"]["name"] in ("kube-root-ca.crt", "istio-ca-root-cert")


def _named(thing: Object) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def _address(ip: Object) -> str:
    addresses = [text for text in (_spec(ip, "v4IpAddress"), _spec(ip, "v6IpAddress")) if text]
    who = f"{_spec(ip, 'namespace')}/{_spec(ip, 'podName')}".strip("/") or str(ip["metadata"]["name"])
    return f"{'/'.join(addresses) or 'an address'} (pod {who})"


def _spec(thing: Object, field: str) -> str:
    value = (thing.get("spec") or {}).get(field)
    return value if isinstance(value, str) else ""
