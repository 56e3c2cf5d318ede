"""The defaults Kube-OVN writes into a subnet's spec and the values it refuses (pkg/controller/subnet.go, pkg/util)."""

import ipaddress
from typing import Any

from lab.kube.addresses import Network
from lab.kube.controller.cluster import DEFAULT_VPC, JOIN_SUBNET, families
from lab.kube.kinds import Manifest

_SPECIAL = [
    ("255.255.255.255/32", "v4 broadcast"),
    ("224.0.0.0/4", "v4 multicast"),
    ("127.0.0.1/8", "v4 loopback"),
    ("0.0.0.0/32", "v4 localnet"),
    ("169.254.0.0/16", "v4 link local"),
    ("::/128", "v6 unspecified"),
    ("::1/128", "v6 loopback"),
    ("ff00::/8", "v6 multicast"),
    ("fe80::/10", "v6 link local"),
]


def protocol_of(text: str) -> str:
    """IPv4, IPv6 or Dual, for "v4", "v6" or both; "" for anything else."""
    parts = [part.partition("/")[0] for part in text.split(",")] if text else []
    try:
        versions = [ipaddress.ip_address(part).version for part in parts]
    except ValueError:
        return ""
    return {(4,): "IPv4", (6,): "IPv6", (4, 6): "Dual", (6, 4): "Dual"}.get(tuple(versions), "")


def with_defaults(name: str, spec: Manifest) -> Manifest:
    """The spec as the controller rewrites it. Raises ValueError where it gives up without a word in the status."""
    formatted = dict(spec)
    cidr = spec.get("cidrBlock", "")
    if cidr:
        try:
            formatted["cidrBlock"] = ",".join(
                str(ipaddress.ip_network(block, strict=False)) for block in cidr.split(",")
            )
        except ValueError as error:
            raise ValueError(f"subnet {name} cidr {cidr[:100]!r} is invalid: {error}") from None
        formatted["gateway"] = _gateway(formatted["cidrBlock"], spec.get("gateway", ""))
        formatted["excludeIps"] = _excluded(spec.get("excludeIps") or [], formatted["gateway"])
    formatted["protocol"] = "MAC" if spec.get("vlan") and not cidr else protocol_of(formatted.get("cidrBlock", ""))
    formatted["provider"] = spec.get("provider") or "ovn"
    formatted["vpc"] = spec.get("vpc") or DEFAULT_VPC
    if formatted["vpc"] == DEFAULT_VPC and name != JOIN_SUBNET:
        formatted.setdefault("gatewayType", "distributed")
    if name != JOIN_SUBNET:
        formatted.setdefault("enableLb", True)
    if not spec.get("vlan") and spec.get("u2oInterconnection"):
        formatted["u2oInterconnection"] = False
    if formatted != spec:
        # The whole object is written back, and with it each field that its Go type does not leave out when empty.
        formatted = {"default": False, "gatewayNode": "", "natOutgoing": False, "private": False} | formatted
        formatted.setdefault("u2oFeatures", {})
    return formatted


def first_address(block: str) -> str:
    """The gateway of a CIDR for which none is given."""
    network = ipaddress.ip_network(block)
    return str(network.network_address + (0 if network.num_addresses == 2 else 1))


def _gateway(cidr: str, given: str) -> str:
    if not given:
        return ",".join(first_address(block) for block in cidr.split(","))
    if protocol_of(cidr) == "Dual" and protocol_of(given) != "Dual":
        present = {4: families(given)[0], 6: families(given)[1]}
        blocks = [ipaddress.ip_network(block) for block in cidr.split(",")]
        return ",".join(present[block.version] or first_address(str(block)) for block in blocks)
    return given


def _excluded(given: list[str], gateway: str) -> list[str]:
    gateways = sorted(gateway.split(","))
    if not given:
        return gateways
    excluded = list(given)
    for each in gateways:
        if not any(_covers(entry, each) for entry in excluded):
            excluded = sorted([*excluded, each])
    return excluded


def _covers(entry: str, address: str) -> bool:
    start, dots, end = entry.partition("..")
    if not dots:
        return entry == address
    try:
        first, last, wanted = (ipaddress.ip_address(text) for text in (start, end, address))
    except ValueError:
        return False
    return first.version == wanted.version == last.version and int(first) <= int(wanted) <= int(last)


def problem(name: str, spec: Manifest) -> str:
    """What is wrong with a formatted spec, in a sentence; "" when nothing is (ValidateSubnet)."""
    if spec["protocol"] == "MAC":
        return "gateway must be empty without cidrBlock" if spec.get("gateway") else ""
    cidr = spec.get("cidrBlock", "")
    checks = (_bad_gateway, _bad_cidr, _bad_excluded)
    for check in checks:
        if told := check(cidr, spec):
            return told
    mtu = spec.get("mtu") or 0
    if 0 < mtu < 1280 and spec["protocol"] in {"IPv6", "Dual"}:
        return f"subnet {name} mtu {mtu} is below the IPv6 minimum 1280"
    if spec["vpc"] == name:
        return f"subnet {name} and vpc {name} cannot have the same name"
    if spec.get("logicalGateway") and spec.get("u2oInterconnection"):
        return "logicalGateway and u2oInterconnection can't be opened at the same time"
    return ""


def _bad_gateway(cidr: str, spec: dict[str, Any]) -> str:
    blocks: dict[int, Network] = {}
    for network in (ipaddress.ip_network(text) for text in filter(None, cidr.split(","))):
        blocks[network.version] = network
    for text in filter(None, spec.get("gateway", "").split(",")):
        try:
            gateway = ipaddress.ip_address(text)
        except ValueError:
            return f"gateway {text[:60]} is not in cidr {cidr}"
        block = blocks.get(gateway.version)
        if block is None or gateway not in block:
            return f"gateway {text} is not in cidr {cidr}"
        # IPv6 has no broadcast address.
        reserved = {block.network_address} | ({block.broadcast_address} if block.version == 4 else set())
        if block.num_addresses > 2 and gateway in reserved:
            return f"validate gateway {text} for cidr {cidr} failed: it is the network or broadcast address"
    return ""


def _bad_cidr(cidr: str, spec: dict[str, Any]) -> str:
    if not spec["protocol"]:
        return f'CIDRBlock: "{cidr}" format error'
    for block in cidr.split(","):
        network = ipaddress.ip_network(block)
        for special, called in _SPECIAL:
            if overlap(block, special):
                return f"{cidr} conflict with {called} cidr {special}"
        if int(network.network_address) == 0:
            return f'invalid zero cidr "{block}"'
        if network.prefixlen == network.max_prefixlen:
            return f"subnet cidr {block} mask is invalid, due to invalid network mask {network.prefixlen}"
    return ""


def _bad_excluded(_: str, spec: dict[str, Any]) -> str:
    for entry in spec.get("excludeIps") or []:
        try:
            ends = [ipaddress.ip_address(part) for part in entry.split("..")]
        except ValueError:
            return f"ip {entry[:60]} in excludeIps is not a valid address"
        if len(ends) > 2 or int(ends[0]) > int(ends[-1]):
            return f"{entry[:60]} in excludeIps is not a valid ip range"
    return ""


def overlap(one: str, other: str) -> bool:
    """Whether two cidrBlocks share an address in any family."""
    return any(
        first.version == second.version and first.overlaps(second)
        for first in (ipaddress.ip_network(block, strict=False) for block in one.split(",") if block)
        for second in (ipaddress.ip_network(block, strict=False) for block in other.split(",") if block)
    )
