"""Taking one file into the library: it is read once, and what it shows and says is kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from composer.library.catalogue import Catalogue, Entry, Stamp
from composer.library.decoding import quality, thumbnails
from composer.library.decoding.decoders import POOL, SECONDS, SECONDS_PER_BYTE, Ask
from composer.library.decoding.quality import UnusablePicture
from composer.library.words import metadata
from composer.library.words.metadata import Words

KEPT = "sidecars"
"""Folder below the catalogue's own: XMP files by picture id, for pictures in folders that may not be written."""
_MOST_SIDECAR = 4 << 20


class File(NamedTuple):
    """A new or changed file, with what its folder says of it."""

    path: str
    stamp: Stamp
    folders: tuple[str, ...]
    row: Words | None
    sidecar: str
    """Path of its XMP file, or nothing."""
    kept: str = ""
    """Folder of XMP files by picture id, for pictures in folders that may not be written."""


def examine(catalogue: Catalogue, file: File) -> Entry:
    """What the catalogue should know of the file; a file that cannot be used gives an entry with the reason.

    The file is opened by a process of its own, see decoders.py. Safe to call from several threads.
    Raises OSError when the preview cannot be written, LibraryError when no process can be started.
    """
    size, mtime_ns, beside = file.stamp
    ask = Ask(
        file.path,
        thumbnails.SIDE,
        folders=file.folders,
        row=file.row,
        sidecar=file.sidecar,
        kept=str(catalogue.file.parent / KEPT),
        seconds=SECONDS + size * SECONDS_PER_BYTE,
    )
    try:
        id_, seen = POOL.run(ask, catalogue.has)  # known: moved, copied, or only its words changed
    except UnusablePicture as error:
        return Entry(path=file.path, size=size, mtime_ns=mtime_ns, beside=beside, reason=error.reason)
    return Entry(
        path=file.path,
        size=size,
        mtime_ns=mtime_ns,
        beside=beside,
        id=id_,
        told=seen.told,
        rating=seen.rating,
        width=seen.width,
        height=seen.height,
        phash=seen.phash,
        look=seen.look,
        preview=thumbnails.save(seen.preview, catalogue.previews, id_) if seen.preview else "",
    )


def told(source: quality.Picture, file: File, id_: str) -> tuple[Words, int]:
    """What the opened picture, its sidecar, the writer's changes kept elsewhere, its list and its name say.

    The number is the stars that another program gave it, 1 to 5, or 0.
    """
    kept = _packet(f"{file.kept}/{id_}.xmp") if file.kept else b""
    with quality.quiet():
        found = metadata.gather(source, file.row, _packet(file.sidecar), kept)
        return metadata.words_of(found, Path(file.path).name, file.folders), found.rating


def _packet(path: str) -> bytes:
    """The bytes of an XMP file; none when it cannot be read."""
    if path:
        with suppress(UnusablePicture, OSError), quality.open_file(path) as opened:
            return opened.read(_MOST_SIDECAR)
    return b""
