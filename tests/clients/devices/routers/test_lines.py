"""Only lines that Berth rendered reach a router, and its configuration and tables are read as vendors write them."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.devices.command_line import UnreadableError
from clients.devices.routers import ROUTERS
from clients.devices.routers.changes import after, to_announce, to_withdraw
from clients.devices.routers.dialect import RouteDialect, Static
from clients.devices.sending import sendable
from clients.devices.steps import lines_of
from tenancy.announcement import Route
from tenancy.devices import EdgeAction, EdgeRequest
from tenancy.edge import RouterPlatform
from tests.clients.devices.routers.wishes import TAG, V4, V6

TENANTS = st.from_regex(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)
NET4, NET6 = ip_network(V4), ip_network(V6)


@st.composite
def routes(draw: st.DrawFn) -> tuple[Route, ...]:
    found = []
    for kind in (IPv4Address, IPv6Address):
        addresses = st.integers(1, 2 ** (32 if kind is IPv4Address else 128) - 2).map(kind).map(str)
        wishes = draw(st.dictionaries(addresses, st.none() | addresses, max_size=3))
        found += [Route(address=address, next_hop=hop) for address, hop in wishes.items()]
    return tuple(found)


def patterns(dialect: RouteDialect) -> Iterator[str]:
    """What a line may be, written down apart from how it is rendered."""
    hop = dialect.way.replace("{next_hop}", "[0-9a-f.:]+")
    parts = {
        "{address}": "[0-9a-f.:]+",
        "{way}": f"(?:{hop}|{dialect.discard.replace('{tag}', str(TAG))})",
        "{tag}": str(TAG),
        "{name}": "berth-[a-z][a-z0-9-]{0,23}",
    }
    for templates in (*dialect.announce.values(), *dialect.withdraw.values()):
        for template in templates:
            yield "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\{\w+\})", template))


@pytest.mark.parametrize("dialect", ROUTERS.values(), ids=lambda dialect: dialect.platform)
@settings(max_examples=60, deadline=None)
@given(wanted=routes(), before=routes(), tenant=TENANTS)
def test_every_line_is_one_of_the_platforms_own(
    dialect: RouteDialect, wanted: tuple[Route, ...], before: tuple[Route, ...], tenant: str
) -> None:
    def wish(action: EdgeAction, some: tuple[Route, ...]) -> EdgeRequest:
        return EdgeRequest(id="1", tenant=tenant, action=action, routes=some)

    # Some of the addresses have a route of the tenant's already, through another next hop.
    hops = [route.next_hop for route in before]
    there = tuple(
        route.model_copy(update={"next_hop": hop})
        for route, hop in zip(wanted, hops, strict=False)
        if hop is None or (":" in hop) == (":" in route.address)
    )
    state = after(dialect, {}, wish("announce", (*before, *there)), TAG)
    made = to_announce(dialect, state, wish("announce", wanted), TAG, "edge-1")
    full = after(dialect, state, wish("announce", wanted), TAG)
    gone = to_withdraw(dialect, full, wish("withdraw", wanted), TAG, "edge-1")
    own = re.compile("|".join(f"(?:{one})" for one in patterns(dialect)))
    for line in (*lines_of(made), *lines_of(gone), *(line for step in made for line in step.inverse)):
        assert own.fullmatch(line), line
        assert sendable(line) == line
    # What is made is gone again, and asking twice asks for nothing.
    assert to_announce(dialect, full, wish("announce", wanted), TAG, "edge-1") == ()
    left = after(dialect, full, wish("withdraw", wanted), TAG)
    assert to_withdraw(dialect, left, wish("withdraw", wanted), TAG, "edge-1") == ()
    assert set(left) == set(state) - {ip_network(route.prefix) for route in wanted}


READ: dict[RouterPlatform, str] = {
    "frr": f"""\
Building configuration...

Current configuration:
!
frr version 8.4.4
!
ip route 203.0.113.0/24 Null0
ip route {V4}/32 192.0.2.7 tag 4200
ip route {V4}/32 192.0.2.8 tag 4200 200
ipv6 route {V6}/128 Null0 tag 4200
!
vrf red
 ip route 198.51.100.9/32 192.0.2.7 tag 4200
exit-vrf
!
end
""",
    "cisco-iosxe": f"""\
ip route 203.0.113.0 255.255.255.0 Null0
ip route {V4} 255.255.255.255 192.0.2.7 tag 4200
ip route {V4} 255.255.255.255 192.0.2.8 200 tag 4200
ip route vrf red 198.51.100.9 255.255.255.255 192.0.2.7 tag 4200
ip route static install-routes-recurse-via-nexthop
ipv6 route {V6.upper()}/128 Null0 tag 4200
""",
    "arista-eos": f"""\
ip route 203.0.113.0/24 Null0
ip route {V4}/32 192.0.2.7 tag 4200
ip route {V4}/32 192.0.2.8 200 tag 4200
ip route vrf red 198.51.100.9/32 192.0.2.7 tag 4200
ipv6 route {V6}/128 Null0 tag 4200
""",
    "juniper-junos": f"""\
set routing-options static route 203.0.113.0/24 discard
set routing-options static route {V4}/32 next-hop 192.0.2.7
set routing-options static route {V4}/32 next-hop 192.0.2.8
set routing-options static route {V4}/32 tag 4200
set routing-options static route {V4}/32 preference 200
set routing-options rib inet6.0 static route {V6}/128 discard
set routing-options rib inet6.0 static route {V6}/128 tag 4200
set routing-options rib red.inet.0 static route 198.51.100.9/32 discard
set routing-options autonomous-system 65000

{{master}}
""",
    "vyos": f"""\
set protocols static route 203.0.113.0/24 blackhole
set protocols static route {V4}/32 next-hop 192.0.2.7
set protocols static route {V4}/32 next-hop 192.0.2.8 distance '200'
set protocols static route6 {V6}/128 blackhole tag '4200'
set protocols static table 10 route 198.51.100.9/32 next-hop 192.0.2.7
""",
}


@pytest.mark.parametrize("platform", READ)
def test_the_configuration_is_read_as_it_is_written(platform: RouterPlatform) -> None:
    found = ROUTERS[platform].reading.parse(READ[platform])
    assert set(found) == {ip_network("203.0.113.0/24"), NET4, NET6}
    assert found[ip_network("203.0.113.0/24")] == (Static(None),)
    assert found[NET6] == (Static(None, TAG),)
    plain, odd = found[NET4][0], found[NET4][-1]
    assert odd.other
    if platform == "vyos":  # the next hop with a distance has no form that Berth writes
        assert plain.next_hop == "192.0.2.7"
    else:
        assert [static.next_hop for static in found[NET4]] == ["192.0.2.7", "192.0.2.8"]
        assert {static.tag for static in found[NET4]} == {TAG}


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        ("frr", ""),
        ("frr", "% Unknown command: show running-config staticd"),
        ("frr", "Current configuration:\nip route 198.51.100.300/32 192.0.2.7\n"),
        ("cisco-iosxe", "ip route 198.51.100.7\n"),
        ("cisco-iosxe", "ip route 198.51.100.7 255.255.255.255 192.0.2.7 tag\n"),
        ("cisco-iosxe", "ip route 198.51.100.7 255.255.255.255\n"),
        ("arista-eos", "ip route 198.51.100.7/40 192.0.2.7\n"),
        ("juniper-junos", "route 198.51.100.7/32 discard;\n"),
        ("juniper-junos", "set routing-options static route 198.51.100.7/99 discard\n"),
        ("vyos", "bash: show: command not found\n"),
        ("vyos", "set protocols static route 198.51.100.7/99 blackhole\n"),
    ],
)
def test_a_configuration_that_is_not_understood_is_an_error(platform: RouterPlatform, text: str) -> None:
    with pytest.raises(UnreadableError):
        ROUTERS[platform].reading.parse(text)


# Cisco IOS IP Routing Command Reference, Arista EOS User Manual, Junos OS CLI Reference, FRR User Guide: as `show` prints.
TABLES: dict[RouterPlatform, tuple[str, str]] = {
    "frr": (
        f'{{"{V4}/32": [{{"protocol": "static", "selected": true}}, {{"protocol": "bgp"}}],'
        ' "198.51.100.8/32": [{"protocol": "bgp", "selected": true}], "198.51.100.9/32": [{"protocol": "static"}]}',
        f'{{"{V6}/128": [{{"protocol": "static", "selected": true}}]}}',
    ),
    "cisco-iosxe": (
        f"""\
Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP
       a - application route

Gateway of last resort is 192.0.2.254 to network 0.0.0.0

S*    0.0.0.0/0 [1/0] via 192.0.2.254
      198.51.100.0/32 is subnetted, 2 subnets
S        {V4} [1/0] via 192.0.2.7
B        198.51.100.8 [20/0] via 10.255.0.1, 00:00:12
""",
        f"""\
IPv6 Routing Table - default - 3 entries
Codes: C - Connected, L - Local, S - Static, U - Per-user Static route
S   {V6.upper()}/128 [1/0], tag 4200
     via 2001:DB8:FF::7
""",
    ),
    "arista-eos": (
        f"""\

VRF: default
Codes: C - connected, S - static, K - kernel,
       O - OSPF, B E - eBGP

 S        {V4}/32 [1/0] via 192.0.2.7, Ethernet1
 B E      198.51.100.8/32 [200/0] via 10.255.0.1, Ethernet2

""",
        f"""\

VRF: default
Displaying 1 of 3 IPv6 routing table entries
Codes: C - connected, S - static

 S        {V6}/128 [1/0]
           via 2001:db8:ff::7, Ethernet1
""",
    ),
    "juniper-junos": (
        f"""\

inet.0: 5 destinations, 6 routes (5 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

{V4}/32    *[Static/5] 00:00:12, tag 4200
                    >  to 192.0.2.7 via ge-0/0/0.0
                    [BGP/170] 00:01:00, localpref 100
198.51.100.8/32    *[BGP/170] 00:00:12, localpref 100
                      AS path: 65001 I, validation-state: unverified
                    >  to 10.255.0.1 via ge-0/0/1.0
""",
        f"""\

inet6.0: 5 destinations, 5 routes (5 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

{V6}/128
                   *[Static/5] 00:00:12, tag 4200
                    >  to 2001:db8:ff::7 via ge-0/0/0.0
""",
    ),
    "vyos": (
        f"""\
Codes: K - kernel route, C - connected, S - static, R - RIP,
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup

S>* {V4}/32 [1/0] via 192.0.2.7, eth0, weight 1, 00:00:12
B   {V4}/32 [20/0] via 10.255.0.1, eth1, weight 1, 00:00:12
B>* 198.51.100.8/32 [20/0] via 10.255.0.1, eth1, weight 1, 00:00:12
S   198.51.100.9/32 [1/0] via 203.0.113.9 inactive, weight 1, 00:00:12
""",
        f"""\
Codes: K - kernel route, C - connected, S - static, R - RIPng,

S>* {V6}/128 [1/0] unreachable (blackhole), weight 1, 00:00:12
""",
    ),
}


@pytest.mark.parametrize("platform", TABLES)
def test_a_routing_table_is_read_as_it_is_printed(platform: RouterPlatform) -> None:
    table = ROUTERS[platform].table
    first, second = (table.parse(text) for text in TABLES[platform])
    hosts = {network: static for network, static in first.items() if network.prefixlen == 32}
    assert hosts == {NET4: True, ip_network("198.51.100.8/32"): False}
    assert second == {NET6: True}
    with pytest.raises(UnreadableError):
        table.parse("% Unknown command")


def test_a_table_of_subnets_of_several_lengths_is_read() -> None:
    text = f"""\
Gateway of last resort is not set

      198.51.100.0/24 is variably subnetted, 2 subnets, 2 masks
S        198.51.100.0/28 is directly connected, Null0
S        {V4}/32 [1/0] via 192.0.2.7
"""
    found = ROUTERS["cisco-iosxe"].table.parse(text)
    assert found == {ip_network("198.51.100.0/28"): True, NET4: True}


DIFFS: dict[RouterPlatform, tuple[str, str, str]] = {
    "arista-eos": (
        f"""\
--- system:/running-config
+++ session:/berth-1f2e3d4c-session-config
@@ -10,3 +10,4 @@
 !
+ip route {V4}/32 192.0.2.7 tag 4200 name berth-acme
-ipv6 route {V6}/128 Null0 tag 4200 name berth-acme
 !
""",
        "+ip route 198.51.100.8/32 192.0.2.7 tag 4200 name berth-acme\n",
        "+ntp server 192.0.2.1\n",
    ),
    "juniper-junos": (
        f"""\
[edit routing-options static]
     route 203.0.113.0/24 {{ ... }}
+    route {V4}/32 {{
+        next-hop 192.0.2.7;
+        tag 4200;
+    }}
[edit routing-options rib inet6.0 static route {V6}/128]
-    discard;
+    next-hop 2001:db8:ff::7;
""",
        "[edit]\n+  routing-options {\n+      static {\n+          route 198.51.100.8/32 discard;\n+      }\n+  }\n",
        "[edit system]\n+   host-name theirs;\n",
    ),
    "vyos": (
        f"""\
set protocols static route {V4}/32 description 'berth-acme'
set protocols static route {V4}/32 next-hop 192.0.2.7
delete protocols static route6 {V6}/128 description

""",
        "delete protocols static route 198.51.100.8/32\n",
        "set system host-name 'theirs'\n",
    ),
}


@pytest.mark.parametrize("platform", DIFFS)
def test_what_a_candidate_changes_is_told_from_its_diff(platform: RouterPlatform) -> None:
    ours, others, foreign = DIFFS[platform]
    changed = ROUTERS[platform].changed
    assert changed(ours) == {NET4, NET6}
    assert changed(ours + others) == {NET4, NET6, ip_network("198.51.100.8/32")}
    with pytest.raises(UnreadableError):
        changed(ours + foreign)


def test_what_vyos_does_not_write_as_a_command_is_not_taken_for_one() -> None:
    changed = ROUTERS["vyos"].changed
    assert changed("No changes between working and active configurations.\n") == frozenset()
    assert changed("delete protocols static\n") == frozenset()  # the last route takes it along
    for odd in (
        "set protocols static\n",
        "delete protocols\nInvalid command\n",
        f"+ route {V4}/32\n",
        "delete system\n",
    ):
        with pytest.raises(UnreadableError):
            changed(odd)


BEFORE = f"""\
set protocols static route {V4}/32 description 'berth-acme'
set protocols static route {V4}/32 next-hop 192.0.2.7
set protocols static route 198.51.100.70/32 blackhole tag '4200'
"""


@pytest.mark.parametrize(
    ("diff", "left"),
    [
        ("No changes between working and active configurations.\n", Static("192.0.2.7", None, "berth-acme")),
        (f"delete protocols static route {V4}/32\n", None),
        (f"delete protocols static route {V4}/32 description\n", Static("192.0.2.7")),
        (f"delete protocols static route {V4}/32 description 'berth-acme'\n", Static("192.0.2.7")),
        (
            f"delete protocols static route {V4}/32 next-hop 192.0.2.7\n"
            f"set protocols static route {V4}/32 blackhole tag '4200'\n",
            Static(None, TAG, "berth-acme"),
        ),
    ],
)
def test_what_vyos_has_after_a_commit_is_told_from_its_candidate(diff: str, left: Static | None) -> None:
    dialect = ROUTERS["vyos"]
    assert dialect.staged is not None
    found = dialect.reading.parse(dialect.staged(BEFORE, diff))
    other = {ip_network("198.51.100.70/32"): (Static(None, TAG),)}
    assert found == (other if left is None else {NET4: (left,), **other})


@pytest.mark.parametrize(
    ("platform", "rejected"),
    [
        ("frr", "% Unknown command: ip route 198.51.100.7/32 192.0.2.7 tag 0"),
        ("frr", "% Configuration failed."),
        ("cisco-iosxe", "%Invalid next hop address (it's this router)"),
        ("cisco-iosxe", "%Inconsistent address and mask"),
        ("cisco-iosxe", "% Incomplete command."),
        ("arista-eos", "% Invalid input"),
        ("juniper-junos", "error: invalid value"),
        ("vyos", "  Set failed"),
        ("vyos", "Commit failed"),
        ("vyos", "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_rejected_line_is_seen(platform: RouterPlatform, rejected: str) -> None:
    assert ROUTERS[platform].cli.errors.search(rejected)
