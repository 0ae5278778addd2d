# ruff: noqa: S608 - statements are joined from constants of this file; every value is a parameter
"""Screens: what can be seen in pictures without understanding them, kept in the catalogue for filters and warnings.

Blur, writing, drawing against photograph, main colours and marks that repeat over the whole picture are measured in the
preview. Single watermarks and logos in a corner are not told. Faces and what is unsafe need a model: they are told by
`filling/content.py`, where the writer wishes for it.
Size and orientation need no screen, they are columns of their own. `bench/screens.py` prints what each finds, and takes
for it wrongly, among the demo's pictures.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from PIL import Image

from composer.collection import Kind
from composer.library.catalogue import Catalogue
from composer.library.database import below
from composer.library.decoding import quality
from composer.library.decoding.quality import UnusablePicture
from composer.library.filling.ahead import in_order
from composer.library.filling.pace import Pace
from composer.library.looks import appearance
from composer.library.looks.appearance import Appearance
from composer.library.looks.colours import main_colours
from composer.ports import Cancel

VERSION = 1
"""Grows when a measure changes: every picture is then looked at again."""
BATCH = 128
WORKERS = 2
WIDEST_EDGE = 1.6
"""Width in pixels of the preview at which sharpness is 0. Measured on 448 photographs and 204 of them blurred: at half
of it lie 0.2 % of the photographs and 98 % of what was blurred by 2.5 pixels (half of what was blurred by 1.5). Blur
along one direction, from a moving camera, is not told."""
MOSTLY_WRITING = 0.03
"""Share of writing cells from which a picture is text: 95 % of 80 pages, none of 448 photographs, 3.5 % of 345
drawings, 40 % of 63 screenshots."""
MARKED = 17.3
"""Repeat at which `mark` is a half. Of 408 photographs 2 % are above it (windows, solar panels), and 86 % of the same
with half-transparent words laid over all of them; at 11.7, where `mark` is 0.27, 10 % and 94 %."""
UNMARKED = 5.0
"""Repeat at which `mark` is 0; the middle of photographs."""
SMALLEST = 96
"""Pixels of the preview's shorter side below which sharpness is not told."""
_DRAWN = {"flat": 1.04, "palette": -1.23, "saturation": 4.11, "noise": 1.88, "ground": 4.22}
_DRAWN_JOINT, _DRAWN_BASE = 0.06, -1.52
"""Logistic regression, of ground and palette together and of all else, in the manner of Lienhart and Hartmann (2002).
On the half it was not fitted on: finds 87 % of drawings, takes 10 % of photographs for drawings, mostly things cut out
on white or black."""
_DOUBT = 0.5
"""Log-odds, either way, within which the kind is not told."""
"""CLIP's learned temperature (Radford et al. 2021)."""


class ScreenProgress(Struct, frozen=True):
    """`done` of `total` pictures."""

    done: int
    total: int


class Seen(NamedTuple):
    """What is kept of one picture."""

    kind: Kind | None
    sharpness: float | None
    writing: float
    mark: float | None
    colours: tuple[str, ...]


def screen(
    catalogue: Catalogue, folders: Sequence[str], cancel: Cancel, pace: Pace | None = None
) -> Generator[ScreenProgress, None, None]:
    """Look at the usable pictures of the folders (anywhere if none) that were not screened by this version yet.

    Each batch is kept when it is done: what was cancelled or killed goes on there. Pictures without a preview that can
    be read are passed over. Raises Cancelled when the writer gave up.
    """
    where, values = below(folders)
    wanted = (
        f"FROM pictures WHERE screened < {VERSION} AND row > ? AND EXISTS (SELECT 1 FROM files JOIN directories"
        f" ON number = directory WHERE picture = row AND reason IS NULL AND {where})"
    )
    pace = pace or Pace()
    total = catalogue.database.number(f"SELECT count(*) {wanted}", [0, *values])
    done, last = 0, 0
    while found := catalogue.database.all(
        f"SELECT row, preview {wanted} ORDER BY row LIMIT {BATCH}",
        [last, *values],
    ):
        looked: list[tuple[int, Seen]] = []
        for row, seen in in_order(lambda line: _look(catalogue, *line), found, cancel, WORKERS, 4 * WORKERS):
            if seen is not None:
                looked.append((row, seen))
            pace.step(cancel)
        _keep(catalogue, looked)
        done, last = done + len(found), found[-1][0]
        yield ScreenProgress(done, max(done, total))


def look(preview: Image.Image) -> Seen:
    """Judge one preview, upright RGB."""
    found = appearance.measure(preview)
    told = found.edge is not None and min(preview.size) >= SMALLEST
    sharpness = float(np.clip(1.0 - (found.edge or 0.0) / WIDEST_EDGE, 0.0, 1.0)) if told else None
    what = kind(found)
    small = preview.resize((64, 64), Image.Resampling.BOX)
    return Seen(
        what,
        sharpness,
        found.writing,
        _mark(found) if what == "photograph" else None,
        main_colours(np.asarray(small, np.uint8)),
    )


def kind(found: Appearance) -> Kind | None:
    """Photograph, drawing or text; None when it could be either."""
    if found.writing >= MOSTLY_WRITING:
        return "text"
    drawn = _DRAWN_BASE + _DRAWN_JOINT * found.palette * found.ground
    drawn += sum(weight * getattr(found, name) for name, weight in _DRAWN.items())
    return None if abs(drawn) < _DOUBT else "drawing" if drawn > 0 else "photograph"


def _mark(found: Appearance) -> float | None:
    """Only told of photographs: drawings and pages repeat by nature."""
    if found.repeat is None:
        return None
    return float(np.clip((found.repeat - UNMARKED) / (2 * (MARKED - UNMARKED)), 0.0, 1.0))


def _look(catalogue: Catalogue, row: int, preview: str) -> tuple[int, Seen | None]:
    try:
        return row, look(quality.open_upright(catalogue.previews / preview))
    except UnusablePicture:
        return row, None


def _keep(catalogue: Catalogue, looked: Sequence[tuple[int, Seen]]) -> None:
    if not looked:
        return
    sql = "UPDATE pictures SET kind = ?, sharpness = ?, writing = ?, mark = ?, colours = ?, screened = ? WHERE row = ?"
    with catalogue.database.writing() as link:
        link.executemany(
            sql,
            [
                (seen.kind or "", seen.sharpness, seen.writing, seen.mark, " ".join(seen.colours), VERSION, row)
                for row, seen in looked
            ],
        )
