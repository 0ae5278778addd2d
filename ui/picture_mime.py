"""A picture under way: what is dragged out of the library and dropped into an article."""

from __future__ import annotations

import contextlib

import msgspec
from PySide6.QtCore import QMimeData, QUrl

from composer.types import Picture

TYPE = "application/x-pictorial-picture"
"""One composer.types.Picture as JSON."""


def mime_of(picture: Picture) -> QMimeData:
    """For the article its words and rights; for other programs the file."""
    data = QMimeData()
    data.setData(TYPE, msgspec.json.encode(picture))
    data.setUrls([QUrl.fromLocalFile(picture.path)])
    data.setText(picture.caption or picture.title)
    return data


def picture_in(data: QMimeData) -> Picture | None:
    """The picture that is dragged; None when it is something else."""
    if data.hasFormat(TYPE):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(data.data(TYPE).data(), type=Picture)
    return None
