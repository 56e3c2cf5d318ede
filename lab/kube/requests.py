"""What a request asks for: the object its URL names, the verb, the options of its query, and its body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lab.kube.kinds import KINDS, Kind
from lab.kube.statuses import StatusError, bad_request, unsupported_media_type

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
        if target.name:
            return "get"
        return "watch" if query.get("watch", "").lower() in {"1", "true"} else "list"
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
