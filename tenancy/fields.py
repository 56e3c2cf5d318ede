"""The fields documents are made of: names, CIDRs, addresses. Each refuses what the platform would choke on."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel

from tenancy.mistakes import wrong

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

NAME_PATTERN = r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?"
"""Names of tenants, subnets and external IPs; `--` inside is refused apart from the pattern.

Kube-OVN joins names with a dash and turns dashes into dots in address-set names, a VPC whose name starts with a
digit breaks its overlay subnets, and names become label values of 63 characters at the most.
"""
SMALLEST_V4_PREFIX, LARGEST_V4_PREFIX = 8, 30
SMALLEST_V6_PREFIX, LARGEST_V6_PREFIX = 32, 126


class Document(BaseModel):
    """What documents have in common: nothing unknown, nothing guessed, nothing changed afterwards.

    Each key has one spelling, the alias: rules that look for `externalIPs` must not be passed by `external_ips`.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


def _name(text: str) -> str:
    if "--" in text:
        raise wrong("two dashes in a row are how Berth joins names", "use single dashes")
    if not re.fullmatch(NAME_PATTERN, text):
        raise wrong(
            "not a usable name",
            "write 1 to 24 characters: lower-case letters, digits and dashes, a letter first, no dash at the end",
        )
    return text


Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^(?!.*--){NAME_PATTERN}$", "maxLength": 24}),
]


def _object_name(text: str) -> str:
    if "--" in text or not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise wrong(
            "not a name this platform's objects can have beside Berth's",
            "write lower-case letters, digits and single dashes, 63 characters at the most",
        )
    return text


ObjectName = Annotated[
    str,
    AfterValidator(_object_name),
    WithJsonSchema({"type": "string", "pattern": "^(?!.*--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}),
]
"""Name of an object that the platform made itself, e.g. its external subnet."""


def _text_only(value: object) -> object:
    # A number such as 10.0 would otherwise become an address nobody wrote.
    if not isinstance(value, str | IPv4Network | IPv6Network | IPv4Address | IPv6Address):
        raise wrong("is not text", "write it as text, e.g. 10.0.0.0/24")
    return value


_MAPPED = IPv6Network("::ffff:0:0/96")


def _not_mapped(value: Network | Address) -> None:
    # Go reads it as the IPv4 address inside (net.IP.To4), so Kube-OVN would take ::ffff:10.0.0.0/112 for 10.0.0.0/16.
    if contains(_MAPPED, value):
        raise wrong("is an IPv4 address written as IPv6", "write it as IPv4, e.g. 10.0.0.1 for ::ffff:10.0.0.1")


def _network(value: object) -> Network:
    text = str(_text_only(value))
    if "/" not in text:
        raise wrong("not a CIDR", "write an address and a prefix length, e.g. 10.0.0.0/24 or fd00:10::/64")
    # ipaddress also reads netmasks (10.0.0.0/255.0.0.0) and scopes (fe80::%eth0/64); Kube-OVN reads neither.
    if not re.fullmatch(r"[0-9a-fA-F.:]{2,45}/[0-9]{1,3}", text):
        raise wrong("not a CIDR", "write an address and a prefix length, e.g. 10.0.0.0/24 or fd00:10::/64")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise wrong("not a CIDR", "write an address and a prefix length, e.g. 10.0.0.0/24 or fd00:10::/64") from None
    _not_mapped(network)
    if ip_address(text.split("/")[0]) != network.network_address:
        raise wrong("has bits set beyond its prefix", f"write {network}")
    return network


def _address(value: object) -> Address:
    text = str(_text_only(value))
    try:
        if "%" in text:
            raise ValueError
        address = ip_address(text)
    except ValueError:
        raise wrong("not an IP address", "write one, e.g. 10.0.0.1 or fd00:10::1") from None
    _not_mapped(address)
    return address


_AS_TEXT = PlainSerializer(str, return_type=str)

Cidr = Annotated[Network, PlainValidator(_network), _AS_TEXT, WithJsonSchema({"type": "string", "format": "cidr"})]
IpAddress = Annotated[Address, PlainValidator(_address), _AS_TEXT, WithJsonSchema({"type": "string", "format": "ip"})]


NO_HOSTS = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
        *("::/128", "::1/128", "fe80::/10", "ff00::/8"),
    )
)
"""Ranges a Kube-OVN subnet may not touch (Kube-OVN 1.17 pkg/util/net.go, CIDRGlobalUnicast)."""


def _tenant_network(network: Network) -> Network:
    for forbidden in NO_HOSTS:
        if overlap(network, forbidden):
            raise wrong(
                f"touches {forbidden}, where no host can live",
                "choose a unicast range, e.g. from 10.0.0.0/8 or fd00::/8",
            )
    smallest, largest = (
        (SMALLEST_V4_PREFIX, LARGEST_V4_PREFIX) if network.version == 4 else (SMALLEST_V6_PREFIX, LARGEST_V6_PREFIX)
    )
    if not smallest <= network.prefixlen <= largest:
        raise wrong(
            f"a prefix of /{network.prefixlen} leaves no usable subnet",
            f"choose a prefix between /{smallest} and /{largest}",
        )
    return network


SubnetCidr = Annotated[
    Network,
    PlainValidator(_network),
    AfterValidator(_tenant_network),
    _AS_TEXT,
    WithJsonSchema({"type": "string", "format": "cidr"}),
]
"""A CIDR that hosts of a tenant may live in."""


def _line(text: str) -> str:
    if not text.isprintable():
        raise wrong("has control characters", "write plain text on one line")
    if len(text) > 200:
        raise wrong(f"is {len(text)} characters long", "write 200 at the most")
    return text


Line = Annotated[str, AfterValidator(_line), WithJsonSchema({"type": "string", "maxLength": 200})]
"""Free text for people, on one line."""


class AddressRange(Document):
    """Addresses that are not given to anybody, first and last included."""

    first: IpAddress
    last: IpAddress


def overlap(one: Network, other: Network) -> bool:
    """Whether the two share an address; networks of different families never do."""
    return one.version == other.version and one.overlaps(other)


def contains(outer: Network, inner: Network | Address) -> bool:
    """Whether `inner` lies wholly inside `outer`."""
    if outer.version != inner.version:
        return False
    if isinstance(inner, IPv4Address | IPv6Address):
        return inner in outer
    return inner.subnet_of(outer)  # type: ignore[arg-type]  # same version, same type
