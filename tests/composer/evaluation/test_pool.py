"""The library of an evaluation: which pictures, which words, how to find them; and what is asked of every system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from composer.errors import LibraryError
from composer.evaluation.choices import OTHERS, questions
from composer.evaluation.gold import Gold, read_gold
from composer.evaluation.pool import Pool, fill
from composer.library.catalogue import Catalogue
from composer.ports import Cancel
from tests.composer.evaluation.golds import boats, done, figure, record, text, write_gold
from tests.composer.fakes import COLOURS, Bench


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "set" / "catalogue.sqlite", tmp_path / "set" / "previews") as made:
        yield made


def filled(bench: Bench, catalogue: Catalogue, gold: Gold, *, words: bool = True) -> Pool:
    return done(fill(gold, bench.tools_on(catalogue), Cancel(), words=words))


def captions(pool: Pool) -> dict[str, str]:
    return {Path(image).stem: picture.caption for image, picture in pool.pictures.items()}


def test_pictures_of_the_set_and_no_others(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    folder = boats(tmp_path / "gold")
    Image.new("RGB", (80, 80), "pink").save(folder / "images" / "odd[1].png")
    pool = filled(bench, catalogue, read_gold(folder))
    assert list(pool.pictures) == list(read_gold(folder).images)
    assert catalogue.stats().pictures == 6
    assert len(bench.catalogue().rows([])) == 0  # the writer's own library is left alone
    ids, vectors = pool.vectors()
    assert set(ids) == set(pool.by_id())
    assert vectors.shape == (6, 4)
    assert pool.near(pool.vector_of(pool.id_of("images/red.png")))[0] == pool.id_of("images/red.png")
    made = bench.encoder.images
    assert captions(filled(bench, catalogue, read_gold(folder))) == captions(pool)
    assert bench.encoder.images == made  # what is there is not done again


def test_words_are_never_those_that_are_asked(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    gold = read_gold(
        write_gold(
            tmp_path / "gold",
            record(
                "words",
                text("Something."),
                figure("red", caption="A red boat", alt="Nets on the pier"),  # carries its alternative text
                figure("green", alt="A green door"),  # that is what is asked
                figure("blue", caption="The blue tower", alt="The blue tower!"),  # the same words
                figure("yellow", caption="A bicycle"),  # none
                figure("white"),
                figure("black", alt="A kettle", name="black"),
                figure("black", caption="Again", alt="A kettle", name="black"),  # asked above, of the same picture
            ),
        )
    )
    expected = {**dict.fromkeys(("green", "blue", "yellow", "white", "black"), ""), "red": "Nets on the pier"}
    pool = filled(bench, catalogue, gold)
    assert captions(pool) == expected
    assert pool.worded == 1
    assert pool.by_id()[pool.id_of("images/red.png")].words == "Nets on the pier"  # no names of files or folders
    assert len(pool.captions.nearest(bench.encoder.encode_texts(["red"]), 9)[0]) == 1
    bare = filled(bench, catalogue, gold, words=False)
    assert set(captions(bare).values()) == {""}
    assert bare.worded == 0
    assert bare.captions.nearest(bench.encoder.encode_texts(["red"]), 9) == [[]]
    assert captions(filled(bench, catalogue, gold)) == expected


def test_words_in_files_and_lists_do_not_count(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    folder = boats(tmp_path / "gold")
    (folder / "captions.tsv").write_text("file\tcaption\nimages/red.png\tA red boat\n")
    pool = filled(bench, catalogue, read_gold(folder), words=False)
    assert pool.worded == 0
    assert filled(bench, catalogue, read_gold(folder)).worded == 3


def test_near_duplicates_share_a_group_and_words(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "gold"
    first = record("first", text("One."), figure("red", alt="Nets"))
    second = record(
        "second", text("Two."), figure("red", caption="A boat", alt="Nets", name="red-small"), figure("blue")
    )
    write_gold(folder, first, second)
    with Image.open(folder / "images" / "red.png") as opened:
        opened.resize((120, 90)).save(folder / "images" / "red-small.png")
    pool = filled(bench, catalogue, read_gold(folder))
    red, small, blue = (pool.id_of(f"images/{name}.png") for name in ("red", "red-small", "blue"))
    assert red != small
    assert pool.group_of(red) == pool.group_of(small) != pool.group_of(blue) == blue
    assert captions(pool)["red-small"] == ""  # "Nets" is asked for its near-duplicate


def test_a_picture_that_cannot_be_used(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    folder = boats(tmp_path / "gold")
    (folder / "images" / "red.png").write_bytes(b"no picture at all")
    with pytest.raises(LibraryError, match=r"images/red\.png cannot be used"):
        filled(bench, catalogue, read_gold(folder))


def test_finding(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    pool = filled(bench, catalogue, read_gold(boats(tmp_path / "gold")), words=False)
    assert pool.found("something yellow", Cancel())[0] == pool.id_of("images/yellow.png")
    assert pool.found("夜晚", Cancel()) == ()  # neither vectors nor words know of it
    assert pool.reads("en")
    assert not pool.reads("zh")


def test_the_same_candidates_for_everybody(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    shades = [f"{colour}-{at}" for at, colour in enumerate((*COLOURS, "red", "red", "blue"))]
    shown = [figure(each.split("-")[0], caption=f"A {each.split('-')[0]} thing", name=each) for each in shades]
    gold = read_gold(
        write_gold(tmp_path / "gold", record("all", text("Words."), *shown, figure("white", name="white-9")))
    )
    pool = filled(bench, catalogue, gold)
    asked = list(questions(gold.articles[0], pool, seed=1))
    assert len(asked) == len(shades)  # not of the figure of which nobody said anything
    for each in asked:
        assert each.right == pool.id_of(each.figure.image) in each.candidates
        assert len(set(each.candidates)) == OTHERS + 1
    red = {pool.id_of(f"images/red-{at}.png") for at in (0, 8, 9)}
    assert red < set(asked[0].candidates)  # what is nearest to the author's words is hardest to tell apart
    assert asked == list(questions(gold.articles[0], pool, seed=1))
    again = list(questions(gold.articles[0], pool, seed=2))
    assert [set(each.candidates) for each in asked] == [set(each.candidates) for each in again]
    assert asked != again
    assert len({each.candidates.index(each.right) for each in asked}) > 3


def test_no_candidate_is_a_near_duplicate_of_another(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    folder = boats(tmp_path / "gold")
    copies = [figure("red", caption="A red boat", name="red-copy"), figure("black", caption="Dark", name="black-copy")]
    write_gold(folder, record("more", text("Words."), *copies, figure("red", caption="A red boat", name="red")))
    for name in ("red", "black"):
        with Image.open(boats(tmp_path / "other") / "images" / f"{name}.png") as opened:
            opened.save(folder / "images" / f"{name}.png")
            opened.resize((120, 90)).save(folder / "images" / f"{name}-copy.png")
    gold = read_gold(folder)
    pool = filled(bench, catalogue, gold)
    for each in questions(gold.articles[0], pool, seed=1):
        groups = [pool.group_of(candidate) for candidate in each.candidates]
        assert len(set(groups)) == len(groups)


def test_an_encoder_that_does_not_read_the_language(bench: Bench, catalogue: Catalogue, tmp_path: Path) -> None:
    shown = [figure(colour, alt="一张图片") for colour in ("red", "orange", "blue", "black")]
    gold = read_gold(write_gold(tmp_path / "gold", record("zh", text("文字。"), *shown, language="zh")))
    pool = filled(bench, catalogue, gold)
    before = list(bench.encoder.texts)
    asked = list(questions(gold.articles[0], pool, seed=1))
    assert bench.encoder.texts == before
    assert [len(each.candidates) for each in asked] == [4] * 4
