"""What the controller does with NAT rules (Kube-OVN 1.17, ovn_fip.go, ovn_snat.go and ovn_dnat.go).

The NAT row and the finalizer come first, the status later: whoever deletes a rule in between leaves its row behind.
"""

from dataclasses import dataclass

from lab.kube.controller import eips
from lab.kube.controller.cluster import Cluster, families, is_going, spec_of, status_of
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import Manifest
from lab.kube.northbound import ConstraintError, Nat

EIP_ANNOTATION = "ovn.kubernetes.io/vpc_eip"
NAT_ANNOTATION = "ovn.kubernetes.io/vpc_nat"
VPC_LABEL = "ovn.kubernetes.io/vpc"
CONFIG_MAP = "ovn-external-gw-config"


@dataclass(frozen=True, slots=True)
class _Inside:
    """The inner side of a rule: whose it is, and the addresses or CIDRs behind it."""

    vpc: str
    v4: str
    v6: str
    mac: str = ""
    port: str = ""


def admit(cluster: Cluster, plural: str, name: str) -> None:
    """Program a rule's NAT row, or take it away when the rule is being deleted."""
    rule = cluster.api.find(plural, name)
    if rule is None:
        return
    if is_going(rule):
        _withdraw(cluster, plural, name, rule)
    elif not status_of(rule).get("ready"):
        _program(cluster, plural, name, rule)
        cluster.realise_later(plural, name)


def realise(cluster: Cluster, plural: str, name: str) -> None:
    """Label the rule and its address, and say ready."""
    rule = cluster.api.find(plural, name)
    if rule is None or is_going(rule) or status_of(rule).get("ready"):
        return
    cluster.hold_if_never_ready(plural, name)
    eip = _eip(cluster, rule)
    inside = _inside(cluster, plural, rule)
    address = status_of(eip)
    eip_name = eip["metadata"]["name"]
    marks = {"labels": {VPC_LABEL: inside.vpc}, "annotations": {NAT_ANNOTATION: name}}
    cluster.api.patch("ovn-eips", eip_name, {"metadata": marks})
    v4, v6 = address.get("v4Ip", ""), address.get("v6Ip", "")
    labels = {eips.V4_LABEL: v4}
    if plural != "ovn-fips":
        labels[eips.V6_LABEL] = eips.label_of(v6)
    cluster.api.patch(plural, name, {"metadata": {"labels": labels, "annotations": {EIP_ANNOTATION: eip_name}}})
    status: Manifest = {"ready": True, "vpc": inside.vpc, "v4Eip": v4}
    match plural:
        case "ovn-fips":
            # 1.17 writes the IPv4 side only, so the IPv6 row of a floating IP is never taken away again.
            status.update({"v4Ip": inside.v4, "v6Eip": "", "v6Ip": "", "macAddress": ""})
        case "ovn-snat-rules":
            status.update({"v6Eip": v6, "v4IpCidr": inside.v4, "v6IpCidr": inside.v6})
        case _:
            spec = spec_of(rule)
            status.update({"v6Eip": v6, "v4Ip": inside.v4, "v6Ip": inside.v6})
            status.update(
                {field: spec.get(field, "") for field in ("protocol", "internalPort", "externalPort", "ipName")}
            )
    cluster.set_status(plural, name, status)
    eips.update_usage(cluster, eip_name)


def clean(cluster: Cluster, plural: str, name: str, last: Manifest) -> None:
    """After the rule is gone: nothing more is done to its NAT row, only its address is looked at again."""
    eip = spec_of(last).get("ovnEip")
    if eip:
        cluster.work.add(Item("usage", "ovn-eips", eip))


def _program(cluster: Cluster, plural: str, name: str, rule: Manifest) -> None:
    eip = _eip(cluster, rule)
    address = status_of(eip)
    inside = _inside(cluster, plural, rule)
    if not inside.vpc:
        raise NotYetError("it names no VPC, subnet or IP")
    if not inside.v4 and not inside.v6:
        raise NotYetError("it has no inner address")
    if plural == "ovn-fips":
        _refuse_duplicate(cluster, name, eip)
    if plural == "ovn-dnat-rules":
        _check_ports(cluster, name, rule, eip)
    try:
        for outer, inner in _pairs(
            address.get("v4Ip", ""), address.get("v6Ip", ""), inside, mixed=plural == "ovn-fips"
        ):
            cluster.northbound.add_nat(inside.vpc, _row(cluster, plural, rule, outer, inner, inside))
    except ConstraintError as error:
        raise NotYetError(f"OVN refuses the NAT: {error}", ("vpcs", inside.vpc)) from None
    cluster.add_finalizer(plural, name)


def _row(cluster: Cluster, plural: str, rule: Manifest, outer: str, inner: str, inside: _Inside) -> Nat:
    spec = spec_of(rule)
    if plural == "ovn-fips":
        config = cluster.api.find("configmaps", CONFIG_MAP, "kube-system") or {}
        gateway_type = spec.get("type") or (config.get("data") or {}).get("type", "")
        return Nat("dnat_and_snat", outer, inner, inside.port, inside.mac, gateway_type == "distributed")
    if plural == "ovn-snat-rules":
        return Nat("snat", outer, inner)
    port, target, protocol = spec.get("externalPort", ""), spec.get("internalPort", ""), spec.get("protocol", "tcp")
    return Nat("dnat", f"{outer}:{port}", f"{inner}:{target}", logical_port=protocol)


def _pairs(v4: str, v6: str, inside: _Inside, *, mixed: bool) -> list[tuple[str, str]]:
    pairs = [(outer, inner) for outer, inner in ((v4, inside.v4), (v6, inside.v6)) if outer and inner]
    if mixed and not pairs:
        pairs = [(v4 or v6, inside.v4 or inside.v6)]
    return pairs


def _eip(cluster: Cluster, rule: Manifest) -> Manifest:
    name = spec_of(rule).get("ovnEip", "")
    if not name:
        raise NotYetError("it names no ovnEip")
    eip = cluster.api.find("ovn-eips", name)
    address = status_of(eip)
    if eip is None or not (address.get("v4Ip") or address.get("v6Ip")):
        raise NotYetError(f"ovn-eip {name!r} has no address", ("ovn-eips", name))
    if spec_of(eip).get("type") == "lsp":
        raise NotYetError(f"ovn-eip {name!r} is of type lsp")
    return eip


def _inside(cluster: Cluster, plural: str, rule: Manifest) -> _Inside:
    spec = spec_of(rule)
    if plural == "ovn-snat-rules":
        inside = _Inside(spec.get("vpc", ""), spec.get("v4IpCidr", ""), spec.get("v6IpCidr", ""))
        if not inside.v4 and spec.get("vpcSubnet"):
            subnet = _subnet(cluster, spec["vpcSubnet"])
            return _Inside(spec_of(subnet).get("vpc", ""), *families(spec_of(subnet).get("cidrBlock", "")))
        if inside.v4 or not spec.get("ipName"):
            return inside
    elif not spec.get("ipName"):
        return _Inside(spec.get("vpc", ""), spec.get("v4Ip", ""), spec.get("v6Ip", ""))
    held = cluster.api.find("ips", spec["ipName"])
    if held is None:
        raise NotYetError(f"there is no ip {spec['ipName']!r}", ("ips", spec["ipName"]))
    ip = spec_of(held)
    subnet = _subnet(cluster, ip.get("subnet", ""))
    vpc = spec_of(subnet).get("vpc", "")
    return _Inside(vpc, ip.get("v4IpAddress", ""), ip.get("v6IpAddress", ""), ip.get("macAddress", ""), spec["ipName"])


def _subnet(cluster: Cluster, name: str) -> Manifest:
    subnet = cluster.api.find("subnets", name)
    if subnet is None:
        raise NotYetError(f"there is no subnet {name!r}", ("subnets", name))
    return subnet


def _refuse_duplicate(cluster: Cluster, name: str, eip: Manifest) -> None:
    address = spec_of(eip).get("v4Ip", "")
    for stored in cluster.api.store.indexed("ovn-fips", "label", f"{eips.V4_LABEL}={address}"):
        if stored.key[2] != name:
            other = stored.key[2]
            raise NotYetError(f"{address} is used by ovn-fip {other!r}", ("ovn-fips", other))


def _check_ports(cluster: Cluster, name: str, rule: Manifest, eip: Manifest) -> None:
    spec = spec_of(rule)
    for field in ("externalPort", "internalPort", "protocol"):
        if not spec.get(field):
            raise NotYetError(f"it has no {field}")
    address = status_of(eip).get("v4Ip", "")
    for stored in cluster.api.store.indexed("ovn-dnat-rules", "label", f"{eips.V4_LABEL}={address}"):
        other = spec_of(stored.manifest)
        same = all(other.get(field) == spec.get(field) for field in ("ovnEip", "externalPort"))
        if stored.key[2] != name and same:
            why = f"port {spec['externalPort']} of {address} is used by ovn-dnat-rule {stored.key[2]!r}"
            raise NotYetError(why, ("ovn-dnat-rules", stored.key[2]))


def _withdraw(cluster: Cluster, plural: str, name: str, rule: Manifest) -> None:
    """Remove the row the status speaks of, then the finalizer. Without a status there is no row to speak of."""
    status = status_of(rule)
    vpc = status.get("vpc", "")
    if vpc:
        match plural:
            case "ovn-fips":
                nat_type, sides = "dnat_and_snat", (("v4Eip", "v4Ip"), ("v6Eip", "v6Ip"))
            case "ovn-snat-rules":
                nat_type, sides = "snat", (("v4Eip", "v4IpCidr"), ("v6Eip", "v6IpCidr"))
            case _:
                nat_type, sides = "dnat", (("v4Eip", "v4Ip"), ("v6Eip", "v6Ip"))
        for outer, inner in sides:
            if status.get(outer) and status.get(inner):
                external, internal = status[outer], status[inner]
                if nat_type == "dnat":
                    external = f"{external}:{status.get('externalPort', '')}"
                    internal = f"{internal}:{status.get('internalPort', '')}"
                cluster.northbound.delete_nat(vpc, nat_type, external, internal)
    cluster.remove_finalizer(plural, name)
