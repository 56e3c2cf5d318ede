"""Whatever is given to the readers, they accept it or say where and why not, each mistake on one printable line."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenancy.documents import MOST_MISTAKES, read_platform, read_tenant
from tenancy.mistakes import InvalidDocumentError
from tenancy.tenant import MOST
from tenancy.yaml_text import DEEPEST, LARGEST_TEXT, read_yaml
from tests.tenancy.documents import (
    FULL_TENANT,
    damaged,
    hostile_json,
    hostile_text,
    nested,
    raw_platform,
    raw_tenant,
    sound_platforms,
    sound_tenants,
)

PLATFORM = read_platform(raw_platform())
PART = re.compile(r"\.?([A-Za-z0-9_-]+)|\[(\d+)\]")


def refusal_of(read: Callable[[], object]) -> InvalidDocumentError | None:
    """The refusal, checked for what every refusal owes its reader; None where the document was accepted."""
    try:
        read()
    except InvalidDocumentError as error:
        refusal = error
    else:
        return None
    assert refusal.mistakes
    assert len(refusal.mistakes) <= MOST_MISTAKES + 1
    assert len(set(refusal.mistakes)) == len(refusal.mistakes)
    assert str(refusal).isprintable()
    for mistake in refusal.mistakes:
        assert len(str(mistake)) < 700
        assert mistake.path
        assert mistake.problem
        assert mistake.remedy
    return refusal


def assert_in_document(path: str, raw: object) -> None:
    """A path leads to something in the document, or to something that is missing there."""
    parts = list(PART.finditer(path))
    if "".join(part[0] for part in parts) != path or path == "(document)":
        return  # a strange key, quoted
    for place, part in enumerate(parts, 1):
        match raw:
            case dict():
                assert part[1] is not None, path
                if part[1] not in raw:
                    assert place == len(parts) or path == "spec.block.cidrs", path
                    return
                raw = raw[part[1]]
            case list():
                assert part[2] is not None, path
                raw = raw[int(part[2])]
            case _:
                raise AssertionError(f"{path} goes through something that has no parts")


@given(hostile_json)
@example({"spec": {"subnets": [{"exclude": [{"snat": 1}]}], "externalIPs": [{"use": "snat", "snat": 1}]}})
@example({"\ud800": 1})
@example(float("nan"))
def test_anything_json_can_hold_is_refused_in_plain_words(raw: Any) -> None:
    assert refusal_of(lambda: read_tenant(raw, PLATFORM))
    assert refusal_of(lambda: read_platform(raw))


@given(damaged(st.just(FULL_TENANT) | sound_tenants()))
def test_a_damaged_tenant_is_refused_in_plain_words_or_is_none(raw: Any) -> None:
    if refusal := refusal_of(lambda: read_tenant(raw, PLATFORM)):
        for mistake in refusal.mistakes:
            assert_in_document(mistake.path, raw)


@given(damaged(st.just(raw_platform()) | sound_platforms()))
def test_a_damaged_platform_is_refused_in_plain_words_or_is_none(raw: Any) -> None:
    if refusal := refusal_of(lambda: read_platform(raw)):
        for mistake in refusal.mistakes:
            assert_in_document(mistake.path, raw)


@pytest.mark.parametrize(
    "raw",
    [b"bytes", {1: 2}, {None: 1, ("a",): 2}, {"spec": {3: {}}}, {"metadata": {"name": {(1, 2): 3}}}, object()],
    ids=lambda raw: repr(raw)[:20],
)
def test_what_only_python_can_hold_is_refused_in_plain_words(raw: Any) -> None:
    assert refusal_of(lambda: read_tenant(raw))
    assert refusal_of(lambda: read_platform(raw))


def test_a_number_too_long_to_print_is_refused_in_plain_words() -> None:
    assert refusal_of(
        lambda: read_tenant(raw_tenant(subnets=[{"name": "a", "cidrs": ["10.0.0.0/24"], "mtu": 10**5000}]))
    )


@pytest.mark.parametrize(
    "raw", [nested(3000), {"spec": {"subnets": nested(3000)}, "metadata": {"name": nested(3000)}}], ids=["all", "parts"]
)
def test_lists_in_lists_without_end_are_refused_in_plain_words(raw: Any) -> None:
    assert refusal_of(lambda: read_tenant(raw, PLATFORM))
    assert refusal_of(lambda: read_platform(raw))


def test_a_set_is_no_list_since_its_order_is_anyones() -> None:
    refusal = refusal_of(lambda: read_tenant(raw_tenant(subnets=[{"name": "a", "cidrs": {"10.0.0.0/24"}}])))
    assert refusal is not None
    assert refusal.mistakes[0].path == "spec.subnets[0].cidrs"


@given(st.text(st.characters(), max_size=60) | st.lists(hostile_text, max_size=8).map("\n".join))
@example("%YAML 1.1\n---\na: no")
@example("- &a 1\n- &a 2\n- *a")
@example("a: -_\nb: !!int x\nc: !!bool x")
@example("&a [*a]")
@example("[" * 5000)
@example("a: " + "9" * 5000)
@example("? [a]\n: b")
@example("\ud800")
def test_any_text_is_yaml_of_ours_or_refused_at_its_line(text: str) -> None:
    refusal = refusal_of(lambda: read_yaml(text, "tenants\n\x1b[2J.yaml"))
    for mistake in refusal.mistakes if refusal else ():
        assert mistake.line is not None
        assert 1 <= mistake.line <= max(1, len(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)))


@given(damaged(st.just(FULL_TENANT) | sound_tenants()))
def test_each_mistake_of_a_file_has_its_line(raw: Any) -> None:
    try:
        text = json.dumps(raw, indent=1, allow_nan=False)
    except ValueError:
        return  # JSON has no such number
    try:
        (document,) = read_yaml(text, "a.yaml")
    except InvalidDocumentError:
        return
    refusal = refusal_of(lambda: read_tenant(document.data, PLATFORM))
    if refusal is None:
        return
    placed = document.placed(refusal, "a\n.yaml")
    assert str(placed).isprintable()
    assert len(placed.mistakes) == len(refusal.mistakes)
    lines = [mistake.line for mistake in placed.mistakes if mistake.line is not None]
    assert lines == sorted(lines)
    assert len(lines) == len(placed.mistakes)


def test_a_text_too_long_or_too_deep_is_refused_before_it_is_read() -> None:
    assert refusal_of(lambda: read_yaml(" " * (LARGEST_TEXT + 1), "a.yaml"))
    assert refusal_of(lambda: read_yaml("[" * (DEEPEST + 2), "a.yaml"))
    assert refusal_of(lambda: read_yaml("- " * (DEEPEST + 2), "a.yaml"))


def test_many_mistakes_are_cut_with_a_word_of_how_many_are_left() -> None:
    subnets = [{"name": "same", "cidrs": [f"10.0.{place}.0/24"]} for place in range(MOST)]
    refusal = refusal_of(lambda: read_tenant(raw_tenant(subnets=subnets)))
    assert refusal is not None
    assert len(refusal.mistakes) == MOST_MISTAKES + 1
    assert refusal.mistakes[-1].problem == f"has {MOST - 1 - MOST_MISTAKES} more mistakes"


@pytest.mark.parametrize("cidrs", [["x"] * 3, ["x", "10.0.0.0/24", "10.1.0.0/24"], ["x"] * 30_000], ids=len)
def test_a_list_with_wrong_entries_may_also_be_too_long(cidrs: list[str]) -> None:
    refusal = refusal_of(lambda: read_tenant(raw_tenant(subnets=[{"name": "a", "cidrs": cidrs}])))
    assert refusal is not None
    assert refusal.mistakes[0].path == "spec.subnets[0].cidrs[0]"


def test_a_tenant_of_the_greatest_size_is_accepted_and_a_greater_one_is_not() -> None:
    subnets = [{"name": f"s{place}", "cidrs": [f"10.0.{place}.0/24"]} for place in range(MOST + 1)]
    ips = [{"use": "floatingIP", "name": f"f{place}", "target": f"10.0.{place}.9"} for place in range(MOST + 1)]
    assert refusal_of(lambda: read_tenant(raw_tenant(subnets=subnets[:MOST], externalIPs=ips[:MOST]))) is None
    refusal = refusal_of(lambda: read_tenant(raw_tenant(subnets=subnets, externalIPs=ips)))
    assert refusal is not None
    assert [(one.path, one.problem, one.remedy) for one in refusal.mistakes] == [
        ("spec.subnets", "has too many entries", f"write at most {MOST}"),
        ("spec.externalIPs", "has too many entries", f"write at most {MOST}"),
    ]


def test_a_document_too_large_for_the_vpc_is_refused_before_it_is_judged() -> None:
    refusal = refusal_of(lambda: read_tenant(raw_tenant(**{f"key{place}": place for place in range(20_000)})))
    assert refusal is not None
    assert [(one.path, one.problem) for one in refusal.mistakes] == [("(document)", "is too large")]
