from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.library.words.tokens import terms, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A castle, by the LAKE!", "a castle by the lake"),
        ("沙发上", "沙发 发上 上"),
        ("猫", "猫"),
        ("IMG_20 北京 2024年", "img 20 北京 京 2024 年"),
        ("ＡＢＣ", "abc"),
        ("カメラ", "カメ メラ ラ"),
        ("naïve-café", "naïve café"),
        ("", ""),
        ("!?\0—", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("a castle by a lake in Scotland", "en", ["castle", "lake", "scotland"]),
        ("the who", None, ["the", "who"]),
        ("北京的故宫", "zh", ["北京", "故宫"]),
        ("猫", "zh", ["猫*"]),
        ("红 car", None, ["红*", "car"]),
        ("的", "zh", ["的*"]),
        ("lake lake Lake", "en", ["lake"]),
        ("", None, []),
    ],
)
def test_terms_leave_out_what_says_nothing(text: str, language: str, expected: list[str]) -> None:
    assert terms(text, language) == expected  # type: ignore[arg-type]


@given(st.text())
def test_tokens_are_plain_and_stable(text: str) -> None:
    found = tokens(text)
    assert found == found.strip()
    assert not set(found) & set("\"'*()\0\n")
    assert set(found) <= set(" ") | {char for token in found.split() for char in token}
