"""What is asked: short, on one line, the telling sentences first to stay."""

from __future__ import annotations

from models.rerankers.questions import CAPTION, CONTEXT, HEAD, answers, question, shortened, telling, width
from tests.models.checkpoints import tokenizer

PARAGRAPH = (
    "The road climbs for an hour and nothing much happens on it. " * 6
    + "At the top the windmill stands beside its little house. "
    + "After that there is only grass."
)


def test_every_question_begins_alike() -> None:
    assert question("Boats", "A harbour.").startswith(HEAD)
    assert question("", "").startswith(HEAD)
    assert question("Boats", "A harbour.") != question("Boats", "A castle.")


def test_the_sentence_about_the_caption_is_kept() -> None:
    kept = telling(PARAGRAPH, "The windmill at the top", CONTEXT)
    assert "windmill" in kept
    assert width(kept) <= CONTEXT
    assert telling("Short.", "anything", CONTEXT) == "Short."


def test_sentences_stay_in_order() -> None:
    text = "A windmill came first. " + "Then came nothing at all for quite a while. " * 8 + "A windmill came last."
    kept = telling(text, "windmill", 60)
    assert kept == "A windmill came first. A windmill came last."


def test_a_sentence_without_an_end_is_cut_at_a_word() -> None:
    kept = telling("word " * 300, "caption", CONTEXT)
    assert kept.endswith("word …")
    assert width(kept) <= CONTEXT + 2


def test_chinese_counts_for_more() -> None:
    assert width("港口") == 6
    caption = shortened("港口的渔船在黎明前出发" * 30, CAPTION)
    assert len(caption) < CAPTION / 2
    assert caption.endswith("…")


def test_lines_become_one() -> None:
    assert "\n" not in shortened("two\nlines\tand more", CAPTION)


def test_all_spellings_of_yes_and_no_count() -> None:
    words = tokenizer()
    yes, no = answers(words)
    assert {words.decode([token]).strip() for token in yes} == {"Yes", "yes"}
    assert {words.decode([token]).strip() for token in no} == {"No", "no"}
