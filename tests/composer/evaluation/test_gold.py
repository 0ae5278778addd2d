"""Reading gold folders: what an article becomes, and a sentence for everything that can be wrong with one."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from composer.evaluation.gold import GoldError, read_gold, selection
from tests.composer.evaluation.golds import boats, figure, record, text, write_gold


def test_an_article_becomes_blocks_and_figures(tmp_path: Path) -> None:
    gold = read_gold(boats(tmp_path / "gold"))
    harbour, street, kitchen = gold.articles
    assert [(block.id, block.kind, block.section) for block in harbour.article.blocks] == [
        ("p0", "paragraph", 0), ("h0", "heading", 1), ("p1", "paragraph", 1), ("p2", "paragraph", 1),
    ]  # fmt: skip
    assert [block.passage for block in harbour.article.blocks] == [0, 1, 1, 2]
    assert harbour.places == (0, 1)
    assert [(each.after, each.image) for each in harbour.figures] == [
        (0, "images/red.png"), (1, "images/green.png"), (1, "images/blue.png"),
    ]  # fmt: skip
    assert street.kinds == ("paragraph", "list", "quote")
    assert all(block.kind == "paragraph" for block in street.article.blocks)
    assert kitchen.places == (-1, 0)
    assert (street.repository, street.article.title, street.figures[0].caption) == (
        "two/site", "About street", "The yellow bicycle",
    )  # fmt: skip
    assert len(gold.images) == 6


def test_a_heading_first_begins_the_first_section(tmp_path: Path) -> None:
    blocks = (text("One", "heading"), text("a"), figure("red"), text("Two", "heading"), text("b\u2028c"))
    gold = read_gold(write_gold(tmp_path, record("x", *blocks)))
    assert [block.section for block in gold.articles[0].article.blocks] == [0, 0, 1, 1]
    assert gold.articles[0].article.blocks[-1].text == "b\u2028c"  # a line separator inside JSON ends no line


def test_the_hash_knows_words_and_pictures(tmp_path: Path) -> None:
    folder = boats(tmp_path / "gold")
    before = read_gold(folder)
    assert read_gold(folder).hash == before.hash
    assert before.title.startswith("gold ")
    (folder / "images" / "red.png").write_bytes((folder / "images" / "blue.png").read_bytes())
    changed = read_gold(folder).hash
    assert changed != before.hash
    with (folder / "articles.jsonl").open("a") as file:
        file.write("\n")
    assert read_gold(folder).hash != changed


GOOD = record("good", text("words"), figure("red"))


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def blocks(*parts: dict[str, Any]) -> dict[str, Any]:
    return {**GOOD, "blocks": list(parts)}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "expected `object`"),
        (without("title"), "missing required field `title`"),
        (without("blocks"), "missing required field `blocks`"),
        ({**GOOD, "language": "fr"}, "'fr'"),
        ({**GOOD, "title": 7}, "expected `str`, got `int` - at `$.title`"),
        ({**GOOD, "id": " "}, "its id is empty"),
        ({**GOOD, "licence": ""}, "its licence is empty"),
        (GOOD, "the id good is that of line 1"),
        (blocks({"type": "table", "text": "x"}, figure("red")), "'table'"),
        (blocks(text("words")), "no picture"),
        (blocks(figure("red")), "no text"),
        (blocks(text("words"), text(" ", "quote"), figure("red")), "block 2 is a quote without text"),
        (blocks(text("words"), {"type": "figure"}), "block 2 is a figure without an image"),
        (blocks(text("words"), {"type": "figure", "image": "../red.png"}), "lies outside the folder"),
        (blocks(text("words"), {"type": "figure", "image": "/etc/passwd"}), "lies outside the folder"),
        (blocks(text("words"), {"type": "figure", "image": "C:\\red.png"}), "lies outside the folder"),
        (blocks(text("words"), {"type": "figure", "image": "images/lost.png"}), "images/lost.png of block 2 is not"),
    ],
)
def test_what_is_wrong_with_a_line(tmp_path: Path, line: str | dict[str, Any], said: str) -> None:
    folder = write_gold(tmp_path / "gold", GOOD)
    with (folder / "articles.jsonl").open("a") as file:
        file.write(f"\n{line if isinstance(line, str) else json.dumps(line)}\n")
    with pytest.raises(GoldError) as caught:
        read_gold(folder)
    assert caught.value.message.startswith("Line 3 of articles.jsonl cannot be used: ")  # blank lines are counted
    assert said in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "none", "is not a folder"), (tmp_path, "There is no articles.jsonl")):
        with pytest.raises(GoldError, match=said):
            read_gold(folder)
    (tmp_path / "articles.jsonl").write_bytes(b"\n \n")
    with pytest.raises(GoldError, match="holds no article"):
        read_gold(tmp_path)
    (tmp_path / "articles.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n\xff\xfe\n")
    with pytest.raises(GoldError, match=r"Line 2 .* not UTF-8"):
        read_gold(tmp_path)


def test_a_selection_is_balanced_seeded_and_grows(tmp_path: Path) -> None:
    many = [record(f"a{at}", text("words"), figure("red"), repo="big/one") for at in range(9)]
    few = [record(f"b{at}", text("words"), figure("red"), repo=f"small/{at}") for at in range(3)]
    articles = read_gold(write_gold(tmp_path, *many, *few)).articles
    taken = [tuple(each.id for each in selection(articles, limit, seed=4)) for limit in range(14)]
    assert [len(each) for each in taken] == [*range(13), 12]
    assert {each[0] for each in taken[4]} == {"a", "b"}
    assert sum(name.startswith("a") for name in taken[4]) == 1
    assert sum(name.startswith("a") for name in taken[7]) == 4
    assert all(set(less) < set(more) for less, more in pairwise(taken[:13]))
    assert all(list(each) == sorted(each) for each in taken)
    assert len({tuple(each.id for each in selection(articles, 5, seed)) for seed in range(9)}) > 1
