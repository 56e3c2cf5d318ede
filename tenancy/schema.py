"""JSON Schema of both documents, for editors and for whoever writes them."""

from typing import Any

from pydantic import BaseModel

from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork

DOCUMENTS: dict[str, type[BaseModel]] = {"TenantNetwork": TenantNetwork, "Platform": Platform}
"""The documents by their `kind`."""


def json_schema(kind: str) -> dict[str, Any]:
    """The schema of one kind of document (draft 2020-12). Raises KeyError for a kind there is none of."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **DOCUMENTS[kind].model_json_schema(by_alias=True, mode="validation"),
    }
