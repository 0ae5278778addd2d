"""What stands in for models: scripted, deterministic, and able to notice what it was asked."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from composer.fusion import Fusion
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.finding.vectors import VectorSearch
from composer.pipeline import compose
from composer.ports import Cancel, Capabilities, ContentScreen, Ids, Piece, Prompt, TextReader, Vectors
from composer.prose import content_words, tokens
from composer.stages.rank import Signal, Weights
from composer.stages.write import OVERSHOOT, TOKENS_PER_UNIT
from composer.tools import Tools
from composer.types import (
    AnyEvent,
    Article,
    Block,
    Brief,
    Candidate,
    Composition,
    Language,
    Outline,
    Picture,
    Section,
    Slot,
)

Answer = str | Callable[[Prompt], str]
_PIECES = {"en": re.compile(r"\s*\S+\s?"), "zh": re.compile(r".{1,3}", re.DOTALL)}
_SYLLABLES = ["ba", "lo", "mi", "ter", "sun", "kar", "do", "vel", "ri", "pon", "ga", "shi", "nu", "fer", "wol", "que"]
_CHARACTERS = (
    "山水城门石桥灯塔船港湾风雨雪花草木林鸟鱼人家老街小巷市集茶馆工匠手艺木雕陶瓷青砖黛瓦晨雾夕阳渡口河流田野麦穗"
)


# --- prose that can be told apart ------------------------------------------------------------------------------------


def sentences(count: int, key: str, language: Language = "en", words: int = 11) -> list[str]:
    """Finished sentences that no other key gives: `words` words, or twice as many characters, each."""
    dice = random.Random(key)
    made: list[str] = []
    for _ in range(count):
        if language == "zh":
            made.append("".join(dice.choices(_CHARACTERS, k=2 * words)) + "。")
        else:
            invented = ["".join(dice.choices(_SYLLABLES, k=3)) for _ in range(words)]
            made.append(" ".join(invented).capitalize() + ".")
    return made


def passage(wanted: float, key: str, language: Language = "en") -> str:
    """About as much prose as wanted, in whole sentences."""
    unit = 11 if language == "en" else 22
    return (" " if language == "en" else "").join(sentences(max(1, round(wanted / unit)), key, language))


def wanted_by(prompt: Prompt, language: Language = "en") -> float:
    """How many words (characters) a request for a passage asks for, told by its bound on tokens."""
    return (prompt.max_tokens - 24) / (TOKENS_PER_UNIT[language] * OVERSHOOT)


def is_passage(prompt: Prompt) -> bool:
    return prompt.schema is None and len(prompt.messages) == 4


def is_outline(prompt: Prompt) -> bool:
    return prompt.schema is not None and "sections" in prompt.schema["properties"]


def is_plan(prompt: Prompt) -> bool:
    return prompt.schema is not None and "shows" in prompt.schema["properties"]


def prompt_key(prompt: Prompt) -> str:
    return hashlib.blake2b(msgspec.json.encode(prompt), digest_size=8).hexdigest()


def wordy(prompt: Prompt, language: Language = "en", share: float = 1.0) -> str:
    """A passage of `share` times what was asked for; the same prompt gives the same words."""
    return passage(share * wanted_by(prompt, language), prompt_key(prompt), language)


# --- models ----------------------------------------------------------------------------------------------------------


class ScriptedWriter:
    """Answers from a list, one a prompt and then nothing, or from a function of the prompt."""

    id = "scripted"

    def __init__(
        self, answers: Sequence[Answer] | Callable[[Prompt], str], languages: tuple[Language, ...] = ("en", "zh")
    ) -> None:
        self._answers = answers
        self.capabilities = Capabilities(context=4096, languages=languages)
        self.prompts: list[Prompt] = []
        self.streamed = 0
        self.closed = False

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        self.prompts.append(prompt)
        cancel.check()
        text = self._answer(prompt)
        pieces = _PIECES["en" if text.isascii() else "zh"].findall(text)
        for piece in pieces[: prompt.max_tokens]:
            cancel.check()
            self.streamed += 1
            yield Piece(piece, 1)

    def _answer(self, prompt: Prompt) -> str:
        if callable(self._answers):
            return self._answers(prompt)
        at = len(self.prompts) - 1
        answer = self._answers[at] if at < len(self._answers) else ""
        return answer(prompt) if callable(answer) else answer

    def asked(self, kind: Callable[[Prompt], bool]) -> list[Prompt]:
        return [prompt for prompt in self.prompts if kind(prompt)]

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        self.closed = True


def author(prompt: Prompt, language: Language = "en") -> str:
    """A writer who does every job well: plans, writes, and says what pictures show."""
    if is_outline(prompt):
        count = _items(prompt, "sections")["minItems"]
        subjects = [f"The {colour} {thing}" for colour, thing in zip(COLOURS, THINGS, strict=True)]
        if language == "zh":
            subjects = list(_ZH_SUBJECTS)
        body = {"sections": [{"subject": subject} for subject in subjects[:count]], "title": "Colours of the coast"}
        return msgspec.json.encode(body).decode()
    if is_plan(prompt):
        asked = tokens(prompt.messages[-1].content)
        by_chance = int(prompt_key(prompt), 16) % len(COLOURS)
        at = next((at for at, colour in enumerate(COLOURS) if colour in asked), by_chance)
        body = {
            "shows": f"{COLOURS[at]} {THINGS[at]}",
            "caption": "岸边的小船" if language == "zh" else f"A {COLOURS[at]} {THINGS[at]} by the water",
            "tone": "calm",
        }
        return msgspec.json.encode(body).decode()
    if is_passage(prompt):
        return wordy(prompt, language)
    return "A red boat"


def _items(prompt: Prompt, name: str) -> dict:
    assert prompt.schema is not None
    return prompt.schema["properties"][name]


COLOURS = ("red", "green", "blue", "yellow", "white", "black", "purple", "orange")
THINGS = ("boat", "door", "tower", "bicycle", "goat", "kettle", "lantern", "bridge")
_ZH_SUBJECTS = (
    "红色的小船",
    "绿色的木门",
    "蓝色的高塔",
    "黄色的自行车",
    "白色的山羊",
    "黑色的水壶",
    "紫色的灯笼",
    "橙色的桥",
)
_RGB = {
    "red": (220, 30, 30), "green": (30, 160, 40), "blue": (40, 60, 210), "yellow": (240, 220, 40),
    "white": (240, 240, 240), "black": (20, 20, 20), "purple": (140, 40, 160), "orange": (250, 140, 20),
}  # fmt: skip


class ColourEncoder:
    """Sees a picture's mean colour, and reads the names of colours in a text."""

    id = "colours"
    dimensions = 4
    image_size = 64
    languages: tuple[Language, ...] = ("en",)

    def __init__(self) -> None:
        self.images = 0
        self.texts: list[str] = []

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        self.images += len(images)
        means = [np.asarray(image, np.float32).reshape(-1, 3).mean(axis=0) for image in images]
        return _unit([self._row(mean) for mean in means])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        rows = []
        for text in texts:
            named = [np.array(_RGB[word], np.float32) for word in tokens(text) if word in _RGB]
            rows.append(self._row(np.mean(named, axis=0)) if named else np.array([0, 0, 0, 1], np.float32))
        return _unit(rows)

    def _row(self, colour: Vectors) -> Vectors:
        return np.array([*(colour / 127.5 - 1), 0.3], np.float32)

    def close(self) -> None:
        pass


def _unit(rows: Sequence[Vectors]) -> Vectors:
    if not rows:
        return np.zeros((0, 4), np.float32)
    vectors = np.stack(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class BruteIndex:
    """A VectorIndex that looks at everything, in plain numpy."""

    def __init__(self) -> None:
        self._held: dict[int, Vectors] = {}
        self._stamp = ""
        self.added = 0

    def stamp(self) -> str:
        return self._stamp

    def save(self, stamp: str) -> None:
        self._stamp = stamp

    def clear(self) -> None:
        self._held.clear()
        self._stamp = ""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._held.update(zip(ids.tolist(), vectors, strict=True))
        self.added += len(ids)

    def remove(self, ids: Ids) -> None:
        for each in ids.tolist():
            self._held.pop(each, None)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        found = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        ids = [each for each in sorted(self._held) if among is None or each in set(among.tolist())]
        for row, query in enumerate(queries):
            best = sorted(((float(self._held[each] @ query), -each) for each in ids), reverse=True)[:k]
            for place, (score, each) in enumerate(best):
                found[row, place], scores[row, place] = -each, score
        return found, scores

    def __len__(self) -> int:
        return len(self._held)

    def close(self) -> None:
        self._held.clear()


class WordsReranker:
    """Scores the share of the caption's words that a picture carries."""

    id = "words"
    sees_pictures = False
    languages: tuple[Language, ...] = ("en",)

    def __init__(self) -> None:
        self.calls = 0
        self.lists: list[int] = []
        """How many pictures it was asked about at once, where there was more than one."""
        self.prepared: list[str] = []
        self.told: list[str] = []

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        cancel.check()
        self.calls += 1
        self.lists += [len(pictures)] if len(pictures) > 1 else []
        asked = content_words(f"{caption} {context}")
        return np.array([len(asked & content_words(each.words)) / max(1, len(asked)) for each in pictures], np.float32)

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        for done, picture in enumerate(pictures, 1):
            cancel.check()
            self.prepared.append(picture.id)
            yield done

    def notices(self) -> list[str]:
        told, self.told = self.told, []
        return told

    def close(self) -> None:
        pass


WEIGHTS = Weights({"vector": Signal(0.4, 0.5, 0.1), "words": Signal(0.3), "rerank": Signal(0.3, 0.05, 0.02)})


# --- a library of pictures and the tools around it -------------------------------------------------------------------


def draw(path: Path, colour: str, seed: int = 0, size: tuple[int, int] = (160, 120)) -> Path:
    """A picture in shades of one colour, with a pattern of its own for every seed."""
    dice = np.random.default_rng(seed)
    pattern = Image.fromarray(dice.integers(0, 256, (6, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.blend(Image.new("RGB", size, _RGB[colour]), pattern, 0.25).save(path)
    return path


def draw_library(folder: Path) -> Path:
    """One picture for each colour and thing, with captions and rights."""
    lines = ["file\tcaption\tlicence\tcredit"]
    for seed, (colour, thing) in enumerate(zip(COLOURS, THINGS, strict=True)):
        draw(folder / f"{colour}-{thing}.png", colour, seed)
        lines.append(f"{colour}-{thing}.png\tA {colour} {thing} on the quay\tCC BY 4.0\tPhoto: Ana Lind")
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


class Bench:
    """Tools on a real catalogue with fakes for every model; a service or the terminal takes it for its models."""

    def __init__(
        self,
        home: Path,
        writer: ScriptedWriter | None = None,
        *,
        reranker: bool = True,
        empty_below: float = 0.2,
        longest: int = 170,
        candidates: int = 4,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._catalogue = Catalogue(home / "catalogue.sqlite", home / "previews")
        self.scripted = writer or ScriptedWriter(author)
        self.encoder = ColourEncoder()
        self.reranker = WordsReranker() if reranker else None
        self.loaded = 0
        self.renewed = 0
        self.text_reader: TextReader | None = None
        self.screen: ContentScreen | None = None
        self.wrong: list[str] = []
        self.closed = False
        self._tools = Tools(
            catalogue=self._catalogue,
            writer_id=self.scripted.id,
            writer=self._load,
            longest_passage=lambda _language: longest,
            encoder=self.encoder,
            search=VectorSearch(self._catalogue, BruteIndex(), self.encoder),
            captions=VectorSearch(self._catalogue, BruteIndex(), self.encoder, CAPTIONS),
            reranker=self.reranker,
            weights=WEIGHTS,
            candidates=candidates,
            empty_below=empty_below,
        )

    def _load(self) -> ScriptedWriter:
        self.loaded += 1
        return self.scripted

    def tools(self) -> Tools:
        return self._tools

    def tools_on(self, catalogue: Catalogue) -> Tools:
        seen = VectorSearch(catalogue, BruteIndex(), self.encoder)
        said = VectorSearch(catalogue, BruteIndex(), self.encoder, CAPTIONS)
        return dataclasses.replace(self._tools, catalogue=catalogue, search=seen, captions=said)

    def catalogue(self) -> Catalogue:
        return self._catalogue

    def reader(self) -> TextReader | None:
        return self.text_reader

    def content_screen(self) -> ContentScreen | None:
        return self.screen

    def fusion(self) -> Fusion:
        return Fusion(encoder="*", reranker="*", signals=WEIGHTS.signals, empty_below=0.2)

    def problems(self) -> list[str]:
        return self.wrong

    def warm(self) -> None:
        pass

    def renew(self) -> None:
        self.renewed += 1

    def close(self) -> None:
        self.closed = True
        self._catalogue.close()

    def compose(
        self, brief: Brief, started: Composition | None = None, cancel: Cancel | None = None
    ) -> tuple[Composition, list[AnyEvent]]:
        """Run to the end; the composition returned and every event."""
        events: list[AnyEvent] = []
        with closing(compose(brief, started, self.tools(), cancel or Cancel())) as run:
            while True:
                try:
                    events.append(next(run))
                except StopIteration as end:
                    return end.value, events


# --- small makings ---------------------------------------------------------------------------------------------------


def picture(name: str, group: str = "", caption: str = "", path: str = "") -> Picture:
    return Picture(
        id=name,
        path=path or f"/pictures/{name}.png",
        width=160,
        height=120,
        caption=caption,
        words=caption,
        group=group,
    )


def candidate(name: str, final: float = 0.0, group: str = "", **signals: float | None) -> Candidate:
    known = {name: value for name, value in signals.items() if value is not None}
    return Candidate(picture=picture(name, group), signals=known, final=final)  # type: ignore[arg-type]


def slot(name: str, after: str = "p0", caption: str = "A caption", query: str = "a thing") -> Slot:
    return Slot(id=name, after=after, caption=caption, query=query)


def paragraph(name: str, text: str, section: int = 0, passage: int = 0, *, done: bool = True) -> Block:
    return Block(id=name, kind="paragraph", text=text, section=section, passage=passage, done=done)


def heading(section: int, text: str, passage: int = 0) -> Block:
    return Block(id=f"h{section}", kind="heading", text=text, section=section, passage=passage)


def article(paragraphs: int, sections: int = 1, language: Language = "en") -> Article:
    """Paragraphs dealt out over sections, each different."""
    blocks: list[Block] = []
    for at in range(paragraphs):
        section = at * sections // paragraphs
        if not any(block.section == section for block in blocks):
            blocks.append(heading(section, f"Section {section}", at))
        blocks.append(paragraph(f"p{at}", passage(40, f"paragraph {at}", language), section, at))
    return Article("An article", tuple(blocks))


def outline_of(*headings: str, passages: int = 1, anchor: str = "") -> Outline:
    points = tuple(f"point {at}" for at in range(passages))
    return Outline("A title", tuple(Section(heading, points, anchor) for heading in headings))


class HeldWriter(ScriptedWriter):
    """Stops after some pieces of prose until it is let go, or cancelled."""

    def __init__(self, pieces: int = 20) -> None:
        super().__init__(author)
        self.pieces = pieces
        self.held = threading.Event()
        """Set while it waits."""
        self.go = threading.Event()

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        for at, piece in enumerate(super().generate(prompt, cancel)):
            if at == self.pieces and is_passage(prompt):
                self.held.set()
                while not self.go.wait(0.002):
                    cancel.check()
            yield piece
