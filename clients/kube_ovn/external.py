"""External addresses: why an OvnEip gets none, which Kube-OVN itself never says."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.readiness import READINESS
from clients.kube_ovn.waiting import reporting
from tenancy.kinds import IP, OVN_EIP, SUBNET, Object


async def wait_for_external_ip(
    kube: KubeOvn,
    name: str,
    external_subnet: str,
    *,
    deadline: float,
    progress: Callable[[str], None] | None = None,
    appears: bool = False,
) -> Object:
    """The OvnEip once it has its address. After `deadline` seconds of silence, find out why.

    With `appears` it need not exist yet: Kube-OVN makes the one of a router port itself.

    Raises RefusedError with reason `pool-exhausted`, `address-taken` or `address-outside`, else what
    `KubeOvn.wait_until` raises.
    """
    readiness = READINESS[OVN_EIP.name]
    try:
        return await kube.wait_until(
            OVN_EIP,
            name,
            ready=readiness.ready,
            deadline=deadline,
            likely=readiness.likely,
            progress=progress,
            appears=appears,
        )
    except UnavailableError as silent:
        with reporting(progress, lambda: f"OvnEip {name}: finding out why it gets no address"):
            refusal = await diagnose_external_ip(kube, name, external_subnet, appears=appears)
        if refusal is None:
            raise
        raise refusal from silent


async def diagnose_external_ip(
    kube: KubeOvn, name: str, external_subnet: str, *, appears: bool = False
) -> RefusedError | None:
    """Why a silent OvnEip will get no address, or None where nothing stands in its way that can be seen.

    With `appears` it is one that Kube-OVN makes, and makes only once it has the address. Source: Kube-OVN 1.17
    pkg/controller/ovn_eip.go and vpc.go, pkg/ipam/subnet.go, which log these reasons and set no status.
    """
    eip = await kube.get(OVN_EIP, name)
    subnet = await kube.get(SUBNET, external_subnet)
    if subnet is None:
        return None
    if eip is None:
        return _exhausted(name, subnet) if appears else None
    if any(_addresses(eip, "status", "v4Ip", "v6Ip")):
        return None
    wanted = list(_addresses(eip, "spec", "v4Ip", "v6Ip"))
    for address in wanted:
        refusal = _outside(name, subnet, address) or await _taken(kube, name, subnet, address)
        if refusal is not None:
            return refusal
    # A fixed address is its own; only a free choice needs one that is left.
    return None if wanted else _exhausted(name, subnet)


def _exhausted(name: str, subnet: Object) -> RefusedError | None:
    status = subnet.get("status") or {}
    for block in _networks(subnet):
        free = status.get(f"v{block.version}availableIPs")
        if free is None or str(free) != "0":
            continue
        using = plain(status.get(f"v{block.version}usingIPs", "unknown"), 20)
        excluded = plain(", ".join(map(str, (subnet.get("spec") or {}).get("excludeIps") or ())), 80) or "none"
        return RefusedError(
            f"OvnEip {name}: external subnet {subnet['metadata']['name']!r} ({block}) has no address left: {using} in "
            f"use, 0 available, excluded: {excluded}: release external IPs or enlarge the subnet",
            reason="pool-exhausted",
        )
    return None


def _outside(name: str, subnet: Object, address: IPv4Address | IPv6Address) -> RefusedError | None:
    blocks = list(_networks(subnet))
    if not blocks or any(address in block for block in blocks):
        return None
    return RefusedError(
        f"OvnEip {name}: address {address} lies outside external subnet {subnet['metadata']['name']!r} "
        f"({', '.join(map(str, blocks))}): choose one inside, or leave it out",
        reason="address-outside",
    )


async def _taken(kube: KubeOvn, name: str, subnet: Object, address: IPv4Address | IPv6Address) -> RefusedError | None:
    holder = await _holder(kube, name, subnet, address)
    if holder is None:
        return None
    return RefusedError(
        f"OvnEip {name}: address {address} is held by {holder}: choose another, or have that one removed",
        reason="address-taken",
    )


async def _holder(kube: KubeOvn, name: str, subnet: Object, address: IPv4Address | IPv6Address) -> str | None:
    if address in _addresses(subnet, "spec", "gateway"):
        return f"the gateway of Subnet {subnet['metadata']['name']}"
    for eip in await kube.list(OVN_EIP):
        # By status: what another only asks for, it does not hold.
        if eip["metadata"]["name"] != name and address in _addresses(eip, "status", "v4Ip", "v6Ip"):
            return f"OvnEip {eip['metadata']['name']}"
    for ip in await kube.list(IP):
        if address in _addresses(ip, "spec", "v4IpAddress", "v6IpAddress"):
            return f"IP {ip['metadata']['name']}"
    return None


def _networks(subnet: Object) -> Iterator[IPv4Network | IPv6Network]:
    for text in _texts(subnet, "spec", "cidrBlock"):
        try:
            yield ip_network(text, strict=False)
        except ValueError:
            continue  # Kube-OVN's schema takes any text


def _addresses(found: Object, part: str, *fields: str) -> Iterator[IPv4Address | IPv6Address]:
    for text in _texts(found, part, *fields):
        try:
            yield ip_address(text)
        except ValueError:
            continue


def _texts(found: Object, part: str, *fields: str) -> Iterator[str]:
    """The parts of comma-separated lists, as Kube-OVN writes two families into one field."""
    for field in fields:
        value: Any = (found.get(part) or {}).get(field)
        if isinstance(value, str):
            yield from (text.strip() for text in value.split(",") if text.strip())
