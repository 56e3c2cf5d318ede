"""All objects in one canonical form, so that two moments can be compared for equality."""

from typing import Any

from lab.kube.kinds import KINDS, Manifest
from lab.kube.store import Store

_VOLATILE = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")
_MOMENTS = frozenset({"lastTransitionTime", "lastUpdateTime", "lastProbeTime", "lastHeartbeatTime"})


def dump(store: Store) -> dict[str, Any]:
    """Every object as `plural/namespace/name` to its manifest, without what differs between two equal clusters."""
    return {
        "/".join(filter(None, stored.key)): canonical(stored.manifest)
        for plural in sorted(KINDS)
        for stored in store.all(plural)
    }


def canonical(manifest: Manifest) -> Manifest:
    """An object without revisions, identities and times; lists of names that mean sets are sorted."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _VOLATILE}
    if "finalizers" in metadata:
        metadata["finalizers"] = sorted(metadata["finalizers"])
    plain = _without_moments({**manifest, "metadata": metadata})
    status = plain.get("status")
    if isinstance(status, dict):
        for field in ("vlans", "subnets", "readyNodes"):
            if isinstance(status.get(field), list):
                status[field] = sorted(status[field])
        if isinstance(status.get("conditions"), list):
            status["conditions"] = sorted(status["conditions"], key=lambda each: str(each.get("type")))
    return dict(plain)


def _without_moments(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_moments(value[key]) for key in sorted(value) if key not in _MOMENTS}
    if isinstance(value, list):
        return [_without_moments(each) for each in value]
    return value
