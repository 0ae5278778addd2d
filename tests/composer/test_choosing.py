"""Choosing: what is looked for, what is found, what is measured of it, and what the article's other places add."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from composer.choosing import LATER, TOGETHER, Aim, Chooser
from composer.library.filling.embed import embed, embed_captions
from composer.library.filling.scan import scan
from composer.ports import Cancel
from composer.stages.plan import Subjects
from composer.stages.rank import Signal, Weights
from composer.types import OPENING, Article, Brief, Candidate, Language, Picture, Slot
from tests.composer.fakes import Bench, ScriptedWriter, draw, outline_of, paragraph

ARTICLE = Article(
    "On the quay",
    (
        paragraph("p0", "The red boat comes home before the storm."),
        paragraph("p1", "A green door stands open to the yard."),
        paragraph("p2", ""),
        paragraph("p3", "Somebody sings behind the wall."),
    ),
)
RED = Slot(id="s1", after="p0", caption="The red boat", query="red boat")
GREEN = Slot(id="s2", after="p1", caption="A green door", query="green door")
BLUE = Slot(id="s3", after="p3", caption="The blue tower", query="blue tower")
SLOTS = (RED, GREEN, BLUE)


def filled(bench: Bench, folder: Path) -> Bench:
    """The folder's pictures in the catalogue, with vectors of themselves and of their words."""
    tools, folders = bench.tools(), [str(folder)]
    for _ in scan(tools.catalogue, folder, Cancel()):
        pass
    for _ in (*embed(tools.catalogue, folders, tools.encoder, Cancel()),
              *embed_captions(tools.catalogue, folders, tools.encoder, Cancel())):  # fmt: skip
        pass
    tools.search.refresh()
    tools.captions.refresh()
    return bench


@pytest.fixture(scope="module")
def quay(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Path]]:
    """The drawn library, and a picture in it that says nothing of itself."""
    folder = tmp_path_factory.mktemp("choosing") / "pictures"
    folder.mkdir()
    for file in library.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    draw(folder / "4711.png", "red", 4711)
    made = filled(Bench(folder.parent / "home"), folder)
    yield made, folder
    made.close()


def chooser(quay: tuple[Bench, Path], language: Language = "en", **tools: object) -> Chooser:
    bench, folder = quay
    brief = Brief(topic="The quay", language=language, libraries=(str(folder),))
    return Chooser(dataclasses.replace(bench.tools(), **tools), brief, Cancel())  # pyright: ignore[reportArgumentType]


def aim(made: Chooser, slot: Slot = RED) -> Aim:
    return made.aims(SLOTS, ARTICLE, [slot])[0]


def by_name(candidates: tuple[Candidate, ...]) -> dict[str, Candidate]:
    return {Path(each.picture.path).stem: each for each in candidates}


# --- what is looked for ----------------------------------------------------------------------------------------------


def test_an_aim_is_the_query_the_paragraph_and_the_whole_article(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    one, two = made.aims(SLOTS, ARTICLE, [RED, BLUE])
    assert (one.slot, one.text) == (RED, ARTICLE.blocks[0].text)
    assert (two.slot, two.text) == (BLUE, ARTICLE.blocks[3].text)
    read = made.tools.encoder.encode_texts([RED.query, ARTICLE.blocks[0].text])
    assert one.query == pytest.approx(read[0])
    assert one.paragraph == pytest.approx(read[1])
    assert np.linalg.norm(one.article) == pytest.approx(1.0, abs=1e-5)
    assert one.article == pytest.approx(two.article)
    assert one.article == pytest.approx(aim(made).article), "whichever places are looked for"
    assert made.aims(SLOTS, ARTICLE, []) == []


def test_what_the_whole_article_is_about_is_looked_for_too(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    read = made.tools.encoder.encode_texts(["method, boat", "harbour, boat"])
    wide = aim(made, replace(RED, query="method, boat", wider="harbour, boat")).query
    assert wide == pytest.approx(read.mean(0) / np.linalg.norm(read.mean(0)), abs=1e-6)


def test_before_all_text_the_first_paragraph_counts(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    opening = replace(GREEN, after=OPENING)
    assert made.aims([opening], ARTICLE, [opening])[0].text == ARTICLE.blocks[0].text
    bare = Article("A title", ())
    alone = made.aims([opening], bare, [opening])[0]
    assert (alone.text, alone.paragraph) == ("", None)
    found = made.shortlist(alone, 3)
    assert found
    assert all("context" not in each.signals and "paragraph" not in each.signals for each in found)


def test_a_text_that_the_encoder_does_not_read_is_not_given_to_it(quay: tuple[Bench, Path]) -> None:
    made, text = chooser(quay, "zh"), Article("码头", (paragraph("p0", "红船回来了。"), paragraph("p1", "门开着。")))
    quay[0].encoder.texts.clear()
    one = made.aims([RED, GREEN], text, [RED])[0]
    assert one.paragraph is None
    assert all(each.isascii() for each in quay[0].encoder.texts)
    queries = made.tools.encoder.encode_texts([RED.query, GREEN.query]).mean(0)
    assert one.article == pytest.approx(queries / np.linalg.norm(queries), abs=1e-5)
    assert "paragraph" not in by_name(made.shortlist(one, 4))["red-boat"].signals


def test_subjects_are_what_sections_were_planned_around_or_are_called(quay: tuple[Bench, Path]) -> None:
    writer = ScriptedWriter(["By the sea", "The harbour"])
    made, text = chooser(quay, "zh", writer=lambda: writer), Article("海边", ())
    outline = outline_of("港口")
    twice = [made.subjects(text, outline) for _ in range(2)]
    assert twice == [Subjects("By the sea", ("The harbour",))] * 2, "translated once"
    anchored = outline_of("港口", anchor="A red boat on the quay")
    assert "red boat" in made.subjects(text, anchored).sections[0]


def test_evidence_is_higher_where_the_library_has_what_is_spoken_of(quay: tuple[Bench, Path]) -> None:
    found = chooser(quay).evidence(ARTICLE, outline_of("On the quay"))
    assert set(found) == {"p0", "p1", "p2", "p3"}
    assert min(found["p0"], found["p1"]) > found["p3"]


def test_what_a_paragraph_names_is_looked_for_by_itself(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    named = replace(aim(made), text="Once upon a time somebody painted the Door of Saint Anne.")
    of = {each.kind: each for each in made.rankings(named)}
    first = made.tools.catalogue.pictures([of["names"].rows[0][0]], made.brief.libraries)
    assert [Path(each.path).stem for each in first.values()] == ["green-door"]
    assert "names" not in {each.kind for each in made.rankings(aim(made))}, "nothing is named"


# --- what is found and measured --------------------------------------------------------------------------------------


def test_the_short_list_has_what_is_looked_for_with_all_that_needs_no_model(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    found = made.shortlist(aim(made), 4)
    assert len(found) == 4
    assert Path(found[0].picture.path).stem == "red-boat"
    measured = {"vector", "paragraph", "article", "captions", "words", "context", "shape", "size", "rights", "fresh"}
    assert set(found[0].signals) == measured, "no mood without a tone, nothing that comes later"
    assert not set(found[0].signals) & LATER


def test_a_tone_gives_a_mood(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    found = made.shortlist(aim(made, replace(RED, tone="calm")), 8)
    assert any("mood" in each.signals for each in found)


def test_no_words_are_no_opinion_and_words_that_do_not_match_are_one(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    found = by_name(made.shortlist(aim(made), 9))
    assert found["4711"].picture.caption == ""
    assert not {"words", "context"} & set(found["4711"].signals)
    assert "vector" in found["4711"].signals
    assert found["blue-tower"].signals["context"] == 0.0
    assert found["blue-tower"].signals["words"] < found["red-boat"].signals["words"]


def test_given_pictures_are_measured_in_their_order_and_unknown_ones_left_out(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    found = made.shortlist(aim(made), 6)
    unknown = Picture(id="0" * 32, path="/none.png", width=9, height=9)
    given_ = [unknown, *(each.picture for each in reversed(found))]
    assert made.measured(aim(made), given_) == found[::-1]
    assert made.measured(aim(made), []) == ()


# --- joining ---------------------------------------------------------------------------------------------------------


def everything(made: Chooser) -> dict[str, tuple[Candidate, ...]]:
    aims = zip(SLOTS, made.aims(SLOTS, ARTICLE, SLOTS), strict=True)
    return {slot.id: made.ranked(slot, one.text, made.shortlist(one, 5)) for slot, one in aims}


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_candidates_and_places_never_matters(quay: tuple[Bench, Path], dice: object) -> None:
    made = chooser(quay)
    found = everything(made)
    mixed: dict[str, tuple[Candidate, ...]] = {}
    for name in sorted(found, reverse=True):
        some = list(found[name])
        dice.shuffle(some)  # pyright: ignore[reportAttributeAccessIssue]
        slot = next(each for each in SLOTS if each.id == name)
        assert made.ranked(slot, "The red boat.", some) == made.ranked(slot, "The red boat.", found[name])
        mixed[name] = tuple(some)
    assert made.together(mixed) == made.together(found)


def test_the_other_places_add_their_word_and_are_not_heard_twice(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    once = made.together(everything(made))
    assert all("series" in each.signals for found in once.values() for each in found)
    assert all("rerank" in each.signals for found in once.values() for each in found), "what was there stays"
    assert made.together(once) == once


def test_a_place_alone_hears_nothing(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    alone = made.together({"s1": everything(made)["s1"], "s2": ()})
    assert alone["s2"] == ()
    assert not any(TOGETHER & set(each.signals) for each in alone["s1"])


def test_what_the_other_places_say_decides_only_with_a_weight(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    found = everything(made)
    assert {name: [each.final for each in some] for name, some in made.together(found).items()} == {
        name: [pytest.approx(each.final) for each in some] for name, some in found.items()
    }
    vector, series = Signal(1.0, 0.5, 0.1), Signal(3.0, 0.0, 0.05)
    heard = chooser(quay, weights=Weights({"vector": vector, "series": series})).together(found)
    for each in (one for some in heard.values() for one in some):
        own, others = vector.level(each.signals["vector"]), series.level(each.signals["series"])
        assert each.final == pytest.approx(0.25 * own + 0.75 * others)
    assert len({round(each.signals["series"], 3) for some in heard.values() for each in some}) > 3


def test_a_picture_that_was_not_measured_does_not_win_by_the_others_alone(quay: tuple[Bench, Path]) -> None:
    """The writer's own picture stands among the candidates, without a score of its own."""
    made = chooser(quay, weights=Weights({"vector": Signal(0.1, 0.5, 0.1), "series": Signal(0.9, -2.0, 0.1)}))
    found = everything(made)
    own = Candidate(picture=found["s2"][-1].picture)
    joined = made.together({**found, "s1": (own, *(each for each in found["s1"] if each.picture.id != own.picture.id))})
    bare = next(each for each in joined["s1"] if each.picture.id == own.picture.id)
    assert (bare.signals, bare.final) == ({}, 0.0)
    assert joined["s1"][-1] == bare


def test_a_re_ranker_without_a_weight_is_never_asked(quay: tuple[Bench, Path]) -> None:
    bench, _ = quay
    assert bench.reranker is not None
    quiet = Weights({**bench.tools().weights.signals, "rerank": Signal(0.0)})
    made = chooser(quay, weights=quiet)
    assert made.tools.judge is None
    before = bench.reranker.calls
    found = everything(made)
    assert bench.reranker.calls == before
    assert not any("rerank" in each.signals for some in found.values() for each in some)
    loud = everything(chooser(quay))
    assert bench.reranker.calls == before + len(SLOTS)
    again = made.ranked(RED, "The red boat.", loud["s1"])
    assert not any("rerank" in each.signals for each in again), "nor is what it said earlier heard"


def test_a_re_ranker_reads_the_query_where_it_does_not_read_the_language(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    assert made.asked_of(RED, "The text.", made.tools.judge) == ("The red boat. red boat", "The text.")
    chinese = replace(RED, caption="红色的小船")
    assert chooser(quay, "zh").asked_of(chinese, "红船。", made.tools.judge) == ("red boat", "red boat")


def test_words_in_another_language_than_the_text_are_no_opinion(quay: tuple[Bench, Path]) -> None:
    made = chooser(quay)
    first = aim(made)
    pictures = [each.picture for each in made.shortlist(first, 9) if each.picture.caption]
    foreign = replace(first, text="红色的小船停在码头边。")
    assert all("context" in each.signals for each in made.measured(first, pictures))
    assert all("context" not in each.signals for each in made.measured(foreign, pictures))
