"""Giving the catalogue's pictures vectors: of what they show, and of what is said of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
from PIL.Image import Image as Picture

from composer.library import quality
from composer.library.ahead import in_order
from composer.library.catalogue import CAPTIONS, Catalogue
from composer.library.pace import Pace
from composer.library.quality import UnusablePicture
from composer.library.scan import ScanProgress
from composer.ports import Cancel, ImageEncoder, TextEncoder


def embed(
    catalogue: Catalogue,
    folders: Sequence[str],
    encoder: ImageEncoder,
    cancel: Cancel,
    batch: int = 32,
    pace: Pace | None = None,
) -> Generator[ScanProgress, None, None]:
    """Encode the pictures of the folders that have no vector of the encoder yet; each batch is kept when it is done.

    Pictures are decoded ahead on a thread of their own. One that vanished or broke since the scan is taken out of use
    with a reason until the next scan looks at it. Raises Cancelled when the writer gave up.
    """
    pace = pace or Pace()
    rows = catalogue.embeddings.missing(encoder.id, folders).tolist()
    done = 0
    for ready in _batches(catalogue, rows, encoder.image_size, batch, cancel):
        images = [each.image for each in ready if each.image is not None]
        if images:
            used = np.array([each.row for each in ready if each.image is not None], np.int64)
            catalogue.embeddings.store(encoder.id, used, encoder.encode_images(images))
        done += len(ready)
        yield ScanProgress(done, len(rows), ready[-1].path)
        pace.step(cancel)


def embed_captions(
    catalogue: Catalogue,
    folders: Sequence[str],
    encoder: TextEncoder,
    cancel: Cancel,
    batch: int = 64,
    pace: Pace | None = None,
) -> Generator[ScanProgress, None, None]:
    """Encode what is said of each picture (its caption, else all its words) where that was not done yet.

    A query finds a caption that means the same in other words this way, which neither the picture's vector nor the
    words themselves do. Raises Cancelled when the writer gave up.
    """
    pace = pace or Pace()
    rows = catalogue.embeddings.missing(encoder.id + CAPTIONS, folders).tolist()
    for start in range(0, len(rows), batch):
        cancel.check()
        pictures = catalogue.pictures(rows[start : start + batch])
        texts = [picture.caption or picture.words for picture in pictures.values()]
        if texts:
            vectors = encoder.encode_texts(texts)
            catalogue.embeddings.store(encoder.id + CAPTIONS, np.array(list(pictures), np.int64), vectors)
        yield ScanProgress(min(start + batch, len(rows)), len(rows), "")
        pace.step(cancel)


class _Ready(NamedTuple):
    row: int
    path: str
    image: Picture | None


def _batches(
    catalogue: Catalogue, rows: Sequence[int], side: int, size: int, cancel: Cancel
) -> Generator[list[_Ready], None, None]:
    """Decoded pictures, `size` at a time; the next batch is decoded while the caller computes on this one."""
    batch: list[_Ready] = []
    for ready in in_order(lambda row: _ready(catalogue, row, side), rows, cancel, workers=1, ahead=2 * size):
        batch.append(ready)
        if len(batch) == size:
            yield batch
            batch = []
            cancel.check()
    if batch:
        yield batch


def _ready(catalogue: Catalogue, row: int, side: int) -> _Ready:
    """The picture from the first of its files that still can be read; the others are taken out of use."""
    path = ""
    for path in catalogue.paths(row):
        try:
            return _Ready(row, path, quality.open_upright(path, side))
        except UnusablePicture as error:
            catalogue.distrust(path, error.reason)
    return _Ready(row, path, None)
