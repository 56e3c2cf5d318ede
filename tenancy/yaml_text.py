"""YAML text to plain data, and back to the line each path stands on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tenancy.mistakes import InvalidDocumentError, Mistake, shown

LARGEST_TEXT = 1_048_576
"""Characters. A document that is larger is no document of ours."""
DEEPEST = 50
"""Levels. No document of ours is as deep, and the reader's own stack is not endless."""


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
        return InvalidDocumentError(f"{file}: {error.what}", sorted(mistakes, key=lambda mistake: mistake.line or 0))


def read_yaml(text: str, file: str) -> list[Text]:
    """The documents of a YAML text (one after another between `---`), as plain data of JSON's kinds.

    YAML 1.2: `no` is text. Anchors, tags and repeated keys are refused. Raises InvalidDocumentError, with the line.
    """
    if len(text) > LARGEST_TEXT:
        raise _unreadable(file, None, f"is {len(text)} characters long", f"a document has {LARGEST_TEXT} at the most")
    yaml = YAML(typ="safe", pure=True)
    try:
        return [_document(node, file) for node in yaml.compose_all(text) if node is not None]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _unreadable(file, line, f"not YAML: {error.problem or error.context}", "correct the text") from error
    except (YAMLError, RecursionError) as error:
        raise _unreadable(file, None, f"not YAML: {shown(str(error))}", "correct the text") from error


def _unreadable(file: str, line: int | None, problem: str, remedy: str) -> InvalidDocumentError:
    return InvalidDocumentError(file, [Mistake(path="(document)", problem=problem, remedy=remedy, line=line)])


def _document(root: Node, file: str) -> Text:
    lines: dict[str, int] = {}
    seen: set[int] = set()
    construct = YAML(typ="safe", pure=True).constructor.construct_object

    def plain(node: Node, path: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        lines.setdefault(path or "(document)", line)
        if id(node) in seen:
            raise _unreadable(file, line, "uses a YAML alias", "write the value out in each place")
        if depth > DEEPEST:
            raise _unreadable(file, line, "is nested too deeply", "correct the text")
        seen.add(id(node))
        match node:
            case MappingNode():
                return _mapping(node.value, path, depth)
            case SequenceNode():
                return [plain(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(node.value)]
            case _:
                return _scalar(node)

    def _mapping(pairs: Sequence[tuple[Node, Node]], path: str, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in pairs:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise _unreadable(file, line, "has a key that is not text", "write plain keys")
            key = str(key_node.value)
            if key in data:
                raise _unreadable(file, line, f"has the key {shown(key)} twice", "keep one of the two")
            here = f"{path}.{key}" if path else key
            lines[here] = line
            data[key] = plain(value_node, here, depth + 1)
        return data

    def _scalar(node: Node) -> Any:
        # Timestamps stay the text they are: JSON has none.
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind in ("null", "bool", "int", "float"):
            return construct(node)
        if kind in ("str", "timestamp"):
            return str(node.value)
        raise _unreadable(
            file, node.start_mark.line + 1, f"has the tag {shown(str(node.tag))}", "write plain text or numbers"
        )

    return Text(plain(root, "", 0), lines)
