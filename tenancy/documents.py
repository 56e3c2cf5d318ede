"""From plain data to documents: everything that is wrong is said at once, or the document is good."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tenancy.edge import ByEdgeTeam, OneToOneNat, StaticRoutes
from tenancy.edge_rules import edge_mistakes, nothing_to_announce, pool_mistakes
from tenancy.fields import AddressRange
from tenancy.mistakes import InvalidDocumentError, Mistake, mistakes_in, shown
from tenancy.platform import Platform
from tenancy.platform_rules import platform_fit, platform_mistakes
from tenancy.rules import name_mistakes, tenant_mistakes
from tenancy.salvage import inside, sound_announce, sound_platform, sound_tenant, sound_vlan
from tenancy.tenant import (
    ExternalIP,
    FloatingIP,
    LoadBalancer,
    Metadata,
    Snat,
    Subnet,
    TenantNetwork,
    TenantSpec,
)
from tenancy.vlan_rules import mode_mistakes, vlan_fit, vlan_mistakes

MOST_MISTAKES = 100
"""How many mistakes are reported of one document; who has more mends these first."""

LARGEST = 200_000
"""Characters of a tenant's document as JSON. All annotations of an object together may have 256 KiB
(Kubernetes apimachinery/pkg/api/validation/objectmeta.go, TotalAnnotationSizeLimitB)."""

_WAYS_TO_ANNOUNCE: dict[str | int, type[BaseModel]] = {
    "static-route": StaticRoutes,
    "one-to-one-nat": OneToOneNat,
    "none": ByEdgeTeam,
}
"""By the tag with which Pydantic's locations say which it is."""

Model = TypeVar("Model", bound=BaseModel)


def read_tenant(raw: object, platform: Platform | None = None) -> TenantNetwork:
    """The tenant's document, checked in itself and, where a platform is given, against it.

    Raises InvalidDocumentError with every mistake: structure, fields and rules together, so that one round mends all.
    """
    _refuse_if_too_large(raw)
    tenant, mistakes = _parsed(TenantNetwork, raw, _tenant_keys)
    name: str | None
    subnets: Sequence[tuple[int, Subnet]]
    ips: Sequence[tuple[int, ExternalIP]]
    if tenant is None:
        name, subnets, ips = sound_tenant(raw)
    else:  # the rules see what is accepted, however the raw data spelled it
        name, subnets, ips = (
            tenant.name,
            list(enumerate(tenant.spec.subnets)),
            list(enumerate(tenant.spec.external_ips)),
        )
    if name is not None:
        mistakes.extend(name_mistakes(name, subnets))
    mistakes.extend(tenant_mistakes(subnets, ips))
    if platform is not None:
        mistakes.extend(platform_fit(name, subnets, ips, platform))
        wished = inside(raw, "spec", "vlan") if tenant is None else tenant.spec.vlan
        mistakes.extend(vlan_fit(wished if type(wished) is int else None, len(ips), platform))
    return _all_or_nothing(tenant, mistakes, f"TenantNetwork {name or shown(inside(raw, 'metadata', 'name'))}")


def read_platform(raw: object) -> Platform:
    """The platform's document. Raises InvalidDocumentError with every mistake."""
    platform, mistakes = _parsed(Platform, raw, _platform_keys)
    spec = inside(raw, "spec")
    if platform is None:
        block, reserved, provider = sound_platform(raw)
        vlan, announce = sound_vlan(inside(spec, "vlan")), sound_announce(inside(spec, "announce"))
    else:
        told = platform.spec
        block, reserved, provider = told.block, list(enumerate(told.reserved)), told.provider_network
        vlan, announce = told.vlan, told.announce
    mistakes.extend(platform_mistakes(block, reserved, provider))
    mistakes.extend(mode_mistakes(inside(spec, "mode"), given=inside(spec, "vlan") is not None))
    mistakes.extend(vlan_mistakes(vlan) if vlan is not None else ())
    if inside(spec, "announce") is not None:
        mistakes.extend(nothing_to_announce(provider, inside(spec, "vlan", "gateway")))
    if announce is not None:
        mistakes.extend(edge_mistakes(announce, vlan))
    if isinstance(announce, OneToOneNat):
        mistakes.extend(pool_mistakes(announce, block, reserved, provider, vlan))
    return _all_or_nothing(platform, mistakes, f"Platform {shown(inside(raw, 'metadata', 'name'))}")


def to_plain(document: TenantNetwork | Platform) -> dict[str, Any]:
    """The document as plain JSON data, with nothing in it that was not said: what the record keeps."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _refuse_if_too_large(raw: object) -> None:
    try:
        size = len(json.dumps(raw, default=str))
    except (ValueError, TypeError, RecursionError):
        return  # no document at all, as will be told
    if size > LARGEST:
        remedy = f"write {LARGEST} at the most: it has to fit into an annotation of the VPC"
        mistake = Mistake(path="(document)", value=f"{size} characters of JSON", problem="is too large", remedy=remedy)
        raise InvalidDocumentError("TenantNetwork", [mistake])


def _parsed(
    model: type[Model], raw: object, keys_at: Callable[[Sequence[str | int]], Sequence[str]]
) -> tuple[Model | None, list[Mistake]]:
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, mistakes_in(error, keys_at)


def _all_or_nothing(document: Model | None, mistakes: list[Mistake], what: str) -> Model:
    if document is not None and not mistakes:
        return document
    more = len(mistakes) - MOST_MISTAKES
    if more > 0:
        rest = Mistake(path="(document)", problem=f"has {more} more mistakes", remedy="mend these first")
        mistakes = [*mistakes[:MOST_MISTAKES], rest]
    raise InvalidDocumentError(what, mistakes)


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
    model: type[BaseModel] = Platform
    for part in location:
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        model = _WAYS_TO_ANNOUNCE.get(part) or _model_in(fields.get(str(part))) or model
    return _keys(model)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The one kind of document part that a field may hold, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
