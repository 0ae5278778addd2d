"""Taking one file into the library: read it once, keep what it shows and what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from composer.library import duplicates, metadata, quality, thumbnails
from composer.library.catalogue import Catalogue, Entry, Stamp
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

    Safe to call from several threads. Raises OSError when the preview cannot be written.
    """
    size, mtime_ns, beside = file.stamp
    try:
        with quality.open_file(file.path) as opened:
            id_ = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            opened.seek(0)
            if catalogue.has(id_):  # moved, copied, or only its words changed
                words = _words(quality.peek(opened), file)
                decoded = None
            else:
                decoded = quality.decode(opened, thumbnails.SIDE)
                words = _words(decoded.source, file)
    except UnusablePicture as error:
        return Entry(path=file.path, size=size, mtime_ns=mtime_ns, beside=beside, reason=error.reason)
    except OSError as error:  # a drive that goes away while a file is read
        reason = f"cannot be read ({(error.strerror or 'damaged').lower()})"
        return Entry(path=file.path, size=size, mtime_ns=mtime_ns, beside=beside, reason=reason)
    entry = {"path": file.path, "size": size, "mtime_ns": mtime_ns, "beside": beside, "id": id_}
    return Entry(**entry, told=words, **(_seen(catalogue, decoded, id_) if decoded else {}))  # pyright: ignore[reportArgumentType]


def _seen(catalogue: Catalogue, decoded: quality.Decoded, id_: str) -> dict[str, object]:
    """Size, hashes and preview."""
    preview = thumbnails.small(decoded.image)
    phash, look = duplicates.fingerprint(preview)
    name = thumbnails.save(preview, catalogue.previews, id_)
    return {"width": decoded.width, "height": decoded.height, "phash": phash, "look": look, "preview": name}


def _words(source: quality.Picture, file: File) -> Words:
    sidecar = b""
    if file.sidecar:
        try:
            with quality.open_file(file.sidecar) as opened:
                sidecar = opened.read(_MOST_SIDECAR)
        except (UnusablePicture, OSError):
            sidecar = b""
    with quality.quiet():
        return metadata.read(source, Path(file.path).name, file.folders, file.row, sidecar)
