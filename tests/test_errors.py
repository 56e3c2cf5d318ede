"""The catalogue of refusals and the code name the same reasons."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.reference import FAILURES
from tenancy.refusals import CATALOGUE
from workflows import face

ROOT = Path(__file__).parents[1]
ROOMS = ("tenancy", "clients", "activities", "workflows", "workers", "cli")


def trees() -> Iterator[ast.Module]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.name != "refusals.py":
                yield ast.parse(path.read_text(encoding="utf-8"))


def reasons(tree: ast.Module) -> set[str]:
    """What is given as a reason: by that name, whatever is called with it, or to one who refuses several at once."""
    named = {
        target.id: one.value
        for one in tree.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [one.value for one in call.keywords if one.arg == "reason"]
        if isinstance(call.func, ast.Attribute) and call.func.attr == "_refuse":
            given += call.args[-1:]
        meant = [named.get(one.id, one) if isinstance(one, ast.Name) else one for one in given]
        found |= {one.value for one in meant if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


@pytest.fixture(scope="module")
def given() -> set[str]:
    """Every reason in the code."""
    return set().union(*(reasons(tree) for tree in trees()))


def test_every_reason_in_the_code_is_in_the_catalogue(given: set[str]) -> None:
    assert len(given) > 30, "the test sees no reasons any more"
    assert given <= set(CATALOGUE), f"not in tenancy/refusals.py: {sorted(given - set(CATALOGUE))}"


def test_no_reason_of_the_catalogue_is_one_nothing_is_refused_with(given: set[str]) -> None:
    assert set(CATALOGUE) <= given, f"no longer in the code: {sorted(set(CATALOGUE) - given)}"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_reason_has_a_meaning_and_a_remedy_in_whole_sentences(code: str) -> None:
    for text in CATALOGUE[code]:
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("`")


def test_every_type_a_run_fails_with_has_its_meaning() -> None:
    assert set(FAILURES) == {face.INVALID_DOCUMENT, face.REFUSED, face.LEFT_BEHIND}
