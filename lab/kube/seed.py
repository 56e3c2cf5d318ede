"""The platform a tenant finds: Kube-OVN's own objects, an external subnet, and nodes that are its gateways."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from lab.kube.api import Api
from lab.kube.controller.cluster import (
    CHASSIS_ANNOTATION,
    DEFAULT_SUBNET,
    DEFAULT_VPC,
    EXTERNAL_SUBNET,
    GATEWAY_NODE_LABEL,
    JOIN_SUBNET,
)
from lab.kube.kinds import KUBE_OVN_KINDS, Manifest

KUBE_OVN = "v1.17.0"
SERVICES = "10.96.0.0/12,fd00:10:96::/112"
TUNNEL_MTU = 9100
"""Bytes, of the transport VLAN; its tunnels leave 9000 of them."""
PROVIDER_NETWORK = "external"
VLAN = "external"


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms: external CIDRs (one per family), how many addresses tenants may have, and nodes.

    `pool_size` does not count the gateway, nor the one address the default VPC's own router takes.
    """

    external_cidrs: tuple[str, ...] = ("203.0.113.0/24",)
    pool_size: int | None = None
    vlan_id: int = 100
    nodes: tuple[str, ...] = ("node-1", "node-2", "node-3")

    def excluded(self) -> list[str]:
        """The addresses beyond the pool's size, as excludeIps."""
        if self.pool_size is None:
            return []
        ranges = []
        for cidr in self.external_cidrs:
            network = ipaddress.ip_network(cidr)
            first, last = int(network.network_address) + 3 + self.pool_size, int(network.broadcast_address) - 1
            if first <= last:
                cls = type(network.network_address)
                ranges.append(f"{cls(first)}..{cls(last)}")
        return ranges


def plant(api: Api, platform: Platform) -> None:
    """Create the platform's objects. The controller makes them ready."""
    for name in ("default", "kube-system", "berth-system"):
        api.create("namespaces", {"metadata": {"name": name}})
    for kind in KUBE_OVN_KINDS:
        names = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural, "singular": kind.singular}
        spec = {
            "group": kind.group,
            "names": names,
            "scope": "Cluster",
            "versions": [{"name": "v1", "served": True, "storage": True}],
        }
        conditions = [{"type": "Established", "status": "True"}]
        definition = {"metadata": {"name": kind.resource}, "spec": spec, "status": {"conditions": conditions}}
        api.create("customresourcedefinitions", definition)
    for number, name in enumerate(platform.nodes, start=1):
        api.create("nodes", _node(name, number))
    for pod in _kube_ovn(platform):
        api.create("pods", pod, "kube-system")
    for plural, name, spec in _network(platform):
        api.create(plural, {"metadata": {"name": name}, "spec": spec})
    config = {"enable-external-gw": "true", "type": "distributed", "external-gw-nodes": ",".join(platform.nodes)}
    api.create("configmaps", {"metadata": {"name": "ovn-external-gw-config"}, "data": config}, "kube-system")


def _kube_ovn(platform: Platform) -> Iterator[Manifest]:
    """The pods of Kube-OVN itself, as far as their arguments tell what it works with (1.17, dist/images/install.sh)."""
    services = f"--service-cluster-ip-range={SERVICES}"
    arguments = ["--default-cidr=10.16.0.0/16", "--node-switch-cidr=100.64.0.0/16", services]
    yield _pod("kube-ovn-controller", platform.nodes[0], "kube-ovn-controller", arguments)
    for node in platform.nodes:
        # The last is that of the chart's networking.pods.mtu; without it each node derives its own and tells nobody.
        arguments = [services, "--iface=bond1", "--network-type=geneve", f"--mtu={TUNNEL_MTU - 100}"]
        yield _pod(f"kube-ovn-cni-{node}", node, "kube-ovn-cni", arguments)


def _pod(name: str, node: str, app: str, arguments: list[str]) -> Manifest:
    container = {"name": app, "image": f"docker.io/kubeovn/kube-ovn:{KUBE_OVN}", "args": arguments}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    spec = {"nodeName": node, "hostNetwork": True, "containers": [container]}
    return {"metadata": {"name": name, "labels": {"app": app}}, "spec": spec, "status": status}


def _network(platform: Platform) -> list[tuple[str, str, Manifest]]:
    external = {
        "vpc": DEFAULT_VPC,
        "vlan": VLAN,
        "cidrBlock": ",".join(platform.external_cidrs),
        "excludeIps": platform.excluded(),
    }
    return [
        ("provider-networks", PROVIDER_NETWORK, {"defaultInterface": "bond0"}),
        ("vlans", VLAN, {"id": platform.vlan_id, "provider": PROVIDER_NETWORK}),
        ("vpcs", DEFAULT_VPC, {}),
        (
            "subnets",
            DEFAULT_SUBNET,
            {"vpc": DEFAULT_VPC, "cidrBlock": "10.16.0.0/16", "default": True, "natOutgoing": True},
        ),
        ("subnets", JOIN_SUBNET, {"vpc": DEFAULT_VPC, "cidrBlock": "100.64.0.0/16"}),
        ("subnets", EXTERNAL_SUBNET, external),
    ]


def _node(name: str, number: int) -> Manifest:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", GATEWAY_NODE_LABEL: "true"}
    annotations = {CHASSIS_ANNOTATION: f"00000000-0000-4000-8000-{number:012d}"}
    status = {
        "addresses": [
            {"type": "InternalIP", "address": f"192.0.2.{10 + number}"},
            {"type": "Hostname", "address": name},
        ],
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"kubeletVersion": "v1.32.0"},
    }
    return {"metadata": {"name": name, "labels": labels, "annotations": annotations}, "status": status}
