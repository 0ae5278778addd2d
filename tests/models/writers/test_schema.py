"""JSON in a model's answer, and whether it satisfies a schema."""

from __future__ import annotations

import pytest

from models.writers.schema import fits, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, {"b": 2}]}', {"a": [1, {"b": 2}]}),
        ('Sure! ```json\n{"a": "}"}\n``` done', {"a": "}"}),
        ('[1, 2] {"a": 3}', [1, 2]),
        ('{"a": 1', None),
        ("no JSON at all", None),
        ("", None),
    ],
)
def test_parse(text: str, value: object) -> None:
    assert parse(text) == value


SLOT = {
    "type": "object",
    "properties": {
        "caption": {"type": "string", "minLength": 2, "maxLength": 20},
        "after": {"type": "integer", "minimum": 1, "maximum": 5},
        "tone": {"enum": ["calm", "bright"]},
        "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "fixed": {"const": 3},
        "weight": {"type": ["number", "null"]},
    },
    "required": ["caption", "after"],
    "additionalProperties": False,
}
SCHEMA = {"type": "array", "items": SLOT, "minItems": 1, "maxItems": 2}
GOOD = {"caption": "boats", "after": 2, "tone": "calm", "note": None, "fixed": 3, "weight": 0.5}


def test_a_value_that_fits() -> None:
    assert fits([GOOD], SCHEMA)
    assert fits([{"caption": "boats", "after": 2}], SCHEMA)
    assert fits("anything", {})


@pytest.mark.parametrize(
    "change",
    [
        {"caption": "b"},
        {"caption": "b" * 21},
        {"caption": 7},
        {"after": 0},
        {"after": 6},
        {"after": 2.5},
        {"after": True},
        {"tone": "dark"},
        {"note": 4},
        {"fixed": 4},
        {"weight": "0.5"},
        {"more": 1},
    ],
)
def test_values_that_do_not_fit(change: dict[str, object]) -> None:
    assert not fits([GOOD | change], SCHEMA)


def test_sizes_and_missing_names() -> None:
    assert not fits([], SCHEMA)
    assert not fits([GOOD] * 3, SCHEMA)
    assert not fits([{"caption": "boats"}], SCHEMA)
    assert not fits(GOOD, SCHEMA)
