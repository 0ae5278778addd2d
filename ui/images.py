"""Pictures read from disk and scaled away from the GUI thread; a small cache keeps those in use."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

KEPT = 160
"""Scaled pictures kept in memory: a page of 40 and the cards of a few slots."""

Key = tuple[str, int, int]


def read_scaled(path: str, width: int, height: int) -> QImage:
    """The picture upright, scaled to fit into width x height pixels, never enlarged; a null image if unreadable."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        # Scaling happens before turning upright, so a picture that lies on its side gets the box turned.
        turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
        box = QSize(height, width) if turned else QSize(width, height)
        if size.width() > box.width() or size.height() > box.height():
            reader.setScaledSize(size.scaled(box, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    return reader.read()


class _Answer(QObject):
    ready = Signal(tuple, QImage)


class _Job(QRunnable):
    def __init__(self, paths: tuple[str, ...], key: Key, answer: _Answer) -> None:
        super().__init__()
        self._paths, self._key, self._answer = paths, key, answer

    def run(self) -> None:
        image = QImage()
        for path in self._paths:
            image = read_scaled(path, self._key[1], self._key[2])
            if not image.isNull():
                break
        self._answer.ready.emit(self._key, image)


class ImageLoader(QObject):
    """Asks for pictures and hears about them: `get` returns what is there now, `loaded` tells of what came later."""

    loaded = Signal(str)
    """The first path that was asked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cache: OrderedDict[Key, QImage] = OrderedDict()
        self._asked: set[Key] = set()
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._answer = _Answer(self)
        self._answer.ready.connect(self._keep, Qt.ConnectionType.QueuedConnection)

    def get(self, paths: tuple[str, ...], size: QSize) -> QImage | None:
        """The picture of the first readable path, at most `size` pixels; None while it is being read.

        A picture that cannot be read is a null image.
        """
        paths = tuple(path for path in paths if path)
        if not paths:
            return QImage()
        key = (paths[0], size.width(), size.height())
        image = self._cache.get(key)
        if image is not None:
            self._cache.move_to_end(key)
            return image
        if key not in self._asked:
            self._asked.add(key)
            self._pool.start(_Job(paths, key, self._answer))
        return None

    def close(self) -> None:
        """Forget what is queued and wait for what is being read."""
        self._pool.clear()
        self._pool.waitForDone()

    def _keep(self, key: Key, image: QImage) -> None:
        self._asked.discard(key)
        self._cache[key] = image
        while len(self._cache) > KEPT:
            self._cache.popitem(last=False)
        self.loaded.emit(key[0])


def name_of(path: str) -> str:
    """A file's name in words, for a picture without a caption."""
    return Path(path).stem.replace("_", " ").replace("-", " ").strip()
