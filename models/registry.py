"""From names in the settings to adapters, built when first used. Importing this file imports nothing heavy.

Who lives where: llama.cpp in the engine process; everything on torch in one child process, so that what it does is done
one after the other; vector search in another, away from torch's threads.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from PIL.Image import Image

from composer.errors import ModelNotReady
from composer.fusion import Fusion
from composer.home import subfolder
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.filling.workers import Workers
from composer.library.finding.vectors import VectorSearch
from composer.pipeline import Tools
from composer.ports import ContentScreen, Encoder, Ids, Reranker, TextReader, VectorIndex, Vectors, Writer
from composer.settings import Settings
from composer.types import Language
from models import fusion, store
from models.indexes import problems
from models.isolation import Host

WRITERS = {"starter": "starter-writer", "starter-tiny": "starter-writer-tiny"}
ENCODERS = {"starter": "starter-encoder"}
RERANKERS = {"starter": "starter-encoder"}
SERVER = "server:URL#MODEL"
DEFAULT_PASSAGE: dict[Language, int] = {"en": 170, "zh": 260}
"""For a writer that nobody measured."""


class Models:
    """The adapters that the settings name. One object an engine; close it to free everything."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._torch = Host("model", settings.threads, yielding=True)
        self._search = Host("search", settings.threads)
        self._jobs = Host("job", yielding=True)
        self._reading = Host("picture reader", settings.threads, yielding=True)
        self._catalogue: Catalogue | None = None
        self._writer: Writer | None = None
        self._reader: TextReader | None = None
        self._screen: ContentScreen | None = None
        self._tools: Tools | None = None

    def catalogue(self) -> Catalogue:
        """The library's catalogue, opened once."""
        if self._catalogue is None:
            folder = subfolder("library")
            self._catalogue = Catalogue(folder / "catalogue.sqlite", folder / "previews")
        return self._catalogue

    def writer(self) -> Writer:
        """The writer of the settings, loaded on first use. Raises ModelNotReady."""
        if self._writer is None:
            self._writer = self._build_writer(self._settings.writer)
        return self._writer

    def tools(self) -> Tools:
        """What the pipeline works with. Nothing is loaded yet. Raises ModelNotReady when an encoder is not there."""
        if self._tools is None:
            self.warm()
            encoder = self._build_encoder(self._settings.encoder)
            reranker = self._build_reranker(self._settings.reranker)
            self._tools = Tools(
                catalogue=self.catalogue(),
                writer_id=self._settings.writer,
                writer=self.writer,
                longest_passage=self.longest_passage,
                encoder=encoder,
                search=VectorSearch(self.catalogue(), self._index(encoder), encoder),
                captions=VectorSearch(self.catalogue(), self._index(encoder, CAPTIONS), encoder, CAPTIONS),
                reranker=reranker,
                weights=fusion.weights_of(self._settings),
                candidates=self._settings.candidates,
                empty_below=fusion.empty_below_of(self._settings),
            )
        return self._tools

    def tools_on(self, catalogue: Catalogue) -> Tools:
        """The same tools on another catalogue; their indexes lie beside it. Raises ModelNotReady."""
        tools = self.tools()
        seen, said = (self._index(tools.encoder, end, catalogue) for end in ("", CAPTIONS))
        return dataclasses.replace(
            tools,
            catalogue=catalogue,
            search=VectorSearch(catalogue, seen, tools.encoder),
            captions=VectorSearch(catalogue, said, tools.encoder, CAPTIONS),
        )

    def longest_passage(self, language: Language) -> int:
        """How long a passage the writer can hold, in words or characters."""
        name = WRITERS.get(self._settings.writer)
        known = store.find(name).longest_passage if name else {}
        return known.get(language, DEFAULT_PASSAGE[language])

    def reader(self) -> TextReader | None:
        """What reads the writing in pictures, in a process of its own; None unless it is wanted and installed."""
        from models.readers.rapid import RapidReader

        if not (self._settings.read_texts and RapidReader.installed()):
            return None
        if self._reader is None:
            self._reader = self._reading.build(RapidReader, self._settings.threads)
        return self._reader

    def content_screen(self) -> ContentScreen | None:
        """What looks for faces and unsafe pictures, in the process of the reader; None unless it is wanted.

        Raises ModelNotReady when it is wanted and not there.
        """
        if not self._settings.screen_content:
            return None
        if self._screen is None:
            from models.readers import content

            self._screen = self._reading.build(content.StarterScreens, content.weights(), self._settings.threads)
        return self._screen

    def fusion(self) -> Fusion:
        """How the program itself joins signals with these models, whatever the desk has fitted."""
        return fusion.own(self._settings)

    def problems(self) -> list[str]:
        """What is wrong with this machine's indexes and with the desk's fit, a sentence each. Loads nothing."""
        told = [] if self._settings.index else problems.told(subfolder("library") / "indexes")
        broken = fusion.problem()
        return [*told, *([str(broken)] if broken else [])]

    def warm(self) -> None:
        """Start importing the picture models in their own process, without waiting."""
        self._torch.warm("torch", "transformers")

    def close(self) -> None:
        """Free every model and end the child processes."""
        if self._writer is not None:
            self._writer.close()
        self._writer = self._tools = self._reader = self._screen = None
        self._torch.close()
        self._reading.close()
        self._search.close()
        self._jobs.close()
        if self._catalogue is not None:
            self._catalogue.close()
            self._catalogue = None

    def _index(self, encoder: Encoder, suffix: str = "", catalogue: Catalogue | None = None) -> VectorIndex:
        return _Index(self._search, encoder, suffix, self._settings, catalogue or self.catalogue())

    def _build_writer(self, name: str) -> Writer:
        kind, _, rest = name.partition(":")
        if name in WRITERS:
            model = store.find(WRITERS[name])
            from models.writers.llama import LlamaWriter

            return LlamaWriter(
                store.ready(model) / model.files[0].name,
                model_id=f"{model.name}@{model.files[0].sha256[:12]}",
                threads=self._settings.threads,
            )
        if kind == "gguf" and rest:
            from models.writers.llama import LlamaWriter

            return LlamaWriter(Path(rest).expanduser(), threads=self._settings.threads)
        if kind == "transformers" and rest:
            from models.writers.causal import CausalWriter

            return self._torch.build(CausalWriter, rest)
        if kind == "server" and rest:
            from models.writers.endpoint import EndpointWriter

            return EndpointWriter(rest, self._settings.allowed_hosts)
        raise _unknown("writer", name, ["starter", "starter-tiny", "gguf:FILE", "transformers:FOLDER", SERVER])

    def _build_encoder(self, name: str) -> Encoder:
        factory, args = self._encoder_recipe(name)
        built = self._torch.build(factory, *args)
        return _Known(built, factory) if name == "starter" else built

    def _encoder_recipe(self, name: str) -> tuple[type[Encoder], tuple[object, ...]]:
        """The encoder's class and what it is made with; the same on every machine."""
        kind, _, rest = name.partition(":")
        if name == "starter":
            from models.starter.conse import ConseEncoder

            return ConseEncoder, (store.ready(store.find(ENCODERS["starter"])), self._settings.threads)
        if kind == "open_clip" and rest:
            from models.encoders.openclip import OpenClipEncoder

            return OpenClipEncoder, (rest,)
        raise _unknown("encoder", name, ["starter", "open_clip:MODEL/TAG", "open_clip:FOLDER"])

    def workers(self, where: str) -> Workers:
        """Encoders of the settings' kind on a Ray, "ray" or "ray://HOST:PORT". Raises ModelNotReady."""
        from models.jobs.ray_embedding import RayWorkers, checked

        factory, args = self._encoder_recipe(self._settings.encoder)
        place = checked(where, self._settings.allowed_hosts)
        return self._jobs.build(RayWorkers, place, factory, args, self._settings.allowed_hosts, self._settings.threads)

    def _build_reranker(self, name: str) -> Reranker | None:
        kind, _, rest = name.partition(":")
        if name == "none":
            return None
        if name == "starter":
            from models.starter.judge import WordsJudge

            return self._torch.build(WordsJudge, store.ready(store.find(ENCODERS["starter"])))
        if kind == "transformers" and rest:
            from models.rerankers.vision_language import VisionLanguageReranker

            return self._torch.build(
                VisionLanguageReranker,
                rest,
                looks=subfolder("looks"),
                looks_bytes=self._settings.looks_mb << 20,
                compare_within=self._settings.compare_within,
            )
        if kind == "gguf" and rest:
            from models.rerankers.llama import LlamaReranker

            return self._torch.build(LlamaReranker, rest, self._settings.threads)
        if kind == "server" and rest:
            from models.rerankers.endpoint import EndpointReranker

            return EndpointReranker(rest, self._settings.allowed_hosts)
        known = ["starter", "transformers:FOLDER", "gguf:MODEL.gguf+MMPROJ.gguf", SERVER, "none"]
        raise _unknown("re-ranker", name, known)


class _Known:
    """An encoder whose constants are known without loading it: a library that is up to date then waits for nothing."""

    def __init__(self, encoder: Encoder, constants: type[Encoder]) -> None:
        self._encoder = encoder
        self.id: str = constants.id  # type: ignore[assignment] - a plain attribute of the class
        self.dimensions: int = constants.dimensions  # type: ignore[assignment]
        self.image_size: int = constants.image_size  # type: ignore[assignment]
        self.languages: tuple[Language, ...] = constants.languages  # type: ignore[assignment]

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        return self._encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_texts(texts)

    def close(self) -> None:
        self._encoder.close()


class _Index:
    """The library's index in the search process, made when the encoder is first needed: asking its name may load it."""

    def __init__(self, host: Host, encoder: Encoder, suffix: str, settings: Settings, catalogue: Catalogue) -> None:
        """What lies on this machine lies beside the catalogue; what lies on a server is told apart by its identity."""
        self._host = host
        self._settings = settings
        self._identity = catalogue.database.identity()
        self._folder = catalogue.file.parent / "indexes"
        self._encoder = encoder
        self._suffix = suffix
        self._index: VectorIndex | None = None

    def stamp(self) -> str:
        return self._ready().stamp()

    def save(self, stamp: str) -> None:
        self._ready().save(stamp)

    def clear(self) -> None:
        self._ready().clear()

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._ready().add(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self._ready().remove(ids)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        return self._ready().search(queries, k, among)

    def close(self) -> None:
        self._ready().close()

    def __len__(self) -> int:
        return len(self._ready())

    def _ready(self) -> VectorIndex:
        if self._index is None:
            self._index = self._elsewhere() if self._settings.index else self._here()
        return self._index

    def _here(self) -> VectorIndex:
        from models.indexes.library import LibraryIndex

        used = {end: slug(self._encoder.id + end) for end in ("", CAPTIONS)}
        problems.forget_others(self._folder, used.values())
        folder = self._folder / used[self._suffix]
        return self._host.build(LibraryIndex, folder, self._encoder.dimensions, self._host.threads)

    def _elsewhere(self) -> VectorIndex:
        from models.indexes.milvus import MilvusIndex
        from models.indexes.milvus_link import TOKEN

        name = sha256(f"{self._identity} {self._encoder.id}{self._suffix}".encode()).hexdigest()[:12]
        token = os.environ.get(TOKEN, "").strip()
        where, allowed = self._settings.index, self._settings.allowed_hosts
        return self._host.build(MilvusIndex, where, self._encoder.dimensions, name, token, allowed)


def slug(name: str) -> str:
    """A folder's name for any encoder's: readable, and different for different encoders."""
    words = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:60]
    return f"{words}-{sha256(name.encode()).hexdigest()[:8]}"


def _unknown(kind: str, name: str, known: list[str]) -> ModelNotReady:
    return ModelNotReady(f"There is no {kind} named {name}.", f"Set one of: {', '.join(known)}.")
