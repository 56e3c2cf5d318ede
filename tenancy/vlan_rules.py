"""What must hold in the VLAN part of a platform's document, and between it and a tenant."""

import re
from collections import Counter
from collections.abc import Iterator

from tenancy.device_rules import approval_mistakes, credentials_mistakes, login_mistakes, place_of, repeated_in
from tenancy.mistakes import Mistake
from tenancy.platform import Platform
from tenancy.rules import at
from tenancy.switches import PORT_PATTERNS, Switch
from tenancy.vlans import HIGHEST_VLAN, RESERVED_IDS, VlanMode, as_ranges, candidates


def mode_mistakes(mode: object, *, given: bool) -> Iterator[Mistake]:
    """Whether the VLAN part is there exactly where the mode needs it."""
    if mode == "vlan" and not given:
        yield Mistake(
            path=at("vlan"),
            problem="is missing in mode vlan",
            remedy="add the range of IDs, the switches and who approves, or write mode: overlay",
        )
    if given and mode in (None, "overlay"):
        yield Mistake(
            path=at("vlan"), problem="means nothing in mode overlay", remedy="write mode: vlan, or leave this out"
        )


def vlan_mistakes(vlan: VlanMode) -> Iterator[Mistake]:
    """What is wrong inside the VLAN part."""
    for path, span in (
        (at("vlan", "range"), vlan.range),
        *((at("vlan", "exclude", index), span) for index, span in enumerate(vlan.exclude)),
    ):
        if span.first > span.last:
            yield Mistake(
                path=path,
                value=f"{span.first} to {span.last}",
                problem="not a range from first to last",
                remedy="write the lower ID first",
            )
    if vlan.range.first <= vlan.range.last and not candidates(vlan):
        yield Mistake(
            path=at("vlan", "range"),
            value=f"{vlan.range.first} to {vlan.range.last}",
            problem=f"all of it is excluded or reserved ({as_ranges(RESERVED_IDS)} always are)",
            remedy=f"leave tenants some IDs between 2 and {HIGHEST_VLAN}",
        )
    yield from repeated_in("vlan", "switches", [switch.name for switch in vlan.switches], "name")
    # Two queues for one device would be two writers.
    yield from repeated_in("vlan", "switches", [place_of(switch) for switch in vlan.switches], "host")
    known = {one.name for one in vlan.credentials}
    for index, switch in enumerate(vlan.switches):
        path = at("vlan", "switches", index)
        yield from login_mistakes("vlan", switch, path, known)
        yield from _trunks(path, switch)
    yield from credentials_mistakes("vlan", vlan.credentials)
    yield from approval_mistakes("vlan", vlan.approval)


def _trunks(where: str, switch: Switch) -> Iterator[Mistake]:
    seen = Counter(switch.trunks)
    for place, port in enumerate(switch.trunks):
        if not re.fullmatch(PORT_PATTERNS[switch.platform], port):
            yield Mistake(
                path=f"{where}.trunks[{place}]",
                value=port,
                problem=f"not a port as {switch.platform} writes it",
                remedy="write its full name, as the switch's running configuration does",
            )
        if seen.pop(port, 1) > 1:
            yield Mistake(
                path=f"{where}.trunks[{place}]",
                value=port,
                problem="stands there twice",
                remedy="write each port once",
            )


def vlan_fit(wished: int | None, external_ips: int, platform: Platform) -> Iterator[Mistake]:
    """What is wrong with a tenant on this platform as far as VLANs go."""
    vlan = platform.spec.vlan
    if vlan is None:
        if wished is not None:
            yield Mistake(
                path=at("vlan"),
                value=str(wished),
                problem=f"platform {platform.metadata.name} is in mode overlay, where tenants have no VLAN",
                remedy="leave it out",
            )
        return
    if wished is not None and wished not in (free := candidates(vlan)):
        yield Mistake(
            path=at("vlan"),
            value=str(wished),
            problem=f"not among the IDs platform {platform.metadata.name} gives tenants",
            remedy=f"choose one of {_cut(as_ranges(free))}, or leave it out to get any free one",
        )
    if external_ips and vlan.gateway == "physical":
        yield Mistake(
            path=at("externalIPs"),
            problem=f"platform {platform.metadata.name} has its gateways on the switches, so no router translates",
            remedy="remove the external IPs, or have the platform's spec.vlan.gateway set to router",
        )


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
