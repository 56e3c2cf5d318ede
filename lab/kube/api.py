"""What the API server does to an object on each verb. HTTP, the seed and the controllers all write through here."""

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.kube import patches, statuses
from lab.kube.kinds import KINDS, Kind, Manifest
from lab.kube.store import Key, Store, Stored

# A name that is a path segment and a DNS subdomain (RFC 1123), as apimachinery checks object names.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

# Metadata the server alone decides; whatever a client sends there is put back.
_SERVER_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The part of DeleteOptions that changes what happens here; the propagation policy is ignored."""

    uid: str | None = None
    resource_version: str | None = None
    grace_period: int | None = None


class Api:
    """The verbs of the API server on the stored objects. Everything here is synchronous, so each verb is atomic."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.store = store
        self._clock = clock

    def get(self, plural: str, name: str, namespace: str = "") -> Stored:
        """One object; raises StatusError (404)."""
        stored = self.store.get((plural, namespace, name))
        if stored is None:
            raise statuses.not_found(KINDS[plural].resource, name)
        return stored

    def find(self, plural: str, name: str, namespace: str = "") -> Manifest | None:
        """One object's manifest, or None. Not to be changed in place."""
        stored = self.store.get((plural, namespace, name))
        return stored.manifest if stored else None

    def create(self, plural: str, manifest: Manifest, namespace: str = "", *, dry_run: bool = False) -> Stored:
        """Create an object. Raises StatusError: 409 AlreadyExists, 422 Invalid, 404 or 403 about its namespace."""
        kind = KINDS[plural]
        metadata = dict(_metadata(manifest))
        name = metadata.get("name") or ""
        if not name and metadata.get("generateName"):
            name = metadata["name"] = metadata["generateName"] + _suffix(self.store.revision)
        _check_identity(kind, manifest, namespace, name)
        self._check_namespace(kind, namespace, name)
        key: Key = (plural, namespace, name)
        if self.store.get(key):
            raise statuses.already_exists(kind.resource, name)
        for field in (*_SERVER_METADATA, "resourceVersion", "selfLink", "managedFields"):
            metadata.pop(field, None)
        if kind.namespaced:
            metadata["namespace"] = namespace
        # A revision names a moment of this cluster's history, so it makes a uid no other object ever has.
        metadata["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.store.revision}/{plural}/{namespace}/{name}"))
        metadata["creationTimestamp"] = self.now()
        if kind.generation:
            metadata["generation"] = 1
        created = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest, "metadata": metadata}
        if kind.custom and kind.status:
            created.pop("status", None)
        _default(kind, created)
        _check_metadata(kind, created)
        if dry_run:
            return Stored(key, created, b"", self.store.revision)
        return self.store.put(key, created)

    def update(
        self,
        plural: str,
        manifest: Manifest,
        namespace: str = "",
        name: str = "",
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Stored:
        """Replace an object; a resourceVersion in it must be the latest. Raises StatusError (404, 409, 422)."""
        kind = KINDS[plural]
        name = name or _metadata(manifest).get("name") or ""
        _check_identity(kind, manifest, namespace, name)
        before = self.get(plural, name, namespace)
        if kind.custom and not _metadata(manifest).get("resourceVersion"):
            causes = [("metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")]
            raise statuses.invalid(kind.resource, kind.kind, name, causes)
        return self._write(kind, before, manifest, subresource, dry_run=dry_run)

    def patch(
        self,
        plural: str,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        content_type: str = patches.MERGE_PATCH,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Stored:
        """Change an object by a merge, JSON or strategic merge patch. Raises StatusError (404, 409, 415, 422)."""
        kind = KINDS[plural]
        before = self.get(plural, name, namespace)
        if content_type == patches.MERGE_PATCH:
            after = patches.merge_patch(before.manifest, patch)
        elif content_type == patches.JSON_PATCH:
            after = patches.json_patch(before.manifest, patch)
        elif content_type == patches.STRATEGIC_PATCH and not kind.custom:
            after = patches.strategic_patch(before.manifest, patch)
        else:
            accepted = [patches.JSON_PATCH, patches.MERGE_PATCH, patches.APPLY_PATCH]
            raise statuses.unsupported_media_type(content_type, accepted)
        if not isinstance(after, dict):
            raise statuses.bad_request("the patch leaves no object")
        _check_identity(kind, after, namespace, name)
        return self._write(kind, before, after, subresource, dry_run=dry_run)

    def apply(
        self, plural: str, name: str, manifest: Manifest, namespace: str = "", *, dry_run: bool = False
    ) -> tuple[Stored, bool]:
        """Server-side apply, whether the object exists or not: maps merge, lists are replaced whole.

        Returns the object and whether it was created. Field ownership is not tracked: nothing is removed because a
        later apply leaves it out, and no conflict with another manager is reported.
        """
        present = self.store.get((plural, namespace, name))
        if present is None:
            metadata = {**_metadata(manifest), "name": name}
            return self.create(plural, {**manifest, "metadata": metadata}, namespace, dry_run=dry_run), True
        return self.patch(plural, name, manifest, namespace, dry_run=dry_run), False

    def delete(
        self,
        plural: str,
        name: str,
        namespace: str = "",
        options: DeleteOptions | None = None,
        *,
        dry_run: bool = False,
    ) -> tuple[Stored, bool]:
        """Delete an object, or mark it for deletion while finalizers hold it.

        Returns its last state and whether it is gone. Raises StatusError: 404, or 409 when a precondition fails.
        """
        options = options or DeleteOptions()
        kind = KINDS[plural]
        stored = self.get(plural, name, namespace)
        metadata = stored.manifest["metadata"]
        for field, wanted in (("uid", options.uid), ("resourceVersion", options.resource_version)):
            if wanted is not None and metadata[field] != wanted:
                why = f"the {field} in the precondition ({wanted[:60]}) does not match the one in the record"
                raise statuses.conflict(kind.resource, name, f"Precondition failed: {why} ({metadata[field]})")
        grace = options.grace_period
        if grace is None:
            grace = 30 if plural == "pods" else 0
        held = bool(metadata.get("finalizers")) or plural == "namespaces" or (plural == "pods" and grace > 0)
        if dry_run:
            return stored, not held
        if not held:
            return self.store.remove(stored), True
        if metadata.get("deletionTimestamp"):
            return stored, False
        marked = {**metadata, "deletionTimestamp": self.now(), "deletionGracePeriodSeconds": grace}
        if kind.generation:
            marked["generation"] = metadata.get("generation", 1) + 1
        manifest = {**stored.manifest, "metadata": marked}
        if plural == "namespaces":
            manifest["status"] = {**manifest.get("status", {}), "phase": "Terminating"}
        return self.store.put(stored.key, manifest), False

    def now(self) -> str:
        """The time as Kubernetes writes it, to the second."""
        return self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        holder = self.find("namespaces", namespace)
        if holder is None:
            raise statuses.not_found("namespaces", namespace)
        if holder["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"}
            raise statuses.forbidden(kind.resource, name, why, [cause])

    def _write(self, kind: Kind, before: Stored, given: Manifest, subresource: str, *, dry_run: bool) -> Stored:
        old = before.manifest
        name = before.key[2]
        given_metadata = dict(_metadata(given))
        wanted = given_metadata.get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise statuses.conflict(kind.resource, name, statuses.STALE)
        if given_metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            why = f"Precondition failed: UID in object meta: {old['metadata']['uid']}"
            raise statuses.conflict(kind.resource, name, why)
        if subresource == "status":
            new = {**old, "status": given.get("status")}
            if given.get("status") is None:
                new.pop("status")
        else:
            new = {**given, "apiVersion": kind.api_version, "kind": kind.kind}
            if kind.status:
                new.pop("status", None)
                if "status" in old:
                    new["status"] = old["status"]
            new["metadata"] = self._metadata_after(kind, old["metadata"], given_metadata)
            _check_metadata(kind, new)
        if new == old:
            return before
        new["metadata"] = dict(new["metadata"])
        if kind.generation and subresource != "status" and _content(new) != _content(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        if dry_run:
            return Stored(before.key, new, b"", before.revision)
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers") and _gone(kind, new):
            return self.store.remove(before, new)
        return self.store.put(before.key, new)

    def _metadata_after(self, kind: Kind, old: Manifest, given: Manifest) -> Manifest:
        metadata = {key: value for key, value in given.items() if value not in (None, {}, [])}
        metadata.pop("managedFields", None)
        metadata.pop("selfLink", None)
        for field in (*_SERVER_METADATA, "resourceVersion", "name", "namespace"):
            metadata.pop(field, None)
            if field in old:
                metadata[field] = old[field]
        added = set(metadata.get("finalizers") or ()) - set(old.get("finalizers") or ())
        if old.get("deletionTimestamp") and added:
            causes = [
                ("metadata.finalizers", "Forbidden: no new finalizers can be added if the object is being deleted")
            ]
            raise statuses.invalid(kind.resource, kind.kind, old["name"], causes)
        return metadata


def _content(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if key not in {"metadata", "status"}}


def _gone(kind: Kind, manifest: Manifest) -> bool:
    if kind.plural == "namespaces":
        return not (manifest.get("spec") or {}).get("finalizers")
    return kind.plural != "pods" or not manifest["metadata"].get("deletionGracePeriodSeconds")


def _metadata(manifest: Manifest) -> Manifest:
    metadata = manifest.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise statuses.bad_request("metadata must be an object")
    return metadata


def _suffix(revision: int) -> str:
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    digest = hashlib.sha256(str(revision).encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:5])


def _check_identity(kind: Kind, manifest: Manifest, namespace: str, name: str) -> None:
    """Whether the body is the object the URL speaks of."""
    metadata = _metadata(manifest)
    given_kind, given_version = manifest.get("kind", kind.kind), manifest.get("apiVersion", kind.api_version)
    if (given_kind, given_version) != (kind.kind, kind.api_version):
        raise statuses.bad_request(
            f"the object provided is {str(given_version)[:60]}, Kind={str(given_kind)[:60]}, "
            f"expected {kind.api_version}, Kind={kind.kind}"
        )
    if not name:
        causes = [("metadata.name", "Required value: name or generateName is required")]
        raise statuses.invalid(kind.resource, kind.kind, "", causes)
    if metadata.get("name", name) != name:
        raise statuses.bad_request(
            f"the name of the object ({str(metadata['name'])[:100]}) does not match the name on the URL ({name[:100]})"
        )
    if kind.namespaced and (metadata.get("namespace") or namespace) != namespace:
        raise statuses.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _check_metadata(kind: Kind, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    name = metadata["name"]
    causes: list[tuple[str, str]] = []
    label_names = kind.plural in {"namespaces", "services"}
    longest = 63 if label_names else 253
    if not isinstance(name, str) or not (_LABEL if label_names else _SUBDOMAIN).fullmatch(name) or len(name) > longest:
        rule = "RFC 1123 label" if label_names else "RFC 1123 subdomain"
        causes.append(
            (
                "metadata.name",
                f'Invalid value: "{str(name)[:100]}": a lowercase {rule} must consist of lower case alphanumeric '
                f"characters or '-'{'' if label_names else ' or dots'}, must start and end with an alphanumeric "
                f"character and be no more than {longest} characters",
            )
        )
    causes += _bad_labels(metadata.get("labels") or {})
    for finalizer in metadata.get("finalizers") or ():
        if not isinstance(finalizer, str) or not _QUALIFIED.fullmatch(finalizer):
            causes.append(
                ("metadata.finalizers", f'Invalid value: "{str(finalizer)[:100]}": name part must consist of')
            )
    for key, value in (metadata.get("annotations") or {}).items():
        if not isinstance(value, str):
            raise statuses.bad_request(f"metadata.annotations.{key[:60]}: must be a string, not {type(value).__name__}")
    if causes:
        raise statuses.invalid(kind.resource, kind.kind, str(name)[:100], causes)


def _bad_labels(labels: dict[str, Any]) -> list[tuple[str, str]]:
    causes = []
    for key, value in labels.items():
        bare = key.rpartition("/")[2]
        if not _QUALIFIED.fullmatch(key) or len(bare) > 63:
            causes.append(("metadata.labels", f'Invalid value: "{key[:100]}": not a qualified name'))
        if not isinstance(value, str):
            raise statuses.bad_request(f"metadata.labels.{key[:60]}: must be a string, not {type(value).__name__}")
        if not _LABEL_VALUE.fullmatch(value) or len(value) > 63:
            why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
            causes.append(
                (
                    "metadata.labels",
                    f'Invalid value: "{value[:100]}": {why}, at most 63, starting and ending alphanumeric',
                )
            )
    return causes


def _default(kind: Kind, manifest: Manifest) -> None:
    """Fill in what the API server itself fills in on create, for built-in kinds."""
    if kind.plural == "namespaces":
        metadata = manifest["metadata"]
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
        manifest["spec"] = {"finalizers": ["kubernetes"]}
        manifest["status"] = {"phase": "Active"}
    elif kind.plural == "pods":
        manifest.setdefault("status", {"phase": "Pending"})
    elif kind.plural == "secrets":
        manifest.setdefault("type", "Opaque")
