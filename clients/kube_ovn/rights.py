"""What the account of a worker has to be allowed in Kubernetes, right by right, and what for."""

from collections.abc import Iterator
from dataclasses import dataclass

from tenancy import kinds
from tenancy.kinds import Kind
from tenancy.platform import Platform

READING = ("get", "list", "watch")


@dataclass(frozen=True)
class Right:
    """One verb on one kind of object, as RBAC knows it."""

    verb: str
    kind: Kind
    why: str
    """For whoever has to grant it, e.g. `a tenant's VPC is written`."""
    namespace: str | None = None
    """Only there; None: in all namespaces, or the kind has none."""
    name: str | None = None
    """Only the object of this name; None: all."""


def rights(platform: Platform) -> tuple[Right, ...]:
    """Everything a worker does with this platform's document in the whole life of tenants, and nothing else."""
    return tuple(_rights(platform))


def _rights(platform: Platform) -> Iterator[Right]:
    written = [
        kinds.NAMESPACE,
        kinds.CONFIG_MAP,
        kinds.VPC,
        kinds.SUBNET,
        kinds.OVN_EIP,
        kinds.OVN_FIP,
        kinds.OVN_SNAT_RULE,
    ]
    read = [
        kinds.NODE,
        kinds.POD,
        kinds.SERVICE,
        kinds.VOLUME_CLAIM,
        kinds.IP,
        kinds.OVN_DNAT_RULE,
        kinds.PROVIDER_NETWORK,
    ]
    (written if platform.spec.vlan is not None else read).append(kinds.VLAN)
    for kind in written:
        for verb in (*READING, "create", "update", "patch", "delete"):
            yield Right(verb, kind, f"{kind.plural} of tenants are made, watched and taken back")
    for kind in read:
        for verb in READING:
            yield Right(verb, kind, f"{kind.plural} tell whether something is in use or lacking")
    yield Right("delete", kinds.OVN_DNAT_RULE, "rules that bear a tenant's label go with the tenant")
