"""What the controller does with a Subnet (Kube-OVN 1.17, pkg/controller/subnet.go and subnet_status.go)."""

from typing import Any

from lab.kube import addresses
from lab.kube.controller import subnet_format, vpcs
from lab.kube.controller.cluster import (
    DEFAULT_VPC,
    SUBNET_LABEL,
    Cluster,
    families,
    is_going,
    spec_of,
    status_of,
)
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import Manifest
from lab.kube.northbound import ConstraintError, Policy, Port, Switch

SUBNET_PRIORITY = 31_000
"""The priority of the rule that lets a VPC's subnets reach each other (addCommonRoutesForSubnet)."""


def admit(cluster: Cluster, name: str) -> None:
    """Format and check the subnet, make its addresses known, and see whether its VPC is there for it."""
    subnet = cluster.api.find("subnets", name)
    if subnet is None:
        return
    spec = spec_of(subnet)
    try:
        formatted = subnet_format.with_defaults(name, spec)
    except ValueError as error:
        raise NotYetError(str(error)) from None
    if formatted != spec:
        cluster.api.patch("subnets", name, {"spec": formatted})
        spec = formatted
    _check_vlan(cluster, name, spec)
    if told := subnet_format.problem(name, spec):
        fail(cluster, name, "ValidateLogicalSwitchFailed", told)
        raise NotYetError(told)
    _set_conditions(cluster, name, "ValidateLogicalSwitchSuccess", Validated=("True", ""))
    if spec.get("cidrBlock"):
        cluster.addresses.set_subnet(name, spec["cidrBlock"], spec["gateway"], spec.get("excludeIps") or [])
        cluster.work.wake(("pool", name))
        _count(cluster, name)
    cluster.add_finalizer("subnets", name)
    if is_going(subnet):
        # Its VPC lists only subnets that stay.
        vpcs.update_status(cluster, spec["vpc"])
        let_go(cluster, name)
        return
    if spec["provider"] != "ovn" and not spec["provider"].endswith(".ovn"):
        _set_conditions(cluster, name, "SetNonOvnSubnetSuccess", Validated=("True", ""), Ready=("True", ""))
        return
    _check_vpc(cluster, spec)
    cluster.realise_later("subnets", name)


def let_go(cluster: Cluster, name: str) -> None:
    """Remove the finalizer of a subnet that is being deleted, once no address of it is in use."""
    status = status_of(cluster.api.find("subnets", name))
    if status.get("v4usingIPs") or status.get("v6usingIPs"):
        used = max(status.get("v4usingIPs", 0), status.get("v6usingIPs", 0))
        raise NotYetError(f"{used} addresses are in use")
    cluster.remove_finalizer("subnets", name)


def _check_vlan(cluster: Cluster, name: str, spec: Manifest) -> None:
    wanted = spec.get("vlan")
    if not wanted:
        return
    vlan = cluster.api.find("vlans", wanted)
    if vlan is None or status_of(vlan).get("conflict"):
        why = f"failed to get vlan {wanted}" if vlan is None else f"subnet {name} has invalid conflict vlan {wanted}"
        fail(cluster, name, "ValidateSubnetVlanFailed", why)
        raise NotYetError(why, ("vlans", wanted))
    provider = spec_of(vlan).get("provider", "")
    network = cluster.api.find("provider-networks", provider)
    if wanted not in (status_of(network).get("vlans") or []):
        why = f"vlan {wanted} is not in the status of provider network {provider!r}"
        raise NotYetError(why, ("provider-networks", provider), ("vlans", wanted))


def _check_vpc(cluster: Cluster, spec: Manifest) -> None:
    """What the controller finds wrong here shows in no status: the subnet just stays as it is."""
    vpc = cluster.api.find("vpcs", spec["vpc"])
    if vpc is None or not status_of(vpc).get("standby"):
        raise NotYetError(f"vpc {spec['vpc']!r} is not standby", ("vpcs", spec["vpc"]))
    allowed = spec_of(vpc).get("namespaces") or []
    for namespace in spec.get("namespaces") or []:
        if spec["vpc"] != DEFAULT_VPC and namespace not in allowed:
            raise NotYetError(f"namespace {namespace!r} is not in vpc {spec['vpc']!r}", ("vpcs", spec["vpc"]))


def realise(cluster: Cluster, name: str) -> None:
    """Create the switch, join it to the router where it has one, and say ready."""
    subnet = cluster.api.find("subnets", name)
    if subnet is None or is_going(subnet):
        return
    spec = spec_of(subnet)
    _check_vpc(cluster, spec)
    vpc = cluster.api.get("vpcs", spec["vpc"]).manifest
    _refuse_overlap(cluster, name, spec)
    cidr = spec.get("cidrBlock", "")
    vlan = cluster.api.find("vlans", spec.get("vlan", "")) if spec.get("vlan") else None
    localnet = f"{spec_of(vlan).get('provider', '')}:{spec_of(vlan).get('id', 0)}" if vlan else ""
    cluster.northbound.create_switch(Switch(name, cidr, localnet))
    if not spec.get("vlan") or spec.get("logicalGateway") or spec.get("u2oInterconnection"):
        _join_router(cluster, name, spec)
    if spec["vpc"][:1].isdigit() and not spec.get("vlan"):
        # The address set is named after the VPC, and OVN wants a letter first.
        raise NotYetError(f"OVN refuses an address set named after vpc {spec['vpc']!r}")
    if vlan and name not in (status_of(vlan).get("subnets") or []):
        listed = [*(status_of(vlan).get("subnets") or []), name]
        cluster.set_status("vlans", spec["vlan"], {"subnets": listed})
    cluster.hold_if_never_ready("subnets", name)
    reason = "SetPrivateLogicalSwitchSuccess" if spec.get("private") else "ResetLogicalSwitchAclSuccess"
    _set_conditions(cluster, name, reason, Validated=("True", ""), Ready=("True", ""))
    vpcs.update_status(cluster, spec["vpc"])
    _touch_namespaces(cluster, name, spec, vpc)


def _join_router(cluster: Cluster, name: str, spec: Manifest) -> None:
    router = spec["vpc"]
    blocks, gateways = families(spec.get("cidrBlock", "")), families(spec.get("gateway", ""))
    networks = tuple(
        f"{gateway}/{block.partition('/')[2]}"
        for block, gateway in zip(blocks, gateways, strict=True)
        if block and gateway
    )
    try:
        port = f"{router}-{name}"
        cluster.northbound.add_port(router, Port(port, name, networks, addresses.mac_of(router, name)))
    except ConstraintError as error:
        raise NotYetError(str(error), ("vpcs", router)) from None
    if router != DEFAULT_VPC:
        cluster.work.add(Item("routes", "vpcs", router))
        for family, block in zip(("ip4", "ip6"), blocks, strict=True):
            if block:
                match = f"{family}.dst == {block}"
                cluster.northbound.add_policy(router, Policy(SUBNET_PRIORITY, match, "allow", owner=name))


def _refuse_overlap(cluster: Cluster, name: str, spec: Manifest) -> None:
    for stored in cluster.api.store.indexed("subnets", "vpc", spec["vpc"]):
        other, there = stored.key[2], spec_of(stored.manifest)
        if other == name or there.get("vlan", "") != spec.get("vlan", ""):
            continue
        if _overlap(there.get("cidrBlock", ""), spec.get("cidrBlock", "")):
            why = f"subnet {name} cidr {spec['cidrBlock']} is conflict with subnet {other} cidr {there['cidrBlock']}"
            fail(cluster, name, "ValidateLogicalSwitchFailed", why)
            raise NotYetError(why, ("subnets", other))


def _overlap(one: str, other: str) -> bool:
    try:
        return subnet_format.overlap(one, other)
    except ValueError:
        return False


def _touch_namespaces(cluster: Cluster, name: str, spec: Manifest, vpc: Manifest) -> None:
    touched = set(spec.get("namespaces") or [])
    if spec_of(vpc).get("defaultSubnet") == name:
        touched.update(spec_of(vpc).get("namespaces") or [])
    for namespace in touched:
        cluster.work.add(Item("annotate", "namespaces", namespace))


# Fields the controller writes whether they mean something or not. The address ranges it writes too are not simulated.
_UNUSED_STATUS = (
    "activateGateway",
    "dhcpV4OptionsUUID",
    "dhcpV6OptionsUUID",
    "mcastQuerierIP",
    "mcastQuerierMAC",
    "u2oInterconnectionIP",
    "u2oInterconnectionMAC",
    "u2oInterconnectionVPC",
)


def count(cluster: Cluster, name: str) -> None:
    """Bring the numbers of addresses up to date; a subnet that is being deleted goes when none is in use."""
    _count(cluster, name)
    subnet = cluster.api.find("subnets", name)
    if subnet is not None and is_going(subnet):
        cluster.work.add(Item("admit", "subnets", name))


def _count(cluster: Cluster, name: str) -> None:
    """The numbers of used and available addresses (calcSubnetStatusIP)."""
    subnet = cluster.api.find("subnets", name)
    cidr = spec_of(subnet).get("cidrBlock", "")
    if subnet is None or not spec_of(subnet).get("protocol") or not cidr:
        return
    store = cluster.api.store
    using = store.count("ips", "subnet", name) + store.count("ovn-eips", "label", f"{SUBNET_LABEL}={name}")
    sizes = addresses.available(cidr, spec_of(subnet).get("excludeIps") or [])
    numbers: dict[str, Any] = dict.fromkeys(_UNUSED_STATUS, "")
    for version in (4, 6):
        size = sizes.get(version)
        numbers[f"v{version}usingIPs"] = 0 if size is None else using
        numbers[f"v{version}availableIPs"] = 0 if size is None else max(size - using, 0)
    cluster.set_status("subnets", name, numbers)


def clean(cluster: Cluster, name: str, last: Manifest) -> None:
    """After the Subnet is gone: its switch, its router port, its addresses, and the lists that named it."""
    spec = spec_of(last)
    vpcs.update_status(cluster, spec.get("vpc", ""))
    cluster.addresses.drop_subnet(name)
    cluster.northbound.delete_switch(name)
    cluster.northbound.delete_port(f"{spec.get('vpc', '')}-{name}", spec.get("vpc", ""))
    cluster.northbound.delete_policies_of(spec.get("vpc", ""), name)
    if spec.get("vpc", DEFAULT_VPC) != DEFAULT_VPC:
        cluster.work.add(Item("routes", "vpcs", spec["vpc"]))
    vlan = cluster.api.find("vlans", spec.get("vlan", "")) if spec.get("vlan") else None
    listed = status_of(vlan).get("subnets") or []
    if name in listed:
        cluster.set_status("vlans", spec["vlan"], {"subnets": [each for each in listed if each != name]})
    for namespace in spec.get("namespaces") or []:
        cluster.work.add(Item("annotate", "namespaces", namespace))


def fail(cluster: Cluster, name: str, reason: str, told: str) -> None:
    """Say in the status what is wrong. The Error condition is never cleared again."""
    validated = "False" if reason == "ValidateLogicalSwitchFailed" else "True"
    conditions = {"Error": ("True", told), "Validated": (validated, told), "Ready": ("False", told)}
    _set_conditions(cluster, name, reason, **conditions)


def _set_conditions(cluster: Cluster, name: str, reason: str, **values: tuple[str, str]) -> None:
    subnet = cluster.api.find("subnets", name)
    present = {each["type"]: each for each in status_of(subnet).get("conditions") or []}
    for kind, (status, message) in values.items():
        old = present.get(kind)
        if old and (old["status"], old["reason"], old.get("message", "")) == (status, reason, message):
            continue
        moment = cluster.api.now()
        changed = moment if not old or old["status"] != status else old["lastTransitionTime"]
        present[kind] = {"type": kind, "status": status, "reason": reason, "lastUpdateTime": moment}
        present[kind] |= {"lastTransitionTime": changed} | ({"message": message} if message else {})
    cluster.set_status("subnets", name, {"conditions": list(present.values())})
