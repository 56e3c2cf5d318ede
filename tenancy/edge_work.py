"""What the edge team is asked to do where it configures its routers itself: one JSON document, and lines for each platform."""

import json
from hashlib import sha256
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tenancy.edge import RouterPlatform
from tenancy.fields import Name

RouteAction: TypeAlias = Literal["announce", "withdraw"]


class _Told(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, serialize_by_alias=True, validate_by_name=True
    )


class EdgeRoute(_Told):
    """One static route."""

    prefix: str
    next_hop: str | None
    """None: it is announced, and what arrives for it is discarded."""
    description: str
    """Name of the route where the platform knows one; it tells whose it is."""


class EdgeWork(_Told):
    """The JSON document: the routes that are to be there, or to be gone, on every edge router."""

    tenant: Name
    action: RouteAction
    tag: int
    """Of each of the routes."""
    routes: tuple[EdgeRoute, ...]

    def as_json(self) -> str:
        """The document as people read it, a route a line."""
        told = self.model_dump(mode="json")
        head = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items() if key != "routes")
        routes = ",\n".join(f"  {json.dumps(route)}" for route in told["routes"])
        return f'{{{head}, "routes": [\n{routes}\n]}}'


class PlatformLines(_Told):
    """The configuration lines that do it on one kind of router."""

    platform: RouterPlatform
    lines: tuple[str, ...]


class EdgePreview(_Told):
    """Exactly what the edge team confirms to have done, and in which run."""

    run: str
    """Workflow run; a decision about one run is none about another."""
    requested_by: str = ""
    """Who asks, and may not confirm."""
    document: EdgeWork
    platforms: tuple[PlatformLines, ...] = ()

    @property
    def tenant(self) -> str:
        """Whose routes they are."""
        return self.document.tenant

    @property
    def hash(self) -> str:
        """Digest of all of it: what the edge team confirms."""
        return sha256(
            json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
