"""Pods as tenants' networks see them: an address and an IP object while they live (Kube-OVN 1.17, pod.go and ip.go)."""

from lab.kube.addresses import ExhaustedError, Lease
from lab.kube.api import STATUS, DeleteOptions
from lab.kube.controller.cluster import DEFAULT_SUBNET, FINALIZER, SUBNET_LABEL, Cluster, is_going, spec_of, status_of
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import Manifest

SWITCH_ANNOTATION = "ovn.kubernetes.io/logical_switch"


def realise(cluster: Cluster, name: str, namespace: str) -> None:
    """Give a pod its address and run it; let one go that is being deleted, as its kubelet would."""
    pod = cluster.api.find("pods", name, namespace)
    if pod is None:
        return
    if is_going(pod):
        cluster.api.delete("pods", name, namespace, DeleteOptions(grace_period=0))
        return
    if status_of(pod).get("podIP") or spec_of(pod).get("hostNetwork"):
        return
    subnet = _subnet_of(cluster, pod, namespace)
    found = cluster.api.find("subnets", subnet)
    conditions = {each["type"]: each["status"] for each in status_of(found).get("conditions") or []}
    if found is None or conditions.get("Ready") != "True":
        raise NotYetError(f"subnet {subnet!r} is not ready", ("subnets", subnet))
    ip_name = f"{name}.{namespace}"
    try:
        lease = cluster.addresses.lease(subnet, ip_name)
    except (ExhaustedError, KeyError):
        raise NotYetError(f"no address is free in {subnet!r}", ("pool", subnet)) from None
    node = spec_of(pod).get("nodeName") or _any_node(cluster, ip_name)
    _write_ip(cluster, ip_name, pod, subnet, lease, node)
    address = ",".join(filter(None, (lease.v4, lease.v6)))
    annotations = {
        SWITCH_ANNOTATION: subnet,
        "ovn.kubernetes.io/ip_address": address,
        "ovn.kubernetes.io/mac_address": lease.mac,
        "ovn.kubernetes.io/allocated": "true",
        "ovn.kubernetes.io/routed": "true",
    }
    cluster.api.patch("pods", name, {"metadata": {"annotations": annotations}, "spec": {"nodeName": node}}, namespace)
    addresses = [{"ip": each} for each in address.split(",")]
    status = {"phase": "Running", "podIP": lease.v4 or lease.v6, "podIPs": addresses}
    cluster.api.patch("pods", name, {"status": status}, namespace, options=STATUS)


def _subnet_of(cluster: Cluster, pod: Manifest, namespace: str) -> str:
    own = (pod["metadata"].get("annotations") or {}).get(SWITCH_ANNOTATION)
    if own:
        return str(own)
    holder = cluster.api.find("namespaces", namespace) or {"metadata": {}}
    inherited = (holder["metadata"].get("annotations") or {}).get(SWITCH_ANNOTATION, "")
    return str(inherited).partition(",")[0] or DEFAULT_SUBNET


def _any_node(cluster: Cluster, ip_name: str) -> str:
    nodes = [stored.key[2] for stored in cluster.api.store.all("nodes")]
    return nodes[sum(ip_name.encode()) % len(nodes)] if nodes else ""


def _write_ip(cluster: Cluster, name: str, pod: Manifest, subnet: str, lease: Lease, node: str) -> None:
    if cluster.api.find("ips", name) is not None:
        return
    spec = {
        "podName": pod["metadata"]["name"],
        "namespace": pod["metadata"]["namespace"],
        "subnet": subnet,
        "nodeName": node,
        "ipAddress": ",".join(filter(None, (lease.v4, lease.v6))),
        "v4IpAddress": lease.v4,
        "v6IpAddress": lease.v6,
        "macAddress": lease.mac,
        "attachIps": [],
        "attachMacs": [],
        "attachSubnets": [],
        "containerID": "",
        "podType": "",
    }
    labels = {SUBNET_LABEL: subnet, "ovn.kubernetes.io/node-name": node, subnet: ""}
    metadata = {"name": name, "labels": labels, "finalizers": [FINALIZER]}
    cluster.api.create("ips", {"metadata": metadata, "spec": spec})


def admit_ip(cluster: Cluster, name: str) -> None:
    """Count an IP object, or let it go when it is being deleted."""
    ip = cluster.api.find("ips", name)
    if ip is not None and is_going(ip):
        cluster.remove_finalizer("ips", name)
    elif ip is not None:
        cluster.work.add(Item("count", "subnets", spec_of(ip).get("subnet", "")))


def clean_ip(cluster: Cluster, name: str, last: Manifest) -> None:
    """After an IP object is gone, its address is free."""
    subnet = spec_of(last).get("subnet", "")
    if cluster.api.find("ips", name) is None and cluster.addresses.release(subnet, name):
        cluster.work.wake(("pool", subnet))
    cluster.work.add(Item("count", "subnets", subnet))


def clean(cluster: Cluster, name: str, namespace: str) -> None:
    """After a pod is gone: its IP object goes too."""
    ip_name = f"{name}.{namespace}"
    if cluster.api.find("pods", name, namespace) is None and cluster.api.find("ips", ip_name) is not None:
        cluster.api.delete("ips", ip_name)
