"""Markdown shows exactly the text: checked with a CommonMark parser, not with our own idea of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from composer.publish.markdown import markdown
from composer.stages.layout import Node
from tests.composer.fakes import picture

PARSER = MarkdownIt("commonmark")
BITS = [*"ab1.#-+*_~`=>&;!()[]<>|\\\"' \n\tx:/é灯。", "&amp;", "<b>", "1. ", "## ", "http://a.b", "---", " #"]
TEXTS = st.lists(st.sampled_from(BITS), min_size=1, max_size=12).map("".join).filter(lambda text: text.strip())


def shown(token: Token) -> str:
    """What a reader sees of inline tokens."""
    return "".join("\n" if each.type == "softbreak" else each.content for each in token.children or [])


def tidy(text: str) -> str:
    return " ".join(text.split())


@given(TEXTS)
@example("1986. A great year")
@example("1) one")
@example("1.")
@example("---")
@example("- - -")
@example("+")
@example("#")
@example("===")
@example("AT&T &copy; &#65; &lt;b&gt;")
@example("C #")
@example("<script>alert(1)</script>")
@example("[a](http://b) ![c](d) `e` **f** _g_ \\h")
@example("~~~")
def test_paragraphs_and_headings_show_the_text_as_it_is(text: str) -> None:
    nodes = [Node(kind="title", text=text), Node(kind="heading", text=text), Node(kind="paragraph", text=text)]
    tokens = PARSER.parse(markdown(nodes, {}))
    kinds = [token.type for token in tokens]
    assert kinds == [
        "heading_open", "inline", "heading_close", "heading_open", "inline", "heading_close",
        "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip
    for token in tokens:
        if token.type == "inline":
            assert shown(token) == tidy(text)
            assert {child.type for child in token.children or []} <= {"text", "text_special"}


@given(TEXTS, TEXTS, TEXTS)
@example("A [b]", "*c* _d_", "e (CC BY)")
@example("清晨，苍鹭。", "“苍鹭。”", "摄影：安娜")
def test_figures_carry_caption_alt_and_credit(alt: str, caption: str, credit: str) -> None:
    figure = Node(kind="figure", text=caption, picture=picture("x"), alt=alt, credit=credit)
    tokens = PARSER.parse(markdown([figure], {"x": "pictures/01-a b.png"}))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    image = next(child for child in children if child.type == "image")
    assert image.attrs["src"] == "pictures/01-a%20b.png"
    assert shown(image) == tidy(alt)
    assert shown(tokens[1]).split("\n", 1)[1] == f"{tidy(caption)} · {tidy(credit)}"
    assert [child.type for child in children if child.type.startswith("em")] == ["em_open", "em_close"]


def test_a_figure_without_caption_or_credit() -> None:
    figure = Node(kind="figure", picture=picture("x"), alt="A boat")
    assert markdown([figure], {"x": "pictures/01-x.png"}) == "![A boat](pictures/01-x.png)\n"


@pytest.mark.parametrize("name", ["pictures/01-灯塔.png", "pictures/01-a(b).png", "pictures/01-%20.png"])
def test_addresses_are_quoted(name: str) -> None:
    figure = Node(kind="figure", text="x", picture=picture("x"), alt="y")
    address = re.search(r"\]\((.*)\)", markdown([figure], {"x": name}))
    assert address is not None
    assert re.fullmatch(r"[A-Za-z0-9/%_.~-]+", address[1])


def test_the_page() -> None:
    nodes = [
        Node(kind="title", text="灯塔"), Node(kind="heading", text="缘起"), Node(kind="paragraph", text="老灯塔。"),
    ]  # fmt: skip
    assert markdown(nodes, {}) == "# 灯塔\n\n## 缘起\n\n老灯塔。\n"
