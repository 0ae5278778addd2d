"""Reading JSON out of a model's answer and judging it by a schema: the part of JSON Schema that prompts use."""

from __future__ import annotations

import json
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def parse(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The first whole JSON object or array in the text, whatever stands around it; None if there is none."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, min(starts))[0]
    except ValueError:
        return None


def fits(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - as above
    """Whether the value satisfies the schema: type, enum, const, anyOf, sizes, bounds, properties and items."""
    if not _allowed(value, schema):
        return False
    if isinstance(value, dict):
        return _fits_object(value, schema)
    if isinstance(value, list):
        items = schema.get("items", {})
        return _sized(len(value), schema, "Items") and all(fits(item, items) for item in value)
    if isinstance(value, str):
        return _sized(len(value), schema, "Length")
    return not isinstance(value, (int, float)) or _bounded(value, schema)


def _allowed(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 - as above
    if "anyOf" in schema and not any(fits(value, choice) for choice in schema["anyOf"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    return schema.get("const", value) == value and ("type" not in schema or _is(value, schema["type"]))


def _is(value: Any, wanted: str | list[str]) -> bool:  # noqa: ANN401 - as above
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, TYPES[name]) for name in names)


def _fits_object(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    known: dict[str, Any] = schema.get("properties", {})
    if any(name not in value for name in schema.get("required", ())):
        return False
    if schema.get("additionalProperties") is False and not set(value) <= set(known):
        return False
    return all(fits(item, known[name]) for name, item in value.items() if name in known)


def _sized(size: int, schema: dict[str, Any], what: str) -> bool:
    return schema.get(f"min{what}", 0) <= size <= schema.get(f"max{what}", size)


def _bounded(value: float, schema: dict[str, Any]) -> bool:
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)
