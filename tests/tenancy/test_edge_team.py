"""What the edge team is asked and confirms, where nobody runs anything."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenancy.announcement import Announcement, Route, joined
from tenancy.approval import AnyPreview, Confirmation, Decision, Preview, SwitchLines, difference, refusal_of, statement
from tenancy.edge_team import standing, unconfirmed, work
from tenancy.edge_work import EdgePreview, EdgeWork, PlatformLines
from tenancy.notices import Notice, body, title
from tenancy.vlans import ApprovalRules

AT = "2026-11-24T12:00:00+00:00"
RULES = ApprovalRules.model_validate({"approvers": ["olga", "oskar"]})
ROUTES = (Route(address="203.0.113.4", next_hop="203.0.113.3"), Route(address="2001:db8::4", next_hop=None))
DOCUMENT = work("acme", "announce", 4200, ROUTES)
routes = st.lists(
    st.builds(
        Route,
        address=st.integers(4, 12).map("203.0.113.{}".format),
        next_hop=st.sampled_from(["203.0.113.2", "203.0.113.3", None]),
    ),
    unique_by=lambda route: route.address,
)


def preview(**changes: Any) -> EdgePreview:
    lines = PlatformLines(platform="frr", lines=("ip route 203.0.113.4/32 203.0.113.3 tag 4200",))
    made = {"run": "one", "requested_by": "anna", "document": DOCUMENT, "platforms": (lines,)}
    return EdgePreview.model_validate({**made, **changes})


def confirmation(document: EdgeWork) -> Confirmation:
    shown = preview(document=document)
    return Confirmation(preview=shown, decision=Decision(plan=shown.hash, by="olga"), at=AT)


def test_each_part_of_what_is_asked_is_in_its_hash() -> None:
    changed: list[dict[str, Any]] = [
        {"run": "two"},
        {"requested_by": "berta"},
        {"platforms": ()},
        {"document": work("acme2", "announce", 4200, ROUTES)},
        {"document": work("acme", "withdraw", 4200, ROUTES)},
        {"document": work("acme", "announce", 4201, ROUTES)},
        {"document": work("acme", "announce", 4200, ROUTES[:1])},
        {"document": work("acme", "announce", 4200, [ROUTES[0], Route(address="2001:db8::4", next_hop="2001:db8::1")])},
    ]
    assert len({preview(**change).hash for change in changed} | {preview().hash}) == len(changed) + 1


def test_the_document_is_json_a_route_a_line() -> None:
    told = DOCUMENT.as_json()
    assert json.loads(told) == {
        "tenant": "acme",
        "action": "announce",
        "tag": 4200,
        "routes": [
            {"prefix": "203.0.113.4/32", "nextHop": "203.0.113.3", "description": "berth-acme"},
            {"prefix": "2001:db8::4/128", "nextHop": None, "description": "berth-acme"},
        ],
    }
    assert len(told.splitlines()) == 4


def test_a_decision_about_a_vlan_is_none_about_routes_though_they_are_one_runs() -> None:
    vlan = Preview(
        tenant="acme",
        run="one",
        vlan=120,
        requested_by="anna",
        switches=(SwitchLines(switch="leaf-1", lines=("vlan 120",)),),
        plan="1" * 64,
    )

    def refusal(shown: AnyPreview, earlier: AnyPreview, **more: Any) -> str | None:
        decided = Decision(plan=more.pop("plan", earlier.hash), by="olga", **more)
        return refusal_of("approve", shown, decided, rules=RULES, at=AT, earlier=[earlier])

    assert "was about VLAN 120" in str(refusal(preview(), vlan))
    assert "was about the announcement of 2 routes" in str(refusal(vlan, preview()))
    assert "has nothing to do with" in str(refusal(preview(), vlan, plan=preview().hash, vlan=120))
    assert refusal(preview(), vlan, plan=preview().hash) is None


def test_what_was_signed_for_one_action_is_not_signed_for_the_other() -> None:
    withdraw = preview(document=work("acme", "withdraw", 4200, ROUTES))
    decided = Decision(plan=preview().hash, by="olga")
    assert statement("approve", preview(), decided) != statement("approve", withdraw, decided)
    assert difference(preview(), withdraw) == ("-announce with tag 4200", "+withdraw with tag 4200")


@given(wanted=routes, confirmed=st.lists(routes), tag=st.sampled_from([1, 4200]))
def test_every_route_is_either_confirmed_as_it_is_wanted_or_asked_about(
    wanted: list[Route], confirmed: list[list[Route]], tag: int
) -> None:
    before = [confirmation(work("acme", "announce", 4200, one)) for one in confirmed]
    wish = work("acme", "announce", tag, wanted)
    asked = unconfirmed(wish, wanted, before)
    known = {route for one in confirmed for route in one} if tag == 4200 else set[Route]()
    assert set(asked) == set(wanted) - known
    kept = standing(wish, before)
    # Nothing that is still needed is dropped, and nothing that says no more about any route is kept.
    assert unconfirmed(wish, wanted, kept) == asked
    assert all(any(route in one.preview.document.routes for route in wish.routes) for one in kept)


def test_a_confirmation_stays_in_the_record_when_the_document_announces_in_another_way() -> None:
    by_hand = Announcement(method="none", external_ips=(), confirmations=(confirmation(DOCUMENT),))
    now = joined(by_hand, Announcement(method="static-route", external_ips=(), routers=("edge-1",)))
    assert now.confirmations == by_hand.confirmations
    assert Announcement.model_validate_json(now.model_dump_json()) == now


def test_a_notice_tells_what_has_to_be_done_and_when_it_has_to_go_again() -> None:
    told = {f"203.0.113.{number}/32 via 203.0.113.3" for number in range(30)}
    made: dict[str, Any] = {
        "tenant": "acme",
        "run": "one",
        "about": "the announcement of 30 routes",
        "edge": "announce",
        "routes": sorted(told),
        "plan": "f" * 64,
        "requested_by": "anna",
        "approvers": ["olga"],
        "since": "2026-11-24 12:00:00 UTC",
        "expires": "2026-12-01 12:00:00 UTC",
    }
    asked = body(Notice(kind="asked", **made))
    assert "To announce on every edge router, by hand" in asked
    assert "and 10 routes more" in asked
    assert "VLAN" not in asked
    assert "has to go" not in asked
    cancelled = Notice(kind="cancelled", **made)
    assert title(cancelled) == (
        "Berth: the announcement of 30 routes for tenant acme was cancelled while it waited for approval"
    )
    assert "What is configured of it already has to go" in body(cancelled)
    late = Notice(kind="expired", **{**made, "about": "the withdrawal of 30 routes", "edge": "withdraw"})
    assert title(late).endswith("was approved by nobody in time, and an operator has to decide")
