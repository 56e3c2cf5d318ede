"""YAML as people write it, without YAML's surprises: text stays text, and every refusal has its line."""

import math
from typing import Any

import pytest

from tenancy.documents import read_tenant
from tenancy.mistakes import InvalidDocumentError
from tenancy.yaml_text import read_yaml
from tests.tenancy.documents import raw_tenant


def data(text: str) -> Any:
    (document,) = read_yaml(text, "a.yaml")
    return document.data


TEXTS = """
no yes on Off y n TRUe nUll 2001-01-01 2001-12-14t21:59:43.10-05:00 1:30 190:20:30 1_000 0b1 -_ 0x 0o 0x_ . ._ 1e + = <<
10.0.0.0/24 fd00::/64 ::1 1.2.3
"""


@pytest.mark.parametrize("text", TEXTS.split())
def test_what_only_looks_like_something_else_stays_text(text: str) -> None:
    assert data(f"- {text}") == [text]


VALUES: dict[str, Any] = {
    "1400": 1400,
    "-1": -1,
    "010": 10,
    "0o17": 15,
    "0x1F": 31,
    "1.5": 1.5,
    "1e3": 1000.0,
    ".5": 0.5,
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "'1400'": "1400",
    '"no"': "no",
    ".inf": math.inf,
    "-.INF": -math.inf,
    "9" * 5000: "9" * 5000,
}


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=lambda value: repr(value)[:20])
def test_numbers_truths_and_nulls_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    (found,) = data(f"- {text}")
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_they_stand() -> None:
    assert data("no: 1\n1: 2\n~: 3\n2001-01-01: 4\n'': 5\n<<: {a: 6}") == {
        "no": 1,
        "1": 2,
        "~": 3,
        "2001-01-01": 4,
        "": 5,
        "<<": {"a": 6},
    }


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3", 3, "has the key 'a' twice"),
        ("a:\n  - b: 1\n    'b': 2", 3, "has the key 'b' twice"),
        ("1: a\n'1': b", 2, "has the key '1' twice"),
        ("a: &x 1", 1, "has the YAML anchor or alias 'x'"),
        ("a: 1\nb:\n  - &x\n    c: 1", 3, "has the YAML anchor or alias 'x'"),
        ("a: 1\n&x b: 2", 2, "has the YAML anchor or alias 'x'"),
        ("\na: *x", 2, "has the YAML anchor or alias 'x'"),
        ("a: 1\n? *x\n: 1", 2, "has the YAML anchor or alias 'x'"),
        ("&x [*x]", 1, "has the YAML anchor or alias 'x'"),
        ("a: 1\nb: !!str 2", 2, "has the tag 'tag:yaml.org,2002:str'"),
        ("a: !!python/object:os.system x", 1, "has the tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("- a\n- !mine {a: 1}", 2, "has the tag '!mine'"),
        ("- a\n- !!set {a}", 2, "has the tag 'tag:yaml.org,2002:set'"),
        ("!!omap [a: 1]", 1, "has the tag 'tag:yaml.org,2002:omap'"),
        ("!!int a: 1", 1, "has the tag 'tag:yaml.org,2002:int'"),
        ("a: ! 5", 1, "has the tag '!'"),
        ("a: !!binary aGk=", 1, "has the tag 'tag:yaml.org,2002:binary'"),
        ("%YAML 1.1\n---\na: no", 2, "has a YAML directive"),
        ("%TAG ! tag:x,2000:\n---\na: 1", 2, "has a YAML directive"),
        ("a: 1\n? [b]\n: 1", 2, "has a key that is not text"),
        ("a: 1\n{b: 1}: 2", 2, "has a key that is not text"),
        ("a: 1\nb: 'c", 2, "not YAML: found unexpected end of stream"),
        ("a: 1\n\tb: 2", 2, "not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nb: \x1b[31m", 2, "has the character '\\x1b'"),
        ("a: 1\nb: \ud800", 2, "has the character '\\ud800'"),
        ("a: 1\nb: " + "[" * 60, 2, "is nested too deeply"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_text_that_is_refused_says_where_and_why(text: str, line: int, problem: str) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_yaml(text, "a.yaml")
    (mistake,) = refusal.value.mistakes
    assert mistake.line == line
    assert problem in mistake.problem
    assert str(refusal.value).startswith("a.yaml has 1 mistake: line ")


def test_documents_follow_each_other_each_with_its_own_lines() -> None:
    first, second, third = read_yaml("# nothing\na: 1\n---\n\nb:\n  - c\n...\n---\n", "a.yaml")
    assert (first.data, second.data, third.data) == ({"a": 1}, {"b": ["c"]}, None)
    assert (first.line_of("a"), second.line_of("b"), second.line_of("b[0]")) == (2, 5, 6)
    assert read_yaml("", "a.yaml") == []
    assert read_yaml("# nothing\n", "a.yaml") == []


TENANT = """\
# a tenant
apiVersion: berth.network/v1
kind: TenantNetwork
metadata: {name: acme}
spec.subnets[0].name: a key that looks like a path
spec:
  subnets:
    - name: prod
      cidrs:
        - 10.1.0.0/24
        - fd00::7/64
      exclude: [{first: 10.1.0.9}]
    -
      name: dev
  "a.b": {c: 1}
  "n\\nl": 1
"""


def test_every_mistake_has_the_line_of_what_is_wrong_or_of_what_it_is_missing_from() -> None:
    (text,) = read_yaml(TENANT, "a.yaml")
    with pytest.raises(InvalidDocumentError) as refusal:
        read_tenant(text.data)
    placed = text.placed(refusal.value, "a.yaml")
    assert [(mistake.line, mistake.path) for mistake in placed.mistakes] == [
        (5, "'spec.subnets[0].name'"),
        (11, "spec.subnets[0].cidrs[1]"),
        (12, "spec.subnets[0].exclude[0].last"),
        (14, "spec.subnets[1].cidrs"),
        (15, "spec.'a.b'"),
        (16, "spec.'n\\nl'"),
    ]


def test_a_file_that_says_what_json_says_is_the_same_document() -> None:
    text = """{"apiVersion": "berth.network/v1", "kind": "TenantNetwork", "metadata": {"name": "acme"},
      "spec": {"subnets": [{"name": "prod", "cidrs": ["10.1.0.0/24"]}]}}"""
    assert read_tenant(data(text)) == read_tenant(raw_tenant())


def test_a_file_name_cannot_write_to_the_terminal() -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_yaml("a: 'b", "a\n\x1b[2J.yaml")
    assert str(refusal.value).isprintable()
