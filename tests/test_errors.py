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


def words(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def reasons(tree: ast.AST) -> set[str]:
    """What is given as a reason: by that name, whatever is called with it, or to one who refuses several at once."""
    found: set[str] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [one.value for one in call.keywords if one.arg == "reason"]
        if isinstance(call.func, ast.Attribute) and call.func.attr == "_refuse":
            given += call.args[-1:]
        found |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


@pytest.fixture(scope="module")
def said() -> set[str]:
    return set().union(*(words(tree) for tree in trees()))


def test_every_reason_in_the_code_is_in_the_catalogue() -> None:
    given = set().union(*(reasons(tree) for tree in trees()))
    assert len(given) > 30, "the test sees no reasons any more"
    assert given <= set(CATALOGUE), f"not in tenancy/refusals.py: {sorted(given - set(CATALOGUE))}"


def test_no_reason_of_the_catalogue_is_one_nothing_is_refused_with(said: set[str]) -> None:
    assert set(CATALOGUE) <= said, f"no longer in the code: {sorted(set(CATALOGUE) - said)}"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_reason_has_a_meaning_and_a_remedy_in_whole_sentences(code: str) -> None:
    for text in CATALOGUE[code]:
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("`")


def test_every_type_a_run_fails_with_has_its_meaning() -> None:
    assert set(FAILURES) == {face.INVALID_DOCUMENT, face.REFUSED, face.LEFT_BEHIND}
