"""The platform's external gateway, kept as its ConfigMap says (Kube-OVN 1.17, pkg/controller/external_gw.go)."""

from lab.kube.addresses import ExhaustedError
from lab.kube.controller import eips
from lab.kube.controller.cluster import (
    CHASSIS_ANNOTATION,
    DEFAULT_VPC,
    EXTERNAL_SUBNET,
    GATEWAY_NODE_LABEL,
    Cluster,
    spec_of,
    status_of,
)
from lab.kube.controller.work import NotYetError
from lab.kube.kinds import Manifest
from lab.kube.northbound import Port

CONFIG_MAP = "ovn-external-gw-config"
NAMESPACE = "kube-system"
_PORT = f"{DEFAULT_VPC}-{EXTERNAL_SUBNET}"


class ExternalGateway:
    """What the controller remembers of the ConfigMap while it runs; a restart forgets it and starts over."""

    def __init__(self) -> None:
        self._enabled: bool | None = None
        self._last: Manifest = {}

    def sync(self, cluster: Cluster) -> None:
        """Establish the gateway, or remove it when the ConfigMap is missing or says so."""
        vpc = cluster.api.find("vpcs", DEFAULT_VPC)
        if vpc is None:
            raise NotYetError(f"there is no vpc {DEFAULT_VPC!r}", ("vpcs", DEFAULT_VPC))
        if spec_of(vpc).get("extraExternalSubnets") or status_of(vpc).get("extraExternalSubnets"):
            return
        config = (cluster.api.find("configmaps", CONFIG_MAP, NAMESPACE) or {}).get("data")
        if config is None or config.get("enable-external-gw") == "false":
            if self._enabled is not False:
                _remove(cluster)
                _set_enabled(cluster, enabled=False)
                self._enabled, self._last = False, {}
            return
        if self._enabled and config == self._last:
            return
        if self._last and _is_moved(self._last, config):
            _remove(cluster)
        _establish(cluster, config)
        self._enabled, self._last = True, dict(config)
        _set_enabled(cluster, enabled=True)


def _is_moved(last: Manifest, config: Manifest) -> bool:
    if (last.get("type"), config.get("type")) == ("distributed", "centralized"):
        return True
    return last.get("external-gw-nodes") != config.get("external-gw-nodes")


def _remove(cluster: Cluster) -> None:
    """Every gateway node loses its label, and the default VPC its port."""
    for node in cluster.api.store.indexed("nodes", "label", f"{GATEWAY_NODE_LABEL}=true"):
        cluster.api.patch("nodes", node.key[2], {"metadata": {"labels": {GATEWAY_NODE_LABEL: "false"}}})
    cluster.northbound.delete_port(_PORT, DEFAULT_VPC)


def _establish(cluster: Cluster, config: Manifest) -> None:
    names = [node.key[2] for node in cluster.api.store.indexed("nodes", "label", f"{GATEWAY_NODE_LABEL}=true")]
    if config.get("type") != "distributed":
        listed = [name.strip() for name in config.get("external-gw-nodes", "").split(",")]
        names += [name for name in listed if name and name not in names]
    chassis = []
    for name in names:
        node = cluster.api.find("nodes", name)
        if node is None:
            raise NotYetError(f"there is no node {name!r}", ("nodes", name))
        cluster.api.patch("nodes", name, {"metadata": {"labels": {GATEWAY_NODE_LABEL: "true"}}})
        held = (node["metadata"].get("annotations") or {}).get(CHASSIS_ANNOTATION)
        if not held:
            raise NotYetError(f"node {name} has no chassis annotation", ("nodes", name))
        chassis.append(held)
    if not chassis:
        raise NotYetError("no available external gw chassis", ("nodes", ""))
    network, mac = config.get("nic-ip", ""), config.get("nic-mac", "")
    if not network:
        network, mac = _own_address(cluster)
    port = Port(_PORT, EXTERNAL_SUBNET, (network,), mac, tuple(chassis))
    cluster.northbound.create_router(DEFAULT_VPC)
    cluster.northbound.add_port(DEFAULT_VPC, port)


def _own_address(cluster: Cluster) -> tuple[str, str]:
    """The address of the default VPC's port: one of the pool, like any tenant's."""
    subnet = cluster.api.find("subnets", EXTERNAL_SUBNET)
    if subnet is None:
        raise NotYetError(f"there is no subnet {EXTERNAL_SUBNET!r}", ("subnets", EXTERNAL_SUBNET))
    if cluster.api.find("ovn-eips", _PORT) is None:
        try:
            eips.create_router_port(cluster, _PORT, EXTERNAL_SUBNET)
        except (ExhaustedError, KeyError):
            raise NotYetError(
                f"no address is free in {EXTERNAL_SUBNET!r}", ("pool", EXTERNAL_SUBNET), ("subnets", EXTERNAL_SUBNET)
            ) from None
    address = spec_of(cluster.api.find("ovn-eips", _PORT))
    prefix = spec_of(subnet).get("cidrBlock", "").split(",")[0].partition("/")[2]
    return f"{address.get('v4Ip') or address.get('v6Ip')}/{prefix}", address.get("macAddress", "")


def _set_enabled(cluster: Cluster, *, enabled: bool) -> None:
    if bool(spec_of(cluster.api.find("vpcs", DEFAULT_VPC)).get("enableExternal")) != enabled:
        cluster.api.patch("vpcs", DEFAULT_VPC, {"spec": {"enableExternal": enabled}})
    cluster.set_status("vpcs", DEFAULT_VPC, {"enableExternal": enabled})
