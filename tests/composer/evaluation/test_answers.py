"""A writer is asked once; what it answered, and what that took, is known afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.errors import Cancelled
from composer.evaluation.answers import Answers
from composer.ports import Cancel, Capabilities, Message, Piece, Prompt


class Counting:
    """Says how often it was asked."""

    id = "counting"
    capabilities = Capabilities(context=512, languages=("en",))

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:  # noqa: ARG002 - the port's signature
        self.asked += 1
        for word in ("answer ", str(self.asked)):
            cancel.check()
            yield Piece(word, 1)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None: ...


def prompt(words: str, seed: int = 1) -> Prompt:
    return Prompt(messages=(Message("user", words),), max_tokens=5, seed=seed)


def said(answers: Answers, asked: Prompt, cancel: Cancel | None = None) -> str:
    return "".join(piece.text for piece in answers().generate(asked, cancel or Cancel()))


def test_the_same_prompt_is_asked_once_also_by_a_later_run(tmp_path: Path) -> None:
    writer = Counting()
    first = Answers(tmp_path / "answers.jsonl", lambda: writer)
    assert [said(first, prompt("a")), said(first, prompt("a")), said(first, prompt("a", 2))] == [
        "answer 1", "answer 1", "answer 2",
    ]  # fmt: skip
    later = Answers(tmp_path / "answers.jsonl", lambda: writer)
    assert said(later, prompt("a")) == "answer 1"
    assert writer.asked == 2


def test_what_a_kept_answer_took_is_told(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    said(Answers(file, Counting), prompt("a"))
    file.write_text(re.sub(r'"seconds":[^,}]+', '"seconds":7.0', file.read_text()))
    later = Answers(file, Counting)
    assert later.saved == 0
    said(later, prompt("a"))
    assert later.saved >= 7


def test_an_answer_that_was_stopped_or_cut_short_is_no_answer(tmp_path: Path) -> None:
    file, writer, cancel = tmp_path / "answers.jsonl", Counting(), Cancel()
    answers = Answers(file, lambda: writer)
    pieces = answers().generate(prompt("a"), cancel)
    next(pieces)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(pieces)
    assert said(answers, prompt("a")) == "answer 2"
    file.write_bytes(file.read_bytes()[:-10])
    assert said(Answers(file, lambda: writer), prompt("a")) == "answer 3"
