"""What a request asks for: the object its URL names, the verb, the options of its query, and its body."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lab.kube import protobuf
from lab.kube.api import DeleteOptions, WriteOptions
from lab.kube.kinds import KINDS, Kind
from lab.kube.statuses import StatusError, bad_request, unsupported_media_type
from lab.kube.store import Stored

_PATCHES = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL names: a kind, and perhaps a namespace, one object of it and a part of that object."""

    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def kind(self) -> Kind:
        """The kind's description."""
        return KINDS[self.plural]


def parse_target(path: str) -> Target | None:
    """What a path names, or None when this server has no such resource."""
    match [part for part in path.split("/") if part]:
        case ["api", "v1", *rest]:
            group = ""
        case ["apis", group, "v1", *rest]:
            pass
        case _:
            return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) >= 3 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    if plural == "selfsubjectaccessreviews" and group == "authorization.k8s.io":
        return Target(plural)
    kind = KINDS.get(plural)
    if kind is None or kind.group != group or (namespace and not kind.namespaced):
        return None
    if subresource not in {"", "status"} and (plural, subresource) != ("namespaces", "finalize"):
        return None
    if subresource == "status" and not kind.status:
        return None
    if name and kind.namespaced and not namespace:
        return None
    return Target(plural, namespace, name, subresource)


def parse_verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    """The API verb of a request, as RBAC and the call log name it. Raises StatusError (405)."""
    if method in {"GET", "HEAD"}:
        if query.get("watch", "").lower() in {"1", "true"}:
            return "watch"
        return "get" if target.name else "list"
    verb = {
        ("POST", False): "create",
        ("PUT", True): "update",
        ("PATCH", True): "patch",
        ("DELETE", True): "delete",
        ("DELETE", False): "deletecollection",
    }.get((method, bool(target.name)))
    if verb is None:
        raise StatusError(
            405, "the server does not allow this method on the requested resource", reason="MethodNotAllowed"
        )
    return verb


def parse_body(body: bytes, content_type: str) -> Any:
    """The body as plain data; None when it is empty. Raises StatusError (400, 415)."""
    if not body:
        return None
    if content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(body)
    if "yaml" in content_type:
        try:
            return YAML(typ="safe", pure=True).load(BytesIO(body))
        except YAMLError as error:
            raise bad_request(f"error decoding YAML: {str(error)[:200]!r}") from error
    if content_type and "json" not in content_type and content_type != "application/octet-stream":
        raise unsupported_media_type(content_type[:100], ["application/json", "application/yaml", _PATCHES])
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized: {str(error)[:200]}") from error


def write_options(query: Mapping[str, str], subresource: str) -> WriteOptions:
    """How a write is meant, by its query. Raises StatusError (400)."""
    dry_run = query.get("dryRun", "")
    if dry_run not in {"", "All"}:
        raise bad_request(f"dryRun: Invalid value: {dry_run[:40]!r}: must be All")
    return WriteOptions(dry_run == "All", query.get("fieldValidation", "") == "Strict", subresource)


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """How a deletion is meant, by its query and body. Raises StatusError (400)."""
    options = body if isinstance(body, dict) else {}
    conditions = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    if grace is not None and not str(grace).isdecimal():
        raise bad_request(f"gracePeriodSeconds: Invalid value: {str(grace)[:40]!r}: must be a number of seconds")
    return DeleteOptions(
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        grace_period=None if grace is None else int(grace),
        dry_run="All" in (query.get("dryRun", ""), *(options.get("dryRun") or ())),
    )


def manifest_of(body: Any) -> dict[str, Any]:
    """A body that must be an object. Raises StatusError (400)."""
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized: a map is expected, not {type(body).__name__}")
    return body


def seconds(query: Mapping[str, str], field: str, default: float) -> float:
    """A number of seconds in the query. Raises StatusError (400)."""
    given = query.get(field, "")
    if not given:
        return default
    if not given.isdecimal():
        raise bad_request(f"{field}: Invalid value: {given[:40]!r}: must be a number of seconds")
    return float(given)


def revision(query: Mapping[str, str]) -> int | None:
    """The resourceVersion in the query; None when it is unset or 0. Raises StatusError (400)."""
    given = query.get("resourceVersion", "")
    if given in {"", "0"}:
        return None
    if not given.isdecimal():
        raise bad_request(f"resourceVersion: Invalid value: {given[:40]!r}: must be a number")
    return int(given)


def page(query: Mapping[str, str], chosen: list[Stored]) -> tuple[list[Stored], dict[str, Any]]:
    """The part of a list the query's `limit` and `continue` ask for, and what the list's metadata says of the rest.

    A later page shows objects as they are then: what the real server does when it tells of an inconsistent list.
    Raises StatusError (400).
    """
    limit = int(seconds(query, "limit", 0))
    if query.get("continue"):
        try:
            after = tuple(json.loads(base64.urlsafe_b64decode(query["continue"])))
        except ValueError as error:
            raise bad_request("continue key is not valid") from error
        chosen = [stored for stored in chosen if stored.key[1:] > after]
    if not limit or len(chosen) <= limit:
        return chosen, {}
    last = chosen[limit - 1].key[1:]
    token = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
    return chosen[:limit], {"continue": token, "remainingItemCount": len(chosen) - limit}
