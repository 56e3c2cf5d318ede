"""Namespaces: Kubernetes empties one that is deleted, Kube-OVN writes into its annotations which subnet it uses."""

from lab.kube.api import DeleteOptions
from lab.kube.controller.cluster import DEFAULT_SUBNET, DEFAULT_VPC, Cluster, is_going, spec_of, status_of
from lab.kube.controller.pods import SWITCH_ANNOTATION
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import KINDS, Manifest


def admit(cluster: Cluster, name: str) -> None:
    """Furnish a new namespace as Kubernetes does; empty one that is being deleted and let it go."""
    namespace = cluster.api.find("namespaces", name)
    if namespace is None:
        return
    if not is_going(namespace):
        if cluster.api.find("serviceaccounts", "default", name) is None:
            cluster.api.create("serviceaccounts", {"metadata": {"name": "default"}}, name)
        if cluster.api.find("configmaps", "kube-root-ca.crt", name) is None:
            bundle = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "the lab has no certificates\n"}}
            cluster.api.create("configmaps", bundle, name)
        cluster.work.add(Item("annotate", "namespaces", name))
        return
    left = []
    for kind in KINDS.values():
        if kind.namespaced:
            for stored in cluster.api.store.all(kind.plural, name):
                grace = None if kind.plural == "pods" else 0
                _, gone = cluster.api.delete(kind.plural, stored.key[2], name, DeleteOptions(grace_period=grace))
                if not gone:
                    left.append((kind.plural, stored.key[2]))
    if left:
        named = ", ".join("/".join(each) for each in left[:5])
        raise NotYetError(f"{len(left)} objects are still in it: {named}", *left)
    if cluster.faults.in_controller("stuck-finalizer", "namespaces", name):
        raise NotYetError("a fault keeps its finalizer")
    finished = {**namespace, "spec": {"finalizers": []}}
    cluster.api.update("namespaces", finished, name=name)


def annotate(cluster: Cluster, name: str) -> None:
    """Write which subnets a namespace uses (handleAddNamespace)."""
    namespace = cluster.api.find("namespaces", name)
    if namespace is None or is_going(namespace):
        return
    bound = [stored.manifest for stored in cluster.api.store.indexed("subnets", "bound", name)]
    vpcs = [stored.manifest for stored in cluster.api.store.indexed("vpcs", "bound", name)]
    for vpc in vpcs:
        default = cluster.api.find("subnets", spec_of(vpc).get("defaultSubnet", ""))
        if default is not None and default not in bound and spec_of(default).get("vpc") == vpc["metadata"]["name"]:
            bound.insert(0, default)
    if not bound:
        owner = vpcs[0] if vpcs else cluster.api.find("vpcs", DEFAULT_VPC)
        switch = status_of(owner).get("defaultLogicalSwitch") or DEFAULT_SUBNET
        found = cluster.api.find("subnets", switch)
        if found is None:
            return
        bound = [found]
    wanted = {
        SWITCH_ANNOTATION: ",".join(subnet["metadata"]["name"] for subnet in bound),
        "ovn.kubernetes.io/cidr": ";".join(spec_of(subnet).get("cidrBlock", "") for subnet in bound),
        "ovn.kubernetes.io/exclude_ips": ";".join(_excluded(subnet) for subnet in bound),
    }
    cluster.api.patch("namespaces", name, {"metadata": {"annotations": wanted}})


def _excluded(subnet: Manifest) -> str:
    return ",".join(spec_of(subnet).get("excludeIps") or [])
