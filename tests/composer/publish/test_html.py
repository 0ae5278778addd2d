"""One HTML file: nothing asked of a server, nothing injected, every picture with its words and rights."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from composer.errors import LibraryError
from composer.publish.html import LONGEST_SIDE, html
from composer.stages.layout import Node
from tests.composer.fakes import draw, picture

EVIL = "<script>alert('x')</script> \"quoted\" & 'more' <img src=http://evil.example/x onerror=alert(1)>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """The page as a reader's program takes it: tags, attributes and text by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data)

    def images(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "img"]


@pytest.fixture
def figure(tmp_path: Path) -> Node:
    path = draw(tmp_path / "red-boat.png", "red")
    return Node(
        kind="figure", text="A boat", picture=picture("x", path=str(path)), alt="A red boat", credit="Ana (CC0)"
    )


def test_a_figure_holds_picture_alt_caption_and_credit(figure: Node) -> None:
    page = Page(html([Node(kind="title", text="Boats"), figure], "en"))
    (image,) = page.images()
    assert image["alt"] == "A red boat"
    assert (image["width"], image["height"]) == ("160", "120")
    assert page.texts["figcaption"] == ["A boat"]
    assert page.texts["small"] == ["Ana (CC0)"]
    data = (image["src"] or "").removeprefix("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as decoded:
        decoded.load()
        assert decoded.size == (160, 120)
        red, _, blue = decoded.resize((1, 1)).getpixel((0, 0))  # pyright: ignore[reportGeneralTypeIssues]
        assert red > 2 * blue


def test_nothing_is_asked_of_a_server(figure: Node) -> None:
    text = html([Node(kind="title", text="x"), figure], "en")
    for _, attributes in Page(text).tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
    for wrong in ("http:", "https:", "//", "@import", "url(", "<link", "<script"):
        assert wrong not in text.partition("base64,")[0]


def test_nothing_is_injected(figure: Node) -> None:
    evil = replace(figure, text=EVIL, alt=EVIL, credit=EVIL)
    nodes = [Node(kind=kind, text=EVIL) for kind in ("title", "heading", "paragraph")]
    page = Page(html([*nodes, evil], "en"))
    assert {tag for tag, _ in page.tags} == {
        "html", "head", "meta", "title", "style", "body", "article", "h1", "h2", "p", "figure", "img", "figcaption",
        "small",
    }  # fmt: skip
    (image,) = page.images()
    assert set(image) == {"src", "width", "height", "alt"}
    assert image["alt"] == EVIL
    for tag in ("title", "h1", "h2", "p", "figcaption", "small"):
        assert "".join(page.texts[tag]) == EVIL


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))))
def test_every_text_is_shown_as_it_is(text: str) -> None:
    page = Page(html([Node(kind="paragraph", text=f"x{text}x")], "en"))
    assert "".join(page.texts["p"]) == " ".join(f"x{text}x".split())


def test_languages() -> None:
    zh = html([Node(kind="title", text="灯塔"), Node(kind="paragraph", text="老灯塔。")], "zh")
    page = Page(zh)
    assert page.tags[0] == ("html", {"lang": "zh-Hans"})
    assert page.texts["title"] == page.texts["h1"] == ["灯塔"]
    assert Page(html([], "en")).tags[0] == ("html", {"lang": "en"})
    assert zh.encode("utf-8").decode("utf-8") == zh
    assert '<meta charset="utf-8">' in zh


def test_large_pictures_are_made_smaller(tmp_path: Path, figure: Node) -> None:
    path = draw(tmp_path / "wide.png", "blue", size=(3200, 400))
    (image,) = Page(html([replace(figure, picture=picture("w", path=str(path)))], "en")).images()
    assert (image["width"], image["height"]) == (str(LONGEST_SIDE), "200")


def test_transparent_pictures(tmp_path: Path, figure: Node) -> None:
    path = tmp_path / "glass.png"
    Image.new("RGBA", (80, 80), (255, 0, 0, 0)).save(path)
    assert Page(html([replace(figure, picture=picture("g", path=str(path)))], "en")).images()


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_picture_that_cannot_be_read(figure: Node, damage: str) -> None:
    assert figure.picture is not None
    path = Path(figure.picture.path)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"no picture")
    with pytest.raises(LibraryError) as caught:
        html([figure], "en")
    assert str(path) in caught.value.message
    assert caught.value.hint
