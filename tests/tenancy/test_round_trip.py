"""An accepted document means the same after the record, the wire and its schema."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given
from pydantic_core import from_json, to_json

from tenancy.documents import read_platform, read_tenant, to_plain
from tenancy.platform import Platform
from tenancy.schema import DOCUMENTS, json_schema
from tenancy.tenant import TenantNetwork
from tests.tenancy.documents import FULL_TENANT, accepted, raw_platform

VALIDATORS = {kind: jsonschema.Draft202012Validator(json_schema(kind)) for kind in DOCUMENTS}


@given(accepted())
def test_the_record_is_read_again_as_the_same_document(pair: tuple[TenantNetwork, Platform]) -> None:
    tenant, platform = pair
    for document, read in ((tenant, read_tenant), (platform, read_platform)):
        plain = to_plain(document)
        again = read(json.loads(json.dumps(plain)))
        assert again == document
        assert to_plain(again) == plain


@given(accepted())
def test_the_wire_brings_the_same_document(pair: tuple[TenantNetwork, Platform]) -> None:
    for document in pair:
        assert type(document).model_validate_json(document.model_dump_json()) == document
        # As Temporal's pydantic converter does it.
        assert type(document).model_validate(from_json(to_json(document))) == document
        assert type(document).model_validate(document.model_dump()) == document


@given(accepted())
def test_the_schema_takes_every_accepted_document(pair: tuple[TenantNetwork, Platform]) -> None:
    for document in pair:
        VALIDATORS[document.kind].validate(to_plain(document))
        VALIDATORS[document.kind].validate(json.loads(document.model_dump_json()))


def test_the_record_says_no_more_than_was_said() -> None:
    assert to_plain(read_tenant(FULL_TENANT)) == FULL_TENANT
    assert to_plain(read_platform(raw_platform())) == raw_platform()


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_schema_is_one_of_its_draft(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def _holes(part: Any) -> list[Any]:
    """Objects of a schema that would take unknown keys."""
    if isinstance(part, dict):
        own = [part] if part.get("type") == "object" and part.get("additionalProperties") is not False else []
        return own + [hole for value in part.values() for hole in _holes(value)]
    return [hole for item in part for hole in _holes(item)] if isinstance(part, list) else []


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_schema_knows_every_key_by_its_one_spelling(kind: str) -> None:
    schema = json_schema(kind)
    assert _holes(schema) == []
    assert "_" not in "".join(key for part in [schema, *schema["$defs"].values()] for key in part.get("properties", {}))


@pytest.mark.parametrize(
    ("raw", "defaults"),
    [(FULL_TENANT, {}), (raw_platform(), {"mode": "overlay"})],
    ids=["tenant", "platform"],
)
def test_the_schema_refuses_what_it_can_say(raw: Any, defaults: Any) -> None:
    validator = VALIDATORS[raw["kind"]]
    validator.validate({**raw, "spec": {**raw["spec"], **defaults}})
    for wrong in (
        {**raw, "kind": "Tenant"},
        {**raw, "metadata": {"name": "a--b"}},
        {**raw, "metadata": {"name": "a" * 25}},
        {**raw, "spec": {**raw["spec"], "more": 1}},
    ):
        assert not validator.is_valid(wrong)
