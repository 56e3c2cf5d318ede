"""From plain data to documents: everything that is wrong is said at once, or the document is good."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from tenancy.fields import Name
from tenancy.mistakes import UNION_TAGS, InvalidDocumentError, Mistake, mistakes_in, shown
from tenancy.platform import Block, Limits, Platform, PlatformMetadata, PlatformSpec, ProviderNetwork, Reserved
from tenancy.platform_rules import platform_fit, platform_mistakes
from tenancy.rules import reserved_name, tenant_mistakes
from tenancy.tenant import (
    AddressRange,
    ExternalIP,
    FloatingIP,
    LoadBalancer,
    Metadata,
    Snat,
    Subnet,
    TenantNetwork,
    TenantSpec,
)

MOST_MISTAKES = 100
"""How many mistakes are reported of one document; who has more mends these first."""

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item", bound=BaseModel)

_SUBNET: TypeAdapter[Subnet] = TypeAdapter(Subnet)
_EXTERNAL_IP: TypeAdapter[ExternalIP] = TypeAdapter(ExternalIP)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def read_tenant(raw: object, platform: Platform | None = None) -> TenantNetwork:
    """The tenant's document, checked in itself and, where a platform is given, against it.

    Raises InvalidDocumentError with every mistake: structure, fields and rules together, so that one round mends all.
    """
    tenant, mistakes = _parsed(TenantNetwork, raw, _tenant_keys)
    spec = raw.get("spec") if isinstance(raw, dict) else None
    name = _name(_inside(raw, "metadata", "name"))
    subnets = _numbered(_SUBNET, spec, "subnets")
    ips = _numbered(_EXTERNAL_IP, spec, "externalIPs")
    if name is not None and (mistake := reserved_name(name)):
        mistakes.append(mistake)
    mistakes.extend(tenant_mistakes(subnets, ips))
    if platform is not None:
        mistakes.extend(platform_fit(name, subnets, ips, platform))
    return _all_or_nothing(tenant, mistakes, f"TenantNetwork {name or shown(_inside(raw, 'metadata', 'name'))}")


def read_platform(raw: object) -> Platform:
    """The platform's document. Raises InvalidDocumentError with every mistake."""
    platform, mistakes = _parsed(Platform, raw, _platform_keys)
    if platform is not None:
        mistakes.extend(platform_mistakes(platform))
    return _all_or_nothing(platform, mistakes, f"Platform {shown(_inside(raw, 'metadata', 'name'))}")


def to_plain(document: TenantNetwork | Platform) -> dict[str, Any]:
    """The document as plain JSON data, with nothing in it that was not said: what the record keeps."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _parsed(
    model: type[Model], raw: object, keys_at: Callable[[Sequence[str | int]], Sequence[str]]
) -> tuple[Model | None, list[Mistake]]:
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, mistakes_in(error, keys_at)


def _all_or_nothing(document: Model | None, mistakes: list[Mistake], what: str) -> Model:
    if document is None or mistakes:
        raise InvalidDocumentError(what, mistakes[:MOST_MISTAKES])
    return document


def _name(raw: object) -> str | None:
    try:
        return _NAME.validate_python(raw, strict=True)
    except ValidationError:
        return None


def _inside(raw: object, *keys: str) -> object:
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _numbered(adapter: TypeAdapter[Item], spec: object, key: str) -> list[tuple[int, Item]]:
    items = _inside(spec, key)
    if not isinstance(items, list):
        return []
    salvaged = ((index, _salvaged(adapter, item)) for index, item in enumerate(items))
    return [(index, item) for index, item in salvaged if item is not None]


_STAND_INS: dict[str, tuple[object, object]] = {
    "name": ("x", ""),
    "cidrs": (["192.0.2.0/24"], ()),
    "target": ("192.0.2.1", None),
}
"""For a needed field that is unsound: what lets the rest be read, and the blank that rules see in its place."""


def _salvaged(adapter: TypeAdapter[Item], raw: object) -> Item | None:
    """What can be read of an item, so that rules speak about the sound parts of one that is wrong elsewhere.

    A list is without its unsound entries, an unsound optional field is left out, a needed one is blank.
    """
    data, blanks = raw, {}
    # Unsound parts go in the first round, needed ones are found missing in the second, the third has to succeed.
    for _ in range(3):
        try:
            item = adapter.validate_python(data)
        except ValidationError as error:
            if not isinstance(data, dict) or not error.errors()[0]["loc"]:
                return None  # not a mapping, or of no known use
            data, missing = _without_unsound(data, error)
            for key in _STAND_INS.keys() & missing:
                data[key], blanks[key] = _STAND_INS[key]
        else:
            return item.model_copy(update=blanks)
    return None


def _without_unsound(data: dict[Any, Any], error: ValidationError) -> tuple[dict[Any, Any], set[str | int]]:
    """The data without what the error names, and the keys it misses."""
    unsound: dict[str | int, set[int]] = {}
    missing: set[str | int] = set()
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        location = found["loc"]
        key, *rest = location[1:] if location[0] in UNION_TAGS and len(location) > 1 else location
        if found["type"] == "missing" and not rest:
            missing.add(key)
        else:
            unsound.setdefault(key, set()).update(part for part in rest[:1] if isinstance(part, int))
    left = {key: value for key, value in data.items() if key not in unsound}
    for key, places in unsound.items():
        entries = data.get(key)
        if places and isinstance(entries, list):
            left[key] = [entry for place, entry in enumerate(entries) if place not in places]
    if left.get("cidrs") == []:
        del left["cidrs"]
    return left, missing


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _tenant_keys(location: Sequence[str | int]) -> list[str]:
    match list(location):
        case []:
            return _keys(TenantNetwork)
        case ["metadata"]:
            return _keys(Metadata)
        case ["spec"]:
            return _keys(TenantSpec)
        case ["spec", "subnets", _]:
            return _keys(Subnet)
        case ["spec", "subnets", _, "exclude", _]:
            return _keys(AddressRange)
        case ["spec", "externalIPs", _, "snat"]:
            return _keys(Snat)
        case ["spec", "externalIPs", _, "floatingIP"]:
            return _keys(FloatingIP)
        case _:
            return _keys(LoadBalancer)


def _platform_keys(location: Sequence[str | int]) -> list[str]:
    match list(location):
        case []:
            return _keys(Platform)
        case ["metadata"]:
            return _keys(PlatformMetadata)
        case ["spec", "block"]:
            return _keys(Block)
        case ["spec", "reserved", _]:
            return _keys(Reserved)
        case ["spec", "providerNetwork"]:
            return _keys(ProviderNetwork)
        case ["spec", "limits"]:
            return _keys(Limits)
        case _:
            return _keys(PlatformSpec)
