"""Schemas as llama.cpp's grammars: what a model of random weights writes under them satisfies the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from composer.ports import Cancel, Message, Prompt
from models.writers.gbnf import grammar
from models.writers.llama import LlamaWriter
from models.writers.schema import fits
from tests.models.gguf_files import chat_model

RECORD = {"type": "object", "properties": {"subject": {"type": "string", "maxLength": 12}}, "required": ["subject"]}
SCHEMAS: list[dict[str, Any]] = [
    {"enum": ['a "quoted" word', "港口", "back\\slash", 7, None]},
    {"const": "the same"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 1},
    {"type": "array", "maxItems": 0},
    {"type": "object", "properties": {}},
    {"anyOf": [RECORD, {"type": "object", "properties": {"picture": {"enum": ["boats", "castle"]}}}]},
    {
        "type": "object",
        "properties": {
            "sections": {"type": "array", "minItems": 2, "maxItems": 2, "items": RECORD},
            "title": {"type": "string", "minLength": 0, "maxLength": 9},
            "size": {"type": ["number", "null"]},
        },
        "required": ["sections", "title", "size"],
        "additionalProperties": False,
    },
]


@pytest.fixture(scope="module", params=[True, False], ids=["spaced", "plain"])
def writer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaWriter]:
    """With and without a space that the vocabulary puts before every text."""
    file = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    made = LlamaWriter(chat_model(file, tokenizer__ggml__add_space_prefix=request.param), model_id="tiny")
    yield made
    made.close()


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
def test_what_is_written_fits(writer: LlamaWriter, schema: dict[str, Any]) -> None:
    for seed in range(3):
        asked = Prompt(messages=(Message("user", "hi"),), max_tokens=400, seed=seed, schema=schema, temperature=1.0)
        answer = "".join(piece.text for piece in writer.generate(asked, Cancel()))
        # A model of chance writes bytes that are no letters; they stand as marks, several for one of the grammar.
        assert fits(json.loads(answer.replace("\ufffd", "")), schema), answer


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {}, {"type": "integer", "minimum": 3}, {"pattern": "a+"}])
def test_what_cannot_be_enforced_is_said(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is none|cannot be enforced"):
        grammar(schema)
