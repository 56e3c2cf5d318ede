"""Objects as Kube-OVN 1.17 leaves them: defaults filled in, ranges merged, addresses given (pkg/controller/*.go)."""

import copy
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from tenancy.kinds import Object
from tenancy.meaning import with_block_policy, with_spec
from tenancy.plan import Plan, addresses_of
from tenancy.platform import Platform
from tenancy.policy import block_policy, own_exceptions


def as_made(plan: Plan, platform: Platform) -> list[Object]:
    """Everything a run of this plan leaves behind: objects, the way out, the tenant's own exceptions."""
    objects = [as_kept(planned.manifest, number) for number, planned in enumerate(plan.objects)]
    own = [address for thing in objects if thing["kind"] == "OvnEip" for address in addresses_of(thing)]
    return [_opened(thing, plan, platform, own) if thing["kind"] == "Vpc" else thing for thing in objects]


def _opened(vpc: Object, plan: Plan, platform: Platform, own: Sequence[Any]) -> Object:
    vpc = with_spec(vpc, plan.router_port or {})
    vpc = with_block_policy(vpc, [*block_policy(platform), *own_exceptions(platform, own)])
    for route in vpc["spec"].get("staticRoutes", []):
        route |= {"policy": route["policy"] or "policyDst", "ecmpMode": "", "bfdId": "", "routeTable": ""}
    return vpc


def as_kept(manifest: Object, number: int = 0) -> Object:
    """One object after its controller has seen it."""
    kept = copy.deepcopy(manifest)
    kept["metadata"] |= {"uid": f"uid-{number}", "resourceVersion": str(number), "generation": 2}
    if kept["apiVersion"] == "v1":
        return kept
    kept["metadata"]["finalizers"] = ["kubeovn.io/kube-ovn-controller"]
    spec = kept["spec"]
    match kept["kind"]:
        case "Vpc":
            spec["policyRoutes"] = [{**route, "nextHopIP": ""} for route in spec["policyRoutes"]]
            kept["status"] = {"standby": True, "router": kept["metadata"]["name"]}
        case "Subnet":
            spec |= {
                "protocol": _protocol(spec["cidrBlock"]),
                "enableLb": True,
                "natOutgoing": False,
                "gatewayType": "",
            }
            spec["excludeIps"] = _exclude_ips([*spec["excludeIps"], *spec["gateway"].split(",")])
        case "OvnEip":
            spec["v4Ip"] = spec.get("v4Ip") or str(ip_address("203.0.113.100") + number)
            spec |= {"v6Ip": "", "macAddress": f"00:00:00:00:00:{number:02x}", "type": spec["type"] or "nat"}
            kept["metadata"]["labels"] |= {"ovn.kubernetes.io/subnet": spec["externalSubnet"]}
            kept["status"] = {"ready": True, "v4Ip": spec["v4Ip"], "v6Ip": "", "type": "nat", "nat": ""}
        case _:
            kept["status"] = {"ready": True}
    return kept


def _protocol(cidr_block: str) -> str:
    families = {ip_network(cidr).version for cidr in cidr_block.split(",")}
    return "Dual" if families == {4, 6} else f"IPv{families.pop()}"


def _exclude_ips(entries: Sequence[str]) -> list[str]:
    """`formatExcludeIPRanges`: ranges that share an address become one, and the rest is sorted as text."""
    ranges = [tuple(map(ip_address, (entry.split("..") * 2)[:2])) for entry in entries]
    for one in list(ranges):
        touching = [
            r
            for r in ranges
            if r[0].version == one[0].version and int(r[0]) <= int(one[1]) and int(one[0]) <= int(r[1])
        ]
        ranges = [r for r in ranges if r not in touching]
        if touching:
            ranges.append((min((r[0] for r in touching), key=int), max((r[1] for r in touching), key=int)))
    text = [str(first) if first == last else f"{first}..{last}" for first, last in ranges]
    return sorted(text) if len(ranges) == len(entries) else _exclude_ips(text)
