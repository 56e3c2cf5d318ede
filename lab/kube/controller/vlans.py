"""What the controller does with Vlans and ProviderNetworks (Kube-OVN 1.17, vlan.go and provider_network.go)."""

from lab.kube.controller.cluster import Cluster, spec_of, status_of
from lab.kube.controller.work import Item, NotYetError
from lab.kube.kinds import Manifest

INTERFACE_MTU = "9000"
"""Bytes that every node's interface in a provider network carries."""


def realise(cluster: Cluster, name: str) -> None:
    """Check a Vlan for a twin and list it in its provider network: that is what a subnet waits for."""
    vlan = cluster.api.find("vlans", name)
    if vlan is None:
        return
    spec = spec_of(vlan)
    provider = spec.get("provider", "")
    network = cluster.api.find("provider-networks", provider)
    if network is None:
        raise NotYetError(f"there is no provider network {provider!r}", ("provider-networks", provider))
    twins = _twins(cluster, name, spec)
    if bool(status_of(vlan).get("conflict")) != bool(twins):
        cluster.set_status("vlans", name, {"conflict": bool(twins)})
    if twins:
        raise NotYetError(f"vlan {twins[0]!r} has the same id and provider", *(("vlans", twin) for twin in twins))
    cluster.hold_if_never_ready("vlans", name)
    listed = status_of(network).get("vlans") or []
    if name not in listed:
        cluster.set_status("provider-networks", provider, {"vlans": [*listed, name]})


def _twins(cluster: Cluster, name: str, spec: Manifest) -> list[str]:
    if not spec.get("id"):
        return []
    same = cluster.api.store.indexed("vlans", "tag", tag(spec))
    return [stored.key[2] for stored in same if stored.key[2] != name]


def tag(spec: Manifest) -> str:
    """What two Vlans may not share."""
    return f"{spec.get('provider', '')}:{spec.get('id', 0)}"


def clean(cluster: Cluster, name: str, last: Manifest) -> None:
    """After the Vlan is gone: no provider network lists it, and subnets on it see that."""
    provider = spec_of(last).get("provider", "")
    listed = status_of(cluster.api.find("provider-networks", provider)).get("vlans") or []
    if name in listed and cluster.api.find("vlans", name) is None:
        cluster.set_status("provider-networks", provider, {"vlans": [each for each in listed if each != name]})
    for stored in cluster.api.store.indexed("subnets", "vlan", name):
        cluster.work.add(Item("admit", "subnets", stored.key[2]))


def realise_provider_network(cluster: Cluster, name: str) -> None:
    """Every node that is not excluded has the bridge, and tells the interface in it (pkg/daemon/controller.go)."""
    network = cluster.api.find("provider-networks", name)
    if network is None:
        return
    cluster.hold_if_never_ready("provider-networks", name)
    excluded = spec_of(network).get("excludeNodes") or []
    nodes = [stored.key[2] for stored in cluster.api.store.all("nodes") if stored.key[2] not in excluded]
    for node in nodes:
        cluster.api.patch("nodes", node, {"metadata": {"labels": _labels(network)}})
    cluster.set_status("provider-networks", name, {"ready": True, "readyNodes": nodes})


def _labels(network: Manifest) -> dict[str, str]:
    prefix = f"{network['metadata']['name']}.provider-network.kubernetes.io"
    interface = str(spec_of(network).get("defaultInterface", ""))
    return {f"{prefix}/ready": "true", f"{prefix}/interface": interface, f"{prefix}/mtu": INTERFACE_MTU}
