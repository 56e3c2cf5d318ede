"""The manifests of a tenant's objects, made from its document and the platform's, and from nothing else."""

import json
from collections.abc import Sequence
from typing import Any

from tenancy import names
from tenancy.documents import to_plain
from tenancy.edge import PublicPool
from tenancy.fields import Address, AddressRange
from tenancy.kinds import CONFIG_MAP, NAMESPACE, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, SUBNET, VLAN, VPC, Kind, Object
from tenancy.platform import Platform, ProviderNetwork
from tenancy.policy import block_acls, block_policy, digest
from tenancy.rules import gateways
from tenancy.tenant import ExternalIP, FloatingIP, Snat, Subnet, TenantNetwork, snat_subnets

EIP_FINALIZER = "kubeovn.io/kube-ovn-controller"
"""Kube-OVN 1.17 puts none on an OvnEip with a fixed address, and deleting one in use would free the address."""


def _object(kind: Kind, tenant: str, name: str, *, namespace: str | None = None, **parts: Any) -> Object:
    metadata: Object = {"name": name, "labels": {names.LABEL: tenant}, "annotations": {}}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **parts}


def namespace(tenant: TenantNetwork) -> Object:
    """The namespace that may use the VPC."""
    return _object(NAMESPACE, tenant.name, names.namespace(tenant.name))


def vpc(tenant: TenantNetwork, platform: Platform) -> Object:
    """The VPC as it is born: with the block policy, and with no way out yet."""
    policy = block_policy(platform)
    manifest = _object(
        VPC,
        tenant.name,
        names.vpc(tenant.name),
        spec={
            # Left empty, any namespace could use the VPC.
            "namespaces": [names.namespace(tenant.name)],
            "policyRoutes": [route.manifest() for route in policy],
        },
    )
    manifest["metadata"]["annotations"] = {
        names.BORN_WITH_ANNOTATION: digest(policy),
        names.DOCUMENT_ANNOTATION: json.dumps(to_plain(tenant), sort_keys=True, separators=(",", ":")),
    }
    return manifest


def vlan(tenant: str, provider_network: str, number: int) -> Object:
    """The tenant's VLAN; that it exists reserves the ID."""
    return _object(VLAN, tenant, names.vlan(number), spec={"id": number, "provider": provider_network})


def subnet(tenant: TenantNetwork, platform: Platform, item: Subnet) -> Object:
    """A subnet of the tenant's VPC. In mode vlan it is not bound to its Vlan yet: see `on_vlan`."""
    # Kube-OVN takes the first of two CIDRs for the IPv4 one (1.17 pkg/util/net.go, GetIPAddrWithMask).
    cidrs = sorted(item.cidrs, key=lambda cidr: cidr.version)
    gateway = sorted(gateways(item), key=lambda address: address.version)
    spec: Object = {
        "vpc": names.vpc(tenant.name),
        "cidrBlock": ",".join(map(str, cidrs)),
        "gateway": ",".join(map(str, gateway)),
        "excludeIps": _excluded(gateway, item.exclude),
        "provider": "ovn",
        "namespaces": [names.namespace(tenant.name)],
    }
    if platform.spec.vlan is not None and platform.spec.vlan.gateway == "router":
        # Without it the subnet is not on the VPC's router, and the block policy does not apply (1.17
        # pkg/controller/subnet.go).
        spec["logicalGateway"] = True
    elif platform.spec.vlan is not None:
        spec["acls"] = [acl.manifest() for acl in block_acls(platform)]
    mtu = item.mtu or platform.spec.subnet_mtu
    if mtu is not None:
        spec["mtu"] = mtu
    return _object(SUBNET, tenant.name, names.subnet(tenant.name, item.name), spec=spec)


def on_vlan(manifest: Object, number: int) -> Object:
    """The subnet's manifest, bound to the Vlan of this ID."""
    return {**manifest, "spec": {**manifest["spec"], "vlan": names.vlan(number)}}


def _excluded(gateway: Sequence[Address], exclude: Sequence[AddressRange]) -> list[str]:
    """What workloads never get, as Kube-OVN would rewrite it: gateways added, overlaps merged, sorted as text.

    So what is read back is what was written, and nobody edits it for ever (1.17 pkg/controller/subnet.go,
    formatExcludeIPs).
    """
    ranges = [(address, address) for address in gateway] + [(span.first, span.last) for span in exclude]
    merged: list[tuple[Address, Address]] = []
    for first, last in sorted(ranges, key=lambda span: (span[0].version, int(span[0]))):
        if merged and merged[-1][1].version == first.version and int(first) <= int(merged[-1][1]):
            merged[-1] = merged[-1][0], max(merged[-1][1], last, key=int)
        else:
            merged.append((first, last))
    return sorted(str(first) if first == last else f"{first}..{last}" for first, last in merged)


def router_port(provider: ProviderNetwork) -> Object:
    """What the VPC's spec holds once its router has a port on the provider network and a default route through it.

    The external subnet is always named: left out, Kube-OVN takes the one its controller was started with.
    """
    return {
        "enableExternal": True,
        "extraExternalSubnets": [provider.external_subnet],
        "staticRoutes": [
            {
                "policy": "policyDst",
                "cidr": "0.0.0.0/0" if gateway.version == 4 else "::/0",
                "nextHopIP": str(gateway),
            }
            for gateway in provider.gateways
        ],
    }


def external_ip(tenant: TenantNetwork, provider: ProviderNetwork, item: ExternalIP) -> Object:
    """An address of the provider network, held by the tenant."""
    manifest = _object(
        OVN_EIP,
        tenant.name,
        names.external_ip(tenant.name, item.name),
        spec={"externalSubnet": provider.external_subnet, "type": "nat"},
    )
    if item.address is not None:
        manifest["spec"]["v4Ip"] = str(item.address)
        manifest["metadata"]["finalizers"] = [EIP_FINALIZER]
    return manifest


def snat_rules(tenant: TenantNetwork, provider: ProviderNetwork, item: Snat) -> list[Object]:
    """One rule for each subnet that leaves through this address.

    A subnet without a family in common with the provider network gets none: Kube-OVN would report it ready and
    translate nothing (1.17 pkg/controller/ovn_snat.go).
    """
    outside = {cidr.version for cidr in provider.cidrs}
    families = {subnet.name: {cidr.version for cidr in subnet.cidrs} for subnet in tenant.spec.subnets}
    return [
        _object(
            OVN_SNAT_RULE,
            tenant.name,
            names.snat_rule(tenant.name, name),
            spec={"ovnEip": names.external_ip(tenant.name, item.name), "vpcSubnet": names.subnet(tenant.name, name)},
        )
        for name in snat_subnets(tenant, item)
        if families[name] & outside
    ]


def floating_ip(tenant: TenantNetwork, item: FloatingIP) -> Object:
    """The way from an external IP to a workload's address and back."""
    return _object(
        OVN_FIP,
        tenant.name,
        names.external_ip(tenant.name, item.name),
        spec={
            "ovnEip": names.external_ip(tenant.name, item.name),
            "vpc": names.vpc(tenant.name),
            "v4Ip": str(item.target),
        },
    )


def hand_over(tenant: str, data: dict[str, str]) -> Object:
    """The ConfigMap that tells what a Cluster needs."""
    return _object(CONFIG_MAP, tenant, names.HAND_OVER, namespace=names.namespace(tenant), data=data)


def public_address(tenant: str, external_ip: str, address: Address, pool: PublicPool) -> Object:
    """The reservation of a public address: that it exists keeps the address the tenant's."""
    manifest = _object(
        CONFIG_MAP,
        tenant,
        names.public_address(str(address)),
        namespace=pool.namespace,
        data={"address": str(address), "externalIP": external_ip, "pool": pool.name},
    )
    manifest["metadata"]["labels"][names.RESERVES_LABEL] = names.PUBLIC_ADDRESS
    return manifest


def stamped(manifest: Object, run: str) -> Object:
    """The manifest with the run that makes it, so that undo can tell its own from what was there before."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), names.RUN_ANNOTATION: run}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
