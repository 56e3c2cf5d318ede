"""How Kube-OVN is installed, as its own pods tell: they can be read by whoever may list pods. Pure.

What it works with is nowhere else in the API: the services' CIDR and the MTU are arguments of its processes (Kube-OVN 1.17
pkg/controller/config.go and pkg/daemon/config.go), and an MTU that is not given is each node's own finding, told to nobody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clients.kube_ovn.answers import plain, some
from tenancy.fields import Network, contains
from tenancy.kinds import Object
from tenancy.meaning import networks_in
from tenancy.platform import Platform, collapsed

NAMESPACE = "kube-system"
CONTROLLER = {"app": "kube-ovn-controller"}
AGENT = {"app": "kube-ovn-cni"}
"""Labels of the pods, the second on every node; its manifests and both its charts set them."""
TESTED = "1.17"
"""The release whose code Berth relies on."""
TUNNEL_ANNOTATION = "ovn.kubernetes.io/tunnel_interface"
INTERFACE_LABEL, MTU_LABEL = "{}.provider-network.kubernetes.io/interface", "{}.provider-network.kubernetes.io/mtu"
"""Of a node that a provider network is set up on (pkg/util/const.go)."""
HEADERS: Mapping[str, int] = {"geneve": 100, "vlan": 100, "vxlan": 50, "stt": 72}
"""Bytes that a tunnel takes, by `--network-type`; over IPv6 it takes 20 more (pkg/util/const.go)."""
OVER_IPV6 = 20


@dataclass(frozen=True)
class Found:
    """One thing that was found."""

    state: Literal["passed", "warned", "failed"]
    message: str


def arguments(pod: Object) -> dict[str, str]:
    """`--key=value` of its containers' command lines."""
    spec = pod.get("spec") or {}
    words = [
        str(word)
        for one in spec.get("containers") or ()
        for word in (*(one.get("command") or ()), *(one.get("args") or ()))
    ]
    pairs = (word.removeprefix("--").partition("=") for word in words if word.startswith("--"))
    return {key: value.strip() for key, _, value in pairs}


def controller(pods: Sequence[Object]) -> Found:
    """Whether one of the controller's pods is ready, and of which release it is."""
    if not pods:
        return Found(
            "warned",
            f"no pod of kube-ovn-controller was found in {NAMESPACE}: where it runs elsewhere, see that it is well and of release"
            f" {TESTED}; without it nothing is ever made ready",
        )
    ready = [pod for pod in pods if _is_ready(pod)]
    if not ready:
        return Found(
            "failed",
            f"no pod of kube-ovn-controller is ready ({some(pod['metadata']['name'] for pod in pods)}): see its events and its"
            " log; without it nothing is ever made ready",
        )
    releases = {release for pod in ready for release in _releases(pod)}
    told = some(releases) or "unknown"
    if not all(re.fullmatch(rf"v?{re.escape(TESTED)}(\..*)?", release) for release in releases):
        return Found(
            "warned", f"release {told}, and Berth relies on the code of {TESTED}: try it on a test cluster first"
        )
    return Found("passed", f"ready, release {told}")


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _releases(pod: Object) -> Iterator[str]:
    for container in (pod.get("spec") or {}).get("containers") or ():
        image = str(container.get("image", "")).partition("@")[0].rpartition("/")[2]
        if image.startswith("kube-ovn"):
            yield plain(image.partition(":")[2] or "without a tag", 60)


def ranges(platform: Platform, subnets: Iterable[Object], controllers: Sequence[Object]) -> Iterator[tuple[str, Found]]:
    """Whether the ranges of the cluster are reserved in the platform's document: what each is of, and what was found."""
    known: list[tuple[str, frozenset[Network | str]]] = []
    for subnet in subnets:
        spec, name = subnet.get("spec") or {}, str(subnet["metadata"]["name"])
        # Another name can be chosen for either (`--node-switch`, `--default-ls`), and the controller marks the default.
        if spec.get("default") is True or name in ("join", "ovn-default"):
            known.append((f"Subnet {name}", networks_in(spec.get("cidrBlock"))))
    services = {
        one for pod in controllers for one in arguments(pod).get("service-cluster-ip-range", "").split(",") if one
    }
    if services:
        known.append(("services", networks_in(",".join(sorted(services)))))
    else:
        why = "the cluster's services have a range that could not be read (kube-ovn-controller's --service-cluster-ip-range):"
        yield "services", Found("warned", f"{why} compare it with spec.reserved of the platform document by hand")
    for what, networks in known:
        yield what, _reserved(platform, what, networks)


def _reserved(platform: Platform, what: str, found: frozenset[Network | str]) -> Found:
    networks = [network for network in found if not isinstance(network, str)]
    if not networks or len(networks) < len(found):
        return Found("warned", f"{what}: its range cannot be read: compare it with spec.reserved by hand")
    kept = collapsed([cidr for reserved in platform.spec.reserved for cidr in reserved.cidrs])
    missing = [network for network in networks if not any(contains(cidr, network) for cidr in kept)]
    if missing:
        told = ", ".join(sorted(map(str, missing)))
        return Found(
            "failed",
            f"{what} has {told}, which no entry of spec.reserved holds, so a tenant's subnet may shadow it: reserve it in the"
            " platform document",
        )
    return Found("passed", f"{' and '.join(sorted(map(str, networks)))}, reserved in the platform document")


def tunnel_mtu(platform: Platform, nodes: Sequence[Object], agents: Sequence[Object]) -> Iterator[Found]:
    """Whether the tunnels between the nodes carry what tenants' subnets send."""
    wanted = platform.spec.subnet_mtu
    if wanted is None:
        yield Found("passed", "spec.subnetMtu is left out, so tenants' pods get what Kube-OVN derives on each node")
        return
    if not agents:
        yield Found(
            "warned",
            f"no pod of kube-ovn-cni was found in {NAMESPACE}, so nothing tells the tunnels' MTU: see by hand that the transport"
            f" carries {wanted + HEADERS['geneve']} bytes on every node",
        )
        return
    places = {str(node["metadata"]["name"]): node for node in nodes}
    carried: list[int] = []
    small: dict[tuple[int, int], list[str]] = {}
    unknown: dict[tuple[str, int], list[str]] = {}
    for agent in agents:
        name = str((agent.get("spec") or {}).get("nodeName") or agent["metadata"]["name"])
        interface, header, mtu = _tunnel(places.get(name, {}), arguments(agent))
        if mtu is None:
            unknown.setdefault((interface, header), []).append(name)
        elif mtu < wanted:
            small.setdefault((mtu, header), []).append(name)
        else:
            carried.append(mtu)
    for (mtu, header), names in small.items():
        yield Found(
            "failed",
            f"tunnels carry packets of {mtu} bytes on {some(names)}, and spec.subnetMtu is {wanted}: give the transport an MTU of"
            f" {wanted + header} there (and kube-ovn-cni its --mtu={wanted}, where it has one), or write {mtu} into the platform"
            " document",
        )
    for (interface, header), names in unknown.items():
        yield Found(
            "warned",
            f"nothing in the API tells the MTU of {interface} on {some(names)}: see there with `ip link` that it is at least"
            f" {wanted + header}, since spec.subnetMtu is {wanted}; kube-ovn-cni's --mtu={wanted} would tell it here",
        )
    if carried and not small:
        yield Found("passed", f"{min(carried)} bytes on {len(carried)} nodes, and spec.subnetMtu is {wanted}")


def _tunnel(node: Object, told: Mapping[str, str]) -> tuple[str, int, int | None]:
    """The interface that tunnels leave by, the bytes they take, and the largest packet they carry, as far as it is known."""
    metadata = node.get("metadata") or {}
    labels = metadata.get("labels") or {}
    interface = str((metadata.get("annotations") or {}).get(TUNNEL_ANNOTATION) or told.get("iface", ""))
    header = HEADERS.get(told.get("network-type", "geneve"), HEADERS["geneve"]) + (OVER_IPV6 if _ipv6_only(node) else 0)
    if (given := told.get("mtu", "")).isdecimal() and int(given) > 0:
        return interface, header, int(given)
    for key, value in labels.items():
        network = str(key).removesuffix(INTERFACE_LABEL.format(""))
        mtu = str(labels.get(MTU_LABEL.format(network), ""))
        if key == INTERFACE_LABEL.format(network) and interface and value == interface and mtu.isdecimal():
            return interface, header, int(mtu) - header
    return (f"interface {plain(interface, 40)}" if interface else "the interface with the node's address"), header, None


def _ipv6_only(node: Object) -> bool:
    addresses = (node.get("status") or {}).get("addresses") or ()
    internal = [str(one.get("address")) for one in addresses if one.get("type") == "InternalIP"]
    return bool(internal) and all(":" in address for address in internal)


def vlan_mtu(platform: Platform, network: str, nodes: Sequence[Object]) -> Iterator[Found]:
    """Whether the provider network that carries tenants' VLANs takes what their subnets send."""
    wanted = platform.spec.subnet_mtu
    if wanted is None:
        yield Found("passed", "spec.subnetMtu is left out, so tenants' pods get the MTU of the interface on each node")
        return
    small: dict[int, list[str]] = {}
    carried: list[int] = []
    for node in nodes:
        text = str((node["metadata"].get("labels") or {}).get(MTU_LABEL.format(network), ""))
        if text.isdecimal() and int(text) >= wanted:
            carried.append(int(text))
        elif text.isdecimal():
            small.setdefault(int(text), []).append(str(node["metadata"]["name"]))
    for mtu, names in small.items():
        yield Found(
            "failed",
            f"the interface of ProviderNetwork {network} has an MTU of {mtu} on {some(names)}, and spec.subnetMtu is {wanted}:"
            f" raise it there, or write {mtu} into the platform document",
        )
    if carried and not small:
        yield Found("passed", f"{min(carried)} bytes on {len(carried)} nodes, and spec.subnetMtu is {wanted}")
    if not carried and not small:
        yield Found(
            "warned",
            f"no node bears the label {MTU_LABEL.format(network)}, by which kube-ovn-cni tells the interface's MTU: see by hand"
            f" that it is at least {wanted}, and that the provider network is set up on the nodes",
        )
