"""Gold articles: texts that people wrote and illustrated, with their pictures in place, read from a folder and checked.

    folder/articles.jsonl   one article a line, UTF-8: id, repo, licence, language, title, blocks; more is passed over
    folder/images/...       the pictures, at the paths that the articles name

A block is `{"type", "text"}`, its type `heading`, `paragraph`, `list` or `quote`, or a figure: `{"type": "figure",
"image": path below the folder, "alt", "caption"}`, the two as its author wrote them, or empty.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

import msgspec
from msgspec import Struct

from composer.errors import ComposerError
from composer.evaluation.nouns import Figure, GoldArticle, Kind
from composer.types import Article, Block, Language

ARTICLES = "articles.jsonl"
_KINDS: Mapping[str, Kind] = {"paragraph": "paragraph", "list": "list", "quote": "quote"}


class GoldError(ComposerError):
    """A folder of gold articles cannot be used."""


class Gold(Struct, frozen=True, kw_only=True):
    """A set of gold articles."""

    folder: Path
    """Absolute."""
    hash: str
    """BLAKE2b-128 of the articles and of every picture that they show, hexadecimal."""
    articles: tuple[GoldArticle, ...]

    @property
    def title(self) -> str:
        """Name of the folder and the beginning of the hash."""
        return f"{self.folder.name} {self.hash[:12]}"

    @property
    def images(self) -> tuple[str, ...]:
        """Paths of all pictures below the folder, each once, in the order of the articles."""
        return tuple(dict.fromkeys(figure.image for article in self.articles for figure in article.figures))


class _Part(Struct, frozen=True):
    type: Literal["heading", "paragraph", "list", "quote", "figure"]
    text: str = ""
    image: str = ""
    alt: str = ""
    caption: str = ""


class _Line(Struct, frozen=True):
    id: str
    repo: str
    licence: str
    language: Language
    title: str
    blocks: tuple[_Part, ...]


def read_gold(folder: Path) -> Gold:
    """Read and check a folder of gold articles. Raises GoldError with one sentence, and the line where there is one."""
    place = folder.absolute()
    data = _data(place)
    articles: list[GoldArticle] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(data.split("\n"), 1):
        if line.strip():
            article = _article(place, line, number)
            if article.id in lines:
                raise _wrong(
                    number, f"the id {article.id} is that of line {lines[article.id]}", "Give each its own id."
                )
            lines[article.id] = number
            articles.append(article)
    if not articles:
        raise GoldError(f"{place / ARTICLES} holds no article.", "Write one article a line, as JSON.")
    gold = Gold(folder=place, hash="", articles=tuple(articles))
    return msgspec.structs.replace(gold, hash=_hash(gold, data))


def selection(articles: Sequence[GoldArticle], limit: int, seed: int) -> tuple[GoldArticle, ...]:
    """At most `limit` articles in their order, from every repository as many as from the next, as far as there are.

    A larger limit keeps what a smaller one took, so that what was found for those is still of use.
    """
    dice = random.Random(seed)  # noqa: S311 - a draw that can be repeated, no secret
    heaps: dict[str, list[GoldArticle]] = {}
    for article in articles:
        heaps.setdefault(article.repository, []).append(article)
    order = sorted(heaps)
    dice.shuffle(order)
    for name in order:
        dice.shuffle(heaps[name])
    taken: set[str] = set()
    depth = 0
    while len(taken) < min(limit, len(articles)):
        layer = [heaps[name][depth].id for name in order if depth < len(heaps[name])]
        taken.update(layer[: limit - len(taken)])
        depth += 1
    return tuple(article for article in articles if article.id in taken)


def _data(folder: Path) -> str:
    if not folder.is_dir():
        raise GoldError(f"{folder} is not a folder.", f"Name the folder that holds {ARTICLES}.")
    try:
        return (folder / ARTICLES).read_text("utf-8-sig")
    except FileNotFoundError:
        raise GoldError(f"There is no {ARTICLES} in {folder}.", "Name the folder that holds one.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _wrong(line, "it is not UTF-8", "Save the file as UTF-8.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GoldError(f"{folder / ARTICLES} cannot be read: {reason}.", "Look at its permissions.") from error


def _article(folder: Path, line: str, number: int) -> GoldArticle:
    try:
        found = msgspec.json.decode(line, type=_Line)
    except msgspec.ValidationError as error:
        raise _wrong(number, str(error)[:1].lower() + str(error)[1:], "Correct that field.") from error
    except msgspec.DecodeError as error:
        raise _wrong(number, "it is not JSON", "Write each article as one JSON object on one line.") from error
    _check(folder, found, number)
    texts = [part for part in found.blocks if part.type in _KINDS]
    return GoldArticle(
        id=found.id,
        repository=found.repo,
        licence=found.licence,
        language=found.language,
        article=Article(found.title, tuple(_blocks(found.blocks))),
        kinds=tuple(_KINDS[part.type] for part in texts),
        figures=tuple(_figures(found.blocks)),
    )


def _blocks(parts: Sequence[_Part]) -> Iterator[Block]:
    """Headings and texts; every text is a passage of its own, text before the first heading a section of its own."""
    headings = texts = 0
    begun = False
    section = 0
    for part in parts:
        if part.type == "heading":
            section, begun = section + begun, True
            yield Block(id=f"h{headings}", kind="heading", text=part.text.strip(), section=section, passage=texts)
            headings += 1
        elif part.type in _KINDS:
            begun = True
            yield Block(id=f"p{texts}", kind="paragraph", text=part.text.strip(), section=section, passage=texts)
            texts += 1


def _figures(parts: Sequence[_Part]) -> Iterator[Figure]:
    after = -1
    for part in parts:
        after += part.type in _KINDS
        if part.type == "figure":
            image = PurePosixPath(part.image).as_posix()
            yield Figure(after=after, image=image, caption=part.caption.strip(), alt=part.alt.strip())


def _check(folder: Path, line: _Line, number: int) -> None:
    """What types alone do not say."""
    for name in ("id", "repo", "licence", "title"):
        if not getattr(line, name).strip():
            raise _wrong(number, f"its {name} is empty", "Fill it in.")
    if not any(part.type in _KINDS for part in line.blocks):
        raise _wrong(number, "the article has no text", "Take the line out, or give it a paragraph.")
    if not any(part.type == "figure" for part in line.blocks):
        raise _wrong(number, "the article has no picture", "Take the line out, or give it a figure.")
    for place, part in enumerate(line.blocks, 1):
        if part.type != "figure" and not part.text.strip():
            raise _wrong(number, f"block {place} is a {part.type} without text", "Take the block out.")
        if part.type == "figure":
            _check_image(folder, part.image, number, place)


def _check_image(folder: Path, image: str, number: int, place: int) -> None:
    if not image.strip():
        raise _wrong(number, f"block {place} is a figure without an image", "Name its picture, or take it out.")
    for flavour in (PurePosixPath(image), PureWindowsPath(image)):
        if flavour.is_absolute() or flavour.drive or ".." in flavour.parts:
            hint = "Write the path below the folder, with /."
            raise _wrong(number, f"the image {image} of block {place} lies outside the folder", hint)
    if not (folder / image).is_file():
        raise _wrong(number, f"the image {image} of block {place} is not there", "Put it there, or take the block out.")


def _hash(gold: Gold, data: str) -> str:
    whole = hashlib.blake2b(data.encode("utf-8"), digest_size=16)
    for image in gold.images:
        try:
            whole.update((gold.folder / image).read_bytes())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise GoldError(f"{gold.folder / image} cannot be read: {reason}.", "Look at its permissions.") from error
    return whole.hexdigest()


def _wrong(line: int, what: str, hint: str) -> GoldError:
    return GoldError(f"Line {line} of {ARTICLES} cannot be used: {what}.", hint)
