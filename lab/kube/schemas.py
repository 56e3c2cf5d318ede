"""The structural schemas of Kube-OVN's kinds: types are checked, unknown fields pruned, hardly anything else is.

Fields are those of Kube-OVN 1.17's CRDs, which have no enums, no bounds on a policy's priority and nothing immutable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Schema:
    """What one value must be. An object lists its fields, or the schema all its values share."""

    type: str
    fields: Mapping[str, "Schema"] = field(default_factory=dict)
    items: "Schema | None" = None
    values: "Schema | None" = None
    required: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    longest: int | None = None

    def openapi(self) -> dict[str, Any]:
        """The schema as OpenAPI v3 writes it."""
        told: dict[str, Any] = {"type": self.type}
        if self.fields:
            told["properties"] = {name: schema.openapi() for name, schema in self.fields.items()}
        if self.items:
            told["items"] = self.items.openapi()
        if self.values:
            told["additionalProperties"] = self.values.openapi()
        limits = {"required": list(self.required), "minimum": self.minimum, "maximum": self.maximum}
        limits["maxLength"] = self.longest
        told.update({name: limit for name, limit in limits.items() if limit not in (None, [])})
        return told


_S, _B, _I, _N = Schema("string"), Schema("boolean"), Schema("integer"), Schema("number")
_TAG = Schema("integer", minimum=0, maximum=4095)
_INTERFACE = Schema("string", longest=15)


def _list(items: Schema) -> Schema:
    return Schema("array", items=items)


def _object(**fields: Schema) -> Schema:
    return Schema("object", fields)


def _needs(required: str, schema: Schema) -> Schema:
    return replace(schema, required=tuple(required.split()))


def _texts(*names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, _S)


def _flags(*names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, _B)


_NAMES = _list(_S)
_SELECTOR = _object(
    matchExpressions=_list(_needs("key operator", _object(key=_S, operator=_S, values=_NAMES))),
    matchLabels=Schema("object", values=_S),
)
_CONDITION = _object(
    **_texts("lastTransitionTime", "lastUpdateTime", "message", "reason", "status", "type"), observedGeneration=_I
)
_CONDITIONS = {"conditions": _list(_CONDITION)}
_NAT_RULE = {"action": _S, "match": _object(**_texts("dstIPs", "srcIPs"))}

SCHEMAS: dict[str, Mapping[str, Schema]] = {
    "vpcs": {
        "spec": _object(
            bfdPort=_object(enabled=_B, ip=_S, nodeSelector=_SELECTOR),
            defaultSubnet=_S,
            **_flags("enableBfd", "enableExternal"),
            extraExternalSubnets=_NAMES,
            namespaces=_NAMES,
            policyRoutes=_list(_object(priority=_I, **_texts("action", "match", "nextHopIP"))),
            staticRoutes=_list(_object(**_texts("bfdId", "cidr", "ecmpMode", "nextHopIP", "policy", "routeTable"))),
            vpcPeerings=_list(_object(**_texts("localConnectIP", "remoteVpc"))),
        ),
        "status": _object(
            bfdPort=_object(ip=_S, name=_S, nodes=_NAMES),
            **_CONDITIONS,
            **_flags("default", "enableBfd", "enableExternal", "standby"),
            **_texts("defaultLogicalSwitch", "router"),
            **_texts("sctpLoadBalancer", "sctpSessionLoadBalancer", "tcpLoadBalancer", "tcpSessionLoadBalancer"),
            **_texts("udpLoadBalancer", "udpSessionLoadBalancer"),
            **dict.fromkeys(("extraExternalSubnets", "subnets", "vpcPeerings"), _NAMES),
        ),
    },
    "subnets": {
        "spec": _object(
            acls=_list(_object(**_texts("action", "direction", "match"), priority=_I)),
            **_flags("allowEWTraffic", "default", "disableGatewayCheck", "disableInterConnection", "enableDHCP"),
            **_flags("enableEcmp", "enableExternalLBAddress", "enableIPv6RA", "enableLb", "enableMulticastSnoop"),
            **_flags("logicalGateway", "natOutgoing", "private", "u2oInterconnection"),
            **_texts("cidrBlock", "dhcpV4Options", "dhcpV6Options", "externalEgressGateway", "gateway", "gatewayNode"),
            **_texts("gatewayType", "ipv6RAConfigs", "nodeNetwork", "protocol", "provider", "routeTable"),
            **_texts("u2oInterconnectionIP", "vlan", "vpc"),
            **dict.fromkeys(("mtu", "policyRoutingPriority", "policyRoutingTableID"), _I),
            **dict.fromkeys(("allowSubnets", "excludeIps", "namespaces", "vips"), _NAMES),
            **dict.fromkeys(("gatewayNodeSelectors", "namespaceSelectors"), _list(_SELECTOR)),
            natOutgoingPolicyRules=_list(_object(**_NAT_RULE)),
            u2oFeatures=_object(overlayOnlyRouting=_B),
        ),
        "status": _object(
            **_CONDITIONS,
            **_texts("activateGateway", "dhcpV4OptionsUUID", "dhcpV6OptionsUUID", "mcastQuerierIP", "mcastQuerierMAC"),
            **_texts("u2oInterconnectionIP", "u2oInterconnectionMAC", "u2oInterconnectionVPC"),
            **_texts("v4availableIPrange", "v4usingIPrange", "v6availableIPrange", "v6usingIPrange"),
            **dict.fromkeys(("v4availableIPs", "v4usingIPs", "v6availableIPs", "v6usingIPs"), _N),
            natOutgoingPolicyRules=_list(_object(**_NAT_RULE, ruleID=_S)),
        ),
    },
    "vlans": {
        "spec": _needs("provider", _object(id=_TAG, vlanId=_TAG, **_texts("provider", "providerInterfaceName"))),
        "status": _object(**_CONDITIONS, conflict=_B, subnets=_NAMES),
    },
    "provider-networks": {
        "spec": _needs(
            "defaultInterface",
            _object(
                **_flags("autoCreateVlanSubinterfaces", "exchangeLinkName", "preserveVlanInterfaces"),
                customInterfaces=_list(_object(interface=_INTERFACE, nodes=_NAMES)),
                defaultInterface=_INTERFACE,
                **dict.fromkeys(("excludeNodes", "vlanInterfaces"), _NAMES),
                nodeSelector=_SELECTOR,
            ),
        ),
        "status": _object(
            conditions=_list(_object(**_CONDITION.fields, node=_S)),
            ready=_B,
            **dict.fromkeys(("notReadyNodes", "readyNodes", "vlans"), _NAMES),
        ),
    },
    "ovn-eips": {
        "spec": _object(**_texts("externalSubnet", "macAddress", "type", "v4Ip", "v6Ip")),
        "status": _object(**_CONDITIONS, ready=_B, **_texts("macAddress", "nat", "type", "v4Ip", "v6Ip")),
    },
    "ovn-fips": {
        "spec": _object(**_texts("ipName", "ipType", "ovnEip", "type", "v4Ip", "v6Ip", "vpc")),
        "status": _object(**_CONDITIONS, ready=_B, **_texts("macAddress", "v4Eip", "v4Ip", "v6Eip", "v6Ip", "vpc")),
    },
    "ovn-snat-rules": {
        "spec": _object(**_texts("ipName", "ovnEip", "v4IpCidr", "v6IpCidr", "vpc", "vpcSubnet")),
        "status": _object(**_CONDITIONS, ready=_B, **_texts("v4Eip", "v4IpCidr", "v6Eip", "v6IpCidr", "vpc")),
    },
    "ovn-dnat-rules": {
        "spec": _object(
            **_texts("externalPort", "internalPort", "ipName", "ipType", "ovnEip", "protocol", "v4Ip", "v6Ip", "vpc")
        ),
        "status": _object(
            **_CONDITIONS,
            ready=_B,
            **_texts("externalPort", "internalPort", "ipName", "protocol", "v4Eip", "v4Ip", "v6Eip", "v6Ip", "vpc"),
        ),
    },
    "ips": {
        "spec": _object(
            **dict.fromkeys(("attachIps", "attachMacs", "attachSubnets"), _NAMES),
            **_texts("containerID", "ipAddress", "macAddress", "namespace", "nodeName", "podName", "podType"),
            **_texts("subnet", "v4IpAddress", "v6IpAddress"),
        ),
    },
}


@dataclass(slots=True)
class Findings:
    """What was found in an object: causes it is refused for, and the paths of fields nobody knows."""

    causes: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def prune(plural: str, manifest: dict[str, Any], findings: Findings, known: Mapping[str, Any]) -> dict[str, Any]:
    """The object without unknown fields and nulls; what is wrong with the rest is added to the findings.

    A part that is the very one of `known`, an object that was pruned before, is not looked at again.
    """
    parts = SCHEMAS[plural]
    pruned = {}
    for name, value in manifest.items():
        if name in parts:
            if value is not None:
                is_known = known.get(name) is value
                pruned[name] = value if is_known else _checked(parts[name], value, name, findings)
        elif name in {"apiVersion", "kind", "metadata"}:
            pruned[name] = value
        else:
            findings.unknown.append(name)
    return pruned


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
_CALLED = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def _checked(schema: Schema, value: Any, path: str, findings: Findings) -> Any:
    is_type = isinstance(value, _TYPES[schema.type]) and not (isinstance(value, bool) and schema.type != "boolean")
    if not is_type:
        called = _CALLED.get(type(value), "null")
        why = f'Invalid value: "{called}": {path} in body must be of type {schema.type}: "{called}"'
        findings.causes.append((path, why))
        return value
    if schema.type == "array" and schema.items:
        items = schema.items
        return [_checked(items, each, f"{path}[{place}]", findings) for place, each in enumerate(value)]
    if schema.type == "object":
        return _checked_object(schema, value, path, findings)
    if schema.minimum is not None and value < schema.minimum:
        why = f"{path} in body should be greater than or equal to {schema.minimum}"
        findings.causes.append((path, f"Invalid value: {value}: {why}"))
    if schema.maximum is not None and value > schema.maximum:
        why = f"{path} in body should be less than or equal to {schema.maximum}"
        findings.causes.append((path, f"Invalid value: {value}: {why}"))
    if schema.longest is not None and len(value) > schema.longest:
        findings.causes.append((path, f"Too long: may not be more than {schema.longest} bytes"))
    return value


def _checked_object(schema: Schema, value: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    kept = {}
    for name, each in value.items():
        inner = schema.values or schema.fields.get(name)
        if inner is None:
            findings.unknown.append(f"{path}.{name}")
        elif each is not None:
            kept[name] = _checked(inner, each, f"{path}.{name}", findings)
    for name in schema.required:
        if name not in kept:
            findings.causes.append((f"{path}.{name}", "Required value"))
    return kept
