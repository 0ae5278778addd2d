"""Languages and bytes as vocabularies show them."""

from __future__ import annotations

import pytest

from models.vocabulary import CHINESE, bytes_of, languages_by, letters_of
from tests.models.checkpoints import tokenizer


@pytest.mark.parametrize("text", ["港口 harbour\n", " Yes", "\x00\x7f\xadé"])
def test_letters_and_bytes_are_each_others_way_back(text: str) -> None:
    assert bytes_of(letters_of(text).encode()) == text.encode()


def test_letters_are_those_of_a_byte_level_tokenizer() -> None:
    words = tokenizer(byte_level=True)
    (token,) = words.convert_ids_to_tokens(words.encode(" the", add_special_tokens=False))
    assert token == letters_of(" the")


def test_languages() -> None:
    assert languages_by(len) == ("en", "zh")
    assert languages_by(lambda text: 3 * len(text)) == ("en",)
    assert languages_by(lambda text: -(-3 * len(text) // 2)) == ("en",), "as many as the limit is too many"
    assert len(CHINESE) > 20
