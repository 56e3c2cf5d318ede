"""The kinds of Kubernetes objects a tenant's network is made of, and how the API names them."""

from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]
"""One Kubernetes object as the API speaks it: JSON."""


@dataclass(frozen=True)
class Kind:
    """One kind of object: what its manifest says and where the API serves it."""

    name: str
    """`kind` in a manifest, e.g. `OvnEip`."""
    plural: str
    """The last part of its address in the API, e.g. `ovn-eips`."""
    api_version: str
    """`v1` or `group/version`."""
    namespaced: bool = False


_KUBE_OVN = "kubeovn.io/v1"

NAMESPACE = Kind("Namespace", "namespaces", "v1")
CONFIG_MAP = Kind("ConfigMap", "configmaps", "v1", namespaced=True)
NODE = Kind("Node", "nodes", "v1")
SECRET = Kind("Secret", "secrets", "v1", namespaced=True)
"""Only ever read, and never part of a tenant's network: so it is not among KINDS."""
POD = Kind("Pod", "pods", "v1", namespaced=True)
SERVICE = Kind("Service", "services", "v1", namespaced=True)
VOLUME_CLAIM = Kind("PersistentVolumeClaim", "persistentvolumeclaims", "v1", namespaced=True)

VPC = Kind("Vpc", "vpcs", _KUBE_OVN)
SUBNET = Kind("Subnet", "subnets", _KUBE_OVN)
OVN_EIP = Kind("OvnEip", "ovn-eips", _KUBE_OVN)
OVN_FIP = Kind("OvnFip", "ovn-fips", _KUBE_OVN)
OVN_SNAT_RULE = Kind("OvnSnatRule", "ovn-snat-rules", _KUBE_OVN)
OVN_DNAT_RULE = Kind("OvnDnatRule", "ovn-dnat-rules", _KUBE_OVN)
IP = Kind("IP", "ips", _KUBE_OVN)
VLAN = Kind("Vlan", "vlans", _KUBE_OVN)
PROVIDER_NETWORK = Kind("ProviderNetwork", "provider-networks", _KUBE_OVN)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        NAMESPACE,
        CONFIG_MAP,
        NODE,
        POD,
        SERVICE,
        VOLUME_CLAIM,
        VPC,
        SUBNET,
        OVN_EIP,
        OVN_FIP,
        OVN_SNAT_RULE,
        OVN_DNAT_RULE,
        IP,
        VLAN,
        PROVIDER_NETWORK,
    )
}
"""By the name a manifest gives."""
