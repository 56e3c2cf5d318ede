"""What a decision is held against, where nobody runs anything; and an approval that is checked again from nothing."""

from pathlib import Path
from typing import Any

import pytest

from tenancy.approval import (
    Approval,
    Decision,
    Preview,
    SwitchLines,
    difference,
    refusal_of,
    refusal_of_approval,
    statement,
)
from tenancy.vlans import ApprovalRules
from tests.signing import signer

AT = "2026-11-24T12:00:00+00:00"
RULES = ApprovalRules.model_validate({"approvers": ["olga", "oskar"]})


def preview(**changes: Any) -> Preview:
    made: dict[str, Any] = {
        "tenant": "acme",
        "run": "one",
        "vlan": 120,
        "requested_by": "anna",
        "switches": (SwitchLines(switch="leaf-1", lines=("vlan 120", "name berth-acme")),),
        "plan": "1" * 64,
    }
    return Preview.model_validate({**made, **changes})


def approval(shown: Preview, **decided: Any) -> Approval:
    return Approval(
        preview=shown, decision=Decision.model_validate({"plan": shown.hash, "by": "olga", **decided}), at=AT
    )


def test_each_part_of_a_preview_is_in_its_hash() -> None:
    changes: list[dict[str, Any]] = [
        {"tenant": "acme2"},
        {"run": "two"},
        {"vlan": 121},
        {"requested_by": "berta"},
        {"by_hand": True},
        {"plan": "2" * 64},
        {"switches": ()},
        {"switches": (SwitchLines(switch="leaf-2", lines=("vlan 120", "name berth-acme")),)},
        {"switches": (SwitchLines(switch="leaf-1", lines=("name berth-acme", "vlan 120")),)},
    ]
    assert len({preview(**change).hash for change in changes} | {preview().hash}) == len(changes) + 1


def test_an_approval_that_stands_on_a_vpc_already_is_written_and_hashed_as_it_was() -> None:
    """Living VPCs bear such approvals, and their signatures are over such statements."""
    shown = preview()
    digest = "7fca3c0d2018dc0a475b89b64da395579054ca5338c9d406ed5ab2888a591cd2"
    assert shown.hash == digest
    given = approval(shown, comment="ok")
    assert given.model_dump_json() == (
        '{"preview":{"tenant":"acme","run":"one","vlan":120,"requestedBy":"anna","byHand":false,"switches":[{"switch":"leaf-1",'
        f'"lines":["vlan 120","name berth-acme"]}}],"plan":"{"1" * 64}"}},"decision":{{"plan":"{digest}","by":"olga",'
        f'"comment":"ok","vlan":null,"signature":null}},"at":"{AT}"}}'
    )
    assert statement("approve", shown, given.decision) == (
        f'decision: "approve"\ntenant: "acme"\nrun: "one"\nplan: "{digest}"\nby: "olga"\nvlan: 120\ncomment: "ok"\n'
    )


def test_an_approval_that_is_one_lets_its_tenant_and_its_vlan_pass() -> None:
    assert refusal_of_approval(approval(preview()), "acme", 120, RULES, None) is None
    by_hand = approval(preview(by_hand=True), vlan=130)
    assert refusal_of_approval(by_hand, "acme", 130, RULES, None) is None
    assert "about VLAN 130, not about 120" in str(refusal_of_approval(by_hand, "acme", 120, RULES, None))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (approval(preview(tenant="other")), "is about tenant other"),
        (approval(preview(vlan=121)), "is about VLAN 121"),
        (approval(preview(), vlan=121), "is about VLAN 121"),
        (approval(preview(), by="mallory"), "is no approver"),
        (approval(preview(requested_by="olga")), "may not approve it as well"),
        (approval(preview(requested_by="")), "nobody who requested it"),
        (approval(preview(), plan="0" * 64), "was never shown"),
        (
            # Lines slipped in after the decision.
            approval(preview()).model_copy(update={"preview": preview(switches=())}),
            "was never shown",
        ),
    ],
)
def test_an_approval_that_is_none_is_refused(made: Approval, why: str) -> None:
    assert why in str(refusal_of_approval(made, "acme", 120, RULES, None))


def test_where_approvals_are_signed_an_unsigned_or_unverifiable_one_is_refused(tmp_path: Path) -> None:
    rules = ApprovalRules.model_validate({"approvers": ["olga"], "signing": "ssh", "allowedSigners": "/x"})
    key, plain = signer(tmp_path, "olga"), approval(preview())
    signature = key.sign(statement("approve", plain.preview, plain.decision))
    signed = approval(preview(), signature=signature)
    assert "it is not signed" in str(refusal_of_approval(plain, "acme", 120, rules, key.line()))
    assert "there is no allowed-signers file" in str(refusal_of_approval(signed, "acme", 120, rules, None))
    assert "is not allowed for 'olga'" in str(refusal_of_approval(signed, "acme", 120, rules, ""))
    assert refusal_of_approval(signed, "acme", 120, rules, key.line()) is None


def test_a_difference_names_what_is_no_longer_so_and_what_is_now() -> None:
    now = preview(
        vlan=121,
        switches=(
            SwitchLines(switch="leaf-1", lines=("vlan 121", "name berth-acme")),
            SwitchLines(switch="leaf-2", lines=()),
        ),
    )
    assert difference(preview(), now) == (
        "-VLAN 120",
        "+VLAN 121",
        "-leaf-1: vlan 120",
        "+leaf-1: vlan 121",
        "+leaf-2: nothing to send",
    )
    assert difference(preview(), preview()) == ()


def test_a_long_difference_stays_one_line() -> None:
    many = tuple(SwitchLines(switch=f"leaf-{number}", lines=("vlan 120",)) for number in range(60))
    now = preview(switches=many)
    told = refusal_of(
        "approve", now, approval(preview()).decision, rules=RULES, at=AT, earlier=[preview(plan="3" * 64), preview()]
    )
    assert told is not None
    assert told.isprintable()
    assert "-leaf-1: name berth-acme" in told
    assert told.endswith("more")


def test_a_rejection_needs_no_second_pair_of_eyes_but_an_approver() -> None:
    no = approval(preview(requested_by="olga"), comment="not today").decision
    assert refusal_of("reject", preview(requested_by="olga"), no, rules=RULES, at=AT) is None
    stranger = no.model_copy(update={"by": "anna"})
    assert "is no approver" in str(refusal_of("reject", preview(requested_by="olga"), stranger, rules=RULES, at=AT))
