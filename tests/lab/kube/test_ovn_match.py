"""Which matches OVN can parse: one that it cannot is a policy that does nothing."""

import pytest

from lab.kube.ovn_match import is_match


@pytest.mark.parametrize(
    "match",
    [
        "ip4.dst == 203.0.113.0/24",
        "ip6.dst == 2001:db8::/32",
        "ip4.src == 10.0.0.0/8 && ip4.dst == {203.0.113.0/24, 198.51.100.7}",
        "ip4.dst == {203.0.113.0/24 198.51.100.7}",
        "ip4 && tcp.dst == 443",
        "(ip4.src == 10.0.0.1 || ip4.src == 10.0.0.2) && !(ip4.dst == 10.0.0.0/8)",
        "ip4.src == $red.subnets_ip4",
        'inport == "red-red--a"',
        "icmp6.type == 0x80",
        "1",
    ],
)
def test_a_match_ovn_understands(match: str) -> None:
    assert is_match(match)


@pytest.mark.parametrize(
    "match",
    [
        "",
        "ip4.dst = 203.0.113.0/24",
        "ip4.dst == 203.0.113.7/24",
        "ip4.dst == 203.0.113.0/33",
        "ip4.dst == 2001:db8::/32",
        "ip6.dst == 203.0.113.0/24",
        "ip4.dst == 203.0.113.0/24 &&",
        "ip4.dst == 203.0.113.0/24 ip4.src == 10.0.0.1",
        "ip4 && tcp || udp",
        "ip4.dst == {203.0.113.0/24",
        "(ip4",
        "ip4.destination == 203.0.113.0/24",
        "ip4.dst > 203.0.113.0",
        "tcp.dst == https",
        "anything",
    ],
)
def test_a_match_ovn_does_not_understand(match: str) -> None:
    assert not is_match(match)
