"""JSON schemas as llama.cpp's own grammars (GBNF).

This build would otherwise hand a schema to llguidance, which writes on without any rule where it meets one that it does
not know, or a vocabulary that begins every text with a space, as Llama 2's and Mistral's do.
"""

from __future__ import annotations

import json
from typing import Any

PLAIN = {
    "string": r'"\"" char* "\""',
    "integer": r'"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": r'"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": r'"true" | "false"',
    "null": r'"null"',
}
CHAR = r'[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})'
SPACE = '" "?'
"""At most one: a model that has lost the thread could write empty lines until its tokens are spent."""
COMMA = ' "," space '
WORDS = {"title", "description", "default", "examples"}
KNOWN = WORDS | {
    "type", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
    "minLength", "maxLength",
}  # fmt: skip


def grammar(schema: dict[str, Any]) -> str:
    """Every property is written, in the schema's order, and none besides. Raises ValueError for what it cannot say."""
    rules = {"char": CHAR, "space": SPACE}
    root = _rule(schema, rules)
    return "\n".join([f"root ::= {root}", *(f"{name} ::= {text}" for name, text in rules.items())])


def _rule(schema: dict[str, Any], rules: dict[str, str]) -> str:
    """The name of a rule for the schema, added to the rules."""
    text = _text(schema, rules)
    name = f"r{len(rules)}"
    rules[name] = text
    return name


def _text(schema: dict[str, Any], rules: dict[str, str]) -> str:
    if unknown := set(schema) - KNOWN:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be enforced")
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return " | ".join(_literal(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_rule(choice, rules) for choice in schema["anyOf"])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return " | ".join(_rule({**schema, "type": kind}, rules) for kind in kinds)
    return _typed(kinds, schema, rules)


def _typed(kind: object, schema: dict[str, Any], rules: dict[str, str]) -> str:
    if kind == "object":
        return _object(schema, rules)
    if kind == "array":
        return _array(schema, rules)
    if kind == "string" and ("minLength" in schema or "maxLength" in schema):
        return rf'"\"" char{_times(schema.get("minLength", 0), schema.get("maxLength"))} "\""'
    if not isinstance(kind, str) or kind not in PLAIN:
        raise ValueError(f"the type {kind} is none")
    return PLAIN[kind]


def _object(schema: dict[str, Any], rules: dict[str, str]) -> str:
    parts = [
        f'{_literal(name)} ":" space {_rule(inner, rules)}' for name, inner in schema.get("properties", {}).items()
    ]
    return f'"{{" space {COMMA.join(parts)} space "}}"' if parts else '"{" space "}"'


def _array(schema: dict[str, Any], rules: dict[str, str]) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if most == 0:
        return '"[" space "]"'
    item = _rule(schema.get("items", {"type": "string"}), rules)
    more = f'("," space {item}){_times(max(least - 1, 0), None if most is None else most - 1)}'
    return f'"[" space ({item} {more}){"" if least else "?"} space "]"'


def _times(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


def _literal(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """The value's JSON as a quoted text of the grammar's own language."""
    return json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False)
