"""Reading the writing in the library's pictures, so that they are found by it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import NamedTuple

from PIL import Image
from PIL.Image import Image as Picture

from composer.errors import ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.database import below
from composer.library.decoding import decoders
from composer.library.decoding.quality import UnusablePicture
from composer.library.filling.pace import Pace
from composer.library.filling.scan import ScanProgress
from composer.ports import Cancel, TextReader

BATCH = 16
"""Pictures after which what was read is kept: so many are read again when the program is killed."""
AT_ONCE = 2
"""Pictures handed to the reader in one call: after each a stop is seen."""
SIDE = 1280
"""Longest side in pixels at which a picture is read in whose preview something was found."""


class _Unread(NamedTuple):
    row: int
    preview: str
    """Its name below the previews folder."""


def read_texts(
    catalogue: Catalogue, folders: Sequence[str], reader: TextReader, cancel: Cancel, pace: Pace | None = None
) -> Generator[ScanProgress, None, None]:
    """Read every picture of the folders (anywhere if none) that this version of the reader has not read yet.

    The previews are looked at first; only where they show writing the original is opened, and read at a size that
    shows more. Writing too small for the preview is therefore missed. What was read is kept in batches, and searched
    from then on. Memory: one batch of previews. Raises Cancelled when the writer gave up; what was read stays.
    """
    pace = pace or Pace()
    total, done, last = _count(catalogue, folders, reader.version), 0, 0
    while batch := _unread(catalogue, folders, reader.version, last):
        texts: dict[int, str] = {}
        try:
            for start in range(0, len(batch), AT_ONCE):
                pace.step(cancel)
                texts |= _read(catalogue, batch[start : start + AT_ONCE], reader, cancel)
                yield ScanProgress(done + len(texts), max(total, done + len(texts)), "")
        finally:
            catalogue.put_said(texts, reader.version)
        done, last = done + len(batch), batch[-1].row


def _read(catalogue: Catalogue, batch: Sequence[_Unread], reader: TextReader, cancel: Cancel) -> dict[int, str]:
    """What is written in each; "" for one that cannot be opened, which a scan will find out about."""
    seen = {each.row: image for each in batch if (image := _preview(catalogue, each)) is not None}
    texts = dict.fromkeys((each.row for each in batch), "")
    texts |= dict(zip(seen, _read_any(reader, list(seen.values())), strict=True))
    for row in [row for row, text in texts.items() if text]:
        cancel.check()
        larger = _original(catalogue, row, seen[row])
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


def _preview(catalogue: Catalogue, picture: _Unread) -> Picture | None:
    with suppress(OSError, ValueError), Image.open(catalogue.previews / picture.preview, formats=["JPEG"]) as image:
        return image.convert("RGB")
    return _original(catalogue, picture.row, None)


def _original(catalogue: Catalogue, row: int, preview: Picture | None) -> Picture | None:
    """The picture at the size it is read at; None when it cannot be opened or shows no more than its preview."""
    for path in catalogue.paths(row):
        with suppress(UnusablePicture):
            image = decoders.open_upright(path, SIDE)
            image.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
            return image if preview is None or max(image.size) > 1.2 * max(preview.size) else None
    return None


def _where(folders: Sequence[str]) -> tuple[str, list[str]]:
    where, values = below(folders)
    files = "SELECT 1 FROM files JOIN directories ON number = directory"
    place = f"{files} WHERE picture = row AND reason IS NULL AND {where}"
    return f"row > ? AND said_by < ? AND EXISTS ({place})", values


def _count(catalogue: Catalogue, folders: Sequence[str], version: int) -> int:
    where, values = _where(folders)
    return catalogue.database.number(f"SELECT count(*) FROM pictures WHERE {where}", [0, version, *values])  # noqa: S608


def _unread(catalogue: Catalogue, folders: Sequence[str], version: int, after: int) -> list[_Unread]:
    where, values = _where(folders)
    sql = f"SELECT row, preview FROM pictures WHERE {where} ORDER BY row LIMIT {BATCH}"  # noqa: S608
    return [_Unread(*line) for line in catalogue.database.all(sql, [after, version, *values])]
