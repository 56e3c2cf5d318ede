"""YAML text to plain data, and back to the line each path stands on."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from tenancy.mistakes import InvalidDocumentError, Mistake, path_of, shown

LARGEST_TEXT = 1_048_576
"""Characters. A document that is larger is no document of ours."""
DEEPEST = 50
"""Levels. No document of ours is as deep, and the reader's own stack is not endless."""

_PLAIN: tuple[tuple[str, Callable[[str], Any]], ...] = (
    (r"null|Null|NULL|~|", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"[-+]?[0-9]{1,40}", int),
    (r"0o[0-7]{1,40}", lambda text: int(text[2:], 8)),
    (r"0x[0-9a-fA-F]{1,40}", lambda text: int(text[2:], 16)),
    (r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,4})?", float),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", lambda text: float(text.replace(".", ""))),
)
"""What text without quotes means: YAML 1.2's core schema. All else, timestamps and endless numbers too, is text."""


@dataclass(frozen=True)
class Text:
    """One YAML document: its data, and where each part of it stands."""

    data: Any
    lines: Mapping[str, int]
    """Line, counted from 1, of every path such as `spec.subnets[0].name`."""

    def line_of(self, path: str) -> int | None:
        """The line of a path, or of the nearest thing around it where it is missing itself."""
        while path and path not in self.lines:
            path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", path)
        return self.lines.get(path or "(document)")

    def placed(self, error: InvalidDocumentError, file: str) -> InvalidDocumentError:
        """The same mistakes, each with its line, in the order of the lines."""
        mistakes = [mistake.model_copy(update={"line": self.line_of(mistake.path)}) for mistake in error.mistakes]
        return InvalidDocumentError(
            f"{_printable(file)}: {error.what}", sorted(mistakes, key=lambda mistake: mistake.line or 0)
        )


def read_yaml(text: str, file: str) -> list[Text]:
    """The documents of a YAML text (one after another between `---`), as plain data of JSON's kinds.

    YAML 1.2: `no` is text. Anchors, tags, directives and repeated keys are refused. Raises InvalidDocumentError, with the
    line.
    """
    if len(text) > LARGEST_TEXT:
        raise _unreadable(file, 1, f"is {len(text)} characters long", f"a document has {LARGEST_TEXT} at the most")
    try:
        events = YAML(typ="safe", pure=True).parse(text)
        return [_document(events, event, file) for event in events if isinstance(event, DocumentStartEvent)]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _unreadable(
            file, line, f"not YAML: {_printable(error.problem or error.context)}", "correct it"
        ) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _unreadable(file, line, f"has the character {shown(text[error.position])}", "remove it") from error


def _unreadable(file: str, line: int, problem: str, remedy: str) -> InvalidDocumentError:
    mistake = Mistake(path="(document)", problem=problem, remedy=remedy, line=line)
    return InvalidDocumentError(_printable(file), [mistake])


def _printable(text: str) -> str:
    return text if text.isprintable() else shown(text)


# ruamel's events are not typed by what they hold.
def _document(events: Iterator[Any], start: DocumentStartEvent, file: str) -> Text:
    lines: dict[str, int] = {}

    def refused(event: Any, problem: str, remedy: str) -> InvalidDocumentError:
        return _unreadable(file, event.start_mark.line + 1, problem, remedy)

    def checked(event: Any) -> Any:
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise refused(
                event, f"has the YAML anchor or alias {shown(event.anchor)}", "write the value out in each place"
            )
        if event.tag is not None:
            raise refused(event, f"has the tag {shown(event.tag)}", "write plain text or numbers")
        return event

    def value(event: Any, location: tuple[str | int, ...]) -> Any:
        lines.setdefault(path_of(location), event.start_mark.line + 1)
        if len(location) > DEEPEST:
            raise refused(event, "is nested too deeply", "correct the text")
        match checked(event):
            case MappingStartEvent():
                return mapping(location)
            case SequenceStartEvent():
                return [value(item, (*location, place)) for place, item in enumerate(until(SequenceEndEvent))]
            case scalar:
                return _meaning(scalar.value) if scalar.implicit[0] else str(scalar.value)

    def mapping(location: tuple[str | int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key in until(MappingEndEvent):
            if not isinstance(checked(key), ScalarEvent):
                raise refused(key, "has a key that is not text", "write plain keys")
            name = str(key.value)
            if name in data:
                raise refused(key, f"has the key {shown(name)} twice", "keep one of the two")
            here = (*location, name)
            lines[path_of(here)] = key.start_mark.line + 1
            data[name] = value(next(events), here)
        return data

    def until(end: type) -> Iterator[Any]:
        # What is inside an item is read before the next one is asked for.
        for event in events:
            if isinstance(event, end):
                return
            yield event

    if start.version or start.tags:
        raise refused(start, "has a YAML directive", "remove the line that begins with %")
    return Text(value(next(events), ()), lines)


def _meaning(text: str) -> Any:
    return next((read(text) for pattern, read in _PLAIN if re.fullmatch(pattern, text)), text)
