"""Taking one file into the library: it is read once, and what it shows and says is kept."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from composer.library import metadata, quality, thumbnails
from composer.library.catalogue import Catalogue, Entry, Stamp
from composer.library.decoders import POOL, SECONDS, SECONDS_PER_BYTE, Ask
from composer.library.metadata import Row, Words
from composer.library.quality import UnusablePicture

_MOST_SIDECAR = 4 << 20


class File(NamedTuple):
    """A new or changed file, with what its folder says of it."""

    path: str
    stamp: Stamp
    folders: tuple[str, ...]
    row: Row | None
    sidecar: str
    """Path of its XMP file, or nothing."""


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
        width=seen.width,
        height=seen.height,
        phash=seen.phash,
        look=seen.look,
        preview=thumbnails.save(seen.preview, catalogue.previews, id_) if seen.preview else "",
    )


def words(source: quality.Picture, file: File, id_: str) -> Words:  # noqa: ARG001 - the id names edits kept elsewhere
    """What the opened picture, its sidecar, its list and its name say."""
    sidecar = b""
    if file.sidecar:
        try:
            with quality.open_file(file.sidecar) as opened:
                sidecar = opened.read(_MOST_SIDECAR)
        except (UnusablePicture, OSError):
            sidecar = b""
    with quality.quiet():
        return metadata.read(source, Path(file.path).name, file.folders, file.row, sidecar)
