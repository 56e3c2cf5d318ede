"""The lab's routers as data: the edge, gateway of the provider network, and its BGP neighbour in the fabric."""

from collections.abc import Mapping, Sequence
from typing import Any

TAG = 4200
"""Static routes with this tag are announced to the fabric."""

_EDGE = f"""router bgp 65001
 bgp router-id 198.51.100.1
 neighbor 198.51.100.0 remote-as 65100
 neighbor 2001:db8:ffff:: remote-as 65100
 !
 address-family ipv4 unicast
  redistribute static route-map berth
  no neighbor 2001:db8:ffff:: activate
 exit-address-family
 !
 address-family ipv6 unicast
  redistribute static route-map berth
  neighbor 2001:db8:ffff:: activate
 exit-address-family
exit
route-map berth permit 10
 match tag {TAG}
exit"""
_FABRIC = """router bgp 65100
 bgp router-id 198.51.100.0
 neighbor 198.51.100.1 remote-as 65001
 neighbor 2001:db8:ffff::1 remote-as 65001
 !
 address-family ipv4 unicast
  no neighbor 2001:db8:ffff::1 activate
 exit-address-family
 !
 address-family ipv6 unicast
  neighbor 2001:db8:ffff::1 activate
 exit-address-family
exit"""


def _router(name: str, ports: Mapping[str, Sequence[str]], lines: str) -> dict[str, Any]:
    return {
        "name": name,
        "dialect": "frr",
        "ports": [{"name": port, "mode": "routed", "addresses": list(addresses)} for port, addresses in ports.items()],
        "other": lines.splitlines(),
    }


ROUTERS: Sequence[Mapping[str, Any]] = (
    _router(
        "edge-1",
        {
            "ext0": ["203.0.113.1/24", "2001:db8:113::1/64"],
            "fabric0": ["198.51.100.1/31", "2001:db8:ffff::1/127"],
        },
        _EDGE,
    ),
    _router("fabric-1", {"edge0": ["198.51.100.0/31", "2001:db8:ffff::/127"]}, _FABRIC),
)
"""As `lab.switches.documents.SwitchDocument` has them, without their logins."""
PEERINGS: Sequence[Mapping[str, str]] = ({"edge": "edge-1", "neighbour": "fabric-1"},)
"""Who hears what whom announces."""
