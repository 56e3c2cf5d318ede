"""The reference of both documents as Markdown, made from the models themselves."""

from collections.abc import Iterator
from typing import Any

from tenancy.schema import DOCUMENTS, json_schema


def reference() -> str:
    """One Markdown page with every field of both documents: its type, whether it is needed, its default and meaning."""
    lines = [
        "# The documents",
        "",
        "<!-- Made by `make docs` from the models in tenancy/: change those, not this page. -->",
        "",
        "One YAML file for each tenant, and one for the platform. `berth schema TenantNetwork` and `berth schema Platform`",
        "print the same as JSON Schema, which editors can check against while you write. Unknown keys are refused.",
        "",
        "A **name** has 1 to 24 characters: lower-case letters, digits and single dashes, a letter first, no dash at the end."
        " An **object name** is one the platform gave itself: up to 63 characters, without two dashes in a row.",
    ]
    for kind in DOCUMENTS:
        schema = json_schema(kind)
        parts: dict[str, Any] = schema.get("$defs", {})
        lines += ["", f"## {kind}", *_table(schema)]
        for name in _in_order(schema, parts):
            lines += ["", f"### {kind}: {name}", *_table(parts[name])]
    return "\n".join(lines) + "\n"


def _in_order(part: object, parts: dict[str, Any]) -> list[str]:
    """The parts of a document in the order in which its fields lead to them."""
    found: dict[str, None] = {}

    def visit(node: object) -> None:
        match node:
            case {"$ref": str(reference)}:
                name = reference.rsplit("/", 1)[-1]
                if name not in found:
                    found[name] = None
                    visit(parts[name].get("properties", {}))
            case dict():
                for value in node.values():
                    visit(value)
            case list():
                for value in node:
                    visit(value)

    visit(part.get("properties", {}) if isinstance(part, dict) else {})
    return list(found)


def _table(part: dict[str, Any]) -> Iterator[str]:
    yield ""
    if text := part.get("description"):
        yield _cell(text)
        yield ""
    yield "| field | type | needed | default | meaning |"
    yield "|---|---|---|---|---|"
    needed = part.get("required", [])
    for name, field in part.get("properties", {}).items():
        value = field.get("default")
        default = f"`{value}`" if value not in (None, []) and not isinstance(value, dict) else ""
        meaning = _cell(field.get("description", ""))
        yield f"| `{name}` | {_type(field)} | {'yes' if name in needed else ''} | {default} | {meaning} |"


def _type(field: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "$ref" in field:
        return str(field["$ref"].rsplit("/", 1)[-1])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if options := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(_type(option) for option in options if option.get("type") != "null")
    match field.get("type"):
        case "array":
            return f"list of {_type(field.get('items', {}))}{_limits(field, 'minItems', 'maxItems')}"
        case "integer":
            return f"number{_limits(field, 'minimum', 'maximum')}"
        case "string":
            if "pattern" in field:
                return "name" if field.get("maxLength") == 24 else "object name"
            return {"cidr": "CIDR", "ip": "IP address"}.get(field.get("format", ""), "text")
        case other:
            return str(other or "anything")


def _limits(field: dict[str, Any], least: str, most: str) -> str:
    low, high = field.get(least), field.get(most)
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else f", at most {high}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
