"""What can be read of a document that is wrong in places, so that rules speak about all the rest of it at once.

An unsound part is blank: "" for a name, None for an address or an entry of a list, (None,) for a list. Unknown keys are
left out. A rule says nothing that a blank might refute once it is mended.
"""

import math
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from tenancy.edge import Announce
from tenancy.fields import Name
from tenancy.platform import Block, ProviderNetwork, Reserved
from tenancy.tenant import MOST, ExternalIP, FloatingIP, LoadBalancer, Snat, Subnet
from tenancy.vlans import VlanMode

Item = TypeVar("Item", bound=BaseModel)
Entry = TypeVar("Entry")

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_ANNOUNCE: TypeAdapter[Announce] = TypeAdapter(Announce)
_ENTRY_STAND_INS: dict[str, object] = {
    "cidrs": "192.0.2.0/24",
    "exceptions": "192.0.2.0/24",
    "gateways": "192.0.2.1",
    "exclude": {"first": "192.0.2.1", "last": "192.0.2.1"},
    "subnets": "x",
}
"""By key, what takes an unsound entry's place while the rest is read."""
_STAND_INS: dict[str, tuple[object, object]] = {
    "name": ("x", ""),
    "externalSubnet": ("x", ""),
    "target": ("192.0.2.1", None),
}
"""The same for single values that cannot be left out, each with its blank."""


def sound(entries: Iterable[Entry]) -> list[tuple[int, Entry]]:
    """The entries of a list that are not blank, with their places in the document."""
    return [(place, entry) for place, entry in enumerate(entries) if entry is not None]


def whole(entries: Iterable[object]) -> bool:
    """Whether no entry of a list is blank."""
    return all(entry is not None for entry in entries)


def sound_tenant(raw: object) -> tuple[str | None, list[tuple[int, Subnet]], list[tuple[int, ExternalIP]]]:
    """The name, and the numbered subnets and external IPs, of a tenant's raw document."""
    spec = inside(raw, "spec")
    subnets = _items(inside(spec, "subnets")) or [None]
    ips = _items(inside(spec, "externalIPs"))
    return (
        _name(inside(raw, "metadata", "name")),
        [(index, _salvaged(Subnet, item)) for index, item in enumerate(subnets)],
        [(index, _external_ip(item)) for index, item in enumerate(ips)],
    )


def sound_platform(raw: object) -> tuple[Block, list[tuple[int, Reserved]], ProviderNetwork | None]:
    """What is blocked, the numbered reservations, and the provider network, of a platform's raw document."""
    spec = inside(raw, "spec")
    block = spec.get("block", {}) if isinstance(spec, dict) else None
    provider = inside(spec, "providerNetwork")
    return (
        # What is no mapping may yet turn out to block something.
        _salvaged(Block, block if isinstance(block, dict) else {"cidrs": None, "exceptions": None}),
        [(index, _salvaged(Reserved, item)) for index, item in enumerate(_items(inside(spec, "reserved")))],
        None if provider is None else _salvaged(ProviderNetwork, provider),
    )


def sound_vlan(raw: object) -> VlanMode | None:
    """The VLAN part of a platform's raw document; None where anything in it is wrong, or there is none."""
    try:
        return VlanMode.model_validate(raw)
    except ValidationError:
        return None


def sound_announce(raw: object) -> Announce | None:
    """What a platform's raw document says of announcing; None where anything in it is wrong, or there is none."""
    try:
        return _ANNOUNCE.validate_python(raw)
    except ValidationError:
        return None


def inside(raw: object, *keys: str) -> object:
    """What stands under these keys of mappings in mappings; None where nothing does."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _name(raw: object) -> str | None:
    try:
        return _NAME.validate_python(raw, strict=True)
    except ValidationError:
        return None


def _items(raw: object, most: int | None = MOST) -> list[object]:
    # Of a list that is too long all that is said is that: rules about its entries could take for ever.
    return list(raw) if isinstance(raw, list | tuple) and (most is None or len(raw) <= most) else []


def _longest(model: type[BaseModel], name: str) -> float:
    """How many entries a list may have."""
    return min((getattr(part, "max_length", math.inf) for part in model.model_fields[name].metadata), default=math.inf)


def _external_ip(raw: object) -> ExternalIP:
    match inside(raw, "use"):
        case "snat":
            return _salvaged(Snat, raw)
        case "floatingIP":
            return _salvaged(FloatingIP, raw)
        case _:
            data = raw if isinstance(raw, dict) else {}
            return _salvaged(LoadBalancer, {**data, "use": "loadBalancer"})


def _salvaged(model: type[Item], raw: object) -> Item:
    fields = {field.alias or name: name for name, field in model.model_fields.items()}
    data = {key: value for key, value in raw.items() if key in fields} if isinstance(raw, dict) else {}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        unsound = {
            # With its wrong entries mended, a list that is too long would be wrong once more: it is unsound as a whole.
            key: set() if len(_items(data.get(key), None)) > _longest(model, fields[key]) else places
            for key, places in _unsound(error).items()
        }
    blanks: dict[str, object] = {}
    for key, places in unsound.items():
        if key in _STAND_INS:
            data[key], blanks[fields[key]] = _STAND_INS[key]
        elif key in _ENTRY_STAND_INS:
            entries = data[key] if places else [None]
            data[key] = [_ENTRY_STAND_INS[key] if at in (places or {0}) else it for at, it in enumerate(entries)]
        else:
            del data[key]
    item = model.model_validate(data)
    for key, places in unsound.items():
        if key in _ENTRY_STAND_INS:
            read = getattr(item, fields[key])
            blanks[fields[key]] = tuple(None if at in (places or {0}) else it for at, it in enumerate(read))
    return item.model_copy(update=blanks)


def _unsound(error: ValidationError) -> dict[str, set[int]]:
    """The keys an error speaks of, and of their lists the places; no places where the whole value is unsound."""
    unsound: dict[str, set[int]] = {}
    lost: set[str] = set()
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        key, *rest = map(str, found["loc"])
        places = unsound.setdefault(key, set())
        if rest:
            places.add(int(rest[0]))
        elif found["type"] != "too_short":  # which is also said of a list whose entries are wrong
            lost.add(key)
    return {key: set() if key in lost else places for key, places in unsound.items()}
