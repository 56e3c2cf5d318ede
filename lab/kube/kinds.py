"""The kinds the simulated API server knows: names, scope, and what `kubectl get` prints for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One printed column: its heading, its type in the table, and where its value comes from."""

    name: str
    type: str
    value: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. `status` says whether its status is written through a subresource of its own."""

    kind: str
    plural: str
    singular: str
    group: str = ""
    namespaced: bool = True
    short: tuple[str, ...] = ()
    status: bool = False
    columns: tuple[Column, ...] = ()
    custom: bool = False
    generation: bool = False

    @property
    def api_version(self) -> str:
        """`v1` or `group/v1`; every kind here has the version v1."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def resource(self) -> str:
        """How errors name it: `vpcs.kubeovn.io`, `configmaps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def at(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """A column's value by its path in the object; None where the path leads nowhere."""
    steps = path.split(".")

    def value(manifest: Mapping[str, Any]) -> Any:
        here: Any = manifest
        for step in steps:
            if not isinstance(here, Mapping):
                return None
            here = here.get(step)
        return here

    return value


def _count(path: str) -> Callable[[Mapping[str, Any]], Any]:
    value = at(path)
    return lambda manifest: len(value(manifest) or ())


def _columns(*columns: tuple[str, str] | tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, (kind or ["string"])[0], at(path)) for name, path, *kind in columns)


# Columns are those of additionalPrinterColumns in Kube-OVN 1.17's CRDs.
_KUBE_OVN = (
    Kind(
        "Vpc",
        "vpcs",
        "vpc",
        short=("vpc",),
        columns=_columns(
            ("EnableExternal", "status.enableExternal", "boolean"),
            ("EnableBfd", "status.enableBfd", "boolean"),
            ("Standby", "status.standby", "boolean"),
            ("Subnets", "status.subnets"),
            ("ExtraExternalSubnets", "status.extraExternalSubnets"),
            ("Namespaces", "spec.namespaces"),
            ("DefaultSubnet", "status.defaultLogicalSwitch"),
            ("Age", "metadata.creationTimestamp", "date"),
        ),
    ),
    Kind(
        "Subnet",
        "subnets",
        "subnet",
        short=("subnet",),
        columns=_columns(
            ("Provider", "spec.provider"),
            ("Vpc", "spec.vpc"),
            ("Vlan", "spec.vlan"),
            ("Protocol", "spec.protocol"),
            ("CIDR", "spec.cidrBlock"),
            ("Private", "spec.private", "boolean"),
            ("NAT", "spec.natOutgoing", "boolean"),
            ("Default", "spec.default", "boolean"),
            ("GatewayType", "spec.gatewayType"),
            ("V4Used", "status.v4usingIPs", "number"),
            ("V4Available", "status.v4availableIPs", "number"),
            ("V6Used", "status.v6usingIPs", "number"),
            ("V6Available", "status.v6availableIPs", "number"),
            ("ExcludeIPs", "spec.excludeIps"),
            ("U2OInterconnectionIP", "status.u2oInterconnectionIP"),
        ),
    ),
    Kind(
        "Vlan",
        "vlans",
        "vlan",
        short=("vlan",),
        columns=_columns(("ID", "spec.id"), ("Provider", "spec.provider"), ("conflict", "status.conflict", "boolean")),
    ),
    Kind(
        "ProviderNetwork",
        "provider-networks",
        "provider-network",
        short=("pn",),
        columns=_columns(("DefaultInterface", "spec.defaultInterface"), ("Ready", "status.ready", "boolean")),
    ),
    Kind(
        "OvnEip",
        "ovn-eips",
        "ovn-eip",
        short=("oeip",),
        columns=_columns(
            ("V4IP", "status.v4Ip"),
            ("V6IP", "status.v6Ip"),
            ("Mac", "status.macAddress"),
            ("Type", "status.type"),
            ("Nat", "status.nat"),
            ("Ready", "status.ready", "boolean"),
            ("ExternalSubnet", "spec.externalSubnet"),
        ),
    ),
    Kind(
        "OvnFip",
        "ovn-fips",
        "ovn-fip",
        short=("ofip",),
        columns=_columns(
            ("Vpc", "status.vpc"),
            ("Type", "spec.type"),
            ("V4Eip", "status.v4Eip"),
            ("V6Eip", "status.v6Eip"),
            ("V4Ip", "status.v4Ip"),
            ("V6Ip", "status.v6Ip"),
            ("Ready", "status.ready", "boolean"),
            ("IpType", "spec.ipType"),
            ("IpName", "spec.ipName"),
        ),
    ),
    Kind(
        "OvnSnatRule",
        "ovn-snat-rules",
        "ovn-snat-rule",
        short=("osnat",),
        columns=_columns(
            ("Vpc", "status.vpc"),
            ("V4Eip", "status.v4Eip"),
            ("V6Eip", "status.v6Eip"),
            ("V4IpCidr", "status.v4IpCidr"),
            ("V6IpCidr", "status.v6IpCidr"),
            ("Ready", "status.ready", "boolean"),
        ),
    ),
    Kind(
        "OvnDnatRule",
        "ovn-dnat-rules",
        "ovn-dnat-rule",
        short=("odnat",),
        columns=_columns(
            ("Vpc", "status.vpc"),
            ("Eip", "spec.ovnEip"),
            ("Protocol", "status.protocol"),
            ("V4Eip", "status.v4Eip"),
            ("V6Eip", "status.v6Eip"),
            ("V4Ip", "status.v4Ip"),
            ("V6Ip", "status.v6Ip"),
            ("InternalPort", "status.internalPort"),
            ("ExternalPort", "status.externalPort"),
            ("IpName", "spec.ipName"),
            ("Ready", "status.ready", "boolean"),
        ),
    ),
    Kind(
        "IP",
        "ips",
        "ip",
        short=("ip",),
        columns=_columns(
            ("V4IP", "spec.v4IpAddress"),
            ("V6IP", "spec.v6IpAddress"),
            ("Mac", "spec.macAddress"),
            ("Node", "spec.nodeName"),
            ("Subnet", "spec.subnet"),
        ),
    ),
)

_AGE = Column("Age", "date", at("metadata.creationTimestamp"))


def _node_ready(manifest: Mapping[str, Any]) -> str:
    conditions = at("status.conditions")(manifest) or []
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return "Ready" if ready else "NotReady"


def _roles(manifest: Mapping[str, Any]) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = at("metadata.labels")(manifest) or {}
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or "<none>"


_CORE = (
    Kind(
        "Namespace",
        "namespaces",
        "namespace",
        namespaced=False,
        short=("ns",),
        status=True,
        columns=(Column("Status", "string", at("status.phase")), _AGE),
    ),
    Kind(
        "ConfigMap", "configmaps", "configmap", short=("cm",), columns=(Column("Data", "integer", _count("data")), _AGE)
    ),
    Kind(
        "Secret",
        "secrets",
        "secret",
        columns=(Column("Type", "string", at("type")), Column("Data", "integer", _count("data")), _AGE),
    ),
    Kind(
        "Node",
        "nodes",
        "node",
        namespaced=False,
        short=("no",),
        status=True,
        columns=(
            Column("Status", "string", _node_ready),
            Column("Roles", "string", _roles),
            _AGE,
            Column("Version", "string", at("status.nodeInfo.kubeletVersion")),
        ),
    ),
    Kind(
        "Pod",
        "pods",
        "pod",
        short=("po",),
        status=True,
        columns=(
            Column("Status", "string", at("status.phase")),
            _AGE,
            Column("IP", "string", at("status.podIP")),
            Column("Node", "string", at("spec.nodeName")),
        ),
    ),
    Kind(
        "Service",
        "services",
        "service",
        short=("svc",),
        status=True,
        columns=(
            Column("Type", "string", at("spec.type")),
            Column("Cluster-IP", "string", at("spec.clusterIP")),
            _AGE,
        ),
    ),
    Kind(
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        short=("pvc",),
        status=True,
        columns=(Column("Status", "string", at("status.phase")), _AGE),
    ),
    Kind(
        "ServiceAccount",
        "serviceaccounts",
        "serviceaccount",
        short=("sa",),
        columns=(Column("Secrets", "integer", _count("secrets")), _AGE),
    ),
    Kind(
        "Event",
        "events",
        "event",
        short=("ev",),
        columns=(
            Column("Last Seen", "date", at("lastTimestamp")),
            Column("Type", "string", at("type")),
            Column("Reason", "string", at("reason")),
            Column("Message", "string", at("message")),
        ),
    ),
)

_EXTENSIONS = (
    Kind(
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "customresourcedefinition",
        group="apiextensions.k8s.io",
        namespaced=False,
        short=("crd", "crds"),
        status=True,
        columns=(Column("Created At", "date", at("metadata.creationTimestamp")),),
    ),
)


def _custom(kind: Kind) -> Kind:
    return Kind(
        kind.kind,
        kind.plural,
        kind.singular,
        group="kubeovn.io",
        namespaced=False,
        short=kind.short,
        status=kind.plural != "ips",
        columns=kind.columns,
        custom=True,
        generation=True,
    )


KUBE_OVN_KINDS: tuple[Kind, ...] = tuple(_custom(kind) for kind in _KUBE_OVN)
KINDS: dict[str, Kind] = {kind.plural: kind for kind in (*_CORE, *KUBE_OVN_KINDS, *_EXTENSIONS)}
"""Every stored kind by its plural; no plural is used by two groups here."""
