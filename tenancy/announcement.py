"""What is announced of one tenant: its routes and translations, where, and which external IP each is for."""

from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_address
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from tenancy.approval import Confirmation
from tenancy.edge import Announce, OneToOneNat, routers_of, translators_of
from tenancy.fields import Address, Name
from tenancy.names import ANNOUNCED_ANNOTATION

EdgeRole: TypeAlias = Literal["translator", "router", "neighbour"]
"""What a device at the edge is for."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _canonical(text: str) -> str:
    # A scope may hold anything, the words of a second command as well (`fe80::1%;reboot`), and no route has one.
    if "%" in text:
        raise ValueError("write it without a scope")
    if str(ip_address(text)) != text:
        raise ValueError(f"write {ip_address(text)}")
    return text


AddressText = Annotated[str, AfterValidator(_canonical)]
"""An IP address in its one canonical spelling: it goes onto command lines, and is compared as text."""


class Route(_Plain):
    """A route to one address at the edge."""

    address: AddressText
    next_hop: AddressText | None = None
    """None: the router announces it, and discards what arrives for it."""

    @property
    def prefix(self) -> str:
        """The address as a network of one host."""
        return f"{self.address}/{ip_address(self.address).max_prefixlen}"


class Translation(_Plain):
    """A public address and the external IP it is translated to, both of one family."""

    public: AddressText
    external: AddressText

    @model_validator(mode="after")
    def _of_one_family(self) -> "Translation":
        if ip_address(self.public).version != ip_address(self.external).version:
            raise ValueError(f"{self.public} cannot be translated to {self.external}: write addresses of one family")
        return self


class Announced(_Plain):
    """One external IP's part."""

    name: Name
    """The external IP, as the tenant's document calls it."""
    routes: tuple[Route, ...]
    translations: tuple[Translation, ...] = ()


class Announcement(_Plain):
    """All that is announced of one tenant, and where; also the record of it on the tenant's VPC."""

    method: Literal["static-route", "one-to-one-nat", "none"]
    external_ips: tuple[Announced, ...]
    routers: tuple[Name, ...] = ()
    translators: tuple[Name, ...] = ()
    neighbours: tuple[Name, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    """Where the edge team configures its routers itself: what it has confirmed to have announced."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Those of every external IP."""
        return tuple(route for one in self.external_ips for route in one.routes)

    @property
    def translations(self) -> tuple[Translation, ...]:
        """Those of every external IP."""
        return tuple(pair for one in self.external_ips for pair in one.translations)

    @property
    def devices(self) -> tuple[tuple[EdgeRole, str], ...]:
        """Every device that holds some of it, by name, with what it is for."""
        return (
            *(("translator", device) for device in self.translators),
            *(("router", device) for device in self.routers),
            *(("neighbour", device) for device in self.neighbours),
        )

    @property
    def brief(self) -> "Announcement":
        """As it is recorded: of what was confirmed the routes, without their lines. All annotations of a VPC share 256 KiB."""
        return self.model_copy(
            update={
                "confirmations": tuple(
                    one.model_copy(update={"preview": one.preview.model_copy(update={"platforms": ()})})
                    for one in self.confirmations
                )
            }
        )

    def without(self, names: Collection[str]) -> "Announcement | None":
        """What is left once these external IPs are announced no more; None for nothing."""
        left = tuple(one for one in self.external_ips if one.name not in names)
        return self.model_copy(update={"external_ips": left}) if left else None

    def new_routes(self, before: "Announcement | None") -> tuple[Route, ...]:
        """Those to addresses that nothing was announced of before."""
        had = {route.address for route in before.routes} if before is not None else set()
        return tuple(route for route in self.routes if route.address not in had)

    def new_routes_on(self, router: str, before: "Announcement | None") -> tuple[Route, ...]:
        """Those to addresses that this router had no route to before: it may be the router that is new."""
        return self.new_routes(before if before is not None and router in before.routers else None)

    def routes_in_place_of(self, router: str, before: "Announcement | None") -> tuple[Route, ...]:
        """What this router had before for addresses that are routed otherwise now."""
        if before is None or router not in before.routers:
            return ()
        now = {route.address: route for route in self.routes}
        return tuple(route for route in before.routes if now.get(route.address, route) != route)

    def new_translations_on(self, translator: str, before: "Announcement | None") -> tuple[Translation, ...]:
        """Those that this translator did not have before."""
        had = before.translations if before is not None and translator in before.translators else ()
        return tuple(pair for pair in self.translations if pair not in had)


def announcement(
    announce: Announce,
    external_ips: Mapping[str, Sequence[Address]],
    router: Sequence[Address],
    public: Mapping[str, Sequence[Address]],
) -> Announcement:
    """What has to be announced, given the addresses each external IP holds.

    Args:
        announce: how, from the platform's document.
        external_ips: by the name the tenant's document gives; of either family, or both.
        router: the addresses of the tenant's router on the provider network.
        public: with one-to-one NAT the public addresses reserved for each external IP.

    Raises ValueError, in words, where a static route would have no next hop.
    """
    own = {hop.version: str(hop) for hop in router} if not isinstance(announce, OneToOneNat) else {}
    hops = own | {hop.version: str(hop) for hop in announce.next_hops}
    found = []
    for name, held in external_ips.items():
        reached = public.get(name, ()) if isinstance(announce, OneToOneNat) else held
        if missing := [
            address for address in reached if not isinstance(announce, OneToOneNat) and address.version not in hops
        ]:
            raise ValueError(
                f"external IP {name}: no next hop for {missing[0]}: the tenant's router has no IPv{missing[0].version} address"
                " on the provider network; write one into spec.announce.nextHops of the platform document"
            )
        routes = [Route(address=str(address), next_hop=hops.get(address.version)) for address in reached]
        found.append(Announced(name=name, routes=tuple(routes), translations=_pairs(public.get(name, ()), held)))
    return Announcement(
        method=announce.method,
        external_ips=tuple(found),
        routers=tuple(router.name for router in routers_of(announce)),
        translators=tuple(translator.name for translator in translators_of(announce)),
        neighbours=tuple(neighbour.name for neighbour in announce.neighbours),
    )


def joined(one: Announcement | None, other: Announcement) -> Announcement:
    """Both: every address of either, as the other says where both know it, every device and every confirmation."""
    if one is None:
        return other
    before = {announced.name: announced for announced in one.external_ips}
    after = {announced.name: announced for announced in other.external_ips}
    ips = tuple(_joined(before.get(name), after.get(name) or before[name]) for name in dict.fromkeys([*before, *after]))
    others = {
        field: tuple(dict.fromkeys([*getattr(one, field), *getattr(other, field)]))
        for field in ("routers", "translators", "neighbours", "confirmations")
    }
    return other.model_copy(update={"external_ips": ips, **others})


def _joined(one: Announced | None, other: Announced) -> Announced:
    if one is None:
        return other
    routes = {route.address: route for route in (*one.routes, *other.routes)}
    pairs = {pair.public: pair for pair in (*one.translations, *other.translations)}
    return other.model_copy(update={"routes": tuple(routes.values()), "translations": tuple(pairs.values())})


def recorded(vpc: Mapping[str, Any] | None) -> Announcement | None:
    """What a VPC says is announced of its tenant; None where it says nothing.

    Raises ValueError, in words, for what is no record.
    """
    metadata = (vpc or {}).get("metadata", {})
    text = (metadata.get("annotations") or {}).get(ANNOUNCED_ANNOTATION)
    try:
        return None if text is None else Announcement.model_validate_json(text)
    except ValueError as error:
        raise ValueError(
            f"Vpc {metadata.get('name')}: annotation {ANNOUNCED_ANNOTATION} cannot be read, so what is announced of the"
            " tenant is unknown: mend it, or take it off once nothing of the tenant is announced any more"
        ) from error


def supposed(
    announce: Announce | None,
    external_ips: Mapping[str, Sequence[Address]],
    hops: Sequence[Address] = (),
    public: Mapping[str, Sequence[Address]] = MappingProxyType({}),
) -> Announcement | None:
    """What may be announced of a tenant that has no record of it: a route to each address the outside reaches it by.

    Those are its external IPs, or, translated, the public addresses reserved for them. A route's next hop is the last of its
    family in `hops`; None says whatever it is.
    """
    reached = public if isinstance(announce, OneToOneNat) else external_ips
    if announce is None or not reached:
        return None
    hop_of = {hop.version: str(hop) for hop in hops}
    return Announcement(
        method=announce.method,
        external_ips=tuple(
            Announced(
                name=name,
                routes=tuple(
                    Route(address=str(address), next_hop=hop_of.get(address.version)) for address in addresses
                ),
                translations=_pairs(public.get(name, ()), external_ips.get(name, ())),
            )
            for name, addresses in reached.items()
        ),
        routers=tuple(router.name for router in routers_of(announce)),
        translators=tuple(translator.name for translator in translators_of(announce)),
        neighbours=tuple(neighbour.name for neighbour in announce.neighbours),
    )


def _pairs(public: Sequence[Address], held: Sequence[Address]) -> tuple[Translation, ...]:
    return tuple(
        Translation(public=str(outside), external=str(inside))
        for outside in public
        for inside in held
        if inside.version == outside.version
    )
