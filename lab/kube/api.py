"""What the API server does to an object on each verb. HTTP, the seed and the controllers all write through here."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.kube import apply, patches, statuses
from lab.kube.kinds import KINDS, Kind, Manifest
from lab.kube.metadata import SERVER_FIELDS, check_identity, check_metadata, metadata_after, metadata_of
from lab.kube.schemas import Findings, prune
from lab.kube.store import Key, Store, Stored

# The kubelet removes a pod; until then it stays, marked.
_POD_GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a write is meant: without effect, refusing unknown fields, and on the object or on a part of it."""

    dry_run: bool = False
    strict: bool = False
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The part of DeleteOptions that changes what happens here; the propagation policy is ignored."""

    uid: str | None = None
    resource_version: str | None = None
    grace_period: int | None = None
    dry_run: bool = False


_PLAIN = WriteOptions()
STATUS = WriteOptions(subresource="status")
"""A write of the status alone."""


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

    def create(self, plural: str, manifest: Manifest, namespace: str = "", options: WriteOptions = _PLAIN) -> Stored:
        """Create an object. Raises StatusError: 409 AlreadyExists, 422 Invalid, 404 or 403 about its namespace."""
        return self._create(plural, manifest, namespace, options, [])

    def _create(
        self, plural: str, manifest: Manifest, namespace: str, options: WriteOptions, owners: list[Manifest]
    ) -> Stored:
        kind = KINDS[plural]
        given = metadata_of(manifest)
        name = given.get("name") or ""
        if not name and given.get("generateName"):
            name = f"{given['generateName']}{_suffix(self.store.revision)}"
        check_identity(kind, {**manifest, "metadata": {**given, "name": name}}, namespace, name)
        self._check_namespace(kind, namespace, name)
        key: Key = (plural, namespace, name)
        if self.store.get(key):
            raise statuses.already_exists(kind.resource, name)
        metadata = {field: value for field, value in given.items() if field not in SERVER_FIELDS and value is not None}
        metadata["name"] = name
        if kind.namespaced:
            metadata["namespace"] = namespace
        # A revision names a moment of this cluster's history, so it makes a uid no other object ever has.
        metadata["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.store.revision}/{plural}/{namespace}/{name}"))
        metadata["creationTimestamp"] = self.now()
        if owners:
            metadata["managedFields"] = owners
        if kind.generation:
            metadata["generation"] = 1
        created = {**manifest, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        if kind.custom:
            created.pop("status", None)
        check_metadata(kind, metadata)
        created = _checked(kind, _with_defaults(kind, created), options)
        if options.dry_run:
            return Stored(key, created, b"", self.store.revision)
        return self.store.put(key, created)

    def update(
        self, plural: str, manifest: Manifest, namespace: str = "", name: str = "", options: WriteOptions = _PLAIN
    ) -> Stored:
        """Replace an object; a resourceVersion in it must be the latest. Raises StatusError (404, 409, 422)."""
        kind = KINDS[plural]
        given = metadata_of(manifest)
        name = name or given.get("name") or ""
        check_identity(kind, manifest, namespace, name)
        before = self.get(plural, name, namespace)
        if kind.custom and not given.get("resourceVersion"):
            causes = [("metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")]
            raise statuses.invalid(kind.resource, kind.kind, name, causes)
        return self._write(kind, before, manifest, options)

    def patch(
        self,
        plural: str,
        name: str,
        patch: Any,
        namespace: str = "",
        content_type: str = patches.MERGE_PATCH,
        options: WriteOptions = _PLAIN,
    ) -> Stored:
        """Change an object by a merge, JSON or strategic merge patch. Raises StatusError (404, 409, 415, 422)."""
        kind = KINDS[plural]
        before = self.get(plural, name, namespace)
        if content_type == patches.JSON_PATCH:
            after = patches.json_patch(before.manifest, patch)
        elif content_type == patches.MERGE_PATCH:
            after = patches.merge_patch(before.manifest, patch)
        elif content_type == patches.STRATEGIC_PATCH and not kind.custom:
            after = patches.strategic_patch(before.manifest, patch)
        else:
            accepted = [patches.JSON_PATCH, patches.MERGE_PATCH, patches.APPLY_PATCH]
            raise statuses.unsupported_media_type(content_type[:100], accepted)
        if not isinstance(after, dict):
            raise statuses.bad_request("the patch leaves no object")
        check_identity(kind, after, namespace, name)
        return self._write(kind, before, after, options)

    def apply(
        self,
        plural: str,
        name: str,
        manifest: Manifest,
        namespace: str = "",
        *,
        manager: str,
        force: bool = False,
        options: WriteOptions = _PLAIN,
    ) -> tuple[Stored, bool]:
        """Server-side apply, whether the object exists or not; returns the object and whether it was created.

        Raises StatusError (409) where another manager applied a different value, unless forced.
        """
        kind = KINDS[plural]
        check_identity(kind, manifest, namespace, name)
        present = self.store.get((plural, namespace, name))
        if present is None:
            owners = apply.owned(kind, {manager: apply.paths(manifest)}, self.now())
            named = {**manifest, "metadata": {**metadata_of(manifest), "name": name}}
            return self._create(plural, named, namespace, options, owners), True
        after = apply.apply(kind, present.manifest, manifest, manager, force=force, now=self.now())
        given = metadata_of(manifest)
        for field in ("resourceVersion", "uid"):
            if given.get(field):
                after = {**after, "metadata": {**after["metadata"], field: given[field]}}
        return self._write(kind, present, after, options, applied=True), False

    def delete(
        self, plural: str, name: str, namespace: str = "", options: DeleteOptions | None = None
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
                why = f"the {field} in the precondition ({wanted[:60]}) does not match the one in record"
                raise statuses.conflict(kind.resource, name, f"Precondition failed: {why} ({metadata[field]})")
        grace = _grace(plural, options, metadata)
        held = bool(metadata.get("finalizers")) or plural == "namespaces" or grace > 0
        if options.dry_run:
            return stored, not held
        if not held:
            return self.store.remove(stored), True
        marked = {**metadata, "deletionGracePeriodSeconds": grace}
        marked.setdefault("deletionTimestamp", self.now())
        if marked == metadata:
            return stored, False
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

    def _write(
        self, kind: Kind, before: Stored, given: Manifest, options: WriteOptions, *, applied: bool = False
    ) -> Stored:
        old = before.manifest
        name = before.key[2]
        given_metadata = metadata_of(given)
        wanted = given_metadata.get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise statuses.conflict(kind.resource, name, statuses.STALE)
        if given_metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            why = f"Precondition failed: UID in object meta: {old['metadata']['uid']}"
            raise statuses.conflict(kind.resource, name, why)
        if options.subresource == "status":
            new = {key: value for key, value in old.items() if key != "status"}
            if given.get("status") is not None:
                new["status"] = given["status"]
        else:
            new = {**given, "apiVersion": kind.api_version, "kind": kind.kind}
            if kind.status:
                new.pop("status", None)
                if "status" in old:
                    new["status"] = old["status"]
            new["metadata"] = metadata_after(kind, old["metadata"], given_metadata)
            if applied:
                new["metadata"]["managedFields"] = given_metadata["managedFields"]
            check_metadata(kind, new["metadata"])
        new = _checked(kind, new, options, old)
        if new == old:
            return before
        new["metadata"] = dict(new["metadata"])
        if kind.generation and options.subresource != "status" and _content(new) != _content(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        if options.dry_run:
            return Stored(before.key, new, b"", before.revision)
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers") and _free(kind, new):
            return self.store.remove(before, new)
        return self.store.put(before.key, new)


def _content(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if key not in {"metadata", "status"}}


def _free(kind: Kind, manifest: Manifest) -> bool:
    """Whether nothing but finalizers could have held an object that is being deleted."""
    if kind.plural == "namespaces":
        return not (manifest.get("spec") or {}).get("finalizers")
    return not manifest["metadata"].get("deletionGracePeriodSeconds")


def _grace(plural: str, options: DeleteOptions, metadata: Manifest) -> int:
    """Seconds a pod is given to end; asked again, the shorter time holds. Other kinds have none."""
    if plural != "pods":
        return 0
    asked = _POD_GRACE_SECONDS if options.grace_period is None else options.grace_period
    return min(asked, int(metadata.get("deletionGracePeriodSeconds", asked)))


def _checked(kind: Kind, manifest: Manifest, options: WriteOptions, old: Manifest | None = None) -> Manifest:
    """A custom object as its schema leaves it. Raises StatusError: 422, and 400 for unknown fields when strict."""
    if not kind.custom:
        for part in ("spec", "status", "data"):
            if not isinstance(manifest.get(part) or {}, dict):
                raise statuses.bad_request(f"the object provided is unrecognized: {part} must be an object")
        return manifest
    findings = Findings()
    pruned = prune(kind.plural, manifest, findings, old or {})
    if options.strict and findings.unknown:
        told = ", ".join(f'unknown field "{path[:100]}"' for path in findings.unknown[:10])
        about = f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}'
        raise statuses.bad_request(f"{about}: strict decoding error: {told}")
    if findings.causes:
        raise statuses.invalid(kind.resource, kind.kind, manifest["metadata"]["name"], findings.causes)
    return pruned


def _suffix(revision: int) -> str:
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    digest = hashlib.sha256(str(revision).encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:5])


def _with_defaults(kind: Kind, manifest: Manifest) -> Manifest:
    """What the API server itself fills in on create, for built-in kinds."""
    metadata = manifest["metadata"]
    match kind.plural:
        case "namespaces":
            labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
            status = {"phase": "Active"}
            return {**manifest, "metadata": {**metadata, "labels": labels}, "spec": {"finalizers": ["kubernetes"]}} | {
                "status": status
            }
        case "pods":
            return {"status": {"phase": "Pending"}, **manifest}
        case "secrets":
            return {"type": "Opaque", **manifest}
        case _:
            return manifest
