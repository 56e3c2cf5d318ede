"""The rules of 1:1 NAT on a translator, whoever asks for what: without a device."""

import json
from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.devices.command_line import UnreadableError
from clients.devices.sending import LONGEST_LINE
from clients.devices.translators.changes import as_asked, edits_of, in_force
from clients.devices.translators.ruleset import CREATE, EMPTY, Edit, Mapped, State, edited, read_table
from clients.errors import RefusedError
from tenancy.announcement import Translation
from tenancy.devices import EdgeRequest

PUBLIC = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::1", "2001:db8::2"]
EXTERNAL = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2"]
PAIRS = [
    Translation(public=one, external=other) for one in PUBLIC for other in EXTERNAL if (":" in one) == (":" in other)
]

requests = st.builds(
    EdgeRequest,
    id=st.just("r"),
    tenant=st.sampled_from(["acme", "globex"]),
    action=st.sampled_from(["translate", "untranslate"]),
    translations=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=3, unique=True).map(tuple),
)


def asked(action: Literal["translate", "untranslate", "look"], tenant: str, *pairs: tuple[str, str]) -> EdgeRequest:
    translations = tuple(Translation(public=public, external=external) for public, external in pairs)
    return EdgeRequest(id="r", tenant=tenant, action=action, translations=translations)


def owned(state: State, owner: str) -> set[tuple[str, str, str]]:
    return {(name, key, one.to) for name, found in state.items() for key, one in found.items() if one.owner == owner}


def one_to_one(state: State) -> bool:
    """Whether what leads inwards also leads outwards, for the same tenant, and the other way round."""
    return all(
        {(key, one.to, one.owner) for key, one in state[f"public{digit}"].items()}
        == {(one.to, key, one.owner) for key, one in state[f"external{digit}"].items()}
        for digit in "46"
    )


@given(st.lists(requests, max_size=12))
def test_whoever_asks_for_what_a_translation_stays_one_to_one_and_nobody_touches_anothers(
    wishes: list[EdgeRequest],
) -> None:
    state, reasons = EMPTY, set()
    for request in wishes:
        other = "berth-globex" if request.tenant == "acme" else "berth-acme"
        try:
            edits = edits_of(state, request, "edge")
        except RefusedError as error:
            reasons.add(error.reason)
            continue
        after = edited(state, edits)
        assert one_to_one(after)
        assert owned(after, other) == owned(state, other)
        if request.action == "translate":
            assert in_force(after, request) == tuple(pair.public for pair in request.translations)
        else:
            assert not {pair.public for pair in request.translations} & {*after["public4"], *after["public6"]}
        assert edits_of(after, request, "edge") == ()
        assert as_asked(after, request, after)
        assert as_asked(state, request, after) == (not edits)
        state = after
    assert reasons <= {"foreign-translation", "invalid-request"}


def test_an_address_asked_for_twice_is_refused_by_name() -> None:
    twice = asked("translate", "acme", ("203.0.113.1", "10.0.0.1"), ("203.0.113.2", "10.0.0.1"))
    with pytest.raises(RefusedError, match=r"external address 10\.0\.0\.1 twice") as refused:
        edits_of(EMPTY, twice, "edge")
    assert refused.value.reason == "invalid-request"


def test_half_a_translation_is_not_in_force_and_is_made_whole() -> None:
    state = {**EMPTY, "public4": {"203.0.113.1": Mapped("10.0.0.1", "berth-acme")}}
    wish = asked("translate", "acme", ("203.0.113.1", "10.0.0.1"))
    assert in_force(state, wish) == ()
    assert [edit.line for edit in edits_of(state, wish, "edge")] == [
        'add element inet berth external4 { 10.0.0.1 comment "berth-acme" : 203.0.113.1 }'
    ]


def test_the_longest_line_fits_with_all_that_stands_around_it() -> None:
    address = ":".join(["ffff"] * 8)
    longest = Edit("add", "external6", address, Mapped(address, f"berth-{'a' * 24}")).line
    for line in (longest, *CREATE):
        assert len(f"b=\"$b\"'{line}\\n' && y || n") <= LONGEST_LINE


LISTED = [{"elem": {"val": "203.0.113.1", "comment": "berth-acme"}}, "10.0.0.1"]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([LISTED], {"203.0.113.1": Mapped("10.0.0.1", "berth-acme")}),
        ([["203.0.113.1", "10.0.0.1"]], {"203.0.113.1": Mapped("10.0.0.1", "")}),
    ],
    ids=["with a comment", "without"],
)
def test_an_element_is_read_as_nft_lists_it(elements: list[object], expected: dict[str, Mapped]) -> None:
    assert read_table(listing(elements))["public4"] == expected


@pytest.mark.parametrize(
    "text",
    ["", "Error: nothing", "[]", '{"nftables": [1]}', '{"nftables": [{"map": []}]}'],
)
def test_what_is_not_nfts_json_is_said_and_not_guessed_at(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_table(text)


@pytest.mark.parametrize("element", [["203.0.113.1"], [{"range": ["203.0.113.1", "203.0.113.9"]}, "10.0.0.1"], "x", 1])
def test_an_element_of_another_form_is_said_and_not_left_out(element: object) -> None:
    with pytest.raises(UnreadableError):
        read_table(listing([element]))


def listing(elements: Iterable[object]) -> str:
    """What nftables 1.0.6 lists of a table with these elements in `public4`."""
    berth = {"family": "inet", "table": "berth", "handle": 7}
    kinds = {"4": "ipv4_addr", "6": "ipv6_addr"}
    maps: list[dict[str, object]] = [
        {"map": {**berth, "name": f"{name}{digit}", "type": kind, "map": kind}}
        for name in ("public", "external")
        for digit, kind in kinds.items()
    ]
    maps[0]["map"] = {**maps[0]["map"], "elem": list(elements)}  # type: ignore[dict-item]  # one of the objects above
    hook = {"type": "nat", "policy": "accept"}
    chains = [
        {"chain": {**berth, "name": "prerouting", "hook": "prerouting", "prio": -105, **hook}},
        {"chain": {**berth, "name": "postrouting", "hook": "postrouting", "prio": 95, **hook}},
    ]
    rules = []
    for chain, verb, field, name in (
        ("prerouting", "dnat", "daddr", "public"),
        ("postrouting", "snat", "saddr", "external"),
    ):
        for ip, digit in (("ip", "4"), ("ip6", "6")):
            lookup = {"key": {"payload": {"protocol": ip, "field": field}}, "data": f"@{name}{digit}"}
            rules.append({"rule": {**berth, "chain": chain, "expr": [{verb: {"family": ip, "addr": {"map": lookup}}}]}})
    head = [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "berth", "handle": 1}}]
    return json.dumps({"nftables": [*head, *maps, *chains, *rules]})
