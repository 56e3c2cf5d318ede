"""What the Vlan object of a tenant says beside its ID: which run reserved it last, and which trunks may carry it."""

import json
from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from tenancy.fields import Name
from tenancy.kinds import Object
from tenancy.names import RESERVED_BY_ANNOTATION, TRUNKS_ANNOTATION
from tenancy.switches import PortName

Trunks = Mapping[Name, Sequence[PortName]]
"""By switch: the ports that carry the VLAN."""
_TRUNKS: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(dict[Name, tuple[PortName, ...]])


def reserved_by(vlan: Object) -> str | None:
    """The run that reserved the ID last: of its approvals alone one counts."""
    said = (vlan["metadata"].get("annotations") or {}).get(RESERVED_BY_ANNOTATION)
    return None if said is None else str(said)


def trunks_of(vlan: Object) -> dict[str, tuple[str, ...]]:
    """Every trunk that was ever to carry the VLAN; nothing where the object does not say so in words that can be read."""
    text = (vlan["metadata"].get("annotations") or {}).get(TRUNKS_ANNOTATION)
    try:
        return _TRUNKS.validate_json(text) if text is not None else {}
    except ValidationError:
        return {}


def union(one: Trunks, other: Trunks) -> dict[str, tuple[str, ...]]:
    """Every trunk of both, each once."""
    return {
        switch: tuple(dict.fromkeys([*one.get(switch, ()), *other.get(switch, ())]))
        for switch in sorted({*one, *other})
    }


def reserved(vlan: Object, run: str, trunks: Trunks) -> Object:
    """The object as a run that reserves it leaves it. A trunk that the platform no longer has still carries the VLAN."""
    metadata = vlan["metadata"]
    said = {
        RESERVED_BY_ANNOTATION: run,
        TRUNKS_ANNOTATION: json.dumps(union(trunks_of(vlan), trunks), sort_keys=True),
    }
    return {**vlan, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **said}}}
