"""Label and field selectors, as list and watch take them in their query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.kube.statuses import bad_request

_REQUIREMENT = re.compile(
    r"""\s*(?:
        (?P<set>[^\s,=!()]+)\s+(?P<set_op>in|notin)\s*\((?P<values>[^)]*)\)
      | (?P<key>[^\s,=!()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s,=!()]*)
      | (?P<negated>!)?\s*(?P<exists>[^\s,=!()]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One term of a label selector: a key, how it is compared, and with which values."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        match self.operator:
            case "in":
                return labels.get(self.key) in self.values
            case "notin":
                return labels.get(self.key) not in self.values
            case "exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """What a list or a watch is narrowed to; empty means everything."""

    labels: tuple[LabelRequirement, ...] = ()
    name: str | None = None
    namespace: str | None = None
    fields: tuple[tuple[str, str, bool], ...] = ()

    def matches(self, manifest: Mapping[str, Any]) -> bool:
        """Whether an object is meant."""
        metadata = manifest["metadata"]
        if self.name is not None and metadata["name"] != self.name:
            return False
        if self.namespace is not None and metadata.get("namespace", "") != self.namespace:
            return False
        labels = metadata.get("labels") or {}
        if not all(requirement.matches(labels) for requirement in self.labels):
            return False
        return all((_field(manifest, path) == value) is equal for path, value, equal in self.fields)

    def index_terms(self) -> list[str]:
        """Label terms an index can answer, as `key=value`: each names a superset of what is meant."""
        return [
            f"{requirement.key}={next(iter(requirement.values))}"
            for requirement in self.labels
            if requirement.operator == "in" and len(requirement.values) == 1
        ]


def parse_labels(text: str) -> tuple[LabelRequirement, ...]:
    """Read a label selector; raises StatusError (400) where Kubernetes would."""
    requirements = []
    position = 0
    while position < len(text):
        found = _REQUIREMENT.match(text, position)
        if not found or found.end() == position:
            raise bad_request(f"unable to parse requirement: {text[position : position + 60]!r} in labelSelector")
        position = found.end()
        requirements.append(_requirement(found))
    return tuple(requirements)


def _requirement(found: re.Match[str]) -> LabelRequirement:
    if found["set"]:
        values = frozenset(value.strip() for value in found["values"].split(","))
        return LabelRequirement(found["set"], found["set_op"], values)
    if found["key"]:
        return LabelRequirement(found["key"], "notin" if found["op"] == "!=" else "in", frozenset({found["value"]}))
    return LabelRequirement(found["exists"], "absent" if found["negated"] else "exists")


_FIELDS_OF: dict[str, frozenset[str]] = {
    "pods": frozenset({"spec.nodeName", "status.phase", "status.podIP"}),
    "namespaces": frozenset({"status.phase"}),
    "secrets": frozenset({"type"}),
    "events": frozenset(
        {"involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid", "reason"}
        | {"involvedObject.apiVersion", "involvedObject.fieldPath", "type"}
    ),
}


def parse_selector(plural: str, label_selector: str, field_selector: str) -> Selector:
    """Read both selectors of a query for objects of one kind; raises StatusError (400)."""
    name = namespace = None
    fields = []
    for term in filter(None, (part.strip() for part in field_selector.split(","))):
        found = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", term)
        if not found:
            raise bad_request(f"invalid selector: {term[:60]!r}; can't understand it")
        path, operator, value = found[1], found[2], found[3]
        if path == "metadata.name" and operator != "!=":
            name = value
        elif path == "metadata.namespace" and operator != "!=":
            namespace = value
        elif path in {"metadata.name", "metadata.namespace"} or path in _FIELDS_OF.get(plural, frozenset()):
            fields.append((path, value, operator != "!="))
        else:
            raise bad_request(f"field label not supported: {path[:60]!r}")
    return Selector(parse_labels(label_selector), name, namespace, tuple(fields))


def _field(manifest: Mapping[str, Any], path: str) -> str:
    at: Any = manifest
    for step in path.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    return "" if at is None else str(at)
