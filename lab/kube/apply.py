"""Server-side apply: what an applied configuration does to a live object, and who owns which field.

Only what was applied is owned: a field someone set by create, update or another patch belongs to nobody and is taken
over without a conflict. Every list counts as one value, as it does for CRDs without list-type markers.
"""

from collections.abc import Mapping
from typing import Any

from lab.kube.kinds import Kind, Manifest
from lab.kube.statuses import StatusError

Path = tuple[str, ...]
_NOT_OWNED = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})
_SERVER_OWNED = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"}
)


def apply(kind: Kind, live: Manifest, applied: Manifest, manager: str, *, force: bool, now: str) -> Manifest:
    """The live object with a configuration applied. Raises StatusError (409) for fields another manager applied."""
    owners = {
        entry["manager"]: _paths_of(entry["fieldsV1"])
        for entry in live["metadata"].get("managedFields") or []
        if entry.get("operation") == "Apply"
    }
    before = owners.pop(manager, set())
    wanted = paths(applied)
    _settle_conflicts(kind, live, applied, wanted, owners, force=force)
    result = live
    for path in before - wanted - set().union(*owners.values()):
        result = _without(result, path)
    for path in sorted(wanted):
        result = _with(result, path, _look_up(applied, path))
    owners[manager] = wanted
    fields = _keep_times(live, owned(kind, owners, now))
    return {**result, "metadata": {**result["metadata"], "managedFields": fields}}


def paths(applied: Manifest) -> set[Path]:
    """The fields a configuration sets, as paths."""
    return {path for path in _leaves(applied) if path not in _NOT_OWNED and not _is_server_owned(path)}


def owned(kind: Kind, owners: Mapping[str, set[Path]], now: str) -> list[Manifest]:
    """The managedFields of an object: who applied which fields."""
    return [
        {
            "manager": owner,
            "operation": "Apply",
            "apiVersion": kind.api_version,
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": _fields_of(fields),
        }
        for owner, fields in sorted(owners.items())
        if fields
    ]


def _settle_conflicts(
    kind: Kind, live: Manifest, applied: Manifest, wanted: set[Path], owners: dict[str, set[Path]], *, force: bool
) -> None:
    causes = []
    for owner, held in owners.items():
        taken = {path for path in wanted & held if _look_up(live, path) != _look_up(applied, path)}
        if force:
            held -= taken
        for path in sorted(taken):
            field = "." + ".".join(path)
            causes.append({"reason": "FieldManagerConflict", "message": f'conflict with "{owner}"', "field": field})
    if causes and not force:
        told = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
        count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
        name = live["metadata"]["name"]
        details = {"name": name, "group": kind.group, "kind": kind.plural, "causes": causes}
        raise StatusError(409, f"Apply failed with {count}: {told}", reason="Conflict", details=details)


def _is_server_owned(path: Path) -> bool:
    return path[0] == "metadata" and len(path) > 1 and path[1] in _SERVER_OWNED


def _leaves(value: Any, path: Path = ()) -> list[Path]:
    if isinstance(value, Mapping) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, str(key)))]
    return [path]


def _look_up(manifest: Any, path: Path) -> Any:
    for step in path:
        manifest = manifest.get(step) if isinstance(manifest, Mapping) else None
    return manifest


def _with(manifest: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    held = manifest if isinstance(manifest, Mapping) else {}
    return {**held, path[0]: _with(held.get(path[0]), path[1:], value)}


def _without(manifest: Any, path: Path) -> Any:
    if not isinstance(manifest, Mapping) or path[0] not in manifest:
        return manifest
    if len(path) == 1:
        return {key: value for key, value in manifest.items() if key != path[0]}
    inner = _without(manifest[path[0]], path[1:])
    return {**manifest, path[0]: inner} if inner or len(path) == 2 else _without(manifest, path[:1])


def _fields_of(owned_paths: set[Path]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for path in sorted(owned_paths):
        here = fields
        for step in path:
            here = here.setdefault(f"f:{step}", {})
    return fields


def _paths_of(fields: Mapping[str, Any], path: Path = ()) -> set[Path]:
    if not fields:
        return {path} if path else set()
    return {leaf for key, inner in fields.items() for leaf in _paths_of(inner, (*path, key.removeprefix("f:")))}


def _keep_times(live: Manifest, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries that say the same as before keep their time, so that applying twice changes nothing."""
    known = {entry["manager"]: entry for entry in live["metadata"].get("managedFields") or []}
    return [
        known[entry["manager"]] if known.get(entry["manager"], {}).get("fieldsV1") == entry["fieldsV1"] else entry
        for entry in fields
    ]
