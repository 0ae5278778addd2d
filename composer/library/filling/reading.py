"""Reading the writing in the library's pictures, so that they are found by it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from PIL import Image
from PIL.Image import Image as Picture

from composer.errors import ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.filling import unseen
from composer.library.filling.pace import Pace
from composer.library.filling.scan import ScanProgress
from composer.library.filling.unseen import Unseen
from composer.ports import Cancel, TextReader

BATCH = 16
"""Pictures after which what was read is kept: so many are read again when the program is killed."""
AT_ONCE = 2
"""Pictures handed to the reader in one call: after each a stop is seen."""
SIDE = 1280
"""Longest side in pixels at which a picture is read in whose preview something was found."""


def read_texts(
    catalogue: Catalogue, folders: Sequence[str], reader: TextReader, cancel: Cancel, pace: Pace | None = None
) -> Generator[ScanProgress, None, None]:
    """Read every picture of the folders (anywhere if none) that this version of the reader has not read yet.

    The previews are looked at first; only where they show writing the original is opened, and read at a size that
    shows more. Writing too small for the preview is therefore missed. What was read is kept in batches, and searched
    from then on. Memory: one batch of previews. Raises Cancelled when the writer gave up; what was read stays.
    """
    pace = pace or Pace()
    total, done, last = unseen.count(catalogue, folders, "said_by", reader.version), 0, 0
    while batch := unseen.following(catalogue, folders, "said_by", reader.version, last, BATCH):
        texts: dict[int, str] = {}
        try:
            for start in range(0, len(batch), AT_ONCE):
                pace.step(cancel)
                texts |= _read(catalogue, batch[start : start + AT_ONCE], reader, cancel)
                yield ScanProgress(done + len(texts), max(total, done + len(texts)), "")
        finally:
            catalogue.put_said(texts, reader.version)
        done, last = done + len(batch), batch[-1].row


def _read(catalogue: Catalogue, batch: Sequence[Unseen], reader: TextReader, cancel: Cancel) -> dict[int, str]:
    """What is written in each; "" for one that cannot be opened, which a scan will find out about."""
    seen = {each.row: image for each in batch if (image := unseen.opened(catalogue, each, SIDE)) is not None}
    texts = dict.fromkeys((each.row for each in batch), "")
    texts |= dict(zip(seen, _read_any(reader, list(seen.values())), strict=True))
    for row in [row for row, text in texts.items() if text]:
        cancel.check()
        larger = _larger(catalogue, row, seen[row])
        if larger is not None:
            texts[row] = _read_any(reader, [larger])[0] or texts[row]
    return texts


def _read_any(reader: TextReader, images: list[Picture]) -> list[str]:
    """A picture over which the reader fails is passed over: it must not stop the others for ever.

    Raises ModelFailed when the reader cannot even read a blank sheet.
    """
    try:
        return reader.read(images) if images else []
    except ModelFailed:
        reader.read([Image.new("RGB", (64, 64), "white")])
        return [""] if len(images) == 1 else [text for image in images for text in _read_any(reader, [image])]


def _larger(catalogue: Catalogue, row: int, preview: Picture) -> Picture | None:
    """The picture at the size it is read at; None when it cannot be opened or shows no more than its preview."""
    image = unseen.original(catalogue, row, SIDE)
    return image if image is not None and max(image.size) > 1.2 * max(preview.size) else None
