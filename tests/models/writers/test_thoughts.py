"""What a model thinks aloud does not reach the reader, however it is cut into pieces."""

from __future__ import annotations

import pytest

from models.writers.thoughts import Thoughts


def heard(*pieces: str) -> tuple[str, bool]:
    thoughts, said = Thoughts(), ""
    for piece in pieces:
        said += thoughts.hear(piece)
        if thoughts.stray:
            said, thoughts.stray = "", False
    return said + thoughts.rest(), thoughts.heard


@pytest.mark.parametrize(
    ("text", "meant", "thought"),
    [
        ("The harbour.", "The harbour.", False),
        ("<think>Hm, boats.</think>\n\nThe harbour.", "The harbour.", True),
        ("\n<think>\n\n</think>\n\nThe harbour.", "The harbour.", True),
        ("<think>one</think> <think>two</think> The harbour.", "The harbour.", True),
        ("<think>without an end", "", True),
        ("Thought first.</think>\nThe harbour.", "The harbour.", True),
        ("1 < 2 and <this> and </that> stay", "1 < 2 and <this> and </that> stay", False),
        ("A tag <think> in the middle stays", "A tag <think> in the middle stays", False),
        ("<thin air", "<thin air", False),
        ("[THINK]Hm.[/THINK]The harbour.", "The harbour.", True),
        ("◁think▷Hm.</think>◁/think▷\nThe harbour.", "The harbour.", True),
        ("<", "<", False),
        ("", "", False),
        ("  \n", "  \n", False),
        ("it ends in </thi", "it ends in </thi", False),
    ],
)
def test_thoughts(text: str, meant: str, thought: bool) -> None:
    assert heard(text) == (meant, thought)
    assert heard(*text) == (meant, thought), "letter by letter"
    for cut in range(len(text)):
        assert heard(text[:cut], text[cut:]) == (meant, thought)


def test_words_are_not_held_for_long() -> None:
    thoughts = Thoughts()
    assert [thoughts.hear(piece) for piece in ("The", " harbour", " <", "b> is")] == ["The", " harbour", " ", "<b> is"]
