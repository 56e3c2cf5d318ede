"""What must hold in the VLAN part of a platform's document, and between it and a tenant."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tenancy.mistakes import Mistake
from tenancy.platform import Platform
from tenancy.rules import at, repeated
from tenancy.switches import PORT_PATTERNS, Credentials, Switch
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
    yield from _repeated("switches", [switch.name for switch in vlan.switches], "name")
    yield from _repeated("credentials", [one.name for one in vlan.credentials], "name")
    yield from _repeated("approval.approvers", [name.casefold() for name in vlan.approval.approvers])
    # Two queues for one device would be two writers.
    yield from _repeated("switches", [f"{switch.host.casefold()}:{switch.port}" for switch in vlan.switches], "host")
    known = {one.name for one in vlan.credentials}
    for index, switch in enumerate(vlan.switches):
        yield from _switch(index, switch, known)
    for index, one in enumerate(vlan.credentials):
        yield from _credentials(index, one)
    yield from _signing(vlan)


def _repeated(key: str, values: Sequence[str], field: str | None = None) -> Iterator[Mistake]:
    place = ("vlan", *key.split("."))
    for path, value, before in repeated((at(*place, index), value) for index, value in enumerate(values)):
        yield Mistake(
            path=path if field is None else f"{path}.{field}",
            value=value,
            problem=f"already that of {before}",
            remedy="write each once" if field is None else f"give it a {field} of its own",
        )


def _switch(index: int, switch: Switch, known: set[str]) -> Iterator[Mistake]:
    where = at("vlan", "switches", index)
    named = {f"{where}.credentials": switch.credentials}
    if switch.jump_host is not None:
        named[f"{where}.jumpHost.credentials"] = switch.jump_host.credentials
    for path, name in named.items():
        if name not in known:
            yield Mistake(
                path=path,
                value=name,
                problem="names no entry of spec.vlan.credentials",
                remedy=f"write one of: {', '.join(sorted(known))}",
            )
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


def _credentials(index: int, one: Credentials) -> Iterator[Mistake]:
    path = at("vlan", "credentials", index)
    if one.password is None and one.private_key is None and not one.agent:
        yield Mistake(
            path=path,
            value=one.name,
            problem="has nothing to log in with",
            remedy="add password or privateKey, or write agent: true",
        )
    if one.passphrase is not None and one.private_key is None:
        yield Mistake(
            path=f"{path}.passphrase", problem="is that of no key", remedy="add privateKey, or leave this out"
        )


def _signing(vlan: VlanMode) -> Iterator[Mistake]:
    rules = vlan.approval
    path = at("vlan", "approval", "allowedSigners")
    if rules.signing == "ssh" and rules.allowed_signers is None:
        yield Mistake(
            path=path,
            problem="is missing, and decisions are to be signed",
            remedy="name OpenSSH's allowed-signers file with the approvers' keys",
        )
    if rules.signing == "none" and rules.allowed_signers is not None:
        yield Mistake(
            path=path,
            value=rules.allowed_signers,
            problem="means nothing where decisions are not signed",
            remedy="write signing: ssh, or leave this out",
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
