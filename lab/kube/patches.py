"""The patch formats of Kubernetes, as pure functions from an object and a patch to a new object."""

import copy
from collections.abc import Callable
from typing import Any

from lab.kube.statuses import StatusError, bad_request

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

# Lists of a built-in kind that a strategic patch merges instead of replacing, by the field's name:
# the key of their items, or "" where they are sets of plain values.
_MERGE_KEYS = {
    "finalizers": "",
    "ownerReferences": "uid",
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "env": "name",
    "ports": "port",
    "conditions": "type",
    "addresses": "type",
    "imagePullSecrets": "name",
    "secrets": "name",
}


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_patch(target: Any, patch: Any) -> Any:
    """A strategic merge patch, for built-in kinds: known lists merge by their key, directives are obeyed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    merged: dict[str, Any] = {} if directive == "replace" or not isinstance(target, dict) else dict(target)
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [each for each in merged.get(field) or [] if each not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        elif isinstance(value, list) and key in _MERGE_KEYS:
            merged[key] = _merge_list(merged.get(key) or [], value, _MERGE_KEYS[key])
        else:
            merged[key] = strategic_patch(merged.get(key), value)
    return merged


def _merge_list(present: list[Any], patch: list[Any], merge_key: str) -> list[Any]:
    if not merge_key or not all(isinstance(each, dict) for each in (*present, *patch)):
        return [*present, *(each for each in patch if each not in present)]
    if any(each.get("$patch") == "replace" for each in patch):
        return [dict(each) for each in patch if "$patch" not in each]
    merged = {_item_key(each, merge_key): each for each in present}
    for each in patch:
        key = _item_key(each, merge_key)
        if each.get("$patch") == "delete":
            merged.pop(key, None)
        else:
            merged[key] = strategic_patch(merged.get(key), each)
    return list(merged.values())


def _item_key(item: dict[str, Any], merge_key: str) -> Any:
    return item.get(merge_key, item.get("containerPort"))


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902. Raises StatusError: 400 for what is no patch, 422 for one that does not fit the object."""
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise bad_request("a JSON patch is a list of operations")
    document = copy.deepcopy(target)
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    verb = operation.get("op")
    path = _steps(operation.get("path"))
    try:
        match verb:
            case "add":
                return _change(document, path, lambda parent, step: _insert(parent, step, operation.get("value")))
            case "remove":
                return _change(document, path, _remove)
            case "replace":
                _look_up(document, path)
                return _change(document, path, lambda parent, step: _set(parent, step, operation.get("value")))
            case "move":
                source = _steps(operation.get("from"))
                value = _look_up(document, source)
                without = _change(document, source, _remove)
                return _change(without, path, lambda parent, step: _insert(parent, step, value))
            case "copy":
                value = copy.deepcopy(_look_up(document, _steps(operation.get("from"))))
                return _change(document, path, lambda parent, step: _insert(parent, step, value))
            case "test":
                if _look_up(document, path) != operation.get("value"):
                    raise LookupError("testing value failed")
                return document
    except (LookupError, TypeError, ValueError) as error:
        told = f"{str(verb)[:10]} operation does not apply: {str(operation.get('path'))[:100]!r}: {error}"
        raise StatusError(422, f"the server rejected our request due to an error in our request: {told}") from error
    raise bad_request(f"unexpected kind of JSON patch operation: {str(verb)[:20]!r}")


def _steps(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise bad_request(f"not a JSON pointer: {str(pointer)[:100]!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _look_up(document: Any, steps: list[str]) -> Any:
    for step in steps:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _change(document: Any, steps: list[str], change: Callable[[Any, str], Any]) -> Any:
    if not steps:
        holder = {"": document}
        change(holder, "")
        return holder.get("")
    change(_look_up(document, steps[:-1]), steps[-1])
    return document


def _insert(parent: Any, step: str, value: Any) -> None:
    if isinstance(parent, list):
        position = len(parent) if step == "-" else int(step)
        if not 0 <= position <= len(parent):
            raise LookupError(f"index {position} is outside the list")
        parent.insert(position, value)
    else:
        parent[step] = value


def _set(parent: Any, step: str, value: Any) -> None:
    if isinstance(parent, list):
        parent[int(step)] = value
    else:
        parent[step] = value


def _remove(parent: Any, step: str) -> None:
    del parent[int(step) if isinstance(parent, list) else step]
