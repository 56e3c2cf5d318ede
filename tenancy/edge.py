"""The edge in a platform's document: where tenants' external IPs are announced, and how the outside reaches them."""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tenancy.fields import AddressRange, Cidr, Document, IpAddress, Name, ObjectName
from tenancy.switches import Credentials, Device
from tenancy.tenant import Several
from tenancy.vlans import ApprovalRules

RouterPlatform: TypeAlias = Literal["frr", "cisco-iosxe", "arista-eos", "juniper-junos", "vyos"]
"""What an edge router runs, which decides how Berth speaks to it."""
TranslatorPlatform: TypeAlias = Literal["linux-nftables"]
"""What translates public addresses one to one."""

DEFAULT_TAG = 4200
RESERVATIONS = "berth-system"
"""Namespace in which public addresses are reserved, unless the document names another."""


class EdgeRouter(Device):
    """A router at the edge of the data center, which announces what its static routes say; or one beside it that is read."""

    platform: RouterPlatform


class Translator(Device):
    """A device that translates public addresses to external IPs, one to one."""

    platform: TranslatorPlatform


EdgeDevice: TypeAlias = EdgeRouter | Translator


class PublicPool(Document):
    """Public addresses that tenants' external IPs are given, one each for as long as they are there."""

    name: Name
    """For people: what a message calls it when nothing is left in it."""
    cidrs: Annotated[Several[Cidr], Field(min_length=1, max_length=64)]
    """Every address of them can be given, the first and the last as well: nobody lives in these networks."""
    exclude: Annotated[Several[AddressRange], Field(max_length=256)] = ()
    """Addresses inside that are not given."""
    namespace: ObjectName = RESERVATIONS
    """Namespace on the platform in which a ConfigMap for each address says whose it is. It has to be there."""


class _Routes(Document):
    """What every way to announce has in common."""

    tag: Annotated[int, Field(ge=1, le=2**32 - 1)] = DEFAULT_TAG
    """Of every static route that Berth makes: by it the router's own BGP redistributes them, and Berth knows them again."""
    next_hops: Annotated[Several[IpAddress], Field(max_length=2)] = ()
    """One for each family at the most."""
    neighbours: Annotated[Several[EdgeRouter], Field(max_length=16)] = ()
    """Routers that must have heard of a route before it counts as announced, and have forgotten it before anything else is
    taken away. They are only read."""
    credentials: Annotated[Several[Credentials], Field(max_length=64)] = ()


class StaticRoutes(_Routes):
    """A static route for each external IP on every edge router; the next hop is the tenant's router, or `nextHops`."""

    method: Literal["static-route"]
    routers: Annotated[Several[EdgeRouter], Field(min_length=1, max_length=16)]


class OneToOneNat(_Routes):
    """A public address for each external IP, translated by every translator and announced by every router.

    The next hop of the routes is `nextHops`; left out, the routers discard what no translator has taken before: right
    where a translator and a router are one machine.
    """

    method: Literal["one-to-one-nat"]
    pool: PublicPool
    translators: Annotated[Several[Translator], Field(min_length=1, max_length=16)]
    routers: Annotated[Several[EdgeRouter], Field(max_length=16)] = ()
    """None where the whole pool is announced anyway."""


class ByEdgeTeam(_Routes):
    """The edge team configures its routers itself: Berth writes down the routes, and waits for their confirmation."""

    method: Literal["none"]
    lines_for: Annotated[Several[RouterPlatform], Field(max_length=5)] = ()
    """Platforms whose configuration lines are written down beside the JSON document."""
    approval: ApprovalRules
    """Who confirms, and how long that may take."""


Announce: TypeAlias = Annotated[StaticRoutes | OneToOneNat | ByEdgeTeam, Field(discriminator="method")]


def routers_of(announce: Announce) -> tuple[EdgeRouter, ...]:
    """The routers that are configured."""
    return () if isinstance(announce, ByEdgeTeam) else announce.routers


def translators_of(announce: Announce) -> tuple[Translator, ...]:
    """The devices that translate."""
    return announce.translators if isinstance(announce, OneToOneNat) else ()


def edge_devices(announce: Announce) -> Iterator[EdgeDevice]:
    """Everything at the edge that is logged in to."""
    yield from translators_of(announce)
    yield from routers_of(announce)
    yield from announce.neighbours
