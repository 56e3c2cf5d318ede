"""What the account of a worker has to be allowed in Kubernetes, right by right, and what for.

`deploy/kubernetes` grants exactly these: the tests hold this table, the rendered roles, and every call of the whole life of
tenants against one another. To ask whether an account has a right (SelfSubjectAccessReview) takes none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from clients.kube_ovn.foundation import GATEWAY_CONFIG
from tenancy import kinds, names
from tenancy.edge import ByEdgeTeam, OneToOneNat, StaticRoutes
from tenancy.kinds import Kind
from tenancy.platform import Platform
from tenancy.switches import Credentials, SecretReference

Serves = Literal["everything", "platform", "devices"]
"""As `workers.settings` has it."""


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


def rights(platform: Platform, serves: Serves = "everything") -> tuple[Right, ...]:
    """Everything a worker does with this platform's document in the whole life of tenants, and nothing else."""
    if serves == "devices":
        return (*_of_devices(platform), *_secrets(platform, serves))
    return (*_of_platform(platform), *_secrets(platform, serves))


def _of_platform(platform: Platform) -> Iterator[Right]:
    spec = platform.spec
    yield from _each(kinds.NAMESPACE, "each tenant's is made, waited for and taken back", "create", "delete", "watch")
    yield from _each(kinds.NAMESPACE, "a tenant's, and the public pool's, is looked for", "get", "list")
    yield from _each(kinds.VPC, "each tenant's is made, changed and taken back", "create", "update", "delete")
    yield from _each(kinds.VPC, "each tenant's is looked for, and waited for", "get", "list", "watch")
    yield from _each(kinds.SUBNET, "tenants' are made, changed and taken back", "create", "update", "delete")
    yield from _each(
        kinds.SUBNET, "tenants' and the external one are looked for, and waited for", "get", "list", "watch"
    )
    # RBAC knows no names for a create, and no namespaces that are still to come.
    yield Right("create", kinds.CONFIG_MAP, "each tenant's hand-over is written, and public addresses are reserved")
    yield Right(
        "list", kinds.CONFIG_MAP, "what would go with a tenant's namespace; public addresses, wherever reserved"
    )
    for verb in ("get", "update", "delete", "watch"):
        yield Right(verb, kinds.CONFIG_MAP, "the hand-over is changed and taken back", name=names.HAND_OVER)
    for kind in (kinds.POD, kinds.SERVICE, kinds.VOLUME_CLAIM):
        yield Right("list", kind, "what would go with a tenant's namespace")
    yield Right("list", kinds.IP, "which addresses of a subnet are in use")
    for kind in (kinds.OVN_EIP, kinds.OVN_FIP, kinds.OVN_SNAT_RULE, kinds.OVN_DNAT_RULE, kinds.VLAN):
        yield Right("list", kind, "what bears a tenant's label or name, or uses what is a tenant's")
    if spec.provider_network is not None:
        for kind in (kinds.OVN_EIP, kinds.OVN_FIP, kinds.OVN_SNAT_RULE):
            yield from _each(kind, "tenants' are made, waited for and taken back", "get", "create", "delete", "watch")
        yield from _each(
            kinds.OVN_DNAT_RULE, "one with a tenant's label goes with the tenant", "get", "delete", "watch"
        )
        yield Right("list", kinds.NODE, "whether there is a gateway, and Kube-OVN runs on it")
        why = "whether Kube-OVN keeps its gateways"
        yield Right("get", kinds.CONFIG_MAP, why, namespace="kube-system", name=GATEWAY_CONFIG)
    if spec.provider_network is not None or spec.vlan is not None:
        yield Right("get", kinds.PROVIDER_NETWORK, "whether it is ready")
    if spec.vlan is not None:
        yield from _each(kinds.VLAN, "each tenant's reserves its ID", "get", "create", "update", "delete", "watch")
    if isinstance(spec.announce, OneToOneNat):
        for verb in ("get", "delete", "watch"):
            yield Right(
                verb, kinds.CONFIG_MAP, "public addresses are given back", namespace=spec.announce.pool.namespace
            )


def _of_devices(platform: Platform) -> Iterator[Right]:
    """What is asked beside the device before anything is sent to it: whether it stands on the platform as it is now."""
    spec = platform.spec
    if spec.vlan is not None:
        yield Right("get", kinds.VLAN, "whose a VLAN ID is")
        yield Right("get", kinds.VPC, "which approval a tenant's VLAN stands on")
    match spec.announce:
        case StaticRoutes():
            yield Right("list", kinds.OVN_EIP, "whose an external IP is")
            yield Right("list", kinds.CONFIG_MAP, "whose a public address was, while there was a pool of them")
        case OneToOneNat(pool=pool):
            yield Right("list", kinds.OVN_EIP, "whose an external IP is")
            yield Right("list", kinds.CONFIG_MAP, "whose a public address is", namespace=pool.namespace)
        case _:
            pass  # the edge team's routers are never written to


def _secrets(platform: Platform, serves: Serves) -> Iterator[Right]:
    """Those of the document that are Kubernetes Secrets. For files and variables the worker needs no right."""
    vlan, announce = platform.spec.vlan, platform.spec.announce
    references: list[SecretReference] = []
    if serves != "devices":
        references += vlan.approval.notify if vlan is not None else ()
        references += announce.approval.notify if isinstance(announce, ByEdgeTeam) else ()
    if serves != "platform":
        for part in (vlan, announce):
            references += [one for login in (part.credentials if part is not None else ()) for one in _of(login)]
    keys = [reference.secret for reference in references if reference.secret is not None]
    for namespace, name in dict.fromkeys((key.namespace, key.name) for key in keys):
        yield Right("get", kinds.SECRET, "the platform document names it", namespace=namespace, name=name)


def _of(login: Credentials) -> list[SecretReference]:
    places = (login.password, login.private_key, login.passphrase, login.enable_secret)
    return [place for place in places if place is not None]


def _each(kind: Kind, why: str, *verbs: str) -> Iterator[Right]:
    return (Right(verb, kind, why) for verb in verbs)
