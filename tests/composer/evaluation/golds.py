"""Small gold folders and systems that do as they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from composer.errors import ModelFailed
from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, Placed, SystemName
from composer.ports import Cancel
from tests.composer.fakes import draw

T = TypeVar("T")
Block = dict[str, str]


def text(words: str, kind: str = "paragraph") -> Block:
    return {"type": kind, "text": words}


def figure(colour: str, caption: str = "", alt: str = "", name: str = "") -> Block:
    """A picture of that colour, in the folder as images/NAME.png."""
    return {"type": "figure", "text": "", "image": f"images/{name or colour}.png", "caption": caption, "alt": alt}


def record(name: str, *blocks: Block, repo: str = "one/blog", language: str = "en") -> dict[str, Any]:
    named = {"id": name, "repo": repo, "licence": "CC0-1.0", "language": language, "title": f"About {name}"}
    return {**named, "blocks": list(blocks)}


def write_gold(folder: Path, *records: dict[str, Any]) -> Path:
    """The folder with those articles; every picture that they name is drawn in the colour its name begins with."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(each, ensure_ascii=False) for each in records]
    (folder / "articles.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    images = {block["image"] for each in records for block in each["blocks"] if block.get("image")}
    for seed, image in enumerate(sorted(images)):
        if not (folder / image).exists():
            draw(folder / image, Path(image).stem.split("-")[0], seed)
    return folder


def boats(folder: Path) -> Path:
    """Three articles of two repositories: six pictures, some with captions, one place with two pictures."""
    return write_gold(
        folder,
        record(
            "harbour",
            text("The red boats come home."),
            figure("red", caption="A red boat", alt="Nets on the pier"),
            text("Harbour", "heading"),
            text("Then the green door of the shed opens."),
            figure("green", caption="The green door", alt="A shed by the sea"),
            figure("blue", alt="The blue tower"),
            text("Night falls on everything."),
        ),
        record(
            "street",
            text("A yellow bicycle leans on the wall."),
            text("- one\n- two", "list"),
            figure("yellow", caption="The yellow bicycle"),
            text("The end of the street.", "quote"),
            repo="two/site",
        ),
        record(
            "kitchen",
            figure("black", caption="A black kettle", alt="Steam"),
            text("The kettle sings."),
            figure("purple"),
            text("The lantern glows."),
        ),
    )


def done(run: Generator[Any, None, T]) -> T:
    """What a generator returns."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value


class Told:
    """A system that places what a function of the article tells it, and always chooses the same of the candidates."""

    def __init__(
        self,
        slots: Callable[[GoldArticle], Sequence[Placed]],
        name: SystemName = "even",
        choice: Callable[[Sequence[str]], str | None] = lambda _: None,
        seconds: float = 2.0,
    ) -> None:
        self.name: SystemName = name
        self._slots, self._choice, self._seconds = slots, choice, seconds
        self.illustrated: list[str] = []
        self.failing: set[str] = set()
        self.words: list[str] = []

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        cancel.check()
        if gold.id in self.failing:
            raise ModelFailed("The writer fell silent.", "Try again.")
        self.illustrated.append(gold.id)
        slots = tuple(self._slots(gold))
        return Illustrated(article=gold.id, system=self.name, slots=slots, seconds=self._seconds)

    def choose(
        self, gold: GoldArticle, figure: Figure, words: str, candidates: Sequence[str], cancel: Cancel
    ) -> str | None:
        cancel.check()
        assert figure in gold.figures
        self.words.append(words)
        return self._choice(candidates)
