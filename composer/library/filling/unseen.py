# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Pictures that a model has not looked at yet, and the images that it is shown of them.

A column of the catalogue holds the version of what looked last; 0 is nothing. What is below the version in use is
looked at, so that a stop, a kill or a newer model go on or begin anew by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from PIL import Image
from PIL.Image import Image as Picture

from composer.library.catalogue import Catalogue
from composer.library.database import below
from composer.library.decoding import decoders
from composer.library.decoding.quality import UnusablePicture

By = Literal["said_by", "content_by"]
"""Columns that hold versions."""


class Unseen(NamedTuple):
    row: int
    preview: str
    """Its name below the previews folder."""


def count(catalogue: Catalogue, folders: Sequence[str], by: By, version: int) -> int:
    """How many usable pictures of the folders (anywhere if none) that version has not looked at."""
    where, values = _where(folders, by)
    return catalogue.database.number(f"SELECT count(*) FROM pictures WHERE {where}", [0, version, *values])


def following(
    catalogue: Catalogue, folders: Sequence[str], by: By, version: int, after: int, most: int
) -> list[Unseen]:
    """The first of them whose row is above `after`, ascending."""
    where, values = _where(folders, by)
    sql = f"SELECT row, preview FROM pictures WHERE {where} ORDER BY row LIMIT {most}"
    return [Unseen(*line) for line in catalogue.database.all(sql, [after, version, *values])]


def opened(catalogue: Catalogue, picture: Unseen, side: int) -> Picture | None:
    """The preview, or where it is gone the original at most `side` pixels a side; None when neither can be opened."""
    with suppress(OSError, ValueError), Image.open(catalogue.previews / picture.preview, formats=["JPEG"]) as image:
        return image.convert("RGB")
    return original(catalogue, picture.row, side)


def original(catalogue: Catalogue, row: int, side: int) -> Picture | None:
    """The picture, upright RGB, at most `side` pixels a side; None when no file of it can be opened."""
    for path in catalogue.paths(row):
        with suppress(UnusablePicture):
            image = decoders.open_upright(path, side)
            image.thumbnail((side, side), Image.Resampling.BICUBIC)
            return image
    return None


def _where(folders: Sequence[str], by: By) -> tuple[str, list[str]]:
    where, values = below(folders)
    files = "SELECT 1 FROM files JOIN directories ON number = directory"
    place = f"{files} WHERE picture = row AND reason IS NULL AND {where}"
    return f"row > ? AND {by} < ? AND EXISTS ({place})", values
