"""Names, CIDRs and addresses: each that would be misread further on is refused, with the path, the value and the remedy."""

from typing import Any

from tests.tenancy.cases import (
    assert_only,
    balancer,
    each,
    floating,
    mistakes_of,
    named,
    with_ips,
    with_subnet,
)

NAME_REMEDY = "write 1 to 24 characters"
UNUSABLE_NAMES = [
    "",
    "A",
    "Acme",
    "1a",
    "-a",
    "a-",
    "a.b",
    "a_b",
    "a b",
    "a" * 25,
    "é",
    "ａ",
    "a१",
    "a\n",
    "a\x00",
    "ſ",
]
NOT_CIDRS = [
    "10.1.0.0",
    "010.1.0.0/24",
    "10.1.0.0/255.255.255.0",
    "10.1.0.0/33",
    "10.1.0/24",
    "10.1.0.0/24 ",
    " 10.1.0.0/24",
    "10.1.0.0/24\n",
    "10.1.0.0/-1",
    "10.1.0.0/+24",
    "10.1.0.0/२४",
    "fe80::%eth0/64",
    "fd00::/129",
    "fd00:::/64",
    "1/8",
    "/24",
    "",
    "prod",
    "10.1.0.0/24,10.2.0.0/24",
]
NOT_ADDRESSES = [
    "10.1.0.256",
    "010.1.0.9",
    "10.1.0.9/32",
    "fe80::1%eth0",
    "10.1.9",
    "167837705",
    "",
    "10.1.0.9\n",
    "१.1.1.1",
]

CASES = {
    **{
        f"name {name!a}": (named(name), "metadata.name", None, "not a usable name", NAME_REMEDY)
        for name in UNUSABLE_NAMES
    },
    "name a--b": (named("a--b"), "metadata.name", "'a--b'", "two dashes in a row", "use single dashes"),
    "a subnet's name": (with_subnet(name="Prod"), "spec.subnets[0].name", "'Prod'", "not a usable name", NAME_REMEDY),
    "an external IP's name": (
        with_ips(balancer("a--b")),
        "spec.externalIPs[0].name",
        "'a--b'",
        "two dashes in a row",
        "use single",
    ),
    **{
        f"CIDR {text!a}": (
            with_subnet(cidrs=[text]),
            "spec.subnets[0].cidrs[0]",
            None,
            "not a CIDR",
            "e.g. 10.0.0.0/24",
        )
        for text in NOT_CIDRS
    },
    "host bits": (
        with_subnet(cidrs=["10.1.0.7/24"]),
        "spec.subnets[0].cidrs[0]",
        "'10.1.0.7/24'",
        "has bits set beyond its prefix",
        "write 10.1.0.0/24",
    ),
    "host bits, IPv6": (
        with_subnet(cidrs=["fd00::7/64"]),
        "spec.subnets[0].cidrs[0]",
        "'fd00::7/64'",
        "has bits set",
        "write fd00::/64",
    ),
    **{
        f"mapped {text}": (
            with_subnet(cidrs=[text]),
            "spec.subnets[0].cidrs[0]",
            f"'{text}'",
            "is an IPv4 address written as IPv6",
            "write it as IPv4",
        )
        for text in ["::ffff:10.96.0.0/112", "::ffff:a60:0/112", "::FFFF:0:0/96", "::ffff:10.1.0.7/112"]
    },
    **{
        f"no host in {text}": (
            with_subnet(cidrs=[text]),
            "spec.subnets[0].cidrs[0]",
            f"'{text}'",
            f"touches {forbidden}, where no host can live",
            "choose a unicast range",
        )
        for text, forbidden in {
            "0.0.0.0/0": "0.0.0.0/8",
            "127.0.0.0/8": "127.0.0.0/8",
            "169.254.1.0/24": "169.254.0.0/16",
            "239.0.0.0/8": "224.0.0.0/4",
            "255.255.255.0/24": "255.255.255.255/32",
            "::/0": "::/128",
            "::/64": "::/128",
            "fe80::/64": "fe80::/10",
            "ff02::/64": "ff00::/8",
        }.items()
    },
    **{
        f"prefix of {text}": (
            with_subnet(cidrs=[text]),
            "spec.subnets[0].cidrs[0]",
            f"'{text}'",
            "leaves no usable subnet",
            f"choose a prefix between {between}",
        )
        for text, between in {
            "8.0.0.0/7": "/8 and /30",
            "10.1.0.0/31": "/8 and /30",
            "10.1.0.0/32": "/8 and /30",
            "fd00::/31": "/32 and /126",
            "fd00::/127": "/32 and /126",
            "fd00::/128": "/32 and /126",
        }.items()
    },
    **{
        f"gateway {text!a}": (
            with_subnet(gateways=[text]),
            "spec.subnets[0].gateways[0]",
            None,
            "not an IP address",
            "e.g. 10.0.0.1",
        )
        for text in NOT_ADDRESSES
    },
    "a mapped target": (
        with_ips(floating(target="::ffff:10.1.0.9")),
        "spec.externalIPs[0].target",
        "'::ffff:10.1.0.9'",
        "is an IPv4 address written as IPv6",
        "write it as IPv4",
    ),
    "a number for an address": (
        with_ips(balancer(address=3405803786)),
        "spec.externalIPs[0].address",
        "3405803786",
        "is not text",
        "write it as text",
    ),
}


@each(CASES)
def test_a_field_that_is_wrong_is_named_alone(
    raw: Any, path: str, value: str | None, problem: str, remedy: str
) -> None:
    assert_only(mistakes_of(raw), path, value, problem, remedy)
