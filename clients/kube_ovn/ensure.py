"""Making an object mean what a manifest says, whoever died or answered too late in between; and changing one safely."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import ConflictError, plain, subject
from clients.kube_ovn.objects import Objects, identity, is_being_deleted, subject_of
from tenancy.kinds import Kind, Object
from tenancy.meaning import Merge
from tenancy.names import LABEL, RUN_ANNOTATION

TRIES = 5
"""How often a write is tried against others who write the same object, each time from what is there now."""

Outcome = Literal["created", "adopted", "updated", "unchanged"]


@dataclass(frozen=True)
class Ensured:
    """An object that means what its manifest says, and what it took."""

    object: Object
    """As the API server keeps it."""
    outcome: Outcome
    """`created`: by the run the manifest names, now or in a try whose answer was lost, so that run may undo it.
    `updated`: it was there before that run and has been changed. `adopted`: it was there from another run and is left
    as it is. `unchanged`: the manifest names no run, and nothing had to change."""


async def ensure(objects: Objects, manifest: Object, tenant: str, merge: Callable[[Object, Object], Merge]) -> Ensured:
    """See `KubeOvn.ensure`."""
    for _ in range(TRIES):
        actual = await objects.get(*identity(manifest))
        try:
            if actual is None:
                created = await _create(objects, manifest)
                if created is None:
                    continue  # its answer was lost, but something stands there: judge that
                return Ensured(_kept(created, manifest, merge), "created")
            check_owner(actual, tenant)
            if is_being_deleted(actual):
                raise UnavailableError(
                    f"{subject_of(manifest)}: the one of an earlier run is still being deleted, held by finalizers "
                    f"{finalizers(actual)}: try again once it is gone"
                )
            change = _change(actual, manifest, merge)
            if change is None:
                return Ensured(actual, _outcome(actual, manifest, changed=False))
            written = await _replace(objects, change, lambda now: _change(now, manifest, merge) is None)
            return Ensured(_kept(written, manifest, merge), _outcome(actual, manifest, changed=True))
        except ConflictError:
            continue
    raise _stormy(subject_of(manifest))


async def edit(
    objects: Objects, kind: Kind, name: str, change: Callable[[Object], Object | None], namespace: str | None
) -> Object:
    """See `KubeOvn.edit`."""
    for _ in range(TRIES):
        actual = await objects.get(kind, name, namespace)
        if actual is None:
            raise RefusedError(
                f"{subject(kind, name, namespace)}: does not exist, so it cannot be changed: create it first",
                reason="missing",
            )
        changed = change(actual)
        if changed is None:
            return actual
        try:
            return await _replace(objects, changed, lambda now: change(now) is None)
        except ConflictError:
            continue
    raise _stormy(subject(kind, name, namespace))


def check_owner(actual: Object, tenant: str) -> None:
    """Raises RefusedError where the object does not bear the tenant's label."""
    owner = (actual["metadata"].get("labels") or {}).get(LABEL)
    if owner == tenant:
        return
    bears = f"bears no label {LABEL}" if owner is None else f"bears label {LABEL}={plain(owner)!r}"
    raise RefusedError(
        f"{subject_of(actual)}: {bears}, expected {tenant!r}: choose another name, or have its owner remove it; label it "
        "only if it really is this tenant's",
        reason="foreign-object",
    )


def run_of(found: Object) -> str | None:
    """The run that made an object, as its annotation says."""
    run = (found["metadata"].get("annotations") or {}).get(RUN_ANNOTATION)
    return None if run is None else str(run)


def finalizers(found: Object) -> str:
    """What keeps an object from being deleted, by name."""
    held = [*(found["metadata"].get("finalizers") or ()), *((found.get("spec") or {}).get("finalizers") or ())]
    return plain(", ".join(map(str, held))) or "none"


def _change(actual: Object, manifest: Object, merge: Callable[[Object, Object], Merge]) -> Object | None:
    merged = merge(actual, manifest)
    if merged.conflicts:
        raise RefusedError(
            f"{subject_of(actual)}: exists with what cannot be changed: {plain('; '.join(merged.conflicts), 400)}: "
            "correct the document, or remove the object first",
            reason="immutable-difference",
        )
    return merged.result


def _outcome(actual: Object, manifest: Object, *, changed: bool) -> Outcome:
    run = run_of(manifest)
    if run is not None and run_of(actual) == run:
        return "created"
    if changed:
        return "updated"
    return "unchanged" if run is None else "adopted"


def _kept(written: Object, manifest: Object, merge: Callable[[Object, Object], Merge]) -> Object:
    """What was written, read back. A difference in the answer to the write itself is the server's own doing."""
    differing = _change(written, manifest, merge)
    if differing is None:
        return written
    raise RefusedError(
        f"{subject_of(manifest)}: the API server did not keep {', '.join(_differences(written, differing))}: does an "
        "admission webhook rewrite it, or are the CRDs older than Kube-OVN 1.17?",
        reason="not-kept",
    )


async def _create(objects: Objects, manifest: Object) -> Object | None:
    """The new object; None where the answer was lost and something of that name stands there now."""
    try:
        return await objects.create(manifest)
    except ConflictError:
        raise
    except UnavailableError as lost:
        if lost.retry_after is not None or await objects.get(*identity(manifest)) is None:
            raise
        return None


async def _replace(objects: Objects, changed: Object, is_done: Callable[[Object], bool]) -> Object:
    """The object after the write; where its answer was lost, as it is now if that is as wanted."""
    try:
        return await objects.replace(changed)
    except ConflictError:
        raise
    except UnavailableError as lost:
        if lost.retry_after is not None:
            raise
        now = await objects.get(*identity(changed))
        if now is None or not is_done(now):
            raise
        return now


def _differences(one: Object, other: Object, path: str = "") -> list[str]:
    found: list[str] = []
    for key in sorted(one.keys() | other.keys()):
        left, right = one.get(key), other.get(key)
        if left == right:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            found += _differences(left, right, f"{path}{key}.")
        else:
            found.append(plain(f"{path}{key}", 60))
    return found


def _stormy(what: str) -> UnavailableError:
    return UnavailableError(
        f"{what}: somebody else changed it {TRIES} times while it was being written: look who writes it without pause "
        "(its metadata.managedFields name them); the next try starts from what is there then"
    )
