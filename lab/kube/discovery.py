"""What the API server says about itself: versions, groups, resources and the OpenAPI documents clients ask for."""

from collections.abc import Callable
from typing import Any

from lab.kube.kinds import KINDS, KUBE_OVN_KINDS, Kind
from lab.kube.schemas import SCHEMAS

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0+berth-lab",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "lab/simulated",
}
# Asked for as `...spec.v2@v1.0+protobuf`, answered with a dot: Go cannot parse a media type with an @ in it.
OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_REVIEWS = ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview")


def groups() -> list[str]:
    """The named API groups, in the order they are listed."""
    named = {kind.group for kind in KINDS.values() if kind.group}
    return sorted({*named, _REVIEWS[0]})


def document(path: str, host: str, is_served: Callable[[str], bool] = lambda _: True) -> dict[str, Any] | None:
    """The discovery document at a path, or None when there is none. `is_served` says of a plural whether there is that kind."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in groups()]}
        case ["apis", group] if group in groups():
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["api", "v1"]:
            return _resources("", is_served)
        case ["apis", group, "v1"] if group in groups():
            found = _resources(group, is_served)
            return found if found["resources"] else None
        case ["openapi", "v3"]:
            paths = {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}
            for group in groups():
                paths[f"apis/{group}/v1"] = {"serverRelativeURL": f"/openapi/v3/apis/{group}/v1"}
            return {"paths": paths}
        case ["openapi", "v3", *group_version] if group_version[-1:] == ["v1"]:
            group = group_version[1] if group_version[0] == "apis" and len(group_version) == 3 else ""
            return _openapi_v3(group)
        case ["openapi", "v2"]:
            return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]}, "paths": {}}
        case _:
            return None


def openapi_v2_protobuf() -> bytes:
    """The OpenAPI v2 document as the protobuf kubectl 1.20 asks for: no definitions, so kubectl checks nothing itself.

    Fields of gnostic's openapi_v2.Document: 1 swagger, 2 info (1 title, 2 version).
    """
    info = _field(1, b"Kubernetes") + _field(2, VERSION["gitVersion"].encode())
    return _field(1, b"2.0") + _field(2, info)


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str, is_served: Callable[[str], bool]) -> dict[str, Any]:
    listed: list[dict[str, Any]] = []
    for kind in KINDS.values():
        if kind.group == group and is_served(kind.plural):
            listed.extend(_resource(kind))
    if group == _REVIEWS[0]:
        listed.append(
            {"name": _REVIEWS[1], "singularName": "", "namespaced": False, "kind": _REVIEWS[2], "verbs": ["create"]}
        )
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


def _resource(kind: Kind) -> list[dict[str, Any]]:
    common = {"namespaced": kind.namespaced, "kind": kind.kind}
    main: dict[str, Any] = {"name": kind.plural, "singularName": kind.singular, **common, "verbs": _VERBS}
    if kind.short:
        main["shortNames"] = list(kind.short)
    if not kind.status:
        return [main]
    status = {"name": f"{kind.plural}/status", "singularName": "", **common, "verbs": ["get", "patch", "update"]}
    return [main, status]


def _openapi_v3(group: str) -> dict[str, Any]:
    """The paths of a group with the verbs and parameters kubectl looks for before it relies on the server."""
    prefix = f"/apis/{group}/v1" if group else "/api/v1"
    paths: dict[str, Any] = {}
    for kind in KINDS.values():
        if kind.group == group:
            scope = "/namespaces/{namespace}" if kind.namespaced else ""
            paths[f"{prefix}{scope}/{kind.plural}"] = {"post": _operation(kind, "post")}
            paths[f"{prefix}{scope}/{kind.plural}/{{name}}"] = {
                verb: _operation(kind, verb) for verb in ("get", "put", "patch", "delete")
            }
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    schemas = {f"io.kubeovn.v1.{kind.kind}": _schema(kind) for kind in KUBE_OVN_KINDS if kind.group == group}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _schema(kind: Kind) -> dict[str, Any]:
    properties = {name: schema.openapi() for name, schema in SCHEMAS[kind.plural].items()}
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    named = [{"group": kind.group, "version": "v1", "kind": kind.kind}]
    return {"type": "object", "properties": properties, "x-kubernetes-group-version-kind": named}


def _operation(kind: Kind, verb: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": "v1", "kind": kind.kind},
    }
    if verb != "get":
        names = ["dryRun"] if verb == "delete" else ["dryRun", "fieldValidation"]
        operation["parameters"] = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return operation
