"""The network team's approval, and the edge team's confirmation: what is shown and decided, and what a signature is over."""

import json
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from difflib import unified_diff
from hashlib import sha256
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tenancy.edge_work import EdgePreview
from tenancy.fields import Name
from tenancy.mistakes import shown
from tenancy.signatures import LONGEST_SIGNATURE, refusal_of_signature
from tenancy.vlans import ApprovalRules, VlanId, as_ranges

LONGEST_COMMENT = 500
"""Characters."""
Word: TypeAlias = Literal["approve", "reject"]

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
    requested_by: str = ""
    """Who asks, and may not approve; part of what is approved, so that nobody can change it afterwards."""
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


AnyPreview: TypeAlias = Preview | EdgePreview


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

    @property
    def vlan(self) -> int:
        """The ID it is about: the preview's, or the one the network team says it used."""
        return self.decision.vlan or self.preview.vlan


class Confirmation(_Told):
    """The edge team's word that it has done what it was asked."""

    preview: EdgePreview
    decision: Decision
    at: str
    """When, in ISO 8601, UTC."""


def subject(preview: AnyPreview, decision: Decision | None = None) -> str:
    """What a preview is about, in a few words; with a decision, what that is about."""
    if isinstance(preview, Preview):
        return f"VLAN {(decision.vlan if decision else None) or preview.vlan}"
    count = len(preview.document.routes)
    what = "announcement" if preview.document.action == "announce" else "withdrawal"
    return f"the {what} of {count} route{'s' if count != 1 else ''}"


def statement(word: Word, preview: AnyPreview, decision: Decision) -> str:
    """The text an approver signs. All of the decision is in it, so that nobody else can change a part."""
    about = (
        {"vlan": decision.vlan or preview.vlan} if isinstance(preview, Preview) else {"edge": preview.document.action}
    )
    said = {
        "decision": word,
        "tenant": preview.tenant,
        "run": preview.run,
        "plan": decision.plan,
        "by": decision.by,
        **about,
        "comment": decision.comment or "",
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())


def refusal_of(
    word: Word,
    preview: AnyPreview,
    decision: Decision,
    *,
    rules: ApprovalRules,
    at: str,
    allowed_signers: str | None = None,
    earlier: Sequence[AnyPreview] = (),
    vlans: Collection[int] | None = None,
) -> str | None:
    """Why a decision does not count, in one line for its approver; None where it does.

    `at` is the moment of the decision in ISO 8601, UTC; `allowed_signers` the text of that file; `earlier` the previews
    this run showed before, so that a stale decision is told what has changed since; `vlans` the IDs tenants may get, of
    which the network team may choose where it works by hand.
    """
    if decision.by not in rules.approvers:
        return f"{shown(decision.by)} is no approver: the platform document lists {', '.join(rules.approvers)}"
    if word == "approve" and not preview.requested_by.strip():
        return (
            "the run says nobody who requested it, so nobody can be told from its approver: start it with requestedBy"
        )
    if word == "approve" and _folded(decision.by) == _folded(preview.requested_by):
        return f"{decision.by} requested it, and may not approve it as well: another approver has to decide"
    if decision.plan != preview.hash:
        return _stale(preview, decision, earlier)
    if (refusal := _wrong_vlan(word, preview, decision, vlans)) is not None:
        return refusal
    comment = decision.comment or ""
    if not comment.isprintable() or len(comment) > LONGEST_COMMENT:
        return f"comment is {shown(comment)}: write one line of {LONGEST_COMMENT} characters at the most"
    if word == "reject" and not comment.strip():
        return "a rejection needs a reason: say in `comment` what would have to change"
    if len(decision.signature or "") > LONGEST_SIGNATURE:
        return f"signature has {len(decision.signature or '')} characters: at most {LONGEST_SIGNATURE} are expected"
    return _unsigned(word, preview, decision, rules, allowed_signers, at)


def refusal_of_approval(
    approval: Approval, tenant: str, vlan: int, rules: ApprovalRules, allowed_signers: str | None
) -> str | None:
    """Why a finished approval does not let a switch be touched for this tenant and VLAN; None where it does.

    For whoever stands beside the switch and trusts no workflow: everything is checked again, with the rules of the
    platform's document there and the text of the allowed-signers file there (None where there is none to read).
    """
    if approval.preview.tenant != tenant:
        return f"the approval is about tenant {approval.preview.tenant}, not about {shown(tenant)}"
    if approval.vlan != vlan:
        return f"the approval is about VLAN {approval.vlan}, not about {vlan}"
    return refusal_of(
        "approve", approval.preview, approval.decision, rules=rules, at=approval.at, allowed_signers=allowed_signers
    )


def difference(before: AnyPreview, now: AnyPreview) -> tuple[str, ...]:
    """What has changed from one preview to another, a line each: `-` for what is no longer so, `+` for what is."""
    lines = unified_diff(list(_told(before)), list(_told(now)), n=0, lineterm="")
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _told(preview: AnyPreview) -> Iterator[str]:
    yield f"run {preview.run}"
    yield f"requested by {preview.requested_by}"
    if isinstance(preview, EdgePreview):
        document = preview.document
        yield f"{document.action} with tag {document.tag}"
        yield from (f"{route.prefix} via {route.next_hop} as {route.description}" for route in document.routes)
        yield from (f"{one.platform}: {line}" for one in preview.platforms for line in one.lines)
        return
    yield f"VLAN {preview.vlan}"
    yield f"configured by {'hand' if preview.by_hand else 'Berth'}"
    for switch in preview.switches:
        yield from (f"{switch.switch}: {line}" for line in switch.lines or ("nothing to send",))
    yield f"plan of the objects {preview.plan[:12]}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _stale(preview: AnyPreview, decision: Decision, earlier: Sequence[AnyPreview]) -> str:
    now = f"what waits now is {preview.hash}"
    before = next((one for one in earlier if one.hash == decision.plan), None)
    if before is None:
        return f"plan is {shown(decision.plan)}, which was never shown in this run: {now}, look at it and decide again"
    if type(before) is not type(preview):
        return f"plan is {shown(decision.plan)}, which was about {subject(before)}: {now}, about {subject(preview)}: look at it"
    changed = difference(before, preview)
    more = f" | and {len(changed) - 20} more" if len(changed) > 20 else ""
    return f"the plan has changed since it was shown: {now}; changed: {' | '.join(changed[:20])}{more}"


def _wrong_vlan(word: Word, preview: AnyPreview, decision: Decision, vlans: Collection[int] | None) -> str | None:
    if decision.vlan is None:
        return None
    if isinstance(preview, EdgePreview):
        return f"VLAN {decision.vlan} has nothing to do with {subject(preview)}: leave it out"
    if decision.vlan == preview.vlan:
        return None
    if word == "reject" or not preview.by_hand:
        return (
            f"VLAN {decision.vlan} is not the preview's {preview.vlan}: another one is for who configures by hand only"
        )
    if vlans is not None and decision.vlan not in vlans:
        return f"VLAN {decision.vlan} is none tenants may get: expected one of {as_ranges(vlans)}"
    return None


def _unsigned(
    word: Word, preview: AnyPreview, decision: Decision, rules: ApprovalRules, allowed_signers: str | None, at: str
) -> str | None:
    if rules.signing == "none":
        return None
    if not decision.signature:
        return f"it is not signed: the platform asks for an SSH signature by {decision.by} (berth approve --key FILE)"
    if allowed_signers is None:
        return "its signature cannot be verified: there is no allowed-signers file to read on the worker"
    why = refusal_of_signature(
        decision.signature,
        statement(word, preview, decision),
        namespace=SIGNATURE_NAMESPACE,
        principal=decision.by,
        allowed_signers=allowed_signers,
        at=at,
    )
    return f"its signature is refused: {why}" if why else None
