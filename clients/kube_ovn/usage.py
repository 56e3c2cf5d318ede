"""Who still uses a tenant's network: what must stop its removal, each user by name."""

import asyncio

from clients.errors import RefusedError
from clients.kube_ovn.answers import some
from clients.kube_ovn.client import KubeOvn
from tenancy import names
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
from tenancy.release import Released

RULES = (OVN_FIP, OVN_SNAT_RULE, OVN_DNAT_RULE)
"""Kinds that translate an external IP."""
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
            for kind in RULES:
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


async def users_of_release(kube: KubeOvn, tenant: str, released: Released) -> list[str]:
    """What uses an external IP that is to be given back, or the way out that goes with the last one, in words.

    Whoever uses the way out is a rule of somebody else's on the tenant's VPC, whatever its address. Raises what the client
    raises.
    """
    rules = [rule for found in await asyncio.gather(*(kube.list(kind) for kind in RULES)) for rule in found]
    eips = [one.name for one in released.of(OVN_EIP.name)]
    users = []
    for rule in rules:
        if owner_of(rule) == tenant:
            continue
        eip = _spec(rule, "ovnEip")
        on_vpc = names.vpc(tenant) in (_spec(rule, "vpc"), (rule.get("status") or {}).get("vpc"))
        if eip in eips:
            users.append(
                f"OvnEip {eip} is to be given back and still in use by {_named(rule)}: remove or move this first"
            )
        elif released.router_port is not None and (on_vpc or eip in _port_eips(tenant, released.router_port)):
            users.append(
                f"the router port of Vpc {names.vpc(tenant)} goes with its last external IP and is still in use by"
                f" {_named(rule)}: remove this first, or keep an external IP"
            )
    return sorted(users)


def _port_eips(tenant: str, router_port: Object) -> list[str]:
    return [names.router_port_eip(tenant, subnet) for subnet in router_port["extraExternalSubnets"]]


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
