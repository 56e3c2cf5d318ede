"""VLAN mode in a platform's document: which IDs tenants get, on which switches, and who approves."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from tenancy.fields import Document, ObjectName
from tenancy.mistakes import wrong
from tenancy.switches import Credentials, FilePath, SecretReference, Switch
from tenancy.tenant import Several

HIGHEST_VLAN = 4094
"""IEEE 802.1Q: 0 and 4095 are reserved."""
RESERVED_IDS = frozenset({1, *range(1002, 1006)})
"""VLAN 1 is every switch's default, and Cisco IOS keeps 1002 to 1005 for itself."""

VlanId = Annotated[int, Field(ge=1, le=HIGHEST_VLAN)]


def _approver(text: str) -> str:
    if not text.isprintable() or not 1 <= len(text) <= 200 or text != text.strip() or " " in text:
        raise wrong("not a name of an approver", "write one word of 200 characters at the most, e.g. an address")
    return text


Approver = Annotated[str, AfterValidator(_approver), WithJsonSchema({"type": "string", "maxLength": 200})]
"""Who may decide, as `berth approve --as` says it; the principal of the allowed-signers file where decisions are signed."""


class VlanRange(Document):
    """VLAN IDs, first and last included."""

    first: VlanId
    last: VlanId


class ApprovalRules(Document):
    """Who decides about a tenant's VLAN, and how long a decision may take."""

    approvers: Annotated[Several[Approver], Field(min_length=1, max_length=64)]
    signing: Literal["none", "ssh"] = "none"
    """ssh: a decision must bear an approver's SSH signature, or it is refused."""
    allowed_signers: FilePath | None = None
    """For `signing: ssh`: OpenSSH's allowed-signers file on the worker's machine, approvers' names as principals."""
    remind_every: Annotated[int, Field(ge=60, le=30 * 86400)] = 4 * 3600
    """Seconds between two reminders."""
    expires_after: Annotated[int, Field(ge=60, le=365 * 86400)] = 7 * 86400
    """Seconds until a run that nobody decided about is undone."""
    notify: Annotated[Several[SecretReference], Field(max_length=16)] = ()
    """Apprise URLs (mail, Slack, Teams, a webhook, ...) to tell of what waits; they hold tokens, so they are secrets."""


class VlanMode(Document):
    """Each tenant's own VLAN on the data-center switches."""

    provider_network: ObjectName
    """Name of the Kube-OVN ProviderNetwork that carries the tenants' VLANs."""
    range: VlanRange
    """The IDs tenants may get."""
    exclude: Annotated[Several[VlanRange], Field(max_length=256)] = ()
    """IDs inside the range that they may not."""
    gateway: Literal["router", "physical"] = "router"
    """router: the VPC's router is the subnets' gateway, and the block policy applies. physical: the subnets' gateways are
    on the switches, and subnet ACLs say what the block policy says; there are no external IPs then."""
    configure: Literal["berth", "by-hand"] = "berth"
    """berth: it configures the switches once approved. by-hand: the network team does, and Berth only reads."""
    switches: Annotated[Several[Switch], Field(min_length=1, max_length=64)]
    credentials: Annotated[Several[Credentials], Field(min_length=1, max_length=64)]
    approval: ApprovalRules


def candidates(vlan: VlanMode) -> list[int]:
    """The IDs tenants may get, in order."""
    excluded = {number for span in vlan.exclude for number in range(span.first, span.last + 1)}
    return [
        number
        for number in range(vlan.range.first, vlan.range.last + 1)
        if number not in excluded and number not in RESERVED_IDS
    ]


def as_ranges(numbers: Iterable[int]) -> str:
    """`[1, 2, 3, 7]` as switches write it: `1-3,7`."""
    spans: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def in_ranges(text: str) -> set[int]:
    """The numbers of `1-3,7`. Raises ValueError for what is none."""
    numbers: set[int] = set()
    for part in filter(None, (one.strip() for one in text.split(","))):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers
