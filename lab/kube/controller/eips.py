"""What the controller does with an OvnEip (Kube-OVN 1.17, pkg/controller/ovn_eip.go)."""

from lab.kube.addresses import ExhaustedError, Lease, TakenError
from lab.kube.controller.cluster import EXTERNAL_SUBNET, FINALIZER, SUBNET_LABEL, Cluster, is_going, spec_of, status_of
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import Manifest

TYPE_LABEL = "ovn.kubernetes.io/ovn_eip_type"
V4_LABEL = "ovn.kubernetes.io/eip_v4_ip"
V6_LABEL = "ovn.kubernetes.io/eip_v6_ip"


def admit(cluster: Cluster, name: str) -> None:
    """Release an address that is being deleted and not in use; otherwise have one allocated."""
    eip = cluster.api.find("ovn-eips", name)
    if eip is None:
        return
    if is_going(eip):
        _release(cluster, name, eip)
    elif not status_of(eip).get("macAddress"):
        cluster.realise_later("ovn-eips", name)


def realise(cluster: Cluster, name: str) -> None:
    """Allocate the address, write it into spec and status, and say ready. Silent when there is none to be had."""
    eip = cluster.api.find("ovn-eips", name)
    if eip is None or is_going(eip) or status_of(eip).get("macAddress"):
        return
    spec = spec_of(eip)
    subnet = spec.get("externalSubnet") or EXTERNAL_SUBNET
    if cluster.api.find("subnets", subnet) is None:
        raise NotYetError(f"there is no subnet {subnet!r}", ("subnets", subnet))
    if spec.get("v6Ip", "") != spec.get("v6Ip", "").lower():
        raise NotYetError("an IPv6 address may not have upper case letters")
    fixed = spec.get("v4Ip", "")
    try:
        lease = cluster.addresses.lease(subnet, name, fixed)
    except TakenError as error:
        raise NotYetError(f"address {fixed!r}: {error}", ("pool", subnet)) from None
    except (ExhaustedError, KeyError):
        raise NotYetError(f"no address is free in {subnet!r}", ("pool", subnet)) from None
    usage = spec.get("type") or "nat"
    v6_before = spec.get("v6Ip", "")
    changes = {"externalSubnet": spec.get("externalSubnet", ""), **_spec(lease, usage)}
    labels = _labels(subnet, usage, lease)
    cluster.api.patch("ovn-eips", name, {"metadata": {"labels": labels}, "spec": changes})
    if not fixed or lease.v6 != v6_before:
        # The finalizer comes from the update handler, which runs when an address in spec changed: a fixed IPv4
        # address changes nothing there, so such an OvnEip gets none.
        cluster.add_finalizer("ovn-eips", name)
    touch_subnet(cluster, subnet)
    cluster.hold_if_never_ready("ovn-eips", name)
    status = {"v4Ip": lease.v4, "v6Ip": lease.v6, "macAddress": lease.mac, "type": usage, "nat": "", "ready": True}
    if usage == "lsp":
        # An lsp address becomes ready on its gateway node, which the lab does not have.
        status["ready"] = False
    cluster.set_status("ovn-eips", name, status)


def create_router_port(cluster: Cluster, name: str, subnet: str) -> None:
    """The OvnEip of a router's port on an external subnet. Raises ExhaustedError, or KeyError without the subnet."""
    lease = cluster.addresses.lease(subnet, name)
    metadata = {"name": name, "finalizers": [FINALIZER], "labels": _labels(subnet, "lrp", lease)}
    spec = {"externalSubnet": subnet, **_spec(lease, "lrp")}
    cluster.api.create("ovn-eips", {"metadata": metadata, "spec": spec})
    touch_subnet(cluster, subnet)


def _spec(lease: Lease, usage: str) -> Manifest:
    return {"v4Ip": lease.v4, "v6Ip": lease.v6, "macAddress": lease.mac, "type": usage}


def _labels(subnet: str, usage: str, lease: Lease) -> Manifest:
    return {
        SUBNET_LABEL: subnet,
        TYPE_LABEL: usage,
        V4_LABEL: lease.v4,
        V6_LABEL: label_of(lease.v6),
    }


def label_of(v6: str) -> str:
    """An IPv6 address as a label's value."""
    text = v6.replace(":", "-")
    return f"{'0' if text.startswith('-') else ''}{text}{'0' if text.endswith('-') else ''}"


def rules_using(cluster: Cluster, eip: Manifest) -> list[str]:
    """The kinds of NAT that use an address, as status.nat names them; found by the label a rule gets when ready."""
    spec = spec_of(eip)
    used = []
    for kind, plural in (("dnat", "ovn-dnat-rules"), ("fip", "ovn-fips"), ("snat", "ovn-snat-rules")):
        found = spec.get("v4Ip") and cluster.api.store.count(plural, "label", f"{V4_LABEL}={spec['v4Ip']}")
        if not found and spec.get("v6Ip"):
            found = cluster.api.store.count(plural, "label", f"{V6_LABEL}={label_of(spec['v6Ip'])}")
        if found:
            used.append(kind)
    return used


def update_usage(cluster: Cluster, name: str) -> None:
    """Bring status.nat up to date, and let an address go that only waited for its last rule."""
    eip = cluster.api.find("ovn-eips", name)
    if eip is None:
        return
    if is_going(eip):
        _release(cluster, name, eip)
        return
    if status_of(eip).get("macAddress"):
        cluster.set_status("ovn-eips", name, {"nat": ",".join(rules_using(cluster, eip))})


def _release(cluster: Cluster, name: str, eip: Manifest) -> None:
    used = rules_using(cluster, eip)
    if used:
        raise NotYetError(f"still used by {', '.join(used)}")
    if spec_of(eip).get("type") == "lrp":
        _delete_router_port(cluster, name, eip)
    _give_back(cluster, name, eip)
    cluster.remove_finalizer("ovn-eips", name)


def clean(cluster: Cluster, name: str, last: Manifest) -> None:
    """After the OvnEip is gone, held by no finalizer: its port and its address, in use or not."""
    if cluster.api.find("ovn-eips", name) is not None:
        return
    if spec_of(last).get("type") == "lrp":
        _delete_router_port(cluster, name, last)
    _give_back(cluster, name, last)


def _delete_router_port(cluster: Cluster, name: str, eip: Manifest) -> None:
    subnet = spec_of(eip).get("externalSubnet", "")
    cluster.northbound.delete_port(name, name.removesuffix(f"-{subnet}"))


def _give_back(cluster: Cluster, name: str, eip: Manifest) -> None:
    subnet = spec_of(eip).get("externalSubnet") or EXTERNAL_SUBNET
    if cluster.addresses.release(subnet, name):
        cluster.work.wake(("pool", subnet))
    touch_subnet(cluster, subnet)


def touch_subnet(cluster: Cluster, subnet: str) -> None:
    """Have a subnet's count of addresses brought up to date."""
    cluster.work.add(Item("count", "subnets", subnet))
