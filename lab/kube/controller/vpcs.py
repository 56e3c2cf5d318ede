"""What the controller does with a Vpc (Kube-OVN 1.17, pkg/controller/vpc.go)."""

import hashlib
import ipaddress

from lab.kube.addresses import ExhaustedError
from lab.kube.controller import eips
from lab.kube.controller.cluster import (
    CHASSIS_ANNOTATION,
    DEFAULT_VPC,
    EXTERNAL_SUBNET,
    FINALIZER,
    GATEWAY_NODE_LABEL,
    Cluster,
    families,
    is_going,
    spec_of,
    status_of,
)
from lab.kube.controller.work import NotYetError
from lab.kube.kinds import Manifest
from lab.kube.northbound import ConstraintError, Policy, Port, Route

_LOAD_BALANCERS = {
    "tcpLoadBalancer": "tcp-load",
    "tcpSessionLoadBalancer": "tcp-sess-load",
    "udpLoadBalancer": "udp-load",
    "udpSessionLoadBalancer": "udp-sess-load",
    "sctpLoadBalancer": "sctp-load",
    "sctpSessionLoadBalancer": "sctp-sess-load",
}


def admit(cluster: Cluster, name: str) -> None:
    """Write defaults and the finalizer into the Vpc; let it go when it is being deleted and has no subnets."""
    vpc = cluster.api.find("vpcs", name)
    if vpc is None:
        return
    _format(cluster, name, vpc)
    if is_going(vpc):
        left = status_of(vpc).get("subnets") or []
        if left:
            # The real controller, too, goes on with its spec for as long as it stays.
            cluster.realise_later("vpcs", name)
            raise NotYetError(f"subnets are still in it: {', '.join(left)}")
        cluster.remove_finalizer("vpcs", name)
        return
    cluster.realise_later("vpcs", name)


def _format(cluster: Cluster, name: str, vpc: Manifest) -> None:
    """Write defaults and the finalizer in one update (formatVpc).

    When anything is to be changed the controller writes the whole object back, and with it each field that its Go
    type does not leave out when empty: the routes' ecmpMode, bfdId and routeTable.
    """
    spec = spec_of(vpc)
    routes = [_format_route(route) for route in spec.get("staticRoutes") or []]
    policies = [_format_policy(policy) for policy in spec.get("policyRoutes") or []]
    held = vpc["metadata"].get("finalizers") or []
    has_defaults = routes == (spec.get("staticRoutes") or []) and policies == (spec.get("policyRoutes") or [])
    if has_defaults and (FINALIZER in held or is_going(vpc)):
        return
    if routes:
        spec["staticRoutes"] = [{"ecmpMode": "", "bfdId": "", "routeTable": "", **route} for route in routes]
    if policies:
        spec["policyRoutes"] = policies
    metadata = dict(vpc["metadata"])
    if not is_going(vpc) and FINALIZER not in held:
        metadata["finalizers"] = [*held, FINALIZER]
    cluster.api.update("vpcs", {**vpc, "metadata": metadata, "spec": spec})


def _format_route(route: Manifest) -> Manifest:
    formatted = {**route, "policy": route.get("policy") or "policyDst"}
    if formatted["policy"] not in {"policyDst", "policySrc"}:
        raise NotYetError(f"unknown policy type: {formatted['policy']!r}")
    try:
        ipaddress.ip_network(str(route.get("cidr", "")), strict=False)
        ipaddress.ip_address(str(route.get("nextHopIP", "")))
    except ValueError as error:
        raise NotYetError(f"invalid static route: {error}") from None
    return formatted


def _format_policy(policy: Manifest) -> Manifest:
    if policy.get("action") != "reroute":
        return {key: value for key, value in policy.items() if key != "nextHopIP" or not value}
    try:
        for hop in str(policy.get("nextHopIP", "")).split(","):
            ipaddress.ip_address(hop)
    except ValueError as error:
        raise NotYetError(f"invalid next hop ips: {error}") from None
    return policy


def realise(cluster: Cluster, name: str) -> None:
    """Program the router, its routes and policies, and only then say standby; then join the external subnets."""
    vpc = cluster.api.find("vpcs", name)
    if vpc is None:
        return
    if name != DEFAULT_VPC:
        cluster.northbound.create_router(name)
        program_routes(cluster, name)
        _program_policies(cluster, name, vpc)
    else:
        cluster.northbound.create_router(name)
    cluster.hold_if_never_ready("vpcs", name)
    status: Manifest = {"standby": True, "router": name, **listed_subnets(cluster, name, vpc), "bfdPort": {}}
    status["default"] = name == DEFAULT_VPC
    status.update({field: bool(status_of(vpc).get(field)) for field in ("enableExternal", "enableBfd")})
    status.update({field: f"vpc-{name}-{suffix}" for field, suffix in _LOAD_BALANCERS.items()})
    cluster.set_status("vpcs", name, status)
    # The tail of handleAddOrUpdateVpc: what waits for this VPC is taken up by the change of its status.
    _join_external(cluster, name)


def listed_subnets(cluster: Cluster, name: str, vpc: Manifest) -> Manifest:
    """The status fields that follow from the VPC's subnets; those being deleted no longer count."""
    subnets = [
        stored.manifest for stored in cluster.api.store.indexed("subnets", "vpc", name) if not is_going(stored.manifest)
    ]
    names = sorted(subnet["metadata"]["name"] for subnet in subnets)
    default = next((subnet["metadata"]["name"] for subnet in subnets if spec_of(subnet).get("default")), "")
    wanted = spec_of(vpc).get("defaultSubnet")
    if name != DEFAULT_VPC and wanted in names:
        default = wanted
    return {"subnets": names, "defaultLogicalSwitch": default}


def update_status(cluster: Cluster, name: str) -> None:
    """Bring the VPC's list of subnets up to date."""
    vpc = cluster.api.find("vpcs", name)
    if vpc is not None:
        cluster.set_status("vpcs", name, listed_subnets(cluster, name, vpc))


def program_routes(cluster: Cluster, name: str) -> None:
    """Program the static routes of the spec, and one by source for each subnet (addCustomVPCStaticRouteForSubnet)."""
    vpc = cluster.api.find("vpcs", name)
    if vpc is None or name not in cluster.northbound.routers:
        return
    routes = [
        Route(
            "src-ip" if route.get("policy") == "policySrc" else "dst-ip",
            route["cidr"],
            route["nextHopIP"],
            route.get("routeTable", ""),
        )
        for route in spec_of(vpc).get("staticRoutes") or []
    ]
    for stored in cluster.api.store.indexed("subnets", "vpc", name):
        subnet = spec_of(stored.manifest)
        for cidr, gateway in zip(
            families(subnet.get("cidrBlock", "")), families(subnet.get("gateway", "")), strict=True
        ):
            if cidr and gateway:
                routes.append(Route("src-ip", cidr, gateway, subnet.get("routeTable", "")))
    cluster.northbound.set_routes(name, list(dict.fromkeys(routes)))


def _program_policies(cluster: Cluster, name: str, vpc: Manifest) -> None:
    """Rows that are not wanted go first, then the missing ones come: the order of the real controller."""
    wanted = {}
    for policy in spec_of(vpc).get("policyRoutes") or []:
        hops = tuple(sorted(hop.strip() for hop in policy.get("nextHopIP", "").split(",") if hop.strip()))
        row = Policy(policy.get("priority", 0), policy.get("match", ""), policy.get("action", ""), hops)
        wanted[row.priority, row.match, row.action, hops] = row
    present = set()
    for row in list(cluster.northbound.routers[name].policies):
        key = (row.priority, row.match, row.action, row.nexthops)
        if key in wanted:
            present.add(key)
        elif not row.owner:
            cluster.northbound.delete_policy(name, row.priority, row.match)
    for key, row in wanted.items():
        if key not in present:
            try:
                cluster.northbound.add_policy(name, row)
            except ConstraintError as error:
                raise NotYetError(f"OVN refuses a policy: {error}") from error


def _join_external(cluster: Cluster, name: str) -> None:
    """Connect the router to its external subnets, or take it off them (handleUpdateVpcExternal)."""
    vpc = cluster.api.get("vpcs", name).manifest
    spec, status = spec_of(vpc), status_of(vpc)
    enabled, was_enabled = bool(spec.get("enableExternal")), bool(status.get("enableExternal"))
    if name == DEFAULT_VPC or not (enabled or was_enabled):
        return
    extra, joined = spec.get("extraExternalSubnets"), status.get("extraExternalSubnets") or []
    default_exists = _default_external_exists(cluster)
    if not enabled:
        for subnet in {EXTERNAL_SUBNET, *joined}:
            _leave_external(cluster, name, subnet)
    else:
        if not default_exists and extra is None:
            raise NotYetError(f"there is no external subnet {EXTERNAL_SUBNET!r}", ("subnets", EXTERNAL_SUBNET))
        if not was_enabled and extra is None:
            _connect(cluster, name, EXTERNAL_SUBNET)
        for subnet in extra or []:
            if not was_enabled or subnet not in joined:
                _connect(cluster, name, subnet)
        for subnet in joined:
            if subnet not in (extra or []):
                _leave_external(cluster, name, subnet)
    cluster.set_status(
        "vpcs",
        name,
        {
            "enableExternal": enabled,
            "enableBfd": bool(spec.get("enableBfd")),
            "extraExternalSubnets": sorted(extra) if enabled and extra else None,
        },
    )


def _default_external_exists(cluster: Cluster) -> bool:
    subnet = cluster.api.find("subnets", EXTERNAL_SUBNET)
    return subnet is not None and not spec_of(subnet).get("logicalGateway")


def _connect(cluster: Cluster, vpc: str, subnet: str) -> None:
    external = cluster.api.find("subnets", subnet)
    if external is None:
        raise NotYetError(f"there is no external subnet {subnet!r}", ("subnets", subnet))
    port = f"{vpc}-{subnet}"
    eip = cluster.api.find("ovn-eips", port)
    if eip is None:
        try:
            eips.create_router_port(cluster, port, subnet)
        except (ExhaustedError, KeyError):
            raise NotYetError(f"no address is free in {subnet!r}", ("pool", subnet)) from None
        eip = cluster.api.get("ovn-eips", port).manifest
    address = spec_of(eip)
    if not (address.get("v4Ip") or address.get("v6Ip")) or not address.get("macAddress"):
        raise NotYetError(f"ovn-eip {port!r} has no address yet", ("ovn-eips", port))
    prefixes = {block.partition("/")[2] for block in spec_of(external).get("cidrBlock", "").split(",")}
    v4_block, v6_block = families(spec_of(external).get("cidrBlock", ""))
    networks = tuple(
        f"{held}/{block.partition('/')[2]}"
        for held, block in ((address.get("v4Ip"), v4_block), (address.get("v6Ip"), v6_block))
        if held and block and prefixes
    )
    row = Port(port, subnet, networks, address["macAddress"], _gateway_chassis(cluster, vpc))
    cluster.northbound.add_port(vpc, row)


def _gateway_chassis(cluster: Cluster, vpc: str) -> tuple[str, ...]:
    chassis = []
    for node in cluster.api.store.indexed("nodes", "label", f"{GATEWAY_NODE_LABEL}=true"):
        named = (node.manifest["metadata"].get("annotations") or {}).get(CHASSIS_ANNOTATION)
        if not named:
            raise NotYetError(f"node {node.key[2]} has no chassis annotation", ("nodes", ""))
        chassis.append(named)
    if not chassis:
        raise NotYetError("no external gateway nodes", ("nodes", ""))
    return tuple(sorted(chassis, key=lambda each: hashlib.sha256(f"{vpc}{each}".encode()).hexdigest()))


def _leave_external(cluster: Cluster, vpc: str, subnet: str) -> None:
    port = f"{vpc}-{subnet}"
    cluster.northbound.delete_port(port, vpc)
    if cluster.api.find("ovn-eips", port) is not None:
        cluster.api.delete("ovn-eips", port)


def clean(cluster: Cluster, name: str, last: Manifest) -> None:
    """After the Vpc is gone: its external ports, their addresses, and its router with everything on it."""
    for subnet in {EXTERNAL_SUBNET, *(status_of(last).get("extraExternalSubnets") or [])}:
        _leave_external(cluster, name, subnet)
    cluster.northbound.delete_router(name)
