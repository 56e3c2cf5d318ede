"""One injective scheme of names: no two tenants ever share an object, a router port or an address set.

A tenant's name never holds two dashes in a row (`tenancy.fields`), so the first `--` of an object's name ends the
tenant's part. What Kube-OVN joins from these with single dashes could still meet: `folds_inside` and `folds_outside`.
"""

import re
from ipaddress import ip_address

from tenancy.fields import Address
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE

LABEL = "berth.network/tenant"
"""Label on every object of Berth's; its value is the tenant's name. It decides whose an object is."""
RESERVES_LABEL = "berth.network/reserves"
"""Label on a ConfigMap that reserves something for the tenant; its value says what."""
PUBLIC_ADDRESS = "public-address"
RUN_ANNOTATION = "berth.network/run"
"""Workflow run that made the object; undo removes only what bears its own."""
DOCUMENT_ANNOTATION = "berth.network/document"
"""On the VPC: the tenant's document as it was last applied, as JSON."""
APPROVAL_ANNOTATION = "berth.network/approval"
"""On the VPC: who approved the tenant's VLAN, when, what exactly and with which comment, as JSON."""
RESERVED_BY_ANNOTATION = "berth.network/reserved-by"
"""On a Vlan: the run that reserved it last."""
TRUNKS_ANNOTATION = "berth.network/trunks"
"""On a Vlan: by switch, every trunk that was ever to carry it, as JSON."""
ANNOUNCED_ANNOTATION = "berth.network/announced"
"""On the VPC: all that is, or may be, announced of the tenant at the edge, as JSON; written before anything is announced."""
BORN_WITH_ANNOTATION = "berth.network/born-with"
"""On the VPC: digest of the block policy in its first manifest."""


def is_reserved(tenant: str) -> bool:
    """Whether a tenant of this name would take one of Kube-OVN's own names, or a port of it might.

    Kube-OVN's VPC is `ovn-cluster`, its subnets are `ovn-default` and `join` (a VPC and a subnet may not share a name),
    and its ports `ovn-cluster-<subnet>`, `<subnet>-ovn-cluster` and `node-<node>` (1.17 pkg/util/const.go).
    """
    return tenant == "join" or tenant.split("-")[0] in ("node", "ovn") or tenant.endswith("-ovn-cluster")


def router_port(tenant: str, subnet_object: str) -> str:
    """The port of the tenant's router on a subnet (Kube-OVN 1.17 pkg/ovs/util.go, LogicalRouterPortName)."""
    return f"{vpc(tenant)}-{subnet_object}"


def switch_port(tenant: str, subnet_object: str) -> str:
    """The port of a subnet's switch to the tenant's router (Kube-OVN 1.17 pkg/ovs/util.go, LogicalSwitchPortName)."""
    return f"{subnet_object}-{vpc(tenant)}"


def vpc(tenant: str) -> str:
    """The VPC of a tenant bears its name."""
    return tenant


def namespace(tenant: str) -> str:
    """The namespace that may use the VPC. The prefix keeps `default` and `kube-system` out of reach."""
    return f"tenant-{tenant}"


def subnet(tenant: str, name: str) -> str:
    """Subnet object; at most 50 characters."""
    return f"{tenant}--{name}"


def belongs(tenant: str, name: str) -> bool:
    """Whether an object of this name would be a part of the tenant's: a subnet, an external IP, a rule."""
    return name.startswith(f"{tenant}--")


def folds_inside(tenant: str, name: str) -> bool:
    """Whether the router's port on this subnet could bear the name of another tenant's switch port.

    `a-a--x-a-a` is the port of `a` on its subnet `x-a-a`, and of subnet `x` to its tenant `a-a`. OVN would drop one.
    """
    return name.endswith(f"-{tenant}-{tenant}")


def folds_outside(tenant: str, external_subnet: str) -> bool:
    """Whether the router's port on the external subnet could bear the name of a switch port there, its own or another's.

    With the external subnet `ext`, `ext-a-ext` is the router's port of `ext-a` and the switch port to `a-ext`.
    """
    return router_port(tenant, external_subnet).startswith(f"{external_subnet}-")


def external_ip(tenant: str, name: str) -> str:
    """OvnEip object, and the OvnFip that uses it; at most 50 characters."""
    return f"{tenant}--{name}"


def snat_rule(tenant: str, subnet_name: str) -> str:
    """OvnSnatRule object: one for each subnet, since a subnet leaves through one address only."""
    return f"{tenant}--{subnet_name}"


def router_port_eip(tenant: str, external_subnet: str) -> str:
    """The OvnEip of the VPC's port on the external subnet, made by Kube-OVN (1.17 pkg/controller/vpc.go)."""
    return router_port(tenant, external_subnet)


def workflow(tenant: str) -> str:
    """ID of every workflow that changes the tenant, so that Temporal allows one at a time."""
    return f"tenant-{tenant}"


def look_workflow(tenant: str) -> str:
    """ID of the workflow that looks at what is announced of the tenant now; not one of those that change it."""
    return f"look-{tenant}"


def vlan(number: int) -> str:
    """The Vlan object that reserves an ID: there can be one of a name, so one tenant has the ID."""
    return f"vlan-{number}"


def device_workflow(device: str) -> str:
    """ID of the one workflow that writes to a device."""
    return f"device-{device}"


def device_task_queue(task_queue: str) -> str:
    """Task queue of what is done on devices for the runs of this one, so that a worker beside the devices can serve it."""
    return f"{task_queue}-devices"


def public_address(address: str) -> str:
    """The ConfigMap that reserves a public address: there can be one of a name, so one tenant has the address."""
    return f"public-{re.sub('[.:]', '-', ip_address(address).exploded)}"


def reserved_address(config_map: str) -> Address | None:
    """The public address that a ConfigMap of this name reserves; None where it would reserve none."""
    text = config_map.removeprefix("public-")
    try:
        address = ip_address(text.replace("-", "." if text.count("-") == 3 else ":"))
    except ValueError:
        return None
    return address if public_address(str(address)) == config_map else None


HAND_OVER = "berth-network"
"""The ConfigMap in the tenant's namespace that tells what a Cluster needs."""


def everything_named(tenant: str, subnets: tuple[str, ...], external_ips: tuple[str, ...], outside: str) -> set[str]:
    """Each name in OVN or Kubernetes that a tenant takes, as `where:name`: what must never be shared.

    `outside` is the platform's external subnet. OVN's ports are one name space, whether of routers or of switches, and
    address-set names turn dashes into dots (Kube-OVN 1.17 pkg/controller/subnet.go).
    """
    subnet_objects = [subnet(tenant, name) for name in subnets]
    return {
        # One name space: a VPC and a subnet may not share a name.
        f"vpc-or-subnet:{vpc(tenant)}",
        *(f"vpc-or-subnet:{name}" for name in subnet_objects),
        f"namespace:{namespace(tenant)}",
        *(f"{OVN_SNAT_RULE.name}:{snat_rule(tenant, name)}" for name in subnets),
        *(f"{OVN_EIP.name}:{external_ip(tenant, name)}" for name in external_ips),
        *(f"{OVN_FIP.name}:{external_ip(tenant, name)}" for name in external_ips),
        f"{OVN_EIP.name}:{router_port_eip(tenant, outside)}",
        *(f"port:{router_port(tenant, name)}" for name in (*subnet_objects, outside)),
        *(f"port:{switch_port(tenant, name)}" for name in (*subnet_objects, outside)),
        *(f"address-set:{name.replace('-', '.')}" for name in (vpc(tenant), *subnet_objects)),
        f"workflow:{workflow(tenant)}",
    }
