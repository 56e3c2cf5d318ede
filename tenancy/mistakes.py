"""What is wrong with a document: each mistake with its path, the value and the remedy, all said at once."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

LONGEST_SHOWN = 60
"""Characters of a value from outside that a message repeats."""


class Mistake(BaseModel):
    """One thing that is wrong with a document."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Where it stands, e.g. `spec.subnets[1].cidrs[0]`."""
    value: str | None = None
    """What stands there, made safe to print; None where nothing does."""
    problem: str
    remedy: str
    line: int | None = None
    """Line in the file, counted from 1; None where the document did not come from a file."""

    def __str__(self) -> str:
        """One line: where, what, why, and what to do."""
        place = f"line {self.line}: {self.path}" if self.line is not None else self.path
        shown_value = f" = {self.value}" if self.value is not None else ""
        return f"{place}{shown_value}: {self.problem}; {self.remedy}"


class InvalidDocumentError(ValueError):
    """A document that is refused, with every mistake in it."""

    def __init__(self, what: str, mistakes: Sequence[Mistake]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{what} has {count}: " + " | ".join(str(mistake) for mistake in mistakes))
        self.what = what
        self.mistakes = tuple(mistakes)


def shown(value: object) -> str:
    """The value as one short printable line: control characters are escaped, long text is cut."""
    if isinstance(value, str):
        text = ascii(value) if not value.isprintable() else repr(value)
    else:
        try:
            text = json.dumps(value, default=str)
        except (TypeError, ValueError, RecursionError):
            text = f"a {type(value).__name__}"
        text = text if text.isprintable() else ascii(text)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def wrong(problem: str, remedy: str) -> PydanticCustomError:
    """The error a field's validator raises, so that the remedy travels with the problem."""
    # A template's braces would be read as placeholders, so the texts travel in the context.
    return PydanticCustomError("berth", "{problem}", {"problem": problem, "remedy": remedy})


def path_of(location: Iterable[str | int]) -> str:
    """`("spec", "subnets", 1, "cidrs")` as people write it: `spec.subnets[1].cidrs`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", part) else shown(part)
            text += f".{name}" if text else name
    return text or "(document)"


PLACES_OF_SECRETS = ("password", "privateKey", "passphrase", "enableSecret", "notify")
"""Keys of a platform's document under which references to secrets stand."""
MOST_FOUND = 1000
"""Findings that are put into words. Nobody reads as many, and words take time."""


def mistakes_in(error: ValidationError, keys_at: Callable[[Sequence[str | int]], Sequence[str]]) -> list[Mistake]:
    """Pydantic's findings in the words of this house.

    `keys_at` gives the keys a document may have at one of Pydantic's locations, for the remedy of an unknown one.
    """
    found = error.errors(include_url=False)[:MOST_FOUND]
    # A list whose entries are wrong counts as too short as well; that would be said twice.
    around = {entry["loc"][:depth] for entry in found for depth in range(len(entry["loc"]))}
    return [
        _mistake(entry, keys_at) for entry in found if not (entry["type"] == "too_short" and entry["loc"] in around)
    ]


def in_document(location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Pydantic's location without the tag of a union's member: behind an external IP's index, and behind `announce`."""
    match tuple(location):
        case ("spec", "externalIPs", int(index), str(), *rest):
            return ("spec", "externalIPs", index, *rest)
        case ("spec", "announce", str(), *rest):
            return ("spec", "announce", *rest)
        case other:
            return other


def _mistake(found: ErrorDetails, keys_at: Callable[[Sequence[str | int]], Sequence[str]]) -> Mistake:
    location = in_document(found["loc"])
    # What stands where a secret's place is to be named may be the secret.
    secret = any(part in PLACES_OF_SECRETS for part in location)
    value: Any = "(not shown)" if secret else found["input"]
    context = found.get("ctx", {})
    match found["type"]:
        case "berth":
            problem, remedy = str(context["problem"]), str(context["remedy"])
        case "missing":
            return Mistake(path=path_of(location), problem="is missing", remedy="add it")
        case "extra_forbidden":
            allowed = keys_at(found["loc"][:-1])
            close = get_close_matches(str(location[-1]), allowed, n=1)
            problem = "unknown key"
            remedy = f"did you mean {close[0]}?" if close else f"remove it, or use one of: {', '.join(allowed)}"
        case "union_tag_not_found" | "union_tag_invalid" as kind:
            key = str(context["discriminator"]).strip("'")
            problem, tags = UNIONS[key]
            if kind == "union_tag_not_found":
                return Mistake(
                    path=path_of((*location, key)), problem="is missing", remedy=f"add one of: {', '.join(tags)}"
                )
            return Mistake(
                path=path_of((*location, key)),
                value=shown(value.get(key) if isinstance(value, dict) else value),
                problem=problem,
                remedy=f"write one of: {', '.join(tags)}",
            )
        case "literal_error":
            problem, remedy = "not a value it may have", f"write {context['expected']}"
        case "too_short":
            problem, remedy = "has too few entries", f"write at least {context['min_length']}"
        case "too_long":
            problem, remedy = "has too many entries", f"write at most {context['max_length']}"
        case kind if kind.startswith(("greater_than", "less_than")):
            problem, remedy = found["msg"].removeprefix("Input "), "write a number within the limits"
        case kind:
            expected = _EXPECTED.get(kind)
            problem = f"is not {expected}" if expected else found["msg"]
            remedy = f"write {expected}" if expected else "see `berth schema` for what is expected"
    return Mistake(path=path_of(location), value=shown(value), problem=problem, remedy=remedy)


UNIONS = {
    "use": ("not a use of an external IP", ("snat", "floatingIP", "loadBalancer")),
    "method": ("not a way to announce", ("static-route", "one-to-one-nat", "none")),
}
"""By the key that says which member of a union is meant: what is said of another value, and the values it may have."""

_EXPECTED = {
    "string_type": "text",
    "string_unicode": "text of Unicode characters",
    "invalid_key": "a key that is text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
