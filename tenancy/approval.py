"""The network team's approval: what is shown, what is decided, and the text a signature is made over."""

import json
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tenancy.fields import Name
from tenancy.vlans import VlanId

SIGNATURE_NAMESPACE = "berth-approval"
"""`ssh-keygen -Y sign -n`: keeps a signature made for something else from being one of ours."""


class _Told(BaseModel):
    # A misspelt key would make a decision say less than its author meant.
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, serialize_by_alias=True, validate_by_name=True
    )


class SwitchLines(_Told):
    """The configuration lines for one switch, in the order in which they are sent."""

    switch: Name
    lines: tuple[str, ...]


class Preview(_Told):
    """Exactly what an approval lets happen on the switches, and in which run."""

    tenant: Name
    run: str
    """Workflow run; a decision about one run is none about another."""
    vlan: VlanId
    by_hand: bool = False
    """The network team sends these lines itself, and may choose another ID."""
    switches: tuple[SwitchLines, ...]
    plan: str
    """Digest of the plan for the platform's objects."""

    @property
    def hash(self) -> str:
        """Digest of all of it: what an approver approves."""
        return sha256(
            json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()


class Decision(_Told):
    """An approver's decision; the argument of `approve` and `reject`, as update and as signal."""

    plan: str
    """The preview's hash."""
    by: str
    """The approver."""
    comment: str | None = None
    vlan: VlanId | None = None
    """Where the network team works by hand: the ID it used; left out, the one of the preview."""
    signature: str | None = None
    """What `ssh-keygen -Y sign` made of the statement, armoured."""


class Approval(_Told):
    """An approval that was given, with what it was given for: enough to check it again anywhere."""

    preview: Preview
    decision: Decision
    at: str
    """When, in ISO 8601, UTC."""


def statement(word: Literal["approve", "reject"], preview: Preview, decision: Decision) -> str:
    """The text an approver signs. All of the decision is in it, so that nobody else can change a part."""
    said = {
        "decision": word,
        "tenant": preview.tenant,
        "run": preview.run,
        "plan": decision.plan,
        "by": decision.by,
        "vlan": decision.vlan or preview.vlan,
        "comment": decision.comment or "",
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())
