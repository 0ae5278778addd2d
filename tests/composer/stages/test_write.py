"""Writing: the length, no repetition, nothing invented, and what was streamed is what comes out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from composer import prose
from composer.draft import fold
from composer.errors import Cancelled
from composer.ports import Cancel, Prompt
from composer.stages.outline import passages_for
from composer.stages.write import WriteEvent, write
from composer.types import Article, BlockReplaced, Brief, Composition, Language, Outline, Section, TextDelta
from tests.composer.fakes import ScriptedWriter, heading, outline_of, paragraph, passage, sentences, wordy

LONGEST = 170
NAMES = ["Nets", "Boats", "Gulls", "Storms", "Peat", "Sheep", "Ferries", "Lamps", "Tides", "Ropes", "Kelp", "Stones"]


class Run:
    """A run of the stage, event by event, with the draft that a reader sees."""

    def __init__(
        self, brief: Brief, outline: Outline, writer: ScriptedWriter, started: Article | None = None, most: int = 20_000
    ) -> None:
        self.events: list[WriteEvent] = []
        self.draft = Composition(brief=brief, outline=outline, article=started or Article(outline.title, ()))
        self.cancel = Cancel()
        self._stage = write(brief, outline, started, LONGEST, writer, self.cancel)
        self._most = most

    def step(self) -> Article | None:
        """The article when it is finished, None before."""
        try:
            event = next(self._stage)
        except StopIteration as end:
            return end.value
        self.events.append(event)
        self.draft = fold(self.draft, event)
        return None

    def finish(self) -> Article:
        for _ in range(self._most):
            done = self.step()
            if done is not None:
                return done
        raise AssertionError("the writer went on for ever")


def sections_for(brief: Brief) -> Outline:
    count = passages_for(brief, LONGEST)
    sections = min(count, len(NAMES))
    shared = [count // sections + (at < count % sections) for at in range(sections)]
    return Outline(
        "An island",
        tuple(Section(name, tuple(f"point {at}" for at in range(n))) for name, n in zip(NAMES, shared, strict=False)),
    )


def finished(brief: Brief, answers: Callable[[Prompt], str]) -> tuple[Article, Run, ScriptedWriter]:
    writer = ScriptedWriter(answers)
    run = Run(brief, sections_for(brief), writer)
    return run.finish(), run, writer


def texts(article: Article) -> list[str]:
    return [block.text for block in article.blocks if block.kind == "paragraph"]


@pytest.mark.parametrize("share", [0.6, 1.0, 1.6])
@pytest.mark.parametrize("length", [100, 450, 1500])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_length_is_within_15_percent(language: Language, length: int, share: float) -> None:
    brief = Brief(topic="An island", language=language, length=length)
    article, _, _ = finished(brief, lambda prompt: wordy(prompt, language, share))
    got = prose.article_length(article, language)
    assert abs(got - length) <= 0.15 * length, f"{got} instead of {length}"


def test_a_very_long_article() -> None:
    brief = Brief(topic="An island", length=8000)
    article, _, writer = finished(brief, wordy)
    assert abs(prose.article_length(article, "en") - 8000) <= 1200
    assert len(writer.prompts) < 100


def test_what_was_streamed_is_what_comes_out() -> None:
    article, run, _ = finished(Brief(topic="An island", length=900), wordy)
    assert run.draft.article == article
    assert all(block.done for block in article.blocks)
    ids = [block.id for block in article.blocks]
    assert len(set(ids)) == len(ids)
    assert sum(isinstance(event, TextDelta) for event in run.events) > 100, "text streams in small bits"


@pytest.mark.parametrize("share", [0.3, 0.5, 2.0])
def test_a_fold_holds_the_same_blocks_after_filling_and_trimming(share: float) -> None:
    article, run, _ = finished(Brief(topic="An island", length=900), lambda prompt: wordy(prompt, "en", share))
    assert run.draft.article is not None
    by_id = {block.id: block for block in run.draft.article.blocks}
    assert by_id == {block.id: block for block in article.blocks}
    assert [block.section for block in article.blocks] == sorted(block.section for block in article.blocks)


def test_every_section_starts_with_its_heading() -> None:
    article, _, _ = finished(Brief(topic="An island", length=1500), wordy)
    for section in range(12):
        own = [block for block in article.blocks if block.section == section]
        assert own[0].kind == "heading"
        assert own[0].text == NAMES[section]
        assert [block.kind for block in own[1:]] == ["paragraph"] * (len(own) - 1)
        assert len(own) > 1


def test_an_unfinished_last_sentence_is_removed() -> None:
    def answer(prompt: Prompt) -> str:
        return wordy(prompt) + " And then the boats came back from"

    article, _, _ = finished(Brief(topic="An island", length=300), answer)
    assert texts(article)
    assert all(text.endswith(".") for text in texts(article))
    assert "came back from" not in " ".join(texts(article))


def test_markup_headings_and_small_talk_are_removed() -> None:
    def answer(prompt: Prompt) -> str:
        return f"**Nets**\n\nSure, I can write that.\n- {wordy(prompt)} In conclusion, islands are nice places to be."

    article, _, _ = finished(Brief(topic="An island", length=100), answer)
    text = " ".join(texts(article))
    assert text
    for wrong in ("**", "Sure,", "In conclusion", "- "):
        assert wrong not in text
    assert not text.startswith("Nets")


def test_a_repeated_passage_is_written_once_more() -> None:
    same = passage(130, "the same")

    def answer(prompt: Prompt) -> str:
        return same if prompt.temperature == 0.7 else wordy(prompt)

    brief = Brief(topic="An island", length=260)
    article, run, writer = finished(brief, answer)
    assert [prompt.temperature for prompt in writer.prompts[:3]] == [0.7, 0.7, 0.9]
    assert texts(article).count(same) == 1
    assert run.draft.article == article


def test_sentences_that_still_repeat_are_removed() -> None:
    same = passage(130, "the same")
    article, _, writer = finished(Brief(topic="An island", length=600), lambda _: same)
    keys = [prose.key(each) for text in texts(article) for each in prose.sentences(text)]
    assert len(keys) == len(set(keys)), "no sentence stands twice"
    assert len(writer.prompts) < 60


def test_a_writer_going_in_circles_is_stopped() -> None:
    circle = " ".join(sentences(3, "circle") * 40)
    writer = ScriptedWriter(lambda _: circle)
    Run(Brief(topic="An island", length=150), outline_of("Nets"), writer).finish()
    assert writer.streamed < 50 * len(writer.prompts), "the rest of the circle need not be waited for"


INVENTED = [
    "The tower was built in 1862 by the crown.",
    "It stands 42 metres above the sea.",
    "In the nineteenth century the quay was lengthened.",
    "The mill has turned for over 100 years without a pause.",
    "The keeper lets visitors in from 10 am until the evening.",
    "The road runs 12 km along the coast.",
    "Ships of 300 feet come here.",
]


@pytest.mark.parametrize("invented", INVENTED)
def test_invented_figures_are_removed(invented: str) -> None:
    def answer(prompt: Prompt) -> str:
        own = prose.sentences(wordy(prompt))
        return " ".join([own[0], invented, *own[1:]])

    article, _, _ = finished(Brief(topic="An island", length=260), answer)
    assert invented not in " ".join(texts(article))
    assert texts(article)


@pytest.mark.parametrize("invented", ["灯塔建于1862年。", "塔高42米。", "十九世纪这里修了码头。"])
def test_invented_figures_are_removed_in_chinese(invented: str) -> None:
    article, _, _ = finished(
        Brief(topic="岛", length=300, language="zh"),
        lambda prompt: wordy(prompt, "zh") + invented + wordy(prompt, "zh"),
    )
    assert "".join(texts(article))
    assert invented not in "".join(texts(article))


def test_given_figures_are_kept() -> None:
    def answer(prompt: Prompt) -> str:
        return f"The lamp was lit in 1862 for the first time. {wordy(prompt)}"

    brief = Brief(topic="An island", notes="The lighthouse was lit in 1862.", length=120)
    article, _, _ = finished(brief, answer)
    assert "in 1862" in texts(article)[0]
    anchored = outline_of("Nets", anchor="A net from 1862")
    run = Run(Brief(topic="An island", length=120), anchored, ScriptedWriter(answer))
    assert "in 1862" in texts(run.finish())[0]


def test_a_passage_that_loses_its_start_names_its_subject() -> None:
    def answer(prompt: Prompt) -> str:
        return f"The harbour was dug in 1904 by hand. It's a quiet place in winter. {wordy(prompt)}"

    run = Run(Brief(topic="An island", length=120), outline_of("Nets"), ScriptedWriter(answer))
    assert texts(run.finish())[0].startswith("Nets is a quiet place")


@pytest.mark.parametrize("silence", ["", "   \n", "...", "no end in sight", "Sure, here is the text"])
def test_a_writer_that_says_nothing_does_not_loop(silence: str) -> None:
    _, run, writer = finished(Brief(topic="An island", length=1000), lambda _: silence)
    assert len(writer.prompts) <= 2 * (2 * 8 + 3)
    assert run.draft.article is not None
    assert all(prose.sentences(block.text) for block in run.draft.article.blocks)


@pytest.mark.parametrize("after", [0, 1, 5, 40, 90, 200])
def test_cancel_stops_at_once(after: int) -> None:
    writer = ScriptedWriter(wordy)
    run = Run(Brief(topic="An island", length=900), sections_for(Brief(topic="", length=900)), writer)
    while len([event for event in run.events if isinstance(event, TextDelta)]) < after:
        assert run.step() is None
    before, seen = writer.streamed, len(run.events)
    run.cancel.cancel()
    with pytest.raises(Cancelled):
        run.finish()
    assert writer.streamed <= before + 1
    assert not [event for event in run.events[seen:] if isinstance(event, TextDelta)]


@pytest.mark.parametrize("share", [1.0, 0.45])
@pytest.mark.parametrize("after", [1, 30, 120, 250, 420, 600, 700, 780])
def test_resuming_keeps_what_was_finished(after: int, share: float) -> None:
    brief = Brief(topic="An island", length=900)
    outline = sections_for(brief)
    writer = ScriptedWriter(lambda prompt: wordy(prompt, "en", share))
    run = Run(brief, outline, writer)
    for _ in range(after):
        if run.step() is not None:
            break
    started = run.draft.article
    assert started is not None
    kept = [block for block in started.blocks if block.kind == "paragraph" and block.done]
    later = ScriptedWriter(lambda prompt: wordy(prompt, "en", share))
    again = Run(brief, outline, later, started)
    article = again.finish()
    held = {block.id: block for block in article.blocks}
    for block in kept:
        assert held[block.id].text[:200] == block.text[:200], "a finished passage is not written again"
    left = sum(len(section.points) for section in outline.sections) - len(kept)
    firsts = [prompt for prompt in later.prompts if prompt.temperature == 0.7]
    assert len(firsts) <= max(0, left) + 10
    if share == 1.0:
        assert len(firsts) <= left + 1
    assert [block.section for block in article.blocks] == sorted(block.section for block in article.blocks)
    assert again.draft.article is not None
    assert {block.id: block for block in again.draft.article.blocks} == held
    assert abs(prose.article_length(article, "en") - 900) <= 135


def test_resuming_among_the_extra_passages() -> None:
    """An article that came out too short gets extra passages, streamed at its end; a run may be cut there twice."""
    brief, outline = Brief(topic="An island", length=600), outline_of("Nets", "Boats")
    texts_ = {name: passage(120, name) for name in ("p0", "p1", "p2")}
    started = Article(
        "A title",
        (
            heading(0, "Nets"), paragraph("p0", texts_["p0"], 0, 0),
            heading(1, "Boats", 1), paragraph("p1", texts_["p1"], 1, 1),
            paragraph("p2", texts_["p2"], 0, 2),
        ),
    )  # fmt: skip
    run = Run(brief, outline, ScriptedWriter(wordy), started)
    while not run.events or not isinstance(run.events[-1], TextDelta):
        assert run.step() is None
    again = Run(brief, outline, ScriptedWriter(wordy), run.draft.article)
    article = again.finish()
    held = {block.id: block.text for block in article.blocks}
    assert {name: held.get(name) for name in texts_} == texts_
    assert [block.section for block in article.blocks] == sorted(block.section for block in article.blocks)
    assert len({block.id for block in article.blocks}) == len(article.blocks)


def test_resuming_with_everything_written_asks_for_nothing() -> None:
    brief = Brief(topic="An island", length=450)
    article, _, _ = finished(brief, wordy)
    idle = ScriptedWriter([])
    assert Run(brief, sections_for(brief), idle, article).finish() == article
    assert not idle.prompts


def test_an_unfinished_block_of_an_earlier_run_goes_away() -> None:
    outline = outline_of("Nets", "Boats")
    started = Article("A title", (paragraph("p0", "Half a sen", done=False),))
    run = Run(Brief(topic="An island", length=260), outline, ScriptedWriter(wordy), started)
    article = run.finish()
    first = run.events[0]
    assert isinstance(first, BlockReplaced)
    assert (first.block.id, first.block.text) == ("p0", "")
    assert "Half a sen" not in " ".join(texts(article))


def test_the_request_carries_tone_readers_notes_and_what_was_told() -> None:
    writer = ScriptedWriter(wordy)
    brief = Brief(topic="An island", length=400, tone="dry", audience="pilots", notes="The ferry leaves at noon.")
    Run(brief, outline_of("Nets", "Boats", "Gulls"), writer).finish()
    system, frame = writer.prompts[0].messages[0].content, writer.prompts[0].messages[1].content
    assert "dry" in system
    assert "pilots" in system
    assert "The ferry leaves at noon." in frame
    assert "Gulls" in frame
    last = writer.prompts[2].messages[-1].content
    assert "Nets" in last
    assert "Boats" in last
    assert len({prompt.seed for prompt in writer.prompts}) == len(writer.prompts)
