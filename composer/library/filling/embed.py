"""Giving the catalogue's pictures vectors: of what they show, and of what is said of them.

Three things go on at once: pictures are decoded ahead on threads, the encoder (in a process of its own) computes on
two batches, and the vectors of the batch before are kept. What waits is bounded: three batches of pictures, each no
larger than the encoder can make use of.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from time import monotonic
from typing import NamedTuple

import numpy as np
from PIL.Image import Image as Picture

from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.decoding import quality
from composer.library.decoding.quality import UnusablePicture
from composer.library.filling.ahead import in_order
from composer.library.filling.pace import Pace
from composer.library.filling.scan import ScanProgress
from composer.ports import WHOLE, Cancel, Ids, ImageEncoder, TextEncoder, Vectors
from composer.types import Language

BATCH = 64
"""Pictures or texts handed to the encoder at once, at most."""
FIRST = 16
"""Pictures of the first batch, whose time decides on the next."""
SECONDS = 0.7
"""A batch that takes longer is made smaller: so long a stop may have to wait, and so much is lost in a crash."""
AHEAD = 2
"""Batches handed over at once: while one is at work the next travels, and no lane waits for the last of the one."""
WORKERS = max(1, min(8, os.cpu_count() or 1))
"""Threads that decode; Pillow lets go of Python's lock meanwhile."""
LONGEST = 16
"""Times as long as wide; of a longer strip only a smaller copy is handed over, else a single one could fill memory."""
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]{3,}")
"""A word; shorter ones are mostly abbreviations and units."""


def embed(
    catalogue: Catalogue,
    folders: Sequence[str],
    encoder: ImageEncoder,
    cancel: Cancel,
    batch: int = BATCH,
    pace: Pace | None = None,
) -> Generator[ScanProgress, None, None]:
    """Encode the pictures of the folders that have no vector of the encoder yet; each batch is kept when it is done.

    The encoder is called from two threads, others than the caller's. At less than full pace nothing is computed while
    the pace rests. A picture that vanished or broke since the scan is taken out of use with a reason until the next
    scan looks at it. Raises Cancelled when the writer gave up.
    """
    rows = catalogue.embeddings.missing(encoder.id, folders)
    done, work = 0, _Work(catalogue, encoder, cancel, pace or Pace())
    try:
        with closing(work.encoded(rows, batch)) as batches:
            for each in batches:
                work.keep(each)
                done += each.taken
                yield ScanProgress(done, len(rows), each.last)
    finally:
        work.keep_rest()


def embed_captions(
    catalogue: Catalogue,
    folders: Sequence[str],
    encoder: TextEncoder,
    cancel: Cancel,
    batch: int = BATCH,
    pace: Pace | None = None,
) -> Generator[ScanProgress, None, None]:
    """Encode what is said of each picture (its caption, else all its words) where that was not done yet.

    A query finds a caption that means the same in other words this way, which neither the picture's vector nor the
    words themselves do. Words in a language that the encoder does not read are left out, because their vectors would
    be noise; the last report says of how many. Raises Cancelled when the writer gave up.
    """
    pace = pace or Pace()
    rows = catalogue.embeddings.missing(encoder.id + CAPTIONS, folders)
    unread = 0
    for start in range(0, len(rows), batch):
        pace.step(cancel)
        texts = _texts(catalogue, rows[start : start + batch])
        told = {row: readable(text, encoder.languages) for row, text in texts.items()}
        kept = {row: text for row, text in told.items() if text}
        unread += len(told) - len(kept)
        if kept:
            vectors = encoder.encode_texts(list(kept.values()))
            catalogue.embeddings.store(encoder.id + CAPTIONS, np.array(list(kept), np.int64), vectors)
        done = min(start + batch, len(rows))
        yield ScanProgress(done, len(rows), "", _unread(unread) if done == len(rows) else "")


def readable(text: str, languages: Sequence[Language]) -> str:
    """What of the text an encoder of those languages can read: all, the part in Latin letters, or nothing."""
    if "zh" in languages or not (chinese := len(_HAN.findall(text))):
        return text
    words = _LATIN.findall(text)
    if not words:
        return ""
    # A Chinese word has about two characters: where it is mostly English, names in brackets do no harm.
    return text if 2 * len(words) > chinese else " ".join(_HAN.sub(" ", text).split())


def _texts(catalogue: Catalogue, rows: Ids) -> dict[int, str]:
    """What is said of pictures of which something is said."""
    pictures = catalogue.pictures(rows.tolist())
    return {row: text for row, picture in pictures.items() if (text := picture.caption or picture.words)}


def _unread(count: int) -> str:
    if not count:
        return ""
    said = "caption is" if count == 1 else "captions are"
    return f"{count} {said} in a language that the encoder does not read; they are searched by their words alone."


class _Ready(NamedTuple):
    row: int
    path: str
    image: Picture | None


class _Encoded(NamedTuple):
    last: str
    """Path of the batch's last picture."""
    rows: Ids
    """Pictures that could be read."""
    vectors: Vectors
    taken: int
    """All pictures of the batch, unreadable ones too."""


class _Work:
    """Decodes ahead, encodes on a thread beside, hands out what is encoded."""

    def __init__(self, catalogue: Catalogue, encoder: ImageEncoder, cancel: Cancel, pace: Pace) -> None:
        self._catalogue, self._encoder, self._cancel, self._pace = catalogue, encoder, cancel, pace
        self._size = FIRST
        self._ended = 0.0
        """When the last batch was done, by monotonic()."""
        self._under_way: deque[Future[_Encoded]] = deque()

    def encoded(self, rows: Ids, most: int) -> Generator[_Encoded, None, None]:
        """The rows' vectors, batch by batch."""
        if not len(rows):
            return
        side, self._size = self._encoder.image_size, min(FIRST, most)
        decoded = in_order(lambda row: _ready(self._catalogue, row, side), rows.tolist(), self._cancel, WORKERS, most)
        with closing(decoded), self._beside() as pool:
            for batch in self._batches(decoded):
                self._under_way.append(pool.submit(self._encode, batch, most))
                while len(self._under_way) > self._ahead():
                    yield self._under_way.popleft().result()
                    self._pace.step(self._cancel)
            while self._under_way:
                yield self._under_way.popleft().result()

    def keep(self, made: _Encoded) -> None:
        if len(made.rows):
            self._catalogue.embeddings.store(self._encoder.id, made.rows, made.vectors)

    def keep_rest(self) -> None:
        """After a stop: what was computed by then is not thrown away."""
        for future in self._under_way:
            if not future.cancelled() and future.exception() is None:
                self.keep(future.result())
        self._under_way.clear()

    @contextmanager
    def _beside(self) -> Generator[ThreadPoolExecutor, None, None]:
        """The threads that call the encoder; when they are left, batches at work end and no other is begun."""
        pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="vectors")
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _ahead(self) -> int:
        """Batches that may be under way while the caller goes on."""
        return AHEAD if self._pace.share >= 1.0 else 0

    def _batches(self, decoded: Iterator[_Ready]) -> Iterator[list[_Ready]]:
        while batch := list(islice(decoded, self._size)):
            yield batch
            self._cancel.check()

    def _encode(self, batch: list[_Ready], most: int) -> _Encoded:
        seen = [(each.row, each.image) for each in batch if each.image is not None]
        used = np.array([row for row, _ in seen], np.int64)
        started = monotonic()
        vectors = self._encoder.encode_images([image for _, image in seen]) if seen else np.empty((0, 0), np.float32)
        ended = monotonic()  # while the batch before was at work this one waited
        self._size, self._ended = _next_size(self._size, ended - max(started, self._ended), most), ended
        return _Encoded(batch[-1].path, used, vectors, len(batch))


def _next_size(size: int, seconds: float, most: int) -> int:
    """Twice as many where that stays well below SECONDS, half as many where it took longer."""
    if seconds > SECONDS:
        return max(1, size // 2)
    return min(most, 2 * size) if seconds < 0.4 * SECONDS else size


def _ready(catalogue: Catalogue, row: int, side: int) -> _Ready:
    """The picture from the first of its files that still can be read; the others are taken out of use."""
    path, whole = "", catalogue.database.all("SELECT width, height FROM pictures WHERE row = ?", [row])
    for path in catalogue.paths(row):
        try:
            image = bounded(quality.open_upright(path, side), side)
            image.info[WHOLE] = whole[0]
            return _Ready(row, path, image)
        except UnusablePicture as error:
            catalogue.distrust(path, error.reason)
    return _Ready(row, path, None)


def bounded(image: Picture, side: int) -> Picture:
    """The picture, or of a very long strip a copy that is no larger than one of LONGEST by one."""
    most = LONGEST * side * side
    if image.width * image.height <= most:
        return image
    scale = (most / (image.width * image.height)) ** 0.5
    return image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))), reducing_gap=2.0)
