"""The rules every object's metadata obeys: names, labels, and what only the server may write."""

import re

from lab.kube import statuses
from lab.kube.kinds import Kind, Manifest

# A name is a path segment and a DNS subdomain (RFC 1123); some kinds want a single label of it.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
"""What the server alone decides: whatever a client sends there is ignored."""


_TYPES: dict[str, type] = {
    **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion"), str),
    **dict.fromkeys(("labels", "annotations"), dict),
    **dict.fromkeys(("finalizers", "managedFields", "ownerReferences"), list),
}


def metadata_of(manifest: Manifest) -> Manifest:
    """An object's metadata. Raises StatusError (400) when it is none, or its fields are of other types."""
    metadata = manifest.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise statuses.bad_request("metadata must be an object")
    for field, wanted in _TYPES.items():
        value = metadata.get(field)
        if value is not None and not isinstance(value, wanted):
            told = f"metadata.{field}: expected {wanted.__name__}, not {type(value).__name__}"
            raise statuses.bad_request(f"the object provided is unrecognized: {told}")
    return metadata


def check_identity(kind: Kind, manifest: Manifest, namespace: str, name: str) -> None:
    """Whether the body is the object the URL speaks of. Raises StatusError (400, 422)."""
    metadata = metadata_of(manifest)
    given_kind, given_version = manifest.get("kind", kind.kind), manifest.get("apiVersion", kind.api_version)
    if (given_kind, given_version) != (kind.kind, kind.api_version):
        raise statuses.bad_request(
            f"the object provided is {str(given_version)[:60]!r}, Kind={str(given_kind)[:60]!r}, "
            f"expected {kind.api_version}, Kind={kind.kind}"
        )
    if not name:
        causes = [("metadata.name", "Required value: name or generateName is required")]
        raise statuses.invalid(kind.resource, kind.kind, "", causes)
    if metadata.get("name", name) != name:
        given = str(metadata["name"])[:100]
        raise statuses.bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name[:100]})"
        )
    if kind.namespaced and (metadata.get("namespace") or namespace) != namespace:
        raise statuses.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_metadata(kind: Kind, metadata: Manifest) -> None:
    """Whether names, labels, annotations and finalizers are well formed. Raises StatusError (400, 422)."""
    causes: list[tuple[str, str]] = []
    name = metadata["name"]
    if told := _bad_name(kind, name):
        causes.append(("metadata.name", f'Invalid value: "{name[:100]}": {told}'))
    for key, value in (metadata.get("labels") or {}).items():
        if not isinstance(value, str):
            raise statuses.bad_request(f"metadata.labels.{key[:60]}: must be a string, not {type(value).__name__}")
        causes += [("metadata.labels", told) for told in _bad_label(key, value)]
    for key, value in (metadata.get("annotations") or {}).items():
        if not isinstance(value, str):
            raise statuses.bad_request(f"metadata.annotations.{key[:60]}: must be a string, not {type(value).__name__}")
    for finalizer in metadata.get("finalizers") or ():
        if not isinstance(finalizer, str) or not _QUALIFIED.fullmatch(finalizer):
            causes.append(("metadata.finalizers", f'Invalid value: "{str(finalizer)[:100]}": not a qualified name'))
    if causes:
        raise statuses.invalid(kind.resource, kind.kind, name[:100], causes)


def _bad_name(kind: Kind, name: str) -> str:
    label_names = kind.plural in {"namespaces", "services"}
    longest = 63 if label_names else 253
    if len(name) > longest:
        return f"must be no more than {longest} characters"
    if (_LABEL if label_names else _SUBDOMAIN).fullmatch(name):
        return ""
    rule, dots = ("label", "") if label_names else ("subdomain", " or '.'")
    return (
        f"a lowercase RFC 1123 {rule} must consist of lower case alphanumeric characters, '-'{dots}, and must start "
        "and end with an alphanumeric character"
    )


def _bad_label(key: str, value: str) -> list[str]:
    told = []
    if not _QUALIFIED.fullmatch(key) or len(key.rpartition("/")[2]) > 63:
        told.append(f'Invalid value: "{key[:100]}": not a qualified name of at most 63 characters')
    if not _LABEL_VALUE.fullmatch(value) or len(value) > 63:
        rule = "alphanumeric characters, '-', '_' or '.', at most 63, the first and the last alphanumeric"
        told.append(f'Invalid value: "{value[:100]}": a valid label must be empty or consist of {rule}')
    return told


def metadata_after(kind: Kind, old: Manifest, given: Manifest) -> Manifest:
    """What an update makes of the metadata: the client's, but for the server's own fields and the name.

    Raises StatusError (422) for a finalizer added to an object that is being deleted.
    """
    metadata = {key: value for key, value in given.items() if value not in (None, {}, [])}
    for field in (*SERVER_FIELDS, "name", "namespace"):
        metadata.pop(field, None)
        if field in old:
            metadata[field] = old[field]
    added = set(metadata.get("finalizers") or ()) - set(old.get("finalizers") or ())
    if old.get("deletionTimestamp") and added:
        why = "Forbidden: no new finalizers can be added if the object is being deleted"
        raise statuses.invalid(kind.resource, kind.kind, old["name"], [("metadata.finalizers", why)])
    return metadata
