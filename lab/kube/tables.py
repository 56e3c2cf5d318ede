"""The Table answers that `kubectl get` prints: one row per object, one cell per column of its kind."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lab.kube.kinds import Kind


def wanted(accept: str) -> bool:
    """Whether an Accept header asks for a Table, and its first choice is one."""
    first = accept.split(",")[0].replace(" ", "")
    return "as=Table" in first and "g=meta.k8s.io" in first


def table(kind: Kind, manifests: Iterable[Mapping[str, Any]], revision: int | str, include: str) -> dict[str, Any]:
    """A Table of objects. `include` is the query's includeObject: Metadata (the default), Object or None."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(revision)},
        "columnDefinitions": _definitions(kind),
        "rows": [{"cells": _cells(kind, manifest), **_object(manifest, include)} for manifest in manifests],
    }


def _definitions(kind: Kind) -> list[dict[str, Any]]:
    name = {"name": "Name", "type": "string", "format": "name", "description": "Name of the object", "priority": 0}
    columns = [
        {"name": column.name, "type": column.type, "format": "", "description": column.name, "priority": 0}
        for column in kind.columns
    ]
    return [name, *columns]


def _cells(kind: Kind, manifest: Mapping[str, Any]) -> list[Any]:
    return [manifest["metadata"]["name"], *(_cell(column.type, column.value(manifest)) for column in kind.columns)]


def _cell(kind: str, value: Any) -> Any:
    if kind == "date":
        return _age(value)
    if kind == "string" and value is not None and not isinstance(value, str):
        # The CRD printer writes lists and maps as JSON.
        return str(value) if not isinstance(value, list) else "[" + ",".join(f'"{each}"' for each in value) + "]"
    return value


def _age(moment: Any) -> str:
    if not isinstance(moment, str):
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S%z")).total_seconds())
    for size, unit, above in ((86_400, "d", 2 * 86_400), (3_600, "h", 2 * 3_600), (60, "m", 120)):
        if seconds >= above:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _object(manifest: Mapping[str, Any], include: str) -> dict[str, Any]:
    match include:
        case "Object":
            return {"object": manifest}
        case "None":
            return {}
        case _:
            partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            return {"object": {**partial, "metadata": manifest["metadata"]}}
