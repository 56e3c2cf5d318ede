"""What a run asks of a switch, and what it is answered: plain data, the same for whoever asks, queues or carries out."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from tenancy.announcement import Route, Translation
from tenancy.approval import Approval
from tenancy.fields import Name
from tenancy.switches import PortName
from tenancy.vlans import VlanId

Action = Literal["survey", "preview", "preview-by-hand", "ensure", "absent", "verify", "verify-absent"]
EdgeAction = Literal["announce", "withdraw", "translate", "untranslate", "look"]
TAKES_AWAY = ("absent", "withdraw", "untranslate")
"""Actions after which less is there: they are done though nobody waits for them any more, and for addresses nobody has."""

SENDS = ("ensure", *TAKES_AWAY, "announce", "translate")
"""Actions whose outcome has the lines that were sent; that of a preview has those that would be."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeviceRequest(_Plain):
    """One tenant's wish about its VLAN on one switch. Idempotent by its ID: asked twice, it is done and answered once."""

    id: str = ""
    """Given to it when it is asked."""
    tenant: Name
    action: Action
    """survey: which IDs the switch knows, and whether the trunks are there. preview: the lines `ensure` would send now.
    ensure, absent: make it so, read back, save. preview-by-hand, verify, verify-absent: where the network team configures
    the switches, what it has to send, and whether it has; the VLAN may bear any name."""
    vlan: VlanId | None = None
    """None for a survey only."""
    trunks: tuple[PortName, ...] = ()
    approval: Approval | None = None
    """Of an ensure, which sends no line but those it was approved for; none of it is sent without one."""


class EdgeRequest(_Plain):
    """One tenant's wish about its addresses on one device at the edge. Idempotent by its ID, as the other."""

    id: str = ""
    """Given to it when it is asked."""
    tenant: Name
    action: EdgeAction
    """announce, withdraw: the static routes are there, or not, read back and saved. translate, untranslate: the same of the
    translations, and an `untranslate` ends the flows that use them. look: nothing is changed; which of them are in force
    now, on a neighbour: which it has heard of."""
    routes: tuple[Route, ...] = ()
    """Of announce, withdraw and look."""
    translations: tuple[Translation, ...] = ()
    """Of translate, untranslate and look."""


AnyRequest: TypeAlias = DeviceRequest | EdgeRequest


class Survey(_Plain):
    """What a switch knows, as far as a tenant that needs a VLAN has to know it."""

    foreign: Annotated[str, Field(pattern=r"^([0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*)?$")]
    """IDs known under a name that is not this tenant's, as ranges: `1,10-20`."""
    own: tuple[int, ...] = ()
    """IDs known under this tenant's name."""


class DeviceOutcome(_Plain):
    """What became of one request."""

    id: str
    result: Literal["done", "refused", "withdrawn"]
    """Done only once the switch has saved it. Refused: trying again changes nothing, and nothing of it is left.
    Withdrawn: it was taken back, and nothing more is sent for it; where a try had failed, a part may have been sent before."""
    reason: str = ""
    """Of a refusal, a stable word: `foreign-vlan`, `not-approved`, `rejected`, `missing-trunk`, `not-there`, `still-there`,
    `not-reserved`, `foreign-route`, `foreign-translation`,
    `login-refused`, `host-key-unknown`, `host-key-changed`, `enable-refused`, `no-such-device`,
    `invalid-request`, `failed` (a mistake of ours)."""
    message: str = ""
    """For people, one line."""
    lines: tuple[str, ...] = ()
    """The configuration lines that were sent; of a preview, that would be."""
    survey: Survey | None = None
    in_force: tuple[str, ...] = ()
    """Of a look: the addresses, as the request's routes and the public side of its translations name them, that are
    routed (by a neighbour: that it has a route to) or translated as asked now."""


def vlan_name(tenant: str) -> str:
    """The name of a tenant's VLAN on a switch: at most 30 characters, Cisco's limit is 32. It tells whose the VLAN is."""
    return f"berth-{tenant}"
