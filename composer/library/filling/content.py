"""Looking for faces and for what is unsafe in the library's pictures, for filters and details."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from PIL import Image
from PIL.Image import Image as Picture

from composer.errors import ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.decoding.thumbnails import SIDE
from composer.library.filling import unseen
from composer.library.filling.pace import Pace
from composer.library.filling.scan import ScanProgress
from composer.library.filling.unseen import Unseen
from composer.ports import Cancel, Content, ContentScreen

BATCH = 64
"""Pictures after which what was seen is kept: so many are looked at again when the program is killed."""
AT_ONCE = 8
"""Pictures handed over in one call: after each a stop is seen."""
_UNTOLD = Content(None, None)


def screen_content(
    catalogue: Catalogue, folders: Sequence[str], screen: ContentScreen, cancel: Cancel, pace: Pace | None = None
) -> Generator[ScanProgress, None, None]:
    """Look at every picture of the folders (anywhere if none) that this version of the screen has not seen yet.

    Previews are looked at: faces too small for them are missed. What was seen is kept in batches. Memory: one batch of
    previews. Raises Cancelled when the writer gave up; what was seen stays.
    """
    pace = pace or Pace()
    total, done, last = unseen.count(catalogue, folders, "content_by", screen.version), 0, 0
    while batch := unseen.following(catalogue, folders, "content_by", screen.version, last, BATCH):
        found: dict[int, Content] = {}
        try:
            for start in range(0, len(batch), AT_ONCE):
                pace.step(cancel)
                found |= _look(catalogue, batch[start : start + AT_ONCE], screen)
                yield ScanProgress(done + len(found), max(total, done + len(found)), "")
        finally:
            _keep(catalogue, found, screen.version)
        done, last = done + len(batch), batch[-1].row


def _look(catalogue: Catalogue, batch: Sequence[Unseen], screen: ContentScreen) -> dict[int, Content]:
    """What is in each; nothing is told of one that cannot be opened, which a scan will find out about."""
    seen = {each.row: image for each in batch if (image := unseen.opened(catalogue, each, SIDE)) is not None}
    told = dict.fromkeys((each.row for each in batch), _UNTOLD)
    return told | dict(zip(seen, _look_any(screen, list(seen.values())), strict=True))


def _look_any(screen: ContentScreen, images: list[Picture]) -> list[Content]:
    """A picture over which the screen fails is passed over: it must not stop the others for ever.

    Raises ModelFailed when the screen cannot even look at a blank sheet.
    """
    try:
        return screen.look(images) if images else []
    except ModelFailed:
        screen.look([Image.new("RGB", (64, 64), "white")])
        return [_UNTOLD] if len(images) == 1 else [each for image in images for each in _look_any(screen, [image])]


def _keep(catalogue: Catalogue, found: Mapping[int, Content], version: int) -> None:
    if not found:
        return
    sql = "UPDATE pictures SET unsafe = ?, faces = ?, content_by = ? WHERE row = ?"
    with catalogue.database.writing() as link:
        link.executemany(sql, [(each.unsafe, each.faces, version, row) for row, each in found.items()])
